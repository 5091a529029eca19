//! What a planner asks a dataset: how many triples match. Every answer must be cheap, because a plan asks dozens of them.

use std::cell::RefCell;

use oxigraph::model::{NamedNode, Term};
use rustc_hash::FxHashMap;

/// The counts of one predicate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PredicateCounts {
    /// Triples with it.
    pub rows: u64,
    /// Distinct subjects of these.
    pub subjects: u64,
    /// Distinct objects of these.
    pub objects: u64,
}

/// The counts of a whole dataset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Triples.
    pub rows: u64,
    /// Distinct subjects.
    pub subjects: u64,
    /// Distinct predicates.
    pub predicates: u64,
    /// Distinct objects.
    pub objects: u64,
}

/// A dataset that can count. Graphs are not told apart, and a count may be capped or an estimate: it changes the order of a
/// plan, never its results.
pub trait Counts {
    /// Returns how many triples match. A place that is `None` matches anything.
    fn matching(&self, subject: Option<&Term>, predicate: Option<&NamedNode>, object: Option<&Term>) -> u64;

    /// Returns the counts of a predicate.
    fn predicate(&self, predicate: &NamedNode) -> PredicateCounts;

    /// Returns the counts of the whole dataset.
    fn totals(&self) -> Totals;
}

type Key = (Option<Term>, Option<NamedNode>, Option<Term>);

/// Remembers the answers, because one plan asks the same thing at every step.
pub(super) struct Remembered<'a> {
    counts: &'a dyn Counts,
    totals: Totals,
    matching: RefCell<FxHashMap<Key, u64>>,
    predicates: RefCell<FxHashMap<NamedNode, PredicateCounts>>,
}

impl<'a> Remembered<'a> {
    pub(super) fn new(counts: &'a dyn Counts) -> Self {
        Self { counts, totals: counts.totals(), matching: RefCell::default(), predicates: RefCell::default() }
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    pub(super) fn matching(&self, subject: Option<&Term>, predicate: Option<&NamedNode>, object: Option<&Term>) -> u64 {
        let key = (subject.cloned(), predicate.cloned(), object.cloned());
        *self.matching.borrow_mut().entry(key).or_insert_with(|| self.counts.matching(subject, predicate, object))
    }

    pub(super) fn predicate(&self, predicate: &NamedNode) -> PredicateCounts {
        *self.predicates.borrow_mut().entry(predicate.clone()).or_insert_with(|| self.counts.predicate(predicate))
    }
}
