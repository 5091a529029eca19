//! Range requests (RFC 9110, 14). Pure.

use axum::http::HeaderMap;
use axum::http::header::RANGE;

/// A range of bytes of an answer whose length may not be known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// From a byte to another, or to the end.
    From(u64, Option<u64>),
    /// This many bytes at the end.
    Last(u64),
}

impl Range {
    /// Returns the range that a request asks for, if it is a single range of bytes. A server may ignore any other `Range`, and
    /// answer with everything.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(RANGE).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else { return None };
        let (unit, range) = line.to_str().ok()?.split_once('=')?;
        let (first, last) = range.trim().split_once('-').filter(|_| unit.trim().eq_ignore_ascii_case("bytes"))?;
        match (number(first)?, number(last)?) {
            (Some(first), None) => Some(Self::From(first, None)),
            (Some(first), Some(last)) if first <= last => Some(Self::From(first, Some(last))),
            (None, Some(last)) => Some(Self::Last(last)),
            _ => None,
        }
    }

    /// Returns the first and the last byte of the range in an answer of this length; `None` if it has no such bytes.
    #[must_use]
    pub fn within(self, length: u64) -> Option<(u64, u64)> {
        let end = length.checked_sub(1)?;
        match self {
            Self::From(first, last) => (first <= end).then(|| (first, last.map_or(end, |last| last.min(end)))),
            Self::Last(0) => None,
            Self::Last(bytes) => Some((length.saturating_sub(bytes), end)),
        }
    }
}

/// Reads a number or an empty text; anything else is not a range. A number that is too large is after every end.
#[expect(clippy::option_option, reason = "not a number, and no number")]
fn number(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        return Some(None);
    }
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn one_part_in_bytes_is_read() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, HeaderValue::from_str(text).expect("a value"));
            Range::of(&headers)
        };
        assert_eq!(of("bytes=0-"), Some(Range::From(0, None)));
        assert_eq!(of("Bytes=5-7"), Some(Range::From(5, Some(7))));
        assert_eq!(of("bytes=-3"), Some(Range::Last(3)));
        assert_eq!(of("bytes=99999999999999999999-"), Some(Range::From(u64::MAX, None)));
        for other in
            ["bytes=7-5", "bytes=-", "bytes=0-1,3-4", "bytes=a-", "bytes=+1-", "lines=0-1", "bytes", "bytes=1", "bytes=--1"]
        {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(Range::of(&HeaderMap::new()), None);
    }

    #[test]
    fn a_part_is_within_its_whole() {
        assert_eq!(Range::From(0, None).within(10), Some((0, 9)));
        assert_eq!(Range::From(9, Some(99)).within(10), Some((9, 9)));
        assert_eq!(Range::From(10, None).within(10), None);
        assert_eq!(Range::Last(3).within(10), Some((7, 9)));
        assert_eq!(Range::Last(30).within(10), Some((0, 9)));
        assert_eq!(Range::Last(0).within(10), None);
        assert_eq!(Range::From(0, None).within(0), None);
    }
}
