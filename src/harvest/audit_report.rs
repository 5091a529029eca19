//! What an audit is asked for, and what it found.

use super::client::Traffic;
use super::error::FetchError;
use crate::log::{Counters, Differences, Log};
use crate::oai::Datestamp;

/// Options of an audit.
#[derive(Debug, Clone, Copy, Default)]
pub struct AuditOptions {
    /// Repair what differs.
    pub repair: bool,
}

/// What an audit found.
#[derive(Debug)]
pub struct AuditReport {
    /// The source.
    pub source: String,
    /// When the list was begun, milliseconds since 1970, if by an earlier audit.
    pub resumed: Option<i64>,
    /// What differs, before any repair; nothing if the list did not end.
    pub found: Option<Differences>,
    /// What differs after the repair.
    pub left: Option<Differences>,
    /// The counters of the repair.
    pub counters: Counters,
    /// How many records were withdrawn.
    pub withdrawn: u64,
    /// The percentage of the live records that would have been withdrawn, if that is over the limit.
    pub brake: Option<f64>,
    /// Requests and bytes.
    pub traffic: Traffic,
    /// Why the list or the repair did not end; the next audit resumes.
    pub unavailable: Option<FetchError>,
    /// Whether no answer ended the list.
    pub doubtful: bool,
    /// The datestamp from which on the next harvest brings what is new.
    pub harvested: Option<Datestamp>,
    /// The snapshot that was published, if anything changed.
    pub snapshot: Option<u64>,
}

impl AuditReport {
    /// The report of an audit that has not done anything yet.
    pub(super) fn begun(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            resumed: None,
            found: None,
            left: None,
            counters: Counters::default(),
            withdrawn: 0,
            brake: None,
            traffic: Traffic::default(),
            unavailable: None,
            doubtful: false,
            harvested: None,
            snapshot: None,
        }
    }
}

/// Callbacks of an audit.
pub struct Hear<'a> {
    /// Gets the number of identifiers that came.
    pub progress: &'a mut dyn FnMut(u64),
    /// Is called when the list was compared, before any repair.
    pub found: &'a mut dyn FnMut(&Log, &AuditReport),
}
