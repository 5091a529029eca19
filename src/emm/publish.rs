//! What a server of the protocol answers: the entry, pages of the feed, and pages of dumps. Pure.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};

use super::activity::{Activity, Happening};

/// The contexts of a page of the feed.
const CONTEXTS: [&str; 2] = ["https://www.w3.org/ns/activitystreams", "https://emm-spec.org/1.0/context.json"];

/// A page of a dump.
#[derive(Debug, Clone)]
pub struct DumpPage {
    /// The selection.
    pub selection: String,
    /// Its offset, and that of the next page, if there is one.
    pub offset: u64,
    /// The offset of the next page.
    pub next: Option<u64>,
    /// The time since which the feed has what the dump may lack, milliseconds since 1970.
    pub start: i64,
    /// The offset at which the dump ends.
    pub total: u64,
    /// Its records.
    pub items: Vec<Value>,
}

fn utc(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The address of a dump of a selection, below the address of the service.
fn full(base: &str, selection: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("selection", selection).finish();
    format!("{base}full?{query}")
}

/// The entry of the service at `base`, at a time of its clock.
#[must_use]
pub fn entry(base: &str, now: i64) -> Value {
    json!({
        "@context": CONTEXTS, "type": "OrderedCollection", "id": base, "url": format!("{base}full"),
        "first": {"type": "OrderedCollectionPage", "id": format!("{base}?until={now}")},
    })
}

/// The page of the feed that ends at a time. `created` says which activities tell of something that was not there before. It leads to
/// the earliest time on it, so that what shares this time comes again.
#[must_use]
pub fn feed_page(base: &str, until: i64, activities: &[(Activity, bool)]) -> Value {
    let item = |(activity, created): &(Activity, bool)| {
        let kind = match (activity.happening, created) {
            (Happening::Deleted, _) => "Delete",
            (Happening::Changed, true) => "Create",
            (Happening::Changed, false) => "Update",
        };
        // When it was published here says nothing of when its data were changed, so that there is no `updated`.
        let mut object = json!({"id": activity.entity});
        if let Some(class) = &activity.class {
            object["type"] = class.as_str().into();
        }
        json!({"type": kind, "published": utc(activity.published), "object": object})
    };
    let mut page = json!({
        "@context": CONTEXTS, "type": "OrderedCollectionPage", "id": format!("{base}?until={until}"),
        "partOf": {"type": "OrderedCollection", "id": base},
        "orderedItems": activities.iter().map(item).collect::<Vec<_>>(),
    });
    if let Some(next) = activities.iter().map(|(activity, _)| activity.published).min() {
        page["next"] = format!("{base}?until={next}").into();
    }
    page
}

/// The list of selections.
#[must_use]
pub fn selections(base: &str, names: &[String]) -> Value {
    json!({"categories": names.iter().map(|name| json!({"url": full(base, name)})).collect::<Vec<_>>()})
}

/// What a selection has: its first page, and all of it in one answer, if there is such an answer.
#[must_use]
pub fn dump(base: &str, selection: &str, download: bool) -> Value {
    let of = full(base, selection);
    let mut dump = json!({"type": "Collection", "id": of, "first": {"type": "CollectionPage", "id": format!("{of}&offset=0")}});
    if download {
        dump["url"] = format!("{of}&download=.ndjsonld.gz").into();
    }
    dump
}

impl DumpPage {
    /// The page, below the address of the service.
    #[must_use]
    pub fn json(self, base: &str) -> Value {
        let Self { selection, offset, next, start, total, items } = self;
        let of = full(base, &selection);
        let mut page = json!({
            "@context": CONTEXTS[0], "@id": format!("{of}&offset={offset}"), "type": "CollectionPage", "startTime": utc(start),
            "_status": "done", "totalItems": total, "partOf": {"type": "Collection", "id": of}, "items": items,
        });
        if let Some(next) = next {
            page["next"] = format!("{of}&offset={next}").into();
        }
        page
    }
}
