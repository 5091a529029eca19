//! How a run or an audit ends, how far it is, and what keeps it from running.

use std::time::Duration;

use super::client::Traffic;
use super::documents::DocumentFailure;
use super::error::FetchError;
use super::plan::Options;
use super::probe::ProbeError;
use crate::config::{Source, SourceKind};
use crate::log::{Counters, LogError};
use crate::mirror::MirrorError;
use crate::oai::Datestamp;
use crate::rdf::ContextError;
use crate::views::CaughtUp;

/// The window and the limits of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunOptions {
    /// The window.
    pub window: Options,
    /// Harvests the source even if its last harvest ended less than `every` ago.
    pub anyway: bool,
    /// Ends the run after this many records; the next run resumes the list.
    pub max_records: Option<u64>,
    /// Ends the run after this time, at a checkpoint; the next run resumes the list.
    pub max_duration: Option<Duration>,
}

/// What a run did.
#[derive(Debug)]
pub struct HarvestReport {
    /// The source.
    pub source: String,
    /// Its kind.
    pub kind: SourceKind,
    /// Whether it resumed an open list.
    pub resumed: bool,
    /// Whether it read standard input, which only another import can continue.
    pub reads_input: bool,
    /// The lower bound that was asked for, if any.
    pub from: Option<String>,
    /// The counters of this run.
    pub counters: Counters,
    /// Records of this run that were quarantined.
    pub quarantined: u64,
    /// Records of this run with invalid bytes, which were replaced to parse them.
    pub repaired: u64,
    /// Requests and bytes.
    pub traffic: Traffic,
    /// How it ended.
    pub outcome: Outcome,
    /// The list ended, but may lack records: the next regular harvest reaches back to this datestamp, or to the beginning.
    pub reaches_back: Option<Option<Datestamp>>,
    /// Records that left the source, and were withdrawn.
    pub withdrawn: u64,
    /// Records that left the source, and their percentage of the live ones, if these were too many to be withdrawn.
    pub brake: Option<(u64, f64)>,
    /// The snapshot that was published, if anything changed.
    pub snapshot: Option<u64>,
}

impl HarvestReport {
    /// The report of a run that has not done anything yet.
    pub(super) fn begun(source: &Source) -> Self {
        Self {
            source: source.name.clone(),
            kind: source.kind(),
            resumed: false,
            reads_input: false,
            from: None,
            counters: Counters::default(),
            quarantined: 0,
            repaired: 0,
            traffic: Traffic::default(),
            outcome: Outcome::Interrupted,
            reaches_back: None,
            withdrawn: 0,
            brake: None,
            snapshot: None,
        }
    }

    /// Adds what the views did.
    pub(super) fn followed(&mut self, done: &CaughtUp) {
        self.quarantined += done.quarantined;
        self.repaired += done.repaired;
    }
}

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
    /// The last harvest ended too short a time ago, and the source was not asked.
    NotDue {
        /// When it is due, milliseconds since 1970.
        at: i64,
    },
}

/// A part in percent of the whole.
#[expect(clippy::cast_precision_loss, reason = "a share")]
pub(super) fn percent(part: u64, whole: u64) -> f64 {
    part as f64 * 100.0 / whole.max(1) as f64
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
    #[error("{0}\nhint: {hint}", hint = advice(.0, *.1))]
    NoSource(FetchError, SourceKind),
    /// The source rejects the request.
    #[error("{0}\nhint: check the set, the prefix and the bounds that are asked for")]
    Refused(FetchError),
    /// This program failed.
    #[error(transparent)]
    Fault(FetchError),
    /// What was asked for is not there for this kind of source.
    #[error("a source of kind {0:?} cannot be asked for this\nhint: `libris-mirror harvest NAME --full` reads all of it again")]
    Kind(&'static str),
    /// Nothing of a source can be read.
    #[error("{name} cannot be read: {failure}\nhint: {hint}; nothing was changed", hint = repair(.failure))]
    Document {
        /// The document.
        name: String,
        /// Why.
        failure: DocumentFailure,
    },
    /// A temporary file in the data directory.
    #[error("a temporary file in the data directory failed: {0}\nhint: free some space, and run the same command again")]
    TemporaryFile(std::io::Error),
    /// The runtime of the network side does not start.
    #[error("the network side cannot start: {0}")]
    Runtime(std::io::Error),
}

impl HarvestError {
    /// The error of a source of a kind that did not answer its first request.
    pub(super) fn unidentified(error: FetchError, kind: SourceKind) -> Self {
        match error {
            FetchError::Fault(_) => Self::Fault(error),
            FetchError::Emm { ref source, .. } if source.is_of_another_server() => Self::NoSource(error, kind),
            error if error.is_permanent() => Self::NoSource(error, kind),
            error => Self::Unavailable(error),
        }
    }
}

/// The next step after a document that cannot be read.
fn repair(failure: &DocumentFailure) -> &'static str {
    match failure {
        DocumentFailure::Unreadable(_) => "repair it, and run the same command again",
        DocumentFailure::Fetch(_) => "check the address, and run the same command again",
        DocumentFailure::Unusable(_) => "run the command again when this is settled",
    }
}

/// The next step after an error that a retry would not change.
fn advice(error: &FetchError, kind: SourceKind) -> &'static str {
    match (error, kind) {
        (FetchError::Status { status: 401 | 403, .. }, _) => "the server refuses access: ask its operator for permission",
        (_, SourceKind::Emm) => "check the address (`url` of the source): no service of dumps and changes answers there",
        _ => "check the address (`url` of the source, or --url): no OAI-PMH server answers there",
    }
}
