//! Reading the log: what changed after a watermark, and the records themselves.

use std::collections::VecDeque;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::change::Change;
use super::ids::{ChangeId, PageId, SourceId};
use super::winner::{counts, is_gone, the_one_that_counts_first};
use super::{Log, LogError};

/// The version of a record that counts, and where its bytes are.
#[derive(Debug, Clone)]
pub struct CurrentVersion {
    /// The record's id in the log.
    pub record: i64,
    /// Its source.
    pub source: SourceId,
    /// Its identifier.
    pub identifier: String,
    /// Whether it is deleted, or withdrawn: it has no graph.
    pub gone: bool,
    /// The page that it came with.
    pub page: PageId,
    pub(super) offset: usize,
    pub(super) length: usize,
}

/// The newest version of a record.
#[derive(Debug, Clone)]
pub struct RecordRow {
    /// The version.
    pub version: CurrentVersion,
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

pub(super) fn current(row: &Row<'_>) -> rusqlite::Result<CurrentVersion> {
    Ok(CurrentVersion {
        record: row.get("id")?,
        source: SourceId(row.get("source_id")?),
        identifier: row.get("identifier")?,
        gone: row.get("gone")?,
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

    /// The page that a watermark stands for: the last page of the log, if no change after the watermark can give another graph.
    pub fn page_reached(&self, change: ChangeId) -> Result<PageId, LogError> {
        if self.content_change_after(change)?.is_none() {
            return self.last_page();
        }
        let page = self
            .connection
            .prepare_cached("SELECT coalesce((SELECT page_id FROM change WHERE id <= ?1 ORDER BY id DESC LIMIT 1), 0)")
            .and_then(|mut statement| statement.query_row([change.0], |row| row.get(0)));
        page.map(PageId).map_err(|source| self.failed(source))
    }

    /// What a change leaves its record at: the version that counts now, whichever source delivered it. None if the change
    /// cannot give another graph, or if a later one follows that can, which says the same or more.
    pub(crate) fn left_by(&self, change: &Change) -> Result<Option<CurrentVersion>, LogError> {
        if !change.kind.is_content() {
            return Ok(None);
        }
        // Nearly always only one source has the identifier.
        let alone = || -> rusqlite::Result<Option<Option<CurrentVersion>>> {
            let mut statement = self.connection.prepare_cached(&format!(
                "SELECT id, source_id, identifier, {gone}, page_id, offset, length, last_change,
                        (SELECT count(*) FROM record AS other WHERE other.identifier = record.identifier) AS holders
                 FROM record WHERE id = ?1",
                gone = is_gone(),
            ))?;
            statement.query_row([change.record], |row| {
                if row.get::<_, i64>("last_change")? > change.id.0 {
                    return Ok(Some(None));
                }
                let version = if row.get::<_, i64>("holders")? == 1 { Some(Some(current(row)?)) } else { None };
                Ok(version)
            })
        };
        if let Some(version) = alone().map_err(|source| self.failed(source))? {
            return Ok(version);
        }
        let read = || -> rusqlite::Result<Option<CurrentVersion>> {
            let mut statement = self.connection.prepare_cached(&format!(
                "SELECT id, source_id, identifier, {gone}, page_id, offset, length, last_change FROM record
                 WHERE identifier = (SELECT identifier FROM record WHERE id = ?1) ORDER BY {first}",
                gone = is_gone(),
                first = the_one_that_counts_first(),
            ))?;
            let mut rows = statement.query([change.record])?;
            let mut counts = None;
            while let Some(row) = rows.next()? {
                if row.get::<_, i64>("last_change")? > change.id.0 {
                    return Ok(None);
                }
                if counts.is_none() {
                    counts = Some(current(row)?);
                }
            }
            Ok(counts)
        };
        read().map_err(|source| self.failed(source))
    }

    /// The versions that count and lie in a page, in the order of their bytes.
    pub fn versions_in(&self, page: PageId) -> Result<Vec<CurrentVersion>, LogError> {
        let sql = format!(
            "SELECT id, source_id, identifier, {gone}, page_id, offset, length FROM record
             WHERE page_id = ?1 AND {counts} ORDER BY offset",
            gone = is_gone(),
            counts = counts(),
        );
        self.rows(&sql, [page.0], current)
    }

    /// The first page after `page` that holds the newest version of some record.
    pub fn next_page_in_use(&self, page: PageId) -> Result<Option<PageId>, LogError> {
        self.connection
            .query_row("SELECT min(page_id) FROM record WHERE page_id > ?1", [page.0], |row| row.get::<_, Option<i64>>(0))
            .map(|page| page.map(PageId))
            .map_err(|source| self.failed(source))
    }

    /// The version that a change brought, as it came: a self-contained `<record>` element. None if it brought none.
    pub fn version_of(&self, change: ChangeId) -> Result<Option<Vec<u8>>, LogError> {
        let place = self
            .connection
            .prepare_cached(
                "SELECT change.page_id, change.offset, coalesce(
                        (SELECT length FROM record WHERE id = record_id AND record.page_id = change.page_id AND record.offset = change.offset),
                        (SELECT length FROM superseded WHERE superseded.record_id = change.record_id
                         AND superseded.page_id = change.page_id AND superseded.offset = change.offset))
                 FROM change WHERE id = ?1 AND change.offset IS NOT NULL",
            )
            .and_then(|mut statement| {
                statement.query_row([change.0], |row| Ok((PageId(row.get(0)?), row.get(1)?, row.get(2)?))).optional()
            });
        let Some((page, offset, length)) = place.map_err(|source| self.failed(source))? else { return Ok(None) };
        let (offset, length): (usize, Option<usize>) = (offset, length);
        let body = self.body(page)?;
        let version = length.and_then(|length| body.get(offset..offset.saturating_add(length)));
        let version = version.ok_or_else(|| self.damaged(page, "a version lies outside of it"))?;
        Ok(Some(version.to_vec()))
    }

    /// All versions of an identifier that the log holds, of all sources, in no order.
    pub fn versions_of(&self, identifier: &str) -> Result<Vec<CurrentVersion>, LogError> {
        self.rows(
            "SELECT record.id AS id, source_id, identifier, superseded.deleted AS gone, superseded.page_id AS page_id,
                    superseded.offset AS offset, superseded.length AS length
             FROM superseded JOIN record ON record.id = record_id WHERE identifier = ?1
             UNION ALL SELECT id, source_id, identifier, deleted, page_id, offset, length FROM record WHERE identifier = ?1",
            [identifier],
            current,
        )
    }

    /// The datestamp of a record, in milliseconds since 1970, if it can be read.
    pub fn datestamp(&self, record: i64) -> Result<Option<i64>, LogError> {
        self.connection
            .prepare_cached("SELECT datestamp FROM record WHERE id = ?1")
            .and_then(|mut statement| statement.query_row([record], |row| row.get(0)))
            .map_err(|source| self.failed(source))
    }

    /// Calls with the version that counts of each record that changed after a number, its header included, once; until `each` says
    /// that it is enough.
    pub(crate) fn each_changed(
        &self,
        after: ChangeId,
        each: &mut dyn FnMut(CurrentVersion) -> Result<bool, LogError>,
    ) -> Result<(), LogError> {
        // Records with an identifier that another source has as well.
        let mut seen = std::collections::HashSet::new();
        let failed = |source| self.failed(source);
        let mut changed = self
            .connection
            .prepare_cached("SELECT DISTINCT record_id FROM change WHERE id > ?1 ORDER BY record_id")
            .map_err(failed)?;
        let mut rows = changed.query([after.0]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let record: i64 = row.get(0).map_err(failed)?;
            let sql = format!(
                "SELECT id, source_id, identifier, {gone}, page_id, offset, length, count(*) OVER () AS holders FROM record
                 WHERE identifier = (SELECT identifier FROM record WHERE id = ?1) ORDER BY {first} LIMIT 1",
                gone = is_gone(),
                first = the_one_that_counts_first(),
            );
            let version = self
                .connection
                .prepare_cached(&sql)
                .and_then(|mut one| one.query_row([record], |row| Ok((current(row)?, row.get::<_, i64>("holders")?))).optional());
            let Some((version, holders)) = version.map_err(failed)? else { continue };
            if (holders == 1 || seen.insert(version.record)) && !each(version)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The greatest number of a record; 0 in a log without any.
    pub fn last_record(&self) -> Result<i64, LogError> {
        self.connection
            .query_row("SELECT coalesce(max(id), 0) FROM record", [], |row| row.get(0))
            .map_err(|source| self.failed(source))
    }

    /// The identifiers of all records after one, deleted ones included, in their order; at most `most`.
    pub fn identifiers(&self, after: Option<&str>, most: usize) -> Result<Vec<String>, LogError> {
        let sql = "SELECT DISTINCT identifier FROM record WHERE identifier > ?1 ORDER BY identifier LIMIT ?2";
        self.rows(sql, params![after.unwrap_or_default(), most], |row| row.get(0))
    }

    /// The identifiers of some records that are not deleted, from all over the log; at most `most`.
    pub fn some_identifiers(&self, most: usize) -> Result<Vec<String>, LogError> {
        let sql = "WITH RECURSIVE place (id, step) AS (
                     SELECT 1, max(1, ((SELECT max(id) FROM record) + ?1 - 1) / ?1) UNION ALL
                     SELECT id + step, step FROM place WHERE id + step <= (SELECT max(id) FROM record))
                   SELECT DISTINCT (SELECT identifier FROM record WHERE record.id >= place.id AND NOT deleted AND NOT withdrawn ORDER BY record.id LIMIT 1) AS found
                   FROM place WHERE found IS NOT NULL LIMIT ?1";
        self.rows(sql, params![most], |row| row.get(0))
    }

    /// The least number of a record with this identifier: numbers grow, so that whoever has come no further does not have it.
    pub fn first_record(&self, identifier: &str) -> Result<Option<i64>, LogError> {
        self.connection
            .prepare_cached("SELECT min(id) FROM record WHERE identifier = ?1")
            .and_then(|mut statement| statement.query_row([identifier], |row| row.get(0)))
            .map_err(|source| self.failed(source))
    }

    /// The newest version of a record, whichever source delivered it last.
    pub fn record(&self, identifier: &str) -> Result<Option<RecordRow>, LogError> {
        self.connection
            .query_row(
                &format!(
                    "SELECT record.*, {gone}, source.name AS source_name, (SELECT count(*) FROM superseded WHERE record_id = record.id) AS earlier
                     FROM record JOIN source ON source.id = record.source_id WHERE identifier = ?1 ORDER BY {first} LIMIT 1",
                    gone = is_gone(),
                    first = the_one_that_counts_first(),
                ),
                params![identifier],
                |row| {
                    Ok(RecordRow {
                        version: current(row)?,
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

    /// Identifiers of records that have rows in a view's table, though they are gone or another source's version counts; at
    /// most `most`.
    pub fn strays(&self, table: &'static str, most: usize) -> Result<Vec<String>, LogError> {
        let sql = format!(
            "SELECT identifier FROM record WHERE id IN (SELECT record_id FROM {table})
             AND (record.deleted OR record.withdrawn OR NOT {counts}) ORDER BY identifier LIMIT ?1",
            counts = counts(),
        );
        self.rows(&sql, [most], |row| row.get(0))
    }

    pub(super) fn body(&self, page: PageId) -> Result<Vec<u8>, LogError> {
        let body = body_of(&self.connection, page).map_err(|source| self.failed(source))?;
        body.map_err(|error| self.damaged(page, &error.to_string()))
    }

    pub(super) fn damaged(&self, page: PageId, reason: &str) -> LogError {
        LogError::Damaged { path: self.path().to_owned(), page: page.0, reason: reason.to_owned() }
    }
}

/// The body of a page; the inner error is that of one that does not decompress.
pub(super) fn body_of(connection: &Connection, page: PageId) -> rusqlite::Result<std::io::Result<Vec<u8>>> {
    let (body, size): (Vec<u8>, usize) = connection
        .prepare_cached("SELECT body, raw_bytes FROM page WHERE id = ?1")?
        .query_row([page.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(zstd::bulk::decompress(&body, size))
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

    /// The bytes of a version: a self-contained `<record>` element.
    pub fn record<'a>(&'a mut self, log: &Log, version: &CurrentVersion) -> Result<&'a [u8], LogError> {
        if let Some(place) = self.recent.iter().position(|(page, _)| *page == version.page) {
            self.recent.swap(0, place);
        } else {
            self.recent.truncate(self.most - 1);
            let body = log.body(version.page)?;
            self.recent.push_front((version.page, body));
        }
        let (page, body) = self.recent.front().ok_or_else(|| log.damaged(version.page, "it vanished"))?;
        body.get(version.offset..version.offset.saturating_add(version.length))
            .ok_or_else(|| log.damaged(*page, "a record lies outside of it"))
    }
}
