//! Records at their addresses, in every format and as a page.
//!
//! A record of Libris, `https://libris.kb.se/<id>`, is at `/<id>`, and any record at `/record/<IRI>`; both have `/data.ttl`
//! and the other formats. What the record describes, `<id>#it`, is not a document: a request for it is redirected to the
//! record (303), as Libris does. So are the numbers of old Libris (`/bib/8369159`, `/auth/281943`).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_LOCATION, CONTENT_TYPE, LINK, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use oxigraph::model::Quad;

use super::app::App;
use super::conditions::Validator;
use super::negotiate::{GRAPHS, Wanted};
use super::pages;
use super::problem::Problem;
use super::rdf::write;
use super::reading::Reading;
use crate::citation::{Citation, CitationFormat};
use crate::labels::{Labels, Languages};
use crate::links::{Authority, LinkFilter, LinksIndex};
use crate::log::RecordRow;
use crate::views::{Content, ViewError};

/// `/record/<IRI>`, with or without `/data.FORMAT`.
pub async fn by_iri(State(app): State<Arc<App>>, Path(path): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    answer(&app, &path, &headers).await
}

/// `/<id>`
pub async fn by_id(State(app): State<Arc<App>>, Path(id): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    answer(&app, &id, &headers).await
}

/// `/<id>/data.FORMAT`, `/bib/<number>` and `/auth/<number>`
pub async fn below_id(
    State(app): State<Arc<App>>,
    Path((first, second)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(&app, &format!("{first}/{second}"), &headers).await
}

/// `/resource/bib/<number>` and `/resource/auth/<number>`
pub async fn old_resource(
    State(app): State<Arc<App>>,
    Path((kind, number)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(&app, &format!("{kind}/{number}"), &headers).await
}

/// What a path asks for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    /// The identifier, without a fragment.
    identifier: String,
    /// The fragment of the path. It names what the record describes, or belongs to the identifier, as in many vocabularies.
    fragment: Option<String>,
    /// The end of the path.
    data: Data,
}

#[derive(Debug, PartialEq, Eq)]
enum Data {
    /// Nothing: a page or any format.
    Any,
    /// A citation, `<id>.ris`.
    Cited(CitationFormat),
    /// `data`: any format of the data.
    Negotiated,
    /// `data.FORMAT`
    Named(String),
}

impl Asked {
    /// The same without the ending of a citation, if it has one: a record's own identifier may end so too.
    fn cited(&self) -> Option<Self> {
        if self.data != Data::Any {
            return None;
        }
        CitationFormat::ALL.into_iter().find_map(|format| {
            let before = |text: &str| Some(text.strip_suffix(format.ending())?.strip_suffix('.')?.to_owned());
            let (identifier, fragment) = match &self.fragment {
                Some(fragment) => (self.identifier.clone(), Some(before(fragment)?)),
                None => (before(&self.identifier)?, None),
            };
            Some(Self { identifier, fragment, data: Data::Cited(format) })
        })
    }
}

fn asked(path: &str, base: &str) -> Asked {
    let (path, data) = match path.rsplit_once('/') {
        Some((before, "data")) => (before, Data::Negotiated),
        Some((before, last)) if last.starts_with("data.") => (before, Data::Named(last["data.".len()..].to_owned())),
        _ => (path, Data::Any),
    };
    let (path, fragment) = path.split_once('#').map_or((path, None), |(before, after)| (before, Some(after.to_owned())));
    Asked { identifier: identifier_of(path, base), fragment, data }
}

/// Returns the identifier that a path names: an IRI, or what follows the base.
pub(super) fn identifier_of(path: &str, base: &str) -> String {
    // Some proxies replace two slashes by one.
    if let Some(scheme) = ["https:/", "http:/"].into_iter().find(|scheme| path.starts_with(*scheme)) {
        return format!("{scheme}/{}", path[scheme.len()..].trim_start_matches('/'));
    }
    // RFC 3986, 3.1.
    let is_scheme = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    };
    if path.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme)) { path.to_owned() } else { format!("{base}{path}") }
}

/// The result of a look-up.
enum Found {
    /// A record, with the last page of the log, and what its page depends on: views may be behind the log.
    Record(Box<RecordRow>, i64, Vec<u8>),
    /// An old number of this record.
    Other(String),
    Nothing,
}

fn find(reading: &mut Reading, identifier: &str, fragment: Option<&str>, path: &str) -> Result<Found, ViewError> {
    let whole = fragment.map(|fragment| format!("{identifier}#{fragment}"));
    for name in whole.iter().map(String::as_str).chain([identifier]) {
        if let Some(row) = reading.log.record(name)? {
            let seen = reading.log.seen_by_readers()?;
            let state = seen.iter().flat_map(|number| number.to_be_bytes()).collect();
            return Ok(Found::Record(Box::new(row), reading.log.last_page()?.0, state));
        }
    }
    // The IRI of what a record describes leads to the record.
    let described = whole.as_deref().unwrap_or(identifier);
    if let Some(record) = Labels(&reading.log).record(described)? {
        return Ok(Found::Other(record));
    }
    let links = LinksIndex(&reading.log).find(&LinkFilter::Id(Authority::Libris, path.to_owned()))?;
    Ok(links.into_iter().next().map_or(Found::Nothing, |link| Found::Other(link.record)))
}

async fn look_up(app: &App, asked: &Asked, path: &str) -> Result<Found, Problem> {
    let (identifier, fragment, short) = (asked.identifier.clone(), asked.fragment.clone(), path.to_owned());
    app.log.read(move |reading| find(reading, &identifier, fragment.as_deref(), &short)).await
}

async fn answer(app: &Arc<App>, path: &str, headers: &HeaderMap) -> Result<Response, Problem> {
    let mut asked = asked(path, &app.config.serve.record_base);
    let mut found = look_up(app, &asked, path).await?;
    if let (Found::Nothing, Some(cited)) = (&found, asked.cited()) {
        found = look_up(app, &cited, "").await?;
        asked = cited;
    }
    if let (Found::Nothing, true) = (&found, asked.data != Data::Any) {
        // The record's own identifier may end so.
        let whole = Asked { identifier: identifier_of(path, &app.config.serve.record_base), fragment: None, data: Data::Any };
        let other = look_up(app, &whole, "").await?;
        if matches!(other, Found::Record(..)) {
            (found, asked) = (other, whole);
        }
    }
    let (row, page, state) = match found {
        Found::Record(row, page, state) => (row, page, state),
        Found::Other(record) => return Ok(see_other(&app.record_path(&record))),
        Found::Nothing => return missing(app, headers, &asked),
    };
    let own = app.record_path(&row.version.identifier);
    if asked.fragment.is_some() && row.version.identifier == asked.identifier {
        return Ok(see_other(&own));
    }
    let format = if let Data::Named(format) = &asked.data { Some(format.as_str()) } else { None };
    let cited = match asked.data {
        Data::Cited(format) => Some(format),
        _ => CitationFormat::ALL.into_iter().find(|known| format == Some(known.ending())),
    };
    let wanted = Wanted::new(headers, format);
    let html = asked.data == Data::Any && wanted.prefers_html(&GRAPHS);
    let offer = wanted.choose(&GRAPHS);
    let language = pages::language(headers);
    let name = match cited {
        Some(format) => format!("{} {}", format.media_type(), language.code()),
        None if html => language.code().to_owned(),
        None => offer.map_or("", |offer| offer.media_type).to_owned(),
    };
    // Pages after the snapshot have no time of publication yet.
    let published = app.snapshot().filter(|snapshot| snapshot.page().0 >= page).map(|snapshot| snapshot.published);
    // A page depends on the table that the record is read by.
    let shapes = app.config.shapes.fingerprint();
    let what = [row.version.identifier.as_bytes(), state.as_slice(), name.as_bytes(), shapes.as_bytes()];
    let validator = Validator::new(&what, published);
    if let Some(response) = validator.not_modified(headers) {
        return Ok(response);
    }
    // The payload is read only now, after 304 was ruled out; pages of the log do not change.
    let (row, content) = app.log.read(move |reading| reading.content(&row).map(|content| (row, content))).await?;
    let mut response = match (content, offer) {
        (Content::Quads(quads), _) if cited.is_some() => {
            cite(app, &row, quads, cited.unwrap_or(CitationFormat::Ris), language).await?
        }
        (content, _) if html => pages::record(app, headers, *row, content).await?,
        (Content::Deleted, _) => {
            let how = if row.withdrawn { "left its set" } else { "is deleted at the source" };
            return Err(Problem::new(StatusCode::GONE, format!("the record {} {how}", row.version.identifier)));
        }
        (Content::Quarantined(error), _) => {
            let detail =
                format!("the source delivered the record {} in a form that cannot be read: {error}", row.version.identifier);
            return Err(Problem::new(StatusCode::BAD_GATEWAY, detail));
        }
        (Content::Quads(_), None) if asked.data != Data::Any => {
            return Err(Problem::not_found(
                "a record is data.ttl, data.nt, data.rdf, data.jsonld, data.json, data.trig or data.nq",
            ));
        }
        (Content::Quads(_), None) => {
            return Err(Problem::not_acceptable(
                "a record is available as text/html, text/turtle, application/n-triples, application/rdf+xml, application/ld+json or application/trig",
            ));
        }
        (Content::Quads(quads), Some(offer)) => {
            let mut response = Response::new(Body::from(write(&quads, offer.format)?));
            // `data.json` is JSON-LD, labelled for clients that know only JSON.
            let media_type = if format == Some("json") { "application/json" } else { offer.media_type };
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
            if asked.data == Data::Any
                && let Ok(value) = HeaderValue::from_str(&format!("{own}/data.{}", offer.names.first().unwrap_or(&"ttl")))
            {
                headers.insert(CONTENT_LOCATION, value);
            }
            response
        }
    };
    describe(response.headers_mut(), &own);
    validator.label(response.headers_mut());
    Ok(response)
}

/// Returns the citation of a record.
async fn cite(
    app: &App,
    row: &RecordRow,
    quads: Arc<Vec<Quad>>,
    format: CitationFormat,
    language: pages::Language,
) -> Result<Response, Problem> {
    let (record, shapes) = (row.version.identifier.clone(), Arc::clone(&app.config.shapes));
    let wanted = Languages::one(language.code());
    let cited = move |reading: &mut Reading| {
        let quads = reading.with_works(&shapes, &quads)?;
        Ok(Citation::of(&reading.log, &shapes, &record, &quads, &wanted)?)
    };
    let citation = app.log.read(cited).await?;
    let Some(citation) = citation.filter(|citation| citation.kind.is_resource()) else {
        return Err(Problem::not_found("this record describes nothing that can be cited"));
    };
    let mut response = Response::new(Body::from(format.write(&[citation])));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    Ok(response)
}

/// Returns the 404 for an identifier.
fn missing(app: &App, headers: &HeaderMap, asked: &Asked) -> Result<Response, Problem> {
    if asked.data == Data::Any && Wanted::new(headers, None).prefers_html(&GRAPHS) {
        return Ok(pages::missing(app, headers));
    }
    Err(Problem::not_found("this mirror has no such record or page"))
}

/// Adds links to the data of the record.
fn describe(headers: &mut HeaderMap, own: &str) {
    for offer in &GRAPHS {
        let name = offer.names.first().unwrap_or(&"ttl");
        if let Ok(value) =
            HeaderValue::from_str(&format!("<{own}/data.{name}>; rel=\"alternate describedby\"; type=\"{}\"", offer.media_type))
        {
            headers.append(LINK, value);
        }
    }
}

fn see_other(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(value) = HeaderValue::from_str(path) {
        response.headers_mut().insert(LOCATION, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_records_their_things_and_their_data() {
        let base = "https://libris.kb.se/";
        let plain = |identifier: &str| Asked { identifier: identifier.into(), fragment: None, data: Data::Any };
        assert_eq!(asked("abc", base), plain("https://libris.kb.se/abc"));
        assert_eq!(asked("https://libris.kb.se/abc", base), plain("https://libris.kb.se/abc"));
        assert_eq!(asked("https:/libris.kb.se/abc", base), plain("https://libris.kb.se/abc"));
        for iri in ["urn:x:y", "tag:example.org,2026:a", "document:terms/a/b.ttl", "info:doi/10.1"] {
            assert_eq!(asked(iri, base), plain(iri));
        }
        assert_eq!(asked("abc#it", base), Asked { fragment: Some("it".into()), ..plain("https://libris.kb.se/abc") });
        assert_eq!(asked("abc/data.ttl", base), Asked { data: Data::Named("ttl".into()), ..plain("https://libris.kb.se/abc") });
        assert_eq!(asked("abc/data", base), Asked { data: Data::Negotiated, ..plain("https://libris.kb.se/abc") });
        assert_eq!(asked("../../etc/passwd", base).identifier, "https://libris.kb.se/../../etc/passwd");
    }
}
