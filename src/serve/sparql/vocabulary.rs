//! `/sparql/vocabulary`: the classes and properties that the mirror holds, with their counts and names, for who writes a query.
//! They are counted once for each snapshot, by a worker.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;

use super::asking::{Asking, Outcome, named_as_of, task, validator};
use super::request::SparqlRequest;
use crate::labels::Languages;
use crate::query::{Question, Work};
use crate::serve::app::App;
use crate::serve::problem::Problem;

/// Answers a request.
pub async fn vocabulary(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Result<Response, Problem> {
    let languages = languages(&query.unwrap_or_default())?;
    let names = named_as_of(&app, languages.as_ref()).await?;
    let asked = SparqlRequest { labels: languages, ..SparqlRequest::default() };
    let mut task = task(&app, Work::Vocabulary, Question::default());
    task.names.clone_from(&asked.labels);
    let asking = Asking { app: &app, headers: &headers, once: Some(&app.vocabulary) };
    let outcome = asking.run(task, |snapshot| validator(snapshot, Work::Vocabulary, &asked, [None, None], "", names)).await?;
    let (beginning, validator) = match outcome {
        Outcome::Unchanged(response) => return Ok(response),
        Outcome::Answer(beginning, validator) => (beginning, validator),
    };
    let mut response = beginning.data.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(validator) = validator {
        validator.label(response.headers_mut());
    }
    Ok(response)
}

/// The languages in which the client wants names, if any.
fn languages(query: &str) -> Result<Option<Languages>, Problem> {
    let wanted = form_urlencoded::parse(query.as_bytes()).filter(|(name, value)| name == "labels" && !value.is_empty()).last();
    let read = wanted.map(|(_, value)| value.parse::<Languages>());
    read.transpose().map_err(|error| Problem::bad_request(error.to_string()))
}
