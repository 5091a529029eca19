//! `/emm/`: dumps and changes for those who follow this mirror as it follows Libris (Entity Metadata Management API 1.0).
//!
//! The feed is the order of changes, read backwards: each activity names a record, at the time when this mirror had it. A dump is
//! walked by the ids of the log, so that no state is kept for its readers: a page has the records of some ids as they are now, and
//! what changes meanwhile is in the feed since the dump's start.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use oxigraph::model::vocab::rdf;
use oxigraph::model::{NamedOrBlankNode, Quad, Term};
use serde_json::Value;
use url::form_urlencoded;

use super::app::App;
use super::dump;
use super::problem::Problem;
use super::reading::Reading;
use super::record::identifier_of;
use crate::emm::{Activity, DumpPage, Happening, dump as dump_of, entry, feed_page, local_name, selections};
use crate::log::Happened;
use crate::rdf::{json_ld, short};
use crate::views::{Content, ViewError};

/// How many activities a page of the feed has, beside those that share its very end.
const ACTIVITIES: usize = 500;

/// If so many share one time, a page does not say that it has all of them, and its readers take a dump.
const OF_ONE_TIME: usize = 90_000;

/// How far a page of a dump leads on, in ids of the log.
const STEP: u64 = 100;

/// How long a dump keeps its start: pages with another one let readers begin again.
const LIFE: Duration = Duration::from_hours(24);

const ACTIVITY: &str = "application/activity+json";
const JSON: &str = "application/json";
const JSON_LD: &str = "application/ld+json";

fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn answer(body: &Value, media_type: &'static str) -> Response {
    let mut response = body.to_string().into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

fn base(app: &App, headers: &HeaderMap) -> String {
    format!("{}/emm/", app.address(headers))
}

/// `/emm/`: the entry, or with `until=` a page of the feed.
pub async fn changes(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Result<Response, Problem> {
    let base = base(&app, &headers);
    let Some(until) = parameter(query.as_deref(), "until") else {
        return Ok(answer(&entry(&base, chrono::Utc::now().timestamp_millis()), ACTIVITY));
    };
    let until: i64 = until.parse().map_err(|_| Problem::bad_request(format!("until={until} is no time in milliseconds")))?;
    let activities = app.log.read(move |reading| activities(reading, until)).await?;
    Ok(answer(&feed_page(&base, until, &activities), ACTIVITY))
}

/// The newest activities until a time, and once more all that happened at that very time.
fn activities(reading: &mut Reading, until: i64) -> Result<Vec<(Activity, bool)>, ViewError> {
    let first = reading.log.happened_until(until, ACTIVITIES)?;
    let happened = with_again(first, reading.log.happened_at(until, OF_ONE_TIME)?, OF_ONE_TIME);
    let mut activities = Vec::with_capacity(happened.len());
    for Happened { identifier, at, came } in happened {
        // What counts is what it is now, whichever source delivered it.
        let row = reading.log.record(&identifier)?.filter(|row| !row.version.gone);
        let happening = if row.is_some() { Happening::Changed } else { Happening::Deleted };
        let class = match row.map(|row| reading.content(&row)).transpose()? {
            Some(Content::Quads(quads)) => class_of(&identifier, &quads),
            _ => None,
        };
        activities.push((Activity { happening, entity: identifier, class, dated: false, published: at }, came));
    }
    Ok(activities)
}

/// The first of a page, and once more all that happened at its very end, unless these are as many as were asked for: a part of them would
/// seem to be all.
fn with_again(first: Vec<Happened>, again: Vec<Happened>, most: usize) -> Vec<Happened> {
    let all = again.len() < most;
    first.into_iter().chain(again.into_iter().filter(|_| all)).collect()
}

/// The class of what a record is about.
fn class_of(identifier: &str, quads: &[Quad]) -> Option<String> {
    let is = |node: &NamedOrBlankNode, iri: &str| matches!(node, NamedOrBlankNode::NamedNode(node) if node.as_str() == iri);
    let main = quads.iter().find(|quad| is(&quad.subject, identifier) && short(quad.predicate.as_str()) == "mainEntity")?;
    let Term::NamedNode(main) = &main.object else { return None };
    quads.iter().find_map(|quad| match &quad.object {
        Term::NamedNode(class) if quad.predicate == rdf::TYPE && is(&quad.subject, main.as_str()) => {
            Some(class.as_str().to_owned())
        }
        _ => None,
    })
}

/// What a dump is of.
enum Selection {
    All,
    /// Records of a source.
    Source(String),
    /// Records about things of a class, by its name without a prefix.
    Class(String),
}

impl Selection {
    fn read(text: &str) -> Result<Self, Problem> {
        match text.split_once(':') {
            None if text == "all" => Ok(Self::All),
            Some(("source", name)) if !name.is_empty() => Ok(Self::Source(name.to_owned())),
            Some(("type", class)) if !class.is_empty() => Ok(Self::Class(class.to_owned())),
            _ => Err(Problem::bad_request(format!("selection={text} is unknown: use all, source:NAME or type:CLASS"))),
        }
    }
}

/// `/emm/full`: the selections, or a dump of one, in pages or in one answer.
pub async fn full(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (base, query) = (base(&app, &headers), query.as_deref());
    let Some(name) = parameter(query, "selection") else {
        let sources = app.log.read(|reading| Ok(reading.log.sources()?)).await?;
        let names: Vec<String> =
            [String::from("all")].into_iter().chain(sources.iter().map(|source| format!("source:{}", source.name))).collect();
        return Ok(answer(&selections(&base, &names), JSON));
    };
    let selection = Selection::read(&name)?;
    let is_all = matches!(selection, Selection::All);
    if parameter(query, "download").is_some() {
        if is_all {
            return dump::dumped(&app, dump::JSON_LINES, &method, &headers).await;
        }
        return Err(Problem::not_found("only selection=all comes in one answer: read this one in pages, with offset=0"));
    }
    let Some(offset) = parameter(query, "offset") else { return Ok(answer(&dump_of(&base, &name, is_all), ACTIVITY)) };
    let offset: u64 = offset.parse().map_err(|_| Problem::bad_request(format!("offset={offset} is no number of records")))?;
    let served = Arc::clone(&app);
    let page = app.log.read(move |reading| page(reading, &served, &selection, name, offset)).await?;
    Ok(answer(&page.json(&base), JSON))
}

fn page(reading: &mut Reading, app: &App, selection: &Selection, name: String, offset: u64) -> Result<DumpPage, ViewError> {
    let start = app.dump_start(reading.log.last_received()?.unwrap_or_default(), offset == 0, LIFE);
    let total = u64::try_from(reading.log.last_record()?).unwrap_or_default();
    let (after, until) = (offset.min(total), offset.saturating_add(STEP).min(total));
    let mut items = Vec::new();
    let ids = |id: u64| i64::try_from(id).unwrap_or(i64::MAX);
    for listed in reading.log.listed(ids(after), ids(until), usize::try_from(STEP).unwrap_or(usize::MAX))? {
        let Some(row) = reading.log.record(&listed.identifier)? else { continue };
        if matches!(selection, Selection::Source(source) if *source != row.source_name) {
            continue;
        }
        let Content::Quads(quads) = reading.content(&row)? else { continue };
        let item = json_ld(&listed.identifier, &quads);
        if matches!(selection, Selection::Class(class) if !is_about(&item, class)) {
            continue;
        }
        items.push(item);
    }
    let next = (until < total).then_some(offset + STEP);
    Ok(DumpPage { selection: name, offset, next, start, total, items })
}

/// Whether a record is about a thing of a class: the thing's node is the second.
fn is_about(item: &Value, class: &str) -> bool {
    let types = item.pointer("/@graph/1/@type");
    let is_class = |value: &Value| value.as_str().is_some_and(|name| local_name(name) == class);
    types.is_some_and(|types| is_class(types) || types.as_array().is_some_and(|types| types.iter().any(is_class)))
}

/// `/emm/data/<IRI>`: a record as dumps have it; 410 if it is gone.
pub async fn data(State(app): State<Arc<App>>, Path(path): Path<String>, uri: Uri) -> Result<Response, Problem> {
    // Percent signs of an IRI are often sent as they are.
    let sent = uri.path().split_once("/emm/data/").map_or("", |(_, sent)| sent);
    let names = [sent, &path].map(|path| identifier_of(path, &app.config.serve.record_base));
    let found = app.log.read(move |reading| {
        for identifier in names {
            if let Some(row) = reading.log.record(&identifier)? {
                let content = reading.content(&row)?;
                return Ok(Some((identifier, content)));
            }
        }
        Ok(None)
    });
    match found.await? {
        Some((identifier, Content::Quads(quads))) => Ok(answer(&json_ld(&identifier, &quads), JSON_LD)),
        Some((_, Content::Deleted)) => Err(Problem::new(StatusCode::GONE, "the record was deleted")),
        Some((_, Content::Quarantined(_))) => Err(Problem::not_found("the record has no graph: it is in quarantine")),
        None => Err(Problem::not_found("this mirror has no such record")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emm::lists_again;

    #[test]
    fn a_part_of_a_moment_never_seems_to_be_all_of_it() {
        let happened = |count: usize| -> Vec<Happened> {
            (0..count).map(|number| Happened { identifier: format!("https://x/{number}"), at: 7, came: false }).collect()
        };
        let proves = |count: usize, most: usize| {
            let page = with_again(happened(count.min(3)), happened(count.min(most)), most);
            let activity = |Happened { identifier, at, .. }: Happened| Activity {
                happening: Happening::Changed,
                entity: identifier,
                class: None,
                dated: false,
                published: at,
            };
            lists_again(&page.into_iter().map(activity).collect::<Vec<_>>())
        };
        assert!(proves(9, 10));
        assert!(!proves(10, 10) && !proves(50, 10));
    }
}
