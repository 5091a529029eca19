//! Queries that another SPARQL server answers, which holds what the mirror holds: checked here as all queries are, sent there, and its
//! answer read as a stream, so that limits, formats and names are those of this program.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use oxigraph::io::{RdfFormat, RdfParser};
use oxigraph::model::{Term, Triple};
use oxigraph::sparql::{CancellationToken, QueryEvaluationError, QueryResults, QuerySolutionIter, QueryTripleIter};
use spargebra::Query;
use spargebra::algebra::GraphPattern;

use super::answer::{Answer, AnswerError, read};
use super::error::QueryError;
use super::mistake::tokens::{Kind, Tokens};
use super::prefixes::PREFIXES;
use super::question::{Limits, Question};
use super::run::{parse, start_clock};
use super::running::{Faults, Running};
use super::wire::{Refusal, RefusalKind};
use super::{depth, federation};

/// Sends queries to servers by their names.
pub trait Elsewhere {
    /// Sends a query to a server. An error says whether another server may know better ([`RefusalKind::Away`]).
    fn ask(&self, engine: &str, sent: &Sent<'_>) -> Result<Received, Refusal>;
}

/// A query on its way.
#[derive(Debug)]
pub struct Sent<'a> {
    /// Its text.
    pub text: String,
    /// The graphs of its default graph, by IRI; with `named_graphs`, as in [`Question`].
    pub default_graphs: &'a [String],
    /// The graphs that it may name.
    pub named_graphs: &'a [String],
    /// What is accepted, as in the header of that name.
    pub accept: &'static str,
    /// How long it may take.
    pub time: Duration,
}

/// An answer on its way back.
pub struct Received {
    /// Its body.
    pub body: Box<dyn Read>,
    /// Its media type, without parameters.
    pub media_type: String,
    /// The number of results at which the server cuts answers off, if it says so.
    pub most: Option<u64>,
}

/// Why a query has no results.
#[derive(Debug)]
pub(super) enum Failed {
    /// It was not sent.
    Query(QueryError),
    /// The server has none.
    Server(Refusal),
}

impl From<QueryError> for Failed {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

const SOLUTIONS: &str = "application/sparql-results+json";
const TRIPLES: &str = "application/n-triples, text/turtle;q=0.5, application/rdf+xml;q=0.3";

/// Has a server run a query.
pub(super) fn run(
    servers: &dyn Elsewhere,
    engine: &str,
    question: &Question,
    limits: Limits,
    overdue: impl FnOnce(QueryError) + Send + 'static,
) -> Result<Running<'static>, Failed> {
    let text = question.text.trim_start_matches('\u{feff}');
    if text.len() > limits.query_bytes {
        return Err(QueryError::TooLong { length: text.len(), limit: limits.query_bytes }.into());
    }
    depth::check(text).map_err(QueryError::from)?;
    let time = Duration::from_secs(limits.timeout_s);
    // A server that sends nothing is waited for by its client, no longer than this; one that sends little is noticed here.
    let clock = start_clock(CancellationToken::new(), limits.timeout_s, overdue);
    let until = Instant::now() + time;
    let query = parse(text, question.base.as_deref())?;
    // The server would ask whom it can reach.
    federation::check_all(&query, text, &question.services)?;
    let is_graph = matches!(query, Query::Construct { .. } | Query::Describe { .. });
    let sent = Sent {
        text: with_prologue(text, question.base.as_deref()),
        default_graphs: &question.default_graphs,
        named_graphs: &question.named_graphs,
        accept: if is_graph { TRIPLES } else { SOLUTIONS },
        time,
    };
    let Received { body, media_type, most } = servers.ask(engine, &sent).map_err(Failed::Server)?;
    let most = most.filter(|most| limit(&query).is_none_or(|limit| limit > *most));
    let faults = Faults { text: text.to_owned(), limit: limits.timeout_s };
    let body = Timed { body, until };
    let results = match query {
        Query::Construct { .. } | Query::Describe { .. } => triples(body, &media_type, until, most),
        Query::Select { .. } => solutions(body, until, most),
        Query::Ask { .. } => boolean(body, until),
    };
    let results = results.map_err(|error| Failed::Query(faults.explain(error)))?;
    Ok(Running { results, faults, _clock: clock })
}

/// The query with what is predefined here: the base, and the prefixes that it names. Virtuoso takes one base, before all prefixes.
fn with_prologue(text: &str, base: Option<&str>) -> String {
    let (mut tokens, mut declared, mut has_base) = (Tokens::from(text, 0), Vec::new(), false);
    let form = loop {
        let token = tokens.next(false);
        let word = token.of(text);
        match token.kind {
            Kind::Word if word.eq_ignore_ascii_case("BASE") => has_base = true,
            Kind::Word if word.eq_ignore_ascii_case("PREFIX") => {}
            Kind::Name => declared.extend(word.strip_suffix(':')),
            Kind::Iri => {}
            // The form of the query, which ends the prologue.
            _ => break token.start,
        }
    };
    let mut sent = String::with_capacity(text.len() + 256);
    if let Some(base) = base.filter(|_| !has_base) {
        sent.push_str(&format!("BASE <{base}>\n"));
    }
    let (prologue, rest) = text.split_at_checked(form).unwrap_or(("", text));
    sent.push_str(prologue);
    for (prefix, iri) in PREFIXES {
        if !declared.contains(&prefix) && rest.contains(&format!("{prefix}:")) {
            sent.push_str(&format!("PREFIX {prefix}: <{iri}>\n"));
        }
    }
    sent.push_str(rest);
    sent
}

/// The number of results that a query asks for at most.
fn limit(query: &Query) -> Option<u64> {
    match query {
        Query::Select { pattern: GraphPattern::Slice { length, .. }, .. } => length.map(|length| length as u64),
        _ => None,
    }
}

/// A body that is read until a time.
struct Timed {
    body: Box<dyn Read>,
    until: Instant,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if Instant::now() >= self.until {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.body.read(buffer)
    }
}

/// What an error means while an answer is read.
fn broken(error: impl std::error::Error + Send + Sync + 'static, until: Instant) -> QueryEvaluationError {
    if Instant::now() >= until { QueryEvaluationError::Cancelled } else { QueryEvaluationError::Service(Box::new(error)) }
}

/// A server cut its answer off.
#[derive(Debug, thiserror::Error)]
#[error(
    "the store that answers queries here cuts every answer off after {0} results, so that this one may lack some\nhint: ask for parts with ORDER BY, LIMIT and OFFSET"
)]
struct CutOff(u64);

/// An answer of a kind that was not asked for.
#[derive(Debug, thiserror::Error)]
#[error("the store that answers queries here sent {0:?}, which is none of the formats that it was asked for")]
struct OtherFormat(String);

fn solutions(body: Timed, until: Instant, most: Option<u64>) -> Result<QueryResults<'static>, QueryEvaluationError> {
    match read(body).map_err(|error| broken(error, until))? {
        Answer::Boolean(_) => Err(QueryEvaluationError::Service(Box::new(OtherFormat("a boolean".to_owned())))),
        Answer::Solutions(rows) => {
            let variables = rows.variables();
            let of_row = Arc::clone(&variables);
            let rows = rows.map(move |row: Result<_, AnswerError>| {
                row.map(|row| (Arc::clone(&of_row), row).into()).map_err(|error| broken(error, until))
            });
            Ok(QueryResults::Solutions(QuerySolutionIter::new(variables, uncut(rows, most))))
        }
    }
}

/// The answer of an `ASK`. Virtuoso sends a solution with the number 1 or 0 if the text begins with a prefix or a base.
fn boolean(body: Timed, until: Instant) -> Result<QueryResults<'static>, QueryEvaluationError> {
    match read(body).map_err(|error| broken(error, until))? {
        Answer::Boolean(value) => Ok(QueryResults::Boolean(value)),
        Answer::Solutions(mut rows) => {
            let row = rows.next().transpose().map_err(|error| broken(error, until))?;
            let is_true = |term: Option<Term>| matches!(term, Some(Term::Literal(one)) if matches!(one.value(), "1" | "true"));
            Ok(QueryResults::Boolean(row.is_some_and(|row| row.into_iter().any(is_true))))
        }
    }
}

fn triples(
    body: Timed,
    media_type: &str,
    until: Instant,
    most: Option<u64>,
) -> Result<QueryResults<'static>, QueryEvaluationError> {
    let format = RdfFormat::from_media_type(media_type)
        .filter(|format| matches!(format, RdfFormat::NTriples | RdfFormat::Turtle | RdfFormat::RdfXml))
        .ok_or_else(|| QueryEvaluationError::Service(Box::new(OtherFormat(media_type.to_owned()))))?;
    let quads = RdfParser::from_format(format).lenient().without_named_graphs().for_reader(body);
    let triples = quads.map(move |quad| quad.map(Triple::from).map_err(|error| broken(error, until)));
    Ok(QueryResults::Graph(QueryTripleIter::new(uncut(triples, most))))
}

/// Results, with an error at their end if they may have been cut off there.
fn uncut<T>(
    results: impl Iterator<Item = Result<T, QueryEvaluationError>>,
    most: Option<u64>,
) -> impl Iterator<Item = Result<T, QueryEvaluationError>> {
    let (mut results, mut count, mut ended) = (results, 0, false);
    std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let next = results.next();
        ended = !matches!(next, Some(Ok(_)));
        count += u64::from(!ended);
        match most {
            Some(most) if next.is_none() && count >= most => Some(Err(QueryEvaluationError::Service(Box::new(CutOff(most))))),
            _ => next,
        }
    })
}

impl Failed {
    /// What the client is told.
    pub(super) fn refusal(self, kind_of: impl Fn(&QueryError) -> RefusalKind) -> Refusal {
        match self {
            Self::Query(error) => Refusal { kind: kind_of(&error), message: error.to_string() },
            Self::Server(refusal) => refusal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_predefined_here_is_declared_there() {
        assert_eq!(
            with_prologue("ASK { ?s a kbv:Person }", Some("http://a/sparql")),
            "BASE <http://a/sparql>\nPREFIX : <https://id.kb.se/vocab/>\nPREFIX kbv: <https://id.kb.se/vocab/>\nASK { ?s a kbv:Person }"
        );
        assert_eq!(with_prologue("ASK { ?s ?p ?o }", None), "ASK { ?s ?p ?o }");
        // What the query declares itself counts; a base comes before all prefixes.
        assert_eq!(
            with_prologue(
                "# PREFIX x: <urn:x>\nBASE <urn:b>\nPREFIX kbv: <urn:k>\nSELECT * { ?s kbv:a sao:b }",
                Some("http://a/")
            ),
            "# PREFIX x: <urn:x>\nBASE <urn:b>\nPREFIX kbv: <urn:k>\nPREFIX : <https://id.kb.se/vocab/>\n\
             PREFIX sao: <https://id.kb.se/term/sao/>\nSELECT * { ?s kbv:a sao:b }"
        );
    }

    #[test]
    fn results_that_may_have_been_cut_off_end_with_an_error() {
        let of = |count: u64, most: Option<u64>| {
            uncut((0..count).map(Ok::<_, QueryEvaluationError>), most).map(|each| each.is_ok()).collect::<Vec<_>>()
        };
        assert_eq!(of(2, Some(3)), [true, true]);
        assert_eq!(of(3, Some(3)), [true, true, true, false]);
        assert_eq!(of(3, None), [true, true, true]);
        let limited = |text: &str| limit(&parse(text, None).expect("valid"));
        assert_eq!(limited("SELECT * { ?s ?p ?o } ORDER BY ?s LIMIT 3 OFFSET 1"), Some(3));
        assert_eq!(limited("SELECT * { ?s ?p ?o } OFFSET 1"), None);
        assert_eq!(limited("SELECT * { { SELECT * { ?s ?p ?o } LIMIT 3 } }"), None);
    }
}
