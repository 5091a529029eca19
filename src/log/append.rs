//! Writing a page: one transaction, all or nothing.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use rustc_hash::{FxHashMap, FxHashSet};

use super::change::{ChangeKind, Numbering};
use super::harvests::Counters;
use super::hash::{Hash, hash_of, link_of, payload_hash};
use super::ids::{HarvestId, PageId, SourceId};
use super::position::{Arrived, update_list};
use super::read::body_of;
use super::{Log, LogError, Undelivered};
use crate::oai::{Datestamp, Record, ResumptionToken, parsed_of_kept};

/// zstd's level for bodies: pages shrink to about a twelfth at 300 MB/s.
const COMPRESSION: i32 = 3;

/// What arrived in one answer, or in a part of a long one.
#[derive(Debug)]
pub struct NewPage<'a> {
    /// The source.
    pub source: SourceId,
    /// The harvest that it belongs to.
    pub harvest: HarvestId,
    /// The server's clock.
    pub response_date: Option<Datestamp>,
    /// The records, in the order of the answer.
    pub records: &'a [Record],
    /// Records that the source lists and did not deliver.
    pub undelivered: &'a [Undelivered],
    /// Where the records come from.
    pub origin: Origin,
    /// The resumption token that the answer ends with.
    pub token: Option<&'a ResumptionToken>,
    /// Whether this is the end of its answer. A part of a long answer is not.
    pub whole: bool,
    /// Whether the list ends here.
    pub last: bool,
    /// Whether the list may lack records, if it ends here.
    pub doubtful: bool,
    /// This machine's clock, milliseconds since 1970.
    pub now: i64,
}

/// Where the records of a page come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A list that begins with this page: its order is judged from here on.
    ListBegins,
    /// A list that continues.
    ListGoesOn,
    /// `GetRecord`: they do not show how far a list has come.
    ByName,
    /// Documents: this program writes the headers, so that a record with the same payload is the same record.
    Documents,
}

/// What a page changed.
#[derive(Debug, Clone, Copy)]
pub struct PageReport {
    /// Its id.
    pub page: PageId,
    /// Its counters.
    pub counters: Counters,
    /// Whether it refutes the order of its list, see [`HarvestRow::order_is_refuted`](super::HarvestRow::order_is_refuted).
    pub refuted: bool,
}

/// Whether a version that an older program kept, whose hash is of another kind, has the payload that this hash is of.
fn has_payload(transaction: &Transaction<'_>, known: &Known, hash: Hash) -> rusqlite::Result<bool> {
    // A page that is damaged has no payload that is known: `verify` tells.
    let body = body_of(transaction, PageId(known.page))?.unwrap_or_default();
    let kept = body.get(known.offset..known.offset.saturating_add(known.length)).and_then(parsed_of_kept);
    Ok(kept.is_some_and(|parts| payload_hash(known.deleted, parts) == hash))
}

struct Known {
    id: i64,
    hash: Hash,
    record_hash: Option<Hash>,
    deleted: bool,
    withdrawn: bool,
    page: i64,
    offset: usize,
    length: usize,
    /// Whether the hash is one of an older program.
    older_hash: bool,
}

/// Where a version is written.
#[derive(Clone, Copy)]
struct Location {
    source: SourceId,
    page: PageId,
    offset: usize,
    origin: Origin,
}

/// Answers that are the same for all records of a page.
struct PageFacts {
    /// Whether the source lists records that it did not deliver.
    undelivered: bool,
    /// Pages that were looked up, and whether they belong to this harvest.
    of_this_harvest: FxHashMap<i64, bool>,
}

/// Changes of the counts that are kept for a source.
#[derive(Default)]
pub(super) struct Moves {
    pub(super) live: i64,
    pub(super) deleted: i64,
    pub(super) withdrawn: i64,
}

impl Moves {
    pub(super) fn apply(&self, transaction: &Connection, source: SourceId) -> rusqlite::Result<()> {
        transaction
            .execute(
                "UPDATE source SET live = live + ?2, deleted = deleted + ?3, withdrawn = withdrawn + ?4 WHERE id = ?1",
                params![source.0, self.live, self.deleted, self.withdrawn],
            )
            .map(|_| ())
    }
}

/// How far a clock that was set back is not believed.
const SET_BACK: i64 = 24 * 3_600_000;

/// The time of a page that comes now: not before that of the last one, so that feeds can be read by time, unless the clock was set back
/// by more than a day, as after it was wrong by years.
pub(super) fn page_time(connection: &Connection, now: i64) -> rusqlite::Result<i64> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT received_at FROM page ORDER BY id DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(last.filter(|last| *last > now && *last - now <= SET_BACK).unwrap_or(now))
}

/// Inserts the row of a page without its body, which [`close_page`] writes.
pub(super) fn open_page(
    transaction: &Connection,
    harvest: HarvestId,
    now: i64,
    response_date: Option<Datestamp>,
    token: Option<&ResumptionToken>,
    whole: bool,
) -> rusqlite::Result<PageId> {
    transaction
        .prepare_cached(
            "INSERT INTO page (harvest_id, received_at, response_date, token, whole, records, raw_bytes, body) VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, x'')",
        )?
        .execute(params![harvest.0, now, response_date.map(Datestamp::millis), token.map(ResumptionToken::as_str), whole])?;
    Ok(PageId(transaction.last_insert_rowid()))
}

/// Writes the body of a page and the link of the chain that seals it.
pub(super) fn close_page(
    transaction: &Connection,
    page: PageId,
    now: i64,
    token: Option<&ResumptionToken>,
    records: usize,
    body: &[u8],
) -> rusqlite::Result<()> {
    let compressed =
        zstd::bulk::compress(body, COMPRESSION).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let before: Option<Vec<u8>> = transaction
        .prepare_cached("SELECT chain FROM page WHERE id < ?1 ORDER BY id DESC LIMIT 1")?
        .query_row([page.0], |row| row.get(0))
        .optional()?
        .flatten();
    let link = link_of(&before.unwrap_or_default(), now, token.map(ResumptionToken::as_str), &compressed);
    transaction
        .prepare_cached("UPDATE page SET records = ?2, raw_bytes = ?3, body = ?4, chain = ?5 WHERE id = ?1")?
        .execute(params![page.0, records, body.len(), compressed, link])
        .map(|_| ())
}

impl Log {
    /// Commits a page. Afterwards it is on disk, with everything that the next run needs to resume. A record that is
    /// repeated byte for byte is counted, but not stored again.
    pub fn append(&mut self, page: &NewPage<'_>) -> Result<PageReport, LogError> {
        self.append_with(page, |_| Ok(()))
    }

    /// The same, with more that belongs to the page's transaction.
    pub(super) fn append_with(
        &mut self,
        page: &NewPage<'_>,
        more: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<PageReport, LogError> {
        let turn = self.turn();
        let _mine = turn.lock();
        let append = || -> rusqlite::Result<PageReport> {
            let transaction = self.connection.transaction()?;
            let received = page_time(&transaction, page.now)?;
            let id = open_page(&transaction, page.harvest, received, page.response_date, page.token, page.whole)?;
            let mut numbering = Numbering::after_last(&transaction, id)?;
            let mut counters = Counters { pages: 1, received: page.records.len() as u64, ..Counters::default() };
            let (mut moves, mut body, mut stored) = (Moves::default(), Vec::new(), 0);
            let (mut stamps, mut seen) = (Vec::with_capacity(page.records.len()), FxHashSet::default());
            let mut facts =
                PageFacts { undelivered: any_undelivered(&transaction, page.source)?, of_this_harvest: FxHashMap::default() };
            for record in page.records {
                counters.bytes += record.xml.len() as u64;
                let identifier = record.header.identifier.as_str();
                let known = known(&transaction, page.source, identifier)?;
                if matches!(page.origin, Origin::ListBegins | Origin::ListGoesOn)
                    && seen.insert(identifier)
                    && !came_before(&transaction, page.harvest, known.as_ref(), &mut facts)?
                {
                    stamps.extend(record.header.datestamp.map(Datestamp::millis));
                }
                if facts.undelivered {
                    forget_undelivered(&transaction, page.source, identifier)?;
                }
                let location = Location { source: page.source, page: id, offset: body.len(), origin: page.origin };
                if enter(&transaction, location, known, record, &mut numbering, &mut counters, &mut moves)? {
                    body.extend_from_slice(&record.xml);
                    stored += 1;
                }
            }
            for missing in page.undelivered {
                note_undelivered(&transaction, page.source, missing, page.now)?;
                counters.undelivered += 1;
            }
            close_page(&transaction, id, received, page.token, stored, &body)?;
            moves.apply(&transaction, page.source)?;
            let arrived = Arrived {
                stamps,
                newest: page.records.iter().filter_map(|record| record.header.datestamp).max().map(Datestamp::millis),
                response_date: page.response_date,
                opens_list: page.origin == Origin::ListBegins,
                token: page.token,
                whole: page.whole,
                last: page.last,
                doubtful: page.doubtful,
                now: page.now,
            };
            let position = update_list(&transaction, "harvest", page.harvest.0, &arrived, &counters)?;
            if position.complete {
                forget_spans(&transaction, page.source, page.harvest)?;
            }
            more(&transaction)?;
            transaction.commit()?;
            Ok(PageReport { page: id, counters, refuted: position.refuted })
        };
        append().map_err(|source| LogError::sqlite(&self.path, source))
    }
}

fn known(transaction: &Transaction<'_>, source: SourceId, identifier: &str) -> rusqlite::Result<Option<Known>> {
    transaction
        .prepare_cached(
            "SELECT id, hash, record_hash, deleted, withdrawn, page_id, offset, length, hash_rule < 2 FROM record WHERE identifier = ?1 AND source_id = ?2",
        )?
        .query_row(params![identifier, source.0], |row| {
            Ok(Known {
                id: row.get(0)?,
                hash: row.get(1)?,
                record_hash: row.get(2)?,
                deleted: row.get(3)?,
                withdrawn: row.get(4)?,
                page: row.get(5)?,
                offset: row.get(6)?,
                length: row.get(7)?,
                older_hash: row.get(8)?,
            })
        })
        .optional()
}

/// Whether a record came earlier in this harvest: a repeat does not show the order of the list.
fn came_before(
    transaction: &Transaction<'_>,
    harvest: HarvestId,
    known: Option<&Known>,
    facts: &mut PageFacts,
) -> rusqlite::Result<bool> {
    let Some(Known { page, .. }) = known else { return Ok(false) };
    if let Some(answer) = facts.of_this_harvest.get(page) {
        return Ok(*answer);
    }
    let answer =
        transaction.prepare_cached("SELECT 1 FROM page WHERE id = ?1 AND harvest_id = ?2")?.exists(params![page, harvest.0])?;
    facts.of_this_harvest.insert(*page, answer);
    Ok(answer)
}

fn any_undelivered(transaction: &Transaction<'_>, source: SourceId) -> rusqlite::Result<bool> {
    transaction.prepare_cached("SELECT 1 FROM undelivered WHERE source_id = ?1 LIMIT 1")?.exists([source.0])
}

fn forget_undelivered(transaction: &Transaction<'_>, source: SourceId, identifier: &str) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("DELETE FROM undelivered WHERE source_id = ?1 AND identifier = ?2")?
        .execute(params![source.0, identifier])
        .map(|_| ())
}

/// Deletes the notes of spans that could not be listed, once a list of everything that began later is complete.
fn forget_spans(transaction: &Transaction<'_>, source: SourceId, harvest: HarvestId) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "DELETE FROM undelivered WHERE source_id = ?1 AND datestamp_text = '' AND noted_at <
                (SELECT started_at FROM harvest WHERE id = ?2 AND from_text IS NULL AND until_text IS NULL)",
        )?
        .execute(params![source.0, harvest.0])
        .map(|_| ())
}

/// Writes the row of a record. Answers whether its bytes are to be stored in the page.
fn enter(
    transaction: &Transaction<'_>,
    Location { source, page, offset, origin }: Location,
    known: Option<Known>,
    record: &Record,
    numbering: &mut Numbering,
    counters: &mut Counters,
    moves: &mut Moves,
) -> rusqlite::Result<bool> {
    let header = &record.header;
    let record_hash = hash_of([&record.xml[..]]);
    if known.as_ref().is_some_and(|known| known.record_hash == Some(record_hash) && !known.withdrawn) {
        counters.unchanged += 1;
        return Ok(false);
    }
    let identifier = header.identifier.as_str();
    let hash = payload_hash(header.deleted, record.parsed());
    if origin == Origin::Documents && known.as_ref().is_some_and(|known| known.hash == hash && !known.withdrawn) {
        counters.unchanged += 1;
        return Ok(false);
    }
    let sets = header.sets.iter().map(crate::oai::SetSpec::as_str).collect::<Vec<_>>().join(" ");
    let datestamp = header.datestamp.map(Datestamp::millis);
    let Some(known) = known else {
        transaction
            .prepare_cached(
                "INSERT INTO record (source_id, identifier, datestamp_text, datestamp, sets, deleted, hash, record_hash, page_id, offset, length, first_page, delivered, last_change)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?9, ?12, ?12)",
            )?
            .execute(params![
                source.0, identifier, header.datestamp_text, datestamp, sets, header.deleted, hash, record_hash, page.0, offset,
                record.xml.len(), numbering.next().0
            ])?;
        let kind = if header.deleted { ChangeKind::Deleted } else { ChangeKind::Came };
        numbering.enter(transaction, transaction.last_insert_rowid(), kind, Some(offset))?;
        if header.deleted {
            moves.deleted += 1;
            counters.deleted += 1;
        } else {
            moves.live += 1;
            counters.created += 1;
        }
        return Ok(true);
    };
    let same = known.hash == hash || (known.older_hash && has_payload(transaction, &known, hash)?);
    let kind = match (same, known.withdrawn) {
        (true, false) => ChangeKind::Header,
        _ if header.deleted => ChangeKind::Deleted,
        (_, true) => ChangeKind::Came,
        _ => ChangeKind::Changed,
    };
    let change = numbering.enter(transaction, known.id, kind, Some(offset))?;
    transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO superseded (record_id, page_id, offset, length, datestamp_text, deleted)
             SELECT id, page_id, offset, length, datestamp_text, deleted FROM record WHERE id = ?1",
        )?
        .execute([known.id])?;
    transaction
        .prepare_cached(
            "UPDATE record SET datestamp_text = ?2, datestamp = ?3, sets = ?4, deleted = ?5, hash = ?6, record_hash = ?7, page_id = ?8, offset = ?9,
                    length = ?10, withdrawn = 0, hash_rule = 2, delivered = CASE WHEN ?11 THEN ?12 ELSE delivered END,
                    last_change = CASE WHEN ?11 THEN ?12 ELSE last_change END
             WHERE id = ?1",
        )?
        .execute(params![
            known.id, header.datestamp_text, datestamp, sets, header.deleted, hash, record_hash, page.0, offset, record.xml.len(),
            kind.is_content(), change.0
        ])?;
    if !kind.is_content() {
        counters.unchanged += 1;
        return Ok(true);
    }
    *(if known.withdrawn {
        &mut moves.withdrawn
    } else if known.deleted {
        &mut moves.deleted
    } else {
        &mut moves.live
    }) -= 1;
    if header.deleted {
        moves.deleted += 1;
        // The tombstone was known; only its bytes changed.
        *(if known.deleted { &mut counters.changed } else { &mut counters.deleted }) += 1;
    } else {
        moves.live += 1;
        counters.changed += 1;
    }
    Ok(true)
}

fn note_undelivered(transaction: &Transaction<'_>, source: SourceId, missing: &Undelivered, now: i64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO undelivered (source_id, identifier, datestamp_text, reason, noted_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![source.0, missing.identifier, missing.datestamp_text, missing.reason, now])
        .map(|_| ())
}
