//! Lists and records of the provider. A list follows the order of changes: each record comes once, where it changed last, under the
//! time when this mirror had that.

use std::fmt::Write as _;

use rustc_hash::FxHashMap;

use super::envelope::utc;
use super::formats::Prefix;
use super::token::{Token, not_ours};
use crate::log::{ChangeId, Item, Items, Log, LogError, PageBodies, SourceId, SourceRow};
use crate::oai::{ErrorCode, ListArguments, ListVerb, Refused};
use crate::rdf::{PayloadFormat, Shapes};
use crate::serve::reading::Reading;
use crate::serve::xml_text::escaped;
use crate::snapshots::link_text;
use crate::views::{Content, ViewError};

/// How many records, and how many headers, an answer has.
const RECORDS: usize = 200;
const HEADERS: usize = 1000;

/// An answer that has so many bytes ends, however few records it has.
const BYTES: usize = 8 << 20;

/// Why there is no list.
pub(super) enum Failed {
    Refused(Refused),
    View(ViewError),
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<ViewError> for Failed {
    fn from(error: ViewError) -> Self {
        Self::View(error)
    }
}

impl From<LogError> for Failed {
    fn from(error: LogError) -> Self {
        Self::View(error.into())
    }
}

/// What lists are made of.
pub(super) struct Provider<'a> {
    reading: &'a mut Reading,
    shapes: &'a Shapes,
    sources: FxHashMap<SourceId, SourceRow>,
    bodies: PageBodies,
}

impl<'a> Provider<'a> {
    pub(super) fn new(reading: &'a mut Reading, shapes: &'a Shapes) -> Result<Self, LogError> {
        let sources = reading.log.sources()?.into_iter().map(|source| (source.id, source)).collect();
        Ok(Self { reading, shapes, sources, bodies: PageBodies::default() })
    }

    /// The first answer of a list.
    pub(super) fn begin(&mut self, verb: ListVerb, arguments: &ListArguments) -> Result<String, Failed> {
        let span = arguments.span()?;
        Prefix::named(arguments.prefix.as_str())?;
        let set = arguments.set.as_ref().map(|set| set.as_str().to_owned());
        let mut token = Token::new(verb, arguments.prefix.as_str(), set);
        token.until = span.until;
        if let Some(from) = span.from {
            token.since = true;
            token = token.further(self.log().last_change_until(from - 1)?, String::new(), 0);
        }
        self.list(verb, &token, true)
    }

    /// The next answer of a list.
    pub(super) fn resume(&mut self, verb: ListVerb, token: &Token) -> Result<String, Failed> {
        if token.seal != seal(self.log(), token.after())? {
            return Err(not_ours("this token is of another mirror, or of one that was restored").into());
        }
        self.list(verb, token, false)
    }

    /// A record.
    pub(super) fn get(&mut self, identifier: &str, prefix: &str) -> Result<String, Failed> {
        let prefix = Prefix::named(prefix)?;
        let item = self.log().item(identifier, None)?.ok_or_else(|| unknown(identifier))?;
        let record = self.record(prefix, &item)?.ok_or_else(|| {
            let reason = format!("XML cannot hold what this record says in {}: use another format", prefix.name());
            Refused::new(ErrorCode::CannotDisseminateFormat, reason)
        })?;
        Ok(format!("<GetRecord>{record}</GetRecord>"))
    }

    /// Whether there is such a record, and whether it has metadata.
    pub(super) fn has(&mut self, identifier: &str) -> Result<(), Failed> {
        let item = self.log().item(identifier, None)?.ok_or_else(|| unknown(identifier))?;
        match self.content(&item)? {
            Content::Quarantined(error) => {
                Err(Refused::new(ErrorCode::NoMetadataFormats, format!("this record cannot be read: {error}")).into())
            }
            Content::Quads(_) | Content::Deleted => Ok(()),
        }
    }

    fn log(&self) -> &Log {
        &self.reading.log
    }

    fn list(&mut self, verb: ListVerb, token: &Token, first: bool) -> Result<String, Failed> {
        let prefix = Prefix::named(&token.prefix)?;
        let empty = |reason: &str| Failed::Refused(Refused::new(ErrorCode::NoRecordsMatch, reason));
        let source = match &token.set {
            None => None,
            Some(set) => {
                Some(self.sources.values().find(|source| source.name == *set).map(|source| source.id).ok_or_else(|| {
                    let shown: String = set.chars().take(80).collect();
                    empty(&format!("there is no set {shown:?}: ListSets names all"))
                })?)
            }
        };
        let until = match token.until {
            Some(until) => self.log().last_change_until(until)?,
            None => ChangeId(i64::MAX),
        };
        let most = if verb == ListVerb::Records { RECORDS } else { HEADERS };
        let (mut inside, mut after, mut listed) = (String::new(), token.after(), 0);
        let more = loop {
            let items = self.log().items(Items { source, after, until }, most)?;
            let whole = items.len() < most;
            let mut full = false;
            for item in items {
                full = listed >= most || inside.len() >= BYTES;
                if full {
                    break;
                }
                after = item.change;
                let entry = match verb {
                    ListVerb::Records => self.record(prefix, &item)?,
                    ListVerb::Identifiers => Some(self.header(&item, self.is_gone(&item)?)),
                };
                if let Some(entry) = entry {
                    inside.push_str(&entry);
                    inside.push('\n');
                    listed += 1;
                }
            }
            if full || whole {
                break full;
            }
        };
        if first && listed == 0 {
            return Err(empty("no record of this mirror is in this list"));
        }
        let name = verb.name();
        let cursor = token.listed;
        let size = if token.since || token.until.is_some() { None } else { Some(self.size(source)) };
        let size = size.map(|size| format!(" completeListSize=\"{}\"", size.max(cursor + listed as u64))).unwrap_or_default();
        if more {
            let next = token.further(after, seal(self.log(), after)?, cursor + listed as u64).write();
            // Writing to a string cannot fail.
            let _ = write!(inside, "<resumptionToken{size} cursor=\"{cursor}\">{next}</resumptionToken>");
        } else if !first {
            let _ = write!(inside, "<resumptionToken{size} cursor=\"{cursor}\"/>");
        }
        Ok(format!("<{name}>\n{inside}</{name}>"))
    }

    /// How many records a list of everything has: an estimate, since several sources may hold one.
    fn size(&self, source: Option<SourceId>) -> u64 {
        let wanted = self.sources.values().filter(|row| source.is_none_or(|source| row.id == source));
        wanted.map(|source| source.live + source.deleted + source.withdrawn).sum()
    }

    fn content(&mut self, item: &Item) -> Result<Content, ViewError> {
        self.reading.content_of(&item.version, &mut self.bodies)
    }

    /// Whether a record has no graph: deleted, withdrawn, or in quarantine.
    fn is_gone(&self, item: &Item) -> Result<bool, LogError> {
        Ok(item.version.gone || self.log().is_quarantined(item.version.record)?)
    }

    fn header(&self, item: &Item, gone: bool) -> String {
        let status = if gone { " status=\"deleted\"" } else { "" };
        let held = item.holders.iter().filter(|holder| gone || !holder.gone);
        let names = held.filter_map(|holder| self.sources.get(&holder.source));
        let sets: String = names.map(|source| format!("<setSpec>{}</setSpec>", escaped(&source.name))).collect();
        let (identifier, at) = (escaped(&item.version.identifier), utc(item.at));
        format!("<header{status}><identifier>{identifier}</identifier><datestamp>{at}</datestamp>{sets}</header>")
    }

    /// A `<record>`; none if XML cannot hold it in this format.
    fn record(&mut self, prefix: Prefix, item: &Item) -> Result<Option<String>, ViewError> {
        let Content::Quads(quads) = self.content(item)? else {
            return Ok(Some(format!("<record>{}</record>", self.header(item, true))));
        };
        let metadata = prefix.metadata(self.reading, self.shapes, &item.version.identifier, &quads)?;
        let header = self.header(item, false);
        let about = self.provenance(prefix, item);
        Ok(metadata.map(|metadata| format!("<record>{header}<metadata>{metadata}</metadata>{about}</record>")))
    }

    /// Where a record comes from, with the datestamp that it has there (implementation guidelines of OAI-PMH, "Provenance").
    fn provenance(&self, prefix: Prefix, item: &Item) -> String {
        let Some(source) = self.sources.get(&item.version.source) else { return String::new() };
        let Some(datestamp) = item.datestamp else { return String::new() };
        let origin = match source.format {
            PayloadFormat::RdfXml => Prefix::RdfXml,
            PayloadFormat::Turtle | PayloadFormat::NTriples => Prefix::Turtle,
            PayloadFormat::JsonLd => Prefix::JsonLd,
        };
        format!(
            "<about><provenance xmlns=\"http://www.openarchives.org/OAI/2.0/provenance\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
             xsi:schemaLocation=\"http://www.openarchives.org/OAI/2.0/provenance http://www.openarchives.org/OAI/2.0/provenance.xsd\">\
             <originDescription harvestDate=\"{}\" altered=\"{}\"><baseURL>{}</baseURL><identifier>{}</identifier>\
             <datestamp>{}</datestamp><metadataNamespace>{}</metadataNamespace></originDescription></provenance></about>",
            utc(item.at),
            prefix == Prefix::DublinCore,
            escaped(&source.base_url),
            escaped(&item.version.identifier),
            utc(datestamp),
            origin.schema().1,
        )
    }
}

fn unknown(identifier: &str) -> Failed {
    let shown: String = identifier.chars().take(200).collect();
    Refused::new(ErrorCode::IdDoesNotExist, format!("this mirror never had a record {shown:?}")).into()
}

/// The seal of the page of a change, shortened.
fn seal(log: &Log, change: ChangeId) -> Result<String, LogError> {
    let mut text = link_text(log.mark_at(change)?.link);
    text.truncate(12);
    Ok(text)
}
