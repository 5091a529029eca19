//! Views that live in tables of the log's file: their data and their watermark in one transaction.

use std::marker::PhantomData;
use std::path::PathBuf;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{ParsedChange, ViewError};
use crate::log::{Log, LogError, PageId, set_watermark, watermark};

/// The tables of a view, and what changes in them.
pub trait Table {
    /// The view's name.
    const NAME: &'static str;
    /// What a change comes to in the tables.
    type Row: Send;
    /// Says what a change comes to. Pure, so that many can be made at once.
    fn row(change: &ParsedChange) -> Self::Row;
    /// Applies what changed with a page. Idempotent.
    fn apply(transaction: &Transaction<'_>, page: PageId, rows: &[Self::Row]) -> rusqlite::Result<()>;
    /// Empties the tables.
    fn clear(transaction: &Transaction<'_>) -> rusqlite::Result<()>;
}

/// The writer's side of such a view.
pub struct TableView<T> {
    connection: Connection,
    path: PathBuf,
    tables: PhantomData<fn() -> T>,
}

impl<T: Table> TableView<T> {
    /// The view in the file of a log.
    pub fn open(log: &Log) -> Result<Self, LogError> {
        Ok(Self { connection: log.open_for_views()?, path: log.path().to_owned(), tables: PhantomData })
    }

    /// A full disk and a damaged file are faults of the file, not of this view.
    fn failed(&self, source: rusqlite::Error) -> ViewError {
        match LogError::sqlite(&self.path, source) {
            LogError::Sqlite { source, .. } => ViewError::Sqlite { view: T::NAME, source },
            file => ViewError::Log(file),
        }
    }

    /// Does some work and moves the watermark, both or neither.
    fn commit(&mut self, page: PageId, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>) -> Result<(), ViewError> {
        let commit = || {
            // From the beginning: one that only reads at first cannot go on if the log is written meanwhile.
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            work(&transaction)?;
            set_watermark(&transaction, T::NAME, page)?;
            transaction.commit()
        };
        commit().map_err(|source| self.failed(source))
    }

    /// The last page that was applied.
    pub fn watermark(&self) -> Result<PageId, ViewError> {
        watermark(&self.connection, T::NAME).map_err(|source| self.failed(source))
    }

    /// Applies what changed with a page and commits the watermark with it. Idempotent.
    pub fn apply(&mut self, page: PageId, rows: &[T::Row]) -> Result<(), ViewError> {
        self.commit(page, |transaction| T::apply(transaction, page, rows))
    }

    /// Forgets everything, so that the next catching up begins at the log's first page.
    pub fn reset(&mut self) -> Result<(), ViewError> {
        self.commit(PageId(0), T::clear)
    }
}
