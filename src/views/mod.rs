//! Views: functions of the log, each with its own watermark.
//!
//! A view knows how far it has followed the log, and is never ahead of it. On start, after a crash, and during a
//! harvest alike, it is brought from its watermark to the end of the log. There is no other recovery code: applying
//! a page twice leaves the same state as applying it once.

mod pieces;
mod readers;
mod table;

use oxigraph::model::{NamedNode, Quad};

use crate::log::{LogError, PageId, PageProof};
use crate::rdf::PayloadError;

pub use pieces::Piece;
pub use readers::Readers;
#[cfg(test)]
pub(crate) use table::log_of_two;
pub(crate) use table::{OF_GRAPH, holds};
pub use table::{Table, Tables, Writing};

/// What a record is now.
#[derive(Debug)]
pub enum Content {
    /// Its quads, all in its graph, none twice.
    Quads(Vec<Quad>),
    /// Deleted at the source.
    Deleted,
    /// Kept in the log, but it gives no quads.
    Quarantined(PayloadError),
}

impl Content {
    /// The quads, of which a record that gives none has none.
    #[must_use]
    pub fn into_quads(self) -> Vec<Quad> {
        match self {
            Self::Quads(quads) => quads,
            Self::Deleted | Self::Quarantined(_) => Vec::new(),
        }
    }
}

/// A record that changed, parsed once for all views.
#[derive(Debug)]
pub struct ParsedChange {
    /// The record's id in the log.
    pub record: i64,
    /// Its graph.
    pub graph: NamedNode,
    /// What it is now.
    pub content: Content,
    /// Whether bytes of it that are no text had to be replaced to read it.
    pub repaired: bool,
}

/// A page of the log, as far as a view that has applied it must remember it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// The page.
    pub page: PageId,
    /// The link of the log's chain that seals the page.
    pub link: PageProof,
}

/// A fault of a view; the cause says where.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A view in the log's file failed.
    #[error("the view {view} failed: {source}\nhint: `libris-mirror rebuild {view}` makes it anew from the log")]
    Sqlite {
        /// Its name.
        view: &'static str,
        /// The cause.
        source: rusqlite::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The context in the log is no context.
    #[error(transparent)]
    Context(#[from] crate::rdf::ContextError),
}
