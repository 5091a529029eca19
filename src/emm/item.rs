//! Items of a dump, and the data of one entity, as records of the log.

use serde_json::{Map, Value};

use super::activity::local_name;
use crate::oai::{Datestamp, Header, Record, RecordId};

/// An item of a dump.
#[derive(Debug, Clone)]
pub enum Item {
    /// The JSON-LD context of the others.
    Context {
        /// Its IRI.
        id: String,
        /// A document with the context and nothing else.
        document: Vec<u8>,
    },
    /// A record.
    Record(Box<EntityRecord>),
}

/// A record with what the feed knows it by.
#[derive(Debug, Clone)]
pub struct EntityRecord {
    /// The record as the log keeps it.
    pub record: Record,
    /// The IRI of the entity that it describes.
    pub entity: Option<String>,
    /// The classes of the entity, without their prefixes.
    pub classes: Vec<String>,
    /// Whether its JSON-LD needs the context of the source.
    pub needs_context: bool,
}

/// Why an item gives no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemError {
    /// The identifier, if the item has one.
    pub identifier: Option<String>,
    /// What is wrong.
    pub reason: String,
}

fn id(value: &Value) -> Option<&str> {
    value.get("@id").and_then(Value::as_str).filter(|id| !id.is_empty())
}

/// Reads an item of a dump, or the data of one entity.
///
/// # Errors
/// If it is not JSON-LD that names a record.
pub fn read_item(json: &[u8]) -> Result<Item, ItemError> {
    let wrong = |identifier: Option<&str>, reason: &str| ItemError {
        identifier: identifier.map(str::to_owned),
        reason: reason.to_owned(),
    };
    let value: Value = serde_json::from_slice(json).map_err(|error| wrong(None, &format!("the item is not JSON: {error}")))?;
    let Value::Object(mut members) = value else { return Err(wrong(None, "the item is no object")) };
    let context = members.remove("@context");
    let own = members.get("@id").and_then(Value::as_str).filter(|id| !id.is_empty()).map(str::to_owned);
    if let (Some(context), Some(id), 1) = (&context, &own, members.len()) {
        let document = canonical(&Value::Object(Map::from_iter([("@context".to_owned(), context.clone())])));
        return Ok(Item::Context { id: id.clone(), document: document.into_bytes() });
    }
    let graph = match members.remove("@graph") {
        Some(Value::Array(nodes)) => nodes,
        Some(_) => return Err(wrong(own.as_deref(), "the @graph of the item is no list")),
        None => vec![Value::Object(members)],
    };
    let document = graph.first().unwrap_or(&Value::Null);
    let Some(identifier) = own.as_deref().or_else(|| id(document)) else {
        return Err(wrong(None, "the item names no record"));
    };
    let identifier = RecordId::new(identifier).map_err(|error| wrong(Some(identifier), &error.to_string()))?;
    let entity = document.get("mainEntity").and_then(id).or_else(|| graph.get(1).and_then(id)).map(str::to_owned);
    let main = graph.iter().find(|node| id(node).is_some() && id(node) == entity.as_deref()).unwrap_or(&Value::Null);
    let classes = match main.get("@type") {
        Some(Value::String(class)) => vec![local_name(class).to_owned()],
        Some(Value::Array(classes)) => {
            classes.iter().filter_map(Value::as_str).map(|class| local_name(class).to_owned()).collect()
        }
        _ => Vec::new(),
    };
    let modified = document
        .get("modified")
        .map_or("", |value| value.as_str().or_else(|| value.get("@value").and_then(Value::as_str)).unwrap_or_default());
    // Longer than any form of a time.
    let modified: String = modified.chars().take(64).collect();
    // References to a context are to that of the source.
    let inline = context
        .filter(|context| context.is_object() || context.as_array().is_some_and(|parts| parts.iter().any(Value::is_object)));
    let needs_context = inline.is_none();
    let mut payload = Map::new();
    payload.extend(inline.map(|context| ("@context".to_owned(), context)));
    payload.insert("@graph".to_owned(), Value::Array(graph));
    let record = kept(identifier, &modified, Some(&canonical(&Value::Object(payload))));
    Ok(Item::Record(Box::new(EntityRecord { record, entity, classes, needs_context })))
}

/// A record that was deleted.
#[must_use]
pub fn tombstone(identifier: RecordId, at: &str) -> Record {
    kept(identifier, at, None)
}

/// JSON whose members are in the order of their names: a server may send those of one record in another order each time.
#[must_use]
pub fn canonical(value: &Value) -> String {
    let mut sorted = value.clone();
    sorted.sort_all_objects();
    sorted.to_string()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A self-contained `<record>`; without a payload, a deleted one.
fn kept(identifier: RecordId, modified: &str, payload: Option<&str>) -> Record {
    let status = if payload.is_none() { " status=\"deleted\"" } else { "" };
    let mut xml = format!(
        "<record><header{status}><identifier>{}</identifier><datestamp>{}</datestamp></header>",
        escaped(identifier.as_str()),
        escaped(modified)
    );
    let metadata = payload.map(|payload| {
        xml.push_str("<metadata>");
        let start = xml.len();
        xml.push_str("<![CDATA[");
        xml.push_str(&payload.replace("]]>", "]]]]><![CDATA[>"));
        xml.push_str("]]>");
        let end = xml.len();
        xml.push_str("</metadata>");
        start..end
    });
    xml.push_str("</record>");
    let header = Header {
        identifier,
        datestamp_text: modified.to_owned(),
        datestamp: Datestamp::parse(modified).ok(),
        sets: Vec::new(),
        deleted: payload.is_none(),
    };
    Record { header, xml: xml.into_bytes(), metadata }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oai::{Payload, parsed_of_kept, payload_of};

    fn record(json: &str) -> EntityRecord {
        match read_item(json.as_bytes()) {
            Ok(Item::Record(record)) => *record,
            other => panic!("{other:?}"),
        }
    }

    const ITEM: &str = r#"{"@context": [null, "https://id.kb.se/vocab/context"], "@id": "https://x/a", "@graph": [
        {"@id": "https://x/a", "modified": "2026-07-01T12:00:00.5+02:00", "mainEntity": {"@id": "https://x/a#it"}},
        {"note": "]]> & <b>", "@type": "Person", "@id": "https://x/a#it"}]}"#;

    #[test]
    fn an_item_becomes_a_record_that_stands_alone() {
        let found = record(ITEM);
        assert_eq!((found.entity.as_deref(), found.classes.as_slice()), (Some("https://x/a#it"), &["Person".to_owned()][..]));
        let header = &found.record.header;
        assert_eq!((header.identifier.as_str(), header.deleted, found.needs_context), ("https://x/a", false, true));
        assert_eq!(header.datestamp.map(|stamp| stamp.to_string()).as_deref(), Some("2026-07-01T10:00:00Z"));
        let xml = std::str::from_utf8(&found.record.xml).expect("text");
        let Ok(Payload::Text(text)) = payload_of(xml, 16) else { panic!("{xml}") };
        let payload: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(payload["@graph"][1]["note"], "]]> & <b>");
        assert_eq!(parsed_of_kept(&found.record.xml), Some(found.record.parsed()));
    }

    #[test]
    fn the_order_of_members_and_the_way_to_the_context_do_not_change_a_record() {
        let other = r#"{"@graph": [{"mainEntity": {"@id": "https://x/a#it"}, "modified": "2026-07-01T12:00:00.5+02:00", "@id": "https://x/a"},
            {"@id": "https://x/a#it", "@type": "Person", "note": "]]> & <b>"}], "@context": "/context.jsonld"}"#;
        assert_eq!(record(ITEM).record, record(other).record);
        let own = record(r#"{"@id": "urn:x", "@context": {"@vocab": "https://v/"}, "@graph": [{"@id": "urn:x"}]}"#);
        assert!(!own.needs_context && String::from_utf8_lossy(&own.record.xml).contains("@vocab"));
    }

    #[test]
    fn contexts_are_told_from_records_and_nonsense_is_named() {
        let context = read_item(br#"{"@id": "https://c/", "@context": {"b": "x", "a": "y"}}"#);
        let Ok(Item::Context { id, document }) = context else { panic!("{context:?}") };
        assert_eq!((id.as_str(), document.as_slice()), ("https://c/", &br#"{"@context":{"a":"y","b":"x"}}"#[..]));
        for (json, named) in [
            ("[]", None),
            ("{", None),
            (r#"{"@graph": []}"#, None),
            (r#"{"@graph": [{"@type": "Record"}]}"#, None),
            (r#"{"@id": "a b", "@graph": []}"#, Some("a b")),
            (r#"{"@id": "urn:x", "@graph": 7}"#, Some("urn:x")),
        ] {
            let error = read_item(json.as_bytes()).expect_err(json);
            assert_eq!(error.identifier.as_deref(), named, "{json}: {}", error.reason);
        }
        let deep = format!("{{\"@id\": \"urn:x\", \"@graph\": [{}{}]}}", "[".repeat(500), "]".repeat(500));
        assert!(read_item(deep.as_bytes()).is_err());
    }

    #[test]
    fn a_tombstone_says_that_it_is_deleted() {
        let record = tombstone(RecordId::new("https://x/a").expect("an id"), "2026-07-01T12:00:00Z");
        assert!(record.header.deleted && record.metadata.is_none());
        assert!(String::from_utf8_lossy(&record.xml).contains("status=\"deleted\""));
    }
}
