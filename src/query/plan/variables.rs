//! Which variables a pattern binds: always, usually, or perhaps; and which an expression mentions.
//!
//! A graph's name belongs to each triple pattern below it, as the engine sees it: `GRAPH ?g { VALUES … }` does not bind `?g`.

use std::collections::BTreeSet;

use oxigraph::sparql::Variable;
use spargebra::algebra::{AggregateExpression, Expression, Function, GraphPattern, OrderExpression};
use spargebra::term::{NamedNodePattern, TermPattern, TriplePattern};

use super::expressions::{for_each_operand, has_pattern};

/// A set of variables.
pub(super) type Set = BTreeSet<Variable>;

/// The variables of a pattern.
#[derive(Debug, Clone, Default)]
pub(super) struct Bound {
    /// Bound in every solution.
    pub certain: Set,
    /// Bound in nearly every solution: what costs are reckoned with.
    pub likely: Set,
    /// Bound in some solution, perhaps.
    pub maybe: Set,
}

impl Bound {
    fn of_names(names: Set) -> Self {
        Self { certain: names.clone(), likely: names.clone(), maybe: names }
    }

    /// Adds what a join adds.
    pub(super) fn join(&mut self, other: &Self) {
        self.certain.extend(other.certain.iter().cloned());
        self.likely.extend(other.likely.iter().cloned());
        self.maybe.extend(other.maybe.iter().cloned());
    }

    fn and(mut self, other: &Self) -> Self {
        self.join(other);
        self
    }

    fn kept(mut self, variables: &[Variable]) -> Self {
        self.certain.retain(|variable| variables.contains(variable));
        self.likely.retain(|variable| variables.contains(variable));
        self.maybe.retain(|variable| variables.contains(variable));
        self
    }
}

/// The graph that a pattern stands in, if it is not the default graph.
pub(super) type Graph = Option<NamedNodePattern>;

/// Returns the variables that a pattern binds under a graph.
pub(super) fn bound(pattern: &GraphPattern, graph: &Graph) -> Bound {
    match pattern {
        GraphPattern::Bgp { patterns } => {
            let mut names = of_graph(graph);
            for triple in patterns {
                add_triple(triple, &mut names);
            }
            Bound::of_names(names)
        }
        GraphPattern::Path { subject, object, .. } => {
            let mut names = of_graph(graph);
            add_term(subject, &mut names);
            add_term(object, &mut names);
            Bound::of_names(names)
        }
        GraphPattern::Values { variables, bindings } => {
            let mut found = Bound::default();
            for (place, variable) in variables.iter().enumerate() {
                let some = bindings.iter().filter(|row| row.get(place).is_some_and(Option::is_some)).count();
                if some == bindings.len() {
                    found.certain.insert(variable.clone());
                }
                if 2 * some > bindings.len() {
                    found.likely.insert(variable.clone());
                }
                if some > 0 {
                    found.maybe.insert(variable.clone());
                }
            }
            found
        }
        GraphPattern::Join { left, right } | GraphPattern::Lateral { left, right } => {
            bound(left, graph).and(&bound(right, graph))
        }
        GraphPattern::LeftJoin { left, right, .. } => {
            let mut found = bound(left, graph);
            found.maybe.extend(bound(right, graph).maybe);
            found
        }
        GraphPattern::Union { left, right } => {
            let (left, right) = (bound(left, graph), bound(right, graph));
            Bound {
                certain: left.certain.intersection(&right.certain).cloned().collect(),
                likely: left.likely.intersection(&right.likely).cloned().collect(),
                maybe: left.maybe.union(&right.maybe).cloned().collect(),
            }
        }
        GraphPattern::Graph { name, inner } => bound(inner, &Some(name.clone())),
        GraphPattern::Extend { inner, variable, expression } => {
            let mut found = bound(inner, graph);
            if matches!(expression, Expression::NamedNode(_) | Expression::Literal(_)) {
                found.certain.insert(variable.clone());
            }
            found.likely.insert(variable.clone());
            found.maybe.insert(variable.clone());
            found
        }
        GraphPattern::Minus { left: inner, .. }
        | GraphPattern::Filter { inner, .. }
        | GraphPattern::OrderBy { inner, .. }
        | GraphPattern::Distinct { inner }
        | GraphPattern::Reduced { inner }
        | GraphPattern::Slice { inner, .. } => bound(inner, graph),
        GraphPattern::Project { inner, variables } => {
            let shown = graph.as_ref().filter(|name| match name {
                NamedNodePattern::Variable(name) => variables.contains(name),
                NamedNodePattern::NamedNode(_) => true,
            });
            bound(inner, &shown.cloned()).kept(variables)
        }
        GraphPattern::Group { inner, variables, aggregates } => {
            let mut found = bound(inner, graph).kept(variables);
            for (variable, _) in aggregates {
                found.likely.insert(variable.clone());
                found.maybe.insert(variable.clone());
            }
            found
        }
        GraphPattern::Service { name, inner, .. } => {
            let mut found = Bound { maybe: bound(inner, graph).maybe, ..Bound::default() };
            if let NamedNodePattern::Variable(name) = name {
                found.maybe.insert(name.clone());
            }
            found
        }
    }
}

fn of_graph(graph: &Graph) -> Set {
    match graph {
        Some(NamedNodePattern::Variable(name)) => Set::from([name.clone()]),
        _ => Set::new(),
    }
}

fn add_triple(triple: &TriplePattern, names: &mut Set) {
    add_term(&triple.subject, names);
    if let NamedNodePattern::Variable(name) = &triple.predicate {
        names.insert(name.clone());
    }
    add_term(&triple.object, names);
}

pub(super) fn add_term(term: &TermPattern, names: &mut Set) {
    if let TermPattern::Variable(name) = term {
        names.insert(name.clone());
    }
}

/// Returns every variable that an expression mentions, in patterns within it as well, whose triples stand in `graph`.
pub(super) fn mentioned(expression: &Expression, graph: &Graph) -> Set {
    let mut names = if has_pattern(expression) { of_graph(graph) } else { Set::new() };
    add_expression(expression, true, &mut names);
    names
}

fn add_expression(expression: &Expression, deep: bool, names: &mut Set) {
    match expression {
        Expression::Variable(name) | Expression::Bound(name) => {
            names.insert(name.clone());
        }
        Expression::Exists(_) if !deep => {}
        Expression::Exists(pattern) => add_pattern(pattern, deep, names),
        other => for_each_operand(other, &mut |operand| add_expression(operand, deep, names)),
    }
}

/// Returns every variable that a pattern mentions, whether or not it leaves it.
pub(super) fn mentioned_in(pattern: &GraphPattern, graph: &Graph) -> Set {
    let mut names = of_graph(graph);
    add_pattern(pattern, true, &mut names);
    names
}

/// Returns every variable that a pattern mentions outside of its expressions' patterns.
pub(super) fn named_in(pattern: &GraphPattern) -> Set {
    let mut names = Set::new();
    add_pattern(pattern, false, &mut names);
    names
}

/// Returns whether an expression must be evaluated where it stands, as often as there: one that gives another value each time, or
/// one that sees more than it mentions. Within `EXISTS`, the engine's `MINUS` compares whole solutions, with every variable that is
/// bound around the `EXISTS`.
pub(super) fn stays_put(expression: &Expression) -> bool {
    match expression {
        Expression::Exists(pattern) => return has_minus(pattern),
        Expression::FunctionCall(
            Function::Rand | Function::Uuid | Function::StrUuid | Function::BNode | Function::Custom(_),
            _,
        ) => {
            return true;
        }
        _ => {}
    }
    let mut found = false;
    for_each_operand(expression, &mut |operand| found |= stays_put(operand));
    found
}

fn has_minus(pattern: &GraphPattern) -> bool {
    match pattern {
        GraphPattern::Bgp { .. } | GraphPattern::Path { .. } | GraphPattern::Values { .. } => false,
        GraphPattern::Minus { .. } => true,
        GraphPattern::Join { left, right } | GraphPattern::Lateral { left, right } | GraphPattern::Union { left, right } => {
            has_minus(left) || has_minus(right)
        }
        GraphPattern::LeftJoin { left, right, expression } => {
            has_minus(left) || has_minus(right) || expression.as_ref().is_some_and(stays_put)
        }
        GraphPattern::Filter { expr: expression, inner } | GraphPattern::Extend { expression, inner, .. } => {
            has_minus(inner) || stays_put(expression)
        }
        GraphPattern::Graph { inner, .. }
        | GraphPattern::Service { inner, .. }
        | GraphPattern::OrderBy { inner, .. }
        | GraphPattern::Project { inner, .. }
        | GraphPattern::Distinct { inner }
        | GraphPattern::Reduced { inner }
        | GraphPattern::Slice { inner, .. }
        | GraphPattern::Group { inner, .. } => has_minus(inner),
    }
}

fn add_pattern(pattern: &GraphPattern, deep: bool, names: &mut Set) {
    match pattern {
        GraphPattern::Bgp { patterns } => patterns.iter().for_each(|triple| add_triple(triple, names)),
        GraphPattern::Path { subject, object, .. } => {
            add_term(subject, names);
            add_term(object, names);
        }
        GraphPattern::Values { variables, .. } => names.extend(variables.iter().cloned()),
        GraphPattern::Join { left, right }
        | GraphPattern::Lateral { left, right }
        | GraphPattern::Union { left, right }
        | GraphPattern::Minus { left, right } => {
            add_pattern(left, deep, names);
            add_pattern(right, deep, names);
        }
        GraphPattern::LeftJoin { left, right, expression } => {
            add_pattern(left, deep, names);
            add_pattern(right, deep, names);
            if let Some(expression) = expression {
                add_expression(expression, deep, names);
            }
        }
        GraphPattern::Filter { expr, inner } => {
            add_expression(expr, deep, names);
            add_pattern(inner, deep, names);
        }
        GraphPattern::Graph { name, inner } | GraphPattern::Service { name, inner, .. } => {
            if let NamedNodePattern::Variable(name) = name {
                names.insert(name.clone());
            }
            add_pattern(inner, deep, names);
        }
        GraphPattern::Extend { inner, variable, expression } => {
            names.insert(variable.clone());
            add_expression(expression, deep, names);
            add_pattern(inner, deep, names);
        }
        GraphPattern::OrderBy { inner, expression } => {
            for OrderExpression::Asc(key) | OrderExpression::Desc(key) in expression {
                add_expression(key, deep, names);
            }
            add_pattern(inner, deep, names);
        }
        GraphPattern::Project { inner, variables } => {
            names.extend(variables.iter().cloned());
            add_pattern(inner, deep, names);
        }
        GraphPattern::Distinct { inner } | GraphPattern::Reduced { inner } | GraphPattern::Slice { inner, .. } => {
            add_pattern(inner, deep, names);
        }
        GraphPattern::Group { inner, variables, aggregates } => {
            names.extend(variables.iter().cloned());
            for (variable, aggregate) in aggregates {
                names.insert(variable.clone());
                if let AggregateExpression::FunctionCall { expr, .. } = aggregate {
                    add_expression(expr, deep, names);
                }
            }
            add_pattern(inner, deep, names);
        }
    }
}
