//! Audits: what the source lists now, compared with what the log holds.

use rusqlite::{OptionalExtension, params};

use super::change::ChangeKind;
use super::harvests::{Counters, HarvestRow, list_row};
use super::ids::{HarvestId, SourceId};
use super::position::{Arrived, update_list};
use super::without_network::{for_each_record, set_last_change};
use super::{Log, LogError};
use crate::oai::{Datestamp, Header, NAMELESS, ResumptionToken};

/// Headers that arrived in one answer of an audit, or in a part of a long one.
#[derive(Debug)]
pub struct AuditPage<'a> {
    /// The audit.
    pub audit: HarvestId,
    /// The source.
    pub source: SourceId,
    /// The headers.
    pub headers: Vec<&'a Header>,
    /// The server's clock.
    pub response_date: Option<Datestamp>,
    /// Whether a list begins here.
    pub opens_list: bool,
    /// The resumption token that the answer ends with.
    pub token: Option<&'a ResumptionToken>,
    /// Whether this is the end of its answer.
    pub whole: bool,
    /// Whether the list ends here.
    pub last: bool,
    /// This machine's clock, milliseconds since 1970.
    pub now: i64,
}

/// How a record differs between the source and the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DifferenceKind {
    /// The source lists it and the log does not have it.
    Missing,
    /// The log has it and the source does not list it any more.
    Gone,
    /// Both have it, with different datestamps, or only one of them as deleted.
    Stale,
    /// Missing or stale, but so new that the next harvest brings it.
    Pending,
}

/// A record that differs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// How.
    pub kind: DifferenceKind,
    /// Its identifier.
    pub identifier: String,
    /// Its datestamp at the source.
    pub there: Option<String>,
    /// Its datestamp in the log.
    pub here: Option<String>,
    /// Whether it is deleted at the source.
    #[serde(skip)]
    pub deleted: bool,
}

/// Counts of what differs, and of what does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Differences {
    /// Records that the source lists, each once.
    pub listed: u64,
    /// Of these, those that are the same in the log.
    pub equal: u64,
    /// See [`DifferenceKind::Missing`].
    pub missing: u64,
    /// See [`DifferenceKind::Gone`].
    pub gone: u64,
    /// See [`DifferenceKind::Stale`].
    pub stale: u64,
    /// See [`DifferenceKind::Pending`].
    pub pending: u64,
}

/// What the source lists, joined with what the log has, and the kind of difference. `?1` is the source and `?2` the
/// datestamp from which the next harvest fetches.
const LISTED: &str = "SELECT audit_header.identifier AS identifier, audit_header.datestamp_text AS there, record.datestamp_text AS here, audit_header.deleted AS gone,
    CASE
        WHEN record.id IS NOT NULL AND NOT record.withdrawn AND record.deleted = audit_header.deleted
             AND (record.datestamp_text = audit_header.datestamp_text OR record.datestamp = audit_header.datestamp) THEN 'equal'
        WHEN audit_header.datestamp >= ?2 AND NOT coalesce(record.withdrawn, 0) THEN 'pending'
        WHEN record.id IS NULL OR record.withdrawn THEN 'missing'
        ELSE 'stale'
    END AS kind
    FROM audit_header LEFT JOIN record ON record.identifier = audit_header.identifier AND record.source_id = audit_header.source_id
    WHERE audit_header.source_id = ?1";

/// A condition on records that the log has and the source `?1` does not list.
const UNLISTED: &str = "source_id = ?1 AND NOT deleted AND NOT withdrawn AND identifier NOT LIKE 'urn:libris-mirror:nameless:%'
    AND NOT EXISTS (SELECT 1 FROM audit_header WHERE audit_header.source_id = record.source_id AND audit_header.identifier = record.identifier)";

impl Log {
    /// The newest audit of a source.
    pub fn newest_audit(&self, source: SourceId) -> Result<Option<HarvestRow>, LogError> {
        self.connection
            .query_row("SELECT * FROM audit WHERE source_id = ?1 ORDER BY id DESC LIMIT 1", [source.0], list_row)
            .optional()
            .map_err(|source| self.failed(source))
    }

    /// Begins a new audit, and deletes what the previous one listed.
    pub fn begin_audit(&mut self, source: SourceId, now: i64) -> Result<HarvestId, LogError> {
        let mut begin = || -> rusqlite::Result<HarvestId> {
            let transaction = self.connection.transaction()?;
            transaction.execute(
                "UPDATE audit SET state = 'abandoned', token = NULL, finished_at = ?2 WHERE source_id = ?1 AND state = 'open'",
                params![source.0, now],
            )?;
            transaction.execute("DELETE FROM audit_header WHERE source_id = ?1", [source.0])?;
            transaction
                .execute("INSERT INTO audit (source_id, state, started_at) VALUES (?1, 'open', ?2)", params![source.0, now])?;
            let id = transaction.last_insert_rowid();
            transaction.commit()?;
            Ok(HarvestId(id))
        };
        begin().map_err(|source| LogError::sqlite(&self.path, source))
    }

    /// Commits headers of an audit, with what the next run needs to resume. Answers whether they refute the order of the list, see
    /// [`HarvestRow::order_is_refuted`].
    pub fn append_audit(&mut self, page: &AuditPage<'_>) -> Result<bool, LogError> {
        let turn = self.turn();
        let _mine = turn.lock();
        let mut append = || -> rusqlite::Result<bool> {
            let transaction = self.connection.transaction()?;
            let mut known = transaction.prepare_cached("SELECT 1 FROM audit_header WHERE source_id = ?1 AND identifier = ?2")?;
            let mut stamps = Vec::with_capacity(page.headers.len());
            let mut insert = transaction.prepare_cached(
                "INSERT INTO audit_header (source_id, identifier, datestamp_text, datestamp, deleted) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET datestamp_text = excluded.datestamp_text, datestamp = excluded.datestamp, deleted = excluded.deleted
                 WHERE excluded.datestamp >= coalesce(audit_header.datestamp, excluded.datestamp)",
            )?;
            for header in page.headers.iter().filter(|header| !header.identifier.as_str().starts_with(NAMELESS)) {
                if !known.exists(params![page.source.0, header.identifier.as_str()])? {
                    stamps.extend(header.datestamp.map(Datestamp::millis));
                }
                insert.execute(params![
                    page.source.0,
                    header.identifier.as_str(),
                    header.datestamp_text,
                    header.datestamp.map(Datestamp::millis),
                    header.deleted
                ])?;
            }
            drop((known, insert));
            let counters = Counters { pages: 1, received: page.headers.len() as u64, ..Counters::default() };
            let AuditPage { response_date, opens_list, token, whole, last, now, .. } = *page;
            let newest = page.headers.iter().filter_map(|header| header.datestamp).max().map(Datestamp::millis);
            let arrived = Arrived { stamps, newest, response_date, opens_list, token, whole, last, doubtful: false, now };
            let position = update_list(&transaction, "audit", page.audit.0, &arrived, &counters)?;
            transaction.commit()?;
            Ok(position.refuted)
        };
        append().map_err(|source| LogError::sqlite(&self.path, source))
    }

    /// Forgets the token of an open audit, whose list is to be re-opened: at its start, or at the datestamp `from` on the
    /// assumption that it is in order.
    pub fn reopen_audit(&self, audit: HarvestId, from: Option<Datestamp>) -> Result<(), LogError> {
        self.connection
            .execute(
                "UPDATE audit SET token = NULL, reopened_from = ?2 WHERE id = ?1",
                params![audit.0, from.map(Datestamp::millis)],
            )
            .map(|_| ())
            .map_err(|error| self.failed(error))
    }

    /// Counts what differs between the list of the newest audit and the log. What is newer than `harvested`, the
    /// server's clock at the last complete harvest, is pending.
    pub fn differences(&self, source: SourceId, harvested: Option<Datestamp>) -> Result<Differences, LogError> {
        let count = || -> rusqlite::Result<Differences> {
            let mut counts = Differences::default();
            let mut statement = self.connection.prepare(&format!("SELECT kind, count(*) FROM ({LISTED}) GROUP BY kind"))?;
            let mut rows = statement.query(params![source.0, harvested.map(Datestamp::millis)])?;
            while let Some(row) = rows.next()? {
                let number: u64 = row.get(1)?;
                counts.listed += number;
                match row.get::<_, String>(0)?.as_str() {
                    "equal" => counts.equal = number,
                    "missing" => counts.missing = number,
                    "pending" => counts.pending = number,
                    _ => counts.stale = number,
                }
            }
            counts.gone =
                self.connection
                    .query_row(&format!("SELECT count(*) FROM record WHERE {UNLISTED}"), [source.0], |row| row.get(0))?;
            Ok(counts)
        };
        count().map_err(|source| self.failed(source))
    }

    /// The first records that differ after an identifier, in their order; without those that are gone.
    pub fn differing(
        &self,
        source: SourceId,
        harvested: Option<Datestamp>,
        after: &str,
        most: usize,
    ) -> Result<Vec<Difference>, LogError> {
        let read = || -> rusqlite::Result<Vec<Difference>> {
            let mut statement = self.connection.prepare_cached(&format!(
                "SELECT kind, identifier, there, here, gone FROM ({LISTED} AND audit_header.identifier > ?3) WHERE kind <> 'equal' ORDER BY identifier LIMIT ?4"
            ))?;
            statement
                .query_map(params![source.0, harvested.map(Datestamp::millis), after, most], |row| {
                    let kind = match row.get::<_, String>(0)?.as_str() {
                        "missing" => DifferenceKind::Missing,
                        "pending" => DifferenceKind::Pending,
                        _ => DifferenceKind::Stale,
                    };
                    Ok(Difference { kind, identifier: row.get(1)?, there: row.get(2)?, here: row.get(3)?, deleted: row.get(4)? })
                })?
                .collect()
        };
        read().map_err(|source| self.failed(source))
    }

    /// The first records after an identifier that the log has and the source does not list.
    pub fn gone(&self, source: SourceId, after: &str, most: usize) -> Result<Vec<Difference>, LogError> {
        let read = || -> rusqlite::Result<Vec<Difference>> {
            let mut statement = self.connection.prepare_cached(&format!(
                "SELECT identifier, datestamp_text FROM record WHERE {UNLISTED} AND identifier > ?2 ORDER BY identifier LIMIT ?3"
            ))?;
            statement
                .query_map(params![source.0, after, most], |row| {
                    let (identifier, here) = (row.get(0)?, row.get(1)?);
                    Ok(Difference { kind: DifferenceKind::Gone, identifier, there: None, here, deleted: false })
                })?
                .collect()
        };
        read().map_err(|source| self.failed(source))
    }

    /// Withdraws the records that the newest audit did not list: they leave the views. The log keeps them, and a later
    /// delivery or [`Log::reinstate`] brings them back. Answers how many there are.
    pub fn withdraw(&mut self, source: SourceId, now: i64) -> Result<u64, LogError> {
        self.withdraw_where(UNLISTED, source, now)
    }

    /// Withdraws the records of a source for which a condition holds. Answers how many there are.
    pub(super) fn withdraw_where(&mut self, condition: &str, source: SourceId, now: i64) -> Result<u64, LogError> {
        self.change_without_network(source, now, |transaction, numbering, moves| {
            let count = for_each_record(transaction, condition, source, |record| {
                let change = numbering.enter(transaction, record, ChangeKind::Withdrawn, None)?;
                transaction.prepare_cached("UPDATE record SET withdrawn = 1 WHERE id = ?1")?.execute([record])?;
                set_last_change(transaction, record, change)
            })?;
            moves.live -= i64::try_from(count).unwrap_or(i64::MAX);
            moves.withdrawn += i64::try_from(count).unwrap_or(i64::MAX);
            Ok(count)
        })
    }

    /// Reinstates every withdrawn record of a source. Answers how many there are.
    pub fn reinstate(&mut self, source: SourceId, now: i64) -> Result<u64, LogError> {
        self.change_without_network(source, now, |transaction, numbering, moves| {
            let count = for_each_record(transaction, "source_id = ?1 AND withdrawn", source, |record| {
                let change = numbering.enter(transaction, record, ChangeKind::Reinstated, None)?;
                transaction.prepare_cached("UPDATE record SET withdrawn = 0 WHERE id = ?1")?.execute([record])?;
                set_last_change(transaction, record, change)
            })?;
            moves.live += i64::try_from(count).unwrap_or(i64::MAX);
            moves.withdrawn -= i64::try_from(count).unwrap_or(i64::MAX);
            Ok(count)
        })
    }

    /// Those of the headers that the log does not have in exactly this form; with `since`, those that did not come in that
    /// harvest.
    pub fn lacking(&self, source: SourceId, since: Option<HarvestId>, headers: Vec<Header>) -> Result<Vec<Header>, LogError> {
        let mut lacking = Vec::new();
        let read = || -> rusqlite::Result<()> {
            let mut statement = self.connection.prepare_cached(
                "SELECT 1 FROM record WHERE source_id = ?1 AND identifier = ?2 AND datestamp_text = ?3 AND deleted = ?4 AND NOT withdrawn
                 AND (?5 IS NULL OR (SELECT harvest_id FROM page WHERE id = page_id) = ?5)",
            )?;
            let since = since.map(|harvest| harvest.0);
            for header in headers {
                let (identifier, datestamp) = (header.identifier.as_str(), &header.datestamp_text);
                if !statement.exists(params![source.0, identifier, datestamp, header.deleted, since])? {
                    lacking.push(header);
                }
            }
            Ok(())
        };
        read().map_err(|source| self.failed(source))?;
        Ok(lacking)
    }
}
