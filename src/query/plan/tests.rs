//! Tests of the planner.

use std::collections::BTreeSet;

use oxigraph::model::{Dataset, NamedNode, NamedNodeRef, Term, TermRef};

use super::*;

/// Counts by reading everything.
impl Counts for Dataset {
    fn matching(&self, subject: Option<&Term>, predicate: Option<&NamedNode>, object: Option<&Term>) -> u64 {
        let fits = |wanted: Option<&Term>, found: TermRef<'_>| wanted.is_none_or(|wanted| wanted.as_ref() == found);
        let matches = self.iter().filter(|quad| {
            fits(subject, quad.subject.into())
                && predicate.is_none_or(|predicate| predicate.as_ref() == quad.predicate)
                && fits(object, quad.object)
        });
        matches.count() as u64
    }

    fn predicate(&self, predicate: &NamedNode) -> PredicateCounts {
        let quads: Vec<_> = self.quads_for_predicate(NamedNodeRef::from(predicate)).collect();
        PredicateCounts {
            rows: quads.len() as u64,
            subjects: quads.iter().map(|quad| quad.subject).collect::<std::collections::HashSet<_>>().len() as u64,
            objects: quads.iter().map(|quad| quad.object).collect::<std::collections::HashSet<_>>().len() as u64,
        }
    }

    fn totals(&self) -> Totals {
        let count = |key: fn(oxigraph::model::QuadRef<'_>) -> String| self.iter().map(key).collect::<BTreeSet<_>>().len() as u64;
        Totals {
            rows: self.len() as u64,
            subjects: count(|quad| quad.subject.to_string()),
            predicates: count(|quad| quad.predicate.to_string()),
            objects: count(|quad| quad.object.to_string()),
        }
    }
}

mod constructs;
mod fused;
mod random;
mod same;
