//! The store: every record's triples in a named graph of its own, in an embedded oxigraph (`RocksDB`).
//!
//! [`StoreView`] keeps it equal to the log; [`Snapshots`] publishes copies of it that readers open, since `RocksDB`
//! admits one process and a reader beside a writer is undefined.

mod difference;
mod load;
mod snapshot;
mod view;

pub use snapshot::{PublishedSnapshot, SnapshotInfo, Snapshots, link_text, sync, sync_tree};
pub use view::{RecordGraph, StoreView, is_record_graph};

use std::path::{Path, PathBuf};

/// Faults of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk, or what the user may use of it, is full.
    #[error(
        "{path} cannot be written: the disk is full ({source})\nhint: free some space and run the same command again; what was committed is kept"
    )]
    Full {
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: oxigraph::store::StorageError,
    },
    /// oxigraph's own.
    #[error(
        "{path} cannot be used: {source}\nhint: if it is damaged, `libris-mirror rebuild store` makes it anew from the log, and readers get what it makes"
    )]
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
        "nothing is published in {0} yet\nhint: a harvest publishes at its end and every `store.publish_s` seconds; `libris-mirror publish` shows at once what has come"
    )]
    Nothing(PathBuf),
}

impl StoreError {
    /// Tells a full disk from other faults.
    pub(crate) fn storage(path: &Path, source: oxigraph::store::StorageError) -> Self {
        let path = path.to_owned();
        let text = source.to_string();
        if text.contains("No space left on device") || text.contains("File too large") || text.contains("quota exceeded") {
            Self::Full { path, source }
        } else {
            Self::Storage { path, source }
        }
    }
}
