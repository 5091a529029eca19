//! Why a query has no results.

use oxigraph::sparql::QueryEvaluationError;

use super::mistake::Mistake;
use crate::log::LogError;

/// Why a query has no results.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The query has a mistake.
    #[error("{0}")]
    Mistake(#[from] Mistake),
    /// The query asks a service that it may not ask.
    #[error("{}", ServiceError::Host(.0.clone()))]
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

/// Why results could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// The query failed while its results were read.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The output failed.
    #[error("the output cannot be written")]
    Output(#[from] std::io::Error),
    /// Names could not be looked up.
    #[error(transparent)]
    Names(#[from] LogError),
}

/// Why another endpoint gave no results.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServiceError {
    #[error(
        "SERVICE <{0}> is not allowed here: its host is not in `query.service_hosts`\nhint: the operator of this mirror can list it there; other hosts are never asked"
    )]
    Host(String),
    #[error("SERVICE <{0}> could not be asked: {1}")]
    Http(String, String),
    #[error("SERVICE <{0}> did not answer with SPARQL results: {1}")]
    Answer(String, String),
}
