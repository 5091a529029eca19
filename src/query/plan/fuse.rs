//! Runs: patterns that follow one another in a chain become one, which the dataset answers by itself ([`Run`]).
//!
//! A run stands in the query as a triple pattern whose predicate is its name. Such a pattern hands two values back, so a run has at
//! most two variables that anything else mentions; the others are its own. Each way in which its patterns match is a solution, as
//! before, so counts stay the same. Nothing is fused under `GRAPH`, and nothing where whole solutions are compared.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use oxigraph::model::NamedNode;
use oxigraph::sparql::Variable;
use rustc_hash::FxHashMap;
use spargebra::Query;
use spargebra::algebra::{AggregateExpression, Expression, GraphPattern, OrderExpression, PropertyPathExpression};
use spargebra::term::{NamedNodePattern, TermPattern, TriplePattern};

use super::expressions::for_each_pattern;
use crate::index::{Run, RunPlace, RunStep};

/// The longest run.
const MOST: usize = 12;

/// Fuses what can be fused in a query that was ordered.
pub(super) fn fuse(query: &mut Query) -> Vec<Run> {
    let text = query.to_string();
    let mut mentions: FxHashMap<&str, usize> = FxHashMap::default();
    for name in names(&text) {
        *mentions.entry(name).or_default() += 1;
    }
    // What nobody can guess, and no data has.
    let tag = RandomState::new().build_hasher().finish();
    let prefix = format!("urn:libris-mirror:run:{tag:016x}");
    let mut fuser = Fuser { mentions, prefix, runs: Vec::new() };
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

struct Fuser<'a> {
    mentions: FxHashMap<&'a str, usize>,
    prefix: String,
    runs: Vec<Run>,
}

/// A pattern that a run can have.
struct Link {
    subject: TermPattern,
    predicates: Vec<NamedNode>,
    object: TermPattern,
}

impl Link {
    fn of(pattern: &GraphPattern) -> Option<Self> {
        let (subject, predicates, object) = match pattern {
            GraphPattern::Bgp { patterns } => {
                let [TriplePattern { subject, predicate: NamedNodePattern::NamedNode(name), object }] = patterns.as_slice()
                else {
                    return None;
                };
                (subject, vec![name.clone()], object)
            }
            GraphPattern::Path { subject, path, object } => {
                let mut predicates = Vec::new();
                alternatives(path, &mut predicates)?;
                (subject, predicates, object)
            }
            _ => return None,
        };
        let takes = |end: &TermPattern| !matches!(end, TermPattern::BlankNode(_));
        (takes(subject) && takes(object)).then(|| Self { subject: subject.clone(), predicates, object: object.clone() })
    }

    fn variables(&self) -> impl Iterator<Item = &Variable> {
        [&self.subject, &self.object].into_iter().filter_map(|end| match end {
            TermPattern::Variable(name) => Some(name),
            _ => None,
        })
    }
}

/// Lists the predicates of a path that is nothing but alternatives.
fn alternatives(path: &PropertyPathExpression, predicates: &mut Vec<NamedNode>) -> Option<()> {
    match path {
        PropertyPathExpression::NamedNode(name) => predicates.push(name.clone()),
        PropertyPathExpression::Alternative(one, other) => {
            alternatives(one, predicates)?;
            alternatives(other, predicates)?;
        }
        _ => return None,
    }
    Some(())
}

impl Fuser<'_> {
    /// Fuses what a pattern has. Where whole solutions are `compared`, every variable counts, and nothing is fused.
    fn pattern(&mut self, pattern: &mut GraphPattern, compared: bool) {
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
            GraphPattern::Distinct { inner } | GraphPattern::Reduced { inner } => self.pattern(inner, true),
            GraphPattern::Slice { inner, .. } => self.pattern(inner, compared),
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
        let links: Vec<Link> = parts.iter().take(MOST).map_while(Link::of).collect();
        let (mut count, mut ends) = (0, [None, None]);
        for taken in 1..=links.len() {
            if let Some(found) = placed(self.shared(&links[..taken]), &links[..taken]) {
                (count, ends) = (taken, found);
            }
        }
        // A single look-up is the engine's, but a path of alternatives is not.
        if count == 0 || (count == 1 && links[0].predicates.len() == 1) {
            return None;
        }
        Some((self.fused(&links[..count], &ends), count))
    }

    /// The variables of some links that are mentioned elsewhere too.
    fn shared(&self, links: &[Link]) -> Vec<Variable> {
        let mut here: Vec<(&Variable, usize)> = Vec::new();
        for name in links.iter().flat_map(Link::variables) {
            match here.iter_mut().find(|(known, _)| *known == name) {
                Some((_, count)) => *count += 1,
                None => here.push((name, 1)),
            }
        }
        let elsewhere = |(name, count): &(&Variable, usize)| self.mentions.get(name.as_str()).is_none_or(|all| all > count);
        here.into_iter().filter(elsewhere).map(|(name, _)| name.clone()).collect()
    }

    fn fused(&mut self, links: &[Link], ends: &[Option<Variable>; 2]) -> GraphPattern {
        let name = NamedNode::new_unchecked(format!("{}:{}", self.prefix, self.runs.len()));
        let mut variables: Vec<Variable> = Vec::new();
        let mut place = |end: &TermPattern| match end {
            TermPattern::Variable(name) => RunPlace::Variable(numbered(name, &mut variables)),
            TermPattern::NamedNode(node) => RunPlace::Is(node.clone().into()),
            TermPattern::Literal(literal) => RunPlace::Is(literal.clone().into()),
            TermPattern::BlankNode(node) => RunPlace::Is(node.clone().into()),
        };
        let mut steps = Vec::new();
        for Link { subject, predicates, object } in links {
            steps.push(RunStep { subject: place(subject), predicates: predicates.clone(), object: place(object) });
        }
        let numbers = ends.each_ref().map(|end| end.as_ref().map(|end| numbered(end, &mut variables)));
        let count = u8::try_from(variables.len()).unwrap_or(u8::MAX);
        self.runs.push(Run { name: name.clone(), steps, variables: count, ends: numbers });
        let end = |end: &Option<Variable>| end.clone().map_or_else(|| name.clone().into(), TermPattern::from);
        let triple = TriplePattern { subject: end(&ends[0]), predicate: name.clone().into(), object: end(&ends[1]) };
        GraphPattern::Bgp { patterns: vec![triple] }
    }
}

/// Which of the variables that others mention is the subject of a run, and which its object. The engine takes what is a subject for no
/// literal, and compares it otherwise: so the subject is one that a look-up has there too.
fn placed(shared: Vec<Variable>, links: &[Link]) -> Option<[Option<Variable>; 2]> {
    let is_subject = |name: &Variable| links.iter().any(|link| link.subject == TermPattern::Variable(name.clone()));
    match <[Variable; 2]>::try_from(shared) {
        Ok([one, other]) if is_subject(&one) => Some([Some(one), Some(other)]),
        Ok([one, other]) if is_subject(&other) => Some([Some(other), Some(one)]),
        Ok(_) => None,
        Err(mut fewer) => {
            let one = fewer.pop();
            fewer.is_empty().then(|| if one.as_ref().is_some_and(is_subject) { [one, None] } else { [None, one] })
        }
    }
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
