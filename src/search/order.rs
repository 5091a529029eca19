//! The order of what is found, and the first of it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tantivy::columnar::ColumnValues;

use super::bits::Bits;
use super::question::Sort;
use super::segment::{Segment, unreadable};

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    /// What it is called, if that is the order; else empty.
    heading: String,
    /// The greater first.
    key: u64,
    /// The record's id in the log.
    pub(super) record: u64,
}

/// Ways to match, the best first; what matches in none of them matches only by what it refers to.
pub(super) struct Tiers(pub(super) Vec<Bits>);

impl Tiers {
    fn of(&self, document: u32) -> u64 {
        let place = self.0.iter().position(|documents| documents.contains(document));
        place.map_or(0, |place| (self.0.len() - place) as u64)
    }
}

/// The first documents of a segment. Those that match equally well are ordered by rank.
pub(super) fn first(segment: &Segment, found: &Bits, tiers: &Tiers, sort: Sort, most: usize) -> tantivy::Result<Vec<Hit>> {
    let fast = segment.reader.fast_fields();
    let (records, ranks) = (fast.u64("record")?.first_or_default_col(0), fast.u64("rank")?.first_or_default_col(0));
    let headings = segment.headings.as_ref().filter(|_| sort == Sort::Title);
    let key = |document: u32| {
        let rank = ranks.get_val(document);
        // A rank is the shortness of the label, and the year.
        let (shortness, year) = (rank >> 16, rank & 0xffff);
        match sort {
            Sort::Relevance => tiers.of(document) << 32 | rank,
            Sort::Newest => year << 16 | shortness,
            Sort::Oldest if year == 0 => shortness,
            Sort::Oldest => (0xffff - year) << 16 | shortness,
            // Ids grow as records come.
            Sort::Added => records.get_val(document),
            Sort::Title => u64::MAX - headings.and_then(|headings| headings.ords().first(document)).unwrap_or(u64::MAX),
        }
    };
    let hit = |(key, record): (u64, u64)| {
        let mut heading = String::new();
        if let Some(headings) = headings {
            headings.ord_to_str(u64::MAX - key, &mut heading).map_err(unreadable)?;
            return Ok(Hit { heading, key: 0, record });
        }
        Ok(Hit { heading, key, record })
    };
    greatest(found, &records, most, key).into_iter().map(hit).collect()
}

/// The first documents of a segment by a weight, the greatest first.
pub(super) fn heaviest(segment: &Segment, found: &Bits, most: usize, weight: impl Fn(u32) -> u32) -> tantivy::Result<Vec<Hit>> {
    let fast = segment.reader.fast_fields();
    let (records, ranks) = (fast.u64("record")?.first_or_default_col(0), fast.u64("rank")?.first_or_default_col(0));
    let key = |document: u32| u64::from(weight(document)) << 32 | ranks.get_val(document);
    let hit = |(key, record)| Hit { heading: String::new(), key, record };
    Ok(greatest(found, &records, most, key).into_iter().map(hit).collect())
}

/// The documents with the greatest keys, as these keys and their records, in no order.
fn greatest(
    found: &Bits,
    records: &std::sync::Arc<dyn ColumnValues<u64>>,
    most: usize,
    key: impl Fn(u32) -> u64,
) -> Vec<(u64, u64)> {
    let mut heap: BinaryHeap<Reverse<(u64, Reverse<u64>)>> = BinaryHeap::with_capacity(most.min(1024) + 1);
    for document in found.iter() {
        let key = key(document);
        let full = heap.len() >= most;
        if full && heap.peek().is_none_or(|Reverse((least, _))| *least > key) {
            continue;
        }
        heap.push(Reverse((key, Reverse(records.get_val(document)))));
        if full {
            heap.pop();
        }
    }
    heap.into_iter().map(|Reverse((key, Reverse(record)))| (key, record)).collect()
}

/// Puts hits of all segments in order.
pub(super) fn sort(hits: &mut [Hit]) {
    hits.sort_by(|a, b| a.heading.cmp(&b.heading).then(b.key.cmp(&a.key)).then(a.record.cmp(&b.record)));
}
