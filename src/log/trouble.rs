//! Why runs ended early, for people who look later.

use rusqlite::params;

use super::{Log, LogError};

/// A run that ended early.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TroubleRow {
    /// The name of the source.
    pub source: String,
    /// When, milliseconds since 1970, this machine's clock.
    pub at: i64,
    /// Why, in words.
    pub message: String,
}

/// How many are kept of each source.
const KEPT: u32 = 100;

impl Log {
    /// Notes why a run of a source ended early; of many, the newest are kept.
    pub fn note_trouble(&self, source: &str, at: i64, message: &str) -> Result<(), LogError> {
        let note = || -> rusqlite::Result<()> {
            self.connection
                .execute("INSERT INTO trouble (source, at, message) VALUES (?1, ?2, ?3)", params![source, at, message])?;
            self.connection.execute(
                "DELETE FROM trouble WHERE source = ?1
                 AND id NOT IN (SELECT id FROM trouble WHERE source = ?1 ORDER BY id DESC LIMIT ?2)",
                params![source, KEPT],
            )?;
            Ok(())
        };
        note().map_err(|source| self.failed(source))
    }

    /// Why runs ended early, the newest first.
    pub fn troubles(&self, most: u32) -> Result<Vec<TroubleRow>, LogError> {
        self.rows("SELECT source, at, message FROM trouble ORDER BY id DESC LIMIT ?1", [most], |row| {
            Ok(TroubleRow { source: row.get(0)?, at: row.get(1)?, message: row.get(2)? })
        })
    }
}
