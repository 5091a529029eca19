//! `/sparql`: the SPARQL 1.1 Protocol for queries, read-only, over the current snapshot.

mod description;
mod request;
mod results;

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, ETAG, LINK, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::response::Response;
use tokio::time::{Duration, timeout};

pub use request::{SparqlRequest, read};
use results::{Beginning, CUT};

use super::app::App;
use super::cache::Known;
use super::conditions::Validator;
use super::negotiate::{GRAPHS, SOLUTIONS, Wanted};
use super::pages;
use super::problem::Problem;
use crate::config;
use crate::labels::Labels;
use crate::log::ChangeId;
use crate::query::{Bounds, Head, Limits, Question, Refusal, RefusalKind, Task};
use crate::snapshots::SnapshotInfo;

/// Answers a request.
pub async fn sparql(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    let begun = Instant::now();
    let result = answer(&app, request).await;
    let mut response = result.unwrap_or_else(axum::response::IntoResponse::into_response);
    vary(response.headers_mut());
    app.telemetry.query(response.status(), begun.elapsed());
    response
}

/// Tells caches that each answer depends on what the client accepts, errors included.
fn vary(headers: &mut HeaderMap) {
    let named = |value: &HeaderValue| {
        value.to_str().is_ok_and(|names| names.split(',').any(|name| name.trim().eq_ignore_ascii_case("accept")))
    };
    if !headers.get_all(VARY).iter().any(named) {
        headers.append(VARY, HeaderValue::from_static("Accept"));
    }
}

async fn answer(app: &Arc<App>, request: Request<Body>) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let limit = app.config.query.query_bytes;
    let body = body_of(app, &parts.method, body, limit).await?;
    let asked = read(&parts.method, parts.uri.query().unwrap_or_default(), &parts.headers, &body)?;
    let wanted = Wanted::new(&parts.headers, asked.format.as_deref());
    if parts.method != Method::POST && wanted.prefers_html(&SOLUTIONS) && wanted.prefers_html(&GRAPHS) {
        let query = asked.query.as_deref().unwrap_or_default();
        return Ok(pages::sparql(app, &parts.headers, query, asked.query.is_none() || asked.labels.is_some()));
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
            Some(format) => Problem::bad_request(format!(
                "format={format} is unknown: use json, xml, csv, tsv, ttl, nt, rdf, jsonld, trig or nq"
            )),
            None => Problem::not_acceptable(format!("results are available as {}", names())),
        });
    }
    let types = [solutions.map(|offer| offer.media_type), graph.map(|offer| offer.media_type)];
    let address = app.address(&parts.headers);
    // Names are as the log has them now, which may be newer than the snapshot.
    let names = match &asked.labels {
        Some(_) => Some(app.log.read(|reading| Ok(Labels(&reading.log).reached()?)).await?),
        None => None,
    };
    for _ in 0..SNAPSHOT_TRIES {
        let snapshot = app.snapshot().ok_or_else(|| {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "nothing is published yet: the first harvest is not complete")
        })?;
        let validator = validator(&snapshot, &asked, types, &address, names);
        if let Some(response) = validator.as_ref().and_then(|validator| validator.not_modified(&parts.headers)) {
            return Ok(response);
        }
        let serve = &app.config.serve;
        let known = validator.as_ref().and_then(|validator| app.answers.get(validator.hash()));
        if let Some(known) = known {
            let Known { head, data, ended } = &*known;
            let beginning = Beginning::whole(*head, data.to_vec(), ended.clone());
            return Ok(finished(beginning, &asked, serve, types, validator.as_ref()));
        }
        let task = Task {
            snapshot: snapshot.number,
            question: Question {
                text: query.clone(),
                default_graphs: asked.default_graphs.clone(),
                named_graphs: asked.named_graphs.clone(),
                services: app.config.query.service_hosts.clone(),
                base: Some(format!("{address}/sparql")),
            },
            solutions: solutions.map(|offer| offer.format),
            graph: graph.map(|offer| offer.format),
            names: asked.labels.clone(),
            bounds: Bounds { rows: Some(asked.rows.unwrap_or(serve.rows).min(serve.rows)), bytes: Some(serve.result_bytes) },
            limits: Limits { timeout_s: serve.timeout_s, query_bytes: limit },
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
        if let (Some(validator), Some(ended)) = (&validator, &beginning.ended) {
            let known = Known { head: beginning.head, data: Bytes::copy_from_slice(&beginning.data), ended: ended.clone() };
            app.answers.keep(*validator.hash(), known);
        }
        return Ok(finished(beginning, &asked, serve, types, validator.as_ref()));
    }
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "snapshots are replaced faster than a query can begin: try again"))
}

/// How often a query is tried on another snapshot after its snapshot was removed.
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
    // A form needs up to three bytes for each byte of the query.
    let read = axum::body::to_bytes(body, limit.saturating_mul(3));
    match timeout(Duration::from_secs(app.config.serve.body_timeout_s), read).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if is_too_long(&error) => Err(too_long(limit)),
        Ok(Err(_)) => Err(Problem::bad_request("the body of the request broke off")),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body of the request did not arrive in time")),
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

/// Returns the cache key: the hash of what the results depend on. `None` if they differ each time (`NOW()`, `RAND()`).
fn validator(
    snapshot: &SnapshotInfo,
    asked: &SparqlRequest,
    formats: [Option<&str>; 2],
    address: &str,
    names: Option<ChangeId>,
) -> Option<Validator> {
    let query = asked.query.as_deref().unwrap_or_default();
    let upper = query.to_ascii_uppercase();
    if ["RAND", "NOW", "UUID", "BNODE", "SERVICE"].iter().any(|word| upper.contains(word)) {
        return None;
    }
    let published = snapshot.published.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
    let SparqlRequest { default_graphs, named_graphs, rows, labels, .. } = asked;
    let state = format!(
        "{} {} {rows:?} {formats:?} {default_graphs:?} {named_graphs:?} {labels:?} {names:?} {address}",
        snapshot.number,
        published.as_nanos()
    );
    Some(Validator::new(&[state.as_bytes(), query.as_bytes()], labels.is_none().then_some(snapshot.published)))
}

fn problem(refusal: &Refusal, timeout_s: u64) -> Problem {
    match refusal.kind {
        RefusalKind::Syntax => Problem::bad_request(&*refusal.message),
        RefusalKind::Forbidden => Problem::new(StatusCode::FORBIDDEN, &*refusal.message),
        RefusalKind::Format => Problem::not_acceptable(&*refusal.message),
        RefusalKind::Timeout => {
            let detail = format!("the query was ended after {timeout_s} s: make it narrower, or run it on your own mirror");
            Problem::new(StatusCode::GATEWAY_TIMEOUT, detail)
        }
        RefusalKind::Service => Problem::new(StatusCode::BAD_GATEWAY, &*refusal.message),
        RefusalKind::Killed => Problem::new(StatusCode::SERVICE_UNAVAILABLE, &*refusal.message),
        RefusalKind::Damaged => {
            tracing::error!("the published index cannot be read: {}", refusal.message);
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the index of this server cannot be read: its log says why")
        }
        RefusalKind::Evaluation | RefusalKind::Snapshot => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, &*refusal.message),
    }
}

/// The response with its headers.
fn finished(
    beginning: Beginning,
    asked: &SparqlRequest,
    serve: &config::Serve,
    [solutions, graph]: [Option<&'static str>; 2],
    validator: Option<&Validator>,
) -> Response {
    let media_type = if beginning.head == Some(Head::Graph) { graph } else { solutions };
    let mut response = beginning.into_response(asked.rows.is_some_and(|rows| rows <= serve.rows));
    let headers = response.headers_mut();
    if let Some(value) = media_type.and_then(|name| HeaderValue::from_str(&labelled(name)).ok()) {
        headers.insert(CONTENT_TYPE, value);
    }
    if let Some(validator) = validator {
        validator.label(headers);
    }
    response
}

/// The headers that scripts on other sites may read.
pub const EXPOSED: [HeaderName; 3] = [CUT, ETAG, LINK];

/// Returns whether a client prefers a page.
#[must_use]
pub fn wants_page(headers: &HeaderMap) -> bool {
    Wanted::new(headers, None).prefers_html(&GRAPHS)
}
