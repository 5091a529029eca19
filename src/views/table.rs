//! Views that live in tables of the log's file: their data and their watermarks in one transaction.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::FairMutex;
use rusqlite::{Connection, Row, Transaction, TransactionBehavior};

use super::{ParsedChange, ViewError};
use crate::log::{Log, LogError, PageId, set_watermark, watermark};

/// A view that lives in tables, and what changes in them.
pub trait Table {
    /// The view's name.
    const NAME: &'static str;
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

/// Whether a row holds these texts, from its second column on.
pub(crate) fn holds(row: &Row<'_>, texts: &[&str]) -> rusqlite::Result<bool> {
    for (column, text) in texts.iter().enumerate() {
        if row.get_ref(column + 1)?.as_bytes()? != text.as_bytes() {
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
