//! What a plan does, in its order, for people: `--explain`.

use std::fmt;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// The steps of a plan, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Steps(pub Vec<Step>);

/// A step, which begins with the solutions of the steps before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its kind.
    pub kind: StepKind,
    /// Its pattern or expression as SPARQL. Patterns within it are steps of their own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The expected solutions after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// The solutions that really came out of it, once the query has run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub came: Option<u64>,
    /// The name of its node in the engine's explanation of the rewritten query (`QueryExplanation`), by which the solutions that
    /// really came can be found and shown beside the expected ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The steps within it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

/// The kinds of [`Step`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// A triple pattern, a path or a table: looked up once for each solution.
    Lookup,
    /// A pattern that is evaluated alone, and then joined in memory.
    Join,
    /// Patterns that share no variable with those before them.
    Product,
    /// `OPTIONAL`.
    Optional,
    /// `UNION`: one of its two sides.
    Union,
    /// `MINUS`.
    Minus,
    /// `FILTER`.
    Filter,
    /// `EXISTS` within an expression.
    Exists,
    /// `BIND`, or an expression of `SELECT`.
    Bind,
    /// `SELECT`.
    Select,
    /// `GROUP BY`, or aggregates without it.
    Group,
    /// `ORDER BY`.
    Order,
    /// `LATERAL`.
    Lateral,
    /// `SERVICE`.
    Service,
}

impl StepKind {
    /// Returns the word that a step begins with; a look-up has none.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Lookup => "",
            Self::Join => "JOIN",
            Self::Product => "PRODUCT",
            Self::Optional => "OPTIONAL",
            Self::Union => "UNION",
            Self::Minus => "MINUS",
            Self::Filter => "FILTER",
            Self::Exists => "EXISTS",
            Self::Bind => "BIND",
            Self::Select => "SELECT",
            Self::Group => "GROUP BY",
            Self::Order => "ORDER BY",
            Self::Lateral => "LATERAL",
            Self::Service => "SERVICE",
        }
    }
}

impl Step {
    pub(super) fn new(kind: StepKind, text: impl Into<String>, steps: Vec<Step>) -> Self {
        Self { kind, text: text.into(), rows: None, came: None, node: None, steps }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let number = |rows: Option<u64>| rows.map(|rows| rows.to_string()).unwrap_or_default();
        write!(f, "{:>12} {:>12}  {:3$}", number(self.rows), number(self.came), "", 2 * depth)?;
        let words: Vec<&str> = [self.kind.word(), &self.text].into_iter().filter(|word| !word.is_empty()).collect();
        writeln!(f, "{}", words.join(" "))?;
        self.steps.iter().try_for_each(|step| step.write(f, depth + 1))
    }
}

impl Steps {
    /// Notes what came out of each step, by the names of nodes.
    pub(in crate::query) fn note(&mut self, came: &FxHashMap<String, u64>) {
        fn note(steps: &mut [Step], came: &FxHashMap<String, u64>) {
            for step in steps {
                step.came = step.node.as_ref().and_then(|node| came.get(node)).copied();
                note(&mut step.steps, came);
            }
        }
        note(&mut self.0, came);
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| step.write(f, 0))
    }
}
