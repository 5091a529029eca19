//! `/oai`: this mirror as an OAI-PMH provider (OAI-PMH 2.0).
//!
//! Selective harvesting follows the clock of this mirror: the datestamp of a record is the time at which this mirror had its last
//! change, so that a record that came late is in the next list of those who harvest the mirror. The datestamp that the source gave it is
//! in `<about>`. Each source is a set, which has what that source delivered; without a set, the version that counts is listed.

mod dublin_core;
mod envelope;
mod formats;
mod listing;
mod token;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;

use self::envelope::{Identity, document, error, formats, identify, sets};
use self::listing::{Failed, Provider};
use self::token::{Token, not_ours};
use super::app::App;
use super::problem::Problem;
use super::reading::Reading;
use crate::config::Config;
use crate::oai::{ListVerb, Refused, Request};
use crate::views::ViewError;

/// How far the date of an answer is behind the clock at most. A page gets its time before it is committed: what is committed while a
/// list is read is in the list from that date on.
const BEHIND_MS: i64 = 60_000;

/// `/oai`, by GET and POST (section 3.1.1).
pub async fn provider(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let mut pairs: Vec<(String, String)> = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    match method {
        Method::GET | Method::HEAD => {}
        Method::POST => pairs.extend(form_urlencoded::parse(&body).into_owned()),
        _ => return Err(Problem::new(axum::http::StatusCode::METHOD_NOT_ALLOWED, "this address is read with GET or POST")),
    }
    let base = format!("{}/oai", app.address(&headers));
    // The clock is read before the log is.
    let now = chrono::Utc::now().timestamp_millis();
    let asked = Request::read(&pairs);
    let served = Arc::clone(&app);
    let xml = app.log.read(move |reading| answer(reading, &served.config, &base, now, &asked)).await?;
    let mut response = xml.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"));
    Ok(response)
}

fn answer(
    reading: &mut Reading,
    config: &Config,
    base: &str,
    now: i64,
    asked: &Result<Request, Refused>,
) -> Result<String, ViewError> {
    let date = reading.log.last_received()?.unwrap_or_default().max(now - BEHIND_MS).min(now);
    let request = match asked {
        Ok(request) => request,
        Err(refused) => return Ok(error(base, date, None, refused)),
    };
    match inside(reading, config, base, date, request) {
        Ok(inside) => Ok(document(base, date, Some(request), &inside)),
        Err(Failed::Refused(refused)) => Ok(error(base, date, Some(request), &refused)),
        Err(Failed::View(error)) => Err(error),
    }
}

/// What an answer holds.
fn inside(reading: &mut Reading, config: &Config, base: &str, date: i64, request: &Request) -> Result<String, Failed> {
    match request {
        Request::Identify => {
            let sources = reading.log.sources()?;
            let earliest = reading.log.first_received()?.unwrap_or(date);
            Ok(identify(&Identity { base, sources: &sources, contact: &config.harvest.contact, earliest }))
        }
        Request::ListSets(None) => Ok(sets(&reading.log.sources()?)),
        Request::ListSets(Some(_)) => Err(not_ours("the list of sets has one part").into()),
        Request::ListMetadataFormats(identifier) => {
            if let Some(identifier) = identifier {
                Provider::new(reading, &config.shapes)?.has(identifier.as_str())?;
            }
            Ok(formats())
        }
        Request::GetRecord(identifier, prefix) => {
            Provider::new(reading, &config.shapes)?.get(identifier.as_str(), prefix.as_str())
        }
        Request::ListRecords(arguments) => Provider::new(reading, &config.shapes)?.begin(ListVerb::Records, arguments),
        Request::ListIdentifiers(arguments) => Provider::new(reading, &config.shapes)?.begin(ListVerb::Identifiers, arguments),
        Request::ResumeRecords(token) => {
            let token = Token::read(token, ListVerb::Records)?;
            Provider::new(reading, &config.shapes)?.resume(ListVerb::Records, &token)
        }
        Request::ResumeIdentifiers(token) => {
            let token = Token::read(token, ListVerb::Identifiers)?;
            Provider::new(reading, &config.shapes)?.resume(ListVerb::Identifiers, &token)
        }
        // What our own harvester asks of servers that depart from the protocol; none of it is read from arguments.
        Request::ResumeWithPrefix(..) | Request::ResumeUnencoded(..) => Err(not_ours("this token has a prefix beside it").into()),
    }
}
