//! `explain=`: what a query does, in place of its results: as JSON, as text, or on the page. It runs within the same limits.

use std::sync::Arc;

use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::asking::{Asking, Outcome, question, task, validator};
use super::request::{Explain, SparqlRequest};
use crate::query::{Explained, Work};
use crate::serve::app::App;
use crate::serve::negotiate::{Offer, Wanted};
use crate::serve::pages;
use crate::serve::problem::Problem;

/// The formats of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Text,
}

const FORMATS: [Offer<Format>; 2] = [
    Offer { format: Format::Json, media_type: "application/json", also: &["text/json"], names: &["json"], title: "JSON" },
    Offer { format: Format::Text, media_type: "text/plain", also: &[], names: &["text", "txt"], title: "text" },
];

/// Answers what a query does.
pub(super) async fn answer(
    app: &Arc<App>,
    parts: &Parts,
    asked: &SparqlRequest,
    query: &str,
    wanted: &Wanted,
) -> Result<Response, Problem> {
    if app.engines.is_elsewhere() {
        let detail = "a remote store answers queries here, and its plan is not known: ask that store";
        return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, detail));
    }
    let page = asked.explain == Some(Explain::Page) || parts.method != Method::POST && wanted.prefers_html(&FORMATS);
    let offer = if page { None } else { Some(wanted.choose(&FORMATS).ok_or_else(|| no_format(asked))?) };
    // A page depends on its visitor, so that it has no validator.
    let (none, address) = (HeaderMap::new(), app.address(&parts.headers));
    let asking = Asking { app, headers: if page { &none } else { &parts.headers }, once: None };
    let types = [offer.map(|offer| offer.media_type), None];
    let task = task(app, Work::Plan, question(app, asked, query, &address));
    let outcome = asking.run(task, |snapshot| validator(snapshot, Work::Plan, asked, types, &address, None)).await?;
    let (beginning, validator) = match outcome {
        Outcome::Unchanged(response) => return Ok(response),
        Outcome::Answer(beginning, validator) => (beginning, validator),
    };
    let explained: Explained = serde_json::from_slice(&beginning.data).map_err(|error| Problem::internal(&error))?;
    let Some(offer) = offer else {
        return Ok(pages::sparql(app, &parts.headers, query, asked.labels.is_some(), Some(&explained)));
    };
    let (body, media_type) = match offer.format {
        Format::Json => (beginning.data, "application/json"),
        Format::Text => (explained.to_string().into_bytes(), "text/plain; charset=utf-8"),
    };
    let mut response = body.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Some(validator) = validator {
        validator.label(response.headers_mut());
    }
    Ok(response)
}

fn no_format(asked: &SparqlRequest) -> Problem {
    match &asked.format {
        Some(format) => Problem::bad_request(format!("format={format} is none of a plan: use json or text")),
        None => Problem::not_acceptable("a plan is available as application/json, text/plain, text/html"),
    }
}
