//! Why a document cannot be read. The others of its source are.

use std::io;

use crate::harvest::error::FetchError;
use crate::harvest::outcome::{HarvestError, Outcome};
use crate::log::LogError;
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

/// Why a reading ends before its end.
#[derive(Debug)]
pub(super) enum Ended {
    /// The document is at fault.
    Document(DocumentFailure),
    /// The run ends.
    Run(Outcome),
    /// The mirror or this machine failed.
    Failed(HarvestError),
}

impl From<UnreadableDocument> for Ended {
    fn from(error: UnreadableDocument) -> Self {
        Self::Document(error.into())
    }
}

impl From<HarvestError> for Ended {
    fn from(error: HarvestError) -> Self {
        Self::Failed(error)
    }
}

impl From<LogError> for Ended {
    fn from(error: LogError) -> Self {
        Self::Failed(error.into())
    }
}

/// The error of a temporary file.
pub(super) fn of_disk(error: io::Error) -> Ended {
    Ended::Failed(HarvestError::TemporaryFile(error))
}
