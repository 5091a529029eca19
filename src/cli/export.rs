//! `libris-mirror export`

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use oxigraph::model::{GraphName, Quad};

use super::exit::{Exit, Misuse};
use super::global::Global;
use super::output::{self, grouped};
use super::parquet;
use super::settings::Settings;
use super::whole_file::WholeFile;
use crate::export::{self, Dump, DumpFormat, ExportReport, Packing};

/// Dump the mirror as RDF, in constant memory.
///
/// N-Triples and Turtle are the flat union of all records: each triple once for every record that states it.
/// N-Quads and TriG name the record of each triple as its graph. The same log gives the same bytes every time.
#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "the comments are the text of --help")]
#[command(after_help = "Examples:
  libris-mirror export -o libris.nt.zst
  libris-mirror export --format nq --source nb -o nb.nq.gz
  libris-mirror export --format nt -o - | wc -l
  libris-mirror export --format parquet -o libris.parquet
  libris-mirror export --canonical --record https://libris.kb.se/khw03jc347kgv4w")]
pub(super) struct Arguments {
    /// The format [default: by the file's name, else nt].
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The file; - for stdout. It appears complete or not at all. A file that is replaced keeps its owner and mode, a symbolic
    /// link is followed, and a pipe or a device is written to directly.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Compress [default: by the file's ending].
    #[arg(long, value_enum)]
    compress: Option<Compression>,
    /// Only the records of one source.
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Canonical N-Quads (RDFC-1.0), of a small mirror or of one --record.
    #[arg(long, conflicts_with = "format")]
    canonical: bool,
    /// Only this record, with --canonical.
    #[arg(long, value_name = "IRI", requires = "canonical", conflicts_with = "source")]
    record: Option<String>,
    /// With --format parquet: only records that changed after this change of the log, which the manifest of an export names.
    #[arg(long, value_name = "CHANGE")]
    since: Option<i64>,
    /// Print the figures of the dump as JSON; the dump itself goes to --output.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Nt,
    Nq,
    Ttl,
    Trig,
    /// JSON-LD, a record a line.
    Ndjsonld,
    /// A directory of Parquet files, for analytics: quads, records and links, with a manifest.
    Parquet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Compression {
    Gz,
    Zst,
    None,
}

/// Endings of compressed files that this program does not write.
const OTHER_ENDINGS: [&str; 7] = [".bz2", ".xz", ".zip", ".7z", ".lz4", ".br", ".lzma"];

/// Endings of formats that an export is not written in.
const OTHER_FORMATS: [&str; 8] = ["rdf", "xml", "owl", "jsonld", "json", "ndjson", "csv", "tsv"];

/// Returns the format and the compression that a file name asks for: `libris.nt.zst`.
fn by_name(path: &Path) -> (Option<Format>, Packing) {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_ascii_lowercase();
    let (rest, compression) = match (name.strip_suffix(".gz"), name.strip_suffix(".zst")) {
        (Some(rest), _) => (rest, Packing::Gzip),
        (_, Some(rest)) => (rest, Packing::Zstd),
        _ => (name.as_str(), Packing::Plain),
    };
    let format = match rest.rsplit_once('.').map(|(_, ending)| ending) {
        Some("nt") => Some(Format::Nt),
        Some("nq") => Some(Format::Nq),
        Some("ttl") => Some(Format::Ttl),
        Some("trig") => Some(Format::Trig),
        Some("ndjsonld") => Some(Format::Ndjsonld),
        Some("parquet") => Some(Format::Parquet),
        _ => None,
    };
    (format, compression)
}

impl Arguments {
    fn write(&self, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<ExportReport> {
        let (mut log, depth) = (settings.read_log()?, settings.config.harvest.depth);
        let (by_name, packing) = by_name(&self.output);
        let packing = match self.compress {
            Some(Compression::Gz) => Packing::Gzip,
            Some(Compression::Zst) => Packing::Zstd,
            Some(Compression::None) => Packing::Plain,
            None => packing,
        };
        let source = self.source.as_deref();
        if !self.canonical {
            let format = match self.format.or(by_name).unwrap_or(Format::Nt) {
                Format::Nt => DumpFormat::NTriples,
                Format::Nq => DumpFormat::NQuads,
                Format::Ttl => DumpFormat::Turtle,
                Format::Ndjsonld => DumpFormat::JsonLines,
                Format::Trig | Format::Parquet => DumpFormat::TriG,
            };
            return Ok(export::dump(&mut log, Dump { source, format, packing, depth }, out)?);
        }
        let Some(identifier) = &self.record else { return Ok(export::dump_canonical(&mut log, depth, source, packing, out)?) };
        let quads = super::record::quads(&log, &settings.config, identifier)?;
        // One record is a graph of its own: its canonical form names no graph.
        let triples: Vec<Quad> = quads.iter().map(|quad| Quad { graph_name: GraphName::DefaultGraph, ..quad.clone() }).collect();
        out.write_all(&packing.pack(crate::rdf::canonical_nquads(&triples)?.into_bytes())?)?;
        Ok(ExportReport { records: 1, triples: quads.len() as u64, quarantined: 0 })
    }
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    if arguments.json && arguments.output.as_os_str() == "-" {
        return Err(
            Misuse("--json prints figures to stdout, where the dump would go\nhint: name a file with --output".into()).into()
        );
    }
    let name = arguments.output.to_string_lossy().to_ascii_lowercase();
    if let Some(ending) = OTHER_ENDINGS.iter().find(|ending| name.ends_with(*ending)).filter(|_| arguments.compress.is_none()) {
        let hint = "hint: name a file that ends in .gz or .zst, or say how it is compressed with --compress";
        return Err(Misuse(format!("{}: this program does not compress as {ending}\n{hint}", arguments.output.display())).into());
    }
    let ending = name.trim_end_matches(".gz").trim_end_matches(".zst").rsplit_once('.').map(|(_, ending)| ending);
    if let Some(ending) = ending.filter(|ending| OTHER_FORMATS.contains(ending) && arguments.format.is_none()) {
        let hint = "hint: name a file that ends in .nt, .nq, .ttl, .trig or .ndjsonld, or say what to write with --format";
        return Err(Misuse(format!("{}: an export is not written as {ending}\n{hint}", arguments.output.display())).into());
    }
    // Checked before the output file is created.
    settings.check_names(&settings.read_log()?, &arguments.source)?;
    if arguments.format.or(by_name(&arguments.output).0) == Some(Format::Parquet) {
        if arguments.compress.is_some() {
            return Err(Misuse("Parquet files are compressed inside\nhint: omit --compress".into()).into());
        }
        if arguments.since.is_some() && arguments.source.is_some() {
            let hint = "hint: omit --source: a record may have gone from one source to another";
            return Err(Misuse(format!("--since is for all sources\n{hint}")).into());
        }
        let (output, source) = (&arguments.output, arguments.source.as_deref());
        return parquet::run(&settings, output, source, arguments.since, arguments.json, global);
    }
    if arguments.since.is_some() {
        let hint = "hint: `libris-mirror changes --since` lists what changed";
        return Err(Misuse(format!("--since is for --format parquet\n{hint}")).into());
    }
    let report = if arguments.output.as_os_str() == "-" {
        let mut out = output::stdout();
        let report = arguments.write(&settings, &mut out)?;
        out.flush()?;
        report
    } else {
        let mut file = WholeFile::create(&arguments.output)?;
        let report = arguments.write(&settings, &mut file)?;
        file.finish()?;
        report
    };
    if arguments.json {
        let ExportReport { records, triples, quarantined } = report;
        output::json(&serde_json::json!({"records": records, "triples": triples, "quarantined": quarantined}))?;
    } else if !global.quiet && (arguments.output.as_os_str() != "-" || report.quarantined > 0) {
        let left_out = if report.quarantined > 0 {
            format!("; {} in quarantine left out", grouped(report.quarantined))
        } else {
            String::new()
        };
        output::message(&format!("{} triples of {} records{left_out}", grouped(report.triples), grouped(report.records)));
    }
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_format_and_compression() {
        assert_eq!(by_name(Path::new("a/libris.NT.zst")), (Some(Format::Nt), Packing::Zstd));
        assert_eq!(by_name(Path::new("nb.nq.gz")), (Some(Format::Nq), Packing::Gzip));
        assert_eq!(by_name(Path::new("nb.trig")), (Some(Format::Trig), Packing::Plain));
        assert_eq!(by_name(Path::new("libris.parquet")), (Some(Format::Parquet), Packing::Plain));
        assert_eq!(by_name(Path::new("-")), (None, Packing::Plain));
    }
}
