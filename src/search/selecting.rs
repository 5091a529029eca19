//! What satisfies a condition.

use rustc_hash::FxHashMap;

use super::bits::Bits;
use super::condition::{Condition, Part};
use super::entries::SearchIndex;
use super::error::SearchError;
use super::facets::Facet;
use super::fields::hash_of;
use super::find::{DEEPEST, Found, entries_of};
use super::opened::{Finder, guarded};
use super::order::{self, Tiers};
use super::question::{Clause, Sort};
use super::references::{ByClause, referring};
use super::segment::Segment;
use crate::log::Log;

/// The kind of works: see `config/describe.toml`.
const WORK: &str = "work";

/// The most clauses for which the names of what records refer to are looked up.
const MOST_CLAUSES: usize = 32;

/// A part of what is found, in order.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// The order; none for those first whose work has most editions here.
    pub sort: Option<Sort>,
    /// How many are skipped.
    pub offset: usize,
    /// How many are returned.
    pub limit: usize,
}

/// The documents of one segment that match the clauses of a condition, in their order.
type Matching<'a> = std::slice::Iter<'a, Bits>;

impl Finder {
    /// Finds the records that satisfy a condition. No match is better than another: of [`Sort::Relevance`], short titles come first.
    pub fn select(&self, log: &Log, condition: &Condition, window: Window) -> Result<Found, SearchError> {
        guarded(&self.path, || {
            let Window { sort, offset, limit } = window;
            let end = offset.saturating_add(limit).min(DEEPEST);
            let find = || -> tantivy::Result<(Vec<order::Hit>, usize)> {
                let found = self.satisfying(condition)?;
                let editions = if sort.is_none() { self.editions()? } else { &FxHashMap::default() };
                let first = |place: usize| {
                    let segment = &self.segments[place];
                    if let Some(sort) = sort {
                        return order::first(segment, &found[place], &Tiers(Vec::new()), sort, end);
                    }
                    let refers = segment.reader.fast_fields().u64(self.fields.refers.name)?;
                    let weight = |document| {
                        refers.values_for_doc(document).filter_map(|work| editions.get(&work).copied()).max().unwrap_or_default()
                    };
                    order::heaviest(segment, &found[place], end, weight)
                };
                let hits = self.in_parallel(found.len(), first)?.into_iter().flatten().collect();
                Ok((hits, found.iter().map(Bits::len).sum()))
            };
            let failed = |source| SearchError::Index { path: self.path.clone(), cause: source };
            let (mut hits, matches) = find().map_err(failed)?;
            order::sort(&mut hits);
            let entries = entries_of(log, hits.iter().take(end).skip(offset))?;
            let (reachable, filling) = (matches.min(DEEPEST), SearchIndex(log).is_being_filled()?);
            Ok(Found { entries, reachable, matches, filling, facets: Vec::new() })
        })
    }

    /// How many records refer to each work that has a record of its own, by the hash of its IRI; counted once for each state of the index.
    fn editions(&self) -> tantivy::Result<&FxHashMap<u64, u32>> {
        if let Some(known) = self.editions.get() {
            return Ok(known);
        }
        let mut works: FxHashMap<u64, u32> = FxHashMap::default();
        for segment in &self.segments {
            let entities = segment.reader.fast_fields().u64("entity")?;
            let mut found = segment.with_values(self.fields.facet(Facet::Kind), &[WORK.to_owned()])?;
            segment.keep_alive(&mut found);
            for document in found.iter() {
                works.extend(entities.values_for_doc(document).map(|work| (work, 0)));
            }
        }
        for segment in &self.segments {
            let refers = segment.reader.fast_fields().u64(self.fields.refers.name)?;
            for document in segment.alive().iter() {
                for work in refers.values_for_doc(document) {
                    if let Some(count) = works.get_mut(&work) {
                        *count += 1;
                    }
                }
            }
        }
        Ok(self.editions.get_or_init(|| works))
    }

    fn satisfying(&self, condition: &Condition) -> tantivy::Result<Vec<Bits>> {
        let mut clauses: Vec<(Part, &Clause)> = Vec::new();
        condition.clauses(&mut |part, clause| clauses.push((part, clause)));
        let matching = self.matching_clauses(&clauses)?;
        self.in_parallel(matching.len(), |place| {
            let segment = &self.segments[place];
            let mut found = self.evaluate(segment, condition, &mut matching[place].iter())?;
            segment.keep_alive(&mut found);
            Ok(found)
        })
    }

    /// For each segment, the documents that match each clause: by their own words, and by the names of what they refer to.
    fn matching_clauses(&self, clauses: &[(Part, &Clause)]) -> tantivy::Result<Vec<Vec<Bits>>> {
        let fields = &self.fields;
        let own = self.in_parallel(self.segments.len(), |place| {
            let segment = &self.segments[place];
            let of = |(part, clause): &(Part, &Clause)| match part {
                Part::Any => segment.clause(&self.searcher, fields, clause).map(|matches| (matches.text, matches.own)),
                Part::Title => segment.clause_in(&self.searcher, fields.title, clause).map(|own| (segment.none(), own)),
                Part::Name => {
                    let own = segment.clause_in(&self.searcher, fields.name, clause)?;
                    let mut called = segment.clause_in(&self.searcher, fields.title, clause)?;
                    called.or(&own);
                    Ok((called, own))
                }
            };
            clauses.iter().map(of).collect::<tantivy::Result<Vec<(Bits, Bits)>>>()
        })?;
        let mut found: Vec<Vec<Bits>> = own.iter().map(|clauses| clauses.iter().map(|(_, own)| own.clone()).collect()).collect();
        for (part, by) in [(Part::Any, &fields.refers), (Part::Name, &fields.agents)] {
            let wanted = clauses.iter().enumerate().filter(|(_, (of, _))| *of == part).map(|(at, _)| at);
            let wanted: Vec<usize> = wanted.take(MOST_CLAUSES).collect();
            if wanted.is_empty() {
                continue;
            }
            let named: Vec<Vec<&Bits>> = own.iter().map(|clauses| wanted.iter().map(|at| &clauses[*at].0).collect()).collect();
            let referring: ByClause = referring(self, &named, by)?;
            for (found, referring) in found.iter_mut().zip(&referring) {
                for (at, documents) in wanted.iter().zip(referring) {
                    found[*at].or(documents);
                }
            }
        }
        Ok(found)
    }

    fn evaluate(&self, segment: &Segment, condition: &Condition, matching: &mut Matching<'_>) -> tantivy::Result<Bits> {
        let (fields, fast) = (&self.fields, segment.reader.fast_fields());
        let mut found = segment.none();
        match condition {
            Condition::All => return Ok(segment.alive()),
            Condition::Words(..) => return Ok(matching.next().cloned().unwrap_or(found)),
            Condition::Identifier(word) => return segment.word(fields.identifier, word),
            Condition::Value(facet, value) => {
                return segment.with_values(fields.facet(*facet), &self.values_called(*facet, value)?);
            }
            Condition::RefersTo(iri) => return segment.with_number(fields.refers.field, hash_of(iri)),
            Condition::Years(years) => {
                let column = fast.i64("year")?;
                for document in 0..segment.size {
                    if column.first(document).is_some_and(|year| years.contains(&year)) {
                        found.insert(document);
                    }
                }
            }
            Condition::AddedAfter(record) => {
                let (column, record) = (fast.u64("record")?, u64::try_from(*record).unwrap_or_default());
                for document in 0..segment.size {
                    if column.first(document).is_some_and(|other| other > record) {
                        found.insert(document);
                    }
                }
            }
            Condition::And(parts) => {
                found = segment.alive();
                for part in parts {
                    found.and(&self.evaluate(segment, part, matching)?);
                }
            }
            Condition::Or(parts) => {
                for part in parts {
                    found.or(&self.evaluate(segment, part, matching)?);
                }
            }
            Condition::Not(not) => {
                found = segment.alive();
                found.without(&self.evaluate(segment, not, matching)?);
            }
        }
        Ok(found)
    }
}
