//! `/dump.nt.gz` and the other dumps, written from the log while they are sent.
//!
//! The same state of the log gives the same bytes every time. So a dump has a strong `ETag`, and a client can resume with a
//! range: the server writes the first bytes again and drops them. The length of a dump is known after it was written to
//! the end once; before that, a request for a range writes the dump once just to count.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::conditions::{Validator, moment};
use super::problem::Problem;
use super::ranges::Range;
use super::transfer::{Part, Transfer};
use crate::export::{self, DumpFormat, Packing};
use crate::log::{Log, LogError, LogState};

/// A dump that clients can fetch.
#[derive(Debug, Clone, Copy)]
pub struct Dump {
    /// Its name below the base path.
    pub name: &'static str,
    format: DumpFormat,
    packing: Packing,
    media_type: &'static str,
}

const fn named(name: &'static str, format: DumpFormat, packing: Packing, media_type: &'static str) -> Dump {
    Dump { name, format, packing, media_type }
}

/// The dumps.
pub const DUMPS: [Dump; 7] = [
    named("dump.nt", DumpFormat::NTriples, Packing::Plain, "application/n-triples"),
    named("dump.nt.gz", DumpFormat::NTriples, Packing::Gzip, "application/gzip"),
    named("dump.nt.zst", DumpFormat::NTriples, Packing::Zstd, "application/zstd"),
    named("dump.nq", DumpFormat::NQuads, Packing::Plain, "application/n-quads"),
    named("dump.nq.gz", DumpFormat::NQuads, Packing::Gzip, "application/gzip"),
    named("dump.nq.zst", DumpFormat::NQuads, Packing::Zstd, "application/zstd"),
    JSON_LINES,
];

/// A record a line, as JSON-LD.
pub const JSON_LINES: Dump = named("dump.ndjsonld.gz", DumpFormat::JsonLines, Packing::Gzip, "application/gzip");

/// `/dump.FORMAT`
pub async fn dumped(app: &App, known: Dump, method: &Method, headers: &HeaderMap) -> Result<Response, Problem> {
    let until = tokio::time::Instant::now() + Duration::from_secs(app.config.serve.dump_s.min(u32::MAX.into()));
    let checked = |state: &LogState| {
        let validator = known.validator(state, app.config.harvest.depth);
        validator.required(headers).map(|()| (validator.not_modified(headers), validator))
    };
    let (unchanged, validator) = checked(&app.log.read(|reading| Ok(reading.log.state()?)).await?)?;
    if let Some(response) = unchanged {
        return Ok(response);
    }
    if *method == Method::HEAD {
        // An empty body would have the length 0.
        let none = futures_util::stream::empty::<std::io::Result<Bytes>>();
        return Ok(known.labelled(Body::from_stream(none), &validator, app.lengths.known(validator.hash())));
    }
    let permit = app.dumps.clone().try_acquire_owned();
    let permit =
        permit.map_err(|_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many dumps are being fetched: try again later"))?;
    // The log is held only after the permit, so the state may be a later one.
    let (log, state) = held(app).await?;
    let (unchanged, validator) = checked(&state)?;
    if let Some(response) = unchanged {
        return Ok(response);
    }
    let length = app.lengths.known(validator.hash());
    let what = export::Dump { source: None, format: known.format, packing: known.packing, depth: app.config.harvest.depth };
    let (transfer, body) = Transfer::new(log, what, until, permit);
    let Some(range) = Range::of(headers).filter(|_| validator.continues(headers)) else {
        transfer.send(Part::Whole(length), app.lengths.clone(), *validator.hash());
        return Ok(known.labelled(body, &validator, length));
    };
    let (transfer, length) = transfer.measured(app.lengths.clone(), *validator.hash()).await?;
    let Some((first, last)) = range.within(length) else { return Ok(beyond(&validator, length)) };
    transfer.send(Part::Bytes(first..last.saturating_add(1)), app.lengths.clone(), *validator.hash());
    let mut response = known.labelled(body, &validator, Some(last - first + 1));
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    insert(response.headers_mut(), CONTENT_RANGE, &format!("bytes {first}-{last}/{length}"));
    Ok(response)
}

/// Opens the log and holds it in one state.
async fn held(app: &App) -> Result<(Log, LogState), Problem> {
    let data = app.data.clone();
    let opened = tokio::task::spawn_blocking(move || {
        let log = data.read_log()?;
        log.freeze()?;
        log.state().map(|state| (log, state))
    });
    let opened: Result<_, LogError> = opened.await.map_err(|error| Problem::internal(&error))?;
    opened.map_err(|error| Problem::internal(&error))
}

/// Returns the 416 for a range that begins after the end.
fn beyond(validator: &Validator, length: u64) -> Response {
    let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, format!("the dump has {length} bytes"));
    let mut response = problem.into_response();
    validator.label(response.headers_mut());
    insert(response.headers_mut(), CONTENT_RANGE, &format!("bytes */{length}"));
    response
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

impl Dump {
    /// Returns the validator: the bytes depend on the log, the format, and the version of this program.
    fn validator(&self, state: &LogState, depth: usize) -> Validator {
        let how = format!("{} {} {depth}", self.name, env!("CARGO_PKG_VERSION"));
        Validator::strong(&[&state.hash, how.as_bytes()], moment(state.changed_at))
    }

    fn labelled(&self, body: Body, validator: &Validator, length: Option<u64>) -> Response {
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        insert(headers, CONTENT_DISPOSITION, &format!("attachment; filename=\"libris-{}\"", self.name));
        if let Some(length) = length {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        validator.label(headers);
        response
    }
}
