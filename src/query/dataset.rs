//! The dataset of a query: the published store, or any other dataset that the engine can read.

use oxigraph::model::{NamedNode, Term};
use oxigraph::sparql::{PreparedSparqlQuery, QueryEvaluationError, QueryExplanation, QueryResults};
use oxigraph::store::Store;

use super::plan::{Counts, PredicateCounts, SampledCounts, Totals};
use crate::index::{Index, PredicateRows, Reading};

/// A dataset that queries run on. The engine accepts any `QueryableDataset` (`on_queryable_dataset`), so a read-only index
/// can replace the store: the rest of this room does not depend on which it is.
pub trait Queryable {
    /// Begins to evaluate a query; its results are evaluated as they are read.
    fn execute(&self, query: PreparedSparqlQuery) -> Result<QueryResults<'_>, QueryEvaluationError>;

    /// Begins to evaluate a query, and counts what comes out of each of its parts, for who has read all its results.
    fn explain(&self, query: PreparedSparqlQuery) -> (Result<QueryResults<'_>, QueryEvaluationError>, QueryExplanation);

    /// The counts that the order of joins follows; without any, the engine decides.
    fn counts(&self) -> Option<Box<dyn Counts + '_>> {
        None
    }
}

/// The most rows of the store that are read for one count.
const SAMPLED: usize = 200;

impl Queryable for Store {
    fn execute(&self, query: PreparedSparqlQuery) -> Result<QueryResults<'_>, QueryEvaluationError> {
        query.on_store(self).execute()
    }

    fn explain(&self, query: PreparedSparqlQuery) -> (Result<QueryResults<'_>, QueryEvaluationError>, QueryExplanation) {
        query.on_store(self).compute_statistics().explain()
    }

    fn counts(&self) -> Option<Box<dyn Counts + '_>> {
        Some(Box::new(SampledCounts::new(self, SAMPLED)))
    }
}

impl Queryable for Index {
    fn execute(&self, query: PreparedSparqlQuery) -> Result<QueryResults<'_>, QueryEvaluationError> {
        query.on_queryable_dataset(Reading::new(self)).execute()
    }

    fn explain(&self, query: PreparedSparqlQuery) -> (Result<QueryResults<'_>, QueryEvaluationError>, QueryExplanation) {
        query.on_queryable_dataset(Reading::new(self)).compute_statistics().explain()
    }

    fn counts(&self) -> Option<Box<dyn Counts + '_>> {
        Some(Box::new(self))
    }
}

/// A segment that cannot be read counts nothing: the query itself will say so.
impl Counts for &Index {
    fn matching(&self, subject: Option<&Term>, predicate: Option<&NamedNode>, object: Option<&Term>) -> u64 {
        self.count(subject.map(Term::as_ref), predicate.map(NamedNode::as_ref), object.map(Term::as_ref)).unwrap_or_default()
    }

    fn predicate(&self, predicate: &NamedNode) -> PredicateCounts {
        let PredicateRows { rows, subjects, objects } = self.predicate_rows(predicate).unwrap_or_default();
        PredicateCounts { rows, subjects, objects }
    }

    fn totals(&self) -> Totals {
        let (rows, subjects, predicates, objects) = self.sums();
        Totals { rows, subjects, predicates, objects }
    }
}

#[cfg(test)]
mod tests {
    use oxigraph::model::{Dataset, Quad};

    use super::*;
    use crate::query::{Limits, Question, run_ordered};

    /// An index in memory, as one that is made for reading might be.
    impl Queryable for Dataset {
        fn execute(&self, query: PreparedSparqlQuery) -> Result<QueryResults<'_>, QueryEvaluationError> {
            query.on_queryable_dataset(self).execute()
        }

        fn explain(&self, query: PreparedSparqlQuery) -> (Result<QueryResults<'_>, QueryEvaluationError>, QueryExplanation) {
            query.on_queryable_dataset(self).compute_statistics().explain()
        }
    }

    fn answers(dataset: &impl Queryable, query: &str, counts: Option<&dyn Counts>) -> Vec<String> {
        let limits = Limits { timeout_s: 60, query_bytes: 1000 };
        let running = run_ordered(dataset, &Question::from(query.to_owned()), limits, counts, |_| {}).expect("a query");
        let QueryResults::Solutions(solutions) = running.results else { panic!("no solutions") };
        let mut answers: Vec<String> = solutions.map(|solution| format!("{:?}", solution.expect("evaluated"))).collect();
        answers.sort();
        answers
    }

    #[test]
    fn another_dataset_answers_as_the_store_does() {
        let name = |local: u32| NamedNode::new(format!("https://libris.kb.se/{local}")).expect("an IRI");
        let quads: Vec<Quad> = (0..60).map(|n| Quad::new(name(n % 7), name(n % 3), name(n % 11), name(n % 5))).collect();
        let (store, dataset) = (Store::new().expect("memory"), quads.iter().collect::<Dataset>());
        store.extend(quads).expect("memory");
        for (query, some) in [
            ("SELECT * { ?s ?p ?o }", true),
            ("SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g", true),
            ("SELECT * { <https://libris.kb.se/1> <https://libris.kb.se/0>/<https://libris.kb.se/1> ?o }", true),
            ("SELECT * FROM <https://libris.kb.se/2> { ?s ?p ?o }", true),
            ("SELECT * { ?s ?p 'nobody' }", false),
        ] {
            let due = answers(&store, query, None);
            assert_eq!(answers(&dataset, query, None), due, "{query}");
            assert_eq!(answers(&dataset, query, Some(&dataset)), due, "{query}, ordered");
            assert_eq!(answers(&store, query, Some(&SampledCounts::new(&store, 10))), due, "{query}, ordered by a sample");
            assert_eq!(!due.is_empty(), some, "{query}");
        }
    }
}
