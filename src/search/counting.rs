//! Counts of the values of facets, over all that was found.
//!
//! A segment numbers its own values. Its counts are numbers, and only values that may be among the most frequent of all are
//! looked up by name and counted in the other segments.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use tantivy::columnar::{Cardinality, StrColumn};

use super::bits::Bits;
use super::facets::Facet;
use super::segment::unreadable;

/// A value of a facet.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Value {
    /// An IRI, a decade, or a name.
    pub value: String,
    /// How many of what was found have it, if the other facets are as they are chosen.
    pub count: u64,
    /// Whether it is chosen.
    pub chosen: bool,
}

/// A facet of what was found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FacetCounts {
    /// Which.
    pub facet: Facet,
    /// Its values: the chosen ones, and the most frequent; decades by time.
    pub values: Vec<Value>,
    /// Whether there are others.
    pub more: bool,
}

/// Documents that are read from a column at a time.
const AT_ONCE: usize = 2048;

/// How often each value of a column occurs in some documents, by the segment's number of the value.
pub(super) fn count(column: &StrColumn, documents: &Bits) -> Vec<u32> {
    let ords = column.ords();
    let mut counts = vec![0_u32; column.dictionary().num_terms()];
    let mut add = |ord: u64| {
        if let Some(count) = usize::try_from(ord).ok().and_then(|ord| counts.get_mut(ord)) {
            *count += 1;
        }
    };
    let (mut some, mut rows, mut with) = (Vec::with_capacity(AT_ONCE), Vec::new(), Vec::new());
    let mut values = vec![0_u64; AT_ONCE];
    if documents.is_full() {
        // Every value counts.
        let total = ords.values.num_vals() as usize;
        for first in (0..total).step_by(AT_ONCE) {
            let here = &mut values[..AT_ONCE.min(total - first)];
            ords.values.get_range(first as u64, here);
            for ord in here.iter() {
                add(*ord);
            }
        }
        return counts;
    }
    let one_each = ords.get_cardinality() == Cardinality::Full;
    let mut documents = documents.iter();
    loop {
        some.clear();
        some.extend(documents.by_ref().take(AT_ONCE));
        if some.is_empty() {
            return counts;
        }
        let rows = if one_each {
            &some
        } else {
            rows.clear();
            with.clear();
            ords.row_ids_for_docs(&some, &mut with, &mut rows);
            &rows
        };
        values.resize(rows.len().max(values.len()), 0);
        ords.values.get_vals(rows, &mut values[..rows.len()]);
        for ord in &values[..rows.len()] {
            add(*ord);
        }
    }
}

/// The counts of one facet in each segment that has it.
pub(super) type Counted<'a> = Vec<(&'a StrColumn, Vec<u32>)>;

/// How many values are looked up by name at most.
const MOST_NAMES: usize = 4096;

fn count_of(counted: &Counted<'_>, value: &str) -> tantivy::Result<u64> {
    let mut total = 0;
    for (column, counts) in counted {
        let ord = column.dictionary().term_ord(value).map_err(unreadable)?;
        let count = ord.and_then(|ord| counts.get(usize::try_from(ord).ok()?));
        total += u64::from(count.copied().unwrap_or_default());
    }
    Ok(total)
}

/// If all values that occur in the segments are at most this many, each is named.
const FEW: usize = 50_000;

/// The names and counts of all values that occur.
fn all(counted: &Counted<'_>) -> tantivy::Result<Vec<(String, u64)>> {
    let mut found: FxHashMap<String, u64> = FxHashMap::default();
    for (column, counts) in counted {
        let (ords, counts): (Vec<u64>, Vec<u32>) = (0..).zip(counts).filter(|(_, count)| **count > 0).unzip();
        let mut counts = counts.into_iter();
        let add = |name: &[u8]| {
            *found.entry(String::from_utf8_lossy(name).into_owned()).or_default() += u64::from(counts.next().unwrap_or_default());
        };
        column.dictionary().sorted_ords_to_term_cb(&ords, add).map_err(unreadable)?;
    }
    Ok(found.into_iter().collect())
}

/// The names and counts of values among which are the `limit` most frequent, and whether these are all that occur.
fn most_frequent(counted: &Counted<'_>, limit: usize) -> tantivy::Result<(Vec<(String, u64)>, bool)> {
    let mut each = limit * 2 + 8;
    loop {
        let (mut names, mut unseen) = (BTreeSet::new(), 0_u64);
        for (column, counts) in counted {
            let mut most: Vec<usize> = (0..counts.len()).filter(|ord| counts[*ord] > 0).collect();
            if most.len() > each {
                most.select_nth_unstable_by_key(each, |ord| Reverse(counts[*ord]));
                unseen += u64::from(counts[most[each]]);
                most.truncate(each);
            }
            for ord in most {
                let mut name = String::new();
                column.ord_to_str(ord as u64, &mut name).map_err(unreadable)?;
                names.insert(name);
            }
        }
        let mut found = Vec::with_capacity(names.len());
        for value in names {
            let count = count_of(counted, &value)?;
            found.push((value, count));
        }
        // A value that no segment named is not as frequent as this together.
        let mut counts: Vec<u64> = found.iter().map(|(_, count)| *count).collect();
        counts.sort_unstable_by_key(|count| Reverse(*count));
        let settled = counts.get(limit.saturating_sub(1)).is_some_and(|count| *count >= unseen);
        if unseen == 0 || settled || each >= MOST_NAMES {
            return Ok((found, unseen == 0));
        }
        each *= 4;
    }
}

/// Adds up what the segments have of a facet: the chosen values and the `limit` most frequent others.
pub(super) fn merge(facet: Facet, counted: &Counted<'_>, chosen: &[String], limit: usize) -> tantivy::Result<FacetCounts> {
    let occurring: usize = counted.iter().map(|(_, counts)| counts.iter().filter(|count| **count > 0).count()).sum();
    let (mut found, all) = if occurring <= FEW { (all(counted)?, true) } else { most_frequent(counted, limit)? };
    found.sort_by(|(a, many), (b, more)| more.cmp(many).then_with(|| a.cmp(b)));
    let more = !all || found.len() > limit;
    found.truncate(limit);
    for value in chosen {
        if !found.iter().any(|(known, _)| known == value) {
            found.push((value.clone(), count_of(counted, value)?));
        }
    }
    if facet == Facet::Decade {
        found.sort_by_key(|(value, _)| Reverse(value.parse::<i64>().unwrap_or_default()));
    }
    let values = found.into_iter().map(|(value, count)| Value { chosen: chosen.contains(&value), value, count });
    Ok(FacetCounts { facet, values: values.collect(), more })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use tantivy::indexer::NoMergePolicy;
    use tantivy::{Index, TantivyDocument};

    use super::super::fields::{Fields, prepare};
    use super::super::segment::Segment;
    use super::*;

    const FACET: Facet = Facet::Subject;

    /// Segments whose documents have these subjects.
    fn segments(each: &[Vec<Vec<u32>>]) -> tantivy::Result<Vec<Segment>> {
        let (schema, fields) = Fields::schema();
        let index = Index::create_in_ram(schema);
        prepare(&index);
        let mut writer = index.writer_with_num_threads::<TantivyDocument>(1, 15_000_000)?;
        writer.set_merge_policy(Box::new(NoMergePolicy));
        for documents in each {
            for subjects in documents {
                let mut document = TantivyDocument::new();
                for subject in subjects {
                    document.add_text(fields.facet(FACET), subject.to_string());
                }
                writer.add_document(document)?;
            }
            writer.commit()?;
        }
        index.reader()?.searcher().segment_readers().iter().map(Segment::new).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn the_most_frequent_values_are_those_of_all_segments_together(
            // Some values are frequent, and many occur once in one segment.
            each in vec(vec(vec(prop_oneof![0_u32..5, 0_u32..90], 0..4), 1..150), 1..5),
            limit in 1_usize..6,
            every in 1_usize..4,
        ) {
            let segments = segments(&each)?;
            let chosen = |size| (0..size).step_by(every).fold(Bits::none(size), |mut chosen, document| {
                chosen.insert(document);
                chosen
            });
            let columns = segments.iter().filter_map(|segment| Some((segment.facet(FACET)?, chosen(segment.size))));
            let counted: Counted<'_> = columns.map(|(column, documents)| (column, count(column, &documents))).collect();
            let mut expected: BTreeMap<String, u64> = BTreeMap::new();
            for subject in each.iter().flat_map(|documents| documents.iter().step_by(every)).flatten() {
                *expected.entry(subject.to_string()).or_default() += 1;
            }
            prop_assert_eq!(all(&counted)?.into_iter().collect::<BTreeMap<_, _>>(), expected.clone());
            let first = |mut values: Vec<(String, u64)>| {
                values.sort_by_key(|(_, count)| Reverse(*count));
                values.into_iter().take(limit).map(|(_, count)| count).collect::<Vec<_>>()
            };
            let (found, complete) = most_frequent(&counted, limit)?;
            for (value, count) in &found {
                prop_assert_eq!(expected.get(value), Some(count));
            }
            prop_assert!(!complete || found.len() == expected.len());
            prop_assert_eq!(first(found), first(expected.into_iter().collect()));
        }
    }
}
