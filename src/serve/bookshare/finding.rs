//! What is found, and what is said of it.

use chrono::NaiveTime;
use oxigraph::model::Quad;

use super::envelope::{Body, Entry, Said};
use super::fault::Fault;
use super::path::{Asked, Criterion, What};
use crate::citation::{Citation, Role};
use crate::config::Config;
use crate::labels::{Labels, Languages};
use crate::query::GraphFormat;
use crate::rdf::{Description, Graph, last_part};
use crate::search::{Condition, Facet, Finder, Part, Question, Sort, Window, forms_of_isbn};
use crate::serve::reading::Reading;
use crate::serve::record::identifier_of;
use crate::views::{Content, ViewError};

/// The kinds of books, and of periodicals: see `config/describe.toml`.
const BOOKS: [&str; 2] = ["book", "ebook"];
const PERIODICALS: [&str; 1] = ["serial"];

/// Categories that are looked through for a list.
const CATEGORIES: usize = 10_000;

/// What an answer holds, and what it says of that.
pub(super) type Given = Result<(Body, String), Fault>;

/// Answers what is asked.
pub(super) fn given(reading: &mut Reading, finder: &Finder, config: &Config, asked: &Asked) -> Result<Given, ViewError> {
    let newest = Some(Sort::Newest);
    match &asked.what {
        What::Categories => categories(reading, finder, asked),
        What::Id(id) => one(reading, config, id, &BOOKS),
        What::Periodical(id) => one(reading, config, id, &PERIODICALS),
        What::Isbn(isbn) => {
            let Some(condition) = forms_of_isbn(isbn.trim()).and_then(|_| Condition::identifier(isbn)) else {
                return Ok(Err(Fault::Isbn(isbn.clone())));
            };
            list(reading, finder, config, asked, vec![kinds(&BOOKS), condition], newest)
        }
        What::Periodicals => list(reading, finder, config, asked, vec![kinds(&PERIODICALS)], Some(Sort::Title)),
        What::Search(criteria) | What::Latest(criteria) | What::Popular(criteria) => {
            let sort = match &asked.what {
                What::Latest(_) => Some(Sort::Added),
                What::Popular(_) => None,
                _ => newest,
            };
            let mut conditions = vec![kinds(&BOOKS)];
            for criterion in criteria {
                match condition(reading, criterion)? {
                    Ok(condition) => conditions.push(condition),
                    Err(fault) => return Ok(Err(fault)),
                }
            }
            list(reading, finder, config, asked, conditions, sort)
        }
    }
}

fn kinds(kinds: &[&str]) -> Condition {
    Condition::Or(kinds.iter().map(|kind| Condition::Value(Facet::Kind, (*kind).to_owned())).collect())
}

fn condition(reading: &Reading, criterion: &Criterion) -> Result<Result<Condition, Fault>, ViewError> {
    let either = |text: &str| {
        let [title, name] = [Part::Title, Part::Name].map(|part| Condition::words(part, text));
        Some(Condition::Or(vec![title?, name?]))
    };
    let (text, found) = match criterion {
        Criterion::Text(text) => (text, each_word(text, either)),
        Criterion::Title(text) => (text, Condition::words(Part::Title, text)),
        Criterion::Author(text) => (text, Condition::words(Part::Name, text)),
        Criterion::FullText(text) => (text, Condition::words(Part::Any, text)),
        Criterion::Category(name) => {
            let of = |facet| Condition::Value(facet, name.clone());
            (name, Some(Condition::Or(vec![of(Facet::Category), of(Facet::Subject)])))
        }
        Criterion::Since(day) => {
            let midnight = day.and_time(NaiveTime::MIN).and_utc().timestamp_millis();
            return Ok(Ok(Condition::AddedAfter(reading.log.last_record_until(midnight - 1)?)));
        }
    };
    Ok(found.ok_or_else(|| Fault::Words(text.clone())))
}

/// A condition of each word of a text, so that one may be of the title, and another of a name.
fn each_word(text: &str, condition: impl Fn(&str) -> Option<Condition>) -> Option<Condition> {
    Condition::all(text.split_whitespace().filter_map(condition).take(12).collect())
}

fn list(
    reading: &mut Reading,
    finder: &Finder,
    config: &Config,
    asked: &Asked,
    conditions: Vec<Condition>,
    sort: Option<Sort>,
) -> Result<Given, ViewError> {
    let (page, limit) = (asked.page, asked.limit);
    let window = Window { sort, offset: page.saturating_sub(1).saturating_mul(limit), limit };
    let found = finder.select(&reading.log, &Condition::And(conditions), window)?;
    let mut results = Vec::new();
    for entry in &found.entries {
        if let Some(quads) = said(reading, config, &entry.record)? {
            results.extend(result(reading, config, &entry.record, &quads)?);
        }
    }
    let total = found.matches as u64;
    let message = if found.reachable < found.matches {
        format!("{total} titles; of these, the first {} can be listed", found.reachable)
    } else {
        format!("{total} titles")
    };
    let (page, limit) = (page as u64, limit as u64);
    let pages = (found.reachable as u64).div_ceil(limit);
    Ok(Ok((Body::List { page, limit, pages, total, results }, message)))
}

fn one(reading: &mut Reading, config: &Config, id: &str, kinds: &[&str]) -> Result<Given, ViewError> {
    let identifier = identifier_of(id, &config.serve.record_base);
    let Some(quads) = said(reading, config, &identifier)? else { return Ok(Err(Fault::Missing)) };
    let described = Description::of(&config.shapes, &identifier, &Graph::new(&quads));
    if described.is_none_or(|described| !kinds.contains(&described.kind.as_str())) {
        return Ok(Err(Fault::Missing));
    }
    let found = result(reading, config, &identifier, &quads)?;
    Ok(found.map(|entry| (Body::Metadata(entry), "1 title".to_owned())).ok_or(Fault::Missing))
}

/// The quads of a record, with those of its works; none, if it is gone or cannot be read.
fn said(reading: &mut Reading, config: &Config, identifier: &str) -> Result<Option<Vec<Quad>>, ViewError> {
    let Some(row) = reading.log.record(identifier)? else { return Ok(None) };
    let Content::Quads(quads) = reading.content(&row)? else { return Ok(None) };
    reading.with_works(&config.shapes, &quads).map(Some)
}

/// What is told of a record that says this; none, if it describes nothing.
fn result(reading: &Reading, config: &Config, identifier: &str, quads: &[Quad]) -> Result<Option<Entry>, ViewError> {
    let citation = Citation::of(&reading.log, &config.shapes, identifier, quads, &Languages::default())?;
    Ok(citation.map(|citation| entry(&citation)))
}

fn entry(citation: &Citation) -> Entry {
    let mut entry = Entry::default();
    entry.say("id", last_part(&citation.record));
    entry.say("title", citation.title.as_str());
    let authors = citation.creators.iter().filter(|creator| creator.role == Role::Author);
    entry.say_all("author", authors.map(|creator| creator.name.inverted()).collect());
    let isbn = citation.isbn.iter().find_map(|isbn| forms_of_isbn(isbn)).map(|(_, thirteen)| thirteen);
    entry.say("isbn13", isbn.unwrap_or_default());
    entry.say_all("issn", citation.issn.clone());
    entry.say("publisher", citation.publisher.clone().unwrap_or_default());
    entry.say("publish-date", citation.year.map(|year| year.to_string()).unwrap_or_default());
    entry.say("brief-synopsis", citation.summary.clone().unwrap_or_default());
    entry.say_all("category", citation.keywords.clone());
    entry.say_all("language", citation.languages.clone());
    entry
}

fn categories(reading: &mut Reading, finder: &Finder, asked: &Asked) -> Result<Given, ViewError> {
    let question = Question { values: CATEGORIES, ..Question::default() };
    let found = finder.find(&reading.log, &question)?;
    let of = found.facets.into_iter().find(|counts| counts.facet == Facet::Category);
    let values = of.map(|counts| counts.values).unwrap_or_default();
    let (total, limit) = (values.len() as u64, asked.limit as u64);
    let (names, wanted) = (Labels(&reading.log), Languages::default());
    let mut results = Vec::new();
    for value in values.iter().skip(asked.page.saturating_sub(1).saturating_mul(asked.limit)).take(asked.limit) {
        let mut entry = Entry::default();
        let name = names.name(&value.value, &wanted)?.map_or_else(|| last_part(&value.value), |name| name.text);
        entry.say("name", name);
        entry.say("id", last_part(&value.value));
        entry.say("iri", value.value.as_str());
        entry.0.push(("total-results", Said::Number(value.count)));
        results.push(entry);
    }
    let body = Body::List { page: asked.page as u64, limit, pages: total.div_ceil(limit), total, results };
    Ok(Ok((body, format!("{total} categories"))))
}

/// The formats of a download, by their numbers.
pub(super) const VERSIONS: [(u32, GraphFormat, &str); 4] = [
    (1, GraphFormat::Turtle, "ttl"),
    (2, GraphFormat::RdfXml, "rdf"),
    (3, GraphFormat::JsonLd, "jsonld"),
    (4, GraphFormat::NTriples, "nt"),
];

/// The triples of a record, in a ZIP archive with one file.
pub(super) fn packed(
    reading: &mut Reading,
    config: &Config,
    id: &str,
    version: u32,
) -> Result<Result<Vec<u8>, Fault>, ViewError> {
    let Some((_, format, ending)) = VERSIONS.into_iter().find(|(number, ..)| *number == version) else {
        return Ok(Err(Fault::Version));
    };
    let identifier = identifier_of(id, &config.serve.record_base);
    let Some(row) = reading.log.record(&identifier)? else { return Ok(Err(Fault::Missing)) };
    let Content::Quads(quads) = reading.content(&row)? else { return Ok(Err(Fault::Missing)) };
    let body = format.write(&quads, Vec::new()).map_err(ViewError::own)?;
    let name: String = last_part(&identifier).chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file(format!("{name}.{ending}"), zip::write::SimpleFileOptions::default()).map_err(ViewError::own)?;
    std::io::Write::write_all(&mut zip, &body).map_err(ViewError::own)?;
    Ok(Ok(zip.finish().map_err(ViewError::own)?.into_inner()))
}
