//! Changes that no source delivers: retries, withdrawals, reinstatements, and contexts that changed.
//!
//! They happen with a page that has no body, so that they have their place in the chain and in the order of changes.

use rusqlite::{Connection, Transaction, params};

use super::append::{Moves, close_page, open_page, page_time};
use super::change::Numbering;
use super::ids::{ChangeId, HarvestId, SourceId};
use super::{Log, LogError};

impl Log {
    /// Changes records without the network, in a page without a body. Nothing is kept where no record changes.
    pub(super) fn change_without_network(
        &mut self,
        source: SourceId,
        now: i64,
        work: impl FnOnce(&Connection, &mut Numbering, &mut Moves) -> rusqlite::Result<u64>,
    ) -> Result<u64, LogError> {
        let turn = self.turn();
        let _mine = turn.lock();
        let change = || -> rusqlite::Result<u64> {
            let mut transaction = self.connection.transaction()?;
            let count = page_without_body(&mut transaction, source, now, work)?;
            transaction.commit()?;
            Ok(count)
        };
        change().map_err(|source| LogError::sqlite(&self.path, source))
    }
}

/// The same within a transaction. Answers how many records changed; the page is kept only if any did.
pub(super) fn page_without_body(
    transaction: &mut Transaction<'_>,
    source: SourceId,
    now: i64,
    work: impl FnOnce(&Connection, &mut Numbering, &mut Moves) -> rusqlite::Result<u64>,
) -> rusqlite::Result<u64> {
    let savepoint = transaction.savepoint()?;
    savepoint.execute(
        "INSERT INTO harvest (source_id, kind, state, started_at, finished_at) VALUES (?1, 'window', 'complete', ?2, ?2)",
        params![source.0, now],
    )?;
    let harvest = HarvestId(savepoint.last_insert_rowid());
    let received = page_time(&savepoint, now)?;
    let page = open_page(&savepoint, harvest, received, None, None, true)?;
    let mut moves = Moves::default();
    let count = work(&savepoint, &mut Numbering::after_last(&savepoint, page)?, &mut moves)?;
    if count > 0 {
        close_page(&savepoint, page, received, None, 0, &[])?;
        moves.apply(&savepoint, source)?;
        savepoint.commit()?;
    }
    Ok(count)
}

/// How many records are changed without the network between two looks at the table.
const CHANGED_AT_ONCE: usize = 1000;

/// Calls back with the id of each record that meets a condition, in their order. The condition is asked again for every
/// thousand, so that memory does not grow with the records. `?1` is the source.
pub(super) fn for_each_record(
    transaction: &Connection,
    condition: &str,
    source: SourceId,
    mut each: impl FnMut(i64) -> rusqlite::Result<()>,
) -> rusqlite::Result<u64> {
    let (mut after, mut count) = (0, 0);
    let sql = format!("SELECT id FROM record WHERE {condition} AND id > ?2 ORDER BY id LIMIT ?3");
    loop {
        let found = transaction
            .prepare_cached(&sql)?
            .query_map(params![source.0, after, CHANGED_AT_ONCE], |row| row.get(0))?
            .collect::<rusqlite::Result<Vec<i64>>>()?;
        let Some(last) = found.last() else { return Ok(count) };
        (after, count) = (*last, count + found.len() as u64);
        found.into_iter().try_for_each(&mut each)?;
    }
}

/// Lets every view that is behind this change read a record again.
pub(super) fn set_last_change(transaction: &Connection, record: i64, change: ChangeId) -> rusqlite::Result<()> {
    transaction.prepare_cached("UPDATE record SET last_change = ?2 WHERE id = ?1")?.execute([record, change.0]).map(|_| ())
}
