//! The order of changes read backwards from a time: for feeds whose pages end at times.

use rusqlite::{OptionalExtension, params};

use super::change::ChangeKind;
use super::ids::ChangeId;
use super::{Log, LogError};

/// Something that happened to a record, for a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// The identifier of the record.
    pub identifier: String,
    /// When, milliseconds since 1970, this machine's clock.
    pub at: i64,
    /// Whether it came for the first time, or came back.
    pub came: bool,
}

impl Log {
    /// When the last page was received, milliseconds since 1970; none in an empty log. What is committed later happened then or
    /// later, unless this machine's clock was set back.
    pub fn last_received(&self) -> Result<Option<i64>, LogError> {
        let read = || {
            let mut statement = self.connection.prepare_cached("SELECT received_at FROM page ORDER BY id DESC LIMIT 1")?;
            statement.query_row([], |row| row.get(0)).optional()
        };
        read().map_err(|source| self.failed(source))
    }

    /// The newest content changes that happened at a time or before, the newest first: `most` of them, in the order of changes.
    pub fn happened_until(&self, until: i64, most: usize) -> Result<Vec<Happened>, LogError> {
        let last = self.last_change_until(until)?;
        self.happened(ChangeId(0), last, most)
    }

    /// The content changes that happened at a time, to the millisecond, the newest first; at most `most`.
    pub fn happened_at(&self, at: i64, most: usize) -> Result<Vec<Happened>, LogError> {
        let (before, last) = (self.last_change_until(at - 1)?, self.last_change_until(at)?);
        self.happened(before, last, most)
    }

    fn happened(&self, after: ChangeId, last: ChangeId, most: usize) -> Result<Vec<Happened>, LogError> {
        self.rows(
            "SELECT identifier, received_at, change.kind = ?4 FROM change JOIN record ON record.id = record_id JOIN page ON page.id = change.page_id
             WHERE change.id > ?1 AND change.id <= ?2 AND change.kind <> ?5 ORDER BY change.id DESC LIMIT ?3",
            params![after.0, last.0, most, ChangeKind::Came.number(), ChangeKind::Header.number()],
            |row| Ok(Happened { identifier: row.get(0)?, at: row.get(1)?, came: row.get(2)? }),
        )
    }

    /// The last change whose page was received at a time or before; 0 if none was.
    pub fn last_change_until(&self, until: i64) -> Result<ChangeId, LogError> {
        let sql = "SELECT page_id FROM change WHERE id <= ?1 ORDER BY id DESC LIMIT 1";
        Ok(ChangeId(self.last_until(until, self.last_change()?.0, sql)?))
    }

    /// The greatest id of a record that came at a time or before; 0 if none did.
    pub fn last_record_until(&self, until: i64) -> Result<i64, LogError> {
        let sql = "SELECT first_page FROM record WHERE id <= ?1 ORDER BY id DESC LIMIT 1";
        self.last_until(until, self.last_record()?, sql)
    }

    /// The greatest of ids up to `last` whose page was received at a time or before; `page_at` finds the page of the last id up to `?1`.
    /// Pages grow as ids do, so that it is found by halving. Pages are looked through from the newest: where the clock was set back, a
    /// later page may have an earlier time.
    fn last_until(&self, until: i64, last: i64, page_at: &'static str) -> Result<i64, LogError> {
        let Some(page) = self.first_number("SELECT id FROM page WHERE received_at <= ?1 ORDER BY id DESC LIMIT 1", until)? else {
            return Ok(0);
        };
        let (mut low, mut high) = (0, last);
        while low < high {
            let middle = low + (high - low + 1) / 2;
            let found = self.first_number(page_at, middle)?;
            if found.is_none_or(|found| found <= page) { low = middle } else { high = middle - 1 }
        }
        Ok(low)
    }

    fn first_number(&self, sql: &'static str, parameter: i64) -> Result<Option<i64>, LogError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row([parameter], |row| row.get(0)).optional())
            .map_err(|source| self.failed(source))
    }
}
