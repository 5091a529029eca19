//! SPARQL 1.1 Query over a store: KB's prefixes predefined, the union of all graphs as the default graph, limits, and
//! network access only to hosts that the user listed (`SERVICE`).
//!
//! A server runs queries in processes of their own ([`worker`]), because the engine can neither be stopped within a join
//! in memory, nor limited in its use of memory and stack.

mod dataset;
mod depth;
mod federation;
mod graph_writer;
mod mistake;
mod prefixes;
mod results;
mod wire;
pub mod worker;

use std::io;
use std::sync::mpsc::{RecvTimeoutError, Sender};
use std::time::Duration;

use oxigraph::model::{GraphName, NamedNode, NamedOrBlankNode};
use oxigraph::sparql::{CancellationToken, QueryEvaluationError, QueryResults, SparqlEvaluator};
use serde::{Deserialize, Serialize};
use spargebra::SparqlParser;

pub use dataset::Queryable;
pub(crate) use graph_writer::with_prefixes;
pub use graph_writer::{GraphFormat, GraphWriter};
pub use mistake::Mistake;
pub use prefixes::{PREFIXES, compact};
pub use results::{Bounds, Output, ResultsError, SolutionFormat, Written, write};
pub use wire::{Ended, Frame, HEAD, Head, Refusal, RefusalKind, Task, read_head};

/// Why a query has no results.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The query has a mistake.
    #[error("{0}")]
    Mistake(#[from] Mistake),
    /// The query asks a service that it may not ask.
    #[error("{}", federation::ServiceError::Host(.0.clone()))]
    Service(String),
    /// The name of a graph of its dataset is not an IRI.
    #[error("{0:?} is not an IRI, so it cannot name a graph")]
    Graph(String),
    /// The query is too long.
    #[error("the query has {length} bytes, over the limit of {limit} (`query_bytes`)")]
    TooLong {
        /// Its length.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// The query took too long.
    #[error("the query was ended after {0} s\nhint: make it narrower, or give it more time with --timeout")]
    Timeout(u64),
    /// The evaluation failed.
    #[error("the query failed: {0}")]
    Evaluation(QueryEvaluationError),
}

/// A running query. Dropping it stops its timer.
pub struct Running<'a> {
    /// Its results, which are evaluated as they are read.
    pub results: QueryResults<'a>,
    /// The meaning of an error while they are read.
    pub faults: Faults,
    _clock: std::sync::mpsc::Sender<()>,
}

impl Running<'_> {
    /// Returns the form of the results, before any is read.
    #[must_use]
    pub fn form(&self) -> Written {
        match self.results {
            QueryResults::Solutions(_) => Written::Solutions(0),
            QueryResults::Boolean(value) => Written::Boolean(value),
            QueryResults::Graph(_) => Written::Triples(0),
        }
    }
}

/// Translates errors of the engine.
#[derive(Debug, Clone)]
pub struct Faults {
    text: String,
    limit: u64,
}

impl Faults {
    /// Returns the meaning of an error of the engine.
    #[must_use]
    pub fn explain(&self, error: QueryEvaluationError) -> QueryError {
        match error {
            QueryEvaluationError::Cancelled => QueryError::Timeout(self.limit),
            QueryEvaluationError::UnsupportedCustomFunction(name) => mistake::function(&self.text, name.as_str(), None).into(),
            QueryEvaluationError::UnsupportedCustomFunctionArity { name, actual, .. } => {
                mistake::function(&self.text, name.as_str(), Some(actual)).into()
            }
            error => QueryError::Evaluation(error),
        }
    }
}

/// A query with its dataset.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Question {
    /// The query.
    pub text: String,
    /// The graphs of its default graph, by IRI. With `named_graphs`, this is the dataset that a request may name in the SPARQL
    /// 1.1 Protocol (2.1.4). If both are empty, the query decides, or the union of all graphs is used.
    pub default_graphs: Vec<String>,
    /// The named graphs of its dataset, by IRI.
    pub named_graphs: Vec<String>,
    /// The hosts that `SERVICE` may ask; usually none.
    pub services: Vec<String>,
    /// The base of its relative IRIs.
    pub base: Option<String>,
}

impl From<String> for Question {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

/// The limits of a query.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Limits {
    /// Its time limit in seconds.
    pub timeout_s: u64,
    /// The limit on its text, in bytes.
    pub query_bytes: usize,
}

/// The time that a cancelled query has to notice it. The engine checks between quads that it reads, but not between the rows
/// of a join in memory.
const GRACE: Duration = Duration::from_secs(1);

/// Runs a query. If it names no dataset (`FROM`), the union of all graphs is its default graph.
///
/// `overdue` is called on another thread if the query continues long after its time limit, as a large join can, or parsing
/// or planning. Deeply nested queries need the stack of [`with_stack`].
pub fn run<'a>(
    dataset: &'a impl Queryable,
    question: &Question,
    limits: Limits,
    overdue: impl FnOnce(QueryError) + Send + 'static,
) -> Result<Running<'a>, QueryError> {
    // Some editors begin a file with a byte order mark.
    let text = question.text.trim_start_matches('\u{feff}');
    if text.len() > limits.query_bytes {
        return Err(QueryError::TooLong { length: text.len(), limit: limits.query_bytes });
    }
    depth::check(text)?;
    let token = CancellationToken::new();
    let clock = start_clock(token.clone(), limits.timeout_s, overdue);
    let query = parse(text, question.base.as_deref())?;
    federation::check(&query, text, &question.services)?;
    let services = federation::Services::new(question.services.clone(), Duration::from_secs(limits.timeout_s));
    let evaluator = SparqlEvaluator::new().with_default_service_handler(services).with_cancellation_token(token);
    let mut prepared = evaluator.for_query(query);
    let Question { default_graphs, named_graphs, .. } = question;
    if !default_graphs.is_empty() || !named_graphs.is_empty() {
        let named = |iri: &String| NamedNode::new(iri).map_err(|_| QueryError::Graph(iri.clone()));
        let default = default_graphs.iter().map(|iri| named(iri).map(GraphName::from)).collect::<Result<_, _>>()?;
        let others = named_graphs.iter().map(|iri| named(iri).map(NamedOrBlankNode::from)).collect::<Result<_, _>>()?;
        prepared.dataset_mut().set_default_graph(default);
        prepared.dataset_mut().set_available_named_graphs(others);
    } else if prepared.dataset().is_default_dataset() {
        prepared.dataset_mut().set_default_graph_as_union();
    }
    let faults = Faults { text: text.to_owned(), limit: limits.timeout_s };
    let results = dataset.execute(prepared).map_err(|error| faults.explain(error))?;
    Ok(Running { results, faults, _clock: clock })
}

fn parse(text: &str, base: Option<&str>) -> Result<spargebra::Query, QueryError> {
    let mut parser = SparqlParser::new();
    for (prefix, iri) in PREFIXES {
        // The table has only valid IRIs; a test checks it.
        parser = parser
            .with_prefix(prefix, iri)
            .map_err(|error| QueryError::Evaluation(QueryEvaluationError::Unexpected(Box::new(error))))?;
    }
    if let Some(base) = base {
        parser = parser.with_base_iri(base).map_err(|_| QueryError::Graph(base.to_owned()))?;
    }
    // The engine accepts an aggregate within a pattern, against the grammar, and then finds nothing.
    mistake::aggregates_of_groups(text)?;
    parser.parse_query(text).map_err(|error| Mistake::find(text, base.is_some(), &error.to_string()).into())
}

/// Cancels a query when its time is up.
fn start_clock(token: CancellationToken, timeout_s: u64, overdue: impl FnOnce(QueryError) + Send + 'static) -> Sender<()> {
    let (clock, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        if ended.recv_timeout(Duration::from_secs(timeout_s)) == Err(RecvTimeoutError::Timeout) {
            token.cancel();
            if ended.recv_timeout(GRACE) == Err(RecvTimeoutError::Timeout) {
                overdue(QueryError::Timeout(timeout_s));
            }
        }
    });
    clock
}

/// Runs `work` on a thread whose stack is large enough for all queries within the limits.
pub fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("query".to_owned()).stack_size(depth::STACK).spawn_scoped(scope, work)?;
        thread.join().or_else(|panic| std::panic::resume_unwind(panic))
    })
}
