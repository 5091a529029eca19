//! Where a list stands: the columns that harvests and audits have in common, moved on by each page.

use rusqlite::{Transaction, params};

use super::append::{NewPage, Origin};
use super::harvests::Counters;
use crate::oai::{Datestamp, ResumptionToken};

/// What moves a list of the log on: a harvest's or an audit's.
pub(super) struct Arrived<'a> {
    /// The datestamps in the order of the list, without those of repeats.
    pub(super) stamps: Vec<i64>,
    pub(super) response_date: Option<Datestamp>,
    pub(super) opens_list: bool,
    pub(super) token: Option<&'a ResumptionToken>,
    pub(super) whole: bool,
    pub(super) last: bool,
    pub(super) now: i64,
}

impl<'a> Arrived<'a> {
    pub(super) fn of(page: &NewPage<'a>, stamps: Vec<i64>) -> Self {
        Self {
            stamps,
            response_date: page.response_date,
            opens_list: page.origin == Origin::ListBegins,
            token: page.token,
            whole: page.whole,
            last: page.last,
            now: page.now,
        }
    }
}

/// Moves a list on: in the table of the harvests or of the audits.
pub(super) fn update_list(
    transaction: &Transaction<'_>,
    table: &'static str,
    id: i64,
    arrived: &Arrived<'_>,
    counters: &Counters,
) -> rusqlite::Result<()> {
    let newest = arrived.stamps.iter().max();
    let oldest_first = arrived.stamps.is_sorted();
    // A part of a long answer leaves the token alone: if the answer breaks off, it is asked for again.
    transaction
        .prepare_cached(&format!(
            "UPDATE {table} SET
                token = CASE WHEN ?2 THEN ?3 ELSE token END,
                state = CASE WHEN ?4 THEN 'complete' ELSE state END,
                finished_at = CASE WHEN ?4 THEN ?5 ELSE finished_at END,
                first_response = coalesce(first_response, ?6),
                ordered = ordered AND ?7 AND (?17 OR coalesce(?8 >= last_seen, 1)),
                last_seen = coalesce(?9, last_seen),
                newest = max(coalesce(newest, ?9), coalesce(?9, newest)),
                pages = pages + ?10, received = received + ?11, created = created + ?12, changed = changed + ?13,
                unchanged = unchanged + ?14, deleted = deleted + ?15, bytes = bytes + ?16
             WHERE id = ?1"
        ))?
        .execute(params![
            id,
            arrived.whole,
            arrived.token.map(ResumptionToken::as_str),
            arrived.last,
            arrived.now,
            arrived.response_date.map(Datestamp::millis),
            oldest_first,
            arrived.stamps.first(),
            newest,
            counters.pages,
            counters.received,
            counters.created,
            counters.changed,
            counters.unchanged,
            counters.deleted,
            counters.bytes,
            arrived.opens_list,
        ])
        .map(|_| ())
}
