//! Records that the source lists and did not deliver, and records that are to be looked at again.

use rusqlite::params;

use super::change::ChangeKind;
use super::ids::SourceId;
use super::without_network::{for_each_record, set_last_change};
use super::{Log, LogError};

/// A record that did not come, for listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndeliveredRow {
    /// Its source.
    pub source: String,
    /// Its identifier.
    pub identifier: String,
    /// The datestamp of the version that is missing, as it came.
    pub datestamp_text: String,
    /// Why it is not here.
    pub reason: String,
}

impl Log {
    /// What did not come from a source, or from all, in the order of identifiers.
    pub fn undelivered(&self, source: Option<&str>) -> Result<Vec<UndeliveredRow>, LogError> {
        let sql = "SELECT name, identifier, datestamp_text, reason FROM undelivered JOIN source ON source.id = source_id
             WHERE ?1 IS NULL OR name = ?1 ORDER BY name, identifier";
        self.rows(sql, [source], |row| {
            Ok(UndeliveredRow { source: row.get(0)?, identifier: row.get(1)?, datestamp_text: row.get(2)?, reason: row.get(3)? })
        })
    }

    /// Deletes the note that a record did not come: the source no longer has it.
    pub fn forget_undelivered(&self, source: SourceId, identifier: &str) -> Result<(), LogError> {
        self.connection
            .execute("DELETE FROM undelivered WHERE source_id = ?1 AND identifier = ?2", params![source.0, identifier])
            .map(|_| ())
            .map_err(|source| self.failed(source))
    }

    /// Lets every view read the quarantined records of a source again. Answers how many there are.
    pub fn touch_quarantined(&mut self, source: SourceId, now: i64) -> Result<u64, LogError> {
        self.change_without_network(source, now, |transaction, numbering, _| {
            let quarantined = "source_id = ?1 AND id IN (SELECT record_id FROM quarantine)";
            for_each_record(transaction, quarantined, source, |record| {
                let change = numbering.enter(transaction, record, ChangeKind::Retried, None)?;
                set_last_change(transaction, record, change)
            })
        })
    }
}
