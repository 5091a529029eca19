//! SPARQL 1.1 Query Results JSON, as servers write it: Virtuoso calls blank nodes `nodeID://b1`, which is no label of one, and literals
//! with a datatype `typed-literal`.

use std::collections::HashMap;

use oxigraph::model::{BlankNode, Literal, NamedNode, Term};
use serde::Deserialize;

use super::client::Client;
use super::error::RemoteError;

#[derive(Deserialize)]
struct Answer {
    head: Head,
    results: Results,
}

#[derive(Deserialize)]
struct Head {
    vars: Vec<String>,
}

#[derive(Deserialize)]
struct Results {
    bindings: Vec<HashMap<String, Binding>>,
}

#[derive(Deserialize)]
struct Binding {
    #[serde(rename = "type")]
    kind: String,
    value: String,
    datatype: Option<String>,
    #[serde(rename = "xml:lang")]
    language: Option<String>,
}

impl Binding {
    fn term(self) -> Result<Term, String> {
        let Self { kind, value, datatype, language } = self;
        Ok(match kind.as_str() {
            "uri" => NamedNode::new_unchecked(value).into(),
            "bnode" => {
                let label: String = value.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
                BlankNode::new_unchecked(format!("b{label}")).into()
            }
            "literal" | "typed-literal" => match (language, datatype) {
                (Some(language), _) => Literal::new_language_tagged_literal_unchecked(value, language).into(),
                (None, Some(datatype)) => Literal::new_typed_literal(value, NamedNode::new_unchecked(datatype)).into(),
                (None, None) => Literal::new_simple_literal(value).into(),
            },
            other => return Err(format!("a term of type {other:?}")),
        })
    }
}

/// The rows of the answer to a query, of `limit` bytes at most, with the terms in the order of its variables.
pub(super) fn rows(client: &Client, query: &str, limit: u64) -> Result<Vec<Vec<Option<Term>>>, RemoteError> {
    parse(&client.query(query, limit)?).map_err(|reason| client.unreadable(&reason))
}

/// How many bytes an answer of a row, or of a few, has at most.
pub(super) const FEW: u64 = 1 << 20;

fn parse(body: &[u8]) -> Result<Vec<Vec<Option<Term>>>, String> {
    let Answer { head, results } = serde_json::from_slice(body).map_err(|error| format!("no results as JSON: {error}"))?;
    let row = |mut bindings: HashMap<String, Binding>| {
        head.vars.iter().map(|variable| bindings.remove(variable).map(Binding::term).transpose()).collect()
    };
    results.bindings.into_iter().map(row).collect()
}

/// The number in the only row of the answer to a query.
pub(super) fn number(client: &Client, query: &str) -> Result<u64, RemoteError> {
    match rows(client, query, FEW)?.first().and_then(|row| row.first()) {
        Some(Some(Term::Literal(literal))) => literal.value().parse().map_err(|error| client.unreadable(&error)),
        _ => Err(client.unreadable(&"no number, where one was asked for")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_servers_write_them() {
        let text = br#"{"head": {"link": [], "vars": ["s", "p", "o"]}, "results": {"distinct": false, "bindings": [
            {"s": {"type": "bnode", "value": "nodeID://b10023"}, "o": {"type": "typed-literal", "datatype": "http://www.w3.org/2001/XMLSchema#integer", "value": "1"}},
            {"s": {"type": "uri", "value": "urn:a"}, "p": {"type": "uri", "value": "urn:p"}, "o": {"type": "literal", "xml:lang": "sv", "value": "hej"}}
        ]}}"#;
        let shown: Vec<String> = parse(text)
            .expect("valid")
            .into_iter()
            .map(|row| {
                row.into_iter().map(|term| term.map_or("-".to_owned(), |term| term.to_string())).collect::<Vec<_>>().join(" ")
            })
            .collect();
        assert_eq!(
            shown,
            ["_:bnodeID---b10023 - \"1\"^^<http://www.w3.org/2001/XMLSchema#integer>", "<urn:a> <urn:p> \"hej\"@sv"]
        );
        for wrong in [
            "",
            "<html>",
            "{\"boolean\": true}",
            r#"{"head": {"vars": ["s"]}, "results": {"bindings": [{"s": {"type": "x", "value": ""}}]}}"#,
        ] {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
