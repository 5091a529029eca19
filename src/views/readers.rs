//! Records of the log, parsed with the settings of their sources.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use oxigraph::model::{GraphName, Quad, Term};

use super::{Content, ParsedChange, ViewError};
use crate::log::{CurrentVersion, Log, LogError, PageBodies, SourceId};
use crate::oai::readable;
use crate::rdf::shapes::Aspect;
use crate::rdf::{Context, PayloadError, Reader, Shapes, check_properties, graph_name};

/// How many works of an instance are read: it has one.
const MOST_WORKS: usize = 4;

/// Readers of payloads, one a source, with the contexts that the log holds.
#[derive(Debug)]
pub struct Readers(HashMap<SourceId, Reader>);

impl Readers {
    /// The readers for all sources of a log. XML may be nested `depth` elements deep.
    pub fn new(log: &Log, depth: usize) -> Result<Self, ViewError> {
        let mut readers = HashMap::new();
        for source in log.sources()? {
            let context = match &source.context {
                Some(url) => log.document(url)?.map(|document| Context::new(url, &document.body)).transpose()?.map(Arc::new),
                None => None,
            };
            readers.insert(source.id, Reader::new(source.format, context, depth));
        }
        Ok(Self(readers))
    }

    /// The same for records that were read before and found sound: see [`Reader::for_sound`].
    #[must_use]
    pub fn for_sound(&self) -> Self {
        Self(self.0.iter().map(|(source, reader)| (*source, reader.for_sound())).collect())
    }

    /// What a record of the log is now.
    pub fn content(&self, log: &Log, bodies: &mut PageBodies, version: &CurrentVersion) -> Result<Content, LogError> {
        if version.gone {
            return Ok(Content::Deleted);
        }
        Ok(self.parse(version, bodies.record(log, version)?))
    }

    /// Whether the log has a record of this identifier that gives a graph now.
    pub fn gives_graph(&self, log: &Log, identifier: &str) -> Result<bool, LogError> {
        let Some(row) = log.record(identifier)? else { return Ok(false) };
        Ok(matches!(self.content(log, &mut PageBodies::default(), &row.version)?, Content::Quads(_)))
    }

    /// The quads of a record together with those of the works that it is an instance of and that have records of their own:
    /// these say who made it, in which language, and what it is about.
    pub fn with_works(&self, log: &Log, shapes: &Shapes, quads: &[Quad]) -> Result<Vec<Quad>, LogError> {
        let mut all = quads.to_vec();
        let works = quads.iter().filter(|quad| shapes.ends(quad.predicate.as_str()).is(Aspect::Work));
        let records = works.filter_map(|quad| match (&quad.object, &quad.graph_name) {
            (Term::NamedNode(work), GraphName::NamedNode(own)) => {
                let record = work.as_str().split_once('#').map_or(work.as_str(), |(record, _)| record);
                (record != own.as_str()).then_some(record)
            }
            _ => None,
        });
        for record in records.take(MOST_WORKS) {
            if let Some(row) = log.record(record)? {
                all.extend_from_slice(self.content(log, &mut PageBodies::default(), &row.version)?.quads());
            }
        }
        Ok(all)
    }

    /// What a record is by these bytes.
    #[must_use]
    pub fn parse(&self, version: &CurrentVersion, record: &[u8]) -> Content {
        let parsed = match self.0.get(&version.source) {
            Some(reader) => reader.quads(&version.identifier, record).and_then(|quads| check_properties(&quads).map(|()| quads)),
            None => Err(PayloadError::NoContext),
        };
        parsed.map_or_else(Content::Quarantined, |quads| Content::Quads(Arc::new(quads)))
    }

    /// What a record is now, to be described by a table of shapes; without its bytes, deleted.
    #[must_use]
    pub fn parsed(&self, version: &CurrentVersion, record: Option<&[u8]>, shapes: &Arc<Shapes>) -> ParsedChange {
        let content = record.map_or(Content::Deleted, |record| self.parse(version, record));
        let repaired = record.is_some_and(|record| matches!(readable(record), Cow::Owned(_)));
        ParsedChange::new(version.record, version.page, graph_name(&version.identifier), content, repaired, Arc::clone(shapes))
    }
}
