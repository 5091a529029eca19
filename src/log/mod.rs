//! The log: what each source said, page by page, in `SQLite`.
//!
//! A page that arrived is one transaction ([`Log::append`]): its records as they came, the newest version of each
//! record, the token that leads on, and the harvest's counters. That commit *is* the checkpoint. The log keeps
//! whatever a view could need, so that no view must ask the source again.

mod append;
mod harvests;
mod read;
mod watermarks;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};

pub use append::{NewPage, PageReport};
pub use harvests::{Counters, HarvestId, HarvestKind, HarvestRow, HarvestState, SourceId, SourceRow};
pub use read::{Change, PageBodies, PageId, RecordRow, WINNER};
pub(crate) use watermarks::{set_watermark, watermark};

/// Faults of the log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `SQLite`'s own.
    #[error("the log {path} failed: {source}\nhint: check that its disk is not full and that the file is readable")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: rusqlite::Error,
    },
    /// A newer program wrote it.
    #[error("the log {0} was written by a newer version of libris-mirror\nhint: upgrade this program; nothing was changed")]
    TooNew(PathBuf),
    /// There is none.
    #[error("there is no mirror in {0}\nhint: run `libris-mirror harvest` first, or name the right directory with --data")]
    Missing(PathBuf),
    /// Its schema could not be brought up to date.
    #[error("the log {path} could not be migrated: {source}")]
    Migration {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: rusqlite_migration::Error,
    },
    /// A body does not decompress.
    #[error("page {page} of the log {path} is damaged: {reason}\nhint: restore a backup, or harvest into a new directory")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The page.
        page: i64,
        /// What is wrong.
        reason: String,
    },
    /// A source of this name was harvested with other settings.
    #[error(
        "the source {name:?} of this mirror has {what} {was:?}, not {now:?}\nhint: give the new list a name of its own (--name), or put the old setting back"
    )]
    OtherSource {
        /// Its name.
        name: String,
        /// The setting.
        what: &'static str,
        /// The value in the log.
        was: String,
        /// The value in the configuration.
        now: String,
    },
}

/// The schema, in steps that are never edited once merged.
fn migrations() -> Migrations<'static> {
    Migrations::new(vec![
        M::up(include_str!("../../migrations/0001_create-log.sql")),
        M::up(include_str!("../../migrations/0002_create-links-and-quarantine.sql")),
    ])
}

/// An open log.
pub struct Log {
    pub(crate) connection: Connection,
    path: PathBuf,
}

/// How many seconds a statement waits for another connection's transaction.
const BUSY_SECONDS: u64 = 30;

impl Log {
    /// Opens the log for writing, makes it if need be, and brings its schema up to date.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let failed = |source| LogError::Sqlite { path: path.to_owned(), source };
        let mut connection = Connection::open(path).map_err(failed)?;
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864;")
            .map_err(failed)?;
        connection.busy_timeout(std::time::Duration::from_secs(BUSY_SECONDS)).map_err(failed)?;
        migrations().to_latest(&mut connection).map_err(|source| match source {
            rusqlite_migration::Error::MigrationDefinition(rusqlite_migration::MigrationDefinitionError::DatabaseTooFarAhead) => {
                LogError::TooNew(path.to_owned())
            }
            source => LogError::Migration { path: path.to_owned(), source },
        })?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// A second connection for the views that live in the log's file. Their commits need no disk flush of their
    /// own: the log's next one carries them, and until then a power cut only sets them back.
    pub fn open_for_views(&self) -> Result<Connection, LogError> {
        let connection = Connection::open(&self.path).map_err(|source| self.failed(source))?;
        connection
            .execute_batch("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;")
            .map_err(|source| self.failed(source))?;
        connection.busy_timeout(std::time::Duration::from_secs(BUSY_SECONDS)).map_err(|source| self.failed(source))?;
        Ok(connection)
    }

    /// Opens the log for reading, beside a writer or alone.
    pub fn open_read_only(path: &Path) -> Result<Self, LogError> {
        if !path.exists() {
            return Err(LogError::Missing(path.parent().unwrap_or(path).to_owned()));
        }
        let failed = |source| LogError::Sqlite { path: path.to_owned(), source };
        // Read-write at the level of the file, since WAL readers share an index; no statement here writes.
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .or_else(|_| Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX))
            .map_err(failed)?;
        connection.execute_batch("PRAGMA query_only = ON;").map_err(failed)?;
        connection.busy_timeout(std::time::Duration::from_secs(BUSY_SECONDS)).map_err(failed)?;
        let known = migrations().current_version(&connection);
        match known {
            Ok(rusqlite_migration::SchemaVersion::Outside(_)) => Err(LogError::TooNew(path.to_owned())),
            Ok(rusqlite_migration::SchemaVersion::NoneSet) => Err(LogError::Missing(path.parent().unwrap_or(path).to_owned())),
            Ok(rusqlite_migration::SchemaVersion::Inside(_)) => Ok(Self { connection, path: path.to_owned() }),
            Err(source) => Err(LogError::Migration { path: path.to_owned(), source }),
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn failed(&self, source: rusqlite::Error) -> LogError {
        LogError::Sqlite { path: self.path.clone(), source }
    }

    /// Holds one consistent state of the log for all reads until the log is dropped.
    pub fn freeze(&self) -> Result<(), LogError> {
        self.connection.execute_batch("BEGIN; SELECT count(*) FROM source;").map_err(|source| self.failed(source))
    }

    /// A document that records rely on, as it was fetched.
    pub fn document(&self, url: &str) -> Result<Option<Vec<u8>>, LogError> {
        use rusqlite::OptionalExtension;
        self.connection
            .query_row("SELECT body FROM document WHERE url = ?1", [url], |row| row.get(0))
            .optional()
            .map_err(|source| self.failed(source))
    }

    /// Keeps a document that was fetched.
    pub fn keep_document(&self, url: &str, fetched_at: i64, body: &[u8]) -> Result<(), LogError> {
        self.connection
            .execute(
                "INSERT OR REPLACE INTO document (url, fetched_at, body) VALUES (?1, ?2, ?3)",
                rusqlite::params![url, fetched_at, body],
            )
            .map(|_| ())
            .map_err(|source| self.failed(source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_migrations_are_valid() {
        migrations().validate().expect("valid SQL");
    }
}
