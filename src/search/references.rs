//! Records that are found by the names of what they refer to.
//!
//! A book need not say a word itself: it also matches if an agent, a subject, a broader term of a subject, or a category that it
//! refers to is called so. This is found out when it is asked for, so that no book is indexed again when an authority changes.

use rustc_hash::FxHashMap;

use super::bits::Bits;
use super::fields::{Fields, Numbers};
use super::opened::Finder;
use super::segment::Segment;
use super::sought::Sought;

/// How many broader terms up a name is effective.
const HIGHEST: usize = 6;

/// Which clauses of a question something matches.
type Mask = u32;

/// Documents of each segment, for each clause.
pub(super) type ByClause = Vec<Vec<Bits>>;

/// The documents that refer to what matches the clauses of a question by its names; `by` are the references that count.
pub(super) fn referring(finder: &Finder, named: &[Vec<&Bits>], by: &Numbers) -> tantivy::Result<ByClause> {
    let Finder { segments, fields, .. } = finder;
    let things = things(finder, named)?;
    let found = finder.in_parallel(segments.len(), |place| {
        let segment = &segments[place];
        let (mut by_clause, mut works) = (named[place].iter().map(|_| segment.none()).collect::<Vec<_>>(), Vec::new());
        let entities = segment.reader.fast_fields().u64("entity")?;
        let mut authorities = segment.with_number(fields.authority, 1)?;
        segment.keep_alive(&mut authorities);
        things.each(segment, by, |document, mask| {
            insert(&mut by_clause, document, mask);
            if authorities.contains(document) {
                works.extend(entities.values_for_doc(document).map(|entity| (entity, mask)));
            }
        })?;
        Ok((by_clause, works))
    })?;
    let (mut by_clause, works): (ByClause, Vec<_>) = found.into_iter().unzip();
    // A work with a record of its own stands between its author and its instances.
    let mut masks: FxHashMap<u64, Mask> = FxHashMap::default();
    for (work, mask) in works.into_iter().flatten() {
        *masks.entry(work).or_default() |= mask;
    }
    let works = Sought::new(masks);
    if !works.is_empty() {
        let instances = finder.in_parallel(segments.len(), |place| {
            let mut documents = Vec::new();
            works.each(&segments[place], &fields.refers, |document, mask| documents.push((document, mask)))?;
            Ok(documents)
        })?;
        for (by_clause, documents) in by_clause.iter_mut().zip(instances) {
            for (document, mask) in documents {
                insert(by_clause, document, mask);
            }
        }
    }
    Ok(by_clause)
}

fn insert(by_clause: &mut [Bits], document: u32, mask: Mask) {
    for (clause, documents) in by_clause.iter_mut().enumerate() {
        if mask & (1 << clause) != 0 {
            documents.insert(document);
        }
    }
}

/// The hashes of the things that match, with what they match.
fn things(finder: &Finder, named: &[Vec<&Bits>]) -> tantivy::Result<Sought<Mask>> {
    let Finder { segments, fields, .. } = finder;
    let own = finder.in_parallel(segments.len(), |place| authorities(&segments[place], fields, &named[place]))?;
    let mut found: FxHashMap<u64, Mask> = FxHashMap::default();
    let mut level: Vec<(u64, Mask)> = own.into_iter().flatten().collect();
    for _ in 0..=HIGHEST {
        let mut next: FxHashMap<u64, Mask> = FxHashMap::default();
        for (entity, mask) in level {
            let known = found.entry(entity).or_default();
            if *known | mask != *known {
                *known |= mask;
                next.insert(entity, *known);
            }
        }
        if next.is_empty() {
            break;
        }
        let next = Sought::new(next);
        let below = finder.in_parallel(segments.len(), |place| narrower(&segments[place], fields, &next))?;
        level = below.into_iter().flatten().collect();
    }
    Ok(Sought::new(found))
}

/// The terms right below some things.
fn narrower(segment: &Segment, fields: &Fields, of: &Sought<Mask>) -> tantivy::Result<Vec<(u64, Mask)>> {
    let entities = segment.reader.fast_fields().u64("entity")?;
    let mut found = Vec::new();
    of.each(segment, &fields.broader, |document, mask| {
        if !segment.reader.is_deleted(document) {
            found.extend(entities.values_for_doc(document).map(|entity| (entity, mask)));
        }
    })?;
    Ok(found)
}

/// The authorities that match by their own names.
fn authorities(segment: &Segment, fields: &Fields, named: &[&Bits]) -> tantivy::Result<Vec<(u64, Mask)>> {
    let mut any = segment.none();
    for documents in named {
        any.or(documents);
    }
    any.and(&segment.with_number(fields.authority, 1)?);
    segment.keep_alive(&mut any);
    let entities = segment.reader.fast_fields().u64("entity")?;
    let mut found = Vec::new();
    for document in any.iter() {
        let matching = named.iter().enumerate().filter(|(_, documents)| documents.contains(document));
        let mask = matching.fold(0, |mask: Mask, (clause, _)| mask | 1 << clause);
        found.extend(entities.values_for_doc(document).map(|entity| (entity, mask)));
    }
    Ok(found)
}
