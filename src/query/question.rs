//! What is asked: a query with its dataset, and the limits on it.

use serde::{Deserialize, Serialize};

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
    /// Whether look-ups that follow one another are answered in one go, where the dataset can.
    pub fuse: bool,
}
