//! Errors of the index.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::snapshots::SnapshotError;
use crate::views::ViewError;

/// Why the index cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The file system failed.
    #[error("{0}")]
    Io(std::io::Error),
    /// The disk or the user's quota is full.
    #[error(
        "the index cannot be written: the disk is full ({0})\nhint: free some space and run the same command again; what was committed is kept"
    )]
    NoSpace(std::io::Error),
    /// A change could not be written before, and the files could not be read again since.
    #[error("the index cannot be written: {0}\nhint: run the same command again")]
    Lost(String),
    /// A file is not what it was when it was written.
    #[error("{path} is damaged: {reason}\nhint: `libris-mirror rebuild index` rebuilds it from the log and publishes it")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A segment cannot hold more.
    #[error("the index holds at most {most} {what}: a mirror of more needs to be divided")]
    Full {
        /// Of what there are too many.
        what: &'static str,
        /// How many there may be.
        most: u32,
    },
    /// Segments are no longer merged.
    #[error("merging segments of the index was stopped")]
    Stopped,
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

impl From<std::io::Error> for IndexError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Self::NoSpace(error),
            _ => Self::Io(error),
        }
    }
}

impl From<IndexError> for ViewError {
    fn from(error: IndexError) -> Self {
        Self::own(error)
    }
}
