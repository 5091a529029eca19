//! Queries that another SPARQL server answers, which holds what the mirror holds: checked here as all queries are, sent there, and its
//! answer read as a stream, so that limits, formats and names are those of this program.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use oxigraph::model::{BlankNode, NamedNode, NamedOrBlankNode, Term, Triple, Variable};
use oxigraph::sparql::{
    CancellationToken, QueryEvaluationError, QueryResults, QuerySolution, QuerySolutionIter, QueryTripleIter,
};
use rustc_hash::FxHashSet;
use spargebra::Query;
use spargebra::algebra::GraphPattern;
use spargebra::term::{NamedNodePattern, TermPattern, TriplePattern};

use super::answer::{Answer, AnswerError, read};
use super::error::QueryError;
use super::federation;
use super::mistake::tokens::{Kind, Tokens};
use super::prefixes::PREFIXES;
use super::question::{Limits, Question};
use super::run::{parse, start_clock, text_of};
use super::running::{Faults, Running};
use super::wire::{Refusal, RefusalKind};

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
    /// How long it may take.
    pub time: Duration,
}

/// An answer on its way back.
pub struct Received {
    /// Its body.
    pub body: Box<dyn Read>,
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

/// Has a server run a query. A `CONSTRUCT` is asked as the `SELECT` of its pattern, and made here: of solutions it is known whether all
/// came, and of graphs it is not.
pub(super) fn run(
    servers: &dyn Elsewhere,
    engine: &str,
    question: &Question,
    limits: Limits,
    overdue: impl FnOnce(QueryError) + Send + 'static,
) -> Result<Running<'static>, Failed> {
    let text = text_of(question, limits)?;
    let time = Duration::from_secs(limits.timeout_s);
    // A server that sends nothing is waited for by its client, no longer than this; one that sends little is noticed here.
    let clock = start_clock(CancellationToken::new(), limits.timeout_s, overdue);
    let until = Instant::now() + time;
    let query = parse(text, question.base.as_deref())?;
    // The server would ask whom it can reach, and do what it can.
    federation::check_all(&query, text, &question.services)?;
    federation::check_functions(&query, text)?;
    let (limit, is_ask) = (limit(&query), matches!(query, Query::Ask { .. }));
    let (sent, template) = match query {
        Query::Construct { template, dataset, pattern, .. } => {
            (Query::Select { dataset, pattern: projected(pattern, &template), base_iri: None }.to_string(), Some(template))
        }
        Query::Describe { .. } => {
            let message = "DESCRIBE means another thing to each store, so that it is not asked of the one that answers queries here: use CONSTRUCT";
            return Err(Failed::Server(Refusal { kind: RefusalKind::Syntax, message: message.to_owned() }));
        }
        Query::Select { .. } | Query::Ask { .. } => {
            (with_prologue(text, question.base.as_deref()).unwrap_or_else(|| query.to_string()), None)
        }
    };
    let sent = Sent { text: sent, default_graphs: &question.default_graphs, named_graphs: &question.named_graphs, time };
    let Received { body, most } = servers.ask(engine, &sent).map_err(Failed::Server)?;
    let most = most.filter(|most| limit.is_none_or(|limit| limit > *most));
    let faults = Faults { text: text.to_owned(), limit: limits.timeout_s };
    let body = Timed { body, until };
    let results = match template {
        Some(template) => constructed(body, template, until, most),
        None if is_ask => boolean(body, until),
        None => solutions(body, until, most),
    };
    let results = results.map_err(|error| Failed::Query(faults.explain(error)))?;
    Ok(Running { results, faults, _clock: clock })
}

/// The query with what is predefined here: the base, and the prefixes that it names. Virtuoso takes one base, before all prefixes.
/// `None` if the text cannot be sent as it is: what is relative in its prologue would be resolved there, and escapes are read by some
/// before all else (SPARQL 1.1, 19.2), so that a string may end where it does not.
fn with_prologue(text: &str, base: Option<&str>) -> Option<String> {
    if text.contains("\\u") || text.contains("\\U") {
        return None;
    }
    let (mut tokens, mut declared, mut has_base) = (Tokens::from(text, 0), Vec::new(), false);
    let form = loop {
        let token = tokens.next(false);
        let word = token.of(text);
        match token.kind {
            Kind::Word if word.eq_ignore_ascii_case("BASE") => has_base = true,
            Kind::Word if word.eq_ignore_ascii_case("PREFIX") => {}
            Kind::Name => declared.push(word.strip_suffix(':')?),
            Kind::Iri if url::Url::parse(word.trim_matches(['<', '>'])).is_ok() => {}
            Kind::Word if ["SELECT", "ASK"].iter().any(|form| word.eq_ignore_ascii_case(form)) => break token.start,
            _ => return None,
        }
    };
    let mut sent = String::with_capacity(text.len() + 256);
    if let Some(base) = base.filter(|_| !has_base) {
        sent.push_str(&format!("BASE <{base}>\n"));
    }
    let (prologue, rest) = text.split_at_checked(form)?;
    sent.push_str(prologue);
    for (prefix, iri) in PREFIXES {
        if !declared.contains(&prefix) && rest.contains(&format!("{prefix}:")) {
            sent.push_str(&format!("PREFIX {prefix}: <{iri}>\n"));
        }
    }
    sent.push_str(rest);
    Some(sent)
}

/// The solutions that a template needs.
fn projected(pattern: GraphPattern, template: &[TriplePattern]) -> GraphPattern {
    let mut variables: Vec<Variable> = Vec::new();
    for TriplePattern { subject, predicate, object } in template {
        for term in [subject, object] {
            if let TermPattern::Variable(variable) = term {
                variables.push(variable.clone());
            }
        }
        if let NamedNodePattern::Variable(variable) = predicate {
            variables.push(variable.clone());
        }
    }
    variables.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    variables.dedup();
    if variables.is_empty() {
        // A projection needs one, though it has no values.
        variables.push(Variable::new_unchecked("none"));
    }
    let project = |inner| GraphPattern::Project { inner, variables };
    match pattern {
        GraphPattern::Slice { inner, start, length } => GraphPattern::Slice { inner: Box::new(project(inner)), start, length },
        other => project(Box::new(other)),
    }
}

/// The number of results that a query asks for at most.
fn limit(query: &Query) -> Option<u64> {
    match query {
        Query::Select { pattern: GraphPattern::Slice { length, .. }, .. }
        | Query::Construct { pattern: GraphPattern::Slice { length, .. }, .. } => length.map(|length| length as u64),
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
        Answer::Solutions(rows) => {
            let is_true = |term: Option<Term>| matches!(term, Some(Term::Literal(one)) if matches!(one.value(), "1" | "true"));
            let mut value = false;
            // To its end: an answer that breaks off is none.
            for row in rows {
                value |= row.map_err(|error| broken(error, until))?.into_iter().any(is_true);
            }
            Ok(QueryResults::Boolean(value))
        }
    }
}

/// The graph of a template and solutions (SPARQL 1.1, 16.2): blank nodes of the template are new for each, each triple comes once, and
/// what is no triple is left out.
fn constructed(
    body: Timed,
    template: Vec<TriplePattern>,
    until: Instant,
    most: Option<u64>,
) -> Result<QueryResults<'static>, QueryEvaluationError> {
    let QueryResults::Solutions(rows) = solutions(body, until, most)? else {
        return Err(QueryEvaluationError::Service(Box::new(OtherFormat("no solutions".to_owned()))));
    };
    let mut seen: FxHashSet<Triple> = FxHashSet::default();
    let triples = rows.flat_map(move |row| {
        let row = match row {
            Ok(row) => row,
            Err(error) => return vec![Err(error)],
        };
        let mut blanks: HashMap<String, BlankNode> = HashMap::new();
        let mut new = Vec::new();
        for pattern in &template {
            if let Some(triple) = filled(pattern, &row, &mut blanks).filter(|triple| seen.insert(triple.clone())) {
                new.push(Ok(triple));
            }
        }
        new
    });
    Ok(QueryResults::Graph(QueryTripleIter::new(triples)))
}

/// A triple of a template with the values of a solution, if they make one.
fn filled(pattern: &TriplePattern, row: &QuerySolution, blanks: &mut HashMap<String, BlankNode>) -> Option<Triple> {
    let mut term = |pattern: &TermPattern| -> Option<Term> {
        Some(match pattern {
            TermPattern::NamedNode(node) => node.clone().into(),
            TermPattern::Literal(literal) => literal.clone().into(),
            TermPattern::BlankNode(node) => blanks.entry(node.as_str().to_owned()).or_default().clone().into(),
            TermPattern::Variable(variable) => row.get(variable)?.clone(),
        })
    };
    let subject = NamedOrBlankNode::try_from(term(&pattern.subject)?).ok()?;
    let predicate = match &pattern.predicate {
        NamedNodePattern::NamedNode(node) => node.clone(),
        NamedNodePattern::Variable(variable) => NamedNode::try_from(row.get(variable)?.clone()).ok()?,
    };
    Some(Triple::new(subject, predicate, term(&pattern.object)?))
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
        let sent = |text: &str| with_prologue(text, Some("http://a/"));
        assert_eq!(
            sent("ASK { ?s a kbv:Person }").as_deref(),
            Some(
                "BASE <http://a/>\nPREFIX : <https://id.kb.se/vocab/>\nPREFIX kbv: <https://id.kb.se/vocab/>\nASK { ?s a kbv:Person }"
            )
        );
        assert_eq!(with_prologue("ASK { ?s ?p ?o }", None).as_deref(), Some("ASK { ?s ?p ?o }"));
        // What the query declares itself counts; a base comes before all prefixes.
        assert_eq!(
            sent("# PREFIX x: <urn:x>\nBASE <urn:b>\nPREFIX kbv: <urn:k>\nSELECT * { ?s kbv:a sao:b }").as_deref(),
            Some(
                "# PREFIX x: <urn:x>\nBASE <urn:b>\nPREFIX kbv: <urn:k>\nPREFIX : <https://id.kb.se/vocab/>\n\
                 PREFIX sao: <https://id.kb.se/term/sao/>\nSELECT * { ?s kbv:a sao:b }"
            )
        );
        for other in [
            "PREFIX a: <rel/> BASE <http://b/> SELECT (a:z AS ?x) {}",
            "SELECT ?x { ?x ?p ?o } #\\u000A SERVICE <http://evil.example/> {}",
        ] {
            assert_eq!(sent(other), None, "{other}");
        }
        assert_eq!(sent("BASE <rel/> SELECT (<y> AS ?x) {}"), None);
        assert_eq!(sent("SELECT ?x { ?x ?p \"\\u0022\" }"), None);
    }

    #[test]
    fn what_only_the_server_knows_is_not_asked() {
        for (text, refused) in [
            ("SELECT (<bif:http_get>(\"http://127.0.0.1/\") AS ?x) {}", true),
            ("SELECT * { ?s ?p ?o BIND(<java:x.Y>(?o) AS ?x) }", true),
            ("SELECT (<urn:sum>(DISTINCT ?o) AS ?x) { ?s ?p ?o }", true),
            ("SELECT * { ?s ?p ?o FILTER EXISTS { ?s ?q ?r FILTER(<bif:exec>(?r)) } }", true),
            ("SELECT (xsd:integer(?o) AS ?x) { ?s ?p ?o FILTER(REGEX(STR(?o), \"1\")) }", false),
        ] {
            let checked = parse(text, None).and_then(|query| federation::check_functions(&query, text));
            assert_eq!(checked.is_err(), refused, "{text}");
        }
    }

    #[test]
    fn a_template_is_filled_here() {
        let Ok(Query::Construct { template, pattern, .. }) =
            parse("CONSTRUCT { _:a :p ?o . ?s ?p _:a . <urn:x> :q 1 } WHERE { ?s ?p ?o } LIMIT 2", None)
        else {
            panic!("a query")
        };
        let sent = Query::Select { dataset: None, pattern: projected(pattern, &template), base_iri: None }.to_string();
        assert!(sent.starts_with("SELECT ?o ?p ?s WHERE") && sent.ends_with("LIMIT 2"), "{sent}");
        let body = r#"{"head": {"vars": ["o", "p", "s"]}, "results": {"bindings": [
            {"s": {"type": "uri", "value": "urn:s"}, "p": {"type": "uri", "value": "urn:p"}, "o": {"type": "literal", "value": "1"}},
            {"s": {"type": "literal", "value": "no subject"}, "p": {"type": "uri", "value": "urn:p"}}]}}"#;
        let timed = Timed { body: Box::new(body.as_bytes()), until: Instant::now() + Duration::from_mins(1) };
        let until = timed.until;
        let Ok(QueryResults::Graph(triples)) = constructed(timed, template, until, None) else { panic!("a graph") };
        let triples: Vec<Triple> = triples.collect::<Result<_, _>>().expect("whole");
        assert_eq!(triples.len(), 3, "{triples:?}");
        assert_eq!(triples[1].object, Term::from(triples[0].subject.clone()));
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
