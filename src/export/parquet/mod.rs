//! Parquet datasets for analytics: `DuckDB`, Spark, Polars, and all that reads Parquet.
//!
//! Three tables, a partition for each source (`quads/source=nb/part-00000.parquet`), and a manifest. Row groups of some thousand
//! records are parsed and encoded on all cores and appended in the order of the log, so that memory is constant and the same log
//! gives the same bytes.

mod files;
mod manifest;
mod tables;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

use fs_err as fs;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;

use super::whole::{Holds, WholeDirectory, WholeDirectoryError};
use crate::config::Config;
use crate::links::extract;
use crate::log::{ChangeId, CurrentVersion, Log, LogError, PageBodies, SourceId};
use crate::pipeline::{Feed, cores, in_order};
use crate::quarantine::Sound;
use crate::rdf::{Description, Graph};
use crate::snapshots::link_text;
use crate::views::{Content, Piece, Readers, ViewError};

use files::{Files, parquet_schema, properties};
pub use manifest::{DataFile, Manifest};
use tables::{Header, Links, Quads, Records, Table};

/// Why a dataset cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ParquetExportError {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A context in the log.
    #[error(transparent)]
    View(#[from] ViewError),
    /// Writing.
    #[error("the dataset cannot be written: {0}")]
    Parquet(#[from] ParquetError),
    /// The file system.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The user stopped it.
    #[error("stopped")]
    Stopped,
    /// The directory.
    #[error(transparent)]
    Directory(#[from] WholeDirectoryError),
}

impl From<arrow_schema::ArrowError> for ParquetExportError {
    fn from(error: arrow_schema::ArrowError) -> Self {
        Self::Parquet(error.into())
    }
}

/// What is written.
#[derive(Debug, Clone, Copy)]
pub struct Dataset<'a> {
    /// Only the records of this source.
    pub source: Option<&'a str>,
    /// Only records that changed after this change of the log.
    pub since: Option<i64>,
    /// In which languages names are chosen, the best first.
    pub languages: &'a [String],
}

/// What a dataset consists of.
const HOLDS: Holds = Holds {
    names: &["quads", "records", "links", manifest::NAME],
    mark: manifest::NAME,
    says: "\"generator\": \"libris-mirror ",
};

/// How many records become a row group, at most.
const GROUP_RECORDS: usize = 2000;

/// How many bytes of records become a row group, however few records they are.
const GROUP_BYTES: usize = 32 << 20;

/// Some records of the log, to become row groups.
#[derive(Default)]
struct Task {
    rows: Vec<Row>,
    bytes: usize,
}

/// A record of the log.
struct Row {
    version: CurrentVersion,
    record: Option<Vec<u8>>,
    datestamp: Option<i64>,
    /// Whether it was read before, and found sound.
    sound: bool,
}

/// Readers of records, and of those that are sound.
struct ReadersOf {
    any: Readers,
    sound: Readers,
}

/// A row group that waits to be appended.
struct Group {
    table: Table,
    source: SourceId,
    rows: u64,
    chunks: Vec<ArrowColumnChunk>,
}

/// What a task gave.
#[derive(Default)]
struct Made {
    groups: Vec<Group>,
    records: u64,
    triples: u64,
    links: u64,
}

/// Writes a dataset into a directory, which appears as a whole. `progress` is called with the records so far, and may stop it.
pub fn write_dataset(
    log: &mut Log,
    config: &Config,
    what: Dataset<'_>,
    directory: &Path,
    mut progress: impl FnMut(u64) -> bool,
) -> Result<Manifest, ParquetExportError> {
    let whole = WholeDirectory::begin(directory, HOLDS)?;
    log.freeze()?;
    let change = log.last_change()?;
    let link = link_text(log.mark_at(change)?.link);
    let sources = log.sources()?;
    let names: BTreeMap<SourceId, String> = sources.iter().map(|row| (row.id, row.name.clone())).collect();
    let wanted = what.source.map(|name| sources.iter().find(|row| row.name == name).map(|row| row.id));
    let any = Readers::new(log, config.harvest.depth)?;
    let readers = ReadersOf { sound: any.for_sound(), any };
    let known = Sound::of(log)?;
    let mut files = Files::new(whole.path())?;
    let factories = Factories::new()?;
    let (mut records, mut triples, mut links) = (0, 0, 0);
    let keep = |version: &CurrentVersion| wanted.is_none_or(|wanted| wanted == Some(version.source));
    in_order(
        cores(),
        move |feed| read(log, what.since, &known, &keep, feed),
        |task| make(task, &readers, &factories, config, what.languages),
        |made| {
            let made: Made = made?;
            records += made.records;
            triples += made.triples;
            links += made.links;
            for Group { table, source, rows, chunks } in made.groups {
                let name = names.get(&source).map_or("", String::as_str);
                files.append(table, name, rows, chunks)?;
            }
            if progress(records) { Ok(ControlFlow::Continue(())) } else { Err(ParquetExportError::Stopped) }
        },
    )?;
    let generator = format!("libris-mirror {}", env!("CARGO_PKG_VERSION"));
    let manifest =
        Manifest { generator, change: change.0, link, since: what.since, records, triples, links, files: files.finish()? };
    let mut text = serde_json::to_vec_pretty(&manifest).map_err(std::io::Error::from)?;
    text.push(b'\n');
    let mut file = fs::File::create(whole.path().join(manifest::NAME))?;
    file.write_all(&text)?;
    file.sync_all()?;
    whole.finish()?;
    Ok(manifest)
}

/// Reads records in tasks: all that count, or those that changed.
fn read(
    log: &Log,
    since: Option<i64>,
    known: &Sound,
    keep: &dyn Fn(&CurrentVersion) -> bool,
    feed: Feed<'_, Task>,
) -> Result<(), ParquetExportError> {
    let mut task = Task::default();
    let mut add = |version: CurrentVersion, record: Option<Vec<u8>>| -> Result<bool, LogError> {
        if !keep(&version) {
            return Ok(true);
        }
        let (datestamp, sound) = (log.datestamp(version.record)?, known.has(log, version.record)?);
        task.bytes += record.as_ref().map_or(0, Vec::len);
        task.rows.push(Row { version, record, datestamp, sound });
        let full = task.rows.len() >= GROUP_RECORDS || task.bytes >= GROUP_BYTES;
        Ok(!full || feed(std::mem::take(&mut task)))
    };
    match since {
        None => Piece::of_all(log, |_, piece| {
            for (version, record) in piece.records {
                if !add(version, record)? {
                    return Ok(false);
                }
            }
            Ok(true)
        })?,
        Some(since) => {
            let mut bodies = PageBodies::default();
            log.each_changed(ChangeId(since), &mut |version| {
                let record = if version.gone { None } else { Some(bodies.record(log, &version)?.to_vec()) };
                add(version, record)
            })?;
        }
    }
    feed(task);
    Ok(())
}

/// Makes columns of each table.
struct Factories([ArrowRowGroupWriterFactory; 3]);

impl Factories {
    fn new() -> Result<Self, ParquetError> {
        let [quads, records, links] = Table::ALL.map(|table| {
            let sink = SerializedFileWriter::new(std::io::sink(), parquet_schema(table)?, properties()?)?;
            Ok::<_, ParquetError>(ArrowRowGroupWriterFactory::new(&sink, table.schema()))
        });
        Ok(Self([quads?, records?, links?]))
    }

    fn encode(&self, table: Table, batch: &arrow_array::RecordBatch) -> Result<Vec<ArrowColumnChunk>, ParquetError> {
        let [quads, records, links] = &self.0;
        let factory = match table {
            Table::Quads => quads,
            Table::Records => records,
            Table::Links => links,
        };
        let mut writers = factory.create_column_writers(0)?.into_iter();
        let mut chunks = Vec::new();
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            for leaf in compute_leaves(field, column)? {
                let Some(mut writer) = writers.next() else { continue };
                writer.write(&leaf)?;
                chunks.push(writer.close()?);
            }
        }
        Ok(chunks)
    }
}

/// The rows of one source.
#[derive(Default)]
struct Rows {
    quads: Quads,
    records: Records,
    links: Links,
}

fn make(
    task: Task,
    readers: &ReadersOf,
    factories: &Factories,
    config: &Config,
    languages: &[String],
) -> Result<Made, ParquetExportError> {
    let (mut by_source, mut made) = (BTreeMap::<SourceId, Rows>::new(), Made::default());
    for Row { version, record, datestamp, sound } in task.rows {
        let readers = if sound { &readers.sound } else { &readers.any };
        let rows = by_source.entry(version.source).or_default();
        let content = record.as_deref().map_or(Content::Deleted, |record| readers.parse(&version, record));
        drop(record);
        let graph = crate::rdf::graph_name(&version.identifier);
        let quads = content.quads();
        let says = (!quads.is_empty()).then(|| Description::of(&config.shapes, graph.as_str(), &Graph::new(quads))).flatten();
        let header = Header {
            identifier: version.identifier,
            datestamp,
            deleted: matches!(content, Content::Deleted),
            quarantined: matches!(content, Content::Quarantined(_)),
        };
        rows.records.push(&header, says.as_ref(), languages);
        for quad in quads {
            rows.quads.push(quad);
        }
        for link in extract(&config.shapes, quads) {
            rows.links.push(&header.identifier, &link);
            made.links += 1;
        }
        made.records += 1;
        made.triples += quads.len() as u64;
    }
    for (source, mut rows) in by_source {
        for table in Table::ALL {
            let batch = match table {
                Table::Quads => rows.quads.finish(),
                Table::Records => rows.records.finish(),
                Table::Links => rows.links.finish(),
            }?;
            if batch.num_rows() > 0 {
                let chunks = factories.encode(table, &batch)?;
                made.groups.push(Group { table, source, rows: batch.num_rows() as u64, chunks });
            }
        }
    }
    Ok(made)
}
