//! For search engines: `/robots.txt`, and the sitemap (sitemaps.org) of all records, in parts.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use quick_xml::escape::escape;

use super::app::App;
use super::conditions::{Validator, moment};
use super::problem::Problem;
use crate::guide;
use crate::log::ListedRecord;

/// Record ids in a part. A part may have 50 000 addresses, and the first also has the pages.
const IDS_PER_PART: i64 = 49_000;

/// Records that are read from the log at a time.
const RECORDS_PER_READ: usize = 1000;

/// The limit on an address in a sitemap, in characters.
const MAX_ADDRESS: usize = 2047;

/// The pages that are not records, except those of the guide.
const PAGES: [&str; 4] = ["/", "/harvest", "/sparql", "/guide"];

const OPEN: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const NAMESPACE: &str = "xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\"";

/// `/robots.txt`: robots may read pages and records, but not run queries and searches or fetch dumps.
pub async fn robots(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let address = app.address(&headers);
    let path = url::Url::parse(&address).map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default();
    let text = format!(
        "User-agent: *\nAllow: {path}/\nDisallow: {path}/sparql?\nDisallow: {path}/search?\nDisallow: {path}/dump.\n\nSitemap: {address}/sitemap.xml\n"
    );
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// `/sitemap.xml`: the list of parts.
pub async fn index(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Problem> {
    let address = app.address(&headers);
    let (validator, mut parts) = app
        .log
        .read(move |reading| Ok((reading.log.state()?, reading.log.listed_parts(IDS_PER_PART)?)))
        .await
        .map(|(state, parts)| (Validator::new(&[&state.hash, address.as_bytes()], moment(state.changed_at)), parts))?;
    if let Some(response) = validator.not_modified(&headers) {
        return Ok(labelled(response, &validator));
    }
    if parts.first().is_none_or(|(part, _)| *part > 0) {
        // The first part has the pages.
        parts.insert(0, (0, 0));
    }
    let address = escape(app.address(&headers)).into_owned();
    let mut text = format!("{OPEN}<sitemapindex {NAMESPACE}>\n");
    for (part, changed_at) in parts {
        text.push_str(&format!("<sitemap><loc>{address}/sitemap-{}.xml</loc>{}</sitemap>\n", part + 1, last_changed(changed_at)));
    }
    text.push_str("</sitemapindex>\n");
    Ok(labelled(Response::new(Body::from(text)), &validator))
}

/// `/sitemap-N.xml`: the addresses of some records; the first part also has the pages.
pub async fn part(State(app): State<Arc<App>>, Path(part): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let missing = || Problem::not_found("the sitemap has no such part: /sitemap.xml lists the parts");
    let number = part.strip_suffix(".xml").and_then(|number| number.parse::<u32>().ok()).filter(|number| *number > 0);
    let after = i64::from(number.ok_or_else(missing)? - 1) * IDS_PER_PART;
    let (state, first) = app
        .log
        .read(move |reading| Ok((reading.log.state()?, reading.log.listed(after, after + IDS_PER_PART, RECORDS_PER_READ)?)))
        .await?;
    if first.is_empty() && after > 0 {
        return Err(missing());
    }
    let address = app.address(&headers);
    let validator = Validator::new(&[&state.hash, address.as_bytes(), &after.to_le_bytes()], moment(state.changed_at));
    if let Some(response) = validator.not_modified(&headers) {
        return Ok(labelled(response, &validator));
    }
    let mut text = format!("{OPEN}<urlset {NAMESPACE}>\n");
    if after == 0 {
        let topics = guide::TOPICS.iter().map(|topic| format!("/guide/{}", topic.name));
        for page in PAGES.into_iter().map(str::to_owned).chain(topics) {
            text.push_str(&entry(&format!("{address}{page}"), None));
        }
    }
    let walk =
        Walk { app, address, until: after + IDS_PER_PART, next: Some(after), ready: VecDeque::from([text]), read: Some(first) };
    let stream = futures_util::stream::unfold(walk, |mut walk| async {
        let text = walk.text().await.transpose()?;
        Some((text.map(Bytes::from), walk))
    });
    Ok(labelled(Response::new(Body::from_stream(stream)), &validator))
}

/// A part that is read from the log while it is sent.
struct Walk {
    app: Arc<App>,
    address: String,
    until: i64,
    /// The id after which to continue; `None` at the end.
    next: Option<i64>,
    ready: VecDeque<String>,
    read: Option<Vec<ListedRecord>>,
}

impl Walk {
    /// Returns the next piece of the part, if there is one.
    async fn text(&mut self) -> Result<Option<String>, std::io::Error> {
        if let Some(text) = self.ready.pop_front() {
            return Ok(Some(text));
        }
        let Some(after) = self.next else { return Ok(None) };
        let until = self.until;
        let records = if let Some(records) = self.read.take() {
            records
        } else {
            let read = self.app.log.read(move |reading| Ok(reading.log.listed(after, until, RECORDS_PER_READ)?)).await;
            read.map_err(|problem| {
                self.next = None;
                std::io::Error::other(problem.detail)
            })?
        };
        self.next = records.last().map(|last| last.record).filter(|_| records.len() == RECORDS_PER_READ);
        let mut text: String = records
            .iter()
            .map(|record| {
                let path = self.app.record_path(&record.identifier);
                entry(&format!("{}{}", self.address, path.strip_prefix(&self.app.base).unwrap_or(&path)), Some(record.changed_at))
            })
            .collect();
        if self.next.is_none() {
            text.push_str("</urlset>\n");
        }
        Ok(Some(text))
    }
}

fn entry(address: &str, changed_at: Option<i64>) -> String {
    let address = escape(address);
    if address.len() > MAX_ADDRESS {
        return String::new();
    }
    format!("<url><loc>{address}</loc>{}</url>\n", changed_at.map(last_changed).unwrap_or_default())
}

fn last_changed(millis: i64) -> String {
    let time = DateTime::<Utc>::from_timestamp_millis(millis).filter(|_| millis > 0);
    time.map(|time| format!("<lastmod>{}</lastmod>", time.to_rfc3339_opts(SecondsFormat::Secs, true))).unwrap_or_default()
}

fn labelled(mut response: Response, validator: &Validator) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml; charset=utf-8"));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    validator.label(headers);
    response
}
