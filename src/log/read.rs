//! Reading the log: what changed after a watermark, and the records themselves.

use std::collections::VecDeque;

use rusqlite::{OptionalExtension, Row, params};

use super::harvests::SourceId;
use super::{Log, LogError};

/// A page of the log. Pages are numbered as they were committed, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PageId(pub i64);

/// A record whose newest payload arrived with some page.
#[derive(Debug, Clone)]
pub struct Change {
    /// The record's id in the log.
    pub record: i64,
    /// Its source.
    pub source: SourceId,
    /// Its identifier.
    pub identifier: String,
    /// Whether its newest version is deleted, or withdrawn: it has no graph.
    pub deleted: bool,
    pub(super) page: PageId,
    pub(super) offset: usize,
    pub(super) length: usize,
}

/// The newest version of a record.
#[derive(Debug, Clone)]
pub struct RecordRow {
    /// Where its bytes are.
    pub change: Change,
    /// The name of its source.
    pub source_name: String,
    /// The datestamp as it came.
    pub datestamp: String,
    /// The sets as they came, separated by spaces.
    pub sets: String,
    /// Earlier versions in the log.
    pub earlier: u64,
    /// Whether it left the set without a deletion, as an audit found.
    pub withdrawn: bool,
}

/// Where several sources hold the same identifier, one that did not withdraw it counts, and of these the version that
/// changed last: a condition on `record`.
pub const WINNER: &str = "NOT EXISTS (SELECT 1 FROM record AS other WHERE other.identifier = record.identifier
    AND (other.withdrawn < record.withdrawn OR (other.withdrawn = record.withdrawn AND other.changed_page > record.changed_page)))";

/// Whether a record is out of the views.
const GONE: &str = "(record.deleted OR record.withdrawn) AS gone";

pub(super) fn change(row: &Row<'_>) -> rusqlite::Result<Change> {
    Ok(Change {
        record: row.get("id")?,
        source: SourceId(row.get("source_id")?),
        identifier: row.get("identifier")?,
        deleted: row.get("gone")?,
        page: PageId(row.get("page_id")?),
        offset: row.get("offset")?,
        length: row.get("length")?,
    })
}

impl Log {
    /// The newest page, or page 0 of an empty log.
    pub fn last_page(&self) -> Result<PageId, LogError> {
        self.connection
            .query_row("SELECT coalesce(max(id), 0) FROM page", [], |row| row.get(0))
            .map(PageId)
            .map_err(|source| self.failed(source))
    }

    /// The first page after `watermark` that some record's payload dates from.
    pub fn next_changed_page(&self, watermark: PageId) -> Result<Option<PageId>, LogError> {
        self.connection
            .query_row("SELECT min(changed_page) FROM record WHERE changed_page > ?1", [watermark.0], |row| {
                row.get::<_, Option<i64>>(0)
            })
            .map(|page| page.map(PageId))
            .map_err(|source| self.failed(source))
    }

    /// The records whose payload dates from `page`, unless another source changed them later.
    pub fn changes_of(&self, page: PageId) -> Result<Vec<Change>, LogError> {
        self.select("changed_page = ?1", page)
    }

    /// The records whose newest version lies in `page`, unless another source changed them later.
    pub fn records_in(&self, page: PageId) -> Result<Vec<Change>, LogError> {
        self.select("page_id = ?1", page)
    }

    fn select(&self, condition: &str, page: PageId) -> Result<Vec<Change>, LogError> {
        let read = || -> rusqlite::Result<Vec<Change>> {
            let mut statement = self.connection.prepare_cached(&format!(
                "SELECT id, source_id, identifier, {GONE}, page_id, offset, length FROM record WHERE {condition} AND {WINNER} ORDER BY page_id, offset"
            ))?;
            statement.query_map([page.0], change)?.collect()
        };
        read().map_err(|source| self.failed(source))
    }

    /// The first page after `page` that holds the newest version of some record.
    pub fn next_page_in_use(&self, page: PageId) -> Result<Option<PageId>, LogError> {
        self.connection
            .query_row("SELECT min(page_id) FROM record WHERE page_id > ?1", [page.0], |row| row.get::<_, Option<i64>>(0))
            .map(|page| page.map(PageId))
            .map_err(|source| self.failed(source))
    }

    /// The newest version of a record, whichever source delivered it last.
    pub fn record(&self, identifier: &str) -> Result<Option<RecordRow>, LogError> {
        self.connection
            .query_row(
                &format!(
                    "SELECT record.*, {GONE}, source.name AS source_name, (SELECT count(*) FROM superseded WHERE record_id = record.id) AS earlier
                     FROM record JOIN source ON source.id = record.source_id WHERE identifier = ?1 ORDER BY record.withdrawn, changed_page DESC LIMIT 1"
                ),
                params![identifier],
                |row| {
                    Ok(RecordRow {
                        change: change(row)?,
                        source_name: row.get("source_name")?,
                        datestamp: row.get("datestamp_text")?,
                        sets: row.get("sets")?,
                        earlier: row.get("earlier")?,
                        withdrawn: row.get("withdrawn")?,
                    })
                },
            )
            .optional()
            .map_err(|source| self.failed(source))
    }

    /// The identifiers of records that a view's table names, though they are gone, or another source's version counts: at
    /// most so many.
    pub fn strays(&self, table: &'static str, most: usize) -> Result<Vec<String>, LogError> {
        let sql = format!(
            "SELECT identifier FROM record WHERE id IN (SELECT record_id FROM {table})
             AND (record.deleted OR record.withdrawn OR NOT {WINNER}) ORDER BY identifier LIMIT ?1"
        );
        self.rows(&sql, [most], |row| row.get(0))
    }

    pub(super) fn body(&self, page: PageId) -> Result<Vec<u8>, LogError> {
        let (body, size): (Vec<u8>, usize) = self
            .connection
            .query_row("SELECT body, raw_bytes FROM page WHERE id = ?1", [page.0], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(|source| self.failed(source))?;
        zstd::bulk::decompress(&body, size).map_err(|error| self.damaged(page, &error.to_string()))
    }

    fn damaged(&self, page: PageId, reason: &str) -> LogError {
        LogError::Damaged { path: self.path().to_owned(), page: page.0, reason: reason.to_owned() }
    }
}

/// Reads records out of pages, keeping the last few decompressed.
pub struct PageBodies {
    recent: VecDeque<(PageId, Vec<u8>)>,
    most: usize,
}

/// How many decompressed pages are kept: the one in work, and a few that its records moved to.
const RECENT: usize = 4;

impl Default for PageBodies {
    fn default() -> Self {
        Self { recent: VecDeque::new(), most: RECENT }
    }
}

impl PageBodies {
    /// For records that come page by page: memory that is touched for the first time is slow.
    #[must_use]
    pub fn one_by_one() -> Self {
        Self { most: 1, ..Self::default() }
    }

    /// The self-contained `<record>` element of a change.
    pub fn record<'a>(&'a mut self, log: &Log, change: &Change) -> Result<&'a [u8], LogError> {
        if let Some(place) = self.recent.iter().position(|(page, _)| *page == change.page) {
            self.recent.swap(0, place);
        } else {
            self.recent.truncate(self.most - 1);
            let body = log.body(change.page)?;
            self.recent.push_front((change.page, body));
        }
        let (page, body) = self.recent.front().ok_or_else(|| log.damaged(change.page, "it vanished"))?;
        body.get(change.offset..change.offset.saturating_add(change.length))
            .ok_or_else(|| log.damaged(*page, "a record lies outside of it"))
    }
}
