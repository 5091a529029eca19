//! Runs: patterns that follow one another in a chain become one, which the dataset answers by itself ([`Run`]).
//!
//! A run stands in the query as a triple pattern whose predicate is its name. Such a pattern hands three values back, the third as
//! the name of a graph, so a run has at most three variables that anything else mentions; the others are its own. Each way in which
//! its patterns match is a solution, as before, so counts stay the same. Groups of a run are counted by the dataset too, and what is
//! sorted only for its first solutions comes without those that cannot be among them. Nothing is fused under `GRAPH`, and nothing
//! where whole solutions are compared.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use oxigraph::model::NamedNode;
use oxigraph::sparql::Variable;
use rustc_hash::FxHashMap;
use spargebra::Query;
use spargebra::algebra::{AggregateExpression, Expression, GraphPattern, OrderExpression};
use spargebra::term::{NamedNodePattern, TermPattern, TriplePattern};

use super::expressions::for_each_pattern;
use super::gather::MOST_FIRST;
use super::links::{Item, Link, bound_by, items_of, links_of};
use crate::index::{Gathered, Run, RunEnd, RunPattern, RunPlace, RunStep};

/// The most look-ups of a run.
const MOST: usize = 12;

/// Fuses what can be fused in a query that was ordered.
pub(super) fn fuse(query: &mut Query) -> Vec<Run> {
    let text = query.to_string();
    // Within EXISTS, the engine's MINUS sees every variable that is bound around it, also those that a run would keep to itself.
    if text.contains("EXISTS") && text.contains("MINUS") {
        return Vec::new();
    }
    let mut mentions: FxHashMap<&str, usize> = FxHashMap::default();
    for name in names(&text) {
        *mentions.entry(name).or_default() += 1;
    }
    // What nobody can guess, and no data has.
    let tag = RandomState::new().build_hasher().finish();
    let prefix = format!("urn:libris-mirror:run:{tag:016x}");
    let mut fuser = Fuser { mentions, compares: compares_values(&text), prefix, runs: Vec::new() };
    let (Query::Select { pattern, .. }
    | Query::Construct { pattern, .. }
    | Query::Describe { pattern, .. }
    | Query::Ask { pattern, .. }) = query;
    fuser.pattern(pattern, false);
    fuser.runs
}

/// The variables in the text of a query, each as often as it is there. A word of a literal that looks like one keeps a variable from
/// being a run's own, no more.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(['?', '$']).skip(1).map(|after| {
        let end = after.find(|character: char| !character.is_alphanumeric() && !"_\u{b7}\u{203f}\u{2040}".contains(character));
        &after[..end.unwrap_or(after.len())]
    })
}

/// Whether the text of a query may have a variable beside `=`, or one that is handed on to it. A word of a literal may look so.
fn compares_values(text: &str) -> bool {
    let beside = text.match_indices(" = ").any(|(place, sign)| {
        let before = text[..place].rsplit(|character: char| character.is_whitespace() || character == '(').next();
        before.is_some_and(|word| word.starts_with('?') && !word.ends_with(')')) || text[place + sign.len()..].starts_with('?')
    });
    beside || ["IF(", "COALESCE(", " IN"].iter().any(|word| text.contains(word))
}

pub(super) struct Fuser<'a> {
    mentions: FxHashMap<&'a str, usize>,
    /// Whether variables may be compared by their values.
    compares: bool,
    prefix: String,
    pub(super) runs: Vec<Run>,
}

/// What is wanted at an end of a run, and the variable that it is for.
pub(super) type Wanted = (End, Variable);

/// See [`RunEnd`].
#[derive(Clone)]
pub(super) enum End {
    Variable(Variable),
    Count,
    Different(Variable),
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
                    && let Some(listed) = self.any(below, variables, &[])
                {
                    **below = listed;
                    return;
                }
                self.pattern(inner, true);
            }
            GraphPattern::Slice { inner, start, length } => {
                self.pattern(inner, compared);
                if let Some(most) = length.and_then(|length| length.checked_add(*start)).filter(|most| *most <= MOST_FIRST) {
                    self.first(inner, most);
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
    pub(super) fn expression(&mut self, expression: &mut Expression) {
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
            if let Some(found) = self.wanted(&items[..taken]).and_then(|found| self.placed(found, &items[..taken])) {
                (count, wanted) = (taken, Some(found));
            }
        }
        items.truncate(count);
        // A single look-up is the engine's, but a path of alternatives is not.
        let alone = matches!(items.as_slice(), [Item::Link(link)] if link.paths.len() == 1);
        if alone { None } else { wanted.map(|wanted| (self.fused(&items, &wanted, Gathered::Not), count)) }
    }

    /// Fuses a chain with conditions that are all look-ups.
    fn conditions(&mut self, pattern: &GraphPattern) -> Option<GraphPattern> {
        let items = items_of(pattern)?;
        if items.iter().any(|item| matches!(item, Item::Filter(_))) || too_many(&items) || !keeps_to_itself(&items) {
            return None;
        }
        let wanted = self.wanted(&items).and_then(|wanted| self.placed(wanted, &items))?;
        Some(self.fused(&items, &wanted, Gathered::Not))
    }

    /// The variables of some parts that are mentioned elsewhere too; `None` if look-ups do not give values to all of these.
    pub(super) fn wanted(&self, items: &[Item]) -> Option<Vec<Wanted>> {
        let mut here: Vec<(&Variable, usize)> = Vec::new();
        for name in items.iter().flat_map(links_of).flat_map(Link::variables) {
            match here.iter_mut().find(|(known, _)| *known == name) {
                Some((_, count)) => *count += 1,
                None => here.push((name, 1)),
            }
        }
        let elsewhere = |(name, count): &(&Variable, usize)| self.mentions.get(name.as_str()).is_none_or(|all| all > count);
        let shared = here.into_iter().filter(elsewhere).map(|(name, _)| name);
        shared
            .map(|name| bound_by(items).any(|bound| bound == name).then(|| (End::Variable(name.clone()), name.clone())))
            .collect()
    }

    /// The places at which a run hands on what is wanted; `None` if it is too much. The engine takes what is a subject or a graph
    /// for no literal, and compares it otherwise: so what is there is the subject of a look-up too, or is not compared.
    pub(super) fn placed(&self, wanted: Vec<Wanted>, items: &[Item]) -> Option<[Option<Wanted>; 3]> {
        let is_subject = |(end, _): &Wanted| {
            match end {
            End::Variable(name) => items.iter().any(|item| {
                matches!(item, Item::Link(link) if link.subject == TermPattern::Variable(name.clone()) && !link.is_reversed())
            }),
            _ => false,
        }
        };
        let (subjects, mut others): (Vec<Wanted>, Vec<Wanted>) = wanted.into_iter().partition(is_subject);
        let object = others.pop();
        if !others.is_empty() && self.compares {
            return None;
        }
        let mut rest = subjects.into_iter().chain(others);
        let (subject, mut graph) = (rest.next(), rest.next());
        let object = object.or_else(|| graph.take());
        if rest.next().is_some() { None } else { Some([subject, object, graph]) }
    }

    pub(super) fn fused(&mut self, items: &[Item], wanted: &[Option<Wanted>; 3], gathered: Gathered) -> GraphPattern {
        let mut variables: Vec<Variable> = Vec::new();
        let steps = items.iter().filter_map(|item| match item {
            Item::Link(link) => Some(RunStep::Matches(placed_link(link, &mut variables))),
            Item::Exists { exists, links } => {
                let patterns = links.iter().map(|link| placed_link(link, &mut variables)).collect();
                Some(RunStep::Exists { exists: *exists, patterns })
            }
            Item::Filter(_) => None,
        });
        let steps = steps.collect();
        self.named(steps, variables, wanted, gathered)
    }

    /// All triples, counted.
    pub(super) fn counted(&mut self, predicate: &Variable, wanted: &[Option<Wanted>; 3]) -> GraphPattern {
        self.named(vec![RunStep::Any(0)], vec![predicate.clone()], wanted, Gathered::Groups)
    }

    /// A run, and the pattern that stands for it.
    fn named(
        &mut self,
        steps: Vec<RunStep>,
        mut variables: Vec<Variable>,
        wanted: &[Option<Wanted>; 3],
        gathered: Gathered,
    ) -> GraphPattern {
        let name = NamedNode::new_unchecked(format!("{}:{}", self.prefix, self.runs.len()));
        let ends = wanted.each_ref().map(|wanted| {
            wanted.as_ref().map(|(end, _)| match end {
                End::Variable(name) => RunEnd::Variable(numbered(name, &mut variables)),
                End::Count => RunEnd::Count,
                End::Different(name) => RunEnd::Different(numbered(name, &mut variables)),
            })
        });
        let count = u8::try_from(variables.len()).unwrap_or(u8::MAX);
        self.runs.push(Run { name: name.clone(), steps, variables: count, ends, gathered });
        let [subject, object, graph] = wanted.each_ref().map(|wanted| wanted.as_ref().map(|(_, variable)| variable.clone()));
        let end = |end: Option<Variable>| end.map_or_else(|| name.clone().into(), TermPattern::from);
        let triple = TriplePattern { subject: end(subject), predicate: name.clone().into(), object: end(object) };
        let pattern = GraphPattern::Bgp { patterns: vec![triple] };
        match graph {
            Some(graph) => GraphPattern::Graph { name: NamedNodePattern::Variable(graph), inner: Box::new(pattern) },
            None => pattern,
        }
    }
}

pub(super) fn too_many(items: &[Item]) -> bool {
    items.iter().map(|item| links_of(item).len()).sum::<usize>() > MOST
}

/// Whether no condition mentions a variable that a later look-up would give another meaning.
pub(super) fn keeps_to_itself(items: &[Item]) -> bool {
    items.iter().enumerate().all(|(place, item)| {
        let Item::Exists { links, .. } = item else { return true };
        let (before, after) = items.split_at(place);
        links.iter().flat_map(Link::variables).all(|name| {
            let mut others = after.iter().skip(1).flat_map(links_of).flat_map(Link::variables);
            bound_by(before).any(|bound| bound == name) || !others.any(|other| other == name)
        })
    })
}

/// A look-up with numbers for its variables.
fn placed_link(link: &Link, variables: &mut Vec<Variable>) -> RunPattern {
    let mut place = |end: &TermPattern| match end {
        TermPattern::Variable(name) => RunPlace::Variable(numbered(name, variables)),
        TermPattern::NamedNode(node) => RunPlace::Is(node.clone().into()),
        TermPattern::Literal(literal) => RunPlace::Is(literal.clone().into()),
        TermPattern::BlankNode(node) => RunPlace::Is(node.clone().into()),
    };
    let (subject, object) = (place(&link.subject), place(&link.object));
    RunPattern { subject, paths: link.paths.clone(), object }
}

/// The number of a variable, which gets one if it has none.
fn numbered(name: &Variable, variables: &mut Vec<Variable>) -> u8 {
    let place = variables.iter().position(|known| known == name).unwrap_or_else(|| {
        variables.push(name.clone());
        variables.len() - 1
    });
    // A run has two for each of its few steps.
    u8::try_from(place).unwrap_or(u8::MAX)
}

/// Returns whether a query asks for the name of a graph.
pub(in crate::query) fn names_graphs(query: &Query) -> bool {
    // A word of a literal makes it slower, no more.
    query.to_string().contains("GRAPH")
}
