//! `libris-mirror search`

use std::io::Write;

use clap::{Args, ValueEnum};

use super::exit::{Exit, Misuse};
use super::global::Global;
use super::output::{self, grouped};
use super::record::quads_with_works;
use super::settings::Settings;
use crate::citation::{Citation, CitationFormat};
use crate::labels::{Labels, Languages};
use crate::log::Log;
use crate::rdf::{Shapes, last_part};
use crate::search::{Facet, Finder, Found, Question, Sort};

/// Find records by title, name, subject or identifier (ISBN in any form, Libris, Wikidata and other numbers).
///
/// All words must match; the last may be the beginning of a word, and words in quotes must follow one another. A record also
/// matches by the names of its agents, its subjects and their broader terms, and its categories. Case and accents do not
/// matter, but å ä ö æ ø are letters of their own.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror search selma lagerlöf
  libris-mirror search '\"gösta berlings saga\"' --sort year
  libris-mirror search 978-91-7000-059-1
  libris-mirror search selma --language swe --decade 1890 --facets
  libris-mirror search --category Romaner --link wikidata --limit 5
  libris-mirror search selma lagerlöf --kind book --format bibtex > lagerlöf.bib
  libris-mirror search fjäril --json | jq -r '.entries[].record'")]
pub(super) struct Arguments {
    /// The words to search for; none to browse what the options choose.
    #[arg(value_name = "WORDS")]
    words: Vec<String>,
    #[command(flatten)]
    chosen: Chosen,
    /// The order: the best match, the newest, the oldest, the first title, or what was added last first.
    #[arg(long, value_enum, default_value_t = Order::Relevance, value_name = "ORDER")]
    sort: Order,
    /// Also show what the result can be narrowed by, with counts.
    #[arg(long)]
    facets: bool,
    /// How many to show.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// How many to skip first.
    #[arg(long, default_value_t = 0, value_name = "N")]
    offset: usize,
    /// Print JSON, as --format json does.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// How to print it: for people, for scripts, or for a reference manager.
    #[arg(long, value_enum, default_value = "text", hide_default_value = true)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Ris,
    Bibtex,
    Csl,
}

impl Format {
    fn citation(self) -> Option<CitationFormat> {
        match self {
            Self::Text | Self::Json => None,
            Self::Ris => Some(CitationFormat::Ris),
            Self::Bibtex => Some(CitationFormat::BibTex),
            Self::Csl => Some(CitationFormat::Csl),
        }
    }
}

/// What the result is narrowed to. A value is an IRI or its last part; each option can be repeated, and then any of its values will do.
#[derive(Debug, Args)]
struct Chosen {
    /// Only this kind of thing: book, ebook, serial, article, map, music, sound, film, picture, person, organisation, topic,
    /// genre, work and others.
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// Only this category or genre.
    #[arg(long, value_name = "CATEGORY")]
    category: Vec<String>,
    /// Only this language.
    #[arg(long, value_name = "LANGUAGE")]
    language: Vec<String>,
    /// Only what was published in this decade, by its first year.
    #[arg(long, value_name = "YEAR")]
    decade: Vec<String>,
    /// Only this subject.
    #[arg(long, value_name = "SUBJECT")]
    subject: Vec<String>,
    /// Only this source.
    #[arg(long, value_name = "NAME")]
    source: Vec<String>,
    /// Only what links to this authority: wikidata, loc, viaf and others.
    #[arg(long, value_name = "AUTHORITY")]
    link: Vec<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Order {
    Relevance,
    Year,
    Oldest,
    Title,
    Added,
}

/// Values of each facet that are shown.
const VALUES: usize = 10;

impl Chosen {
    fn is_empty(&self) -> bool {
        let Self { kind, category, language, decade, subject, source, link } = self;
        [kind, category, language, decade, subject, source, link].into_iter().all(Vec::is_empty)
    }

    fn all(&self, shapes: &Shapes) -> Vec<(Facet, String)> {
        let Self { kind, category, language, decade, subject, source, link } = self;
        let facets = [
            (Facet::Kind, kind),
            (Facet::Category, category),
            (Facet::Language, language),
            (Facet::Decade, decade),
            (Facet::Subject, subject),
            (Facet::Source, source),
            (Facet::Link, link),
        ];
        // A kind may be given by its name.
        let code = |value: &String| {
            let same = |name: &str| name.to_lowercase() == value.to_lowercase();
            let known = shapes.kinds().iter().find(|kind| same(&kind.code) || same(&kind.en) || same(&kind.sv));
            known.map_or_else(|| value.clone(), |kind| kind.code.clone())
        };
        let value_of = |facet, value: &String| if facet == Facet::Kind { code(value) } else { value.clone() };
        facets.into_iter().flat_map(|(facet, values)| values.iter().map(move |value| (facet, value_of(facet, value)))).collect()
    }
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let nothing_chosen = arguments.chosen.is_empty();
    if arguments.words.is_empty() && nothing_chosen && !arguments.facets {
        return Err(Misuse(
            "there is nothing to search for\nhint: name words, or narrow all records with --kind and its like".into(),
        )
        .into());
    }
    let settings = Settings::read(global)?;
    let log = settings.read_log()?;
    let finder = Finder::open(settings.data.path())?;
    log.freeze()?;
    let sort = match arguments.sort {
        Order::Relevance => Sort::Relevance,
        Order::Year => Sort::Newest,
        Order::Oldest => Sort::Oldest,
        Order::Title => Sort::Title,
        Order::Added => Sort::Added,
    };
    let question = Question {
        text: arguments.words.join(" "),
        chosen: arguments.chosen.all(&settings.config.shapes),
        sort,
        offset: arguments.offset,
        limit: arguments.limit.into(),
        values: if arguments.facets { VALUES } else { 0 },
    };
    let found = finder.find(&log, &question)?;
    if found.filling && !global.quiet {
        output::message("the search is being filled: not everything is found yet");
    }
    for (facet, value) in question.chosen.iter().filter(|_| found.matches == 0 && !global.quiet) {
        if !finder.knows(*facet, value)? {
            let name = facet.name();
            output::message(&format!(
                "no record has the {name} {value:?}\nhint: `libris-mirror search --facets` lists what there is; a value is an IRI or its last part"
            ));
        }
    }
    if arguments.json || arguments.format == Format::Json {
        output::json(&found)?;
        return Ok(Exit::Ok);
    }
    if let Some(format) = arguments.format.citation() {
        let all = citations(&log, &settings, &found)?;
        let number = all.len();
        let citations: Vec<Citation> = all.into_iter().filter(|citation| citation.kind.is_resource()).collect();
        if citations.len() < number && !global.quiet {
            let others = grouped((number - citations.len()) as u64);
            output::message(&format!("{others} of the records describe nothing that can be cited, and are left out"));
        }
        let mut out = output::stdout();
        out.write_all(format.write(&citations).as_bytes())?;
        out.flush()?;
        return Ok(Exit::Ok);
    }
    print(&found, &log, &settings.config.shapes, global)?;
    Ok(Exit::Ok)
}

/// Returns the citations of what was found.
fn citations(log: &Log, settings: &Settings, found: &Found) -> anyhow::Result<Vec<Citation>> {
    let mut citations = Vec::new();
    for entry in &found.entries {
        let quads = quads_with_works(log, &settings.config, &entry.record)?;
        citations.extend(Citation::of(log, &settings.config.shapes, &entry.record, &quads, &Languages::default())?);
    }
    Ok(citations)
}

fn print(found: &Found, log: &Log, shapes: &Shapes, global: &Global) -> anyhow::Result<()> {
    let mut table = output::table(&["record", "kind", "title or name", "more"]);
    for entry in &found.entries {
        table.add_row([&entry.record, &entry.kind, &entry.label, &entry.detail]);
    }
    let mut out = output::stdout();
    writeln!(out, "{table}")?;
    if !found.facets.is_empty() {
        let (mut table, names) = (output::table(&["narrow by", "value", "records", "name"]), Labels(log));
        for facet in &found.facets {
            for value in &facet.values {
                let called = match facet.facet {
                    Facet::Kind => shapes.kind(&value.value).map(|kind| kind.en.clone()),
                    _ => names.name(&value.value, &Languages::default())?.map(|name| name.text),
                };
                let option = format!("--{}", facet.facet.name());
                table.add_row([option, last_part(&value.value), grouped(value.count), called.unwrap_or_default()]);
            }
        }
        writeln!(out, "{table}")?;
        let more = found.facets.iter().filter(|facet| facet.more).map(|facet| facet.facet.name()).collect::<Vec<_>>();
        if !more.is_empty() && !global.quiet {
            output::message(&format!("the most frequent values are shown; there are more of {}", more.join(", ")));
        }
    }
    out.flush()?;
    if !global.quiet {
        let shown = match found.reachable {
            reachable if reachable < found.matches => format!(", of which {} can be shown", grouped(reachable as u64)),
            _ => String::new(),
        };
        output::message(&format!("{} found{shown}", grouped(found.matches as u64)));
    }
    Ok(())
}
