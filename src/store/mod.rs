//! The store: every record's triples in a named graph of its own, in an embedded oxigraph (`RocksDB`).
//!
//! [`StoreView`] keeps it equal to the log, at the end of a run. `RocksDB` admits one process, and a reader next to a writer is
//! undefined: so readers open the copy of it in a published snapshot ([`PublishedStore`]), if `store.publish` makes one, or hold
//! the lock of the data directory ([`open_alone`]). A build without the feature `rocksdb` has no store.

#[cfg(feature = "rocksdb")]
mod check;
#[cfg(feature = "rocksdb")]
mod difference;
#[cfg(feature = "rocksdb")]
mod graph;
#[cfg(feature = "rocksdb")]
mod load;
#[cfg(feature = "rocksdb")]
mod published;
#[cfg(feature = "rocksdb")]
mod view;
#[cfg(feature = "rocksdb")]
mod watermark;

#[cfg(feature = "rocksdb")]
pub use graph::RecordGraph;
#[cfg(feature = "rocksdb")]
pub use published::{PublishedStore, open_alone};
#[cfg(feature = "rocksdb")]
pub use view::StoreView;
#[cfg(feature = "rocksdb")]
pub use watermark::is_record_graph;

#[cfg(feature = "rocksdb")]
use std::path::Path;
use std::path::PathBuf;

use crate::snapshots::{PublishedSnapshot, SnapshotError};
use crate::views::ViewError;

/// The name of the view, and of its artefact in a snapshot.
const NAME: &str = "store";

/// The version of what the store holds, and of its artefact.
const VERSION: u32 = 1;

/// Where the writer's store is in a data directory.
pub const FOLDER: &str = "store";

/// Where the store of a snapshot is, if it has one.
pub fn published_path(snapshot: &PublishedSnapshot) -> Result<PathBuf, SnapshotError> {
    snapshot.artefact(NAME, VERSION)
}

/// Errors of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk or the user's quota is full.
    #[error(
        "{path} cannot be written: the disk is full ({source})\nhint: free some space and run the same command again; what was committed is kept"
    )]
    Full {
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: oxigraph::store::StorageError,
    },
    /// oxigraph failed.
    #[error(
        "{path} cannot be used: {source}\nhint: if it is damaged, `libris-mirror rebuild store` rebuilds it from the log and publishes it"
    )]
    Storage {
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: oxigraph::store::StorageError,
    },
    /// There is none.
    #[error(
        "there is no store in {0}\nhint: with `store.enabled = true` the next harvest makes one, and so does `libris-mirror publish`"
    )]
    Missing(PathBuf),
    /// It is behind what readers see.
    #[error(
        "the store in {path} has followed the log to change {reached} of {least}\nhint: with `store.enabled = true`, `libris-mirror publish` completes it"
    )]
    Behind {
        /// Where it is.
        path: PathBuf,
        /// How far it came.
        reached: i64,
        /// How far it must have come.
        least: i64,
    },
    /// The file system failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The snapshot.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

impl From<StoreError> for ViewError {
    fn from(error: StoreError) -> Self {
        Self::own(error)
    }
}

impl StoreError {
    /// Classifies an error of oxigraph: a full disk, or another.
    #[cfg(feature = "rocksdb")]
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
