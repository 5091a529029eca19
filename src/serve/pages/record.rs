//! The page of a record.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::{Markup, PreEscaped, html};
use oxigraph::model::Quad;
use url::form_urlencoded;

use super::card::{Field, Piece, fields};
use super::kinds::languages;
use super::layout::{Page, Place, scroll, time};
use super::names::Names;
use super::words::Language;
use crate::citation::{Citation, CitationFormat, meta, schema_org};
use crate::labels::Languages;
use crate::links::{Authority, LinkFilter, LinkRow, LinksIndex};
use crate::log::{LogError, RecordRow, VersionRow};
use crate::query::GraphFormat;
use crate::rdf::{Description, Graph, last_part};
use crate::search::SearchIndex;
use crate::serve::app::App;
use crate::serve::negotiate::GRAPHS;
use crate::serve::problem::Problem;
use crate::serve::rdf::write;
use crate::views::Content;

/// A value of a field, with the target of its link.
struct Value {
    text: String,
    after: String,
    target: Option<Target>,
}

enum Target {
    /// A record of this mirror.
    Here(String),
    /// Somewhere else.
    There(String),
}

/// The content of the page.
struct Shown {
    title: String,
    /// The name of its class.
    kind: String,
    /// The code of its kind.
    kind_code: String,
    /// The IRI of what the record describes.
    entity: Option<String>,
    fields: Vec<(&'static str, Vec<Value>)>,
    /// Whether names of definitions are missing.
    names_missing: bool,
    links: Vec<LinkRow>,
    history: Vec<VersionRow>,
    turtle: Option<String>,
    citation: Option<Citation>,
}

/// Returns the page of a record: live, deleted, withdrawn or quarantined.
pub async fn record(app: &App, headers: &HeaderMap, row: RecordRow, content: Content) -> Result<Response, Problem> {
    let language = Language::of(headers);
    let status = match &content {
        Content::Quads(_) => StatusCode::OK,
        Content::Deleted => StatusCode::GONE,
        Content::Quarantined(_) => StatusCode::BAD_GATEWAY,
    };
    let words = language.words();
    let notice = match &content {
        Content::Quads(_) => None,
        Content::Deleted => Some(if row.withdrawn { words.record_withdrawn } else { words.record_deleted }.to_owned()),
        Content::Quarantined(error) => Some(format!("{} {error}", words.record_unreadable)),
    };
    let quads: Arc<Vec<Quad>> = if let Content::Quads(quads) = content { quads } else { Arc::default() };
    let turtle =
        if quads.is_empty() { None } else { Some(String::from_utf8_lossy(&write(&quads, GraphFormat::Turtle)?).into_owned()) };
    let record = row.version.identifier.clone();
    let id = row.version.record;
    let (base, shapes) = (app.config.serve.record_base.clone(), Arc::clone(&app.config.shapes));
    let shown = app
        .log
        .read(move |reading| {
            let quads = reading.with_works(&shapes, &quads)?;
            let said = Description::of(&shapes, &record, &Graph::new(&quads));
            let languages = languages(&shapes, language);
            let (search, names) = (SearchIndex(&reading.log), Names::new(&reading.log, &shapes, language));
            let mut shown = Vec::new();
            for Field { name, values } in said.as_ref().map(|said| fields(said, &languages, words)).unwrap_or_default() {
                let mut looked_up = Vec::new();
                for value in values {
                    looked_up.push(look_up(&search, &names, value, &base)?);
                }
                shown.push((name, looked_up));
            }
            let entity = said.as_ref().and_then(|said| said.entity.as_deref());
            let title = names.of(entity.unwrap_or(&record), false)?;
            let title = title.or_else(|| said.as_ref().and_then(|said| said.label(&languages)).map(str::to_owned));
            Ok(Shown {
                title: title.unwrap_or_else(|| last_part(&record)),
                kind: names.kind(said.as_ref().map(|said| said.kind.as_str()).unwrap_or_default())?,
                kind_code: said.as_ref().map(|said| said.kind.clone()).unwrap_or_default(),
                entity: said.and_then(|said| said.entity),
                fields: shown,
                names_missing: names.missing(),
                links: LinksIndex(&reading.log).find(&LinkFilter::Record(record.clone()))?,
                history: reading.log.history(id)?,
                turtle,
                citation: Citation::of(&reading.log, &shapes, &record, &quads, &Languages::one(language.code()))?,
            })
        })
        .await?;
    let own = app.record_path(&row.version.identifier);
    let is_there = status == StatusCode::OK;
    let page = Page {
        app,
        language,
        title: &shown.title,
        place: Place::Elsewhere,
        keep: Vec::new(),
        script: false,
        address: is_there.then(|| app.address_of(headers, &own)),
        data: is_there.then(|| format!("{own}/data.")),
    };
    let head =
        shown.citation.as_ref().map_or_else(|| html! {}, |citation| cited(citation, page.address.as_deref().unwrap_or(&own)));
    Ok(page.render_with(status, &head, &content_of(&page, &row, notice.as_deref(), &shown)))
}

/// Returns what reference managers and search engines read in the head of the page.
fn cited(citation: &Citation, address: &str) -> Markup {
    // `<` ends the element, wherever it stands in the text.
    let data = schema_org(citation, address).to_string().replace('<', "\\u003c");
    html! {
        @for (name, content) in meta(citation) { meta name=(name) content=(content); }
        script type="application/ld+json" { (PreEscaped(data)) }
    }
}

/// Looks up the name of a value, and the target of its link.
fn look_up(search: &SearchIndex<'_>, names: &Names<'_>, piece: Piece, base: &str) -> Result<Value, LogError> {
    let Piece { text, iri, mut after, roles } = piece;
    if !roles.is_empty() {
        let roles = roles.into_iter().map(|role| match &role.iri {
            Some(iri) => name(names, iri, role.text.clone()),
            None => Ok(role.text.unwrap_or_default()),
        });
        after.insert_str(0, &format!(" ({})", roles.collect::<Result<Vec<_>, _>>()?.join(", ")));
    }
    let Some(iri) = iri else { return Ok(Value { text: text.unwrap_or_default(), after, target: None }) };
    if let Some(record) = names.record(&iri)? {
        return Ok(Value { text: name(names, &iri, text)?, after, target: Some(Target::Here(record)) });
    }
    let entry = if iri.starts_with(base) { search.entry_about(&iri)? } else { None };
    let (called, target) = match entry {
        Some(entry) => (Some(entry.label), Some(Target::Here(entry.record))),
        None => (None, is_web(&iri).then(|| Target::There(iri.clone()))),
    };
    Ok(Value { text: name(names, &iri, text.or(called))?, after, target })
}

/// Returns the name of an IRI in the visitor's language, else what the record calls it, else its last part.
fn name(names: &Names<'_>, iri: &str, called: Option<String>) -> Result<String, LogError> {
    let missing = called.is_none();
    Ok(names.of(iri, missing)?.or(called).unwrap_or_else(|| last_part(iri)))
}

fn content_of(page: &Page<'_>, row: &RecordRow, notice: Option<&str>, shown: &Shown) -> Markup {
    let (words, record) = (page.words(), &row.version.identifier);
    let own = page.app.record_path(record);
    html! {
        article {
            p.over { span.kind { (shown.kind) } " " code { (record) } }
            h1 { (shown.title) }
            @if let Some(notice) = notice { p.notice role="status" { (notice) } }
            @if !shown.fields.is_empty() {
                dl.card {
                    @for (name, values) in &shown.fields {
                        dt { (name) }
                        dd { @if let [value] = values.as_slice() { (link(page, value)) } @else { ul { @for value in values { li { (link(page, value)) } } } } }
                    }
                }
            }
            @if !shown.citation.as_ref().is_none_or(|citation| citation.kind.is_resource()) {
                p { a href={ (page.app.base) "/search?" (sought(shown)) } rel="nofollow" { (words.find_records) } }
            }
            @if shown.names_missing {
                p.hint { (words.names_missing) code { "libris-mirror harvest definitions" } (words.names_missing_hint) }
            }
            @let links = elsewhere(&shown.links);
            @if !links.is_empty() {
                section {
                    h2 { (words.links_heading) }
                    ul.badges {
                        @for (authority, row) in links {
                            li { a.badge.(authority.name()) href=[is_web(&row.iri).then_some(&row.iri)] rel="external noopener" title=(row.property) { strong { (authority.title()) } " " (row.id) } }
                        }
                    }
                }
            }
            section {
                h2 { (words.history) }
                (scroll(words.history, &html! { table.history {
                    thead { tr { th scope="col" { (words.received) } th scope="col" { (words.state) } th scope="col" { (words.datestamp) } } }
                    tbody { @for (place, version) in shown.history.iter().enumerate() { tr {
                        td { (time(version.received_at)) }
                        td { (if version.deleted { words.deleted_version } else if place + 1 == shown.history.len() { words.first_version } else { words.new_version }) }
                        td.datestamp { (version.datestamp) }
                    } } }
                } }))
                p { (words.source) ": " (row.source_name) @if !row.sets.is_empty() { " · " (row.sets) } }
            }
            @if let Some(turtle) = &shown.turtle {
                section {
                    h2 { (words.data) }
                    p {
                        (words.download) ": "
                        @for offer in &GRAPHS {
                            @let name = offer.names.first().unwrap_or(&"ttl");
                            a href={ (own) "/data." (name) } type=(offer.media_type) aria-label={ (words.download) " " (offer.title) } { (offer.title) } " "
                        }
                        @if shown.citation.as_ref().is_some_and(|citation| citation.kind.is_resource()) {
                            "· " (words.cite) ": "
                            @for format in CitationFormat::ALL {
                                a href={ (own) "." (format.ending()) } type=(format.media_type()) aria-label={ (words.cite) " " (format.title()) } { (format.title()) } " "
                            }
                        }
                        @if let Some(entity) = &shown.entity { "· " a href={ (page.app.base) "/sparql?" (referring(entity)) } { (words.refers) } " " }
                        @if is_web(record) { "· " a href=(record) rel="external noopener" {
                            (if record.starts_with(&page.app.config.serve.record_base) { words.at_libris } else { words.at_source })
                        } }
                    }
                    details { summary { (words.as_turtle) } pre.turtle tabindex="0" { (turtle) } }
                }
            }
        }
    }
}

/// Returns the parameters of a search for the records that are about something, in it or by it.
fn sought(shown: &Shown) -> String {
    let facet = match shown.kind_code.as_str() {
        "language" => Some("language"),
        "genre" | "category" => Some("category"),
        "topic" | "complex-subject" | "place" | "period" | "event" => Some("subject"),
        _ => None,
    };
    let (name, value) = match (facet, &shown.entity) {
        (Some(facet), Some(entity)) => (facet, entity.clone()),
        _ => ("q", format!("\"{}\"", shown.title.replace('"', " "))),
    };
    form_urlencoded::Serializer::new(String::new()).append_pair(name, &value).finish()
}

/// Returns the parameters of the SPARQL page with a query for the records that refer to an entity.
fn referring(entity: &str) -> String {
    let query =
        format!("SELECT ?record ?s ?p {{\n  GRAPH ?record {{ ?s ?p <{entity}> }}\n  FILTER (?p != :mainEntity)\n}}\nLIMIT 200");
    form_urlencoded::Serializer::new(String::new()).append_pair("query", &query).finish()
}

/// Returns whether an IRI may become a link: other schemes could be code.
fn is_web(iri: &str) -> bool {
    iri.starts_with("http://") || iri.starts_with("https://")
}

fn link(page: &Page<'_>, value: &Value) -> Markup {
    html! {
        @match &value.target {
            Some(Target::Here(record)) => { a href=(page.app.record_path(record)) { (value.text) } }
            Some(Target::There(iri)) => { a.outside href=(iri) rel="external noopener" { (value.text) } }
            None => { (value.text) }
        }
        (value.after)
    }
}

/// Returns the links of the record with their authorities, each target once.
fn elsewhere(links: &[LinkRow]) -> Vec<(Authority, &LinkRow)> {
    let mut shown: Vec<(Authority, &LinkRow)> = Vec::new();
    for authority in Authority::ALL {
        for row in links.iter().filter(|row| row.authority == authority.name()) {
            if !shown.iter().any(|(_, other)| other.iri == row.iri) {
                shown.push((authority, row));
            }
        }
    }
    shown
}
