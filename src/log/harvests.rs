//! Harvests: how far a list has come, and where the next one begins.

use rusqlite::{OptionalExtension, Row, params};

use super::ids::{HarvestId, SourceId};
use super::{Log, LogError};
use crate::oai::{Datestamp, ResumptionToken};

/// Whether a harvest continues from the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HarvestKind {
    /// Everything new since the last regular one.
    Regular,
    /// A window with bounds from the command line: later harvests do not continue from it.
    Window,
}

impl HarvestKind {
    fn name(self) -> &'static str {
        match self {
            Self::Regular => "regular",
            Self::Window => "window",
        }
    }
}

/// The state of a harvest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HarvestState {
    /// Its list has not ended yet.
    Open,
    /// Its list ended.
    Complete,
    /// Abandoned in favour of another.
    Abandoned,
}

/// What a harvest did, over all its runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Counters {
    /// Pages of the log.
    pub pages: u64,
    /// Records received, repeats included.
    pub received: u64,
    /// Records that were new.
    pub created: u64,
    /// Records whose payload changed.
    pub changed: u64,
    /// Records whose payload was known.
    pub unchanged: u64,
    /// Records that were live or unknown and are deleted now.
    pub deleted: u64,
    /// Bytes of records, uncompressed.
    pub bytes: u64,
    /// Records that the source lists and did not deliver.
    pub undelivered: u64,
}

impl Counters {
    /// Adds other counters to these.
    pub fn add(&mut self, other: &Self) {
        let Self { pages, received, created, changed, unchanged, deleted, bytes, undelivered } = other;
        self.pages += pages;
        self.received += received;
        self.created += created;
        self.changed += changed;
        self.unchanged += unchanged;
        self.deleted += deleted;
        self.bytes += bytes;
        self.undelivered += undelivered;
    }

    /// Whether any record changed.
    #[must_use]
    pub fn changed_anything(&self) -> bool {
        self.created + self.changed + self.deleted > 0
    }
}

/// A harvest as the log holds it.
#[derive(Debug, Clone)]
pub struct HarvestRow {
    /// Its id.
    pub id: HarvestId,
    /// Its state.
    pub state: HarvestState,
    /// The `from` that was asked for.
    pub from: Option<String>,
    /// The `until` that was asked for.
    pub until: Option<String>,
    /// The server's clock at its first answer.
    pub first_response: Option<Datestamp>,
    /// The resumption token, while it is open.
    pub token: Option<ResumptionToken>,
    /// Whether the list came in datestamp order so far.
    pub ordered: bool,
    /// Whether a page came after another and reached a newer datestamp.
    pub ascended: bool,
    /// The datestamp at which the list was last re-opened, on the assumption that it is in order.
    pub reopened_from: Option<Datestamp>,
    /// How many records came since the list was last opened.
    pub since_opened: u64,
    /// Whether the list ended, but may lack records.
    pub doubtful: bool,
    /// The newest datestamp seen.
    pub newest: Option<Datestamp>,
    /// When it began and ended, milliseconds since 1970, this machine's clock.
    pub started_at: i64,
    /// See `started_at`.
    pub finished_at: Option<i64>,
    /// What it did.
    pub counters: Counters,
}

impl HarvestRow {
    /// Whether the list is known to come in the order of datestamps, as far as it was seen: more than one page came, each from
    /// where the one before it ended, and a later one reached further.
    #[must_use]
    pub fn order_is_known(&self) -> bool {
        self.ordered && self.ascended
    }

    /// Whether the list was re-opened on the assumption that it is in order, and is not.
    #[must_use]
    pub fn order_is_refuted(&self) -> bool {
        !self.ordered && self.reopened_from.is_some()
    }
}

pub(super) fn list_row(row: &Row<'_>) -> rusqlite::Result<HarvestRow> {
    let stamp = |millis: Option<i64>| millis.and_then(Datestamp::from_millis);
    Ok(HarvestRow {
        id: HarvestId(row.get("id")?),
        state: match row.get::<_, String>("state")?.as_str() {
            "open" => HarvestState::Open,
            "complete" => HarvestState::Complete,
            _ => HarvestState::Abandoned,
        },
        from: row.get("from_text")?,
        until: row.get("until_text")?,
        first_response: stamp(row.get("first_response")?),
        token: row.get::<_, Option<String>>("token")?.and_then(|token| ResumptionToken::new(&token).ok()),
        ordered: row.get("ordered")?,
        ascended: row.get("ascended")?,
        reopened_from: stamp(row.get("reopened_from")?),
        since_opened: row.get("since_opened")?,
        doubtful: row.get("doubtful")?,
        newest: stamp(row.get("newest")?),
        started_at: row.get("started_at")?,
        finished_at: row.get("finished_at")?,
        counters: Counters {
            pages: row.get("pages")?,
            received: row.get("received")?,
            created: row.get("created")?,
            changed: row.get("changed")?,
            unchanged: row.get("unchanged")?,
            deleted: row.get("deleted")?,
            bytes: row.get("bytes")?,
            undelivered: 0,
        },
    })
}

impl Log {
    /// Begins a harvest of records that are fetched by their identifiers.
    pub fn begin_repair(&mut self, source: SourceId, now: i64) -> Result<HarvestId, LogError> {
        let begin = || -> rusqlite::Result<HarvestId> {
            self.connection.execute(
                "INSERT INTO harvest (source_id, kind, state, started_at) VALUES (?1, 'window', 'abandoned', ?2)",
                params![source.0, now],
            )?;
            Ok(HarvestId(self.connection.last_insert_rowid()))
        };
        begin().map_err(|source| self.failed(source))
    }

    /// Ends such a harvest.
    pub fn end_repair(&self, harvest: HarvestId, now: i64) -> Result<(), LogError> {
        self.connection
            .execute("UPDATE harvest SET state = 'complete', finished_at = ?2 WHERE id = ?1", params![harvest.0, now])
            .map(|_| ())
            .map_err(|error| self.failed(error))
    }

    /// The harvests of a source and kind, newest first.
    pub fn harvests(&self, source: SourceId, kind: HarvestKind, most: u32) -> Result<Vec<HarvestRow>, LogError> {
        let read = || -> rusqlite::Result<Vec<HarvestRow>> {
            let mut statement = self
                .connection
                .prepare_cached("SELECT * FROM harvest WHERE source_id = ?1 AND kind = ?2 ORDER BY id DESC LIMIT ?3")?;
            statement.query_map(params![source.0, kind.name(), most], list_row)?.collect()
        };
        read().map_err(|error| self.failed(error))
    }

    /// A harvest.
    pub fn harvest(&self, harvest: HarvestId) -> Result<Option<HarvestRow>, LogError> {
        self.connection
            .query_row("SELECT * FROM harvest WHERE id = ?1", [harvest.0], list_row)
            .optional()
            .map_err(|error| self.failed(error))
    }

    /// The last regular harvest whose list ended without doubt.
    pub fn last_undoubted(&self, source: SourceId) -> Result<Option<HarvestRow>, LogError> {
        self.connection
            .query_row(
                "SELECT * FROM harvest WHERE source_id = ?1 AND kind = 'regular' AND state = 'complete' AND NOT doubtful
                 ORDER BY id DESC LIMIT 1",
                [source.0],
                list_row,
            )
            .optional()
            .map_err(|error| self.failed(error))
    }

    /// The last regular harvest that reached the end of its list.
    pub fn last_complete(&self, source: SourceId) -> Result<Option<HarvestRow>, LogError> {
        self.connection
            .query_row(
                "SELECT * FROM harvest WHERE source_id = ?1 AND kind = 'regular' AND state = 'complete' ORDER BY id DESC LIMIT 1",
                [source.0],
                list_row,
            )
            .optional()
            .map_err(|error| self.failed(error))
    }

    /// Begins a harvest, and abandons open ones of its kind.
    pub fn begin_harvest(
        &mut self,
        source: SourceId,
        kind: HarvestKind,
        from: Option<&str>,
        until: Option<&str>,
        now: i64,
    ) -> Result<HarvestId, LogError> {
        let mut begin = || -> rusqlite::Result<HarvestId> {
            let transaction = self.connection.transaction()?;
            transaction.execute(
                "UPDATE harvest SET state = 'abandoned', token = NULL, finished_at = ?3 WHERE source_id = ?1 AND kind = ?2 AND state = 'open'",
                params![source.0, kind.name(), now],
            )?;
            transaction.execute(
                "INSERT INTO harvest (source_id, kind, state, from_text, until_text, started_at) VALUES (?1, ?2, 'open', ?3, ?4, ?5)",
                params![source.0, kind.name(), from, until, now],
            )?;
            let id = transaction.last_insert_rowid();
            transaction.commit()?;
            Ok(HarvestId(id))
        };
        begin().map_err(|source| LogError::sqlite(&self.path, source))
    }

    /// Forgets the token of an open harvest, whose list is to be re-opened: at its start, or at the datestamp `from` on the
    /// assumption that it is in order.
    pub fn reopen_harvest(&self, harvest: HarvestId, from: Option<Datestamp>) -> Result<(), LogError> {
        self.connection
            .execute(
                "UPDATE harvest SET token = NULL, reopened_from = ?2 WHERE id = ?1",
                params![harvest.0, from.map(Datestamp::millis)],
            )
            .map(|_| ())
            .map_err(|error| self.failed(error))
    }
}
