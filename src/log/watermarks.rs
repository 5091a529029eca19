//! Watermarks of the views that live in the log's file.

use rusqlite::{Connection, params};

use super::PageId;

/// How far a view has followed the log.
pub(crate) fn watermark(connection: &Connection, view: &str) -> rusqlite::Result<PageId> {
    connection.query_row("SELECT coalesce(max(watermark), 0) FROM view WHERE name = ?1", [view], |row| row.get(0)).map(PageId)
}

/// Moves a watermark; call it in the transaction that brings the view there.
pub(crate) fn set_watermark(connection: &Connection, view: &str, page: PageId) -> rusqlite::Result<()> {
    connection.execute("INSERT OR REPLACE INTO view (name, watermark) VALUES (?1, ?2)", params![view, page.0]).map(|_| ())
}

impl super::Log {
    /// The watermarks of the views in the log's file.
    pub fn watermarks(&self) -> Result<Vec<(&'static str, PageId)>, super::LogError> {
        ["links", "quarantine", "search"]
            .into_iter()
            .map(|view| watermark(&self.connection, view).map(|page| (view, page)))
            .collect::<rusqlite::Result<_>>()
            .map_err(|source| self.failed(source))
    }
}
