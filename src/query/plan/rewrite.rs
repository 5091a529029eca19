//! The rewriting of patterns, from the outside in. Groups are ordered in `group`; everything else keeps its shape.
//!
//! `GRAPH` moves down to the triple patterns, as it does in the engine (sparopt's `from_sparql_algebra`), through everything but
//! sub-selects: there the name of the graph is another variable, unless it is projected.

use spargebra::algebra::{AggregateExpression, Expression, GraphPattern, OrderExpression};
use spargebra::term::NamedNodePattern;

use super::context::{Context, in_graph};
use super::cost::Costs;
use super::expressions::{filtered, for_each_pattern, has_pattern, split, text};
use super::fresh::{Fresh, rename};
use super::group::{Grouping, Parts};
use super::loops::{may_loop, pushed};
use super::steps::{Step, StepKind};
use super::variables::{Bound, Set, bound, mentioned_in, named_in};

/// What rewrites one query.
pub(super) struct Rewriter<'a> {
    pub costs: Costs<'a>,
    pub fresh: Fresh,
}

impl Parts for Rewriter<'_> {
    fn pattern(&self, pattern: &GraphPattern, context: &Context, steps: &mut Vec<Step>) -> GraphPattern {
        match pattern {
            GraphPattern::Bgp { .. }
            | GraphPattern::Path { .. }
            | GraphPattern::Values { .. }
            | GraphPattern::Join { .. }
            | GraphPattern::Graph { .. } => self.group(pattern, Vec::new(), context, steps),
            GraphPattern::Filter { expr, inner } => self.filter(expr, inner, context, steps),
            GraphPattern::LeftJoin { left, right, expression } => self.optional(left, right, expression.as_ref(), context, steps),
            GraphPattern::Union { left, right } => {
                let mut side = |side| {
                    let mut inner = Vec::new();
                    let side = self.pattern(side, context, &mut inner);
                    steps.push(Step::new(StepKind::Union, "", inner));
                    Box::new(side)
                };
                GraphPattern::Union { left: side(left), right: side(right) }
            }
            GraphPattern::Minus { left, right } => {
                let left = Box::new(self.pattern(left, context, steps));
                let mut inner = Vec::new();
                let right = Box::new(self.pattern(right, context, &mut inner));
                steps.push(Step::new(StepKind::Minus, "", inner));
                GraphPattern::Minus { left, right }
            }
            GraphPattern::Extend { inner, variable, expression } => {
                let bound = bound(inner, &context.graph);
                let inner = Box::new(self.pattern(inner, context, steps));
                let (expression, within) = self.expression(expression, context, &bound);
                steps.push(Step::new(StepKind::Bind, format!("{} AS {variable}", text(&expression)), within));
                GraphPattern::Extend { inner, variable: variable.clone(), expression }
            }
            GraphPattern::Lateral { left, right } => {
                let found = bound(left, &context.graph);
                let left = Box::new(self.pattern(left, context, steps));
                let mut after = context.after(&found.likely);
                after.given.extend(found.certain);
                after.seen.extend(found.maybe);
                let mut inner = Vec::new();
                let right = Box::new(self.pattern(right, &after, &mut inner));
                steps.push(Step::new(StepKind::Lateral, "", inner));
                GraphPattern::Lateral { left, right }
            }
            GraphPattern::Service { name, .. } => {
                steps.push(Step::new(StepKind::Service, name.to_string(), Vec::new()));
                in_graph(pattern.clone(), &context.graph)
            }
            _ => self.solutions(pattern, context, steps),
        }
    }

    fn condition(&self, condition: &Expression, context: &Context, bound: &Bound, steps: &mut Vec<Step>) -> Expression {
        let (condition, within) = self.expression(condition, context, bound);
        steps.push(Step::new(StepKind::Filter, text(&condition), within));
        condition
    }
}

impl Rewriter<'_> {
    /// Rewrites a group, whose parts are ordered.
    fn group(
        &self,
        pattern: &GraphPattern,
        conditions: Vec<Expression>,
        context: &Context,
        steps: &mut Vec<Step>,
    ) -> GraphPattern {
        Grouping { costs: &self.costs, fresh: &self.fresh, context, parts: self }.group(pattern, conditions, steps)
    }

    /// Rewrites what is made of solutions: projections, groups, orders, slices.
    fn solutions(&self, pattern: &GraphPattern, context: &Context, steps: &mut Vec<Step>) -> GraphPattern {
        let mut inside = |inner: &GraphPattern| Box::new(self.pattern(inner, context, steps));
        match pattern {
            GraphPattern::Distinct { inner } => GraphPattern::Distinct { inner: inside(inner) },
            GraphPattern::Reduced { inner } => GraphPattern::Reduced { inner: inside(inner) },
            GraphPattern::Slice { inner, start, length } => {
                GraphPattern::Slice { inner: inside(inner), start: *start, length: *length }
            }
            GraphPattern::Project { inner, variables } => {
                let mut within = Vec::new();
                let inner = Box::new(self.pattern(inner, &context.projected(variables, &self.fresh), &mut within));
                let names: Vec<String> = variables.iter().map(ToString::to_string).collect();
                steps.push(Step::new(StepKind::Select, names.join(" "), within));
                GraphPattern::Project { inner, variables: variables.clone() }
            }
            GraphPattern::OrderBy { inner, expression } => {
                let bound = bound(inner, &context.graph);
                let inner = inside(inner);
                let keys = expression.iter().map(|key| {
                    let (OrderExpression::Asc(by) | OrderExpression::Desc(by)) = key;
                    let (by, within) = self.expression(by, context, &bound);
                    let ascending = matches!(key, OrderExpression::Asc(_));
                    let key = if ascending { OrderExpression::Asc(by.clone()) } else { OrderExpression::Desc(by.clone()) };
                    let text = if ascending { text(&by) } else { format!("DESC({})", text(&by)) };
                    (key, Step::new(StepKind::Order, text, within))
                });
                let (expression, keys): (_, Vec<Step>) = keys.unzip();
                steps.extend(keys);
                GraphPattern::OrderBy { inner, expression }
            }
            GraphPattern::Group { inner, variables, aggregates } => {
                let compared = aggregates
                    .iter()
                    .any(|(_, aggregate)| matches!(aggregate, AggregateExpression::CountSolutions { distinct: true }));
                let context = Context { compared: context.compared || compared, ..context.clone() };
                let bound = bound(inner, &context.graph);
                let inner = Box::new(self.pattern(inner, &context, steps));
                let mut within = Vec::new();
                let aggregates = aggregates.iter().cloned().map(|(name, mut aggregate)| {
                    if let AggregateExpression::FunctionCall { expr, .. } = &mut aggregate {
                        let (rewritten, inner) = self.expression(expr, &context, &bound);
                        *expr = rewritten;
                        within.extend(inner);
                    }
                    (name, aggregate)
                });
                let aggregates = aggregates.collect();
                let names: Vec<String> = variables.iter().map(ToString::to_string).collect();
                steps.push(Step::new(StepKind::Group, names.join(" "), within));
                GraphPattern::Group { inner, variables: variables.clone(), aggregates }
            }
            other => in_graph(other.clone(), &context.graph),
        }
    }

    fn filter(&self, expr: &Expression, inner: &GraphPattern, context: &Context, steps: &mut Vec<Step>) -> GraphPattern {
        let mut conditions = Vec::new();
        split(expr.clone(), &mut conditions);
        let mut inner = inner;
        while let GraphPattern::Filter { expr, inner: below } = inner {
            split(expr.clone(), &mut conditions);
            inner = below;
        }
        // The engine moves filters below OPTIONAL and the like, but not those with patterns, and none within an expression.
        let moves = |condition: &Expression| context.inside || has_pattern(condition);
        let mut lower = inner.clone();
        conditions.retain(|condition| match pushed(condition, &lower, &context.graph) {
            Some(with) if moves(condition) => {
                lower = with;
                false
            }
            _ => true,
        });
        let inner = &lower;
        let is_group = matches!(
            inner,
            GraphPattern::Bgp { .. } | GraphPattern::Path { .. } | GraphPattern::Join { .. } | GraphPattern::Graph { .. }
        );
        let (placed, outside): (Vec<_>, Vec<_>) = conditions.into_iter().partition(|condition| is_group && moves(condition));
        let found = bound(inner, &context.graph);
        let rewritten = if is_group { self.group(inner, placed, context, steps) } else { self.pattern(inner, context, steps) };
        let outside = outside.into_iter().map(|condition| self.condition(&condition, context, &found, steps)).collect();
        filtered(rewritten, outside)
    }

    fn optional(
        &self,
        left: &GraphPattern,
        right: &GraphPattern,
        expression: Option<&Expression>,
        context: &Context,
        steps: &mut Vec<Step>,
    ) -> GraphPattern {
        let (mut found, optional) = (bound(left, &context.graph), bound(right, &context.graph));
        let left = Box::new(self.pattern(left, context, steps));
        // The engine evaluates the right side for each solution of the left one, where that is right.
        let loops = may_loop(right, &context.graph, &found.maybe, &context.given);
        let after = if loops { context.after(&found.likely) } else { context.clone() };
        let mut within = Vec::new();
        let right = Box::new(self.pattern(right, &after, &mut within));
        found.join(&optional);
        let expression = expression.map(|expression| self.condition(expression, context, &found, &mut within));
        steps.push(Step::new(StepKind::Optional, "", within));
        GraphPattern::LeftJoin { left, right, expression }
    }

    /// Rewrites the patterns within an expression, which sees `bound`.
    fn expression(&self, expression: &Expression, context: &Context, bound: &Bound) -> (Expression, Vec<Step>) {
        let mut steps = Vec::new();
        let mut expression = expression.clone();
        let mut within = context.within(bound);
        let around = context.around.clone();
        for_each_pattern(&mut expression, &mut |pattern| {
            let mut inner = Vec::new();
            // The engine may evaluate the whole for each solution of a neighbour, whose variables are not visible here.
            let mut hidden = around.difference(&within.seen).cloned().collect::<Set>();
            if let Some(NamedNodePattern::Variable(graph)) = &context.graph {
                hidden.remove(graph);
            }
            let local = mentioned_in(pattern, &None).intersection(&hidden).cloned().collect();
            rename(pattern, &local, &self.fresh);
            within.around = named_in(pattern);
            within.around.extend(around.iter().cloned());
            *pattern = self.pattern(pattern, &within, &mut inner);
            steps.push(Step::new(StepKind::Exists, "", inner));
        });
        (expression, steps)
    }
}
