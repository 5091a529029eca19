//! The names of the IRIs in solutions: looked up in the log while the solutions are read.

use std::path::Path;
use std::sync::Arc;

use oxigraph::model::{Literal, Term, Variable};
use oxigraph::sparql::QuerySolution;
use quick_cache::unsync::Cache;

use super::error::ResultsError;
use crate::labels::{Labels, Languages};
use crate::log::{Log, LogError};

/// Looks up names in a log, and remembers some.
pub struct Names {
    log: Log,
    wanted: Languages,
    known: Cache<String, Option<Literal>>,
}

/// Why a query of another form gets no names.
pub const NAMES_FIT: &str = "names can be added to the results of a SELECT query only";

/// How many names are remembered.
const REMEMBERED: usize = 10_000;

/// How many solutions are read before any is written: a variable gets names if it is an IRI in one of them.
const FIRST: usize = 500;

/// Where names go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In place of their IRIs.
    Instead,
    /// In a variable `?xLabel` after `?x`.
    Beside,
}

impl Names {
    /// Opens a log to look up names in these languages.
    pub fn open(log: &Path, wanted: Languages) -> Result<Self, LogError> {
        Ok(Self { log: Log::open_read_only(log)?, wanted, known: Cache::new(REMEMBERED) })
    }

    /// The name of an IRI.
    pub(super) fn name(&mut self, iri: &str) -> Result<Option<Literal>, LogError> {
        if let Some(known) = self.known.get(iri) {
            return Ok(known.clone());
        }
        let name = Labels(&self.log).name(iri, &self.wanted)?.map(|name| {
            // A language that is none is in the data of others, and would spoil a document of results.
            match Literal::new_language_tagged_literal(&*name.text, &*name.language) {
                Ok(literal) if !name.language.is_empty() => literal,
                _ => Literal::new_simple_literal(name.text),
            }
        });
        self.known.insert(iri.to_owned(), name.clone());
        Ok(name)
    }
}

/// Adds names to solutions of these variables. Reads the first of them, which decide what gets names. Answers the variables of
/// the solutions that it returns.
pub(super) fn named<'r>(
    variables: &[Variable],
    rows: impl Iterator<Item = Result<QuerySolution, ResultsError>> + 'r,
    names: &'r mut Names,
    place: Place,
) -> (Arc<[Variable]>, impl Iterator<Item = Result<QuerySolution, ResultsError>> + 'r) {
    let mut rows = rows.fuse();
    let mut first: Vec<Result<QuerySolution, ResultsError>> = Vec::new();
    while first.len() < FIRST && first.last().is_none_or(Result::is_ok) {
        match rows.next() {
            Some(row) => first.push(row),
            None => break,
        }
    }
    let has_iris = |at: usize| first.iter().flatten().any(|row| matches!(row.values().get(at), Some(Some(Term::NamedNode(_)))));
    let (mut all, mut has_name) = (Vec::new(), Vec::new());
    for (at, variable) in variables.iter().enumerate() {
        let label = Variable::new_unchecked(format!("{}Label", variable.as_str()));
        let gets = match place {
            Place::Instead => true,
            Place::Beside => has_iris(at) && !variables.contains(&label),
        };
        has_name.push(gets);
        all.push(variable.clone());
        if gets && place == Place::Beside {
            all.push(label);
        }
    }
    let all: Arc<[Variable]> = all.into();
    let variables = Arc::clone(&all);
    let rows = first.into_iter().chain(rows).map(move |row| {
        let row = row?;
        let mut values = Vec::with_capacity(all.len());
        for (value, has_name) in row.values().iter().zip(&has_name) {
            let name = match value {
                Some(Term::NamedNode(node)) if *has_name => names.name(node.as_str())?,
                _ => None,
            };
            match place {
                Place::Instead => {
                    let name = name.map(|name| Literal::new_simple_literal(name.value()).into());
                    values.push(name.or_else(|| value.clone()));
                }
                Place::Beside => {
                    values.push(value.clone());
                    if *has_name {
                        values.push(name.map(Term::from));
                    }
                }
            }
        }
        Ok(QuerySolution::from((Arc::clone(&all), values)))
    });
    (variables, rows)
}
