//! Records that the source lists and did not deliver, and records that are to be looked at again.

use rusqlite::{Transaction, params};

use super::append::{Moves, close_page, open_page};
use super::harvests::SourceId;
use super::read::PageId;
use super::{Log, LogError};

/// A record that did not come, as it is listed.
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

    /// Forgets that a record did not come: the source does not know it any more.
    pub fn forget_undelivered(&self, source: SourceId, identifier: &str) -> Result<(), LogError> {
        self.connection
            .execute("DELETE FROM undelivered WHERE source_id = ?1 AND identifier = ?2", params![source.0, identifier])
            .map(|_| ())
            .map_err(|source| self.failed(source))
    }

    /// Lets every view look again at the quarantined records of a source; answers how many there are.
    pub fn touch_quarantined(&mut self, source: SourceId, now: i64) -> Result<u64, LogError> {
        self.change_without_network(source, now, |transaction, page, _| {
            transaction
                .execute(
                    "UPDATE record SET changed_page = ?2 WHERE source_id = ?1 AND id IN (SELECT record_id FROM quarantine)",
                    params![source.0, page.0],
                )
                .map(|count| count as u64)
        })
    }

    /// A page without a body, whose changes come from this side of the line. It is not kept where nothing changes.
    pub(super) fn change_without_network(
        &mut self,
        source: SourceId,
        now: i64,
        work: impl FnOnce(&Transaction<'_>, PageId, &mut Moves) -> rusqlite::Result<u64>,
    ) -> Result<u64, LogError> {
        let change = || -> rusqlite::Result<u64> {
            let transaction = self.connection.transaction()?;
            transaction.execute(
                "INSERT INTO harvest (source_id, kind, state, started_at, finished_at) VALUES (?1, 'window', 'complete', ?2, ?2)",
                params![source.0, now],
            )?;
            let harvest = super::HarvestId(transaction.last_insert_rowid());
            let page = open_page(&transaction, harvest, now, None, None, true)?;
            let mut moves = Moves::default();
            let count = work(&transaction, page, &mut moves)?;
            if count > 0 {
                close_page(&transaction, page, now, None, 0, &[])?;
                moves.apply(&transaction, source)?;
                transaction.commit()?;
            }
            Ok(count)
        };
        change().map_err(|source| LogError::sqlite(&self.path, source))
    }
}
