//! Activities of the feed: what happened to which entity, and when.

use std::collections::HashSet;

use serde_json::Value;

use super::error::EmmError;
use crate::oai::Datestamp;

/// What happened to an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Happening {
    /// It was created or changed, or something else happened that its data tells.
    Changed,
    /// It was deleted.
    Deleted,
}

/// An activity.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Activity {
    /// What happened.
    pub happening: Happening,
    /// The IRI of the entity.
    pub entity: String,
    /// The class of the entity, without its prefix.
    pub class: Option<String>,
    /// Whether the server says when the data were changed: then that is `published`, by the clock that dates records too.
    pub dated: bool,
    /// When, milliseconds since 1970.
    pub published: i64,
}

/// The longest IRI of an entity.
const LONGEST: usize = 4096;

/// The last part of a name: `Person` of `kbv:Person` or `https://id.kb.se/vocab/Person`.
#[must_use]
pub fn local_name(name: &str) -> &str {
    name.rsplit([':', '/', '#']).next().unwrap_or(name)
}

impl Activity {
    /// Reads an item of the feed.
    ///
    /// # Errors
    /// If it does not say of which entity it is, or when it was.
    pub fn read(json: &[u8]) -> Result<Self, EmmError> {
        let invalid = |problem: &str| {
            let shown: String = String::from_utf8_lossy(json).chars().take(200).collect();
            EmmError::Invalid(format!("an activity {problem}: {shown}"))
        };
        let value: Value = serde_json::from_slice(json).map_err(|error| invalid(&format!("is not JSON ({error})")))?;
        let object = value.get("object").unwrap_or(&Value::Null);
        let entity = object.as_str().or_else(|| object.get("id").or_else(|| object.get("@id")).and_then(Value::as_str));
        let entity = entity.filter(|iri| !iri.is_empty() && iri.len() <= LONGEST && !iri.contains(char::is_whitespace));
        let entity = entity.ok_or_else(|| invalid("names no entity"))?;
        let time = |value: &Value| value.as_str().and_then(|text| Datestamp::parse(text).ok()).map(Datestamp::millis);
        let published = value.get("published").and_then(time).or_else(|| object.get("updated").and_then(time));
        let published = published.ok_or_else(|| invalid("has no time"))?;
        let deleted = value.get("type").and_then(Value::as_str).is_some_and(|kind| local_name(kind) == "Delete");
        Ok(Self {
            happening: if deleted { Happening::Deleted } else { Happening::Changed },
            entity: entity.to_owned(),
            class: object.get("type").and_then(Value::as_str).map(|class| local_name(class).to_owned()),
            dated: object.get("updated").is_some(),
            published,
        })
    }
}

/// Whether a page of activities of one moment proves to have all of them: Libris lists what happened at the very end of a page
/// once more, and in full. A first part that comes again as a whole is that proof.
#[must_use]
pub fn lists_again(activities: &[Activity]) -> bool {
    let distinct: HashSet<&Activity> = activities.iter().collect();
    let first = activities.len() - distinct.len();
    let (once, again) = activities.split_at(first);
    let again: HashSet<&Activity> = again.iter().collect();
    first > 1 && again.len() == distinct.len() && once.iter().all(|activity| again.contains(activity))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activities_are_read_in_the_forms_that_servers_use() {
        let read = |json: &str| Activity::read(json.as_bytes());
        let activity = read(
            r#"{"type": "Delete", "published": "2026-07-01T12:00:00.123456Z", "object": {"id": "https://x/a#it", "type": "kbv:Person", "updated": "2020-01-01T00:00Z"}}"#,
        );
        let activity = activity.expect("valid");
        assert_eq!((activity.happening, activity.entity.as_str()), (Happening::Deleted, "https://x/a#it"));
        assert_eq!((activity.class.as_deref(), activity.published % 1000), (Some("Person"), 123));
        let other = read(r#"{"type": ["Refresh"], "object": {"@id": "https://x/a", "updated": "2026-07-01T12:00Z"}}"#);
        assert_eq!(other.expect("valid").happening, Happening::Changed);
        for wrong in [
            r#"{"published": "2026-07-01T12:00Z", "object": {}}"#,
            r#"{"object": {"id": "https://x/a"}}"#,
            r#"{"published": "soon", "object": {"id": "https://x/a"}}"#,
            r#"{"published": "2026-07-01T12:00Z", "object": {"id": "a b"}}"#,
            r#"{"published": 1, "object": "https://x/a"}"#,
            "7",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_page_proves_that_it_has_a_whole_moment_only_if_it_lists_it_again() {
        let activity = |number: usize| Activity {
            happening: Happening::Changed,
            entity: format!("https://x/{number}"),
            class: None,
            dated: true,
            published: 7,
        };
        let page: Vec<Activity> = (0..3).chain([4, 2, 0, 1, 3]).map(activity).collect();
        assert!(lists_again(&page));
        assert!(!lists_again(&page[..3]) && !lists_again(&page[..6]) && !lists_again(&[]));
    }
}
