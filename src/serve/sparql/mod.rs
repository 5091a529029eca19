//! `/sparql`: the SPARQL 1.1 Protocol for queries, read-only, over the current snapshot.

mod description;
mod request;

use std::io;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::response::Response;
use futures_util::StreamExt;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Duration, timeout};

pub use request::{SparqlRequest, read};

use super::app::App;
use super::conditions::Validator;
use super::negotiate::{GRAPHS, SOLUTIONS, Wanted};
use super::pages;
use super::problem::Problem;
use super::workers::Event;
use crate::query::{Bounds, Head, Refusal, RefusalKind, Task};
use crate::store::SnapshotInfo;

/// Says that, and where, results were cut.
pub const CUT: HeaderName = HeaderName::from_static("x-results-cut");

/// How much of an answer is gathered before its head is sent: most are whole by then, and errors still have a status.
const TOGETHER: usize = 64 << 10;

/// Answers a request.
pub async fn sparql(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    let begun = Instant::now();
    let result = answer(&app, request).await;
    let response = result.unwrap_or_else(axum::response::IntoResponse::into_response);
    app.telemetry.query(response.status(), begun.elapsed());
    response
}

async fn answer(app: &Arc<App>, request: Request<Body>) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let limit = app.config.query.query_bytes;
    let body = body_of(app, &parts.method, body, limit).await?;
    let asked = read(&parts.method, parts.uri.query().unwrap_or_default(), &parts.headers, &body)?;
    let wanted = Wanted::new(&parts.headers, asked.format.as_deref());
    if parts.method != Method::POST && wanted.prefers_html(&SOLUTIONS) && wanted.prefers_html(&GRAPHS) {
        return Ok(pages::sparql(app, &parts.headers, asked.query.as_deref().unwrap_or_default()));
    }
    let Some(query) = &asked.query else {
        return description::describe(app, &parts.headers, &wanted);
    };
    if query.len() > limit {
        return Err(too_long(limit));
    }
    let (solutions, graph) = (wanted.choose(&SOLUTIONS), wanted.choose(&GRAPHS));
    if solutions.is_none() && graph.is_none() {
        return Err(match &asked.format {
            Some(format) => {
                Problem::bad_request(format!("format={format} is unknown: use json, xml, csv, tsv, ttl, nt, rdf, jsonld or trig"))
            }
            None => Problem::not_acceptable(format!("results come as {}", names())),
        });
    }
    for _ in 0..SNAPSHOT_TRIES {
        let snapshot = app.snapshot().ok_or_else(|| {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "nothing is published yet: the first harvest has not ended")
        })?;
        let validator =
            validator(&snapshot, &asked, [solutions.map(|offer| offer.media_type), graph.map(|offer| offer.media_type)]);
        if let Some(response) = validator.as_ref().and_then(|validator| validator.not_modified(&parts.headers)) {
            return Ok(response);
        }
        let serve = &app.config.serve;
        let task = Task {
            snapshot: snapshot.number,
            query: query.clone(),
            default_graphs: asked.default_graphs.clone(),
            named_graphs: asked.named_graphs.clone(),
            base: format!("{}/sparql", app.address(&parts.headers)),
            solutions: solutions.map(|offer| offer.format),
            graph: graph.map(|offer| offer.format),
            bounds: Bounds { rows: Some(asked.rows.unwrap_or(serve.rows).min(serve.rows)), bytes: Some(serve.result_bytes) },
            timeout_s: serve.timeout_s,
            query_bytes: limit,
            services: app.config.query.service_hosts.clone(),
        };
        let events = app
            .workers
            .run(task)
            .await
            .map_err(|busy| Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("{busy}: try again in a moment")))?;
        let beginning = Beginning::read(events).await;
        if let Some(refusal) = &beginning.refused {
            if refusal.kind == RefusalKind::Snapshot {
                continue;
            }
            return Err(problem(refusal, serve.timeout_s));
        }
        let media_type = match beginning.head {
            Some(Head::Graph) => graph.map(|offer| offer.media_type),
            _ => solutions.map(|offer| offer.media_type),
        };
        let asked_for_part = asked.rows.is_some_and(|rows| rows <= serve.rows);
        let mut response = beginning.into_response(asked_for_part);
        let headers = response.headers_mut();
        if let Some(value) = media_type.and_then(|name| HeaderValue::from_str(&labelled(name)).ok()) {
            headers.insert(CONTENT_TYPE, value);
        }
        headers.insert(VARY, HeaderValue::from_static("Accept"));
        if let Some(validator) = validator {
            validator.label(headers);
        }
        return Ok(response);
    }
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "snapshots come and go faster than a query can begin: try again"))
}

/// How often another snapshot is taken for one that went.
const SNAPSHOT_TRIES: u32 = 10;

fn names() -> String {
    let solutions = SOLUTIONS.iter().map(|offer| offer.media_type);
    solutions.chain(GRAPHS.iter().map(|offer| offer.media_type)).collect::<Vec<_>>().join(", ")
}

fn labelled(media_type: &str) -> String {
    if media_type.starts_with("text/") { format!("{media_type}; charset=utf-8") } else { media_type.to_owned() }
}

fn too_long(limit: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the query is longer than {limit} bytes"))
}

async fn body_of(app: &App, method: &Method, body: Body, limit: usize) -> Result<Bytes, Problem> {
    if *method != Method::POST {
        return Ok(Bytes::new());
    }
    // A form has up to three bytes for one of the query.
    let read = axum::body::to_bytes(body, limit.saturating_mul(3));
    match timeout(Duration::from_secs(app.config.serve.body_timeout_s), read).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if is_too_long(&error) => Err(too_long(limit)),
        Ok(Err(_)) => Err(Problem::bad_request("the body of the request broke off")),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body of the request did not come in time")),
    }
}

fn is_too_long(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("length limit exceeded") {
            return true;
        }
        cause = error.source();
    }
    false
}

/// What the results depend on; nothing where the query asks for something new each time.
fn validator(snapshot: &SnapshotInfo, asked: &SparqlRequest, formats: [Option<&str>; 2]) -> Option<Validator> {
    let query = asked.query.as_deref().unwrap_or_default();
    let upper = query.to_ascii_uppercase();
    if ["RAND", "NOW", "UUID", "BNODE", "SERVICE"].iter().any(|word| upper.contains(word)) {
        return None;
    }
    let published = snapshot.published.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
    let state = format!(
        "{} {} {:?} {formats:?} {:?} {:?} {:?}",
        snapshot.number,
        published.as_nanos(),
        asked.rows,
        asked.default_graphs,
        asked.named_graphs,
        asked.format
    );
    Some(Validator::new(&[state.as_bytes(), query.as_bytes()], Some(snapshot.published)))
}

fn problem(refusal: &Refusal, timeout_s: u64) -> Problem {
    match refusal.kind {
        RefusalKind::Syntax => Problem::bad_request(&*refusal.message),
        RefusalKind::Format => Problem::not_acceptable(&*refusal.message),
        RefusalKind::Timeout => {
            let detail = format!("the query was ended after {timeout_s} s: make it narrower, or ask a mirror of your own");
            Problem::new(StatusCode::GATEWAY_TIMEOUT, detail)
        }
        RefusalKind::Evaluation | RefusalKind::Snapshot => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, &*refusal.message),
    }
}

/// The beginning of an answer, or all of it.
struct Beginning {
    head: Option<Head>,
    data: Vec<u8>,
    refused: Option<Refusal>,
    /// Where it is whole: what says that it was cut, if it was.
    whole: Option<Option<String>>,
    rest: Receiver<Event>,
}

impl Beginning {
    async fn read(mut events: Receiver<Event>) -> Self {
        let mut beginning = (None, Vec::new(), None, None);
        while beginning.1.len() < TOGETHER {
            match events.recv().await {
                Some(Event::Head(head)) => beginning.0 = Some(head),
                Some(Event::Data(bytes)) => beginning.1.extend_from_slice(&bytes),
                Some(Event::Ended(ended)) => {
                    beginning.3 = Some(ended.cut);
                    break;
                }
                Some(Event::Refused(refusal)) => {
                    beginning.2 = Some(refusal);
                    break;
                }
                None => {
                    let message = "the query was stopped".to_owned();
                    beginning.2 = Some(Refusal { kind: RefusalKind::Evaluation, message });
                    break;
                }
            }
        }
        let (head, data, refused, whole) = beginning;
        Self { head, data, refused, whole, rest: events }
    }

    /// The response. Where a limit of the server cuts the results, their transfer is broken off after the words that say
    /// so: no client can take them for whole. Where the client asked for a part, it gets that.
    fn into_response(self, asked_for_part: bool) -> Response {
        let Self { data, whole, rest, .. } = self;
        match whole {
            Some(None) => Response::new(Body::from(data)),
            Some(Some(cut)) => {
                let body = if asked_for_part { Body::from(data) } else { Body::from_stream(broken_off(data)) };
                let mut response = Response::new(body);
                if let Ok(value) = HeaderValue::from_str(&cut) {
                    response.headers_mut().insert(CUT, value);
                }
                response
            }
            None => Response::new(Body::from_stream(stream(data, rest, asked_for_part))),
        }
    }
}

fn cut_off() -> io::Error {
    io::Error::other("the results were cut at a limit")
}

/// How long the words that say so have to get out before the connection goes.
const LAST_WORDS: Duration = Duration::from_millis(100);

fn broken_off(data: Vec<u8>) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    let parts = futures_util::stream::unfold(Some(Some(data)), |state| async {
        match state? {
            Some(data) => Some((Ok(Bytes::from(data)), Some(None))),
            None => {
                tokio::time::sleep(LAST_WORDS).await;
                Some((Err(cut_off()), None))
            }
        }
    });
    // Compression asks once more after the end.
    parts.fuse()
}

fn stream(data: Vec<u8>, rest: Receiver<Event>, asked_for_part: bool) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    let parts = futures_util::stream::unfold((Some(data), Some(rest)), move |(data, rest)| async move {
        let mut rest = rest?;
        if let Some(data) = data {
            return Some((Ok(Bytes::from(data)), (None, Some(rest))));
        }
        match rest.recv().await {
            Some(Event::Data(bytes)) => Some((Ok(bytes), (None, Some(rest)))),
            Some(Event::Ended(ended)) if ended.cut.is_none() || asked_for_part => None,
            Some(Event::Ended(_)) => {
                tokio::time::sleep(LAST_WORDS).await;
                Some((Err(cut_off()), (None, None)))
            }
            // The head was sent as 200: all that is left is to break off.
            Some(Event::Refused(refusal)) => Some((Err(io::Error::other(refusal.message)), (None, None))),
            Some(Event::Head(_)) => Some((Ok(Bytes::new()), (None, Some(rest)))),
            None => Some((Err(io::Error::other("the query was stopped")), (None, None))),
        }
    });
    parts.fuse()
}

/// The headers that scripts on other sites may read.
pub const EXPOSED: [HeaderName; 1] = [CUT];

/// Whether a request would be answered by a page.
#[must_use]
pub fn wants_page(headers: &HeaderMap) -> bool {
    Wanted::new(headers, None).prefers_html(&GRAPHS)
}
