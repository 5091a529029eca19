//! The log: what each source said, page by page, in `SQLite`.
//!
//! A page that arrived is one transaction ([`Log::append`]): its records as they came, the newest version of each
//! record, the token that leads on, and the harvest's counters. That commit *is* the checkpoint. The log keeps
//! whatever a view could need, so that no view must ask the source again.

mod append;
mod audits;
mod harvests;
mod history;
mod listing;
mod position;
mod proof;
mod read;
mod state;
mod trouble;
mod undelivered;
mod watermarks;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::FairMutex;
use rusqlite::{Connection, OpenFlags, Transaction};
use rusqlite_migration::{M, Migrations};

pub use append::{NewPage, Origin, PageReport};
pub use audits::{AuditPage, Difference, DifferenceKind, Differences};
pub use harvests::{Counters, HarvestId, HarvestKind, HarvestRow, HarvestState, SourceId, SourceRow};
pub use history::VersionRow;
pub use listing::ListedRecord;
pub use proof::{PageProof, Proof};
pub use read::{Change, PageBodies, PageId, RecordRow, WINNER};
pub use state::LogState;
pub use trouble::TroubleRow;
pub use undelivered::UndeliveredRow;
pub(crate) use watermarks::{set_watermark, watermark};

/// Faults of the log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The disk, or what the user may use of it, is full.
    #[error(
        "the log {path} cannot be written: the disk is full ({source})\nhint: free some space and run the same command again; what was committed is kept"
    )]
    Full {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: rusqlite::Error,
    },
    /// The file is no database any more.
    #[error(
        "the log {path} is damaged: {source}\nhint: put a backup back (`libris-mirror restore DIR`); without one, harvest into a new directory (--data)"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: rusqlite::Error,
    },
    /// `SQLite`'s own.
    #[error("the log {path} failed: {source}\nhint: check that the file is readable and its disk in order")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: rusqlite::Error,
    },
    /// A newer program wrote it.
    #[error("the log {0} was written by a newer version of libris-mirror\nhint: upgrade this program; nothing was changed")]
    TooNew(PathBuf),
    /// An older program wrote it, and nothing brought it up to date yet.
    #[error(
        "the log {0} was written by an older version of libris-mirror\nhint: run `libris-mirror publish` once, or the next harvest: it is brought up to date without asking the library again"
    )]
    TooOld(PathBuf),
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
    #[error(
        "page {page} of the log {path} is damaged: {reason}\nhint: put a backup back (`libris-mirror restore DIR`); without one, harvest into a new directory (--data)"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The page.
        page: i64,
        /// What is wrong.
        reason: String,
    },
    /// A source that never was.
    #[error("the mirror has nothing of the source {0:?} yet\nhint: run `libris-mirror harvest {0}` first")]
    NotHarvested(String),
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

impl LogError {
    /// Tells a full disk and a damaged file from other faults.
    pub(crate) fn sqlite(path: &Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, DiskFull, NotADatabase, SystemIoFailure};
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(DiskFull) => Self::Full { path, source },
            // What is left of a file-size limit or a quota.
            Some(SystemIoFailure) if source.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_IOERR_WRITE) => {
                Self::Full { path, source }
            }
            Some(DatabaseCorrupt | NotADatabase) => Self::Corrupt { path, source },
            // What was written as text and numbers is neither any more.
            None if matches!(
                source,
                rusqlite::Error::FromSqlConversionFailure(..)
                    | rusqlite::Error::InvalidColumnType(..)
                    | rusqlite::Error::IntegralValueOutOfRange(..)
                    | rusqlite::Error::Utf8Error(..)
            ) =>
            {
                Self::Corrupt { path, source }
            }
            _ => Self::Sqlite { path, source },
        }
    }
}

const SQLITE_IOERR_WRITE: i32 = 778;

/// A record that the source lists and did not deliver, or that is over a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// Its identifier.
    pub identifier: String,
    /// The datestamp of the version that is missing, as it came.
    pub datestamp_text: String,
    /// Why it is not here.
    pub reason: String,
}

/// How many steps the schema has.
const SCHEMAS: usize = 9;

/// The schema, in steps that are never edited once merged.
fn migrations() -> Migrations<'static> {
    Migrations::new(vec![
        M::up(include_str!("../../migrations/0001_create-log.sql")),
        M::up(include_str!("../../migrations/0002_create-links-and-quarantine.sql")),
        M::up(include_str!("../../migrations/0003_add-proof.sql")),
        M::up(include_str!("../../migrations/0004_create-search.sql")),
        M::up(include_str!("../../migrations/0005_create-trouble.sql")),
        M::up(include_str!("../../migrations/0006_add-words-of-entry.sql")),
        M::up(include_str!("../../migrations/0007_create-index-later.sql")),
        M::up(include_str!("../../migrations/0008_widen-link-by-entity.sql")),
        M::up(include_str!("../../migrations/0009_add-reopened-from.sql")),
    ])
}

/// Brings a schema up to date.
///
/// Indexes may be missing, if the program was killed while an empty table was filled without them: they are made first,
/// from the definitions of their own time, since a step of the migration may name them.
fn migrate(connection: &mut Connection, migrations: &Migrations<'_>) -> Result<(), rusqlite_migration::Error> {
    if migrations.pending_migrations(connection)? > 0 && connection.table_exists(None, "index_later")? {
        for (name, definition) in missing_indexes(connection)? {
            let transaction = connection.transaction()?;
            make_index(&transaction, &name, &definition)?;
            transaction.commit()?;
        }
    }
    migrations.to_latest(connection)
}

/// Indexes that a table does without while it is filled: names and definitions.
pub(crate) fn missing_indexes(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = connection.prepare("SELECT name, definition FROM index_later")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Makes an index that is missing.
pub(crate) fn make_index(transaction: &Transaction<'_>, name: &str, definition: &str) -> rusqlite::Result<()> {
    transaction.execute(definition, [])?;
    transaction.execute("DELETE FROM index_later WHERE name = ?1", [name]).map(|_| ())
}

/// An open log.
pub struct Log {
    pub(crate) connection: Connection,
    path: PathBuf,
    /// Whose turn it is to write: `SQLite` alone would let the quicker of two writers go first again and again.
    turn: Arc<FairMutex<()>>,
}

/// How long a reader waits where another connection must have the file for itself.
const READERS_WAIT: Duration = Duration::from_secs(30);

/// How long the log and the views beside it wait for each other's transactions. Both are this program's own, and on a
/// slow disk one may take its time.
const WRITERS_WAIT: Duration = Duration::from_mins(10);

/// What both keep to. In a large file each record touches a dozen leaves of indexes, here and there: 32 MB of them are
/// kept, and what is in the write-ahead log is moved to its place only when it comes to 64 MB, so that a leaf that is
/// written again and again is moved once.
const WRITERS: &str = "PRAGMA foreign_keys = ON; PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 16384; PRAGMA journal_size_limit = 67108864;";

impl Log {
    /// Opens the log for writing, makes it if need be, and brings its schema up to date.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let failed = |source| LogError::sqlite(path, source);
        let mut connection = Connection::open(path).map_err(failed)?;
        connection.execute_batch(&format!("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {WRITERS}")).map_err(failed)?;
        connection.busy_timeout(WRITERS_WAIT).map_err(failed)?;
        migrate(&mut connection, &migrations()).map_err(|source| match source {
            rusqlite_migration::Error::MigrationDefinition(rusqlite_migration::MigrationDefinitionError::DatabaseTooFarAhead) => {
                LogError::TooNew(path.to_owned())
            }
            source => Self::not_migrated(path, source),
        })?;
        Ok(Self { connection, path: path.to_owned(), turn: Arc::default() })
    }

    /// Whose turn it is to write, for the views beside this log.
    pub(crate) fn turn(&self) -> Arc<FairMutex<()>> {
        Arc::clone(&self.turn)
    }

    /// A second connection for the views that live in the log's file. Their commits need no disk flush of their
    /// own: the log's next one carries them, and until then a power cut only sets them back.
    pub fn open_for_views(&self) -> Result<Connection, LogError> {
        let connection = Connection::open(&self.path).map_err(|source| self.failed(source))?;
        connection.execute_batch(&format!("PRAGMA synchronous = NORMAL; {WRITERS}")).map_err(|source| self.failed(source))?;
        connection.busy_timeout(WRITERS_WAIT).map_err(|source| self.failed(source))?;
        Ok(connection)
    }

    /// Opens the log for reading, beside a writer or alone.
    pub fn open_read_only(path: &Path) -> Result<Self, LogError> {
        if !path.exists() {
            return Err(LogError::Missing(path.parent().unwrap_or(path).to_owned()));
        }
        let failed = |source| LogError::sqlite(path, source);
        // Read-write at the level of the file, since WAL readers share an index; no statement here writes.
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .or_else(|_| Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX))
            .map_err(failed)?;
        connection.execute_batch("PRAGMA query_only = ON;").map_err(failed)?;
        connection.busy_timeout(READERS_WAIT).map_err(failed)?;
        let known = migrations().current_version(&connection);
        match known {
            Ok(rusqlite_migration::SchemaVersion::Outside(_)) => Err(LogError::TooNew(path.to_owned())),
            Ok(rusqlite_migration::SchemaVersion::NoneSet) => Err(LogError::Missing(path.parent().unwrap_or(path).to_owned())),
            Ok(rusqlite_migration::SchemaVersion::Inside(version)) if version.get() < SCHEMAS => {
                Err(LogError::TooOld(path.to_owned()))
            }
            Ok(rusqlite_migration::SchemaVersion::Inside(_)) => {
                Ok(Self { connection, path: path.to_owned(), turn: Arc::default() })
            }
            Err(source) => Err(Self::not_migrated(path, source)),
        }
    }

    fn not_migrated(path: &Path, source: rusqlite_migration::Error) -> LogError {
        match source {
            rusqlite_migration::Error::RusqliteError { err, .. } => LogError::sqlite(path, err),
            source => LogError::Migration { path: path.to_owned(), source },
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn failed(&self, source: rusqlite::Error) -> LogError {
        LogError::sqlite(&self.path, source)
    }

    /// All rows of a query.
    pub(crate) fn rows<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, LogError> {
        let read = || self.connection.prepare_cached(sql)?.query_map(params, row)?.collect::<rusqlite::Result<Vec<T>>>();
        read().map_err(|source| self.failed(source))
    }

    /// Holds one consistent state of the log for all reads until the log is dropped, or thawed. One that is held already
    /// stays.
    pub fn freeze(&self) -> Result<(), LogError> {
        if !self.connection.is_autocommit() {
            return Ok(());
        }
        self.connection.execute_batch("BEGIN; SELECT count(*) FROM source;").map_err(|source| self.failed(source))
    }

    /// Lets go of the state that was held.
    pub fn thaw(&self) -> Result<(), LogError> {
        self.connection.execute_batch("COMMIT").map_err(|source| self.failed(source))
    }

    /// Writes the file anew without the holes of what was removed. Takes as much disk again for its while.
    pub fn vacuum(&self) -> Result<(), LogError> {
        self.connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);").map_err(|source| self.failed(source))
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
    fn a_migration_may_drop_an_index_that_is_missing_for_now() {
        let mut memory = Connection::open_in_memory().expect("memory");
        // What a program of that time left behind when it was killed.
        migrations().to_version(&mut memory, 7).expect("so many steps");
        memory
            .execute_batch(
                "INSERT INTO index_later SELECT name, sql FROM sqlite_schema WHERE name IN ('link_by_entity', 'entry_by_year');
                 DROP INDEX link_by_entity; DROP INDEX entry_by_year;",
            )
            .expect("valid");
        migrate(&mut memory, &migrations()).expect("migrated");
        let columns = |name: &str| -> String {
            memory.query_row("SELECT group_concat(name) FROM pragma_index_info(?1)", [name], |row| row.get(0)).unwrap_or_default()
        };
        assert_eq!((columns("link_by_entity").as_str(), columns("entry_by_year").as_str()), ("entity,authority", "year"));
        assert_eq!(missing_indexes(&memory).expect("read"), []);
        // A schema that is up to date leaves them to the views.
        memory.execute_batch("INSERT INTO index_later VALUES ('x', 'CREATE INDEX x ON link (iri)')").expect("valid");
        migrate(&mut memory, &migrations()).expect("nothing to do");
        assert_eq!(missing_indexes(&memory).expect("read").len(), 1);
    }

    #[test]
    fn the_migrations_are_valid() {
        migrations().validate().expect("valid SQL");
        let mut memory = Connection::open_in_memory().expect("memory");
        migrations().to_version(&mut memory, SCHEMAS).expect("so many steps");
        assert!(migrations().to_version(&mut memory, SCHEMAS + 1).is_err(), "and no more");
    }
}
