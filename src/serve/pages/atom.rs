//! `/search.atom`: a saved search as a feed (RFC 4287): what matches, the newest in this mirror first.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat};
use quick_xml::escape::escape;

use super::narrowing::Asked;
use crate::search::{EntryRow, Sort};
use crate::serve::app::App;
use crate::serve::problem::Problem;

/// How many records a feed has.
const ENTRIES: usize = 50;

/// The feed of a search.
pub async fn atom(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Result<Response, Problem> {
    let asked = Asked { sort: Sort::Added, page: 1, ..Asked::of(&query.unwrap_or_default()) };
    let (finder, sought) = (app.finder()?, asked.clone());
    let entries = app
        .log
        .read(move |reading| {
            let found = finder.find(&reading.log, &sought.question(1, ENTRIES, 0))?;
            let timed = |entry: EntryRow| Ok((reading.log.changed_at(&entry.record)?.unwrap_or_default(), entry));
            found.entries.into_iter().map(timed).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let address = app.address(&headers);
    let mut response = feed(&app, &address, &asked, &entries).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/atom+xml; charset=utf-8"));
    Ok(response)
}

fn time(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn feed(app: &App, address: &str, asked: &Asked, entries: &[(i64, EntryRow)]) -> String {
    let own = asked.address(address);
    let itself = own.replacen("/search?", "/search.atom?", 1);
    let updated = entries.iter().map(|(at, _)| *at).max().unwrap_or_default();
    let chosen = asked.chosen.iter().map(|(facet, value)| format!("{}={value}", facet.name()));
    let title = [asked.text.clone()].into_iter().filter(|text| !text.is_empty()).chain(chosen).collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n<id>{id}</id><title>{title}</title>\
         <updated>{}</updated><author><name>Libris</name></author>\n<link rel=\"self\" type=\"application/atom+xml\" href=\"{id}\"/>\
         <link rel=\"alternate\" type=\"text/html\" href=\"{}\"/>\n",
        time(updated),
        escape(&own),
        id = escape(&itself),
        title = escape(valid(if title.is_empty() { "Libris" } else { &title })),
    );
    for (at, entry) in entries {
        let path = app.record_path(&entry.record);
        let page = format!("{address}{}", path.strip_prefix(&app.base).unwrap_or(&path));
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "<entry><id>{}</id><title>{}</title><updated>{}</updated><link href=\"{}\"/><summary>{}</summary></entry>",
            escape(&*entry.record),
            escape(valid(&entry.label)),
            time(*at),
            escape(&page),
            escape(valid(&entry.detail)),
        );
    }
    text + "</feed>\n"
}

/// The text without characters that XML cannot have.
fn valid(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .collect()
}
