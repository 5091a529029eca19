//! Runs: patterns that follow one another in a chain become one, which the dataset answers by itself ([`Run`]).
//!
//! A run stands in the query as a triple pattern whose predicate is its name. Such a pattern hands three values back, the third as
//! the name of a graph, so a run has at most three variables that anything else mentions; the others are its own. Each way in which
//! its patterns match is a solution, as before, so counts stay the same. Groups of a run are counted by the dataset too, and what is
//! sorted only for its first solutions comes without those that cannot be among them. Nothing is fused under `GRAPH`, and nothing
//! where whole solutions are compared.

use spargebra::Query;
use spargebra::algebra::{AggregateExpression, Expression, GraphPattern, OrderExpression};

use super::expressions::for_each_pattern;
use super::gather::{any, first, groups};
use super::links::{Item, Link, items_of};
use super::runs::{MOST, Runs, keeps_to_itself, too_many};
use crate::index::{Gathered, Run};

/// The most solutions for which less is sorted.
const MOST_FIRST: usize = 10_000;

/// Fuses what can be fused in a query that was ordered.
pub(super) fn fuse(query: &mut Query) -> Vec<Run> {
    let text = query.to_string();
    // Within EXISTS, the engine's MINUS sees every variable that is bound around it, also those that a run would keep to itself.
    if text.contains("EXISTS") && text.contains("MINUS") {
        return Vec::new();
    }
    let mut fuser = Fuser { runs: Runs::new(&text) };
    let (Query::Select { pattern, .. }
    | Query::Construct { pattern, .. }
    | Query::Describe { pattern, .. }
    | Query::Ask { pattern, .. }) = query;
    fuser.pattern(pattern, false);
    fuser.runs.made
}

/// Who fuses.
struct Fuser<'a> {
    runs: Runs<'a>,
}

impl Fuser<'_> {
    /// Fuses what a pattern has. Where whole solutions are `compared`, every variable counts, and nothing is fused.
    fn pattern(&mut self, pattern: &mut GraphPattern, compared: bool) {
        let whole = match pattern {
            GraphPattern::Filter { .. } if !compared => self.conditions(pattern),
            GraphPattern::Group { .. } => self.groups(pattern),
            _ => None,
        };
        if let Some(whole) = whole {
            *pattern = whole;
            return;
        }
        match pattern {
            GraphPattern::Bgp { .. } | GraphPattern::Path { .. } | GraphPattern::Lateral { .. } => self.chain(pattern, compared),
            GraphPattern::Values { .. } | GraphPattern::Graph { .. } | GraphPattern::Service { .. } => {}
            GraphPattern::Join { left, right } | GraphPattern::Union { left, right } | GraphPattern::Minus { left, right } => {
                self.pattern(left, compared);
                self.pattern(right, compared);
            }
            GraphPattern::LeftJoin { left, right, expression } => {
                self.pattern(left, compared);
                self.pattern(right, compared);
                if let Some(expression) = expression {
                    self.expression(expression);
                }
            }
            GraphPattern::Filter { expr: expression, inner } | GraphPattern::Extend { expression, inner, .. } => {
                self.pattern(inner, compared);
                self.expression(expression);
            }
            GraphPattern::OrderBy { inner, expression } => {
                self.pattern(inner, compared);
                for OrderExpression::Asc(key) | OrderExpression::Desc(key) in expression {
                    self.expression(key);
                }
            }
            GraphPattern::Project { inner, .. } => self.pattern(inner, false),
            GraphPattern::Distinct { inner } | GraphPattern::Reduced { inner } => {
                if let GraphPattern::Project { inner: below, variables } = &mut **inner
                    && let Some(listed) = any(&mut self.runs, below, variables, &[])
                {
                    **below = listed;
                    return;
                }
                self.pattern(inner, true);
            }
            GraphPattern::Slice { inner, start, length } => {
                self.pattern(inner, compared);
                if let Some(most) = length.and_then(|length| length.checked_add(*start)).filter(|most| *most <= MOST_FIRST) {
                    first(&mut self.runs, inner, most);
                }
            }
            GraphPattern::Group { inner, aggregates, .. } => {
                let whole = |(_, aggregate): &(_, AggregateExpression)| {
                    matches!(aggregate, AggregateExpression::CountSolutions { distinct: true })
                };
                self.pattern(inner, compared || aggregates.iter().any(whole));
                for (_, aggregate) in aggregates {
                    if let AggregateExpression::FunctionCall { expr, .. } = aggregate {
                        self.expression(expr);
                    }
                }
            }
        }
    }

    /// Fuses what the patterns within an expression have: their solutions are counted by nobody.
    fn expression(&mut self, expression: &mut Expression) {
        for_each_pattern(expression, &mut |pattern| self.pattern(pattern, false));
    }

    /// Fuses the parts of a chain.
    fn chain(&mut self, pattern: &mut GraphPattern, compared: bool) {
        let mut parts = Vec::new();
        let mut rest = std::mem::take(pattern);
        while let GraphPattern::Lateral { left, right } = rest {
            parts.push(*right);
            rest = *left;
        }
        parts.push(rest);
        parts.reverse();
        let mut chain: Option<GraphPattern> = None;
        let mut at = 0;
        while at < parts.len() {
            let run = if compared { None } else { self.run(&parts[at..]) };
            let (mut next, taken) = match run {
                Some(found) => found,
                None => (std::mem::take(&mut parts[at]), 1),
            };
            if taken == 1 && !matches!(next, GraphPattern::Bgp { .. } | GraphPattern::Path { .. }) {
                self.pattern(&mut next, compared);
            }
            chain = Some(match chain {
                None => next,
                Some(before) => GraphPattern::Lateral { left: Box::new(before), right: Box::new(next) },
            });
            at += taken;
        }
        *pattern = chain.unwrap_or_default();
    }

    /// The longest run that some parts begin with, as a pattern, and how many parts it has.
    fn run(&mut self, parts: &[GraphPattern]) -> Option<(GraphPattern, usize)> {
        let links = parts.iter().take(MOST).map_while(Link::of).map(Item::Link);
        let mut items: Vec<Item> = links.collect();
        let (mut count, mut wanted) = (0, None);
        for taken in 1..=items.len() {
            if let Some(found) = self.runs.wanted(&items[..taken]).and_then(|found| self.runs.placed(found, &items[..taken])) {
                (count, wanted) = (taken, Some(found));
            }
        }
        items.truncate(count);
        // A single look-up is the engine's, but a path of alternatives is not.
        let alone = matches!(items.as_slice(), [Item::Link(link)] if link.paths.len() == 1);
        if alone { None } else { wanted.map(|wanted| (self.runs.fused(&items, &wanted, Gathered::Not), count)) }
    }

    /// Lets the dataset count the groups of a run.
    fn groups(&mut self, pattern: &GraphPattern) -> Option<GraphPattern> {
        let mut counted = groups(&mut self.runs, pattern)?;
        if let GraphPattern::Filter { expr, .. } = &mut counted {
            self.expression(expr);
        }
        Some(counted)
    }

    /// Fuses a chain with conditions that are all look-ups.
    fn conditions(&mut self, pattern: &GraphPattern) -> Option<GraphPattern> {
        let items = items_of(pattern)?;
        if items.iter().any(|item| matches!(item, Item::Filter(_))) || too_many(&items) || !keeps_to_itself(&items) {
            return None;
        }
        let wanted = self.runs.wanted(&items).and_then(|wanted| self.runs.placed(wanted, &items))?;
        Some(self.runs.fused(&items, &wanted, Gathered::Not))
    }
}
/// Returns whether a query asks for the name of a graph.
pub(in crate::query) fn names_graphs(query: &Query) -> bool {
    // A word of a literal makes it slower, no more.
    query.to_string().contains("GRAPH")
}
