//! `/book`, `/periodicals`, `/reference` and `/download`: the mirror in the style of Bookshare's API V1, for programs that were written
//! against it. Parameters are segments of the path. An answer is a `bookshare` envelope, also if it is an error.

mod envelope;
mod fault;
mod finding;
mod path;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;

use self::envelope::{Answer, Body, Format};
use self::fault::Fault;
use self::path::{Asked, Section, format_of};
use super::app::App;
use super::problem::Problem;
use super::throttle::{Client, Peer};

/// `/book/…`
pub async fn book(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    listed(&app, peer, Section::Book, &method, &uri, &headers).await
}

/// `/periodicals/…`
pub async fn periodicals(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    listed(&app, peer, Section::Periodicals, &method, &uri, &headers).await
}

/// `/reference/…`
pub async fn reference(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    listed(&app, peer, Section::Reference, &method, &uri, &headers).await
}

/// `/download/content/<id>/version/<n>`: the RDF of a record, never the book.
pub async fn download(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let path = segments(&uri);
    match packed(&app, peer, &method, &uri, &headers, &path).await {
        Ok(bytes) => {
            let headers = [(CONTENT_TYPE, "application/zip"), (CONTENT_DISPOSITION, "attachment; filename=\"record.zip\"")];
            (headers, bytes).into_response()
        }
        Err(fault) => refused(&path, "book", fault),
    }
}

async fn packed(
    app: &Arc<App>,
    peer: Peer,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    path: &[String],
) -> Result<Vec<u8>, Refused> {
    admitted(app, peer, method, uri, headers)?;
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let &["content", id, "version", version] = path.as_slice() else { return Err(Fault::Path.into()) };
    let version = version.parse().map_err(|_| Fault::Number(version.to_owned()))?;
    let (id, served) = (id.to_owned(), Arc::clone(app));
    let packed = app.log.read(move |reading| finding::packed(reading, &served.config, &id, version)).await;
    Ok(packed.map_err(|problem| fault_of(&problem))??)
}

async fn listed(app: &Arc<App>, peer: Peer, section: Section, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response {
    let path = segments(uri);
    let name = match section {
        Section::Book => "book",
        Section::Periodicals => "periodical",
        Section::Reference => "category",
    };
    match given(app, peer, section, method, uri, headers, &path).await {
        Ok((body, message)) => {
            answered(StatusCode::OK, format_of(&path).unwrap_or(Format::Xml), &Answer { section: name, message, body })
        }
        Err(refused_by) => refused(&path, name, refused_by),
    }
}

async fn given(
    app: &Arc<App>,
    peer: Peer,
    section: Section,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    path: &[String],
) -> Result<(Body, String), Refused> {
    admitted(app, peer, method, uri, headers)?;
    let asked = Asked::read(section, path)?;
    let (finder, served) = (app.finder().map_err(|problem| fault_of(&problem))?, Arc::clone(app));
    let given = app.log.read(move |reading| finding::given(reading, &finder, &served.config, &asked)).await;
    Ok(given.map_err(|problem| fault_of(&problem))??)
}

/// Why a request is refused, and after how many seconds it may come again.
struct Refused {
    fault: Fault,
    wait: Option<u64>,
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        let wait = matches!(fault, Fault::NotReady).then_some(10);
        Self { fault, wait }
    }
}

fn fault_of(problem: &Problem) -> Fault {
    if problem.status == StatusCode::SERVICE_UNAVAILABLE { Fault::NotReady } else { Fault::Internal }
}

/// Checks the method, the key, the login and the rate.
fn admitted(app: &App, peer: Peer, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Refused> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Err(Fault::Method.into());
    }
    let query = uri.query().unwrap_or_default();
    let key = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "api_key").map(|(_, key)| key.into_owned());
    let known = &app.config.serve.api_keys;
    // Equal hashes are found in constant time.
    let is_known = |key: &String| {
        let hash = blake3::hash(key.as_bytes());
        known.iter().fold(false, |found, known| found | (blake3::hash(known.as_bytes()) == hash))
    };
    let client = match key {
        Some(key) if is_known(&key) => Client::Key(key),
        // Without keys any is good, as that of a program that was given one elsewhere, and counts for nothing.
        _ if known.is_empty() => Client::at(peer, headers, app.config.serve.forwarded),
        // Whoever tries keys is slowed as well.
        key => {
            throttled(app, &Client::at(peer, headers, app.config.serve.forwarded))?;
            return Err(if key.is_some() { Fault::UnknownKey } else { Fault::NoKey }.into());
        }
    };
    throttled(app, &client)?;
    if headers.contains_key(AUTHORIZATION) || headers.contains_key("x-password") {
        return Err(Fault::Login.into());
    }
    Ok(())
}

fn throttled(app: &App, client: &Client) -> Result<(), Refused> {
    app.throttle.admit(client).map_err(|wait| Refused {
        fault: Fault::TooFast(app.throttle.per_s()),
        wait: Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)),
    })
}

/// The segments of a path after the first, decoded; empty ones at the end are left out.
fn segments(uri: &Uri) -> Vec<String> {
    let path = uri.path().trim_start_matches('/');
    let below = path.split_once('/').map_or("", |(_, below)| below).trim_end_matches('/');
    if below.is_empty() {
        return Vec::new();
    }
    // Programs write spaces as in forms, too.
    below.split('/').map(|segment| percent_decode_str(&segment.replace('+', " ")).decode_utf8_lossy().into_owned()).collect()
}

fn refused(path: &[String], section: &'static str, Refused { fault, wait }: Refused) -> Response {
    let status = fault.status();
    let answer = Answer { section, message: fault.to_string(), body: Body::Fault(fault) };
    let mut response = answered(status, format_of(path).unwrap_or(Format::Xml), &answer);
    if let Some(wait) = wait {
        response.headers_mut().insert(RETRY_AFTER, wait.max(1).into());
    }
    response
}

fn answered(status: StatusCode, format: Format, answer: &Answer) -> Response {
    let mut response = (status, answer.write(format)).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    response
}
