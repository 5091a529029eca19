//! Runs a query within its limits: checks it, parses it, and cancels it when its time is up.

use std::io;
use std::sync::mpsc::{RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use json_event_parser::{JsonEvent, SliceJsonParser};
use oxigraph::model::{GraphName, NamedNode, NamedOrBlankNode};
use oxigraph::sparql::{
    CancellationToken, PreparedSparqlQuery, QueryEvaluationError, QueryExplanation, QueryResults, SparqlEvaluator,
};
use rustc_hash::FxHashMap;
use spargebra::SparqlParser;

use super::dataset::{Hints, Queryable};
use super::error::QueryError;
use super::plan::{Counts, Planned, Steps, names_graphs, plan};
use super::prefixes::PREFIXES;
use super::question::{Limits, Question};
use super::running::{Explained, Faults, Running};
use super::watched::watched;
use super::{depth, federation, mistake};

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
    let counts = dataset.counts();
    run_ordered(dataset, question, limits, counts.as_deref(), overdue)
}

/// Runs a query as [`run`] does, with its joins ordered by `counts`, if there are any.
pub fn run_ordered<'a>(
    dataset: &'a impl Queryable,
    question: &Question,
    limits: Limits,
    counts: Option<&dyn Counts>,
    overdue: impl FnOnce(QueryError) + Send + 'static,
) -> Result<Running<'a>, QueryError> {
    let limits = Limits { fuse: limits.fuse && dataset.answers_runs(), ..limits };
    let Prepared { query, faults, clock, hints, .. } = prepare(question, limits, counts, overdue)?;
    let evaluated = dataset.execute(query, &hints).map_err(|error| faults.explain(error))?;
    let results = watched(evaluated, hints.token).map_err(|error| faults.explain(error))?;
    Ok(Running { results, faults, _clock: clock })
}

/// Runs a query for what it does: its steps in their order, with the solutions that were expected and that came. Each step is
/// evaluated by itself.
pub fn explain(
    dataset: &impl Queryable,
    question: &Question,
    limits: Limits,
    overdue: impl FnOnce(QueryError) + Send + 'static,
) -> Result<Explained, QueryError> {
    let counts = dataset.counts();
    let limits = Limits { fuse: false, ..limits };
    let Prepared { query, faults, mut steps, clock, hints } = prepare(question, limits, counts.as_deref(), overdue)?;
    let begun = Instant::now();
    let (evaluated, explanation) = dataset.explain(query);
    let failed = |error| faults.explain(error);
    let count = match evaluated.and_then(|evaluated| watched(evaluated, hints.token)).map_err(failed)? {
        QueryResults::Solutions(solutions) => {
            solutions.map(|solution| solution.map_err(failed).map(|_| 1)).sum::<Result<u64, _>>()?
        }
        QueryResults::Graph(triples) => triples.map(|triple| triple.map_err(failed).map(|_| 1)).sum::<Result<u64, _>>()?,
        QueryResults::Boolean(_) => 1,
    };
    drop(clock);
    steps.note(&came(&explanation));
    Ok(Explained { steps, results: count, seconds: begun.elapsed().as_secs_f64() })
}

/// What came out of each node of the engine's plan, by its name; nodes of the same name together. The plan is read as a stream: a
/// chain of joins is as deep as it is long.
fn came(explanation: &QueryExplanation) -> FxHashMap<String, u64> {
    let (mut json, mut found) = (Vec::new(), FxHashMap::default());
    if explanation.write_in_json(&mut json).is_err() {
        return found;
    }
    let (mut events, mut key, mut name) = (SliceJsonParser::new(&json), String::new(), String::new());
    loop {
        match events.parse_next() {
            Ok(JsonEvent::ObjectKey(next)) => key = next.into_owned(),
            Ok(JsonEvent::String(text)) if key == "name" => name = text.into_owned(),
            Ok(JsonEvent::Number(number)) if key == "number of results" => {
                *found.entry(std::mem::take(&mut name)).or_default() += number.parse().unwrap_or(0);
            }
            Ok(JsonEvent::Eof) | Err(_) => return found,
            Ok(_) => {}
        }
    }
}

/// A query that can be run.
struct Prepared {
    query: PreparedSparqlQuery,
    faults: Faults,
    steps: Steps,
    clock: Sender<()>,
    hints: Hints,
}

fn prepare(
    question: &Question,
    limits: Limits,
    counts: Option<&dyn Counts>,
    overdue: impl FnOnce(QueryError) + Send + 'static,
) -> Result<Prepared, QueryError> {
    let text = text_of(question, limits)?;
    let token = CancellationToken::new();
    let clock = start_clock(token.clone(), limits.timeout_s, overdue);
    let query = parse(text, question.base.as_deref())?;
    federation::check(&query, text, &question.services)?;
    let Question { default_graphs, named_graphs, .. } = question;
    let is_union = default_graphs.is_empty() && named_graphs.is_empty() && query.dataset().is_none();
    let without_graphs = is_union && !names_graphs(&query);
    let planned = match counts {
        Some(counts) => plan(query, counts),
        None => Planned { query, steps: Steps::default() },
    };
    let (Planned { query, steps }, runs) =
        if limits.fuse && is_union && counts.is_some() { planned.fused() } else { (planned, Vec::new()) };
    let hints = Hints { runs, without_graphs, token: token.clone() };
    let services = federation::Services::new(question.services.clone(), Duration::from_secs(limits.timeout_s));
    let evaluator = SparqlEvaluator::new().with_default_service_handler(services).with_cancellation_token(token);
    let mut prepared = evaluator.for_query(query);
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
    Ok(Prepared { query: prepared, faults, steps, clock, hints })
}

/// The text of a question, within the limits on its length and depth.
pub(super) fn text_of(question: &Question, limits: Limits) -> Result<&str, QueryError> {
    // Some editors begin a file with a byte order mark.
    let text = question.text.trim_start_matches('\u{feff}');
    if text.len() > limits.query_bytes {
        return Err(QueryError::TooLong { length: text.len(), limit: limits.query_bytes });
    }
    depth::check(text)?;
    Ok(text)
}

pub(super) fn parse(text: &str, base: Option<&str>) -> Result<spargebra::Query, QueryError> {
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
    parser.parse_query(text).map_err(|error| mistake::find(text, base.is_some(), &error.to_string()).into())
}

/// Cancels a query when its time is up.
pub(super) fn start_clock(
    token: CancellationToken,
    timeout_s: u64,
    overdue: impl FnOnce(QueryError) + Send + 'static,
) -> Sender<()> {
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
