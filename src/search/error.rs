//! Why a search failed.

use std::path::PathBuf;

use crate::log::LogError;
use crate::views::ViewError;

/// Why a search failed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// There is no index.
    #[error(
        "the search index {0} is missing\nhint: unless a run is rebuilding it just now, `libris-mirror rebuild search` rebuilds it from the log"
    )]
    Missing(PathBuf),
    /// Another program wrote the index.
    #[error(
        "the search index {0} has another format than this program's\nhint: `libris-mirror rebuild search` rebuilds it from the log"
    )]
    Other(PathBuf),
    /// The index cannot be read: its library fails on what is there.
    #[error("the search index {0} is damaged\nhint: `libris-mirror rebuild search` rebuilds it from the log")]
    Damaged(PathBuf),
    /// The index cannot be read or written.
    #[error(
        "the search index {path} failed: {cause}\nhint: check the disk; `libris-mirror rebuild search` rebuilds the index from the log"
    )]
    Index {
        /// Where it is.
        path: PathBuf,
        /// Why.
        cause: tantivy::TantivyError,
    },
}

impl From<SearchError> for ViewError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Log(error) => Self::Log(error),
            error => Self::own(error),
        }
    }
}
