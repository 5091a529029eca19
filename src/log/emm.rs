//! What the log keeps of a source of dumps and changes besides its pages.

use rusqlite::{OptionalExtension, params};

use super::ids::SourceId;
use super::{Log, LogError};

/// A record of such a source, as far as an activity is compared with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldRecord {
    /// Whether the views have it: it is neither deleted nor withdrawn.
    pub live: bool,
    /// Its datestamp, milliseconds since 1970.
    pub datestamp: Option<i64>,
}

impl Log {
    /// The time up to which everything that the feed says is in the log, milliseconds since 1970.
    pub fn feed_known(&self, source: SourceId) -> Result<Option<i64>, LogError> {
        self.connection
            .prepare_cached("SELECT known FROM emm_known WHERE source_id = ?1")
            .and_then(|mut statement| statement.query_row([source.0], |row| row.get(0)).optional())
            .map_err(|source| self.failed(source))
    }

    /// Keeps this time.
    pub fn set_feed_known(&self, source: SourceId, known: i64) -> Result<(), LogError> {
        self.connection
            .execute("INSERT OR REPLACE INTO emm_known (source_id, known) VALUES (?1, ?2)", [source.0, known])
            .map(|_| ())
            .map_err(|source| self.failed(source))
    }

    /// Notes which records describe which entities, and of which classes these are. Kept before the records themselves: a note
    /// without its record does no harm.
    pub fn note_entities<'a>(
        &mut self,
        source: SourceId,
        entities: impl Iterator<Item = (&'a str, &'a str)>,
        classes: impl Iterator<Item = &'a str>,
    ) -> Result<(), LogError> {
        let turn = self.turn();
        let _mine = turn.lock();
        let note = || -> rusqlite::Result<()> {
            let transaction = self.connection.transaction()?;
            for (entity, identifier) in entities {
                transaction
                    .prepare_cached(
                        "INSERT INTO emm_entity (source_id, entity, identifier) VALUES (?1, ?2, ?3)
                         ON CONFLICT DO UPDATE SET identifier = excluded.identifier WHERE identifier <> excluded.identifier",
                    )?
                    .execute(params![source.0, entity, identifier])?;
            }
            for class in classes {
                transaction
                    .prepare_cached("INSERT OR IGNORE INTO emm_class (source_id, class) VALUES (?1, ?2)")?
                    .execute(params![source.0, class])?;
            }
            transaction.commit()
        };
        note().map_err(|source| LogError::sqlite(&self.path, source))
    }

    /// The record of an entity whose IRI does not tell it.
    pub fn record_of_entity(&self, source: SourceId, entity: &str) -> Result<Option<String>, LogError> {
        self.connection
            .prepare_cached("SELECT identifier FROM emm_entity WHERE source_id = ?1 AND entity = ?2")
            .and_then(|mut statement| statement.query_row(params![source.0, entity], |row| row.get(0)).optional())
            .map_err(|source| self.failed(source))
    }

    /// The classes that the dumps of a source held.
    pub fn dumped_classes(&self, source: SourceId) -> Result<Vec<String>, LogError> {
        self.rows("SELECT class FROM emm_class WHERE source_id = ?1", [source.0], |row| row.get(0))
    }

    /// A record of a source.
    pub fn held(&self, source: SourceId, identifier: &str) -> Result<Option<HeldRecord>, LogError> {
        self.connection
            .prepare_cached(
                "SELECT NOT deleted AND NOT withdrawn, datestamp FROM record WHERE identifier = ?1 AND source_id = ?2",
            )
            .and_then(|mut statement| {
                let row = statement
                    .query_row(params![identifier, source.0], |row| Ok(HeldRecord { live: row.get(0)?, datestamp: row.get(1)? }));
                row.optional()
            })
            .map_err(|source| self.failed(source))
    }

    /// Adds the live records that were changed since a time to the list of the newest audit: a dump that was made then need not
    /// have them.
    pub fn list_newer(&mut self, source: SourceId, since: i64) -> Result<u64, LogError> {
        let turn = self.turn();
        let _mine = turn.lock();
        self.connection
            .execute(
                "INSERT OR IGNORE INTO audit_header (source_id, identifier, datestamp_text, datestamp, deleted)
                 SELECT source_id, identifier, datestamp_text, datestamp, deleted FROM record
                 WHERE source_id = ?1 AND datestamp >= ?2 AND NOT deleted AND NOT withdrawn",
                [source.0, since],
            )
            .map(|count| count as u64)
            .map_err(|source| self.failed(source))
    }
}
