//! Look-ups in the table of entries.

use rusqlite::{OptionalExtension, Row};

use crate::log::{Log, LogError};

/// A record as a search finds it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct EntryRow {
    /// The record's graph, which is its IRI.
    pub record: String,
    /// What it describes.
    pub entity: String,
    /// The class of that, without KBV's namespace.
    pub kind: String,
    /// Title, name or heading.
    pub label: String,
    /// Who, where published, life span.
    pub detail: String,
    /// The year of publication.
    pub year: Option<i64>,
}

/// The readers' side of the table.
pub struct SearchIndex<'a>(pub &'a Log);

impl SearchIndex<'_> {
    /// The entry of a record, by its id in the log.
    pub(super) fn by_id(&self, record: i64) -> Result<Option<EntryRow>, LogError> {
        self.0
            .connection
            .prepare_cached("SELECT graph, entity, kind, label, detail, year FROM entry WHERE record_id = ?1")
            .and_then(|mut statement| statement.query_row([record], entry_row).optional())
            .map_err(|source| self.0.failed(source))
    }

    /// Whether the table is being filled from nothing.
    pub(super) fn is_being_filled(&self) -> Result<bool, LogError> {
        // While it is, it has no such index.
        let missing = "SELECT 1 FROM index_later WHERE name = 'entry_by_heading'";
        let exists = self.0.connection.prepare_cached(missing).and_then(|mut statement| statement.exists([]));
        exists.map_err(|source| self.0.failed(source))
    }

    /// The entry of a record, by its IRI.
    pub fn entry(&self, record: &str) -> Result<Option<EntryRow>, LogError> {
        self.0
            .connection
            .prepare_cached("SELECT graph, entity, kind, label, detail, year FROM entry WHERE graph = ?1")
            .and_then(|mut statement| statement.query_row([record], entry_row).optional())
            .map_err(|source| self.0.failed(source))
    }

    /// What the table holds of a record that no search shows: its heading, its number of triples, and the hash of its document.
    pub(super) fn behind(&self, record: &str) -> Result<Option<(String, usize, i64)>, LogError> {
        self.0
            .connection
            .prepare_cached("SELECT heading, triples, coalesce(words, 0) FROM entry WHERE graph = ?1")
            .and_then(|mut statement| statement.query_row([record], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional())
            .map_err(|source| self.0.failed(source))
    }

    /// The entry of a record, by its IRI or that of what it describes: `<record#it>`. An IRI with a `#` may be a record's own.
    pub fn entry_about(&self, iri: &str) -> Result<Option<EntryRow>, LogError> {
        match (self.entry(iri)?, iri.split_once('#')) {
            (None, Some((record, _))) => self.entry(record),
            (entry, _) => Ok(entry),
        }
    }

    /// How many records there are of each kind, and their triples; the most frequent first.
    pub fn kinds(&self) -> Result<Vec<(String, u64, u64)>, LogError> {
        self.0.rows("SELECT kind, count(*), sum(triples) FROM entry GROUP BY kind ORDER BY 2 DESC, 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
    }

    /// How many records were published in each decade.
    pub fn decades(&self) -> Result<Vec<(i64, u64)>, LogError> {
        self.0.rows("SELECT year / 10 * 10, count(*) FROM entry WHERE year IS NOT NULL GROUP BY 1 ORDER BY 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
    }
}

fn entry_row(row: &Row<'_>) -> rusqlite::Result<EntryRow> {
    Ok(EntryRow {
        record: row.get(0)?,
        entity: row.get(1)?,
        kind: row.get(2)?,
        label: row.get(3)?,
        detail: row.get(4)?,
        year: row.get(5)?,
    })
}
