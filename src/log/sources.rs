//! Sources: what each was harvested with, and its kept counts.

use rusqlite::{OptionalExtension, Row, params};

use super::ids::SourceId;
use super::{Log, LogError};
use crate::config::{ConfigError, Source, SourceKind, SourceOrigin, SourceSettings};
use crate::oai::{Granularity, SetSpec};
use crate::rdf::PayloadFormat;

/// A source as the log holds it, with its kept counts.
#[derive(Debug, Clone)]
pub struct SourceRow {
    /// Its id.
    pub id: SourceId,
    /// Its name.
    pub name: String,
    /// How it is read.
    pub kind: SourceKind,
    /// Its base URL; of documents, the first of them.
    pub base_url: String,
    /// Its metadata prefix; empty for a source that is not OAI-PMH.
    pub prefix: String,
    /// Its set.
    pub set: Option<String>,
    /// The settings of a source that is not OAI-PMH, as they were last used.
    pub settings: Option<SourceSettings>,
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
    pub fn source(&self) -> Result<Source, ConfigError> {
        let of_list = || SourceSettings {
            url: Some(self.base_url.clone()),
            set: self.set.clone(),
            prefix: Some(self.prefix.clone()),
            format: Some(format_name(self.format).to_owned()),
            context: self.context.clone(),
            ..SourceSettings::default()
        };
        let settings = self.settings.clone().unwrap_or_else(of_list);
        settings.check(&self.name)
    }
}

fn format_name(format: PayloadFormat) -> &'static str {
    match format {
        PayloadFormat::RdfXml => "rdfxml",
        PayloadFormat::Turtle | PayloadFormat::NTriples => "ttl",
        PayloadFormat::JsonLd => "jsonld",
    }
}

/// The settings that a source keeps: with others it would be another source.
struct Identity {
    url: String,
    prefix: String,
    set: Option<String>,
    format: PayloadFormat,
}

impl Identity {
    fn of(source: &Source) -> Self {
        match &source.origin {
            SourceOrigin::OaiPmh(list) => Self {
                url: list.url.to_string(),
                prefix: list.prefix.to_string(),
                set: list.set.as_ref().map(SetSpec::as_str).map(str::to_owned),
                format: list.format,
            },
            SourceOrigin::Emm(emm) => {
                Self { url: emm.url.to_string(), prefix: String::new(), set: None, format: PayloadFormat::JsonLd }
            }
            SourceOrigin::Documents(documents) => Self {
                url: documents.address(),
                prefix: documents.split.name().to_owned(),
                set: None,
                // Documents of any format are kept as N-Triples.
                format: PayloadFormat::NTriples,
            },
        }
    }
}

fn source_row(row: &Row<'_>) -> rusqlite::Result<SourceRow> {
    let settings: Option<String> = row.get("settings")?;
    let kind = SourceKind::named(&row.get::<_, String>("kind")?).unwrap_or_default();
    let format = PayloadFormat::from_prefix(&row.get::<_, String>("format")?);
    Ok(SourceRow {
        kind,
        settings: settings.and_then(|json| serde_json::from_str(&json).ok()),
        id: SourceId(row.get("id")?),
        name: row.get("name")?,
        base_url: row.get("base_url")?,
        prefix: row.get("prefix")?,
        set: row.get("set_spec")?,
        context: row.get("context_url")?,
        // N-Triples are Turtle, and have a quicker parser.
        format: if kind == SourceKind::Documents { PayloadFormat::NTriples } else { format },
        granularity: row
            .get::<_, Option<String>>("granularity")?
            .map_or_else(Granularity::default, |text| Granularity::from_identify(&text)),
        live: row.get("live")?,
        deleted: row.get("deleted")?,
        withdrawn: row.get("withdrawn")?,
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
        let identity = Identity::of(source);
        let enter = || -> rusqlite::Result<SourceRow> {
            self.connection.execute(
                "INSERT INTO source (name, kind, base_url, prefix, set_spec, format) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (name) DO NOTHING",
                params![source.name, source.kind().name(), identity.url, identity.prefix, identity.set, format_name(identity.format)],
            )?;
            self.connection.query_row("SELECT * FROM source WHERE name = ?1", [&source.name], source_row)
        };
        let row = enter().map_err(|error| self.failed(error))?;
        let documents = row.kind == SourceKind::Documents;
        for (what, was, now) in [
            ("kind", row.kind.name(), source.kind().name()),
            // Documents come and go.
            ("url", if documents { &identity.url } else { &row.base_url }, &identity.url),
            (if documents { "split" } else { "prefix" }, &row.prefix, &identity.prefix),
            ("set", row.set.as_deref().unwrap_or_default(), identity.set.as_deref().unwrap_or_default()),
            ("format", format_name(row.format), format_name(identity.format)),
        ] {
            if was != now {
                return Err(LogError::OtherSource { name: source.name.clone(), what, was: was.to_owned(), now: now.to_owned() });
            }
        }
        Ok(row)
    }

    /// Keeps the settings that a source which is not OAI-PMH is read with now: later runs may not have them in a configuration.
    pub fn keep_settings(&self, source: SourceId, settings: &SourceSettings) -> Result<(), LogError> {
        let json = serde_json::to_string(settings).unwrap_or_default();
        self.connection
            .execute("UPDATE source SET settings = ?2 WHERE id = ?1", params![source.0, json])
            .map(|_| ())
            .map_err(|error| self.failed(error))
    }

    /// The source of this name, which must have been harvested before, with these settings.
    pub fn known_source(&self, source: &Source) -> Result<SourceRow, LogError> {
        if !self.sources()?.iter().any(|row| row.name == source.name) {
            return Err(LogError::NotHarvested(source.name.clone()));
        }
        self.enter_source(source)
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
}
