//! `libris-mirror links`

use std::io::Write;

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::global::Global;
use super::output::{self, grouped};
use super::settings::Settings;
use crate::links::{Authority, LinkFilter, LinkRow, LinksIndex};

/// Look up who else describes an entity: Wikidata, Wikipedia, DBpedia, Library of Congress, VIAF, ISNI, ORCID.
///
/// A link belongs to the entity that it is about. PATH leads from that entity to the node that has the link; it is empty
/// if that is the entity itself.
#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "the comments are the text of --help")]
#[command(group = clap::ArgGroup::new("what").required(true).args(["record", "iri", "authority", "stats"]), after_help = "Examples:
  libris-mirror links --record https://libris.kb.se/khw03jc347kgv4w
  libris-mirror links --authority viaf --id 24583475
  libris-mirror links --iri http://sv.wikipedia.org/wiki/August_Strindberg
  libris-mirror links --stats")]
pub(super) struct Arguments {
    /// The links of a record, by its IRI.
    #[arg(long, value_name = "IRI")]
    record: Option<String>,
    /// The links of an entity, or to an address in any form.
    #[arg(long, value_name = "IRI")]
    iri: Option<String>,
    /// An authority: wikidata, wikipedia, dbpedia, loc, viaf, isni, orcid or libris.
    #[arg(long, value_name = "A", requires = "id")]
    authority: Option<Authority>,
    /// Its identifier, such as Q1762, sv:August_Strindberg or names/n79021164.
    #[arg(long, requires = "authority")]
    id: Option<String>,
    /// Count the links to each authority.
    #[arg(long)]
    stats: bool,
    /// How to write them [default: table on a terminal, else csv].
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Print JSON, as --format json does.
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Json,
    Csv,
}

/// A field of CSV (RFC 4180).
fn csv(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

fn write(header: &[&str], rows: &[Vec<String>], csv_format: bool) -> anyhow::Result<()> {
    let mut out = output::stdout();
    if csv_format {
        writeln!(out, "{}", header.join(","))?;
        for row in rows {
            writeln!(out, "{}", row.iter().map(|field| csv(field)).collect::<Vec<_>>().join(","))?;
        }
    } else {
        let mut table = output::table(header);
        for row in rows {
            table.add_row(row.clone());
        }
        writeln!(out, "{table}")?;
    }
    Ok(out.flush()?)
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    let log = settings.read_log()?;
    let index = LinksIndex(&log);
    let asked = arguments.format.or(arguments.json.then_some(Format::Json));
    let format = asked.unwrap_or(if output::stdout_is_terminal() { Format::Table } else { Format::Csv });
    let csv_format = matches!(format, Format::Csv);
    if arguments.stats {
        let stats = index.stats()?;
        if matches!(format, Format::Json) {
            output::json(&stats)?;
        } else {
            let number = |number: u64| if csv_format { number.to_string() } else { grouped(number) };
            let rows: Vec<_> = stats
                .iter()
                .map(|row| vec![row.authority.clone(), number(row.links), number(row.entities), number(row.ids)])
                .collect();
            write(&["authority", "links", "entities", "ids"], &rows, csv_format)?;
        }
        return Ok(Exit::Ok);
    }
    let filter = match (&arguments.record, &arguments.iri, arguments.authority, &arguments.id) {
        (Some(record), ..) => {
            LinkFilter::Record(super::record::find(&log, &settings.config.serve.record_base, record)?.version.identifier)
        }
        (_, Some(iri), ..) => LinkFilter::Iri(iri.clone()),
        (_, _, Some(authority), Some(id)) => LinkFilter::Id(authority, id.clone()),
        _ => anyhow::bail!("name a record, an IRI, or an authority with an identifier"),
    };
    let links = index.find(&filter)?;
    if matches!(format, Format::Json) {
        output::json(&links)?;
    } else {
        let fields = |link: LinkRow| vec![link.entity, link.authority, link.id, link.property, link.path, link.iri];
        write(
            &["entity", "authority", "id", "property", "path", "iri"],
            &links.into_iter().map(fields).collect::<Vec<_>>(),
            csv_format,
        )?;
    }
    Ok(Exit::Ok)
}
