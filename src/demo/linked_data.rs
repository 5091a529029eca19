//! Records and definitions as linked data: `GET` of the path of an IRI of libris.kb.se or id.kb.se, by `Accept`.

use axum::http::StatusCode;
use axum::http::header::{ACCEPT, CONTENT_TYPE, ETAG, HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, VARY};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use headers_accept::Accept;
use mediatype::MediaType;

use super::catalogue::Catalogue;
use super::definitions::defined;
use super::node::Node;
use super::render::{jsonld, rdfxml, turtle};

/// The media types, the preferred one first, as `libris.kb.se` has it.
const JSON_LD: MediaType<'_> = mediatype::media_type!(APPLICATION / LD + JSON);
const TURTLE: MediaType<'_> = mediatype::media_type!(TEXT / TURTLE);
const RDF_XML: MediaType<'_> = mediatype::media_type!(APPLICATION / RDF + XML);

/// What there is to say of an IRI.
enum Found {
    Nothing,
    Deleted,
    Description(Vec<Node>, DateTime<Utc>),
}

/// The answer to a request for a path.
pub(super) fn linked_data(catalogue: &Catalogue, path: &str, headers: &HeaderMap) -> Response {
    let path = path.trim_start_matches('/');
    let path = ["https://id.kb.se/", "https://libris.kb.se/"].iter().find_map(|base| path.strip_prefix(base)).unwrap_or(path);
    match find(catalogue, path) {
        Found::Nothing => (StatusCode::NOT_FOUND, "Document not found.").into_response(),
        Found::Deleted => (StatusCode::GONE, "Document has been deleted.").into_response(),
        Found::Description(nodes, modified) => answer(&nodes, modified, headers),
    }
}

fn find(catalogue: &Catalogue, path: &str) -> Found {
    if let Some(one) = defined(&format!("https://id.kb.se/{path}"))
        && let Ok(modified) = DateTime::parse_from_rfc3339(&one.modified)
    {
        return Found::Description(one.nodes, modified.to_utc());
    }
    match catalogue.find(&format!("https://libris.kb.se/{path}")) {
        None => Found::Nothing,
        Some(entry) if entry.deleted => Found::Deleted,
        Some(entry) => Found::Description(entry.nodes(), DateTime::from_timestamp_millis(entry.modified).unwrap_or_default()),
    }
}

fn answer(nodes: &[Node], modified: DateTime<Utc>, headers: &HeaderMap) -> Response {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let offered = [JSON_LD, TURTLE, RDF_XML];
    let wanted = match text(ACCEPT).map(str::parse::<Accept>) {
        None => Some(&JSON_LD),
        Some(Ok(accept)) => accept.negotiate(&offered),
        Some(Err(_)) => None,
    };
    let Some(wanted) = wanted else { return StatusCode::NOT_ACCEPTABLE.into_response() };
    let body = match wanted {
        chosen if *chosen == TURTLE => turtle(nodes),
        chosen if *chosen == RDF_XML => rdfxml(nodes),
        _ => jsonld(nodes),
    };
    let etag = format!("\"{}\"", &blake3::hash(body.as_bytes()).to_hex()[..24]);
    let last_modified = httpdate::fmt_http_date(modified.into());
    let unchanged = match text(IF_NONE_MATCH) {
        Some(known) => known == etag,
        None => text(IF_MODIFIED_SINCE) == Some(&last_modified),
    };
    let described = [(ETAG, etag), (LAST_MODIFIED, last_modified), (VARY, "Accept".to_owned())];
    if unchanged {
        return (StatusCode::NOT_MODIFIED, described).into_response();
    }
    ([(CONTENT_TYPE, wanted.to_string())], described, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    use crate::demo::identifier;

    #[test]
    fn an_iri_is_described_as_the_client_accepts_it() {
        let now = Utc::now();
        let mut catalogue = Catalogue::new(10, now);
        catalogue.delete(&[3], now);
        let id = |number| identifier(number)["https://libris.kb.se".len()..].to_owned();
        let ask = |path: &str, named: &[(axum::http::HeaderName, &str)]| {
            let each = named.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).expect("a value")));
            linked_data(&catalogue, path, &each.collect())
        };
        for (path, accept, status, media_type) in [
            ("/language/swe", "text/turtle", 200, "text/turtle"),
            ("/term/saogf/Fackb%C3%B6cker", "application/rdf+xml;q=0.9, text/html", 200, "application/rdf+xml"),
            ("/vocab/", "*/*", 200, "application/ld+json"),
            ("/https://id.kb.se/country/sw", "text/turtle", 200, "text/turtle"),
            (&id(1), "application/ld+json", 200, "application/ld+json"),
            (&id(1), "text/html", 406, ""),
            (&id(3), "text/turtle", 410, "text/plain; charset=utf-8"),
            ("/language/xxx", "text/turtle", 404, "text/plain; charset=utf-8"),
        ] {
            let answer = ask(path, &[(ACCEPT, accept)]);
            let found = answer.headers().get(CONTENT_TYPE).map_or("", |value| value.to_str().unwrap_or_default());
            assert_eq!((answer.status().as_u16(), found), (status, media_type), "{path} {accept}");
        }
        let first = ask("/language/swe", &[]);
        for (given, validator) in [(IF_NONE_MATCH, ETAG), (IF_MODIFIED_SINCE, LAST_MODIFIED)] {
            let known = first.headers()[validator].to_str().expect("text");
            assert_eq!(ask("/language/swe", &[(given.clone(), known)]).status(), 304, "{given}");
            assert_eq!(ask("/language/eng", &[(given, "\"other\"")]).status(), 200);
        }
    }
}
