//! The log: what each source said, page by page, in `SQLite`.
//!
//! A page that arrived is one transaction ([`Log::append`]): its records as they came, the newest version of each
//! record, the resumption token, and the counters of the harvest. That commit *is* the checkpoint. The log keeps
//! everything that a view could need, so that no view must ask the source again.

mod append;
mod audits;
mod change;
mod documents;
mod emm;
mod feed;
mod harvests;
mod hash;
mod history;
mod ids;
mod items;
mod listing;
mod position;
mod proof;
mod read;
mod readings;
mod sources;
mod state;
mod trouble;
mod undelivered;
mod watermarks;
pub(crate) mod winner;
mod without_network;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::FairMutex;
use rusqlite::{Connection, OpenFlags, Transaction};
use rusqlite_migration::{M, Migrations};

pub use append::{NewPage, Origin, PageReport};
pub use audits::{AuditPage, Difference, DifferenceKind, Differences};
pub use change::{ChangeKind, ChangeRow, Mark};
pub use documents::{Contexts, Document, NewDocument};
pub use emm::HeldRecord;
pub use feed::Happened;
pub use harvests::{Counters, HarvestKind, HarvestRow, HarvestState};
pub use hash::PageProof;
pub use history::VersionRow;
pub use ids::{ChangeId, HarvestId, PageId, SourceId};
pub use items::{Holder, Item, Items};
pub use listing::ListedRecord;
pub use proof::Proof;
pub use read::{CurrentVersion, PageBodies, RecordRow};
pub use readings::{DocumentId, KnownDocument, ReadDocument};
pub use sources::SourceRow;
pub use state::LogState;
pub use trouble::TroubleRow;
pub use undelivered::UndeliveredRow;
pub(crate) use watermarks::{Held, set_watermark, watermark};

/// Errors of the log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The disk or the user's quota is full.
    #[error(
        "the log {path} cannot be written: the disk is full ({source})\nhint: free some space and run the same command again; what was committed is kept"
    )]
    Full {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: rusqlite::Error,
    },
    /// The file is damaged.
    #[error(
        "the log {path} is damaged: {source}\nhint: restore a backup (`libris-mirror restore DIR`); without one, harvest into a new directory (--data)"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: rusqlite::Error,
    },
    /// `SQLite` failed.
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
    /// An older program wrote it, and it was not migrated yet.
    #[error(
        "the log {0} was written by an older version of libris-mirror\nhint: run `libris-mirror publish` once, or the next harvest: it is brought up to date without asking the library again"
    )]
    TooOld(PathBuf),
    /// There is no log.
    #[error("there is no mirror in {0}\nhint: run `libris-mirror harvest` first, or name the right directory with --data")]
    Missing(PathBuf),
    /// Its schema could not be migrated.
    #[error("the log {path} could not be migrated: {source}")]
    Migration {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: rusqlite_migration::Error,
    },
    /// The body of a page does not decompress.
    #[error(
        "page {page} of the log {path} is damaged: {reason}\nhint: restore a backup (`libris-mirror restore DIR`); without one, harvest into a new directory (--data)"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The page.
        page: i64,
        /// What is wrong.
        reason: String,
    },
    /// The log does not have this source.
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
    /// Classifies an error of `SQLite`: a full disk, a damaged file, or another.
    pub(crate) fn sqlite(path: &Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, DiskFull, NotADatabase, SystemIoFailure};
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(DiskFull) => Self::Full { path, source },
            // This is how a file-size limit or a quota shows.
            Some(SystemIoFailure) if source.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_IOERR_WRITE) => {
                Self::Full { path, source }
            }
            Some(DatabaseCorrupt | NotADatabase) => Self::Corrupt { path, source },
            // A column does not have the type that was written.
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

/// The number of migrations after which pages are chained and records can be withdrawn.
const CHAINED: usize = 3;

/// The number of migrations.
const SCHEMAS: usize = 17;

/// The migrations of the schema. One that was released is never edited.
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
        M::up(include_str!("../../migrations/0010_add-changes.sql")),
        M::up(include_str!("../../migrations/0011_version-documents.sql")),
        M::up(include_str!("../../migrations/0012_add-kinds-of-sources.sql")),
        M::up(include_str!("../../migrations/0013_add-shapes-of-view.sql")),
        M::up(include_str!("../../migrations/0014_create-labels.sql")),
        M::up(include_str!("../../migrations/0015_move-words.sql")),
        M::up(include_str!("../../migrations/0016_add-documents.sql")),
        M::up(include_str!("../../migrations/0017_add-emm.sql")),
    ])
}

/// Migrates a schema to the newest version.
///
/// If the program was killed while an empty table was filled without its indexes, these are created first, by the
/// definitions of the older program: a migration may name them.
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

/// Indexes that were dropped until their table is filled: names and definitions.
pub(crate) fn missing_indexes(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = connection.prepare("SELECT name, definition FROM index_later")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Creates such an index.
pub(crate) fn make_index(transaction: &Transaction<'_>, name: &str, definition: &str) -> rusqlite::Result<()> {
    transaction.execute(definition, [])?;
    transaction.execute("DELETE FROM index_later WHERE name = ?1", [name]).map(|_| ())
}

/// An open log.
pub struct Log {
    pub(crate) connection: Connection,
    path: PathBuf,
    /// Lets writers take turns: `SQLite` alone would let the quicker of two go first again and again.
    turn: Arc<FairMutex<()>>,
}

/// How long a reader waits for an exclusive lock of another connection.
const READERS_WAIT: Duration = Duration::from_secs(30);

/// How long the log and the views in its file wait for each other's transactions. Both belong to this program, and on a slow
/// disk a transaction may take long.
const WRITERS_WAIT: Duration = Duration::from_mins(10);

/// Settings of both. In a large file each record touches a dozen leaves of indexes in different places: 32 MB of them are
/// cached, and the write-ahead log is checkpointed at 64 MB, so that a leaf that is written often is copied once.
const WRITERS: &str = "PRAGMA foreign_keys = ON; PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 16384; PRAGMA journal_size_limit = 67108864;";

impl Log {
    /// Opens the log for writing, creates it if necessary, and migrates its schema.
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

    /// The turns of writers, for the views in this log's file.
    pub(crate) fn turn(&self) -> Arc<FairMutex<()>> {
        Arc::clone(&self.turn)
    }

    /// A further connection, for a view that lives in the log's file. Its commits are not flushed to the disk: the log's next
    /// commit does that, and a power cut before it only moves the view back.
    pub fn open_for_views(&self) -> Result<Connection, LogError> {
        let connection = Connection::open(&self.path).map_err(|source| self.failed(source))?;
        connection.execute_batch(&format!("PRAGMA synchronous = NORMAL; {WRITERS}")).map_err(|source| self.failed(source))?;
        connection.busy_timeout(WRITERS_WAIT).map_err(|source| self.failed(source))?;
        Ok(connection)
    }

    /// Opens the log for reading, while another process may write it.
    pub fn open_read_only(path: &Path) -> Result<Self, LogError> {
        Self::open_from(path, SCHEMAS)
    }

    /// Opens a log that may be older than this program, to check its pages and copy it.
    pub fn open_to_copy(path: &Path) -> Result<Self, LogError> {
        Self::open_from(path, CHAINED)
    }

    /// Opens the log for reading, if so many migrations were applied to it.
    fn open_from(path: &Path, oldest: usize) -> Result<Self, LogError> {
        if !path.exists() {
            return Err(LogError::Missing(path.parent().unwrap_or(path).to_owned()));
        }
        let failed = |source| LogError::sqlite(path, source);
        // The file is opened for writing because readers of a WAL share an index; no statement here writes.
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .or_else(|_| Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX))
            .map_err(failed)?;
        connection.execute_batch("PRAGMA query_only = ON;").map_err(failed)?;
        connection.busy_timeout(READERS_WAIT).map_err(failed)?;
        let known = migrations().current_version(&connection);
        match known {
            Ok(rusqlite_migration::SchemaVersion::Outside(_)) => Err(LogError::TooNew(path.to_owned())),
            Ok(rusqlite_migration::SchemaVersion::NoneSet) => Err(LogError::Missing(path.parent().unwrap_or(path).to_owned())),
            Ok(rusqlite_migration::SchemaVersion::Inside(version)) if version.get() < oldest => {
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

    /// Begins a read transaction: all reads see one state until [`Log::thaw`]. Does nothing if one is open already.
    pub fn freeze(&self) -> Result<(), LogError> {
        if !self.connection.is_autocommit() {
            return Ok(());
        }
        self.connection.execute_batch("BEGIN; SELECT count(*) FROM source;").map_err(|source| self.failed(source))
    }

    /// Ends the read transaction.
    pub fn thaw(&self) -> Result<(), LogError> {
        self.connection.execute_batch("COMMIT").map_err(|source| self.failed(source))
    }

    /// Rewrites the file without its free pages. Needs as much disk again while it works.
    pub fn vacuum(&self) -> Result<(), LogError> {
        self.connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);").map_err(|source| self.failed(source))
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
