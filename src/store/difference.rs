//! The difference between a graph of the store and what it must be: quads to remove and quads to add.

use std::ops::ControlFlow;

use oxigraph::model::{GraphNameRef, Quad};
use oxigraph::store::{StorageError, Store};
use rustc_hash::FxHashSet;

use super::graph::RecordGraph;
use crate::pipeline::{cores, in_order};

/// Quads to remove and quads to add.
#[derive(Default)]
pub(super) struct Difference<'a> {
    pub(super) gone: Vec<Quad>,
    pub(super) new: Vec<&'a Quad>,
}

/// How many records a thread compares at a time.
const RECORDS_AT_ONCE: usize = 20;

/// Threads for each core: for every quad the engine looks up four strings in different places of the disk.
const THREADS: usize = 4;

/// The differences of the graphs of records, read on all cores.
pub(super) fn differences<'a>(store: &Store, records: &'a [RecordGraph]) -> Result<Vec<Difference<'a>>, StorageError> {
    let mut differences = Vec::with_capacity(records.len());
    in_order(
        (cores() * THREADS).min(records.len().div_ceil(RECORDS_AT_ONCE)),
        |feed| {
            let _ = records.chunks(RECORDS_AT_ONCE).all(feed);
            Ok::<_, StorageError>(())
        },
        |part| part.iter().map(|record| difference(store, record)).collect::<Result<Vec<_>, _>>(),
        |part| {
            differences.extend(part?);
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok(differences)
}

fn difference<'a>(store: &Store, record: &'a RecordGraph) -> Result<Difference<'a>, StorageError> {
    let RecordGraph { graph, quads } = record;
    if quads.is_empty() {
        return Ok(Difference::default());
    }
    let graph = GraphNameRef::NamedNode(graph.as_ref());
    let old = store.quads_for_pattern(None, None, None, Some(graph)).collect::<Result<FxHashSet<_>, _>>()?;
    let due: FxHashSet<&Quad> = quads.iter().collect();
    Ok(Difference {
        gone: old.iter().filter(|quad| !due.contains(quad)).cloned().collect(),
        new: quads.iter().filter(|quad| !old.contains(*quad)).collect(),
    })
}
