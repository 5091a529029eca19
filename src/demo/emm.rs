//! The fake's service of dumps and changes: Entity Metadata Management as Libris speaks it, departures included.
//!
//! A page of the feed has the newest activities until a time, and once more what happened at that very time. A dump is a list of
//! identifiers of one moment, which is kept for days; the records are those of now, without those that were deleted since. While
//! a dump is being made, a page may lack its last record, and a download ends early without a word.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use axum::Router;
use axum::extract::{RawForm, State};
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::definitions::{Definition, definitions, with_subclasses};
use super::dumps::{Dump, Served, of_row};
use super::linked_data::linked_data;
use super::state::{ServerState, arguments};
use super::terms::CONTEXT;

/// The IRI by which the dumps name their context.
const CONTEXT_IRI: &str = "https://id.kb.se/vocab/context";

/// The routes of the service, and linked data: any other path is the IRI of an entity.
pub(super) fn routes() -> Router<Arc<ServerState>> {
    Router::new()
        .route("/api/emm/", get(changes))
        .route("/api/emm/full", get(full))
        .route("/demo/emm", get(control).post(control))
        .fallback(entity)
}

/// Sets what the service does next: `remake`, `generating`, `failing`, `silent_cuts`, `page_items`.
async fn control(State(state): State<Arc<ServerState>>, RawForm(form): RawForm) -> Response {
    for (name, value) in arguments(&form) {
        let number = value.parse().unwrap_or(0);
        match name.as_str() {
            "generating" => state.emm.generating.store(number, Ordering::SeqCst),
            "failing" => state.emm.failing.store(number, Ordering::SeqCst),
            "silent_cuts" => state.emm.silent_cuts.store(number, Ordering::SeqCst),
            "page_items" => state.emm.page_items.store(usize::try_from(number).unwrap_or(100).max(1), Ordering::SeqCst),
            "remake" => state.emm.remake(),
            _ => return (StatusCode::BAD_REQUEST, format!("no setting {name}\n")).into_response(),
        }
    }
    "done\n".into_response()
}

fn base(headers: &HeaderMap) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    format!("http://{host}/api/emm/")
}

fn utc(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis).unwrap_or_default().to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn packed(state: &ServerState, headers: &HeaderMap, kind: &'static str, body: &str) -> Response {
    let asked = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("gzip"));
    if state.gzip && asked {
        return ([(CONTENT_TYPE, kind), (CONTENT_ENCODING, "gzip")], gzip(body.as_bytes())).into_response();
    }
    ([(CONTENT_TYPE, kind)], body.to_owned()).into_response()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// A download has the records of so many identifiers after those of the ones before, in no order among themselves.
const BATCH: usize = 100;

const ACTIVITIES: &str = "application/activity+json";

async fn changes(State(state): State<Arc<ServerState>>, headers: HeaderMap, RawForm(form): RawForm) -> Response {
    state.emm.requests.fetch_add(1, Ordering::Relaxed);
    let base = base(&headers);
    let asked = arguments(&form).into_iter().find(|(name, _)| name == "until");
    let answer = match asked {
        None => json!({
            "@context": ["https://www.w3.org/ns/activitystreams", "https://emm-spec.org/1.0/context.json"],
            "type": "OrderedCollection", "id": base, "url": format!("{base}full"),
            "first": {"type": "OrderedCollectionPage", "id": format!("{base}?until={}", Utc::now().timestamp_millis())},
        }),
        // The real one fails likewise.
        Some((_, until)) => match until.parse() {
            Ok(until) => feed_page(&state, &base, until),
            Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        },
    };
    packed(&state, &headers, ACTIVITIES, &answer.to_string())
}

fn feed_page(state: &ServerState, base: &str, until: i64) -> Value {
    let size = state.emm.page_items.load(Ordering::SeqCst);
    let mut rows: Vec<Served> = state.with_catalogue(|catalogue| {
        let mut entries = catalogue.newest(until, size);
        // Everything that shares the time that is asked for comes once more.
        entries.extend(
            catalogue
                .page(None, until, until, usize::MAX)
                .into_iter()
                .filter(|entry| !entries.contains(entry))
                .collect::<Vec<_>>(),
        );
        entries.iter().map(of_row).collect()
    });
    rows.extend(definitions("all").into_iter().map(|one| state.emm.served(one)).filter(|served| served.modified <= until));
    rows.sort_by_key(|served| std::cmp::Reverse(served.modified));
    let activity = |served: &Served| {
        let kind = match (served.deleted, served.created) {
            (true, _) => "Delete",
            (false, true) => "Create",
            (false, false) => "Update",
        };
        let at = utc(served.modified);
        json!({"type": kind, "published": at, "object": {"id": served.entity, "type": format!("kbv:{}", served.class), "updated": at}})
    };
    let first = rows.iter().take(size);
    let again = rows.iter().filter(|served| served.modified == until);
    // The real one leads on from an empty page to the present.
    let next = rows.iter().take(size).map(|served| served.modified).min().unwrap_or_else(|| Utc::now().timestamp_millis());
    json!({
        "@context": ["https://www.w3.org/ns/activitystreams", "https://emm-spec.org/1.0/context.json", {"kbv": "https://id.kb.se/vocab/"}],
        "type": "OrderedCollectionPage", "id": format!("{base}?until={until}"), "partOf": {"type": "OrderedCollection", "id": base},
        "next": format!("{base}?until={next}"),
        "orderedItems": first.chain(again).map(activity).collect::<Vec<_>>(),
    })
}

/// The identifiers of a selection now.
fn select(state: &ServerState, selection: &str) -> Vec<String> {
    let kind = selection.strip_prefix("type:").unwrap_or(selection);
    let classes = with_subclasses(kind);
    let mut found: Vec<String> = state.with_catalogue(|catalogue| {
        let rows = catalogue.newest(i64::MAX, usize::MAX).into_iter().rev().filter(|entry| !entry.deleted);
        let wanted = rows.filter(|entry| selection == "all" || classes.contains(&of_row(entry).class.as_str()));
        wanted.map(|entry| entry.identifier()).collect()
    });
    let defined = definitions(kind).into_iter().map(|one| state.emm.served(one)).filter(|served| !served.deleted);
    found.extend(defined.map(|served| served.identifier));
    found
}

/// The record of an identifier, or of an entity.
fn find(state: &ServerState, iri: &str, defined: &[Definition]) -> Option<Served> {
    let row = state.with_catalogue(|catalogue| catalogue.find(iri));
    row.map(|entry| of_row(&entry)).or_else(|| {
        let one = defined.iter().find(|one| one.identifier == iri || one.iri == iri)?;
        Some(state.emm.served(one.clone()))
    })
}

/// The records of a part of a dump, without those that were deleted since, in no order.
fn items(state: &ServerState, identifiers: &[String]) -> Vec<Value> {
    let defined = definitions("all");
    let item = |identifier: &String| {
        let served = find(state, identifier, &defined).filter(|served| !served.deleted)?;
        Some(json!({"@graph": backwards(&served.graph), "@context": [null, CONTEXT_IRI], "@id": served.identifier}))
    };
    identifiers.iter().rev().filter_map(item).collect()
}

/// The same JSON with the members of each object in another order.
fn backwards(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.iter().rev().map(|(name, value)| (name.clone(), backwards(value))).collect::<Map<_, _>>())
        }
        Value::Array(values) => values.iter().map(backwards).collect(),
        other => other.clone(),
    }
}

fn context_item() -> Value {
    let document: Value = serde_json::from_str(CONTEXT).unwrap_or_default();
    json!({"@id": CONTEXT_IRI, "@context": document["@context"]})
}

fn take_one(counter: &AtomicU64) -> bool {
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

async fn full(State(state): State<Arc<ServerState>>, headers: HeaderMap, RawForm(form): RawForm) -> Response {
    state.emm.requests.fetch_add(1, Ordering::Relaxed);
    let arguments = arguments(&form);
    let given = |wanted: &str| arguments.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let base = format!("{}full", base(&headers));
    let Some(selection) = given("selection") else {
        let answer =
            json!({"categories": [{"url": format!("{base}?selection=all")}, {"url": format!("{base}?selection=type:X")}]});
        return packed(&state, &headers, "application/json", &answer.to_string());
    };
    let of = format!("{base}?selection={selection}");
    let (offset, download) = (given("offset"), given("download").is_some());
    if offset.is_none() && !download {
        let first = json!({"type": "CollectionPage", "id": format!("{of}&offset=0")});
        let answer = json!({"type": "Collection", "id": of, "url": format!("{of}&download=.ndjsonld.gz"), "first": first});
        return packed(&state, &headers, ACTIVITIES, &answer.to_string());
    }
    if take_one(&state.emm.failing) {
        return (StatusCode::INTERNAL_SERVER_ERROR, "timeout").into_response();
    }
    let (made, identifiers, generating) = tokio::task::block_in_place(|| dump(&state, selection));
    if download {
        let short = generating || take_one(&state.emm.silent_cuts);
        let sent = if short { identifiers.len() / 2 } else { identifiers.len() };
        let mut lines = format!("{}\n", context_item());
        for part in identifiers[..sent].chunks(BATCH) {
            for item in tokio::task::block_in_place(|| items(&state, part)) {
                lines.push_str(&format!("{item}\n"));
            }
        }
        return ([(CONTENT_TYPE, "application/octet-stream")], gzip(lines.as_bytes())).into_response();
    }
    let Some(offset) = offset.and_then(|text| text.parse::<usize>().ok()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let size = state.emm.page_items.load(Ordering::SeqCst);
    let end = identifiers.len().min(offset.saturating_add(size));
    let on_page = identifiers.get(offset.min(end)..end).unwrap_or_default();
    let on_page = if generating { &on_page[..on_page.len().saturating_sub(1)] } else { on_page };
    if state.emm.is_poisoned(on_page) {
        return (StatusCode::INTERNAL_SERVER_ERROR, "java.lang.NullPointerException").into_response();
    }
    let mut page = json!({
        "@context": "https://www.w3.org/ns/activitystreams", "@id": format!("{of}&offset={offset}"), "type": "CollectionPage",
        "startTime": utc(made.timestamp_millis()), "_status": if generating { "generating" } else { "done" },
        "partOf": {"type": "Collection", "id": of},
    });
    if !generating {
        page["totalItems"] = identifiers.len().into();
    }
    if generating || offset + size < identifiers.len() {
        page["next"] = format!("{of}&offset={}", offset + size).into();
    }
    let records = tokio::task::block_in_place(|| items(&state, on_page));
    let context = (offset == 0).then(context_item);
    page["items"] = context.into_iter().chain(records).collect();
    packed(&state, &headers, "application/json", &page.to_string())
}

/// The dump of a selection, made now if there is none, and whether it is still being made.
fn dump(state: &ServerState, selection: &str) -> (DateTime<Utc>, Vec<String>, bool) {
    let known = |dumps: &mut BTreeMap<String, Dump>| {
        dumps.get_mut(selection).map(|dump| {
            let generating = dump.generating > 0;
            dump.generating = dump.generating.saturating_sub(1);
            (dump.made, dump.identifiers.clone(), generating)
        })
    };
    let lock = || state.emm.dumps.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known(&mut lock()) {
        return found;
    }
    let generating = state.emm.generating.load(Ordering::SeqCst);
    let dump = Dump { made: Utc::now(), identifiers: select(state, selection), generating };
    let mut dumps = lock();
    dumps.entry(selection.to_owned()).or_insert(dump);
    known(&mut dumps).unwrap_or_default()
}

/// Linked data: an entity or a record by its IRI, or by the path of one of Libris.
async fn entity(State(state): State<Arc<ServerState>>, headers: HeaderMap, uri: Uri) -> Response {
    state.emm.requests.fetch_add(1, Ordering::Relaxed);
    let path = uri.path().trim_start_matches('/');
    let iri = if path.starts_with("http") { path.to_owned() } else { format!("https://libris.kb.se/{path}") };
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Other formats, and the paths of id.kb.se.
    let plain = || state.with_catalogue(|catalogue| linked_data(catalogue, path, &headers));
    if !accepted.contains("application/ld+json") {
        return plain();
    }
    match tokio::task::block_in_place(|| find(&state, &iri, &definitions("all"))) {
        None => plain(),
        Some(served) if served.deleted => (StatusCode::GONE, "Document has been deleted.").into_response(),
        Some(mut served) => {
            // Unless it is told not to, the server adds what it knows of what the record links to.
            if !uri.query().unwrap_or_default().contains("embellished=false")
                && let Value::Array(nodes) = &mut served.graph
            {
                nodes.push(
                    json!({"@graph": {"@id": "https://libris.kb.se/library/S", "name": "Stockholms universitetsbibliotek"}}),
                );
            }
            let answer = json!({"@context": "/context.jsonld", "@graph": served.graph});
            packed(&state, &headers, "application/ld+json", &answer.to_string())
        }
    }
}
