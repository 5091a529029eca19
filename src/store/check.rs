//! The store, and its copy in the published snapshot, as what `verify` compares with the records.

use std::collections::HashSet;

use oxigraph::model::{GraphNameRef, NamedNode, Quad};
use oxigraph::store::{StorageError, Store};

use super::watermark::is_record_graph;
use super::{NAME, PublishedStore, StoreError, published_path};
use crate::rdf::isomorphic;
use crate::snapshots::Snapshots;
use crate::views::{Check, GraphCheck, Graphs, Home, ViewError};

/// Begins to check a store, and its published copy if that has all that the log has.
pub(super) fn check<'a>(writer: &'a Store, home: &Home<'a>) -> Result<Box<dyn Check + 'a>, ViewError> {
    let mut held: Vec<(_, Box<dyn Graphs + 'a>)> = vec![(NAME, Box::new(Held::Writer(writer)))];
    if let Some(snapshot) = Snapshots::of(home.directory).complete_of(home.log).map_err(StoreError::from)?
        && published_path(&snapshot).is_ok()
    {
        held.push(("published store", Box::new(Held::Published(Box::new(PublishedStore::of(snapshot)?)))));
    }
    Ok(Box::new(GraphCheck::begin(held, None, home)?))
}

enum Held<'a> {
    Writer(&'a Store),
    Published(Box<PublishedStore>),
}

impl Held<'_> {
    fn store(&self) -> &Store {
        match self {
            Self::Writer(store) => store,
            Self::Published(published) => &published.store,
        }
    }

    fn failed(&self, source: StorageError) -> ViewError {
        let name = match self {
            Self::Writer(_) => "the store",
            Self::Published(_) => "the published store",
        };
        StoreError::storage(std::path::Path::new(name), source).into()
    }

    fn compared(&self, graph: &NamedNode, due: &[Quad]) -> Result<Option<String>, StorageError> {
        let held = self
            .store()
            .quads_for_pattern(None, None, None, Some(GraphNameRef::NamedNode(graph.as_ref())))
            .collect::<Result<HashSet<Quad>, _>>()?;
        if held.len() == due.len() && due.iter().all(|quad| held.contains(quad)) {
            let named = self.store().contains_named_graph(graph)?;
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
}

impl Graphs for Held<'_> {
    fn compare(&self, graph: &NamedNode, due: &[Quad]) -> Result<Option<String>, ViewError> {
        self.compared(graph, due).map_err(|source| self.failed(source))
    }

    fn count(&self) -> Result<u64, ViewError> {
        let mut count = 0;
        self.names(&mut |_| {
            count += 1;
            Ok(())
        })?;
        Ok(count)
    }

    fn names(&self, each: &mut dyn FnMut(&str) -> Result<(), ViewError>) -> Result<(), ViewError> {
        for graph in self.store().named_graphs() {
            let graph = graph.map_err(|source| self.failed(source))?.to_string();
            let graph = graph.trim_matches(['<', '>']);
            if is_record_graph(graph) {
                each(graph)?;
            }
        }
        Ok(())
    }

    fn rest(&self) -> Result<Vec<String>, ViewError> {
        let unnamed = self.store().quads_for_pattern(None, None, None, Some(GraphNameRef::DefaultGraph)).count();
        Ok((unnamed > 0).then(|| format!("{unnamed} triples are in no graph")).into_iter().collect())
    }
}

/// The quads as a store returns them: it has one spelling for each value of `xsd:dateTime`, `xsd:integer` and their like.
fn through_a_store(quads: &[Quad]) -> Result<HashSet<Quad>, StorageError> {
    let store = Store::new()?;
    store.extend(quads.iter().cloned())?;
    store.quads_for_pattern(None, None, None, None).collect()
}
