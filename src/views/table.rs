//! A view that lives in tables of the log's file: its data and its watermark in one transaction.

use std::path::PathBuf;

use rusqlite::{Connection, Transaction};

use super::ViewError;
use crate::log::{Log, LogError, PageId, set_watermark, watermark};

/// The writer's side of such a view.
pub struct TableView {
    name: &'static str,
    connection: Connection,
    path: PathBuf,
}

impl TableView {
    /// The view of this name in the file of a log.
    pub fn open(log: &Log, name: &'static str) -> Result<Self, LogError> {
        Ok(Self { name, connection: log.open_for_views()?, path: log.path().to_owned() })
    }

    /// A full disk and a damaged file are faults of the file, not of this view.
    fn failed(&self, source: rusqlite::Error) -> ViewError {
        match LogError::sqlite(&self.path, source) {
            LogError::Sqlite { source, .. } => ViewError::Sqlite { view: self.name, source },
            file => ViewError::Log(file),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The last page that was applied.
    pub fn watermark(&self) -> Result<PageId, ViewError> {
        watermark(&self.connection, self.name).map_err(|source| self.failed(source))
    }

    /// Does some work and moves the watermark, both or neither.
    pub fn commit(&mut self, page: PageId, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>) -> Result<(), ViewError> {
        let mut commit = || {
            let transaction = self.connection.transaction()?;
            work(&transaction)?;
            set_watermark(&transaction, self.name, page)?;
            transaction.commit()
        };
        commit().map_err(|source| self.failed(source))
    }

    /// Empties its table and goes back to the log's beginning.
    pub fn reset(&mut self, table: &str) -> Result<(), ViewError> {
        self.commit(PageId(0), |transaction| transaction.execute(&format!("DELETE FROM {table}"), []).map(|_| ()))
    }
}
