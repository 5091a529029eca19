//! `libris-mirror query`

use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::{Args, ValueEnum};

use super::exit::{Exit, Misuse};
use super::global::Global;
use super::held::{Held, Incomplete};
use super::output;
use super::settings::Settings;
use crate::index::PublishedIndex;
use crate::labels::Languages;
use crate::query::{
    self, Bounds, GraphFormat, Limits, NAMES_FIT, Names, Queryable, Question, ResultsError, SolutionFormat, Written,
};
use crate::snapshots::SnapshotError;

/// Query the mirror in SPARQL 1.1: SELECT, ASK, CONSTRUCT or DESCRIBE.
///
/// The union of all graphs is the default graph; each record is a graph of its own (GRAPH ?record { … }). KB's
/// prefixes are predefined: kbv (also the empty one), marc, rdf, rdfs, owl, xsd, skos, foaf, dc, dct, schema,
/// bibo, bf, ctry, lge, rel, sao, saogf, ktg, kbrda, lib. SERVICE asks only the hosts of `query.service_hosts`.
///
/// A mistake in the query is shown at its line. A query that fails prints no results; if it has printed more than 64 kB
/// by then, it says that they are incomplete, they end in the middle of a row, and the exit code is 1.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror query 'SELECT ?class (COUNT(*) AS ?n) { ?thing a ?class } GROUP BY ?class ORDER BY DESC(?n)'
  libris-mirror query -f novels.rq --format csv > novels.csv
  echo 'ASK { ?person kbv:exactMatch ?wikidata }' | libris-mirror query
  libris-mirror query --labels sv 'SELECT ?subject (COUNT(*) AS ?n) { ?work kbv:subject ?subject } GROUP BY ?subject'
  libris-mirror query 'DESCRIBE <https://libris.kb.se/khw03jc347kgv4w#it>' --format ttl")]
pub(super) struct Arguments {
    /// The query; from stdin if neither it nor -f is given.
    #[arg(value_name = "QUERY", conflicts_with = "file")]
    query: Option<String>,
    /// Read the query from a file; - for stdin.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How to write the results [default: table on a terminal, else json; ttl on a terminal, else nt, for graphs].
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Print JSON: solutions as --format json does, a graph as JSON-LD.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Add the names of IRIs in these languages, the best first: in place of IRIs in a table, else in a variable
    /// ?xLabel after each ?x. For SELECT.
    #[arg(long, value_name = "LANGUAGES")]
    labels: Option<Languages>,
    /// End the query after this many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: Option<u64>,
    /// Print the steps of the query in their order, with the solutions that were expected after each and those that came out of it,
    /// in place of its results.
    #[arg(long, conflicts_with_all = ["format", "labels"])]
    explain: bool,
    /// What answers: the index, or oxigraph's store; without a published copy of it (store.publish), not while a harvest runs.
    #[arg(long, value_enum, default_value = "index")]
    engine: Engine,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    Index,
    #[cfg(feature = "rocksdb")]
    Store,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Json,
    Xml,
    Csv,
    Tsv,
    Nt,
    Ttl,
    Rdfxml,
    Jsonld,
}

fn formats(asked: Option<Format>) -> (SolutionFormat, GraphFormat) {
    let (mut solutions, mut graph) = if output::stdout_is_terminal() {
        (SolutionFormat::Table, GraphFormat::Turtle)
    } else {
        (SolutionFormat::Json, GraphFormat::NTriples)
    };
    match asked {
        None => {}
        Some(Format::Table) => solutions = SolutionFormat::Table,
        Some(Format::Json) => solutions = SolutionFormat::Json,
        Some(Format::Xml) => solutions = SolutionFormat::Xml,
        Some(Format::Csv) => solutions = SolutionFormat::Csv,
        Some(Format::Tsv) => solutions = SolutionFormat::Tsv,
        Some(Format::Nt) => graph = GraphFormat::NTriples,
        Some(Format::Ttl) => graph = GraphFormat::Turtle,
        Some(Format::Rdfxml) => graph = GraphFormat::RdfXml,
        Some(Format::Jsonld) => graph = GraphFormat::JsonLd,
    }
    (solutions, graph)
}

/// Checks that the form of the query fits the requested format, instead of choosing another format.
fn check(asked: Option<Format>, written: Written) -> anyhow::Result<()> {
    let is_graph = matches!(written, Written::Triples(_));
    let wants_graph = matches!(asked, Some(Format::Nt | Format::Ttl | Format::Rdfxml | Format::Jsonld));
    match asked {
        Some(format) if is_graph != wants_graph => {
            let (form, fit) =
                if is_graph { ("a graph", "nt, ttl, rdfxml or jsonld") } else { ("solutions", "table, json, xml, csv or tsv") };
            anyhow::bail!(
                "--format {} does not fit the query, which gives {form}: use {fit}",
                format!("{format:?}").to_lowercase()
            )
        }
        _ => Ok(()),
    }
}

impl Arguments {
    fn text(&self, limit: usize) -> anyhow::Result<String> {
        let mut text = String::new();
        let most = limit as u64 + 1;
        match (&self.query, &self.file) {
            (Some(query), _) if !query.contains(char::is_whitespace) && Path::new(query).is_file() => {
                return Err(
                    Misuse(format!("{query:?} is a file, not a query\nhint: `-f {query}` reads the query from it")).into()
                );
            }
            (Some(query), _) => text.clone_from(query),
            (None, Some(path)) if path.as_os_str() != "-" => {
                let opened = fs_err::File::open(path);
                let file =
                    opened.map_err(|error| Misuse(format!("{error}\nhint: -f names a file with a query, such as books.rq")))?;
                file.take(most).read_to_string(&mut text)?;
            }
            _ => {
                std::io::stdin().lock().take(most).read_to_string(&mut text)?;
            }
        }
        Ok(text)
    }
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    settings.data.check()?;
    let limits = Limits {
        timeout_s: arguments.timeout.unwrap_or(settings.config.query.timeout_s),
        query_bytes: settings.config.query.query_bytes,
        fuse: settings.config.query.fuse,
    };
    let text = arguments.text(limits.query_bytes)?;
    let snapshot = match settings.data.snapshots().open_current() {
        // Perhaps because nothing was harvested yet.
        Err(error @ SnapshotError::Nothing(_)) => {
            return Err(settings.read_log().err().unwrap_or_else(|| error.into()));
        }
        opened => opened?,
    };
    // Opened before the query runs, so that a log without names is refused first.
    let names = arguments.labels.clone().map(|wanted| Names::open(&settings.data.log(), wanted)).transpose()?;
    let question = Question { services: settings.config.query.service_hosts.clone(), ..Question::from(text) };
    match arguments.engine {
        Engine::Index => {
            let index = PublishedIndex::of(snapshot)?.index;
            query::with_stack(|| print(arguments, &index, &question, limits, names))?
        }
        #[cfg(feature = "rocksdb")]
        Engine::Store => {
            let (store, _held) = super::store::open(&settings, snapshot)?;
            query::with_stack(|| print(arguments, &store, &question, limits, names))?
        }
    }
}

/// Runs a query, and prints what it does.
fn explain(arguments: &Arguments, dataset: &impl Queryable, question: &Question, limits: Limits) -> anyhow::Result<Exit> {
    let overdue = |error| super::exit::at_once(super::exit::of_error(&anyhow::Error::from(error)));
    let explained = query::explain(dataset, question, limits, overdue)?;
    if arguments.json {
        output::json(&explained)?;
    } else {
        write!(output::stdout(), "{explained}")?;
    }
    Ok(Exit::Ok)
}

fn print(
    arguments: &Arguments,
    store: &impl Queryable,
    question: &Question,
    limits: Limits,
    mut names: Option<Names>,
) -> anyhow::Result<Exit> {
    if arguments.explain {
        return explain(arguments, store, question, limits);
    }
    let (solutions, graph) = if arguments.json { (SolutionFormat::Json, GraphFormat::JsonLd) } else { formats(arguments.format) };
    let mut out = Held::new(output::stdout());
    let begun = out.begun();
    let told = move |error| if begun.load(Ordering::Relaxed) { Incomplete(error).into() } else { anyhow::Error::from(error) };
    // If the engine does not notice that its time is up, the program ends. It only reads, so nothing is lost.
    let overdue = told.clone();
    let running = query::run(store, question, limits, move |error| {
        super::exit::at_once(super::exit::of_error(&overdue(error)));
    })?;
    check(arguments.format, running.form())?;
    if names.is_some() && !matches!(running.form(), Written::Solutions(_)) {
        return Err(Misuse(format!("{NAMES_FIT}\nhint: leave --labels out, or ask with SELECT")).into());
    }
    match query::write(running, solutions, graph, Bounds::default(), names.as_mut(), &mut out) {
        Ok(_) => out.finish()?,
        Err(ResultsError::Query(error)) => return Err(told(error)),
        Err(error) => return Err(error.into()),
    }
    Ok(Exit::Ok)
}
