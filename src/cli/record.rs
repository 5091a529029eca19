//! `libris-mirror record`

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, ValueEnum};
use oxigraph::model::{NamedOrBlankNode, Quad, Term};

use super::exit::Exit;
use super::global::Global;
use super::output;
use super::settings::Settings;
use crate::citation::{Citation, CitationFormat};
use crate::config::Config;
use crate::labels::{Labels, Languages};
use crate::log::{Log, PageBodies, RecordRow};
use crate::query::GraphFormat;
use crate::rdf::{Description, Graph};
use crate::views::{Content, Readers};

/// Show one record: its header and its data.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror record https://libris.kb.se/khw03jc347kgv4w
  libris-mirror record https://libris.kb.se/khw03jc347kgv4w --format jsonld
  libris-mirror record khw03jc347kgv4w --labels sv
  libris-mirror record fcrtpljz1qp2bdv --format bibtex       for a reference manager: ris, bibtex or csl
  libris-mirror record https://libris.kb.se/khw03jc347kgv4w --format raw     as it came over OAI-PMH")]
pub(super) struct Arguments {
    /// The record's IRI, which is its OAI-PMH identifier; or what follows `serve.record_base` in it, such as khw03jc347kgv4w.
    #[arg(value_name = "IRI")]
    identifier: String,
    /// How to write it.
    #[arg(long, value_enum, default_value = "ttl")]
    format: Format,
    /// Say what the IRIs in it are called, in these languages, the best first. Like the header, names are comments, or on
    /// stderr if the format has no comments.
    #[arg(long, value_name = "LANGUAGES")]
    labels: Option<Languages>,
    /// Print JSON-LD, as --format jsonld does.
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Ttl,
    Nt,
    Nq,
    Rdfxml,
    #[value(alias = "json")]
    Jsonld,
    Raw,
    Ris,
    Bibtex,
    Csl,
}

impl Format {
    fn citation(self) -> Option<CitationFormat> {
        match self {
            Self::Ris => Some(CitationFormat::Ris),
            Self::Bibtex => Some(CitationFormat::BibTex),
            Self::Csl => Some(CitationFormat::Csl),
            _ => None,
        }
    }
}

/// Returns the record that an IRI names, or the part of an IRI that follows `base`.
pub(super) fn find(log: &Log, base: &str, identifier: &str) -> anyhow::Result<RecordRow> {
    // `<record#it>` is what people copy.
    let document = identifier.split_once('#').map_or(identifier, |(document, _)| document);
    for name in [identifier, document, &format!("{base}{document}")] {
        if let Some(row) = log.record(name)? {
            return Ok(row);
        }
    }
    anyhow::bail!(
        "the mirror has no record {identifier:?}\nhint: find it with `libris-mirror search`; a record's IRI looks like https://libris.kb.se/khw03jc347kgv4w"
    )
}

fn content(log: &Log, depth: usize, row: &RecordRow) -> anyhow::Result<Content> {
    Ok(Readers::new(log, depth)?.content(log, &mut PageBodies::default(), &row.version)?)
}

/// Returns the quads of a live record with those of its works, for who is to read what it says.
pub(super) fn quads_with_works(log: &Log, config: &Config, identifier: &str) -> anyhow::Result<Vec<Quad>> {
    let own = quads(log, config, identifier)?;
    Ok(Readers::new(log, config.harvest.depth)?.with_works(log, &config.shapes, &own)?)
}

/// Returns the quads of a live record.
pub(super) fn quads(log: &Log, config: &Config, identifier: &str) -> anyhow::Result<Vec<Quad>> {
    let row = find(log, &config.serve.record_base, identifier)?;
    match content(log, config.harvest.depth, &row)? {
        Content::Quads(quads) => Ok(Arc::unwrap_or_clone(quads)),
        Content::Deleted => anyhow::bail!("the record {identifier:?} is deleted or withdrawn"),
        Content::Quarantined(error) => Err(error).with_context(|| format!("the record {identifier:?} is quarantined")),
    }
}

/// Returns the names of the IRIs in a record, a comment each.
fn names(log: &Log, quads: &[Quad], wanted: &Languages) -> anyhow::Result<String> {
    let nodes = quads.iter().flat_map(|quad| {
        let subject = match &quad.subject {
            NamedOrBlankNode::NamedNode(node) => Some(node.as_str()),
            NamedOrBlankNode::BlankNode(_) => None,
        };
        let object = match &quad.object {
            Term::NamedNode(node) => Some(node.as_str()),
            _ => None,
        };
        [subject, Some(quad.predicate.as_str()), object].into_iter().flatten()
    });
    let nodes: BTreeSet<&str> = nodes.collect();
    let named = Labels(log).names(nodes.iter().copied(), wanted)?;
    let lines = nodes.iter().filter_map(|node| Some(format!("# called:     <{node}> {}\n", named.get(node)?.text)));
    Ok(lines.collect())
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    let log = settings.read_log()?;
    let row = find(&log, &settings.config.serve.record_base, &arguments.identifier)?;
    let asked = if arguments.json { Format::Jsonld } else { arguments.format };
    let mut out = output::stdout();
    if asked == Format::Raw {
        out.write_all(PageBodies::default().record(&log, &row.version)?)?;
        writeln!(out)?;
        out.flush()?;
        return Ok(Exit::Ok);
    }
    let content = content(&log, settings.config.harvest.depth, &row)?;
    if let Some(format) = asked.citation() {
        let wanted = arguments.labels.clone().unwrap_or_default();
        let quads =
            Readers::new(&log, settings.config.harvest.depth)?.with_works(&log, &settings.config.shapes, content.quads())?;
        let citation = Citation::of(&log, &settings.config.shapes, &row.version.identifier, &quads, &wanted)?
            .with_context(|| format!("the record {:?} is not live, so there is nothing to cite", row.version.identifier))?;
        if !citation.kind.is_resource() {
            anyhow::bail!(
                "the record {:?} describes nothing that can be cited\nhint: books, articles, maps and other resources can be",
                row.version.identifier
            );
        }
        out.write_all(format.write(&[citation]).as_bytes())?;
        out.flush()?;
        return Ok(Exit::Ok);
    }
    let state = match &content {
        Content::Quads(quads) => format!("live, {} triples", quads.len()),
        Content::Deleted if row.withdrawn => "withdrawn: it left the set without a deletion, as an audit found".into(),
        Content::Deleted => "deleted at the source".into(),
        Content::Quarantined(error) => format!("quarantined: {error}"),
    };
    let names = match &arguments.labels {
        Some(wanted) => names(&log, content.quads(), wanted)?,
        None => String::new(),
    };
    // On stdout as comments if the format has comments, else on stderr.
    let header = format!(
        "# identifier: {}\n# datestamp:  {}\n# sets:       {}\n# source:     {}\n# state:      {state}\n# versions:   {}\n{names}",
        row.version.identifier,
        row.datestamp,
        row.sets,
        row.source_name,
        row.earlier + 1
    );
    let said = Description::of(&settings.config.shapes, &row.version.identifier, &Graph::new(content.quads()));
    let header = match said {
        None => header,
        Some(said) => {
            let label = said.label(settings.config.shapes.languages()).unwrap_or_default().replace(char::is_control, " ");
            format!("{header}# kind:       {}\n# name:       {label}\n", said.kind)
        }
    };
    if matches!(asked, Format::Ttl | Format::Nt | Format::Nq) {
        write!(out, "{header}")?;
    } else if !global.quiet {
        output::message(header.trim_end());
    }
    let Content::Quads(quads) = content else {
        out.flush()?;
        return Ok(Exit::Ok);
    };
    let format = match asked {
        Format::Nt | Format::Raw | Format::Ris | Format::Bibtex | Format::Csl => GraphFormat::NTriples,
        Format::Nq => GraphFormat::NQuads,
        Format::Ttl => GraphFormat::Turtle,
        Format::Rdfxml => GraphFormat::RdfXml,
        Format::Jsonld => GraphFormat::JsonLd,
    };
    format.write(&quads, &mut out)?;
    out.flush()?;
    Ok(Exit::Ok)
}
