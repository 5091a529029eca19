//! `SERVICE` (SPARQL 1.1 Federated Query), only to the hosts that the user listed.

use std::io::Read;
use std::time::Duration;

use oxigraph::model::NamedNode;
use oxigraph::sparql::results::{QueryResultsFormat, QueryResultsParser, ReaderQueryResultsParserOutput};
use oxigraph::sparql::{DefaultServiceHandler, QuerySolutionIter};
use spargebra::Query;
use spargebra::algebra::{AggregateExpression, AggregateFunction, Expression, Function, GraphPattern, OrderExpression};
use spargebra::term::NamedNodePattern;

use super::error::{QueryError, ServiceError};
use super::mistake::tokens::{Kind, Tokens};
use super::mistake::{self, Mistake};

/// A client of other endpoints whose hosts are listed.
pub(super) struct Services {
    hosts: Vec<String>,
    time: Duration,
}

/// The limit on an answer of another endpoint, in bytes.
const MAX_ANSWER_BYTES: u64 = 64 << 20;

impl Services {
    pub(super) fn new(hosts: Vec<String>, time: Duration) -> Self {
        Self { hosts, time }
    }

    fn ask(&self, name: &str, query: String) -> Result<Vec<u8>, ServiceError> {
        let failed = |error: reqwest::Error| ServiceError::Http(name.to_owned(), error.without_url().to_string());
        // No redirects, because one could lead to a host that is not listed.
        let client = reqwest::blocking::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(self.time)
            .build()
            .map_err(failed)?;
        let request = client
            .post(name)
            .header("content-type", "application/sparql-query")
            .header("accept", "application/sparql-results+json")
            .body(query);
        let answer = request.send().and_then(reqwest::blocking::Response::error_for_status).map_err(failed)?;
        let mut body = Vec::new();
        answer
            .take(MAX_ANSWER_BYTES + 1)
            .read_to_end(&mut body)
            .map_err(|error| ServiceError::Http(name.to_owned(), error.to_string()))?;
        if body.len() as u64 > MAX_ANSWER_BYTES {
            return Err(ServiceError::Http(name.to_owned(), format!("the answer has more than {MAX_ANSWER_BYTES} bytes")));
        }
        Ok(body)
    }
}

/// Returns whether a host is in a list, by name, or by name and port.
fn is_listed(hosts: &[String], iri: &str) -> bool {
    let Ok(url) = url::Url::parse(iri) else { return false };
    let Some(host) = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")) else { return false };
    let with_port = url.port().map(|port| format!("{host}:{port}"));
    hosts.iter().any(|listed| match &with_port {
        Some(with_port) => listed.eq_ignore_ascii_case(with_port),
        None => listed.eq_ignore_ascii_case(host),
    })
}

impl DefaultServiceHandler for Services {
    type Error = ServiceError;

    fn handle(
        &self,
        service_name: &NamedNode,
        pattern: &spargebra::algebra::GraphPattern,
        base_iri: Option<&oxiri::Iri<String>>,
    ) -> Result<QuerySolutionIter<'static>, ServiceError> {
        let name = service_name.as_str();
        if !is_listed(&self.hosts, name) {
            return Err(ServiceError::Host(name.to_owned()));
        }
        let query = spargebra::Query::Select { dataset: None, pattern: pattern.clone(), base_iri: base_iri.cloned() };
        let body = self.ask(name, query.to_string())?;
        let wrong = |error: &dyn std::fmt::Display| ServiceError::Answer(name.to_owned(), error.to_string());
        match QueryResultsParser::from_format(QueryResultsFormat::Json).for_reader(std::io::Cursor::new(body)) {
            Ok(ReaderQueryResultsParserOutput::Solutions(solutions)) => Ok(solutions.into()),
            Ok(ReaderQueryResultsParserOutput::Boolean(_)) => Err(wrong(&"a boolean")),
            Err(error) => Err(wrong(&error)),
        }
    }
}

/// Refuses a query with a `SERVICE` that is not allowed, before any of it runs. A `SERVICE SILENT` that fails must have no
/// effect, so the evaluation handles those. The pattern inside a `SERVICE` is not checked: that endpoint does it.
pub(super) fn check(query: &Query, text: &str, hosts: &[String]) -> Result<(), QueryError> {
    check_each(query, text, hosts, false)
}

/// The same for a query that others evaluate: `SERVICE SILENT` too.
pub(super) fn check_all(query: &Query, text: &str, hosts: &[String]) -> Result<(), QueryError> {
    check_each(query, text, hosts, true)
}

/// Refuses functions and aggregates that only another server may know: it could do anything for them, such as fetch an address.
pub(super) fn check_functions(query: &Query, text: &str) -> Result<(), QueryError> {
    for part in parts_of(query) {
        match part {
            Part::Expression(Expression::FunctionCall(Function::Custom(name), _)) if !is_cast(name.as_str()) => {
                return Err(mistake::function(text, name.as_str(), None).into());
            }
            Part::Pattern(GraphPattern::Group { aggregates, .. }) => {
                for (_, aggregate) in aggregates {
                    if let AggregateExpression::FunctionCall { name: AggregateFunction::Custom(name), .. } = aggregate {
                        return Err(mistake::function(text, name.as_str(), None).into());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether a function is one of the casts of SPARQL 1.1 (17.5), or of the other types that engines cast to.
fn is_cast(name: &str) -> bool {
    name.strip_prefix("http://www.w3.org/2001/XMLSchema#")
        .is_some_and(|local| local.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

fn check_each(query: &Query, text: &str, hosts: &[String], silent_too: bool) -> Result<(), QueryError> {
    for part in parts_of(query) {
        if let Part::Pattern(GraphPattern::Service { name, silent, .. }) = part
            && (silent_too || !silent)
        {
            match name {
                NamedNodePattern::NamedNode(name) if is_listed(hosts, name.as_str()) => {}
                NamedNodePattern::NamedNode(name) => return Err(QueryError::Service(name.as_str().to_owned())),
                NamedNodePattern::Variable(variable) => return Err(named_by_variable(text, variable.as_str()).into()),
            }
        }
    }
    Ok(())
}

fn named_by_variable(text: &str, variable: &str) -> Mistake {
    let mut tokens = Tokens::from(text, 0);
    let mut service = false;
    let at = loop {
        let token = tokens.next(false);
        let written = token.of(text);
        if token.kind == Kind::End || (service && token.kind == Kind::Variable && written.get(1..) == Some(variable)) {
            break token.start;
        }
        service = token.kind == Kind::Word && written.eq_ignore_ascii_case("SERVICE");
    };
    let hint = "name the service by its IRI: SERVICE <https://query.wikidata.org/sparql> { … }";
    Mistake::at(text, at, format!("SERVICE needs an IRI here, not a variable such as `?{variable}`"), Some(hint.to_owned()))
}

/// A part of a query that may have parts.
#[derive(Clone, Copy)]
enum Part<'a> {
    Pattern(&'a GraphPattern),
    Expression(&'a Expression),
}

/// All parts of a query, each before those within it.
fn parts_of(query: &Query) -> impl Iterator<Item = Part<'_>> {
    let (Query::Select { pattern, .. }
    | Query::Construct { pattern, .. }
    | Query::Describe { pattern, .. }
    | Query::Ask { pattern, .. }) = query;
    let mut left = vec![Part::Pattern(pattern)];
    std::iter::from_fn(move || {
        let part = left.pop()?;
        part.parts(&mut left);
        Some(part)
    })
}

impl Part<'_> {
    /// Returns its direct parts. A loop over them needs no stack, however deep they are nested.
    fn parts(self, into: &mut Vec<Self>) {
        match self {
            Self::Pattern(pattern) => pattern_parts(pattern, into),
            Self::Expression(expression) => expression_parts(expression, into),
        }
    }
}

fn pattern_parts<'a>(pattern: &'a GraphPattern, into: &mut Vec<Part<'a>>) {
    match pattern {
        GraphPattern::Bgp { .. } | GraphPattern::Path { .. } | GraphPattern::Values { .. } | GraphPattern::Service { .. } => {}
        GraphPattern::Join { left, right }
        | GraphPattern::Lateral { left, right }
        | GraphPattern::Union { left, right }
        | GraphPattern::Minus { left, right } => into.extend([Part::Pattern(left), Part::Pattern(right)]),
        GraphPattern::LeftJoin { left, right, expression } => {
            into.extend([Part::Pattern(left), Part::Pattern(right)]);
            into.extend(expression.iter().map(Part::Expression));
        }
        GraphPattern::Filter { expr, inner } => into.extend([Part::Expression(expr), Part::Pattern(inner)]),
        GraphPattern::Extend { inner, expression, .. } => into.extend([Part::Expression(expression), Part::Pattern(inner)]),
        GraphPattern::OrderBy { inner, expression } => {
            into.push(Part::Pattern(inner));
            into.extend(
                expression.iter().map(|(OrderExpression::Asc(each) | OrderExpression::Desc(each))| Part::Expression(each)),
            );
        }
        GraphPattern::Group { inner, aggregates, .. } => {
            into.push(Part::Pattern(inner));
            into.extend(aggregates.iter().filter_map(|(_, aggregate)| match aggregate {
                AggregateExpression::CountSolutions { .. } => None,
                AggregateExpression::FunctionCall { expr, .. } => Some(Part::Expression(expr)),
            }));
        }
        GraphPattern::Graph { inner, .. }
        | GraphPattern::Project { inner, .. }
        | GraphPattern::Distinct { inner }
        | GraphPattern::Reduced { inner }
        | GraphPattern::Slice { inner, .. } => into.push(Part::Pattern(inner)),
    }
}

fn expression_parts<'a>(expression: &'a Expression, into: &mut Vec<Part<'a>>) {
    match expression {
        Expression::NamedNode(_) | Expression::Literal(_) | Expression::Variable(_) | Expression::Bound(_) => {}
        Expression::Exists(pattern) => into.push(Part::Pattern(pattern)),
        Expression::UnaryPlus(inner) | Expression::UnaryMinus(inner) | Expression::Not(inner) => {
            into.push(Part::Expression(inner));
        }
        Expression::Or(a, b)
        | Expression::And(a, b)
        | Expression::Equal(a, b)
        | Expression::SameTerm(a, b)
        | Expression::Greater(a, b)
        | Expression::GreaterOrEqual(a, b)
        | Expression::Less(a, b)
        | Expression::LessOrEqual(a, b)
        | Expression::Add(a, b)
        | Expression::Subtract(a, b)
        | Expression::Multiply(a, b)
        | Expression::Divide(a, b) => into.extend([Part::Expression(a), Part::Expression(b)]),
        Expression::If(a, b, c) => into.extend([Part::Expression(a), Part::Expression(b), Part::Expression(c)]),
        Expression::In(one, list) => {
            into.push(Part::Expression(one));
            into.extend(list.iter().map(Part::Expression));
        }
        Expression::Coalesce(list) | Expression::FunctionCall(_, list) => into.extend(list.iter().map(Part::Expression)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_hosts_are_asked() {
        let hosts = ["query.wikidata.org".to_owned(), "127.0.0.1:8080".to_owned()];
        for yes in ["https://query.wikidata.org/sparql", "http://QUERY.wikidata.org/", "http://127.0.0.1:8080/sparql"] {
            assert!(is_listed(&hosts, yes), "{yes}");
        }
        for no in [
            "https://wikidata.org/",
            "http://127.0.0.1/",
            "http://127.0.0.1:80/",
            "http://query.wikidata.org:22/",
            "http://query.wikidata.org@evil.example/",
            "file://query.wikidata.org/etc/passwd",
            "urn:x",
        ] {
            assert!(!is_listed(&hosts, no), "{no}");
        }
    }
}
