//! The quarantine: records whose newest version gives no quads, with the reason. A view of the log; the record's
//! bytes stay in the log, and a later version that parses clears the row.

use rusqlite::{Transaction, params};

use crate::log::winner::same_identifier_as_record_1;
use crate::log::{Log, LogError, watermark};
use crate::views::{Content, ParsedChange, Table};

/// The writer's side.
pub struct QuarantineTable;

/// A quarantined record.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Quarantined {
    /// Its identifier.
    pub identifier: String,
    /// Its source.
    pub source: String,
    /// The page that it came with.
    pub page: i64,
    /// What is wrong, and what to do.
    pub reason: String,
    /// The byte position in the record or its payload.
    pub position: Option<i64>,
    /// The text around it.
    pub excerpt: Option<String>,
}

/// What is wrong with a record.
pub struct Fault {
    reason: String,
    position: Option<i64>,
    excerpt: Option<String>,
}

impl Table for QuarantineTable {
    const NAME: &'static str = "quarantine";
    const TABLE: &'static str = "quarantine";
    /// The record, the page that its version came with, and what is wrong with it, if something is.
    type Row = (i64, i64, Option<Fault>);

    fn row(change: &ParsedChange) -> Self::Row {
        let fault = match &change.content {
            Content::Quarantined(error) => Some(Fault {
                reason: error.to_string(),
                position: error.position().and_then(|position| i64::try_from(position).ok()),
                excerpt: error.excerpt().map(str::to_owned),
            }),
            Content::Quads(_) | Content::Deleted => None,
        };
        (change.record, change.page.0, fault)
    }

    fn apply(transaction: &Transaction<'_>, rows: &[Self::Row]) -> rusqlite::Result<()> {
        // Rows of another source's record with the same identifier go as well.
        let mut remove =
            transaction.prepare_cached(&format!("DELETE FROM quarantine WHERE {}", same_identifier_as_record_1()))?;
        let mut any: bool =
            transaction.prepare_cached("SELECT EXISTS (SELECT 1 FROM quarantine)")?.query_row([], |row| row.get(0))?;
        let mut insert = transaction.prepare_cached(
            "INSERT INTO quarantine (record_id, page_id, reason, position, excerpt) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for (record, page, fault) in rows {
            if any {
                remove.execute([record])?;
            }
            any |= fault.is_some();
            if let Some(Fault { reason, position, excerpt }) = fault {
                insert.execute(params![record, page, reason, position, excerpt])?;
            }
        }
        Ok(())
    }

    fn clear(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        transaction.execute("DELETE FROM quarantine", []).map(|_| ())
    }

    fn compare(log: &Log, change: &ParsedChange) -> Result<(u64, Option<String>), LogError> {
        let due = matches!(change.content, Content::Quarantined(_));
        let problem = match (due, holds(log, change.record)?) {
            (true, false) => Some("gives no triples and is not in quarantine".to_owned()),
            (false, true) => Some("is in quarantine and parses".to_owned()),
            _ => None,
        };
        Ok((u64::from(due), problem))
    }
}

/// Which records are known to be sound: the view has read them as they are now, and found nothing wrong.
pub struct Sound {
    /// Whether the view has come to the end of the log.
    current: bool,
    /// Whether anything is quarantined.
    any: bool,
}

impl Sound {
    /// Reads the view. The log must be frozen.
    pub fn of(log: &Log) -> Result<Self, LogError> {
        let reached = watermark(&log.connection, QuarantineTable::NAME).map_err(|source| log.failed(source))?;
        let any = log.connection.query_row("SELECT EXISTS (SELECT 1 FROM quarantine)", [], |row| row.get(0));
        let (reached, _) = reached.unwrap_or_default();
        Ok(Self { current: log.content_change_after(reached)?.is_none(), any: any.map_err(|source| log.failed(source))? })
    }

    /// Whether a record is among them.
    pub fn has(&self, log: &Log, record: i64) -> Result<bool, LogError> {
        Ok(self.current && !(self.any && holds(log, record)?))
    }
}

/// The quarantined records of a source, or of all; at most `most`.
pub fn list(log: &Log, source: Option<&str>, most: u32) -> Result<Vec<Quarantined>, LogError> {
    let sql = "SELECT record.identifier, source.name, quarantine.page_id, reason, position, excerpt FROM quarantine
         JOIN record ON record.id = record_id JOIN source ON source.id = source_id
         WHERE ?1 IS NULL OR source.name = ?1 ORDER BY source.name, record.identifier LIMIT ?2";
    log.rows(sql, params![source, most], |row| {
        Ok(Quarantined {
            identifier: row.get(0)?,
            source: row.get(1)?,
            page: row.get(2)?,
            reason: row.get(3)?,
            position: row.get(4)?,
            excerpt: row.get(5)?,
        })
    })
}

/// How many records of a source are quarantined.
pub fn count(log: &Log, source: &str) -> Result<u64, LogError> {
    log.connection
        .query_row(
            "SELECT count(*) FROM quarantine JOIN record ON record.id = record_id JOIN source ON source.id = source_id WHERE source.name = ?1",
            [source],
            |row| row.get(0),
        )
        .map_err(|source| log.failed(source))
}

/// How many records are quarantined.
pub fn total(log: &Log) -> Result<u64, LogError> {
    log.connection.query_row("SELECT count(*) FROM quarantine", [], |row| row.get(0)).map_err(|source| log.failed(source))
}

/// Whether a record is quarantined, by its id in the log.
pub fn holds(log: &Log, record: i64) -> Result<bool, LogError> {
    log.connection
        .prepare_cached("SELECT 1 FROM quarantine WHERE record_id = ?1")
        .and_then(|mut statement| statement.exists([record]))
        .map_err(|source| log.failed(source))
}
