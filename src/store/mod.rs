//! The store: every record's triples in a named graph of its own, in an embedded oxigraph (`RocksDB`).
//!
//! [`StoreView`] keeps it equal to the log; [`Snapshots`] publishes copies of it that readers open, since `RocksDB`
//! admits one process and a reader beside a writer is undefined.

mod snapshot;
mod view;

pub use snapshot::{PublishedSnapshot, Snapshots};
pub use view::StoreView;

use std::path::PathBuf;

/// Faults of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// oxigraph's own.
    #[error("{path}: {source}")]
    Storage {
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: oxigraph::store::StorageError,
    },
    /// Of the file system.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Nothing was published yet.
    #[error(
        "there is nothing to read in {0} yet\nhint: run `libris-mirror harvest` first, or name the right directory with --data"
    )]
    Nothing(PathBuf),
}
