//! How a run ends, how far it is, and what keeps it from running.

use super::error::FetchError;
use super::probe::ProbeError;
use crate::log::{Counters, LogError};
use crate::mirror::MirrorError;
use crate::oai::Datestamp;
use crate::rdf::ContextError;

/// How a run ended.
#[derive(Debug)]
pub enum Outcome {
    /// The list ended.
    Complete {
        /// How many records the list promised (`completeListSize`), if fewer came.
        promised: Option<u64>,
        /// How many came since the list was last opened.
        received: u64,
        /// No answer ended the list: the server refused the token of the last page, again and again.
        doubtful: bool,
    },
    /// The time limit of the run passed; the next run resumes the list.
    TimeUp,
    /// The record limit of the run was reached; the next run resumes the list.
    Enough,
    /// The user stopped the run; the next run resumes the list.
    Interrupted,
    /// The source failed; the next run resumes the list.
    Unavailable(FetchError),
}

/// How far a run is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    /// The counters of the run so far.
    pub counters: Counters,
    /// The newest datestamp of the last page.
    pub reached: Option<Datestamp>,
    /// The size of the list, as the server claims it.
    pub complete_list_size: Option<u64>,
}

/// Why a run cannot begin or continue.
#[derive(Debug, thiserror::Error)]
pub enum HarvestError {
    /// The mirror failed.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The metadata prefix delivers no descriptions.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The JSON-LD context does not parse.
    #[error("{0}\nhint: set `context` of the source to the right URL")]
    Context(#[from] ContextError),
    /// The source does not answer, before the first page.
    #[error("{0}\nhint: check the address and the network; nothing was lost, run the same command again")]
    Unavailable(FetchError),
    /// No source is at the address, or it refuses access: a retry would not help.
    #[error("{0}\nhint: {hint}", hint = advice(.0))]
    NoSource(FetchError),
    /// The source rejects the request.
    #[error("{0}\nhint: check the set, the prefix and the bounds that are asked for")]
    Refused(FetchError),
    /// This program failed.
    #[error(transparent)]
    Fault(FetchError),
    /// The runtime of the network side does not start.
    #[error("the network side cannot start: {0}")]
    Runtime(std::io::Error),
}

impl HarvestError {
    /// The error of a source that did not answer `Identify`.
    pub(super) fn unidentified(error: FetchError) -> Self {
        match error {
            FetchError::Fault(_) => Self::Fault(error),
            error if error.is_permanent() => Self::NoSource(error),
            error => Self::Unavailable(error),
        }
    }
}

/// The next step after a status that a retry would not change.
fn advice(error: &FetchError) -> &'static str {
    match error {
        FetchError::Status { status: 401 | 403, .. } => "the server refuses access: ask its operator for permission",
        _ => "check the address (`url` of the source, or --url): no OAI-PMH server answers there",
    }
}
