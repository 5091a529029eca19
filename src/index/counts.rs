//! How many rows match, for the order in which a query is answered. Rows of masked graphs are counted too.

use oxigraph::model::{NamedNode, NamedNodeRef, Term, TermRef};
use rustc_hash::{FxHashMap, FxHashSet};

use super::code::{Code, is_blank};
use super::error::IndexError;
use super::packed::{Index, Layer};
use super::segment::Segment;

/// Of the rows with a predicate: how many, and how many different subjects and objects they have at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PredicateRows {
    /// Rows.
    pub rows: u64,
    /// Subjects, counted once in each segment.
    pub subjects: u64,
    /// Objects, counted once in each segment.
    pub objects: u64,
}

impl Index {
    /// How many rows match; a place that is `None` is anything.
    pub fn count(
        &self,
        subject: Option<TermRef<'_>>,
        predicate: Option<NamedNodeRef<'_>>,
        object: Option<TermRef<'_>>,
    ) -> Result<u64, IndexError> {
        let code = |term: Option<TermRef<'_>>| term.map(|term| self.code(term)).transpose();
        let codes = (code(subject)?, code(predicate.map(Into::into))?, code(object)?);
        // `Some(None)` is a term that nothing has.
        let (subject, predicate, object) = match codes {
            (Some(None), ..) | (_, Some(None), _) | (.., Some(None)) => return Ok(0),
            (subject, predicate, object) => (subject.flatten(), predicate.flatten(), object.flatten()),
        };
        let mut total = 0;
        for layer in &self.layers {
            let segment = &layer.segment;
            let number = predicate.map(|predicate| segment.predicate(predicate));
            if number == Some(None) {
                continue;
            }
            let number = number.flatten();
            let rows = match (subject, number, object) {
                (Some(subject), Some(number), object) => {
                    segment.narrow_spo(segment.subjects.rows(&segment.file, subject)?, number, object)?
                }
                (Some(subject), None, _) => segment.subjects.rows(&segment.file, subject)?,
                (None, Some(number), Some(object)) => {
                    segment.narrow_ops(segment.objects.rows(&segment.file, object)?, number, None)?
                }
                (None, None, Some(object)) => segment.objects.rows(&segment.file, object)?,
                (None, Some(number), None) => {
                    0..segment.predicates.get(usize::from(number)).map_or(0, |predicate| predicate.rows)
                }
                (None, None, None) => 0..segment.rows,
            };
            total += u64::from(rows.end - rows.start.min(rows.end));
        }
        Ok(total)
    }

    /// The rows with a predicate.
    pub fn predicate_rows(&self, predicate: &NamedNode) -> Result<PredicateRows, IndexError> {
        let mut found = PredicateRows::default();
        let Some(code) = self.code(TermRef::from(predicate.as_ref()))? else { return Ok(found) };
        for layer in &self.layers {
            if let Some(number) = layer.segment.predicate(code) {
                let predicate = layer.segment.predicates[usize::from(number)];
                found.rows += u64::from(predicate.rows);
                found.subjects += u64::from(predicate.subjects);
                found.objects += layer.segment.objects_of(number)?.len() as u64;
            }
        }
        Ok(found)
    }

    /// Rows, and about how many different subjects, properties and objects there are: those that several segments have count in each.
    #[must_use]
    pub fn sums(&self) -> (u64, u64, u64, u64) {
        let segments = || self.layers.iter().map(|layer| &layer.segment);
        let sum = |count: fn(&Segment) -> u32| segments().map(|segment| u64::from(count(segment))).sum();
        let predicates: FxHashSet<u32> =
            segments().flat_map(|segment| &segment.predicates).map(|predicate| predicate.code).collect();
        let (subjects, objects) = (sum(|segment| segment.subjects.keys.count()), sum(|segment| segment.objects.keys.count()));
        (self.rows(), subjects, predicates.len() as u64, objects)
    }

    /// The rows of each predicate that has any, those of masked graphs left out. Takes time for each masked graph, and each predicate.
    pub(super) fn live_rows(&self) -> Result<Vec<(Code, u64)>, IndexError> {
        let mut counts: FxHashMap<Code, u64> = FxHashMap::default();
        for layer in &self.layers {
            let segment = &layer.segment;
            let mut rows: Vec<u32> = segment.predicates.iter().map(|predicate| predicate.rows).collect();
            for graph in (0..segment.graphs).filter(|graph| layer.mask.has(*graph)) {
                subtract(segment, graph, &mut rows)?;
            }
            for (predicate, rows) in segment.predicates.iter().zip(rows).filter(|(_, rows)| *rows > 0) {
                *counts.entry(predicate.code).or_default() += u64::from(rows);
            }
        }
        Ok(counts.into_iter().collect())
    }

    /// All properties that a graph has, with their rows, the most frequent first.
    pub fn predicates(&self) -> Result<Vec<(Term, u64)>, IndexError> {
        let mut found = Found::default();
        for layer in &self.layers {
            let segment = &layer.segment;
            for (number, predicate) in (0_u16..).zip(&segment.predicates).filter(|(_, predicate)| predicate.rows > 0) {
                let objects = segment.objects_of(number)?.map(|place| segment.object_at(place));
                found.add(predicate.code, u64::from(predicate.rows), || has_live(layer, number, objects))?;
            }
        }
        found.terms(self)
    }

    /// The objects of a property that a graph has, with their rows, the most frequent first; blank nodes are left out. Looks at no
    /// more than `most` of them in each segment.
    pub fn objects(&self, predicate: &NamedNode, most: usize) -> Result<Vec<(Term, u64)>, IndexError> {
        let Some(property) = self.code(TermRef::from(predicate.as_ref()))? else { return Ok(Vec::new()) };
        let mut found = Found::default();
        for layer in &self.layers {
            let segment = &layer.segment;
            let Some(number) = segment.predicate(property) else { continue };
            for place in segment.objects_of(number)?.take(most) {
                let object = segment.object_at(place)?;
                if !is_blank(object) {
                    let rows = segment.narrow_ops(segment.objects.rows(&segment.file, object)?, number, None)?;
                    let count = u64::from(rows.end - rows.start.min(rows.end));
                    found.add(object, count, || has_live(layer, number, std::iter::once(Ok(object))))?;
                }
            }
        }
        found.terms(self)
    }
}

/// Takes the rows of a graph from those that each predicate has.
fn subtract(segment: &Segment, ordinal: u32, rows: &mut [u32]) -> Result<(), IndexError> {
    for subject in segment.subjects_in(segment.graph(ordinal)?)? {
        let all = segment.subjects.rows(&segment.file, subject)?;
        if all.is_empty() {
            continue;
        }
        let (graph, first) = (segment.graph_of(subject)?, all.start);
        for row in all {
            if segment.graph_at(graph, row - first)? != ordinal {
                continue;
            }
            let (number, _) = segment.spo(row)?;
            let count = rows.get_mut(usize::from(number)).filter(|count| **count > 0);
            *count.ok_or_else(|| segment.file.damaged("a predicate has more rows than it says"))? -= 1;
        }
    }
    Ok(())
}

/// Terms by their codes: their rows, and whether one of them counts.
#[derive(Default)]
struct Found(FxHashMap<Code, (u64, bool)>);

impl Found {
    fn add(&mut self, code: Code, rows: u64, is_live: impl FnOnce() -> Result<bool, IndexError>) -> Result<(), IndexError> {
        let (all, live) = self.0.entry(code).or_default();
        *all += rows;
        if !*live {
            *live = is_live()?;
        }
        Ok(())
    }

    /// The terms of which a row counts, with all their rows, the most frequent first.
    fn terms(self, index: &Index) -> Result<Vec<(Term, u64)>, IndexError> {
        let mut all = Vec::new();
        for (code, (rows, _)) in self.0.into_iter().filter(|(_, (_, live))| *live) {
            all.extend(index.term(code)?.map(|term| (term, rows)));
        }
        all.sort_by_cached_key(|(term, rows)| (std::cmp::Reverse(*rows), term.to_string()));
        Ok(all)
    }
}

/// How many masked rows are looked at before one behind them is taken to count: they may be millions.
const LOOKED_AT: usize = 10_000;

/// Whether a graph that counts has a row with a predicate and one of these objects.
fn has_live(layer: &Layer, predicate: u16, objects: impl Iterator<Item = Result<Code, IndexError>>) -> Result<bool, IndexError> {
    let (segment, mut looked) = (&layer.segment, 0);
    if layer.mask.count() == 0 {
        return Ok(true);
    }
    for object in objects {
        let object = object?;
        for row in segment.narrow_ops(segment.objects.rows(&segment.file, object)?, predicate, None)? {
            let (_, subject) = segment.ops(row)?;
            looked += 1;
            if !layer.mask.has(segment.graph_of_ops(row, object, predicate, subject)?) || looked > LOOKED_AT {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
