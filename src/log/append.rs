//! Writing a page: one transaction, all or nothing.

use rusqlite::{OptionalExtension, Transaction, params};

use super::harvests::{Counters, HarvestId, SourceId};
use super::read::PageId;
use super::{Log, LogError};
use crate::oai::{Datestamp, Record, ResumptionToken};

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
    /// Whether a list begins here: the order of datestamps counts from here on.
    pub opens_list: bool,
    /// What leads on.
    pub token: Option<&'a ResumptionToken>,
    /// Whether this ends its answer; a part of a long one does not.
    pub whole: bool,
    /// Whether the list ends here.
    pub last: bool,
    /// This machine's clock, milliseconds since 1970.
    pub now: i64,
}

/// What a page changed.
#[derive(Debug, Clone, Copy)]
pub struct PageReport {
    /// Its id.
    pub page: PageId,
    /// Its figures.
    pub counters: Counters,
}

fn payload_hash(record: &Record) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[u8::from(record.header.deleted)]);
    if let Some(metadata) = record.metadata.clone() {
        hasher.update(record.xml.get(metadata).unwrap_or_default());
    }
    let mut hash = [0; 16];
    hasher.finalize_xof().fill(&mut hash);
    hash
}

struct Known {
    id: i64,
    hash: Vec<u8>,
    deleted: bool,
    datestamp_text: String,
    sets: String,
}

impl Log {
    /// Commits a page. Afterwards it is on disk, with everything that a resumption needs.
    pub fn append(&mut self, page: &NewPage<'_>) -> Result<PageReport, LogError> {
        let body: Vec<u8> = page.records.iter().flat_map(|record| record.xml.iter().copied()).collect();
        let compressed = zstd::bulk::compress(&body, COMPRESSION).map_err(|error| LogError::Damaged {
            path: self.path.clone(),
            page: 0,
            reason: format!("it could not be compressed: {error}"),
        })?;
        let mut append = || -> rusqlite::Result<PageReport> {
            let transaction = self.connection.transaction()?;
            transaction.prepare_cached(
                "INSERT INTO page (harvest_id, received_at, response_date, token, whole, records, raw_bytes, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                page.harvest.0,
                page.now,
                page.response_date.map(Datestamp::millis),
                page.token.map(ResumptionToken::as_str),
                page.whole,
                page.records.len(),
                body.len(),
                compressed
            ])?;
            let id = PageId(transaction.last_insert_rowid());
            let mut counters =
                Counters { pages: 1, received: page.records.len() as u64, bytes: body.len() as u64, ..Counters::default() };
            let (mut live, mut gone, mut offset) = (0i64, 0i64, 0usize);
            for record in page.records {
                enter(&transaction, page.source, id, record, offset, &mut counters, (&mut live, &mut gone))?;
                offset += record.xml.len();
            }
            transaction.execute(
                "UPDATE source SET live = live + ?2, deleted = deleted + ?3 WHERE id = ?1",
                params![page.source.0, live, gone],
            )?;
            update_harvest(&transaction, page, &counters)?;
            transaction.commit()?;
            Ok(PageReport { page: id, counters })
        };
        append().map_err(|source| LogError::Sqlite { path: self.path.clone(), source })
    }
}

fn enter(
    transaction: &Transaction<'_>,
    source: SourceId,
    page: PageId,
    record: &Record,
    offset: usize,
    counters: &mut Counters,
    (live, gone): (&mut i64, &mut i64),
) -> rusqlite::Result<()> {
    let header = &record.header;
    let hash = payload_hash(record);
    let sets = header.sets.iter().map(crate::oai::SetSpec::as_str).collect::<Vec<_>>().join(" ");
    let datestamp = header.datestamp.map(Datestamp::millis);
    let known = transaction
        .prepare_cached("SELECT id, hash, deleted, datestamp_text, sets FROM record WHERE identifier = ?1 AND source_id = ?2")?
        .query_row(params![header.identifier.as_str(), source.0], |row| {
            Ok(Known { id: row.get(0)?, hash: row.get(1)?, deleted: row.get(2)?, datestamp_text: row.get(3)?, sets: row.get(4)? })
        })
        .optional()?;
    let Some(known) = known else {
        transaction
            .prepare_cached(
                "INSERT INTO record (source_id, identifier, datestamp_text, datestamp, sets, deleted, hash, page_id, offset, length, changed_page, first_page)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?8, ?8)",
            )?
            .execute(params![source.0, header.identifier.as_str(), header.datestamp_text, datestamp, sets, header.deleted, hash, page.0, offset, record.xml.len()])?;
        if header.deleted {
            *gone += 1;
            counters.deleted += 1;
        } else {
            *live += 1;
            counters.created += 1;
        }
        return Ok(());
    };
    let same = known.hash == hash;
    if same && known.datestamp_text == header.datestamp_text && known.sets == sets {
        counters.unchanged += 1;
        return Ok(());
    }
    transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO superseded (record_id, page_id, offset, length, datestamp_text, deleted)
             SELECT id, page_id, offset, length, datestamp_text, deleted FROM record WHERE id = ?1",
        )?
        .execute([known.id])?;
    transaction
        .prepare_cached(
            "UPDATE record SET datestamp_text = ?2, datestamp = ?3, sets = ?4, deleted = ?5, hash = ?6, page_id = ?7, offset = ?8, length = ?9,
                    changed_page = CASE WHEN ?10 THEN changed_page ELSE ?7 END
             WHERE id = ?1",
        )?
        .execute(params![known.id, header.datestamp_text, datestamp, sets, header.deleted, hash, page.0, offset, record.xml.len(), same])?;
    match (same, known.deleted, header.deleted) {
        (true, ..) => counters.unchanged += 1,
        (false, false, true) => {
            *live -= 1;
            *gone += 1;
            counters.deleted += 1;
        }
        (false, true, false) => {
            *live += 1;
            *gone -= 1;
            counters.changed += 1;
        }
        (false, ..) => counters.changed += 1,
    }
    Ok(())
}

fn update_harvest(transaction: &Transaction<'_>, page: &NewPage<'_>, counters: &Counters) -> rusqlite::Result<()> {
    let stamps = || page.records.iter().filter_map(|record| record.header.datestamp.map(Datestamp::millis));
    let newest = stamps().max();
    let oldest_first = stamps().is_sorted();
    // A part of a long answer leaves the token alone: if the answer breaks off, it is asked for again.
    transaction
        .prepare_cached(
            "UPDATE harvest SET
                token = CASE WHEN ?2 THEN ?3 ELSE token END,
                state = CASE WHEN ?4 THEN 'complete' ELSE state END,
                finished_at = CASE WHEN ?4 THEN ?5 ELSE finished_at END,
                first_response = coalesce(first_response, ?6),
                ordered = ordered AND ?7 AND (?17 OR coalesce(?8 >= last_seen, 1)),
                last_seen = coalesce(?9, last_seen),
                newest = max(coalesce(newest, ?9), coalesce(?9, newest)),
                pages = pages + ?10, received = received + ?11, created = created + ?12, changed = changed + ?13,
                unchanged = unchanged + ?14, deleted = deleted + ?15, bytes = bytes + ?16
             WHERE id = ?1",
        )?
        .execute(params![
            page.harvest.0,
            page.whole,
            page.token.map(ResumptionToken::as_str),
            page.last,
            page.now,
            page.response_date.map(Datestamp::millis),
            oldest_first,
            stamps().next(),
            newest,
            counters.pages,
            counters.received,
            counters.created,
            counters.changed,
            counters.unchanged,
            counters.deleted,
            counters.bytes,
            page.opens_list,
        ])
        .map(|_| ())
}
