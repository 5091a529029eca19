//! Making runs: what they hand on, and where.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use oxigraph::model::NamedNode;
use oxigraph::sparql::Variable;
use rustc_hash::FxHashMap;
use spargebra::algebra::GraphPattern;
use spargebra::term::{NamedNodePattern, TermPattern, TriplePattern};

use super::links::{Item, Link, bound_by, links_of};
use crate::index::{Gathered, Run, RunEnd, RunPattern, RunPlace, RunStep};

/// The most look-ups of a run.
pub(super) const MOST: usize = 12;

/// The runs of a query.
pub(super) struct Runs<'a> {
    /// How often the query mentions each variable.
    mentions: FxHashMap<&'a str, usize>,
    /// Whether variables may be compared by their values.
    compares: bool,
    prefix: String,
    /// Those that were made.
    pub made: Vec<Run>,
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

impl<'a> Runs<'a> {
    /// Begins, for the text of a query.
    pub(super) fn new(text: &'a str) -> Self {
        let mut mentions: FxHashMap<&str, usize> = FxHashMap::default();
        for name in names(text) {
            *mentions.entry(name).or_default() += 1;
        }
        // What nobody can guess, and no data has.
        let tag = RandomState::new().build_hasher().finish();
        Self { mentions, compares: compares_values(text), prefix: format!("urn:libris-mirror:run:{tag:016x}"), made: Vec::new() }
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
        let is_subject = |(end, _): &Wanted| items.iter().any(|item| has_subject(item, end));
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
        let name = NamedNode::new_unchecked(format!("{}:{}", self.prefix, self.made.len()));
        let ends = wanted.each_ref().map(|wanted| {
            wanted.as_ref().map(|(end, _)| match end {
                End::Variable(name) => RunEnd::Variable(numbered(name, &mut variables)),
                End::Count => RunEnd::Count,
                End::Different(name) => RunEnd::Different(numbered(name, &mut variables)),
            })
        });
        let count = u8::try_from(variables.len()).unwrap_or(u8::MAX);
        self.made.push(Run { name: name.clone(), steps, variables: count, ends, gathered });
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

/// Whether a look-up takes what stands at an end for its subject, so that it is no literal.
fn has_subject(item: &Item, end: &End) -> bool {
    match (item, end) {
        (Item::Link(link), End::Variable(name)) => link.subject == TermPattern::Variable(name.clone()) && !link.is_reversed(),
        _ => false,
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
