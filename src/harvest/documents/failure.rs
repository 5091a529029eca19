//! Why a document cannot be read. The others of its source are.

use crate::harvest::error::FetchError;
use crate::rdf::UnreadableDocument;

/// Why a document cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DocumentFailure {
    /// The server does not deliver it.
    #[error(transparent)]
    Fetch(FetchError),
    /// Its text is no good.
    #[error(transparent)]
    Unreadable(#[from] UnreadableDocument),
    /// It is no file, or has no known format.
    #[error("{0}")]
    Unusable(String),
}
