//! The answers that may be among the first when they are sorted: what is certainly after them is left out.
//!
//! The engine sorts what is left. So only values are compared here whose order nobody doubts: nothing but plain texts, by their code
//! points, or nothing but moments with a time zone. Among values of several kinds the engine's order is none that one could rely on.

use std::mem::discriminant;

use chrono::DateTime;

use super::answer::Answer;
use super::code::{Code, is_blank};
use super::error::IndexError;
use super::packed::Index;
use super::terms;

/// A value that can be compared with others of its kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// Nanoseconds since 1970.
    Moment(i64),
    Text(Box<[u8]>),
}

/// What may be among the first.
pub(super) struct First<'a> {
    index: &'a Index,
    most: usize,
    descending: bool,
    list: Vec<(Key, Answer)>,
}

impl<'a> First<'a> {
    pub(super) fn new(index: &'a Index, most: usize, descending: bool) -> Self {
        Self { index, most, descending, list: Vec::new() }
    }

    /// Adds an answer with the value that it is sorted by. Answers whether it can be compared with the others.
    pub(super) fn add(&mut self, by: Code, answer: impl FnOnce() -> Answer) -> Result<bool, IndexError> {
        let key = if is_blank(by) { None } else { self.index.term_bytes(by)?.and_then(key) };
        let Some(key) = key.filter(|key| self.list.first().is_none_or(|(first, _)| discriminant(first) == discriminant(key)))
        else {
            return Ok(false);
        };
        self.list.push((key, answer()));
        if self.list.len() > 2 * self.most + 1000 {
            keep(&mut self.list, self.most, self.descending);
        }
        Ok(true)
    }

    pub(super) fn finish(mut self) -> Vec<Answer> {
        keep(&mut self.list, self.most, self.descending);
        self.list.into_iter().map(|(_, answer)| answer).collect()
    }
}

/// Drops what comes after the first, but nothing that is equal to the last of them.
fn keep(list: &mut Vec<(Key, Answer)>, most: usize, descending: bool) {
    if list.len() <= most {
        return;
    }
    let order = |one: &Key, other: &Key| if descending { other.cmp(one) } else { one.cmp(other) };
    // Of none that are wanted, one stays: it says what the others are.
    let end = most.saturating_sub(1);
    let (_, (key, _), _) = list.select_nth_unstable_by(end, |(one, _), (other, _)| order(one, other));
    let worst = key.clone();
    list.retain(|(key, _)| order(key, &worst).is_le());
}

/// The value of a term's bytes, if it can be compared.
fn key(bytes: &[u8]) -> Option<Key> {
    if let Some(text) = terms::plain(bytes) {
        return Some(Key::Text(text.into()));
    }
    moment(terms::date_time(bytes)?).map(Key::Moment)
}

/// The nanoseconds of an `xsd:dateTime` with a time zone; `None` for what is written in any unusual way.
fn moment(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let form = b"0000-00-00T00:00:00";
    let begins = bytes.len() > form.len()
        && form.iter().zip(bytes).all(|(form, byte)| if *form == b'0' { byte.is_ascii_digit() } else { form == byte });
    let rest = text.get(form.len()..).filter(|_| begins)?;
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            fraction.get(digits..).filter(|_| (1..=9).contains(&digits))?
        }
        None => rest,
    };
    let usual = zone == "Z" || (zone.len() == 6 && zone.starts_with(['+', '-']) && &zone.as_bytes()[1..3] <= b"13".as_slice());
    // No leap second, and no hour 24.
    let usual = usual && &text[17..19] < "60" && !text.starts_with("0000");
    if usual { DateTime::parse_from_rfc3339(text).ok()?.timestamp_nanos_opt() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_compared_only_if_they_are_written_as_usual() {
        let same = ["2026-01-01T12:00:00Z", "2026-01-01T13:00:00.000+01:00", "2026-01-01T08:30:00.0-03:30"].map(moment);
        assert!(same[0].is_some() && same.iter().all(|moment| *moment == same[0]), "{same:?}");
        assert!(moment("2026-01-01T12:00:00Z") < moment("2026-01-01T12:00:00.001Z"));
        for odd in [
            "2026-01-01T12:00:00",
            "2026-01-01T24:00:00Z",
            "2026-02-30T12:00:00Z",
            "2026-01-01T12:00:60Z",
            "2026-01-01t12:00:00z",
            "2026-01-01 12:00:00Z",
            "-2026-01-01T12:00:00Z",
            "0000-01-01T12:00:00Z",
            "9999-01-01T12:00:00Z",
            "2026-01-01T12:00:00+14:30",
            "2026-01-01T12:00:00.Z",
            "2026-01-01T12:00:00.0000000001Z",
            "2026-01-01T12:00:00+äää",
            "2026-01-01T12:00:00+1äb0",
            "",
        ] {
            assert_eq!(moment(odd), None, "{odd}");
        }
    }

    #[test]
    fn what_is_equal_to_the_last_stays() {
        let answer = [None; 3];
        let mut list: Vec<(Key, Answer)> = [5, 1, 3, 3, 3, 2, 9].map(|moment| (Key::Moment(moment), answer)).into();
        keep(&mut list, 3, false);
        let mut kept: Vec<Key> = list.into_iter().map(|(key, _)| key).collect();
        kept.sort();
        assert_eq!(kept, [1, 2, 3, 3, 3].map(Key::Moment));
        let mut list: Vec<(Key, Answer)> = [5, 1, 9].map(|moment| (Key::Moment(moment), answer)).into();
        keep(&mut list, 1, true);
        assert_eq!(list, [(Key::Moment(9), answer)]);
    }

    #[test]
    fn values_of_several_kinds_are_left_to_the_engine() {
        let (index, answer) = (Index::default(), || [None; 3]);
        let mut first = First::new(&index, 1, false);
        first.list.push((Key::Moment(1), answer()));
        assert!(!first.add(super::super::code::BLANK, answer).expect("readable"), "a blank node");
        assert!(!first.add(1, answer).expect("readable"), "nothing is known of it");
        assert_ne!(discriminant(&Key::Moment(1)), discriminant(&Key::Text(Box::default())));
    }
}
