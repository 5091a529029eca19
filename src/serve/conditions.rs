//! Conditional requests (RFC 9110, 13): what a client already has is not sent again.

use std::time::SystemTime;

use axum::http::header::{CACHE_CONTROL, ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use headers::{HeaderMapExt, IfMatch, IfRange, IfUnmodifiedSince};

use super::problem::Problem;

/// Returns a time of the log, milliseconds since 1970, as a time of modification: not later than now.
#[must_use]
pub fn moment(millis: Option<i64>) -> Option<SystemTime> {
    let time = DateTime::<Utc>::from_timestamp_millis(millis?)?;
    Some(time.min(Utc::now()).into())
}

/// A validator: it identifies one state of an answer.
#[derive(Debug, Clone)]
pub struct Validator {
    hash: [u8; 32],
    etag: String,
    modified: Option<SystemTime>,
}

impl Validator {
    /// Returns a weak validator for an answer that depends only on these parts. It is weak because the same answer may be
    /// compressed or not.
    #[must_use]
    pub fn new(parts: &[&[u8]], modified: Option<SystemTime>) -> Self {
        let strong = Self::strong(parts, modified);
        Self { etag: format!("W/{}", strong.etag), ..strong }
    }

    /// Returns a strong validator: the same parts give the same bytes, and the answer is never compressed on its way.
    #[must_use]
    pub fn strong(parts: &[&[u8]], modified: Option<SystemTime>) -> Self {
        let mut hash = blake3::Hasher::new();
        for part in parts {
            hash.update(&part.len().to_be_bytes()).update(part);
        }
        let hash = hash.finalize();
        Self { hash: *hash.as_bytes(), etag: format!("\"{}\"", &hash.to_hex()[..24]), modified }
    }

    /// Returns the hash of the parts.
    #[must_use]
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// Returns the 304 for a client that already has this state.
    #[must_use]
    pub fn not_modified(&self, headers: &HeaderMap) -> Option<Response> {
        let has = if let Some(list) = headers.get(IF_NONE_MATCH) {
            let bare = self.etag.trim_start_matches("W/");
            let list = list.to_str().unwrap_or_default();
            list.split(',').map(str::trim).any(|each| each == "*" || each.trim_start_matches("W/") == bare)
        } else {
            let since = headers.get(IF_MODIFIED_SINCE).and_then(|value| httpdate::parse_http_date(value.to_str().ok()?).ok());
            // Dates in HTTP have whole seconds.
            let seconds =
                |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default();
            since.zip(self.modified).is_some_and(|(since, modified)| seconds(modified) <= seconds(since))
        };
        has.then(|| {
            let mut response = StatusCode::NOT_MODIFIED.into_response();
            self.label(response.headers_mut());
            response
        })
    }

    /// Refuses (412) a client that requires another state.
    pub fn required(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let holds = if headers.contains_key(IF_MATCH) {
            let list: Option<IfMatch> = headers.typed_get();
            self.etag.parse().is_ok_and(|etag| list.is_some_and(|list| list.precondition_passes(&etag)))
        } else {
            let until: Option<IfUnmodifiedSince> = headers.typed_get();
            until.zip(self.modified).is_none_or(|(until, modified)| until.precondition_passes(modified))
        };
        if holds { Ok(()) } else { Err(Problem::new(StatusCode::PRECONDITION_FAILED, "this has changed since")) }
    }

    /// Returns whether `If-Range` allows to send a part: the client names this state, or none. A date is not enough, because
    /// two states may fall in one second.
    #[must_use]
    pub fn continues(&self, headers: &HeaderMap) -> bool {
        if !headers.contains_key(IF_RANGE) {
            return true;
        }
        let range: Option<IfRange> = headers.typed_get();
        self.etag.parse().is_ok_and(|etag| range.is_some_and(|range| !range.is_modified(Some(&etag), None)))
    }

    /// Adds the validator to an answer. Caches must revalidate each time, which is cheap.
    pub fn label(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_str(&self.etag) {
            headers.insert(ETAG, value);
        }
        if let Some(value) = self.modified.and_then(|time| HeaderValue::from_str(&httpdate::fmt_http_date(time)).ok()) {
            headers.insert(LAST_MODIFIED, value);
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_client_that_has_it_is_not_sent_it_again() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_000_500);
        let validator = Validator::new(&[b"a", b"b"], Some(time));
        let status = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_str(value).expect("a value"));
            validator.not_modified(&headers).map(|response| response.status())
        };
        let mut labels = HeaderMap::new();
        validator.label(&mut labels);
        let etag = labels[ETAG].to_str().expect("text").to_owned();
        assert_eq!(status("if-none-match", &format!("\"x\", {etag}")), Some(StatusCode::NOT_MODIFIED));
        assert_eq!(status("if-none-match", "*"), Some(StatusCode::NOT_MODIFIED));
        assert_eq!(status("if-none-match", "\"x\""), None);
        assert_eq!(status("if-modified-since", labels[LAST_MODIFIED].to_str().expect("text")), Some(StatusCode::NOT_MODIFIED));
        assert_eq!(status("if-modified-since", "Mon, 12 Jan 1970 00:00:00 GMT"), None);
        assert_ne!(Validator::new(&[b"ab", b""], None).etag, Validator::new(&[b"a", b"b"], None).etag);
    }

    #[test]
    fn a_part_goes_on_only_where_the_state_is_the_same() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let strong = Validator::strong(&[b"a"], Some(time));
        let (etag, date) = (strong.etag.clone(), httpdate::fmt_http_date(time));
        let with = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_str(value).expect("a value"));
            headers
        };
        assert!(strong.continues(&HeaderMap::new()) && strong.continues(&with("if-range", &etag)));
        for other in ["\"x\"", &format!("W/{etag}"), &date, "x", ""] {
            assert!(!strong.continues(&with("if-range", other)), "{other}");
        }
        assert!(!Validator::new(&[b"a"], None).continues(&with("if-range", &etag)), "a weak one is of no bytes");
        for (name, value, holds) in [
            ("if-match", etag.as_str(), true),
            ("if-match", "*", true),
            ("if-match", "\"x\"", false),
            ("if-match", "x", false),
            ("if-unmodified-since", &date, true),
            ("if-unmodified-since", "Mon, 12 Jan 1970 00:00:00 GMT", false),
            ("if-unmodified-since", "x", true),
        ] {
            assert_eq!(strong.required(&with(name, value)).is_ok(), holds, "{name}: {value}");
        }
    }
}
