//! Finding records: what matches, its order, and its facets.

use super::counting::{self, Counted, FacetCounts};
use super::entries::{EntryRow, SearchIndex};
use super::error::SearchError;
use super::facets::Facet;
use super::matching::{Here, matching};
use super::opened::{Finder, guarded};
use super::order;
use super::question::{Question, Sort, Wanted};
use super::words::fold;
use crate::log::Log;
use crate::rdf::last_part;

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Found {
    /// The part that was asked for, in order.
    pub entries: Vec<EntryRow>,
    /// How many can be paged through, from the first to the last.
    pub reachable: usize,
    /// How many match.
    pub matches: usize,
    /// Whether the index is being filled from nothing: not everything is found yet.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub filling: bool,
    /// The facets of all that match, if they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facets: Vec<FacetCounts>,
}

/// The entries of hits. One that changed or went since the index was committed may be missing.
pub(super) fn entries_of<'a>(log: &Log, hits: impl Iterator<Item = &'a order::Hit>) -> Result<Vec<EntryRow>, SearchError> {
    let mut entries = Vec::new();
    for hit in hits {
        entries.extend(SearchIndex(log).by_id(i64::try_from(hit.record).unwrap_or_default())?);
    }
    Ok(entries)
}

/// How far one can page.
pub const DEEPEST: usize = 10_000;

/// The most values of one facet that are looked through for one that ends so.
const MOST_NAMES: usize = 100_000;

impl Finder {
    /// Finds records.
    pub fn find(&self, log: &Log, question: &Question) -> Result<Found, SearchError> {
        guarded(&self.path, || self.find_in_order(log, question))
    }

    fn find_in_order(&self, log: &Log, question: &Question) -> Result<Found, SearchError> {
        let failed = |source| SearchError::Index { path: self.path.clone(), cause: source };
        let chosen = self.chosen(question).map_err(failed)?;
        let wanted = Wanted::of(&question.text);
        // Words that say nothing find nothing.
        if wanted == Wanted::default() && (!question.text.trim().is_empty()) {
            return Ok(Found::default());
        }
        let here = matching(self, &wanted, &chosen).map_err(failed)?;
        // Where nothing is asked for, no match is better than another.
        let nothing_asked = wanted == Wanted::default() && question.sort == Sort::Relevance;
        let sort = if nothing_asked { Sort::Newest } else { question.sort };
        let end = question.offset.saturating_add(question.limit).min(DEEPEST);
        let parts = self.in_parallel(here.len(), |place| {
            order::first(&self.segments[place], &here[place].found, &here[place].tiers, sort, end)
        });
        let mut hits: Vec<_> = parts.map_err(failed)?.into_iter().flatten().collect();
        order::sort(&mut hits);
        let matches: usize = here.iter().map(|here| here.found.len()).sum();
        let entries = entries_of(log, hits.iter().take(end).skip(question.offset))?;
        let facets = if question.values == 0 {
            Vec::new()
        } else if wanted == Wanted::default() && chosen.is_empty() {
            self.facets_of_all(&here, question.values).map_err(failed)?
        } else {
            self.facets(&here, &chosen, question.values).map_err(failed)?
        };
        Ok(Found { entries, reachable: matches.min(DEEPEST), matches, filling: SearchIndex(log).is_being_filled()?, facets })
    }

    /// The chosen values of each facet as the index has them: a value may be given as the last part of an IRI.
    fn chosen(&self, question: &Question) -> tantivy::Result<Vec<(Facet, Vec<String>)>> {
        let mut chosen: Vec<(Facet, Vec<String>)> = Vec::new();
        for (facet, value) in &question.chosen {
            let values = self.values_called(*facet, value)?;
            match chosen.iter_mut().find(|(known, _)| known == facet) {
                Some((_, known)) => known.extend(values),
                None => chosen.push((*facet, values)),
            }
        }
        for (_, values) in &mut chosen {
            values.sort_unstable();
            values.dedup();
        }
        Ok(chosen)
    }

    /// Whether any record has a value of a facet, which may be given as the last part of an IRI.
    pub fn knows(&self, facet: Facet, value: &str) -> Result<bool, SearchError> {
        let known = || -> tantivy::Result<bool> {
            for value in self.values_called(facet, value)? {
                for column in self.segments.iter().filter_map(|segment| segment.facet(facet)) {
                    if column.dictionary().term_ord(&value)?.is_some() {
                        return Ok(true);
                    }
                }
            }
            Ok(false)
        };
        known().map_err(|source| SearchError::Index { path: self.path.clone(), cause: source })
    }

    pub(super) fn values_called(&self, facet: Facet, value: &str) -> tantivy::Result<Vec<String>> {
        // A year is in its decade.
        if let (Facet::Decade, Ok(year)) = (facet, value.parse::<i64>()) {
            return Ok(vec![(year.div_euclid(10) * 10).to_string()]);
        }
        let columns = || self.segments.iter().filter_map(|segment| segment.facet(facet));
        for column in columns() {
            if column.dictionary().term_ord(value)?.is_some() {
                return Ok(vec![value.to_owned()]);
            }
        }
        let (sought, mut found) = (fold(value), Vec::new());
        for column in columns() {
            let mut names = column.dictionary().stream()?;
            for _ in 0..MOST_NAMES {
                if !names.advance() {
                    break;
                }
                let name = String::from_utf8_lossy(names.key());
                if fold(&last_part(&name)) == sought {
                    found.push(name.into_owned());
                }
            }
        }
        // One that no record has finds nothing.
        Ok(if found.is_empty() { vec![value.to_owned()] } else { found })
    }

    fn facets_of_all(&self, here: &[Here], limit: usize) -> tantivy::Result<Vec<FacetCounts>> {
        if let Some((_, facets)) = self.of_all.get().filter(|(known, _)| *known == limit) {
            return Ok(facets.clone());
        }
        let facets = self.facets(here, &[], limit)?;
        // Another limit is counted each time.
        let _ = self.of_all.set((limit, facets.clone()));
        Ok(facets)
    }

    /// The facets of all that matches: each as if nothing of itself were chosen.
    fn facets(&self, here: &[Here], chosen: &[(Facet, Vec<String>)], limit: usize) -> tantivy::Result<Vec<FacetCounts>> {
        let tasks: Vec<(Facet, usize)> =
            Facet::ALL.into_iter().flat_map(|facet| (0..here.len()).map(move |place| (facet, place))).collect();
        let counts = self.in_parallel(tasks.len(), |task| {
            let (facet, place) = tasks[task];
            let Some(column) = self.segments[place].facet(facet) else { return Ok(None) };
            Ok(Some((facet, column, counting::count(column, &here[place].regardless(facet)))))
        })?;
        let mut by_facet: Vec<Counted<'_>> = Facet::ALL.iter().map(|_| Vec::new()).collect();
        for (facet, column, counts) in counts.into_iter().flatten() {
            by_facet[facet.place()].push((column, counts));
        }
        let none = Vec::new();
        let merged = self.in_parallel(Facet::ALL.len(), |place| {
            let facet = Facet::ALL[place];
            let chosen = chosen.iter().find(|(known, _)| *known == facet).map_or(&none, |(_, values)| values);
            counting::merge(facet, &by_facet[place], chosen, if facet == Facet::Decade { DECADES } else { limit })
        })?;
        Ok(merged.into_iter().filter(|facet| !facet.values.is_empty()).collect())
    }
}

/// All decades that have been are shown.
const DECADES: usize = 300;
