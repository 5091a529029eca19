//! The catalogue of the fake Libris: rows in the order of their last change, as the real one lists them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, FixedOffset, SecondsFormat, TimeDelta, Utc};

use super::generator::record_in;
use super::node::{Node, Value};
use super::numbering::{identifier, is_authority, is_work};
use super::shape::{Shape, Shapes};

/// A row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Which record.
    pub number: u64,
    /// How often it was changed.
    pub version: u32,
    /// In which shape it is.
    pub shape: Shape,
    /// When the row was written, milliseconds since 1970.
    pub modified: i64,
    /// Whether it is deleted.
    pub deleted: bool,
    /// Whether it left the national bibliography, which no deletion announces.
    pub left: bool,
}

/// What a mirror of a set must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct ServedCounts {
    /// Live records.
    pub live: u64,
    /// Deleted records.
    pub deleted: u64,
    /// Triples of the live records, each once per record.
    pub triples: u64,
}

/// The rows, by number and by change.
#[derive(Debug, Default)]
pub struct Catalogue {
    rows: BTreeMap<u64, Entry>,
    by_change: BTreeSet<(i64, u64)>,
    by_identifier: std::collections::HashMap<String, u64>,
    shapes: Shapes,
}

/// Bib records in this range have no full encoding level, so that `nb` has empty pages in its list.
const NOT_NATIONAL: std::ops::Range<u64> = 3000..4600;
/// One record in this many is deleted from the start.
const DELETED_EVERY: u64 = 97;

impl Catalogue {
    /// A catalogue of `records` records, written over the twenty years before the day before `now`.
    #[must_use]
    pub fn new(records: u64, now: DateTime<Utc>) -> Self {
        Self::shaped(records, Shapes::Mixed, now)
    }

    /// The same with records of these shapes.
    #[must_use]
    pub fn shaped(records: u64, shapes: Shapes, now: DateTime<Utc>) -> Self {
        let mut catalogue = Self { shapes, ..Self::default() };
        let end = (now - TimeDelta::days(1)).timestamp_millis();
        let start = end - TimeDelta::days(20 * 365).num_milliseconds();
        let step = (end - start) / i64::try_from(records.max(1)).unwrap_or(i64::MAX);
        for number in 0..records {
            let modified = start + step * i64::try_from(number).unwrap_or(i64::MAX);
            let deleted = number % DELETED_EVERY == DELETED_EVERY - 1;
            catalogue.put(Entry { number, version: 0, shape: shapes.of(number), modified, deleted, left: false });
        }
        catalogue
    }

    /// Inserts a row, or replaces an older one. Documents whose datestamp has no fraction were changed at a whole second.
    pub(super) fn put(&mut self, mut entry: Entry) {
        if !entry.has_fraction() {
            entry.modified -= entry.modified.rem_euclid(1000);
        }
        if let Some(old) = self.rows.insert(entry.number, entry) {
            self.by_change.remove(&(old.modified, old.number));
        }
        self.by_change.insert((entry.modified, entry.number));
        self.by_identifier.insert(identifier(entry.number), entry.number);
    }

    fn change(&mut self, numbers: &[u64], now: DateTime<Utc>, change: impl Fn(&mut Entry)) {
        for (place, number) in numbers.iter().enumerate() {
            if let Some(mut entry) = self.rows.get(number).copied() {
                change(&mut entry);
                entry.modified = now.timestamp_millis() + i64::try_from(place).unwrap_or(0) / 100;
                self.put(entry);
            }
        }
    }

    /// Changes the content of some records.
    pub fn update(&mut self, numbers: &[u64], now: DateTime<Utc>) {
        self.change(numbers, now, |entry| entry.version += 1);
    }

    /// Changes some records from the old shape to the new one, as Libris does since January 2026. Nothing else in them changes.
    pub fn normalize(&mut self, numbers: &[u64], now: DateTime<Utc>) {
        self.change(numbers, now, |entry| entry.shape = Shape::New);
    }

    /// Deletes some records.
    pub fn delete(&mut self, numbers: &[u64], now: DateTime<Utc>) {
        self.change(numbers, now, |entry| entry.deleted = true);
    }

    /// Adds new records.
    pub fn add(&mut self, count: u64, now: DateTime<Utc>) {
        let next = self.rows.keys().next_back().map_or(0, |last| last + 1);
        for number in next..next + count {
            let shape = self.shapes.of(number);
            self.put(Entry { number, version: 0, shape, modified: now.timestamp_millis(), deleted: false, left: false });
        }
    }

    /// Removes records from the national bibliography, as a lower encoding level does: no deletion announces it.
    pub fn leave(&mut self, numbers: &[u64]) {
        for number in numbers {
            if let Some(entry) = self.rows.get_mut(number) {
                entry.left = true;
            }
        }
    }

    /// Changes the content of some records, dated a second after their last change, long ago: an incremental harvest cannot see
    /// it.
    pub fn backdate(&mut self, numbers: &[u64]) {
        for number in numbers {
            if let Some(mut entry) = self.rows.get(number).copied() {
                entry.version += 1;
                entry.modified += 1000;
                self.put(entry);
            }
        }
    }

    /// The first live records, for changing some.
    #[must_use]
    pub fn live(&self, count: usize) -> Vec<u64> {
        self.rows.values().filter(|entry| !entry.deleted).map(|entry| entry.number).take(count).collect()
    }

    /// The first live records of the national bibliography, for changing some.
    #[must_use]
    pub fn national(&self, count: usize) -> Vec<u64> {
        let national = self.rows.values().filter(|entry| !entry.deleted && entry.is_in(Some("nb")));
        national.map(|entry| entry.number).take(count).collect()
    }

    /// The first live records that have the old shape, for changing some. People and topics have no shape.
    #[must_use]
    pub fn old_shaped(&self, count: usize) -> Vec<u64> {
        let shaped = |entry: &&Entry| !is_authority(entry.number) || is_work(entry.number);
        let old = self.rows.values().filter(|entry| !entry.deleted && entry.shape == Shape::Old).filter(shaped);
        old.map(|entry| entry.number).take(count).collect()
    }

    /// The row of an identifier.
    #[must_use]
    pub fn find(&self, identifier: &str) -> Option<Entry> {
        self.rows.get(self.by_identifier.get(identifier)?).copied()
    }

    /// At most `limit` rows that were changed within the bounds (milliseconds, inclusive), after a position in the list.
    #[must_use]
    pub fn page(&self, after: Option<(i64, u64)>, from: i64, until: i64, limit: usize) -> Vec<Entry> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let start = match after {
            Some(place) if place.0 >= from => Excluded(place),
            _ => Included((from, 0)),
        };
        let rows = self.by_change.range((start, Unbounded)).take_while(|(modified, _)| *modified <= until);
        rows.take(limit).filter_map(|(_, number)| self.rows.get(number).copied()).collect()
    }

    /// At most `limit` rows that were changed until a time (milliseconds), the newest first.
    #[must_use]
    pub fn newest(&self, until: i64, limit: usize) -> Vec<Entry> {
        let rows = self.by_change.range(..=(until, u64::MAX)).rev().take(limit);
        rows.filter_map(|(_, number)| self.rows.get(number).copied()).collect()
    }

    /// What a mirror of a set must hold.
    #[must_use]
    pub fn counts(&self, set: Option<&str>) -> ServedCounts {
        let mut counts = ServedCounts::default();
        for entry in self.rows.values().filter(|entry| entry.is_in(set)) {
            if entry.deleted {
                counts.deleted += 1;
            } else {
                counts.live += 1;
                counts.triples += entry.nodes().iter().map(statements).sum::<u64>();
            }
        }
        counts
    }
}

/// The triples of a description.
fn statements(node: &Node) -> u64 {
    1 + node.properties.iter().map(|(_, value)| 1 + below(value)).sum::<u64>()
}

fn below(value: &Value) -> u64 {
    match value {
        Value::Node(node) => statements(node),
        Value::List(members) => members.iter().map(|member| 2 + below(member)).sum(),
        Value::Iri(_) | Value::Text(_) | Value::Lang(..) | Value::Typed(..) => 0,
    }
}

impl Entry {
    /// The identifier.
    #[must_use]
    pub fn identifier(&self) -> String {
        identifier(self.number)
    }

    /// The set that its header names. Works have none.
    #[must_use]
    pub fn set(&self) -> Option<&'static str> {
        match self.number {
            work if is_work(work) => None,
            number if is_authority(number) => Some("auth"),
            _ => Some("bib"),
        }
    }

    /// Whether a set holds it.
    #[must_use]
    pub fn is_in(&self, set: Option<&str>) -> bool {
        match set {
            None => true,
            Some("auth") => is_authority(self.number),
            Some("bib") => !is_authority(self.number),
            Some("nb") => !is_authority(self.number) && !NOT_NATIONAL.contains(&self.number) && !self.left,
            Some("sao") => self.number.is_multiple_of(15),
            // The books that a library holds; holdings themselves are not served.
            Some(of_library) => of_library.starts_with("bib:") && !is_authority(self.number) && self.number.is_multiple_of(3),
        }
    }

    fn has_fraction(&self) -> bool {
        !self.number.is_multiple_of(3)
    }

    /// The header's datestamp: the document's own, with a local offset and maybe a fraction, as Libris sends it.
    #[must_use]
    pub fn datestamp(&self) -> String {
        let offset = FixedOffset::east_opt(if self.number.is_multiple_of(2) { 3600 } else { 7200 });
        let time = DateTime::from_timestamp_millis(self.modified).unwrap_or_default();
        let precision = if self.has_fraction() { SecondsFormat::Millis } else { SecondsFormat::Secs };
        match offset {
            Some(offset) => time.with_timezone(&offset).to_rfc3339_opts(precision, false),
            None => time.to_rfc3339_opts(precision, false),
        }
    }

    /// The content of the record.
    #[must_use]
    pub fn nodes(&self) -> Vec<Node> {
        record_in(self.shape, self.number, self.version, &self.datestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another_and_a_change_moves_a_row_to_the_end() {
        let now = DateTime::from_timestamp(1_780_000_000, 0).expect("a time");
        let mut catalogue = Catalogue::new(25, now);
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = catalogue.page(after, i64::MIN, i64::MAX, 10);
            let Some(last) = page.last() else { break };
            after = Some((last.modified, last.number));
            seen.extend(page.iter().map(|entry| entry.number));
        }
        assert_eq!(seen, (0..25).collect::<Vec<_>>());
        catalogue.update(&[3], now);
        let changed = catalogue.page(None, now.timestamp_millis(), i64::MAX, 10);
        assert_eq!(changed.iter().map(|entry| (entry.number, entry.version)).collect::<Vec<_>>(), [(3, 1)]);
        assert_eq!(catalogue.counts(None).live, 25);
        catalogue.delete(&[4], now);
        assert_eq!((catalogue.counts(None).live, catalogue.counts(None).deleted), (24, 1));
    }

    #[test]
    fn a_catalogue_has_the_shapes_that_it_is_asked_for_and_moves_on_to_the_new_one() {
        let now = DateTime::from_timestamp(1_780_000_000, 0).expect("a time");
        let old = |catalogue: &Catalogue| catalogue.old_shaped(usize::MAX).len();
        assert_eq!(old(&Catalogue::shaped(1000, Shapes::New, now)), 0);
        let all = old(&Catalogue::shaped(1000, Shapes::Old, now));
        let mut catalogue = Catalogue::new(1000, now);
        let half = old(&catalogue);
        assert!(all > 790 && half.abs_diff(all / 2) < all / 10, "{half} of {all}");
        let some = catalogue.old_shaped(10);
        catalogue.normalize(&some, now);
        assert_eq!(old(&catalogue), half - 10);
        let changed = catalogue.page(None, now.timestamp_millis() - 1000, i64::MAX, 20);
        assert!(changed.len() == 10 && changed.iter().all(|entry| entry.version == 0 && entry.shape == Shape::New));
        let before = Entry { shape: Shape::Old, ..changed[0] };
        assert_ne!(before.nodes(), changed[0].nodes());
    }
}
