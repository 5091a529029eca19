//! The check of the store: its graphs, and those of the published snapshot, against what the records give.

use std::collections::HashSet;
use std::ops::ControlFlow;

use oxigraph::model::{GraphNameRef, NamedNode, Quad};
use oxigraph::store::{StorageError, Store};

use super::watermark::is_record_graph;
use super::{NAME, PublishedStore, StoreError};
use crate::log::Log;
use crate::pipeline::{cores, in_order};
use crate::rdf::isomorphic;
use crate::snapshots::Snapshots;
use crate::views::{Check, Faults, Home, ParsedChange, Readers, ViewError};

/// How the copy in the published snapshot is called.
const SNAPSHOT: &str = "published store";

/// A check that is under way.
pub(super) struct StoreCheck<'a> {
    writer: &'a Store,
    /// The copy in the published snapshot, if nothing changed since it was made.
    published: Option<PublishedStore>,
    /// A snapshot that was made of another log.
    foreign: Option<u64>,
    log: Log,
    readers: Readers,
    /// How many graphs the records give.
    due: u64,
}

/// How many records a thread compares at a time.
const RECORDS_AT_ONCE: usize = 4;

impl<'a> StoreCheck<'a> {
    pub(super) fn begin(writer: &'a Store, home: &Home<'_>) -> Result<Self, ViewError> {
        let log = Log::open_read_only(home.log.path())?;
        let snapshots = Snapshots::of(home.directory);
        let (mut published, mut foreign) = (None, None);
        if let Some(info) = snapshots.current_info() {
            if !info.follows(&log)? {
                foreign = Some(info.number);
            } else if log.content_change_after(info.change(&log)?)?.is_none() {
                published = Some(PublishedStore::open_current(&snapshots)?);
            }
        }
        let readers = Readers::new(&log, home.config.harvest.depth)?;
        Ok(Self { writer, published, foreign, log, readers, due: 0 })
    }

    /// The stores that are compared, by name.
    fn stores(&self) -> Vec<(&'static str, &Store)> {
        let published = self.published.as_ref().map(|published| (SNAPSHOT, &published.store));
        [(NAME, self.writer)].into_iter().chain(published).collect()
    }

    /// Graphs and triples that no record gives.
    fn extras(&self, name: &str, store: &Store, faults: &mut Faults) -> Result<(), ViewError> {
        let failed = |source| storage(name, source);
        let unnamed = store.quads_for_pattern(None, None, None, Some(GraphNameRef::DefaultGraph)).count();
        if unnamed > 0 {
            faults.add(name, format!("{unnamed} triples are in no graph"));
        }
        let mut held = 0;
        for graph in store.named_graphs() {
            held += u64::from(is_record_graph(graph.map_err(failed)?.to_string().trim_matches(['<', '>'])));
        }
        if held == self.due {
            return Ok(());
        }
        for graph in store.named_graphs() {
            let graph = graph.map_err(failed)?.to_string();
            let graph = graph.trim_matches(['<', '>']);
            if !is_record_graph(graph) {
                continue;
            }
            if !self.readers.gives_graph(&self.log, graph)? {
                faults.add(name, format!("<{graph}> is a graph that no record gives"));
            }
        }
        if held < self.due {
            faults.add(name, format!("it holds {held} graphs, and the records give {}", self.due));
        }
        Ok(())
    }
}

impl Check for StoreCheck<'_> {
    fn compared(&self) -> Vec<&'static str> {
        self.stores().into_iter().map(|(name, _)| name).collect()
    }

    fn records(&mut self, changes: &[ParsedChange], faults: &mut Faults) -> Result<(), ViewError> {
        let stores = self.stores();
        let mut due = 0;
        in_order(
            cores().min(changes.len().div_ceil(RECORDS_AT_ONCE)),
            |feed| {
                let _ = changes.chunks(RECORDS_AT_ONCE).all(feed);
                Ok::<_, ViewError>(())
            },
            |part| -> Result<(u64, Faults), StoreError> {
                let (mut given, mut faults) = (0, Faults::default());
                for change in part {
                    let quads = change.content.quads();
                    given += u64::from(!quads.is_empty());
                    for (name, store) in &stores {
                        if let Some(wrong) = compare(store, &change.graph, quads).map_err(|source| storage(name, source))? {
                            faults.add(name, format!("<{}> {wrong}", change.graph.as_str()));
                        }
                    }
                }
                Ok((given, faults))
            },
            |part| {
                let (given, found) = part?;
                due += given;
                faults.append(found);
                Ok(ControlFlow::Continue(()))
            },
        )?;
        self.due += due;
        Ok(())
    }

    fn finish(self: Box<Self>, faults: &mut Faults) -> Result<u64, ViewError> {
        if let Some(number) = self.foreign {
            faults.add(SNAPSHOT, format!("snapshot {number} was made of another log than this"));
        }
        for (name, store) in self.stores() {
            self.extras(name, store, faults)?;
        }
        Ok(self.due)
    }
}

fn storage(name: &str, source: StorageError) -> StoreError {
    StoreError::storage(std::path::Path::new(name), source)
}

/// Compares a graph of a store with the quads that it must have. Describes the difference.
fn compare(store: &Store, graph: &NamedNode, due: &[Quad]) -> Result<Option<String>, StorageError> {
    let held = store
        .quads_for_pattern(None, None, None, Some(GraphNameRef::NamedNode(graph.as_ref())))
        .collect::<Result<HashSet<Quad>, _>>()?;
    if held.len() == due.len() && due.iter().all(|quad| held.contains(quad)) {
        let named = store.contains_named_graph(graph)?;
        return Ok((named && due.is_empty()).then(|| "is an empty graph that no record gives".to_owned()));
    }
    // The store keeps numbers and times by value: its spelling of them may differ from the payload's.
    let due = &through_a_store(due)?;
    if held == *due {
        return Ok(None);
    }
    // The same graph with other blank node ids is right too, though this program always chooses the same ids.
    if held.len() == due.len() && isomorphic(&held, due).unwrap_or(false) {
        return Ok(None);
    }
    let missing = due.difference(&held).count();
    let extra = held.difference(due).count();
    Ok(Some(format!("lacks {missing} triples and has {extra} too many")))
}

/// The quads as a store returns them: it has one spelling for each value of `xsd:dateTime`, `xsd:integer` and their like.
fn through_a_store(quads: &[Quad]) -> Result<HashSet<Quad>, StorageError> {
    let store = Store::new()?;
    store.extend(quads.iter().cloned())?;
    store.quads_for_pattern(None, None, None, None).collect()
}
