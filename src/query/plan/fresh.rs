//! New names: for blank nodes, whose scope is the group, and for variables that are local to an `EXISTS`.

use std::cell::Cell;

use oxigraph::model::BlankNode;
use oxigraph::sparql::Variable;
use rustc_hash::FxHashMap;
use spargebra::algebra::{AggregateExpression, Expression, GraphPattern, OrderExpression};
use spargebra::term::{NamedNodePattern, TermPattern};

use super::expressions::for_each_operand_mut;
use super::variables::Set;

/// A source of new variables.
pub(super) struct Fresh {
    prefix: String,
    next: Cell<usize>,
}

impl Fresh {
    /// Begins with names that are not in the text of a query.
    pub(super) fn new(text: &str) -> Self {
        let mut prefix = "_".to_owned();
        while text.contains(&format!("?{prefix}")) {
            prefix.push('_');
        }
        Self { prefix, next: Cell::new(1) }
    }

    /// Returns another variable.
    pub(super) fn variable(&self) -> Variable {
        let number = self.next.replace(self.next.get() + 1);
        Variable::new_unchecked(format!("{}{number}", self.prefix))
    }
}

/// Replaces the blank nodes of a pattern by variables. The parser refuses a label in two groups, so one table is enough.
pub(super) fn name_blank_nodes(pattern: &mut GraphPattern, fresh: &Fresh) {
    Renaming { nodes: Some((fresh, FxHashMap::default())), names: FxHashMap::default() }.pattern(pattern);
}

/// Gives variables of a pattern new names, which no other pattern has.
pub(super) fn rename(pattern: &mut GraphPattern, names: &Set, fresh: &Fresh) {
    if !names.is_empty() {
        let names = names.iter().map(|name| (name.clone(), fresh.variable())).collect();
        Renaming { nodes: None, names }.pattern(pattern);
    }
}

struct Renaming<'a> {
    nodes: Option<(&'a Fresh, FxHashMap<BlankNode, Variable>)>,
    names: FxHashMap<Variable, Variable>,
}

impl Renaming<'_> {
    fn variable(&self, variable: &mut Variable) {
        if let Some(name) = self.names.get(variable) {
            *variable = name.clone();
        }
    }

    fn term(&mut self, term: &mut TermPattern) {
        match (term, &mut self.nodes) {
            (TermPattern::Variable(variable), _) => self.variable(variable),
            (term @ TermPattern::BlankNode(_), Some((fresh, nodes))) => {
                if let TermPattern::BlankNode(node) = term {
                    *term = nodes.entry(node.clone()).or_insert_with(|| fresh.variable()).clone().into();
                }
            }
            _ => {}
        }
    }

    fn name(&self, name: &mut NamedNodePattern) {
        if let NamedNodePattern::Variable(variable) = name {
            self.variable(variable);
        }
    }

    fn expression(&mut self, expression: &mut Expression) {
        match expression {
            Expression::Variable(variable) | Expression::Bound(variable) => self.variable(variable),
            Expression::Exists(pattern) => self.pattern(pattern),
            other => for_each_operand_mut(other, &mut |operand| self.expression(operand)),
        }
    }

    fn pattern(&mut self, pattern: &mut GraphPattern) {
        match pattern {
            GraphPattern::Bgp { patterns } => {
                for triple in patterns {
                    self.term(&mut triple.subject);
                    self.name(&mut triple.predicate);
                    self.term(&mut triple.object);
                }
            }
            GraphPattern::Path { subject, object, .. } => {
                self.term(subject);
                self.term(object);
            }
            GraphPattern::Values { variables, .. } => variables.iter_mut().for_each(|variable| self.variable(variable)),
            GraphPattern::Join { left, right }
            | GraphPattern::Lateral { left, right }
            | GraphPattern::Union { left, right }
            | GraphPattern::Minus { left, right } => {
                self.pattern(left);
                self.pattern(right);
            }
            GraphPattern::LeftJoin { left, right, expression } => {
                self.pattern(left);
                self.pattern(right);
                if let Some(expression) = expression {
                    self.expression(expression);
                }
            }
            GraphPattern::Filter { expr, inner } => {
                self.expression(expr);
                self.pattern(inner);
            }
            GraphPattern::Extend { expression, inner, variable } => {
                self.expression(expression);
                self.variable(variable);
                self.pattern(inner);
            }
            GraphPattern::Graph { name, inner } => {
                self.name(name);
                self.pattern(inner);
            }
            GraphPattern::Service { name, inner, .. } => {
                self.name(name);
                // The other endpoint names its blank nodes itself.
                let nodes = self.nodes.take();
                self.pattern(inner);
                self.nodes = nodes;
            }
            other => self.solutions(other),
        }
    }

    fn solutions(&mut self, pattern: &mut GraphPattern) {
        match pattern {
            GraphPattern::OrderBy { inner, expression } => {
                for OrderExpression::Asc(key) | OrderExpression::Desc(key) in expression {
                    self.expression(key);
                }
                self.pattern(inner);
            }
            GraphPattern::Project { inner, variables } => {
                for variable in variables {
                    self.variable(variable);
                }
                self.pattern(inner);
            }
            GraphPattern::Group { inner, variables, aggregates } => {
                for variable in variables {
                    self.variable(variable);
                }
                for (variable, aggregate) in aggregates {
                    self.variable(variable);
                    if let AggregateExpression::FunctionCall { expr, .. } = aggregate {
                        self.expression(expr);
                    }
                }
                self.pattern(inner);
            }
            GraphPattern::Distinct { inner } | GraphPattern::Reduced { inner } | GraphPattern::Slice { inner, .. } => {
                self.pattern(inner);
            }
            _ => {}
        }
    }
}
