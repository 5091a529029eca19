//! Records that are found by the names of what they refer to.
//!
//! A book need not say a word itself: it also matches if an agent, a subject, a broader term of a subject, or a category that it
//! refers to is called so. This is found out when it is asked for, so that no book is indexed again when an authority changes.

use rustc_hash::FxHashMap;
use tantivy::Term;

use super::bits::Bits;
use super::fields::Fields;
use super::finder::Finder;
use super::segment::Segment;

/// The most authorities, narrower terms included, whose references are looked up for a question. Those that match most of its words
/// come first.
const MOST: usize = 3000;

/// How many broader terms up a name is effective.
const HIGHEST: usize = 6;

/// Which clauses of a question something matches.
type Mask = u32;

/// Documents of each segment, for each clause.
pub(super) type ByClause = Vec<Vec<Bits>>;

/// The documents that refer to what matches the clauses of a question by its names.
pub(super) fn referring(finder: &Finder, named: &[Vec<&Bits>]) -> tantivy::Result<ByClause> {
    let Finder { segments, fields, .. } = finder;
    let things = things(segments, fields, named)?;
    finder.in_parallel(segments.len(), |place| {
        let segment = &segments[place];
        let mut by_clause: Vec<Bits> = named[place].iter().map(|_| segment.none()).collect();
        for (entity, mask) in &things {
            segment.each(&Term::from_field_u64(fields.refers, *entity), |document| {
                for (clause, documents) in by_clause.iter_mut().enumerate() {
                    if mask & (1 << clause) != 0 {
                        documents.insert(document);
                    }
                }
            })?;
        }
        Ok(by_clause)
    })
}

/// The hashes of the things that match, with what they match.
fn things(segments: &[Segment], fields: &Fields, named: &[Vec<&Bits>]) -> tantivy::Result<Vec<(u64, Mask)>> {
    let mut level = authorities(segments, fields, named)?;
    let mut found: FxHashMap<u64, Mask> = FxHashMap::default();
    for _ in 0..=HIGHEST {
        let mut next = Vec::new();
        for (entity, mask) in level {
            if found.len() >= MOST && !found.contains_key(&entity) {
                continue;
            }
            let known = found.entry(entity).or_default();
            if *known | mask == *known {
                continue;
            }
            *known |= mask;
            next.push((entity, *known));
        }
        level = narrower(segments, fields, &next)?;
        if level.is_empty() {
            break;
        }
    }
    Ok(found.into_iter().collect())
}

/// The terms right below some things.
fn narrower(segments: &[Segment], fields: &Fields, of: &[(u64, Mask)]) -> tantivy::Result<Vec<(u64, Mask)>> {
    let mut found = Vec::new();
    for segment in segments {
        let entities = segment.reader.fast_fields().u64("entity")?;
        for (entity, mask) in of {
            let mut below = Vec::new();
            segment.each(&Term::from_field_u64(fields.broader, *entity), |document| below.push(document))?;
            below.truncate(MOST);
            let alive = below.into_iter().filter(|document| !segment.reader.is_deleted(*document));
            found.extend(alive.flat_map(|document| entities.values_for_doc(document).map(|entity| (entity, *mask))));
        }
    }
    Ok(found)
}

/// The authorities that match by their own names, those that match most clauses first.
fn authorities(segments: &[Segment], fields: &Fields, named: &[Vec<&Bits>]) -> tantivy::Result<Vec<(u64, Mask)>> {
    let clauses = named.first().map_or(0, Vec::len);
    let mut by_number: Vec<Vec<(u64, Mask)>> = vec![Vec::new(); clauses + 1];
    for (segment, named) in segments.iter().zip(named) {
        let mut any = segment.none();
        named.iter().for_each(|documents| any.or(documents));
        any.and(&segment.with_number(fields.authority, 1)?);
        segment.keep_alive(&mut any);
        let entities = segment.reader.fast_fields().u64("entity")?;
        for document in any.iter() {
            let matching = named.iter().enumerate().filter(|(_, documents)| documents.contains(document));
            let mask = matching.fold(0, |mask: Mask, (clause, _)| mask | 1 << clause);
            let same = &mut by_number[mask.count_ones() as usize];
            if same.len() < MOST {
                same.extend(entities.values_for_doc(document).map(|entity| (entity, mask)));
            }
        }
    }
    Ok(by_number.into_iter().rev().flatten().take(MOST).collect())
}
