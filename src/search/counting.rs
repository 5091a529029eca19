//! Counts of the values of facets, over all that was found.
//!
//! A segment numbers its own values. Its counts are numbers, and only values that may be among the most frequent of all are
//! looked up by name and counted in the other segments.

use std::collections::BTreeSet;

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
            here.iter().for_each(|ord| add(*ord));
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
        values[..rows.len()].iter().for_each(|ord| add(*ord));
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

/// Adds up what the segments have of a facet: the chosen values and the `limit` most frequent others.
pub(super) fn merge(facet: Facet, counted: &Counted<'_>, chosen: &[String], limit: usize) -> tantivy::Result<FacetCounts> {
    let mut each = limit * 2 + 8;
    let (mut found, all) = loop {
        let (mut names, mut unseen) = (BTreeSet::new(), 0_u64);
        for (column, counts) in counted {
            let mut most: Vec<usize> = (0..counts.len()).filter(|ord| counts[*ord] > 0).collect();
            if most.len() > each {
                most.select_nth_unstable_by_key(each, |ord| std::cmp::Reverse(counts[*ord]));
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
        found.sort_by(|(a, many), (b, more)| more.cmp(many).then_with(|| a.cmp(b)));
        // A value that no segment named is not as frequent as this together.
        let settled = found.get(limit.saturating_sub(1)).is_some_and(|(_, count)| *count >= unseen);
        if unseen == 0 || settled || each >= MOST_NAMES {
            break (found, unseen == 0);
        }
        each *= 4;
    };
    let more = !all || found.len() > limit;
    found.truncate(limit);
    for value in chosen {
        if !found.iter().any(|(known, _)| known == value) {
            found.push((value.clone(), count_of(counted, value)?));
        }
    }
    if facet == Facet::Decade {
        found.sort_by_key(|(value, _)| std::cmp::Reverse(value.parse::<i64>().unwrap_or_default()));
    }
    let values = found.into_iter().map(|(value, count)| Value { chosen: chosen.contains(&value), value, count });
    Ok(FacetCounts { facet, values: values.collect(), more })
}
