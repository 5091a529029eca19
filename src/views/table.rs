//! Views that live in tables of the log's file: their data and their watermarks in one transaction.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::FairMutex;
use rusqlite::{Connection, Row, Transaction, TransactionBehavior};

use super::{ParsedChange, ViewError};
use crate::log::{Log, LogError, PageId, make_index, missing_indexes, set_watermark, watermark};

/// A view that lives in tables, and what changes in them.
pub trait Table {
    /// The view's name.
    const NAME: &'static str;
    /// The indexes of the tables that [`Self::apply`] does without.
    const FOR_READERS: &'static [&'static str] = &[];
    /// What a change comes to in the tables.
    type Row: Send;
    /// Says what a change comes to. Pure, so that many can be made at once.
    fn row(change: &ParsedChange) -> Self::Row;
    /// Applies what changed with a page, and writes only what is not so already. Idempotent.
    fn apply(transaction: &Transaction<'_>, page: PageId, rows: &[Self::Row]) -> rusqlite::Result<()>;
    /// Empties the tables.
    fn clear(transaction: &Transaction<'_>) -> rusqlite::Result<()>;
    /// Brings the tables into their smallest form, where there is one.
    fn compact(_transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        Ok(())
    }
}

/// Rows of the records that have the graph of record `?1`: those of its identifier, which more than one source may have.
pub(crate) const OF_GRAPH: &str =
    "record_id IN (SELECT id FROM record WHERE identifier = (SELECT identifier FROM record WHERE id = ?1))";

/// Whether a row holds these texts from a column on.
pub(crate) fn holds(row: &Row<'_>, from: usize, texts: &[&str]) -> rusqlite::Result<bool> {
    for (column, text) in texts.iter().enumerate() {
        if row.get_ref(from + column)?.as_bytes()? != text.as_bytes() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The writer's side of such views.
pub struct Tables {
    connection: Connection,
    path: PathBuf,
    turn: Arc<FairMutex<()>>,
}

impl Tables {
    /// The views in the file of a log.
    pub fn open(log: &Log) -> Result<Self, LogError> {
        Ok(Self { connection: log.open_for_views()?, path: log.path().to_owned(), turn: log.turn() })
    }

    /// The last page that a view has applied.
    pub fn watermark<T: Table>(&self) -> Result<PageId, ViewError> {
        watermark(&self.connection, T::NAME).map_err(|source| ViewError::sqlite::<T>(LogError::sqlite(&self.path, source)))
    }

    /// Does some work, all of it or none.
    pub fn write<R>(&mut self, work: impl FnOnce(&Writing<'_>) -> Result<R, ViewError>) -> Result<R, ViewError> {
        let Self { connection, path, turn } = self;
        let _mine = turn.lock();
        // From the beginning: one that only reads at first cannot go on if the log is written meanwhile.
        let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let writing = Writing { transaction: begun.map_err(|source| LogError::sqlite(path, source))?, path };
        let result = work(&writing)?;
        writing.transaction.commit().map_err(|source| LogError::sqlite(path, source))?;
        Ok(result)
    }

    /// Lets a view forget everything, so that the next catching up begins at the log's first page.
    pub fn reset<T: Table>(&mut self) -> Result<(), ViewError> {
        self.write(|writing| writing.in_view::<T>(T::clear).and_then(|()| writing.reached::<T>(PageId(0))))
    }

    /// Does without a view's indexes for readers until [`Self::make_indexes`]. For a table that is empty and about to be
    /// filled: rows come to them in no order, so that in a large table each row writes a leaf of each.
    pub fn drop_indexes<T: Table>(&mut self) -> Result<(), ViewError> {
        self.write(|writing| {
            writing.in_view::<T>(|transaction| {
                for name in T::FOR_READERS {
                    let kept = transaction.execute(
                        "INSERT INTO index_later (name, definition) SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND name = ?1",
                        [name],
                    )?;
                    if kept > 0 {
                        transaction.execute(&format!("DROP INDEX {name}"), [])?;
                    }
                }
                Ok(())
            })
        })
    }

    /// Makes the indexes that are missing, each in a transaction: of a whole table, they are sorted and written once.
    pub fn make_indexes(&mut self) -> Result<(), ViewError> {
        let failed = |source| LogError::sqlite(&self.path, source);
        for (name, definition) in missing_indexes(&self.connection).map_err(failed)? {
            self.write(|Writing { transaction, path }| {
                Ok(make_index(transaction, &name, &definition).map_err(|source| LogError::sqlite(path, source))?)
            })?;
        }
        Ok(())
    }

    /// Brings the tables of a view into their smallest form.
    pub fn compact<T: Table>(&mut self) -> Result<(), ViewError> {
        self.write(|writing| writing.in_view::<T>(T::compact))
    }
}

/// A transaction over such views.
pub struct Writing<'a> {
    transaction: Transaction<'a>,
    path: &'a PathBuf,
}

impl Writing<'_> {
    /// Applies what changed with a page to a view, and moves its watermark there. Idempotent.
    pub fn apply<T: Table>(&self, page: PageId, rows: &[T::Row]) -> Result<(), ViewError> {
        self.in_view::<T>(|transaction| T::apply(transaction, page, rows))?;
        self.reached::<T>(page)
    }

    fn reached<T: Table>(&self, page: PageId) -> Result<(), ViewError> {
        self.in_view::<T>(|transaction| set_watermark(transaction, T::NAME, page))
    }

    fn in_view<T: Table>(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>) -> Result<(), ViewError> {
        work(&self.transaction).map_err(|source| ViewError::sqlite::<T>(LogError::sqlite(self.path, source)))
    }
}

impl ViewError {
    /// A full disk and a damaged file are faults of the file, not of a view.
    fn sqlite<T: Table>(error: LogError) -> Self {
        match error {
            LogError::Sqlite { source, .. } => Self::Sqlite { view: T::NAME, source },
            file => Self::Log(file),
        }
    }
}

/// A log with the records 1 and 2 of two sources, of the same identifier.
#[cfg(test)]
pub(crate) fn log_of_two(directory: &std::path::Path, identifier: &str) -> Log {
    let log = Log::open(&directory.join("mirror.db")).expect("a log");
    log.connection.execute_batch("PRAGMA foreign_keys = OFF").expect("set");
    for id in [1, 2] {
        let sql = "INSERT INTO record (id, source_id, identifier, datestamp_text, sets, deleted, hash, page_id, offset, length, changed_page, first_page)
                   VALUES (?1, ?1, ?2, '', '', 0, x'', 1, 0, 0, 1, 1)";
        log.connection.execute(sql, rusqlite::params![id, identifier]).expect("entered");
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Entries;

    impl Table for Entries {
        const NAME: &'static str = "entries";
        const FOR_READERS: &'static [&'static str] = &["entry_by_kind", "entry_by_year"];
        type Row = ();

        fn row(_: &ParsedChange) {}

        fn apply(_: &Transaction<'_>, _: PageId, _: &[()]) -> rusqlite::Result<()> {
            Ok(())
        }

        fn clear(_: &Transaction<'_>) -> rusqlite::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn indexes_that_were_dropped_are_made_as_they_were() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = Log::open(&directory.path().join("mirror.db")).expect("a log");
        let there = || log.rows("SELECT sql FROM sqlite_schema WHERE sql LIKE 'CREATE INDEX%' ORDER BY 1", [], |row| row.get(0));
        let all: Vec<String> = there().expect("read");
        let mut tables = Tables::open(&log).expect("open");
        // Twice: after a crash, what is missing is missing already.
        for _ in 0..2 {
            tables.drop_indexes::<Entries>().expect("dropped");
            assert_eq!(there().expect("read").len(), all.len() - 2);
        }
        let mut tables = Tables::open(&log).expect("open");
        for _ in 0..2 {
            tables.make_indexes().expect("made");
            assert_eq!(there().expect("read"), all);
        }
    }
}
