//! A running query: the form of its results, and the meaning of the engine's errors while they are read.

use std::fmt;
use std::sync::mpsc::Sender;

use oxigraph::sparql::{QueryEvaluationError, QueryResults};

use super::error::QueryError;
use super::mistake;
use super::plan::Steps;

/// A running query. Dropping it stops its timer.
pub struct Running<'a> {
    /// Its results, which are evaluated as they are read.
    pub results: QueryResults<'a>,
    /// The meaning of an error while they are read.
    pub faults: Faults,
    pub(super) _clock: Sender<()>,
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

/// What a query did.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Explained {
    /// Its steps, in their order.
    pub steps: Steps,
    /// How many solutions or triples it gives.
    pub results: u64,
    /// How long it took to read all of them, with the counting.
    pub seconds: f64,
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, results, seconds } = self;
        writeln!(
            f,
            "{:>12} {:>12}  step\n{steps}{results} {} in {:.1} ms, with each step by itself and counted",
            "expected",
            "came",
            if *results == 1 { "result" } else { "results" },
            seconds * 1e3
        )
    }
}

/// Translates errors of the engine.
#[derive(Debug, Clone)]
pub struct Faults {
    pub(super) text: String,
    pub(super) limit: u64,
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

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// This many solutions.
    Solutions(u64),
    /// This many triples.
    Triples(u64),
    /// The answer of an `ASK`.
    Boolean(bool),
}
