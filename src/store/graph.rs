//! A record as the store holds it.

use std::sync::Arc;

use oxigraph::model::{NamedNode, Quad};

use crate::views::{Content, ParsedChange};

/// The graph of a record, as the store must hold it.
#[derive(Debug)]
pub struct RecordGraph {
    /// Its graph.
    pub graph: NamedNode,
    /// All that the graph consists of; nothing for a record that has none.
    pub quads: Arc<Vec<Quad>>,
}

impl RecordGraph {
    /// The graph that a change leaves.
    pub(super) fn of(change: &ParsedChange) -> Self {
        let quads = if let Content::Quads(quads) = &change.content { Arc::clone(quads) } else { Arc::default() };
        Self { graph: change.graph.clone(), quads }
    }
}
