//! Bulk dumps from the payloads in the log: on all cores, in constant memory, with the same bytes after every rebuild.
//!
//! Records are in the order in which their newest versions arrived. N-Triples is the flat union: each triple once for
//! every record that states it. The ids of blank nodes depend on their record, so dumps can be joined. A dump is written in
//! pieces of some hundred records; each is parsed, serialized and compressed by itself.

mod lines;
mod packing;
pub mod parquet;
mod whole;

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use oxigraph::io::{RdfFormat, RdfSerializer};
use oxigraph::model::vocab::rdf;
use oxigraph::model::{GraphName, Quad, TripleRef};

use crate::log::{CurrentVersion, Log, LogError, SourceId, SourceRow};
use crate::pipeline::{cores, in_order};
use crate::quarantine::Sound;
use crate::query::with_prefixes;
use crate::rdf::{CanonicalError, canonical_nquads, json_ld};
use crate::views::{Content, Piece, Readers, ViewError};

pub use packing::Packing;
pub use whole::{Holds, WholeDirectory, WholeDirectoryError};

/// The licence of Libris's open data.
pub const CC0: &str = "https://creativecommons.org/publicdomain/zero/1.0/";

/// How a dump is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DumpFormat {
    /// N-Triples: triples without their graphs.
    NTriples,
    /// N-Quads: each triple with the graph of its record.
    NQuads,
    /// Turtle: triples without their graphs.
    Turtle,
    /// `TriG`: a graph for each record.
    TriG,
    /// JSON-LD: a record a line, as [`json_ld`] writes it.
    JsonLines,
}

/// The counts of a dump.
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
    /// A JSON-LD context in the log is not valid.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The output could not be written.
    #[error("the output cannot be written")]
    Output(#[from] io::Error),
    /// There is no source of this name.
    #[error("the mirror has no source {name:?}; it has {known}")]
    UnknownSource {
        /// The name that was asked for.
        name: String,
        /// The sources of the mirror.
        known: String,
    },
    /// The mirror is too large for a canonical form.
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

/// Runs `work` on the live records of a source, or of all, in pieces and on all cores. Results are returned in the order of
/// the log, which is held in one state until the end.
fn each_piece<R: Send>(
    log: &mut Log,
    depth: usize,
    source: Option<&str>,
    work: impl Fn(&mut dyn Iterator<Item = Vec<Quad>>) -> Result<R, ExportError> + Sync,
    mut consume: impl FnMut(R) -> Result<(), ExportError>,
) -> Result<ExportReport, ExportError> {
    log.freeze()?;
    let sources = log.sources()?;
    let wanted = source.map(|name| find(&sources, name)).transpose()?;
    let readers = Readers::new(log, depth)?;
    let readers_of_sound = readers.for_sound();
    let known = Sound::of(log)?;
    let mut report = ExportReport::default();
    in_order(
        cores(),
        move |feed| {
            Piece::of_all(log, |_, piece| {
                let sound = piece.records.iter().map(|(version, _)| known.has(log, version.record));
                let sound = sound.collect::<Result<Vec<_>, _>>()?;
                Ok(feed((piece, sound)))
            })?;
            Ok(())
        },
        |(piece, sound)| {
            let mut report = ExportReport::default();
            let result = work(&mut piece.records.iter().zip(sound).filter_map(|((version, record), sound)| {
                let record = record.as_deref().filter(|_| wanted.is_none_or(|wanted| wanted == version.source))?;
                report.parse(if sound { &readers_of_sound } else { &readers }, version, record)
            }));
            result.map(|result| (result, report))
        },
        |piece| {
            let (result, ExportReport { records, triples, quarantined }) = piece?;
            report.records += records;
            report.triples += triples;
            report.quarantined += quarantined;
            consume(result).map(ControlFlow::Continue)
        },
    )?;
    Ok(report)
}

impl ExportReport {
    /// Returns the quads of a live record, and counts them.
    fn parse(&mut self, readers: &Readers, version: &CurrentVersion, record: &[u8]) -> Option<Vec<Quad>> {
        match readers.parse(version, record) {
            Content::Quads(quads) => {
                self.records += 1;
                self.triples += quads.len() as u64;
                Some(Arc::unwrap_or_clone(quads))
            }
            Content::Quarantined(_) => {
                self.quarantined += 1;
                None
            }
            Content::Deleted => None,
        }
    }
}

/// The options of a dump.
#[derive(Debug, Clone, Copy)]
pub struct Dump<'a> {
    /// Only the records of this source.
    pub source: Option<&'a str>,
    /// The format.
    pub format: DumpFormat,
    /// The compression.
    pub packing: Packing,
    /// How deep the XML of a record may be nested.
    pub depth: usize,
}

/// Writes a dump of the log in its current state, or in the state that is held.
pub fn dump(log: &mut Log, what: Dump<'_>, out: &mut dyn Write) -> Result<ExportReport, ExportError> {
    let Dump { source, format, packing, depth } = what;
    let mut written = false;
    if let Some(prefixes) = format.prefixes()? {
        out.write_all(&packing.pack(prefixes)?)?;
        written = true;
    }
    let report = each_piece(
        log,
        depth,
        source,
        |records| {
            let text = format.write(records)?;
            Ok(if text.is_empty() { text } else { packing.pack(text)? })
        },
        |bytes| {
            written |= !bytes.is_empty();
            Ok(out.write_all(&bytes)?)
        },
    )?;
    if !written {
        // A compressed file of zero bytes is not valid, so an empty dump still has one member.
        out.write_all(&packing.pack(Vec::new())?)?;
    }
    Ok(report)
}

impl DumpFormat {
    fn serializer(self) -> Option<RdfSerializer> {
        match self {
            Self::NTriples | Self::NQuads | Self::JsonLines => None,
            Self::Turtle => Some(with_prefixes(RdfSerializer::from_format(RdfFormat::Turtle))),
            Self::TriG => Some(with_prefixes(RdfSerializer::from_format(RdfFormat::TriG))),
        }
    }

    /// Returns the first lines of a dump: the prefixes, which the serializer writes before the first statement.
    fn prefixes(self) -> io::Result<Option<Vec<u8>>> {
        let Some(serializer) = self.serializer() else { return Ok(None) };
        let mut writer = serializer.for_writer(Vec::new());
        writer.serialize_triple(TripleRef::new(rdf::TYPE, rdf::TYPE, rdf::PROPERTY))?;
        let mut text = writer.finish()?;
        text.truncate(end_of_prefixes(&text));
        Ok(Some(text))
    }

    /// Returns the text of some records. Each record is written right after it is parsed, while it is in the processor's cache.
    fn write(self, records: &mut dyn Iterator<Item = Vec<Quad>>) -> io::Result<Vec<u8>> {
        let Some(serializer) = self.serializer() else {
            let mut text = Vec::with_capacity(PIECE_BYTES);
            for record in records {
                if self == Self::JsonLines {
                    if let Some(GraphName::NamedNode(name)) = record.first().map(|quad| &quad.graph_name) {
                        serde_json::to_writer(&mut text, &json_ld(name.as_str(), &record))?;
                        text.push(b'\n');
                    }
                    continue;
                }
                for quad in &record {
                    lines::write(quad, self == Self::NQuads, &mut text);
                }
            }
            return Ok(text);
        };
        let mut writer = serializer.for_writer(Vec::new());
        for quad in records.flatten() {
            match self {
                Self::TriG => writer.serialize_quad(&quad)?,
                _ => writer.serialize_triple(TripleRef::from(quad.as_ref()))?,
            }
        }
        let mut text = writer.finish()?;
        // The prefixes are written once, at the beginning of the dump.
        text.drain(..end_of_prefixes(&text));
        Ok(text)
    }
}

/// Returns the end of the prefixes at the beginning of a text.
fn end_of_prefixes(text: &[u8]) -> usize {
    text.split_inclusive(|byte| *byte == b'\n').take_while(|line| line.starts_with(b"@prefix ")).map(<[u8]>::len).sum()
}

/// The typical length of the text of a piece, in bytes.
const PIECE_BYTES: usize = 2 << 20;

/// The limit on the triples of a canonical form.
const CANONICAL_LIMIT: u64 = 200_000;

/// Writes canonical N-Quads (RDFC-1.0) of a small mirror.
pub fn dump_canonical(
    log: &mut Log,
    depth: usize,
    source: Option<&str>,
    packing: Packing,
    out: &mut dyn Write,
) -> Result<ExportReport, ExportError> {
    let mut all = Vec::new();
    let report = each_piece(
        log,
        depth,
        source,
        |records| Ok(records.flatten().collect::<Vec<_>>()),
        |quads| {
            all.extend(quads);
            if all.len() as u64 > CANONICAL_LIMIT { Err(ExportError::TooLarge(CANONICAL_LIMIT)) } else { Ok(()) }
        },
    )?;
    out.write_all(&packing.pack(canonical_nquads(&all)?.into_bytes())?)?;
    Ok(report)
}
