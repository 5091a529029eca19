//! How far the views that live in the log's file have followed it.

use rusqlite::{Connection, OptionalExtension, params};

use super::ids::ChangeId;

/// What the file says of a view: how far it has followed the log, and the version of what it holds. None if it never began.
pub(crate) fn watermark(connection: &Connection, view: &str) -> rusqlite::Result<Option<(ChangeId, u32)>> {
    connection
        .prepare_cached("SELECT watermark, version FROM view WHERE name = ?1")?
        .query_row([view], |row| Ok((ChangeId(row.get(0)?), row.get(1)?)))
        .optional()
}

/// Moves a watermark; call it in the transaction that brings the view there.
pub(crate) fn set_watermark(connection: &Connection, view: &str, change: ChangeId, version: u32) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO view (name, watermark, version) VALUES (?1, ?2, ?3)")?
        .execute(params![view, change.0, version])
        .map(|_| ())
}
