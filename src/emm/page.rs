//! What surrounds the items of an answer: the entry, a page of a dump, a page of the feed.

use serde::Deserialize;
use serde_json::Value;

use super::endpoint::parameter;
use super::error::{EmmError, beginning};

/// The entry of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Entry {
    /// The time at which the feed ends now, milliseconds since 1970: the server's clock.
    pub until: Option<i64>,
}

/// What surrounds the items of a page.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct PageHead {
    #[serde(default)]
    next: Value,
    /// When the dump was made, as it came: another time, another dump.
    #[serde(default, rename = "startTime")]
    start_time: Value,
    #[serde(default, rename = "_status")]
    status: Value,
    #[serde(default, rename = "totalItems")]
    total: Value,
}

/// A link is a text, or an object with an `id`.
fn link(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("id").or_else(|| value.get("@id")).and_then(Value::as_str))
}

fn parse<T: for<'de> Deserialize<'de>>(json: &[u8]) -> Result<T, EmmError> {
    serde_json::from_slice(json).map_err(|error| EmmError::NotJson { reason: error.to_string(), begins: beginning(json) })
}

impl Entry {
    /// Reads the entry.
    ///
    /// # Errors
    /// If it is not JSON, or has neither a first page nor dumps.
    pub fn read(json: &[u8]) -> Result<Self, EmmError> {
        let value: Value = parse(json)?;
        let first = value.get("first").and_then(link);
        if first.is_none() && value.get("url").and_then(link).is_none() {
            return Err(EmmError::Invalid("it is no entry of an EMM service: it has neither `first` nor `url`".into()));
        }
        Ok(Self { until: first.and_then(|link| parameter(link, "until")).and_then(|until| i64::try_from(until).ok()) })
    }
}

impl PageHead {
    /// Reads what surrounds the items of a page.
    ///
    /// # Errors
    /// If it is not JSON.
    pub fn read(json: &[u8]) -> Result<Self, EmmError> {
        parse(json)
    }

    /// The number that the link to the next page has for a parameter; nothing on the last page.
    ///
    /// # Errors
    /// If there is a link without the number.
    pub fn next(&self, name: &'static str) -> Result<Option<u64>, EmmError> {
        if self.next.is_null() {
            return Ok(None);
        }
        let text = link(&self.next).unwrap_or_default();
        let number = parameter(text, name);
        let shown: String = text.chars().take(100).collect();
        number.map(Some).ok_or_else(|| EmmError::Invalid(format!("its `next` has no number for {name:?}: {shown:?}")))
    }

    /// When the dump was made, as it came.
    #[must_use]
    pub fn start_time(&self) -> Option<&str> {
        self.start_time.as_str().map(str::trim).filter(|text| !text.is_empty() && text.len() < 100)
    }

    /// Whether the server is still making the dump: pages of such a dump may lack records.
    #[must_use]
    pub fn is_generating(&self) -> bool {
        self.status.as_str() == Some("generating")
    }

    /// How many records the dump has, those counted that were deleted since.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.total.as_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_send_is_read_and_nonsense_is_not_believed() {
        let entry = Entry::read(br#"{"type": "OrderedCollection", "first": {"id": "http://inside:8080/?until=1751364000000"}}"#);
        assert_eq!(entry.expect("an entry").until, Some(1_751_364_000_000));
        assert!(Entry::read(b"{}").is_err() && Entry::read(b"[]").is_err() && Entry::read(b"<html>").is_err());
        let head = PageHead::read(
            br#"{"next": "full?offset=100", "startTime": "2026-07-01T12:00Z", "_status": "done", "totalItems": 7}"#,
        );
        let head = head.expect("a page");
        assert_eq!((head.next("offset").expect("a number"), head.start_time()), (Some(100), Some("2026-07-01T12:00Z")));
        assert_eq!((head.is_generating(), head.total()), (false, Some(7)));
        let odd = PageHead::read(br#"{"next": 5, "startTime": {}, "_status": [], "totalItems": 1e300}"#).expect("JSON");
        assert!(odd.next("offset").is_err(), "a link that cannot be read is no end");
        assert_eq!((odd.start_time(), odd.is_generating(), odd.total()), (None, false, None));
        assert_eq!(PageHead::read(b"{}").expect("JSON").next("offset").expect("none"), None);
    }
}
