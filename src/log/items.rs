//! Records in the order of their last changes, for those who harvest this mirror: each comes once, where it changed last, so that
//! one that changes while a list is read comes later in the same list.

use rusqlite::{Row, params};

use super::ids::{ChangeId, SourceId};
use super::read::{CurrentVersion, current};
use super::winner::{is_gone, the_one_that_counts_first};
use super::{Log, LogError};

/// A record in the order of changes.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its last change.
    pub change: ChangeId,
    /// When that happened, milliseconds since 1970, this machine's clock.
    pub at: i64,
    /// The version that counts; in a list of one source, the version of that source.
    pub version: CurrentVersion,
    /// The datestamp that its source gave this version, milliseconds since 1970, if it can be read.
    pub datestamp: Option<i64>,
    /// The sources that hold the record, those that deleted or withdrew it included, the one whose version counts first.
    pub holders: Vec<Holder>,
}

/// A source that holds a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The source.
    pub source: SourceId,
    /// Whether it deleted or withdrew it.
    pub gone: bool,
}

/// What is listed.
#[derive(Debug, Clone, Copy)]
pub struct Items {
    /// Only what one source holds, as it delivered it.
    pub source: Option<SourceId>,
    /// Only records whose last change is after this one.
    pub after: ChangeId,
    /// Only records whose last change is this one or before it.
    pub until: ChangeId,
}

/// One of the rows of an identifier, and when it changed last.
struct Held {
    version: CurrentVersion,
    datestamp: Option<i64>,
    last_change: ChangeId,
    at: i64,
}

fn held(row: &Row<'_>) -> rusqlite::Result<Held> {
    Ok(Held {
        version: current(row)?,
        datestamp: row.get("datestamp")?,
        last_change: ChangeId(row.get("last_change")?),
        at: row.get("received_at")?,
    })
}

impl Log {
    /// The first `most` records of a list.
    pub fn items(&self, what: Items, most: usize) -> Result<Vec<Item>, LogError> {
        let identifiers: Vec<String> = self.rows(
            "SELECT record.identifier FROM change JOIN record ON record.id = record_id
             WHERE change.id > ?1 AND change.id <= ?2 AND record.last_change = change.id
             AND CASE WHEN ?3 IS NOT NULL THEN record.source_id = ?3 ELSE NOT EXISTS
                 (SELECT 1 FROM record AS other WHERE other.identifier = record.identifier AND other.last_change > record.last_change)
                 END
             ORDER BY change.id LIMIT ?4",
            params![what.after.0, what.until.0, what.source.map(|source| source.0), most],
            |row| row.get(0),
        )?;
        identifiers.iter().filter_map(|identifier| self.item(identifier, what.source).transpose()).collect()
    }

    /// A record as lists have it; none if no source, or not this one, ever delivered it.
    pub fn item(&self, identifier: &str, source: Option<SourceId>) -> Result<Option<Item>, LogError> {
        let sql = format!(
            "SELECT record.id AS id, source_id, identifier, {gone}, record.page_id AS page_id, record.offset AS offset, length, datestamp,
                    last_change, received_at
             FROM record JOIN change ON change.id = last_change JOIN page ON page.id = change.page_id
             WHERE identifier = ?1 ORDER BY {first}",
            gone = is_gone(),
            first = the_one_that_counts_first(),
        );
        let rows: Vec<Held> = self.rows(&sql, [identifier], held)?;
        let holders = rows.iter().map(|row| Holder { source: row.version.source, gone: row.version.gone }).collect();
        let mine = |row: &Held| source.is_none_or(|source| row.version.source == source);
        // What counts changes when any of the sources says something.
        let last = rows.iter().filter(|row| mine(row)).max_by_key(|row| row.last_change).map(|row| (row.last_change, row.at));
        let Some(Held { version, datestamp, .. }) = rows.into_iter().find(mine) else { return Ok(None) };
        Ok(last.map(|(change, at)| Item { change, at, version, datestamp, holders }))
    }

    /// When the first page was received, milliseconds since 1970; none in an empty log.
    pub fn first_received(&self) -> Result<Option<i64>, LogError> {
        let mut rows = self.rows("SELECT received_at FROM page ORDER BY id LIMIT 1", [], |row| row.get(0))?;
        Ok(rows.pop())
    }
}
