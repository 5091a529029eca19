//! `/sparql`: the SPARQL 1.1 Protocol for queries, read-only, over the current snapshot.

mod asking;
mod description;
mod plan;
mod request;
mod results;
mod vocabulary;

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, ETAG, LINK, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::response::Response;
use tokio::time::{Duration, timeout};

use asking::{Asking, Outcome, named_as_of, question, validator};
pub use request::{Explain, SparqlRequest, read};
use results::{Beginning, CUT};
pub use vocabulary::vocabulary;

use super::app::App;
use super::conditions::Validator;
use super::negotiate::{GRAPHS, SOLUTIONS, Wanted};
use super::pages;
use super::problem::Problem;
use crate::config;
use crate::query::{Head, Question, SolutionFormat, Work};

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
    if let (Some(_), Some(query)) = (asked.explain, &asked.query) {
        if query.len() > limit {
            return Err(too_long(limit));
        }
        return plan::answer(app, &parts, &asked, query, &wanted).await;
    }
    if parts.method != Method::POST && wanted.prefers_html(&SOLUTIONS) && wanted.prefers_html(&GRAPHS) {
        let query = asked.query.as_deref().unwrap_or_default();
        return Ok(pages::sparql(app, &parts.headers, query, asked.query.is_none() || asked.labels.is_some(), None));
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
    let names = named_as_of(app, asked.labels.as_ref()).await?;
    let serve = &app.config.serve;
    let mut task = asking::task(app, Work::Results, question(app, &asked, query, &address));
    task.solutions = solutions.map(|offer| offer.format);
    task.graph = graph.map(|offer| offer.format);
    task.names.clone_from(&asked.labels);
    task.bounds.rows = Some(asked.rows.unwrap_or(serve.rows).min(serve.rows));
    let asking = Asking { app, headers: &parts.headers, once: None };
    match asking.run(task, |snapshot| validator(snapshot, Work::Results, &asked, types, &address, names)).await? {
        Outcome::Unchanged(response) => Ok(response),
        Outcome::Answer(beginning, validator) => Ok(finished(beginning, &asked, serve, types, validator.as_ref())),
    }
}

/// The most bytes of results that this server asks for itself.
const OWN_BYTES: usize = 16 << 20;

/// Answers a query of this server's own, as SPARQL JSON, within the limits of all queries.
pub async fn results(app: &Arc<App>, query: String) -> Result<serde_json::Value, Problem> {
    let mut task = asking::task(app, Work::Results, Question::from(query.clone()));
    task.solutions = Some(SolutionFormat::Json);
    let asked = SparqlRequest { query: Some(query), ..SparqlRequest::default() };
    let headers = HeaderMap::new();
    let asking = Asking { app, headers: &headers, once: None };
    let own = [Some("own"), None];
    match asking.run(task, |held| validator(held, Work::Results, &asked, own, "", None)).await? {
        Outcome::Unchanged(_) => Err(Problem::internal(&"a request without conditions is answered")),
        Outcome::Answer(beginning, _) => {
            let data = beginning.complete(OWN_BYTES).await?;
            serde_json::from_slice(&data).map_err(|error| Problem::internal(&error))
        }
    }
}

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
