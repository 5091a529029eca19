//! When a pattern may be evaluated once for each solution of what stands before it, with that solution's values put in.
//!
//! SPARQL evaluates from the bottom up: a group sees nothing of its neighbours. So `Lateral(A, B)` equals `Join(A, B)` only if
//! values of `A` cannot be seen where `B` alone would not see them. The rules are those of sparopt's `is_fit_for_for_loop_join`, but
//! stricter for `EXISTS`.

use spargebra::algebra::{Expression, GraphPattern};

use super::leaf::Part;
use super::variables::{Graph, Set, bound, mentioned, mentioned_in, stays_put};

/// Returns whether `Lateral(before, pattern)` equals `Join(before, pattern)`, where `before` are the variables that the left side
/// may bind, and `given` those that are bound around both sides.
pub(super) fn may_loop(pattern: &GraphPattern, graph: &Graph, before: &Set, given: &Set) -> bool {
    let sees_the_same = |expression: &Expression, certain: &Set| {
        !stays_put(expression)
            && mentioned(expression, graph)
                .iter()
                .all(|name| certain.contains(name) || given.contains(name) || !before.contains(name))
    };
    match pattern {
        GraphPattern::Bgp { .. } | GraphPattern::Path { .. } | GraphPattern::Values { .. } => true,
        GraphPattern::Join { left, right } | GraphPattern::Union { left, right } => {
            may_loop(left, graph, before, given) && may_loop(right, graph, before, given)
        }
        GraphPattern::Graph { name, inner } => may_loop(inner, &Some(name.clone()), before, given),
        GraphPattern::LeftJoin { left, right, expression } => {
            let (left_bound, right_bound) = (bound(left, graph), bound(right, graph));
            let mut both = left_bound.certain.clone();
            both.extend(right_bound.certain);
            let optional = |name| right_bound.maybe.contains(name) && !left_bound.certain.contains(name);
            may_loop(left, graph, before, given)
                && may_loop(right, graph, before, given)
                && !before.iter().any(|name| optional(name) && !given.contains(name))
                && expression.as_ref().is_none_or(|expression| sees_the_same(expression, &both))
        }
        GraphPattern::Filter { expr, inner } => {
            may_loop(inner, graph, before, given) && sees_the_same(expr, &bound(inner, graph).certain)
        }
        GraphPattern::Extend { inner, variable, expression } => {
            may_loop(inner, graph, before, given)
                && !before.contains(variable)
                && !given.contains(variable)
                && sees_the_same(expression, &bound(inner, graph).certain)
        }
        GraphPattern::Lateral { .. }
        | GraphPattern::Minus { .. }
        | GraphPattern::Service { .. }
        | GraphPattern::OrderBy { .. }
        | GraphPattern::Distinct { .. }
        | GraphPattern::Reduced { .. }
        | GraphPattern::Slice { .. }
        | GraphPattern::Project { .. }
        | GraphPattern::Group { .. } => false,
    }
}

/// Moves a leaf of a group into a neighbour, where it can be joined with what the neighbour requires: `{ A OPTIONAL { B } C }`
/// becomes `{ A C OPTIONAL { B } }`. Returns the neighbour with it, or `None` if that could change the results.
pub(super) fn sunk(leaf: &Part, into: &GraphPattern, graph: &Graph) -> Option<GraphPattern> {
    let Part::Leaf(leaf) = leaf else { return None };
    if leaf.graph != *graph && !matches!(leaf.kind, super::leaf::Kind::Values { .. }) {
        return None;
    }
    let names = leaf.bound().maybe;
    let clear = |mentioned: &Set, certain: &Set| names.iter().all(|name| !mentioned.contains(name) || certain.contains(name));
    let joined =
        |inner: &GraphPattern| Box::new(GraphPattern::Join { left: Box::new(inner.clone()), right: Box::new(leaf.bare()) });
    match into {
        GraphPattern::LeftJoin { expression: Some(expression), .. }
        | GraphPattern::Filter { expr: expression, .. }
        | GraphPattern::Extend { expression, .. }
            if stays_put(expression) =>
        {
            None
        }
        GraphPattern::LeftJoin { left, right, expression } => {
            let mut seen = mentioned_in(right, graph);
            seen.extend(expression.iter().flat_map(|expression| mentioned(expression, graph)));
            clear(&seen, &bound(left, graph).certain).then(|| GraphPattern::LeftJoin {
                left: joined(left),
                right: right.clone(),
                expression: expression.clone(),
            })
        }
        GraphPattern::Minus { left, right } => clear(&mentioned_in(right, graph), &bound(left, graph).certain)
            .then(|| GraphPattern::Minus { left: joined(left), right: right.clone() }),
        GraphPattern::Filter { expr, inner } => clear(&mentioned(expr, graph), &bound(inner, graph).certain)
            .then(|| GraphPattern::Filter { expr: expr.clone(), inner: joined(inner) }),
        GraphPattern::Extend { inner, variable, expression } => (!names.contains(variable)
            && clear(&mentioned(expression, graph), &bound(inner, graph).certain))
        .then(|| GraphPattern::Extend { inner: joined(inner), variable: variable.clone(), expression: expression.clone() }),
        _ => None,
    }
}

/// Moves a condition below what cannot change it: `{ A OPTIONAL { B } FILTER c }` becomes `{ A FILTER c OPTIONAL { B } }`. Returns the
/// pattern with it, or `None` if that could change the results.
pub(super) fn pushed(condition: &Expression, into: &GraphPattern, graph: &Graph) -> Option<GraphPattern> {
    if stays_put(condition) {
        return None;
    }
    let names = mentioned(condition, graph);
    let filtered =
        |inner: &GraphPattern| Box::new(GraphPattern::Filter { expr: condition.clone(), inner: Box::new(inner.clone()) });
    match into {
        GraphPattern::LeftJoin { left, right, expression } => {
            let (certain, optional) = (bound(left, graph).certain, bound(right, graph).maybe);
            names.iter().all(|name| certain.contains(name) || !optional.contains(name)).then(|| GraphPattern::LeftJoin {
                left: filtered(left),
                right: right.clone(),
                expression: expression.clone(),
            })
        }
        GraphPattern::Minus { left, right } => Some(GraphPattern::Minus { left: filtered(left), right: right.clone() }),
        GraphPattern::Extend { inner, variable, expression } if !names.contains(variable) => {
            Some(GraphPattern::Extend { inner: filtered(inner), variable: variable.clone(), expression: expression.clone() })
        }
        _ => None,
    }
}

/// Returns whether a pattern gives a new value to a variable that may have one around it. A join in memory then refuses the
/// solution, where a chain would not notice.
pub(super) fn overwrites(pattern: &GraphPattern, seen: &Set) -> bool {
    match pattern {
        GraphPattern::Extend { inner, variable, .. } => seen.contains(variable) || overwrites(inner, seen),
        GraphPattern::Join { left, right }
        | GraphPattern::Lateral { left, right }
        | GraphPattern::LeftJoin { left, right, .. }
        | GraphPattern::Union { left, right } => overwrites(left, seen) || overwrites(right, seen),
        GraphPattern::Minus { left: inner, .. }
        | GraphPattern::Filter { inner, .. }
        | GraphPattern::Graph { inner, .. }
        | GraphPattern::OrderBy { inner, .. }
        | GraphPattern::Distinct { inner }
        | GraphPattern::Reduced { inner }
        | GraphPattern::Slice { inner, .. } => overwrites(inner, seen),
        // A projection compares what it gives back.
        GraphPattern::Bgp { .. }
        | GraphPattern::Path { .. }
        | GraphPattern::Values { .. }
        | GraphPattern::Service { .. }
        | GraphPattern::Project { .. }
        | GraphPattern::Group { .. } => false,
    }
}
