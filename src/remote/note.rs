//! What is known of a remote store without asking it: a file in the data directory, for `status`, `/metrics` and pages.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::error::RemoteError;
use crate::config::Config;
use crate::log::{ChangeId, Log, LogError, Mark};

/// How far a remote store was seen to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The last change that it had.
    pub change: i64,
    /// The page of this change.
    pub page: i64,
    /// When it was there, in milliseconds since 1970.
    pub at: i64,
    /// Why it could not be brought further, if that failed last time.
    pub failed: Option<Failure>,
}

/// A failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The message.
    pub message: String,
}

fn path(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("remote-{name}.json"))
}

impl Note {
    /// What was noted of a store; nothing, of one that was never asked.
    #[must_use]
    pub fn read(directory: &Path, name: &str) -> Option<Self> {
        serde_json::from_slice(&fs::read(path(directory, name)).ok()?).ok()
    }

    /// Notes it. The file appears whole.
    pub(super) fn write(&self, directory: &Path, name: &str) -> Result<(), RemoteError> {
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(&serde_json::to_vec(self).map_err(std::io::Error::from)?)?;
        file.persist(path(directory, name)).map_err(|error| error.error)?;
        Ok(())
    }

    /// The store has reached a mark.
    pub(super) fn reached(mark: Mark) -> Self {
        Self { change: mark.change.0, page: mark.page.0, at: now(), failed: None }
    }

    /// The store could not be brought further.
    pub(super) fn failed(self, error: &RemoteError) -> Self {
        Self { failed: Some(Failure { at: now(), message: error.to_string() }), ..self }
    }

    /// How many changes of a log the store does not have.
    pub fn behind(&self, log: &Log) -> Result<u64, LogError> {
        let change = ChangeId(self.change);
        if log.content_change_after(change)?.is_none() {
            return Ok(0);
        }
        Ok(u64::try_from(log.last_change()?.0 - change.0).unwrap_or_default())
    }
}

/// What is known of a store of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Known {
    /// Its name.
    pub remote: String,
    /// What was noted, if it was ever asked.
    pub note: Option<Note>,
    /// How many changes of the log it did not have then; none if it was never asked.
    pub behind: Option<u64>,
}

/// What is known of all stores of the configuration, without asking them.
pub fn known(directory: &Path, config: &Config, log: &Log) -> Result<Vec<Known>, LogError> {
    let one = |remote: &String| {
        let note = Note::read(directory, remote);
        let behind = note.as_ref().map(|note| note.behind(log)).transpose()?;
        Ok(Known { remote: remote.clone(), note, behind })
    };
    config.remote.keys().map(one).collect()
}

fn now() -> i64 {
    chrono::Utc::now().timestamp_millis()
}
