//! Bulk dumps, straight from the payloads in the log: constant memory, the same bytes after every rebuild.
//!
//! Records come in the order in which their newest versions arrived. N-Triples is the flat union: each triple once
//! for every record that states it. Blank nodes carry ids of their record, so dumps can be joined.

use std::io::{self, Write};

use oxigraph::io::{RdfFormat, RdfSerializer};
use oxigraph::model::Quad;

use crate::log::{Log, LogError, PageBodies, PageId, SourceId, SourceRow};
use crate::query::with_prefixes;
use crate::rdf::{CanonicalError, canonical_nquads};
use crate::views::{Content, Readers, ViewError};

/// How a dump is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DumpFormat {
    /// N-Triples: triples without their graphs.
    NTriples,
    /// N-Quads: each triple with the graph of its record.
    NQuads,
    /// Turtle: triples without their graphs.
    Turtle,
    /// `TriG`: a graph a record.
    TriG,
}

/// What a dump holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct ExportReport {
    /// Live records.
    pub records: u64,
    /// Triples.
    pub triples: u64,
    /// Records left out because they are quarantined.
    pub quarantined: u64,
}

/// Why a dump failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A context of the log is none.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The output could not be written.
    #[error("the output cannot be written")]
    Output(#[from] io::Error),
    /// There is no source of this name.
    #[error("the mirror has no source {name:?}; it has {known}")]
    UnknownSource {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Too much for a canonical form.
    #[error("a canonical form of more than {0} triples does not fit: name one record with --record, or use --format nq")]
    TooLarge(u64),
    /// There is no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

fn find(sources: &[SourceRow], name: &str) -> Result<SourceId, ExportError> {
    sources.iter().find(|row| row.name == name).map(|row| row.id).ok_or_else(|| ExportError::UnknownSource {
        name: name.to_owned(),
        known: sources.iter().map(|row| row.name.as_str()).collect::<Vec<_>>().join(", "),
    })
}

/// Calls back with the quads of every live record of a source, or of all.
fn each_record(
    log: &Log,
    depth: usize,
    source: Option<&str>,
    mut each: impl FnMut(&[Quad]) -> Result<(), ExportError>,
) -> Result<ExportReport, ExportError> {
    log.freeze()?;
    let sources = log.sources()?;
    let wanted = source.map(|name| find(&sources, name)).transpose()?;
    let readers = Readers::new(log, depth)?;
    let mut bodies = PageBodies::default();
    let (mut page, mut report) = (PageId(0), ExportReport::default());
    while let Some(next) = log.next_page_in_use(page)? {
        page = next;
        for change in log.records_in(page)? {
            if change.deleted || wanted.is_some_and(|wanted| wanted != change.source) {
                continue;
            }
            match readers.content(log, &mut bodies, &change)? {
                Content::Quads(quads) => {
                    report.records += 1;
                    report.triples += quads.len() as u64;
                    each(&quads)?;
                }
                Content::Quarantined(_) => report.quarantined += 1,
                Content::Deleted => {}
            }
        }
    }
    Ok(report)
}

/// Writes a dump.
pub fn dump(
    log: &Log,
    depth: usize,
    source: Option<&str>,
    format: DumpFormat,
    out: &mut dyn Write,
) -> Result<ExportReport, ExportError> {
    let (format, graphs) = match format {
        DumpFormat::NTriples => (RdfFormat::NTriples, false),
        DumpFormat::NQuads => (RdfFormat::NQuads, true),
        DumpFormat::Turtle => (RdfFormat::Turtle, false),
        DumpFormat::TriG => (RdfFormat::TriG, true),
    };
    let mut writer = with_prefixes(RdfSerializer::from_format(format)).for_writer(&mut *out);
    let report = each_record(log, depth, source, |quads| {
        for quad in quads {
            if graphs {
                writer.serialize_quad(quad)?;
            } else {
                writer.serialize_triple(oxigraph::model::TripleRef::from(quad.as_ref()))?;
            }
        }
        Ok(())
    })?;
    writer.finish()?;
    Ok(report)
}

/// The most triples that a canonical form is made of.
const CANONICAL_LIMIT: u64 = 200_000;

/// Writes canonical N-Quads (RDFC-1.0) of a whole small mirror.
pub fn dump_canonical(log: &Log, depth: usize, source: Option<&str>, out: &mut dyn Write) -> Result<ExportReport, ExportError> {
    let mut all = Vec::new();
    let report = each_record(log, depth, source, |quads| {
        all.extend_from_slice(quads);
        if all.len() as u64 > CANONICAL_LIMIT { Err(ExportError::TooLarge(CANONICAL_LIMIT)) } else { Ok(()) }
    })?;
    out.write_all(canonical_nquads(&all)?.as_bytes())?;
    Ok(report)
}
