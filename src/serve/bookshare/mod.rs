//! `/book`, `/periodicals`, `/reference` and `/download`: the mirror in the style of Bookshare's API V1, for programs that were written
//! against it. Parameters are segments of the path. An answer is a `bookshare` envelope, also if it is an error.

mod envelope;
mod fault;
mod finding;
mod path;

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;

use self::envelope::{Answer, Body, Format};
use self::fault::Fault;
use self::path::{Asked, Section, format_of};
use super::app::App;
use super::problem::Problem;
use super::throttle::{Client, Peer};

/// A request, and who sent it.
struct Sent<'a> {
    app: &'a Arc<App>,
    peer: Peer,
    parts: &'a Parts,
    /// The segments of its path after the first.
    path: Vec<String>,
}

/// `/book/…`, `/periodicals/…` and `/reference/…`
pub async fn lists(State(app): State<Arc<App>>, Extension(peer): Extension<Peer>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let (first, path) = segments(&parts.uri);
    let (section, name) = match first {
        "periodicals" => (Section::Periodicals, "periodical"),
        "reference" => (Section::Reference, "category"),
        _ => (Section::Book, "book"),
    };
    let sent = Sent { app: &app, peer, parts: &parts, path };
    match sent.listed(section).await {
        Ok((body, message)) => {
            let format = format_of(&sent.path).unwrap_or(Format::Xml);
            answered(StatusCode::OK, format, &Answer { section: name, message, body })
        }
        Err(refused_by) => refused(&sent.path, name, refused_by),
    }
}

/// `/download/content/<id>/version/<n>`: the RDF of a record, never the book.
pub async fn download(State(app): State<Arc<App>>, Extension(peer): Extension<Peer>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let (_, path) = segments(&parts.uri);
    let sent = Sent { app: &app, peer, parts: &parts, path };
    match sent.packed().await {
        Ok(bytes) => {
            let headers = [(CONTENT_TYPE, "application/zip"), (CONTENT_DISPOSITION, "attachment; filename=\"record.zip\"")];
            (headers, bytes).into_response()
        }
        Err(refused_by) => refused(&sent.path, "book", refused_by),
    }
}

impl Sent<'_> {
    async fn packed(&self) -> Result<Vec<u8>, Refused> {
        self.admitted()?;
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let &["content", id, "version", version] = path.as_slice() else { return Err(Fault::Path.into()) };
        let version = version.parse().map_err(|_| Fault::Number(version.to_owned()))?;
        let (id, served) = (id.to_owned(), Arc::clone(self.app));
        let packed = self.app.log.read(move |reading| finding::packed(reading, &served.config, &id, version)).await;
        Ok(packed.map_err(|problem| fault_of(&problem))??)
    }

    async fn listed(&self, section: Section) -> Result<(Body, String), Refused> {
        self.admitted()?;
        let asked = Asked::read(section, &self.path)?;
        let (finder, served) = (self.app.finder().map_err(|problem| fault_of(&problem))?, Arc::clone(self.app));
        let given = self.app.log.read(move |reading| finding::given(reading, &finder, &served.config, &asked)).await;
        Ok(given.map_err(|problem| fault_of(&problem))??)
    }

    /// Checks the method, the key, the rate and the login.
    fn admitted(&self) -> Result<(), Refused> {
        let Parts { method, uri, headers, .. } = self.parts;
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Err(Fault::Method.into());
        }
        let config = &self.app.config.serve;
        let mut pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let key = pairs.find(|(name, _)| name == "api_key").map(|(_, key)| key.into_owned());
        // Equal hashes are found in constant time.
        let is_known = |key: &String| {
            let hash = blake3::hash(key.as_bytes());
            config.api_keys.iter().fold(false, |found, known| found | (blake3::hash(known.as_bytes()) == hash))
        };
        let at = || Client::at(self.peer, headers, config.forwarded);
        match key {
            Some(key) if is_known(&key) => self.throttled(&Client::Key(key))?,
            // Without keys any is good, as that of a program that was given one elsewhere, and counts for nothing.
            _ if config.api_keys.is_empty() => self.throttled(&at())?,
            // Whoever tries keys is slowed as well.
            key => {
                self.throttled(&at())?;
                return Err(if key.is_some() { Fault::UnknownKey } else { Fault::NoKey }.into());
            }
        }
        if headers.contains_key(AUTHORIZATION) || headers.contains_key("x-password") {
            return Err(Fault::Login.into());
        }
        Ok(())
    }

    fn throttled(&self, client: &Client) -> Result<(), Refused> {
        let throttle = &self.app.throttle;
        throttle.admit(client).map_err(|wait| Refused {
            fault: Fault::TooFast(throttle.per_s()),
            wait: Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)),
        })
    }
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

/// The first segment of a path, and those after it, decoded; empty ones at the end are left out.
fn segments(uri: &Uri) -> (&str, Vec<String>) {
    let path = uri.path().trim_start_matches('/');
    let (first, below) = path.split_once('/').unwrap_or((path, ""));
    let below = below.trim_end_matches('/');
    if below.is_empty() {
        return (first, Vec::new());
    }
    // Programs write spaces as in forms, too.
    let decoded = |segment: &str| percent_decode_str(&segment.replace('+', " ")).decode_utf8_lossy().into_owned();
    (first, below.split('/').map(decoded).collect())
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
