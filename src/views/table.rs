//! Views that live in tables of the log's file: their data and their watermarks in one transaction.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::FairMutex;
use rusqlite::{Connection, Row, Rows, Transaction, TransactionBehavior};

use super::view::{Batch, Check, Faults, Home, LocalView, TOLD, View, compare_each};
use super::{ParsedChange, ViewError};
use crate::log::{ChangeId, Held, Log, LogError, make_index, missing_indexes, set_watermark, watermark};

/// A view that lives in a table, and what changes in it.
pub trait Table: Sized {
    /// See [`LocalView::NAME`].
    const NAME: &'static str;
    /// See [`LocalView::VERSION`].
    const VERSION: u32 = 1;
    /// See [`LocalView::SHAPED`].
    const SHAPED: bool = false;
    /// The table whose rows have a `record_id`.
    const TABLE: &'static str;
    /// The indexes that [`Self::apply`] does not use. A table that is filled from nothing gets them at the end.
    const FOR_READERS: &'static [&'static str] = &[];
    /// What the view wants of a change.
    type Row: Send + 'static;
    /// See [`View::part`].
    fn row(change: &ParsedChange) -> Self::Row;
    /// Applies what changed, and writes only what differs from what is there. Idempotent.
    fn apply(transaction: &Transaction<'_>, rows: &[Self::Row]) -> rusqlite::Result<()>;
    /// Empties the table.
    fn clear(transaction: &Transaction<'_>) -> rusqlite::Result<()>;
    /// Brings the table into its smallest form, where there is one.
    fn optimize(_transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        Ok(())
    }
    /// Compares what the table holds of a record with what it must hold. Answers how many rows that must be, and what is wrong.
    fn compare(log: &Log, change: &ParsedChange) -> Result<(u64, Option<String>), LogError>;
    /// What is wrong within the view, whatever the records say.
    fn integrity(_log: &Log) -> Result<Option<String>, LogError> {
        Ok(None)
    }
}

/// Whether a row holds these texts from a column on.
pub(crate) fn holds(row: &Row<'_>, from: usize, texts: &[&str]) -> rusqlite::Result<bool> {
    for (column, text) in texts.iter().enumerate() {
        if row.get_ref(from + column)?.as_bytes()? != text.as_bytes() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How the rows that are there compare with what must be there.
pub(crate) enum Known {
    /// There are none, and there must be some.
    None,
    /// They are those that must be there, in their order.
    Same,
    /// They are others.
    Other,
}

/// Compares rows with what must be there.
pub(crate) fn compare_rows<T>(
    rows: &mut Rows<'_>,
    due: &[T],
    same: impl Fn(&Row<'_>, &T) -> rusqlite::Result<bool>,
) -> rusqlite::Result<Known> {
    let (mut left, mut any) = (due.iter(), false);
    while let Some(row) = rows.next()? {
        any = true;
        match left.next() {
            Some(due) if same(row, due)? => {}
            _ => return Ok(Known::Other),
        }
    }
    Ok(match (any, left.next()) {
        (false, Some(_)) => Known::None,
        (true, Some(_)) => Known::Other,
        (_, None) => Known::Same,
    })
}

/// The writer's side of such a view.
pub struct TableView<T> {
    connection: Connection,
    path: PathBuf,
    turn: Arc<FairMutex<()>>,
    watermark: ChangeId,
    /// What it must hold.
    holds: Held,
    table: PhantomData<fn() -> T>,
}

impl<T: Table> TableView<T> {
    fn fault(path: &Path, source: rusqlite::Error) -> ViewError {
        match LogError::sqlite(path, source) {
            // A full disk and a damaged file are faults of the file, not of a view.
            LogError::Sqlite { source, .. } => ViewError::Sqlite { view: T::NAME, source },
            file => ViewError::Log(file),
        }
    }

    fn read<R>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<R>) -> Result<R, ViewError> {
        work(&self.connection).map_err(|source| Self::fault(&self.path, source))
    }

    /// Does some work, all of it or none.
    fn write<R>(&mut self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<R>) -> Result<R, ViewError> {
        let Self { connection, path, turn, .. } = self;
        let _mine = turn.lock();
        let write = || {
            // From the beginning: one that only reads at first cannot go on if the log is written meanwhile.
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        write().map_err(|source| Self::fault(path, source))
    }

    /// Drops the indexes for readers until the table is filled: rows come to them in no order, so that in a large table each
    /// row writes a leaf of each.
    fn drop_indexes(&mut self) -> Result<(), ViewError> {
        self.write(|transaction| {
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
    }

    /// Makes the indexes of this view that are missing, each in a transaction: of a whole table, they are sorted and written
    /// once.
    fn make_indexes(&mut self) -> Result<(), ViewError> {
        let missing = self.read(missing_indexes)?;
        for (name, definition) in missing.into_iter().filter(|(name, _)| T::FOR_READERS.contains(&name.as_str())) {
            self.write(|transaction| make_index(transaction, &name, &definition))?;
        }
        Ok(())
    }

    /// Applies batches that the caller needs afterwards.
    pub(crate) fn apply_all(&mut self, batches: &[Batch<T::Row>]) -> Result<(), ViewError> {
        if self.watermark == ChangeId(0) && batches.iter().any(|batch| !batch.parts.is_empty()) {
            self.drop_indexes()?;
        }
        // After a crash, a view of which this table is a part may begin before what the table has: that stays applied.
        let reached = batches.iter().rev().find_map(|batch| batch.mark).filter(|mark| mark.change > self.watermark);
        let holds = self.holds.clone();
        self.write(|transaction| {
            for batch in batches.iter().filter(|batch| !batch.parts.is_empty()) {
                T::apply(transaction, &batch.parts)?;
            }
            // Parts after the last mark are of a page that goes on: they come again after a crash.
            reached.map_or(Ok(()), |mark| set_watermark(transaction, T::NAME, mark.change, &holds))
        })?;
        self.watermark = reached.map_or(self.watermark, |mark| mark.change);
        Ok(())
    }

    fn forget(&mut self) -> Result<(), ViewError> {
        let holds = self.holds.clone();
        self.write(|transaction| {
            T::clear(transaction)?;
            set_watermark(transaction, T::NAME, ChangeId(0), &holds)
        })?;
        self.watermark = ChangeId(0);
        Ok(())
    }
}

impl<T: Table> View for TableView<T> {
    type Part = T::Row;

    fn name(&self) -> &str {
        T::NAME
    }

    fn part(change: &ParsedChange) -> T::Row {
        T::row(change)
    }

    fn watermark(&self) -> ChangeId {
        self.watermark
    }

    fn apply(&mut self, batches: Vec<Batch<T::Row>>) -> Result<(), ViewError> {
        self.apply_all(&batches)
    }

    /// Whatever was applied is safe.
    fn flush(&mut self) -> Result<(), ViewError> {
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ViewError> {
        self.make_indexes()
    }
}

impl<T: Table> LocalView for TableView<T> {
    const NAME: &'static str = T::NAME;
    const VERSION: u32 = T::VERSION;
    const SHAPED: bool = T::SHAPED;

    fn open(home: &Home<'_>) -> Result<Self, ViewError> {
        let (path, turn) = (home.log.path().to_owned(), home.log.turn());
        let shapes = if T::SHAPED { home.config.shapes.fingerprint().to_owned() } else { String::new() };
        let holds = Held { version: T::VERSION, shapes };
        let connection = home.log.open_for_views()?;
        let mut view = Self { connection, path, turn, watermark: ChangeId(0), holds, table: PhantomData };
        match view.read(|connection| watermark(connection, T::NAME))? {
            Some((reached, held)) if held == view.holds => view.watermark = reached,
            Some((_, held)) => {
                tracing::info!(
                    view = T::NAME,
                    was = held.version,
                    now = T::VERSION,
                    other_shapes = held.shapes != view.holds.shapes,
                    "the view holds something else now, and is rebuilt"
                );
                view.forget()?;
            }
            None => {}
        }
        Ok(view)
    }

    fn reached(home: &Home<'_>) -> Result<ChangeId, ViewError> {
        let log = home.log;
        let known = watermark(&log.connection, T::NAME).map_err(|source| log.failed(source))?;
        Ok(known.map(|(reached, _)| reached).unwrap_or_default())
    }

    fn reset(home: &Home<'_>) -> Result<(), ViewError> {
        Self::open(home)?.forget()
    }

    fn optimize(&mut self) -> Result<(), ViewError> {
        self.write(T::optimize)
    }

    fn check<'a>(&'a self, home: &Home<'a>) -> Result<Box<dyn Check + 'a>, ViewError> {
        let log = Log::open_read_only(home.log.path())?;
        Ok(Box::new(TableCheck::<T> { log, due: 0, table: PhantomData }))
    }
}

/// Compares a table with the records, one after the other.
pub struct TableCheck<T> {
    log: Log,
    /// How many rows the records give.
    due: u64,
    table: PhantomData<fn() -> T>,
}

impl<T: Table> Check for TableCheck<T> {
    fn compared(&self) -> Vec<&'static str> {
        vec![T::NAME]
    }

    fn records(&mut self, changes: &[ParsedChange], faults: &mut Faults) -> Result<(), ViewError> {
        let Self { log, due, .. } = self;
        *due += compare_each(T::NAME, changes, faults, |change| Ok(T::compare(log, change)?))?;
        Ok(())
    }

    fn finish(self: Box<Self>, faults: &mut Faults) -> Result<u64, ViewError> {
        let (log, due) = (&self.log, self.due);
        let counted = log.connection.query_row(&format!("SELECT count(*) FROM {}", T::TABLE), [], |row| row.get(0));
        let held: u64 = counted.map_err(|source| log.failed(source))?;
        if held != due {
            faults.add(T::NAME, format!("the table holds {held} rows, and the records give {due}"));
            for identifier in log.strays(T::TABLE, TOLD)? {
                faults.add(T::NAME, format!("<{identifier}> is in the table, and no version of it counts"));
            }
        }
        if let Some(problem) = T::integrity(log)? {
            faults.add(T::NAME, problem);
        }
        Ok(due)
    }
}

/// A log with the records 1 and 2 of two sources, of the same identifier.
#[cfg(test)]
pub(crate) fn log_of_two(directory: &std::path::Path, identifier: &str) -> Log {
    let log = Log::open(&directory.join("mirror.db")).expect("a log");
    log.connection.execute_batch("PRAGMA foreign_keys = OFF").expect("set");
    for id in [1, 2] {
        let sql = "INSERT INTO record (id, source_id, identifier, datestamp_text, sets, deleted, hash, page_id, offset, length, first_page, delivered, last_change)
                   VALUES (?1, ?1, ?2, '', '', 0, x'', 1, 0, 0, 1, 1, 1)";
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
        const TABLE: &'static str = "entry";
        const FOR_READERS: &'static [&'static str] = &["entry_by_kind", "entry_by_year"];
        type Row = ();

        fn row(_: &ParsedChange) {}

        fn apply(_: &Transaction<'_>, _: &[()]) -> rusqlite::Result<()> {
            Ok(())
        }

        fn clear(_: &Transaction<'_>) -> rusqlite::Result<()> {
            Ok(())
        }

        fn compare(_: &Log, _: &ParsedChange) -> Result<(u64, Option<String>), LogError> {
            Ok((0, None))
        }
    }

    #[test]
    fn indexes_that_were_dropped_are_made_as_they_were() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = Log::open(&directory.path().join("mirror.db")).expect("a log");
        let there = || log.rows("SELECT sql FROM sqlite_schema WHERE sql LIKE 'CREATE INDEX%' ORDER BY 1", [], |row| row.get(0));
        let all: Vec<String> = there().expect("read");
        let config = crate::config::Config::new(None, std::collections::HashMap::new(), &[]).expect("the defaults");
        let home = Home { directory: directory.path(), log: &log, config: &config };
        let mut view = TableView::<Entries>::open(&home).expect("open");
        // Twice: after a crash, what is missing is missing already.
        for _ in 0..2 {
            view.drop_indexes().expect("dropped");
            assert_eq!(there().expect("read").len(), all.len() - 2);
        }
        let mut view = TableView::<Entries>::open(&home).expect("open");
        for _ in 0..2 {
            View::finish(&mut view).expect("made");
            assert_eq!(there().expect("read"), all);
        }
    }
}
