//! Where a list stands: the columns that harvests and audits have in common, moved on by each page.

use rusqlite::{Transaction, params};

use super::harvests::Counters;
use crate::oai::{Datestamp, ResumptionToken};

/// What moves a list of the log on: a harvest's or an audit's.
#[expect(clippy::struct_excessive_bools, reason = "columns of a table")]
pub(super) struct Arrived<'a> {
    /// The datestamps in the order of the list, without those of repeats.
    pub(super) stamps: Vec<i64>,
    /// The newest datestamp, repeats included.
    pub(super) newest: Option<i64>,
    pub(super) response_date: Option<Datestamp>,
    pub(super) opens_list: bool,
    pub(super) token: Option<&'a ResumptionToken>,
    pub(super) whole: bool,
    pub(super) last: bool,
    pub(super) doubtful: bool,
    pub(super) now: i64,
}

/// Where a list stands after a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    /// The list is complete.
    pub(super) complete: bool,
    /// The page is out of order, in a list that was re-opened on the assumption of order.
    pub(super) refuted: bool,
}

/// Moves a list on: in the table of the harvests or of the audits. A page that refutes the order of its list does not complete it.
pub(super) fn update_list(
    transaction: &Transaction<'_>,
    table: &'static str,
    id: i64,
    arrived: &Arrived<'_>,
    counters: &Counters,
) -> rusqlite::Result<Position> {
    let newest = arrived.stamps.iter().max().copied();
    let (was_ordered, last_seen, reopened): (bool, Option<i64>, bool) = transaction
        .prepare_cached(&format!("SELECT ordered, last_seen, reopened_from IS NOT NULL FROM {table} WHERE id = ?1"))?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    // Where a list is opened, its datestamps begin again.
    let before = last_seen.filter(|_| !arrived.opens_list);
    let follows = before.is_none_or(|before| arrived.stamps.first().is_none_or(|first| *first >= before));
    let ordered = was_ordered && follows && arrived.stamps.is_sorted();
    let ascended = before.is_some_and(|before| newest > Some(before));
    let refuted = reopened && !ordered;
    let complete = arrived.last && !refuted;
    // Of a page of repeats that opens a list, the position counts.
    let last_seen = if arrived.opens_list { arrived.newest.or(last_seen) } else { newest.or(last_seen) };
    // A part of a long answer leaves the token alone: if the answer breaks off, it is asked for again.
    transaction
        .prepare_cached(&format!(
            "UPDATE {table} SET
                token = CASE WHEN ?2 THEN ?3 ELSE token END,
                state = CASE WHEN ?4 THEN 'complete' ELSE state END,
                finished_at = CASE WHEN ?4 THEN ?5 ELSE finished_at END,
                first_response = coalesce(first_response, ?6),
                ordered = ?7,
                ascended = ascended OR ?8,
                doubtful = CASE WHEN ?4 THEN ?17 ELSE doubtful END,
                last_seen = ?18,
                since_opened = CASE WHEN ?19 THEN 0 ELSE since_opened END + ?11,
                newest = max(coalesce(newest, ?9), coalesce(?9, newest)),
                pages = pages + ?10, received = received + ?11, created = created + ?12, changed = changed + ?13,
                unchanged = unchanged + ?14, deleted = deleted + ?15, bytes = bytes + ?16
             WHERE id = ?1"
        ))?
        .execute(params![
            id,
            arrived.whole,
            arrived.token.map(ResumptionToken::as_str),
            complete,
            arrived.now,
            arrived.response_date.map(Datestamp::millis),
            ordered,
            ascended,
            newest,
            counters.pages,
            counters.received,
            counters.created,
            counters.changed,
            counters.unchanged,
            counters.deleted,
            counters.bytes,
            arrived.doubtful,
            last_seen,
            arrived.opens_list,
        ])?;
    Ok(Position { complete, refuted })
}
