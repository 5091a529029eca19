//! The dataset of a query: the published store, or any other dataset that the engine can read.

use oxigraph::sparql::{PreparedSparqlQuery, QueryEvaluationError, QueryResults};
use oxigraph::store::Store;

use crate::index::{Index, Reading};

/// A dataset that queries run on. The engine accepts any `QueryableDataset` (`on_queryable_dataset`), so a read-only index
/// can replace the store: the rest of this room does not depend on which it is.
pub trait Queryable {
    /// Begins to evaluate a query; its results are evaluated as they are read.
    fn execute(&self, query: PreparedSparqlQuery) -> Result<QueryResults<'_>, QueryEvaluationError>;
}

impl Queryable for Store {
    fn execute(&self, query: PreparedSparqlQuery) -> Result<QueryResults<'_>, QueryEvaluationError> {
        query.on_store(self).execute()
    }
}

impl Queryable for Index {
    fn execute(&self, query: PreparedSparqlQuery) -> Result<QueryResults<'_>, QueryEvaluationError> {
        query.on_queryable_dataset(Reading::new(self)).execute()
    }
}

#[cfg(test)]
mod tests {
    use oxigraph::model::{Dataset, NamedNode, Quad};

    use super::*;
    use crate::query::{Limits, Question, run};

    /// An index in memory, as one that is made for reading might be.
    impl Queryable for Dataset {
        fn execute(&self, query: PreparedSparqlQuery) -> Result<QueryResults<'_>, QueryEvaluationError> {
            query.on_queryable_dataset(self).execute()
        }
    }

    fn answers(dataset: &impl Queryable, query: &str) -> Vec<String> {
        let limits = Limits { timeout_s: 60, query_bytes: 1000 };
        let running = run(dataset, &Question::from(query.to_owned()), limits, |_| {}).expect("a query");
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
            let due = answers(&store, query);
            assert_eq!(answers(&dataset, query), due, "{query}");
            assert_eq!(!due.is_empty(), some, "{query}");
        }
    }
}
