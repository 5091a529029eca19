//! How many rows match, for the order in which a query is answered. Rows of masked graphs are counted too.

use oxigraph::model::{NamedNode, NamedNodeRef, Term, TermRef};
use rustc_hash::{FxHashMap, FxHashSet};

use super::code::{Code, is_blank};
use super::error::IndexError;
use super::packed::Index;
use super::scan::{Pattern, Scan};
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

    /// All properties that a graph has, with their rows, the most frequent first.
    pub fn predicates(&self) -> Result<Vec<(Term, u64)>, IndexError> {
        let mut counts: FxHashMap<Code, u64> = FxHashMap::default();
        for predicate in self.layers.iter().flat_map(|layer| &layer.segment.predicates) {
            *counts.entry(predicate.code).or_default() += u64::from(predicate.rows);
        }
        self.counted(counts, |code| Pattern { predicate: Some(code), ..Pattern::default() })
    }

    /// The objects of a property that a graph has, with their rows, the most frequent first; blank nodes are left out. Looks at no
    /// more than `most` of them in each segment.
    pub fn objects(&self, predicate: &NamedNode, most: usize) -> Result<Vec<(Term, u64)>, IndexError> {
        let Some(property) = self.code(TermRef::from(predicate.as_ref()))? else { return Ok(Vec::new()) };
        let mut counts: FxHashMap<Code, u64> = FxHashMap::default();
        for segment in self.layers.iter().map(|layer| &layer.segment) {
            let Some(number) = segment.predicate(property) else { continue };
            for place in segment.objects_of(number)?.take(most) {
                let object = segment.object_at(place)?;
                if is_blank(object) {
                    continue;
                }
                let rows = segment.narrow_ops(segment.objects.rows(&segment.file, object)?, number, None)?;
                *counts.entry(object).or_default() += u64::from(rows.end - rows.start.min(rows.end));
            }
        }
        self.counted(counts, |code| Pattern { predicate: Some(property), object: Some(code), ..Pattern::default() })
    }

    /// The terms of codes with their rows, the most frequent first, without those whose rows are all of masked graphs.
    fn counted(&self, counts: FxHashMap<Code, u64>, pattern: impl Fn(Code) -> Pattern) -> Result<Vec<(Term, u64)>, IndexError> {
        let mut all = Vec::new();
        for (code, rows) in counts {
            if Scan::new(self, pattern(code))?.next().transpose()?.is_some() {
                all.extend(self.term(code)?.map(|term| (term, rows)));
            }
        }
        all.sort_by_cached_key(|(term, rows)| (std::cmp::Reverse(*rows), term.to_string()));
        Ok(all)
    }
}
