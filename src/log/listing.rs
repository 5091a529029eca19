//! Records in the order in which they first came, for lists that are read in parts, such as a sitemap.

use rusqlite::params;

use super::change::ChangeKind;
use super::winner::counts;
use super::{Log, LogError};

/// A record that has a page to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRecord {
    /// Its id in the log. Ids grow as records come, without gaps.
    pub record: i64,
    /// Its identifier.
    pub identifier: String,
    /// When its graph last changed, or another source's version came to count, milliseconds since 1970, this machine's clock.
    pub changed_at: i64,
}

/// A condition on `record`: it is neither gone nor quarantined.
const SHOWN: &str =
    "NOT record.deleted AND NOT record.withdrawn AND NOT EXISTS (SELECT 1 FROM quarantine WHERE record_id = record.id)";

impl Log {
    /// When the graph of a record last changed, milliseconds since 1970, this machine's clock; none if there is no such record.
    pub fn changed_at(&self, identifier: &str) -> Result<Option<i64>, LogError> {
        let read = || {
            let mut statement = self.connection.prepare_cached(
                "SELECT max(page.received_at) FROM record JOIN change ON change.id = record.last_change
                 JOIN page ON page.id = change.page_id WHERE identifier = ?1",
            )?;
            statement.query_row([identifier], |row| row.get(0))
        };
        read().map_err(|source| self.failed(source))
    }

    /// Whether a record is in quarantine, as far as that view has come.
    pub fn is_quarantined(&self, record: i64) -> Result<bool, LogError> {
        self.connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM quarantine WHERE record_id = ?1)")
            .and_then(|mut statement| statement.query_row([record], |row| row.get(0)))
            .map_err(|source| self.failed(source))
    }

    /// The first records whose ids are above `after` and at most `until`.
    pub fn listed(&self, after: i64, until: i64, most: usize) -> Result<Vec<ListedRecord>, LogError> {
        let sql = format!(
            "SELECT record.id, record.identifier,
                    (SELECT max(page.received_at) FROM record AS holder JOIN change ON change.id = holder.last_change
                     JOIN page ON page.id = change.page_id WHERE holder.identifier = record.identifier)
             FROM record WHERE record.id > ?1 AND record.id <= ?2 AND {SHOWN} AND {counts} ORDER BY record.id LIMIT ?3",
            counts = counts(),
        );
        self.rows(&sql, params![after, until, most], |row| {
            Ok(ListedRecord { record: row.get(0)?, identifier: row.get(1)?, changed_at: row.get(2)? })
        })
    }

    /// The parts that have records to list, if a part is a range of `size` ids: their numbers from 0, and when each changed last.
    pub fn listed_parts(&self, size: i64) -> Result<Vec<(i64, i64)>, LogError> {
        let sql = format!(
            "SELECT part, (SELECT received_at FROM page JOIN change ON page.id = page_id WHERE change.id = newest) FROM
                 (SELECT (record_id - 1) / ?1 AS part, max(id) AS newest FROM change WHERE kind <> ?2 GROUP BY 1)
             WHERE EXISTS (SELECT 1 FROM record WHERE id > part * ?1 AND id <= (part + 1) * ?1 AND {SHOWN}) ORDER BY 1"
        );
        self.rows(&sql, [size, ChangeKind::Header.number()], |row| Ok((row.get(0)?, row.get(1)?)))
    }
}
