//! Errors of the index.

use std::path::{Path, PathBuf};

use crate::snapshots::SnapshotError;
use crate::views::ViewError;

/// Why the index cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The file system failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A file is not what it was when it was written.
    #[error("{path} is damaged: {reason}\nhint: `libris-mirror rebuild index` rebuilds it from the log and publishes it")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A segment cannot hold more.
    #[error("the index holds at most {most} {what}\nhint: `libris-mirror compact` drops what no record says any more")]
    Full {
        /// Of what there are too many.
        what: &'static str,
        /// How many there may be.
        most: u32,
    },
    /// A query made more terms than it can hold.
    #[error("the query computed more than {0} different terms")]
    Computed(u32),
    /// The snapshot.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

impl IndexError {
    pub(super) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.into() }
    }
}

impl From<IndexError> for ViewError {
    fn from(error: IndexError) -> Self {
        Self::own(error)
    }
}
