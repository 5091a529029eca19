//! The counts of a store that keeps none: rows are read up to a limit, so a count says "at least as many" when it is the limit.

use oxigraph::model::{NamedNode, NamedNodeRef, NamedOrBlankNode, Quad, Term, TermRef};
use oxigraph::store::Store;
use rustc_hash::FxHashSet;

use super::counts::{Counts, PredicateCounts, Totals};

/// Counts by reading the first rows of an index.
pub struct SampledCounts<'a> {
    store: &'a Store,
    limit: usize,
}

impl<'a> SampledCounts<'a> {
    /// Reads at most `limit` rows for each count. A plan needs some ten counts, and a row takes a few microseconds.
    #[must_use]
    pub fn new(store: &'a Store, limit: usize) -> Self {
        Self { store, limit }
    }

    fn rows(&self, subject: Option<&Term>, predicate: Option<&NamedNode>, object: Option<&Term>) -> impl Iterator<Item = Quad> {
        let (known, fits) = match subject {
            None => (None, true),
            Some(Term::NamedNode(node)) => (Some(NamedOrBlankNode::from(node.clone())), true),
            Some(Term::BlankNode(node)) => (Some(node.clone().into()), true),
            Some(_) => (None, false),
        };
        let limit = if fits { self.limit } else { 0 };
        self.store
            .quads_for_pattern(
                known.as_ref().map(NamedOrBlankNode::as_ref),
                predicate.map(NamedNodeRef::from),
                object.map(TermRef::from),
                None,
            )
            // An index that cannot be read fails the query itself, which says why.
            .map_while(Result::ok)
            .take(limit)
    }
}

fn distinct<T: std::hash::Hash + Eq>(values: impl Iterator<Item = T>) -> u64 {
    values.collect::<FxHashSet<T>>().len() as u64
}

impl Counts for SampledCounts<'_> {
    fn matching(&self, subject: Option<&Term>, predicate: Option<&NamedNode>, object: Option<&Term>) -> u64 {
        self.rows(subject, predicate, object).count() as u64
    }

    fn predicate(&self, predicate: &NamedNode) -> PredicateCounts {
        let rows: Vec<Quad> = self.rows(None, Some(predicate), None).collect();
        PredicateCounts {
            rows: rows.len() as u64,
            subjects: distinct(rows.iter().map(|row| &row.subject)),
            objects: distinct(rows.iter().map(|row| &row.object)),
        }
    }

    fn totals(&self) -> Totals {
        let rows: Vec<Quad> = self.rows(None, None, None).collect();
        Totals {
            rows: rows.len() as u64,
            subjects: distinct(rows.iter().map(|row| &row.subject)),
            predicates: distinct(rows.iter().map(|row| &row.predicate)),
            objects: distinct(rows.iter().map(|row| &row.object)),
        }
    }
}
