//! What the engine keeps to itself.
//!
//! An error within an expression is a value to the engine, within `EXISTS` a match, and within `MINUS` nothing. That is right for
//! mistakes of the data. But a query whose time is up, or whose dataset is damaged, has no results: so both are looked for again
//! with each result that comes out.

use std::iter;

use oxigraph::sparql::{CancellationToken, QueryEvaluationError, QueryResults, QuerySolutionIter, QueryTripleIter};

use super::dataset::Evaluated;

/// The results of a query as they are evaluated, until its time is up or its dataset has a fault.
pub(super) fn watched(evaluated: Evaluated<'_>, token: CancellationToken) -> Result<QueryResults<'_>, QueryEvaluationError> {
    let Evaluated { results, fault } = evaluated;
    let check = move || match fault() {
        Some(fault) => Err(fault),
        None if token.is_cancelled() => Err(QueryEvaluationError::Cancelled),
        None => Ok(()),
    };
    Ok(match results {
        QueryResults::Boolean(value) => {
            check()?;
            QueryResults::Boolean(value)
        }
        QueryResults::Solutions(solutions) => {
            let variables = solutions.variables().into();
            QueryResults::Solutions(QuerySolutionIter::new(variables, checked(solutions, check)))
        }
        QueryResults::Graph(triples) => QueryResults::Graph(QueryTripleIter::new(checked(triples, check))),
    })
}

/// The results, until a check before one of them, or at their end, says that they are none.
fn checked<T>(
    mut results: impl Iterator<Item = Result<T, QueryEvaluationError>>,
    check: impl Fn() -> Result<(), QueryEvaluationError>,
) -> impl Iterator<Item = Result<T, QueryEvaluationError>> {
    let mut ended = false;
    iter::from_fn(move || {
        if ended {
            return None;
        }
        let next = results.next();
        ended = next.is_none();
        if let Err(error) = check() {
            ended = true;
            return Some(Err(error));
        }
        next
    })
}
