//! UTC datestamps (OAI-PMH section 3.3), read in every form that servers send and printed at the
//! granularity that `Identify` names.
//!
//! The specification allows `YYYY-MM-DD` and `YYYY-MM-DDThh:mm:ssZ`. Libris sends the document's own
//! `modified`, with a local offset and up to nine fractional digits; other servers leave out separators,
//! the zone, or the seconds. A missing zone is read as UTC.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SubsecRound, TimeDelta, Utc};

/// A point in time in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Datestamp(DateTime<Utc>);

/// The finest unit of time that a repository understands in `from` and `until` (OAI-PMH section 3.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Granularity {
    /// `YYYY-MM-DD`
    Day,
    /// `YYYY-MM-DDThh:mm:ssZ`
    #[default]
    Second,
}

/// A text that is no datestamp in any known form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a datestamp: write YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ")]
pub struct DatestampError(String);

impl Granularity {
    /// Reads the `granularity` of an `Identify` answer: whatever mentions hours has seconds.
    #[must_use]
    pub fn from_identify(text: &str) -> Self {
        if text.to_ascii_lowercase().contains("hh") { Self::Second } else { Self::Day }
    }

    /// The name that the protocol uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "YYYY-MM-DD",
            Self::Second => "YYYY-MM-DDThh:mm:ssZ",
        }
    }
}

/// Forms with a time and a zone, then without a zone, then dates alone.
const ZONED: [&str; 4] = ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z", "%Y%m%dT%H%M%S%.f%#z"];
const LOCAL: [&str; 5] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y%m%dT%H%M%S", "%Y%m%d%H%M%S"];
const DATES: [&str; 2] = ["%Y-%m-%d", "%Y%m%d"];

impl Datestamp {
    /// Reads a datestamp in any of the forms that servers send.
    pub fn parse(text: &str) -> Result<Self, DatestampError> {
        let text = text.trim();
        let refused = || DatestampError(text.chars().take(60).collect());
        if text.len() > 48 || !text.is_ascii() {
            return Err(refused());
        }
        let zoned = text.strip_suffix(['Z', 'z']).map(|rest| format!("{}+00:00", rest.trim_end()));
        let with_zone = zoned.as_deref().unwrap_or(text);
        let time = ZONED
            .iter()
            .find_map(|form| DateTime::parse_from_str(with_zone, form).ok())
            .map(|time| time.with_timezone(&Utc))
            .or_else(|| LOCAL.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()).map(|t| t.and_utc()))
            .or_else(|| {
                let date =
                    DATES.iter().find_map(|form| NaiveDate::parse_from_str(text.trim_end_matches(['Z', 'z']), form).ok())?;
                Some(date.and_hms_opt(0, 0, 0)?.and_utc())
            })
            .ok_or_else(refused)?;
        if (1..=9999).contains(&chrono::Datelike::year(&time)) { Ok(Self(time)) } else { Err(refused()) }
    }

    /// The point in time itself.
    #[must_use]
    pub fn time(self) -> DateTime<Utc> {
        self.0
    }

    /// Milliseconds since 1970, as the log stores it.
    #[must_use]
    pub fn millis(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// The datestamp that the log stored.
    #[must_use]
    pub fn from_millis(millis: i64) -> Option<Self> {
        DateTime::from_timestamp_millis(millis).map(Self)
    }

    /// This datestamp moved back by `seconds`.
    #[must_use]
    pub fn earlier_by(self, seconds: u32) -> Self {
        self.0.checked_sub_signed(TimeDelta::seconds(i64::from(seconds))).map_or(self, Self)
    }

    /// The text for `from` and `until`: rounded down, never later than the datestamp itself.
    #[must_use]
    pub fn at(self, granularity: Granularity) -> String {
        match granularity {
            Granularity::Day => self.0.format("%Y-%m-%d").to_string(),
            Granularity::Second => self.0.trunc_subsecs(0).format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }
}

impl From<DateTime<Utc>> for Datestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time)
    }
}

impl fmt::Display for Datestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.at(Granularity::Second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_of_real_servers_becomes_utc() {
        for (text, utc) in [
            ("2025-11-28T15:05:03.427+01:00", "2025-11-28T14:05:03Z"),
            ("2004-01-21T10:22:13+01:00", "2004-01-21T09:22:13Z"),
            ("2018-09-06T00:00:00.0+02:00", "2018-09-05T22:00:00Z"),
            ("2026-07-01T12:00:00.123456789Z", "2026-07-01T12:00:00Z"),
            ("2026-07-01T12:00:00Z", "2026-07-01T12:00:00Z"),
            ("2026-07-01T12:00:00", "2026-07-01T12:00:00Z"),
            ("2026-07-01T12:00Z", "2026-07-01T12:00:00Z"),
            ("2026-07-01 12:00:00", "2026-07-01T12:00:00Z"),
            ("2026-07-01T12:00:00+0200", "2026-07-01T10:00:00Z"),
            ("2026-07-01T12:00:00+02", "2026-07-01T10:00:00Z"),
            ("20260701T120000Z", "2026-07-01T12:00:00Z"),
            ("20260701", "2026-07-01T00:00:00Z"),
            ("20260701120000", "2026-07-01T12:00:00Z"),
            (" 2026-07-01\n", "2026-07-01T00:00:00Z"),
        ] {
            let read = Datestamp::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(read.to_string(), utc, "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_the_value_and_the_next_step() {
        for text in ["", "yesterday", "2026-13-01", "2026-07-01T25:00:00Z", "2026", "+99999-01-01", "２０２６-07-01"] {
            let error = Datestamp::parse(text).expect_err(text);
            assert!(error.to_string().contains("YYYY-MM-DD"), "{error}");
        }
    }

    #[test]
    fn printing_rounds_down_to_the_granularity() {
        let stamp = Datestamp::parse("2026-07-01T23:59:59.999Z").expect("valid");
        assert_eq!(stamp.at(Granularity::Second), "2026-07-01T23:59:59Z");
        assert_eq!(stamp.at(Granularity::Day), "2026-07-01");
        assert_eq!(Granularity::from_identify("YYYY-MM-DDThh:mm:ssZ"), Granularity::Second);
        assert_eq!(Granularity::from_identify("YYYY-MM-DD"), Granularity::Day);
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_printing_round_trips(text in "\\PC{0,50}") {
            if let Ok(stamp) = Datestamp::parse(&text) {
                prop_assert_eq!(Datestamp::parse(&stamp.to_string()).map(|s| s.to_string()), Ok(stamp.to_string()));
            }
        }

        #[test]
        fn an_offset_only_moves_the_clock(seconds in 0i64..4_000_000_000, offset in -12i32..=14) {
            let utc = DateTime::from_timestamp(seconds, 0).expect("in range");
            let local = utc.with_timezone(&chrono::FixedOffset::east_opt(offset * 3600).expect("offset"));
            prop_assert_eq!(Datestamp::parse(&local.to_rfc3339()), Ok(Datestamp::from(utc)));
        }
    }
}
