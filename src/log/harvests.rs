//! Sources and harvests: how far a list has come, and where the next one begins.

use rusqlite::{OptionalExtension, Row, params};

use super::ids::{HarvestId, SourceId};
use super::{Log, LogError};
use crate::config::Source;
use crate::oai::{Datestamp, Granularity, ResumptionToken};
use crate::rdf::PayloadFormat;

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

/// A source as the log holds it, with its kept counts.
#[derive(Debug, Clone)]
pub struct SourceRow {
    /// Its id.
    pub id: SourceId,
    /// Its name.
    pub name: String,
    /// Its base URL.
    pub base_url: String,
    /// Its metadata prefix.
    pub prefix: String,
    /// Its set.
    pub set: Option<String>,
    /// The URL of its JSON-LD context.
    pub context: Option<String>,
    /// The format of its payloads.
    pub format: PayloadFormat,
    /// The granularity that `Identify` last named.
    pub granularity: Granularity,
    /// Records whose newest version is live.
    pub live: u64,
    /// Records whose newest version is deleted.
    pub deleted: u64,
    /// Records that left the set without a deletion.
    pub withdrawn: u64,
}

impl SourceRow {
    /// The source with the settings that it was harvested with.
    pub fn source(&self) -> Result<Source, crate::config::ConfigError> {
        let settings = crate::config::SourceSettings {
            url: self.base_url.clone(),
            set: self.set.clone(),
            prefix: self.prefix.clone(),
            format: Some(format_name(self.format).to_owned()),
            context: self.context.clone(),
            enabled: true,
        };
        settings.check(&self.name)
    }
}

fn format_name(format: PayloadFormat) -> &'static str {
    match format {
        PayloadFormat::RdfXml => "rdfxml",
        PayloadFormat::Turtle => "ttl",
        PayloadFormat::JsonLd => "jsonld",
    }
}

fn source_row(row: &Row<'_>) -> rusqlite::Result<SourceRow> {
    Ok(SourceRow {
        id: SourceId(row.get("id")?),
        name: row.get("name")?,
        base_url: row.get("base_url")?,
        prefix: row.get("prefix")?,
        set: row.get("set_spec")?,
        context: row.get("context_url")?,
        format: PayloadFormat::from_prefix(&row.get::<_, String>("format")?),
        granularity: row
            .get::<_, Option<String>>("granularity")?
            .map_or_else(Granularity::default, |text| Granularity::from_identify(&text)),
        live: row.get("live")?,
        deleted: row.get("deleted")?,
        withdrawn: row.get("withdrawn")?,
    })
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
    /// All sources, by name.
    pub fn sources(&self) -> Result<Vec<SourceRow>, LogError> {
        let read = || -> rusqlite::Result<Vec<SourceRow>> {
            let mut statement = self.connection.prepare_cached("SELECT * FROM source ORDER BY name")?;
            statement.query_map([], source_row)?.collect()
        };
        read().map_err(|source| self.failed(source))
    }

    /// A source by its id.
    pub(super) fn source(&self, id: SourceId) -> Result<Option<SourceRow>, LogError> {
        self.connection
            .query_row("SELECT * FROM source WHERE id = ?1", [id.0], source_row)
            .optional()
            .map_err(|source| self.failed(source))
    }

    /// The source of this name, inserted if it is new; an error if it was harvested with other settings. Its context is not
    /// touched: see [`Log::accept_context`].
    pub fn enter_source(&self, source: &Source) -> Result<SourceRow, LogError> {
        let enter = || -> rusqlite::Result<SourceRow> {
            self.connection.execute(
                "INSERT INTO source (name, base_url, prefix, set_spec, format) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (name) DO NOTHING",
                params![
                    source.name,
                    source.url.as_str(),
                    source.prefix.as_str(),
                    source.set.as_ref().map(crate::oai::SetSpec::as_str),
                    format_name(source.format)
                ],
            )?;
            self.connection.query_row("SELECT * FROM source WHERE name = ?1", [&source.name], source_row)
        };
        let row = enter().map_err(|error| self.failed(error))?;
        let set = source.set.as_ref().map(|set| set.as_str().to_owned());
        for (what, was, now) in [
            ("url", row.base_url.clone(), source.url.to_string()),
            ("prefix", row.prefix.clone(), source.prefix.to_string()),
            ("set", row.set.clone().unwrap_or_default(), set.unwrap_or_default()),
            ("format", format_name(row.format).to_owned(), format_name(source.format).to_owned()),
        ] {
            if was != now {
                return Err(LogError::OtherSource { name: source.name.clone(), what, was, now });
            }
        }
        Ok(row)
    }

    /// The source of this name, which must have been harvested before, with these settings.
    pub fn known_source(&self, source: &Source) -> Result<SourceRow, LogError> {
        if !self.sources()?.iter().any(|row| row.name == source.name) {
            return Err(LogError::NotHarvested(source.name.clone()));
        }
        self.enter_source(source)
    }

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

    /// Stores the granularity that `Identify` named.
    pub fn set_granularity(&self, source: SourceId, granularity: Granularity) -> Result<(), LogError> {
        self.connection
            .execute("UPDATE source SET granularity = ?2 WHERE id = ?1", params![source.0, granularity.as_str()])
            .map(|_| ())
            .map_err(|error| self.failed(error))
    }

    /// Deletes a source that never delivered a page, so that it can be tried again with other settings.
    pub fn forget_empty_source(&self, source: SourceId) -> Result<(), LogError> {
        let empty = "NOT EXISTS (SELECT 1 FROM page JOIN harvest ON harvest.id = harvest_id WHERE source_id = ?1)";
        self.connection
            .execute(&format!("DELETE FROM harvest WHERE source_id = ?1 AND {empty}"), [source.0])
            .and_then(|_| self.connection.execute(&format!("DELETE FROM source WHERE id = ?1 AND {empty}"), [source.0]))
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
