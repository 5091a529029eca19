//! How far the views that live in the log's file have followed it.

use rusqlite::{Connection, OptionalExtension, params};

use super::ids::ChangeId;
use super::{Log, LogError};

/// What a view holds: a view that holds something else than it should is rebuilt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// The version of its content.
    pub(crate) version: u32,
    /// The fingerprint of the table of shapes that it was read with; empty where it does not depend on that.
    pub(crate) shapes: String,
}

/// What the file says of a view: how far it has followed the log, and what it holds. None if it never began.
pub(crate) fn watermark(connection: &Connection, view: &str) -> rusqlite::Result<Option<(ChangeId, Held)>> {
    connection
        .prepare_cached("SELECT watermark, version, shapes FROM view WHERE name = ?1")?
        .query_row([view], |row| Ok((ChangeId(row.get(0)?), Held { version: row.get(1)?, shapes: row.get(2)? })))
        .optional()
}

/// Moves a watermark; call it in the transaction that brings the view there.
pub(crate) fn set_watermark(connection: &Connection, view: &str, change: ChangeId, held: &Held) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO view (name, watermark, version, shapes) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![view, change.0, held.version, held.shapes])
        .map(|_| ())
}

impl Log {
    /// What readers of this file see: its last page, and how far each of the views in it has followed. As long as this is the
    /// same, they see the same.
    pub fn seen_by_readers(&self) -> Result<Vec<i64>, LogError> {
        let views = self.rows("SELECT watermark FROM view ORDER BY name", [], |row| row.get(0))?;
        Ok(std::iter::once(self.last_page()?.0).chain(views).collect())
    }
}
