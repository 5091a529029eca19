//! SPARQL 1.1 Query over a store: KB's prefixes predefined, the union of all graphs as the default graph, limits,
//! and no way out to the network but to hosts that the user listed (`SERVICE`).
//!
//! A server runs queries in processes of their own ([`worker`]), since the engine can neither be stopped within a join
//! in memory, nor kept from using up memory or stack.

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
    /// It has a mistake.
    #[error("{0}")]
    Mistake(#[from] Mistake),
    /// It asks a service that it may not ask.
    #[error("{}", federation::ServiceError::Host(.0.clone()))]
    Service(String),
    /// A graph of its dataset is named by no IRI.
    #[error("{0:?} is not an IRI, and names no graph")]
    Graph(String),
    /// It is too long.
    #[error("the query has {length} bytes, over the limit of {limit} (`query_bytes`)")]
    TooLong {
        /// Its length.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// It took too long.
    #[error("the query was ended after {0} s\nhint: make it narrower, or give it more time with --timeout")]
    Timeout(u64),
    /// It failed.
    #[error("the query failed: {0}")]
    Evaluation(QueryEvaluationError),
}

/// A query that is running. Dropping it ends its clock.
pub struct Running<'a> {
    /// Its results, which come as they are read.
    pub results: QueryResults<'a>,
    /// What a fault while reading them means.
    pub faults: Faults,
    _clock: std::sync::mpsc::Sender<()>,
}

impl Running<'_> {
    /// The form of the results, none of which were read yet.
    #[must_use]
    pub fn form(&self) -> Written {
        match self.results {
            QueryResults::Solutions(_) => Written::Solutions(0),
            QueryResults::Boolean(value) => Written::Boolean(value),
            QueryResults::Graph(_) => Written::Triples(0),
        }
    }
}

/// Says what went wrong with a query.
#[derive(Debug, Clone)]
pub struct Faults {
    text: String,
    limit: u64,
}

impl Faults {
    /// What a fault of the engine means.
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

/// What is asked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Question {
    /// The query.
    pub text: String,
    /// The graphs that make up its default graph, by IRI: with `named_graphs`, the dataset that the SPARQL 1.1 Protocol
    /// (2.1.4) lets a request name. Both empty: what the query says, or the union of all.
    pub default_graphs: Vec<String>,
    /// The named graphs of its dataset, by IRI.
    pub named_graphs: Vec<String>,
    /// The hosts that `SERVICE` may ask; none, as a rule.
    pub services: Vec<String>,
    /// What its relative IRIs are resolved against.
    pub base: Option<String>,
}

impl From<String> for Question {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

/// Limits of one query.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Limits {
    /// Seconds until it is ended.
    pub timeout_s: u64,
    /// The longest text.
    pub query_bytes: usize,
}

/// How long a cancelled query may take to notice. The engine looks between quads that it reads, not between the
/// rows of a join that it holds in memory.
const GRACE: Duration = Duration::from_secs(1);

/// Runs a query. Where it names no dataset (`FROM`), the union of all graphs is its default graph.
///
/// `overdue` is called on another thread if the query goes on long after its time, which a large join can do, and
/// parsing or planning. Deep queries need the stack of [`with_stack`].
pub fn run<'a>(
    dataset: &'a impl Queryable,
    question: &Question,
    limits: Limits,
    overdue: impl FnOnce(QueryError) + Send + 'static,
) -> Result<Running<'a>, QueryError> {
    // Some editors begin a file with a mark of its encoding.
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
        // The table holds valid IRIs, as its test shows.
        parser = parser
            .with_prefix(prefix, iri)
            .map_err(|error| QueryError::Evaluation(QueryEvaluationError::Unexpected(Box::new(error))))?;
    }
    if let Some(base) = base {
        parser = parser.with_base_iri(base).map_err(|_| QueryError::Graph(base.to_owned()))?;
    }
    // The engine takes an aggregate within a pattern, where the grammar has none, and finds nothing.
    mistake::aggregates_of_groups(text)?;
    parser.parse_query(text).map_err(|error| Mistake::find(text, base.is_some(), &error.to_string()).into())
}

/// Ends a query when its time is up.
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

/// Does something on a thread whose stack is large enough for all queries within the limits.
pub fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("query".to_owned()).stack_size(depth::STACK).spawn_scoped(scope, work)?;
        thread.join().or_else(|panic| std::panic::resume_unwind(panic))
    })
}
