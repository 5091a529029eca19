//! Views: functions of the log, each with its own watermark.
//!
//! A view knows how far it has followed the log, and is never ahead of it. On start, after a crash, and during a
//! harvest alike, it is brought from its watermark to the end of the log. There is no other recovery code: applying
//! changes twice leaves the same state as applying them once.

mod follow;
mod graphs;
mod pieces;
mod readers;
mod table;
mod view;

use std::sync::{Arc, OnceLock};

use oxigraph::model::{NamedNode, Quad};

use crate::log::{LogError, PageId};
use crate::rdf::{Description, Graph, PayloadError, Shapes};

pub use follow::{CaughtUp, Until, follow};
pub use graphs::{GraphCheck, Graphs};
pub use pieces::Piece;
pub use readers::Readers;
#[cfg(test)]
pub(crate) use table::log_of_two;
pub(crate) use table::{Known, compare_rows, holds};
pub use table::{Table, TableCheck, TableView};
pub use view::{
    AnyView, Artefact, Batch, Check, Fault, Faults, Follower, Home, LocalView, Policy, RecordCheck, Registered, TOLD, View,
};

/// The content of a record.
#[derive(Debug)]
pub enum Content {
    /// Its quads, all in its graph, none twice.
    Quads(Arc<Vec<Quad>>),
    /// Deleted at the source.
    Deleted,
    /// In the log, but its payload gives no quads.
    Quarantined(PayloadError),
}

impl Content {
    /// The quads; none if it gives none.
    #[must_use]
    pub fn quads(&self) -> &[Quad] {
        match self {
            Self::Quads(quads) => quads,
            Self::Deleted | Self::Quarantined(_) => &[],
        }
    }
}

/// A record that changed, parsed once for all views.
#[derive(Debug)]
pub struct ParsedChange {
    /// The record's id in the log.
    pub record: i64,
    /// The page that its version came with.
    pub page: PageId,
    /// Its graph.
    pub graph: NamedNode,
    /// Its content.
    pub content: Content,
    /// Whether invalid bytes in it had to be replaced to read it.
    pub repaired: bool,
    /// The table that says which properties mean what.
    pub shapes: Arc<Shapes>,
    /// What it says by the table, once a view has asked.
    described: OnceLock<Option<Description>>,
}

impl ParsedChange {
    /// A change.
    #[must_use]
    pub fn new(record: i64, page: PageId, graph: NamedNode, content: Content, repaired: bool, shapes: Arc<Shapes>) -> Self {
        Self { record, page, graph, content, repaired, shapes, described: OnceLock::new() }
    }

    /// What the record says by the table of shapes; `None` if it is gone or gives no quads. Worked out once for all views.
    pub fn description(&self) -> Option<&Description> {
        let describe = || {
            let quads = self.content.quads();
            (!quads.is_empty()).then(|| Description::of(&self.shapes, self.graph.as_str(), &Graph::new(quads))).flatten()
        };
        self.described.get_or_init(describe).as_ref()
    }
}

/// An error of a view.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A view in the log's file failed.
    #[error("the view {view} failed: {source}\nhint: `libris-mirror rebuild {view}` rebuilds it from the log")]
    Sqlite {
        /// Its name.
        view: &'static str,
        /// The cause.
        source: rusqlite::Error,
    },
    /// A view that has errors of its own failed.
    #[error("{0}")]
    Own(Box<dyn std::error::Error + Send + Sync>),
    /// The context in the log is no context.
    #[error(transparent)]
    Context(#[from] crate::rdf::ContextError),
}

impl ViewError {
    /// Wraps the error of a view that has errors of its own.
    pub fn own(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Own(Box::new(error))
    }
}
