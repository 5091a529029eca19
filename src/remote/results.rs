//! What a few rows say.

use oxigraph::model::Term;

use super::client::Client;
use super::error::RemoteError;
use crate::query::answer::{Answer, read};

/// The rows of the answer to a query, of `limit` bytes at most, with the terms in the order of its variables.
pub(super) fn rows(client: &Client, query: &str, limit: u64) -> Result<Vec<Vec<Option<Term>>>, RemoteError> {
    let body = client.query(query, limit)?;
    match read(body.as_slice()).map_err(|error| client.unreadable(&error))? {
        Answer::Solutions(rows) => rows.collect::<Result<_, _>>().map_err(|error| client.unreadable(&error)),
        Answer::Boolean(_) => Err(client.unreadable(&"a boolean, where rows were asked for")),
    }
}

/// How many bytes an answer of a row, or of a few, has at most.
pub(super) const FEW: u64 = 1 << 20;

/// The number in the only row of the answer to a query.
pub(super) fn number(client: &Client, query: &str) -> Result<u64, RemoteError> {
    match rows(client, query, FEW)?.first().and_then(|row| row.first()) {
        Some(Some(Term::Literal(literal))) => literal.value().parse().map_err(|error| client.unreadable(&error)),
        _ => Err(client.unreadable(&"no number, where one was asked for")),
    }
}
