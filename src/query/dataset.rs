//! The dataset of a query: the published store, or any other dataset that the engine can read.

use oxigraph::model::{NamedNode, Term};
use oxigraph::sparql::{CancellationToken, PreparedSparqlQuery, QueryEvaluationError, QueryExplanation, QueryResults};
use oxigraph::store::Store;

use super::plan::{Counts, PredicateCounts, SampledCounts, Totals};
use crate::index::{Index, PredicateRows, Reading, ReadingError, Run};

/// A dataset that queries run on. The engine accepts any `QueryableDataset` (`on_queryable_dataset`), so a read-only index
/// can replace the store: the rest of this room does not depend on which it is.
pub trait Queryable {
    /// Begins to evaluate a query; its results are evaluated as they are read.
    fn execute(&self, query: PreparedSparqlQuery, hints: &Hints) -> Result<Evaluated<'_>, QueryEvaluationError>;

    /// Begins to evaluate a query, and counts what comes out of each of its parts, for who has read all its results.
    fn explain(&self, query: PreparedSparqlQuery) -> (Result<Evaluated<'_>, QueryEvaluationError>, QueryExplanation);

    /// Whether it answers runs of look-ups ([`Hints::runs`]).
    fn answers_runs(&self) -> bool {
        false
    }

    /// The counts that the order of joins follows; without any, the engine decides.
    fn counts(&self) -> Option<Box<dyn Counts + '_>> {
        None
    }
}

/// What a dataset may know of a query to answer it faster.
#[derive(Default)]
pub struct Hints {
    /// The runs that it has, for a dataset that answers them.
    pub runs: Vec<Run>,
    /// Whether the name of no graph is asked for.
    pub without_graphs: bool,
    /// Cancelled when the query is.
    pub token: CancellationToken,
}

/// Results that are evaluated as they are read.
pub struct Evaluated<'a> {
    /// The results.
    pub results: QueryResults<'a>,
    /// The first fault of the dataset while it was read so far, also one that the engine dropped.
    pub fault: Box<dyn Fn() -> Option<QueryEvaluationError> + 'a>,
}

impl<'a> From<QueryResults<'a>> for Evaluated<'a> {
    /// Results of a dataset whose faults are only those that the engine tells.
    fn from(results: QueryResults<'a>) -> Self {
        Self { results, fault: Box::new(|| None) }
    }
}

/// The most rows of the store that are read for one count.
const SAMPLED: usize = 200;

impl Queryable for Store {
    fn execute(&self, query: PreparedSparqlQuery, _: &Hints) -> Result<Evaluated<'_>, QueryEvaluationError> {
        query.on_store(self).execute().map(Evaluated::from)
    }

    fn explain(&self, query: PreparedSparqlQuery) -> (Result<Evaluated<'_>, QueryEvaluationError>, QueryExplanation) {
        let (results, explanation) = query.on_store(self).compute_statistics().explain();
        (results.map(Evaluated::from), explanation)
    }

    fn counts(&self) -> Option<Box<dyn Counts + '_>> {
        Some(Box::new(SampledCounts::new(self, SAMPLED)))
    }
}

impl Queryable for Index {
    fn execute(&self, query: PreparedSparqlQuery, hints: &Hints) -> Result<Evaluated<'_>, QueryEvaluationError> {
        let reading = Reading::new(self);
        let reading = if hints.without_graphs { reading.without_graphs() } else { reading };
        let reading = reading.with_runs(&hints.runs, hints.token.clone()).map_err(dataset_error)?;
        let fault = reading.fault();
        let results = query.on_queryable_dataset(reading).execute()?;
        Ok(Evaluated { results, fault: Box::new(move || fault.first().map(dataset_error)) })
    }

    fn explain(&self, query: PreparedSparqlQuery) -> (Result<Evaluated<'_>, QueryEvaluationError>, QueryExplanation) {
        let reading = Reading::new(self);
        let fault = reading.fault();
        let (results, explanation) = query.on_queryable_dataset(reading).compute_statistics().explain();
        let fault = Box::new(move || fault.first().map(dataset_error));
        (results.map(|results| Evaluated { results, fault }), explanation)
    }

    fn answers_runs(&self) -> bool {
        true
    }

    fn counts(&self) -> Option<Box<dyn Counts + '_>> {
        Some(Box::new(self))
    }
}

fn dataset_error(error: ReadingError) -> QueryEvaluationError {
    QueryEvaluationError::Dataset(Box::new(error))
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
    use crate::query::{Limits, QueryError, Question, run_ordered};

    /// An index in memory, as one that is made for reading might be.
    impl Queryable for Dataset {
        fn execute(&self, query: PreparedSparqlQuery, _: &Hints) -> Result<Evaluated<'_>, QueryEvaluationError> {
            query.on_queryable_dataset(self).execute().map(Evaluated::from)
        }

        fn explain(&self, query: PreparedSparqlQuery) -> (Result<Evaluated<'_>, QueryEvaluationError>, QueryExplanation) {
            let (results, explanation) = query.on_queryable_dataset(self).compute_statistics().explain();
            (results.map(Evaluated::from), explanation)
        }
    }

    fn answers(dataset: &impl Queryable, query: &str, counts: Option<&dyn Counts>) -> Vec<String> {
        let limits = Limits { timeout_s: 60, query_bytes: 1000, fuse: true };
        let running = run_ordered(dataset, &Question::from(query.to_owned()), limits, counts, |_| {}).expect("a query");
        let QueryResults::Solutions(solutions) = running.results else { panic!("no solutions") };
        let mut answers: Vec<String> = solutions.map(|solution| format!("{:?}", solution.expect("evaluated"))).collect();
        answers.sort();
        answers
    }

    /// The engine takes a query that is cancelled within an expression for one whose expression failed.
    #[test]
    fn a_query_whose_time_is_up_has_no_answer() {
        let name = |local: u32| NamedNode::new_unchecked(format!("https://libris.kb.se/{local}"));
        let dataset: Dataset = (0..3000).map(|n| Quad::new(name(n), name(0), name(n), name(1))).collect();
        for query in [
            "ASK { FILTER NOT EXISTS { ?a ?p ?b . ?c ?q ?d FILTER(STR(?a) = CONCAT(STR(?d), 'x')) } }",
            "SELECT * { VALUES ?x { <urn:a> } MINUS { ?a ?p ?b . ?c ?q ?d FILTER(STR(?a) = CONCAT(STR(?d), 'x')) BIND(<urn:a> AS ?x) } }",
            "CONSTRUCT { ?x ?x ?x } { VALUES ?x { <urn:a> } FILTER NOT EXISTS { ?a ?p ?b . ?c ?q ?d FILTER(STR(?a) = CONCAT(STR(?d), 'x')) } }",
        ] {
            let limits = Limits { timeout_s: 0, query_bytes: 1000, fuse: true };
            let running = run_ordered(&dataset, &Question::from(query.to_owned()), limits, Some(&dataset), |_| {});
            let failed = match running {
                Err(error) => Some(error),
                Ok(running) => match running.results {
                    QueryResults::Solutions(mut rows) => rows.find_map(Result::err).map(|error| running.faults.explain(error)),
                    QueryResults::Graph(mut rows) => rows.find_map(Result::err).map(|error| running.faults.explain(error)),
                    QueryResults::Boolean(_) => None,
                },
            };
            assert!(matches!(failed, Some(QueryError::Timeout(0))), "{query}: {failed:?}");
        }
    }

    /// What gives another value each time is asked as often as the query says.
    #[test]
    fn new_values_are_made_once_for_each_solution_that_they_are_made_for() {
        let name = |local: u32| NamedNode::new_unchecked(format!("https://libris.kb.se/{local}"));
        let dataset: Dataset = (0..20).map(|n| Quad::new(name(n), name(0), name(n), name(1))).collect();
        for made in ["UUID()", "STRUUID()", "RAND()", "BNODE()", "COALESCE(1/0, UUID())"] {
            let query = format!("SELECT (COUNT(DISTINCT ?u) AS ?n) (COUNT(*) AS ?all) {{ BIND({made} AS ?u) ?s ?p ?o }}");
            let due = answers(&dataset, &query, None);
            assert_eq!(answers(&dataset, &query, Some(&dataset)), due, "{query}");
            let query = format!("SELECT (COUNT(DISTINCT ?u) AS ?n) {{ ?s ?p ?o {{ BIND({made} AS ?u) }} }}");
            assert_eq!(answers(&dataset, &query, Some(&dataset)), answers(&dataset, &query, None), "{query}");
        }
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
