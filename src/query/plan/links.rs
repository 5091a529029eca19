//! What a run can have: look-ups, and whether others match.

use oxigraph::sparql::Variable;
use spargebra::algebra::{Expression, GraphPattern, PropertyPathExpression};
use spargebra::term::{NamedNodePattern, TermPattern, TriplePattern};

use super::expressions::split;
use crate::index::RunEdge;

/// A look-up.
pub(super) struct Link {
    pub subject: TermPattern,
    pub paths: Vec<Vec<RunEdge>>,
    pub object: TermPattern,
}

/// A part of a chain.
pub(super) enum Item {
    Link(Link),
    /// Whether some look-ups match together.
    Exists {
        exists: bool,
        links: Vec<Link>,
    },
    /// Any other condition.
    Filter(Expression),
}

impl Link {
    pub(super) fn of(pattern: &GraphPattern) -> Option<Self> {
        let (subject, paths, object) = match pattern {
            GraphPattern::Bgp { patterns } => {
                let [TriplePattern { subject, predicate: NamedNodePattern::NamedNode(name), object }] = patterns.as_slice()
                else {
                    return None;
                };
                (subject, vec![vec![RunEdge { predicate: name.clone(), reversed: false }]], object)
            }
            GraphPattern::Path { subject, path, object } => {
                let mut paths = Vec::new();
                alternatives(path, &mut paths)?;
                // A path that is no alternative counts in every way in which it matches.
                if matches!(paths.as_slice(), [only] if only.len() > 1) {
                    return None;
                }
                (subject, paths, object)
            }
            _ => return None,
        };
        let takes = |end: &TermPattern| !matches!(end, TermPattern::BlankNode(_));
        (takes(subject) && takes(object)).then(|| Self { subject: subject.clone(), paths, object: object.clone() })
    }

    /// The look-ups of a chain that has nothing else.
    fn all_of(pattern: &GraphPattern) -> Option<Vec<Self>> {
        match pattern {
            GraphPattern::Lateral { left, right } => {
                let mut links = Self::all_of(left)?;
                links.push(Self::of(right)?);
                Some(links)
            }
            _ => Some(vec![Self::of(pattern)?]),
        }
    }

    /// Whether its subject may be the object of what it looks up.
    pub(super) fn is_reversed(&self) -> bool {
        self.paths.iter().flatten().any(|edge| edge.reversed)
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = &Variable> {
        [&self.subject, &self.object].into_iter().filter_map(|end| match end {
            TermPattern::Variable(name) => Some(name),
            _ => None,
        })
    }
}

/// The paths of a path that is nothing but alternatives, of which each is nothing but properties in a sequence.
fn alternatives(path: &PropertyPathExpression, paths: &mut Vec<Vec<RunEdge>>) -> Option<()> {
    if let PropertyPathExpression::Alternative(one, other) = path {
        alternatives(one, paths)?;
        return alternatives(other, paths);
    }
    let mut edges = Vec::new();
    sequence(path, false, &mut edges)?;
    paths.push(edges);
    Some(())
}

fn sequence(path: &PropertyPathExpression, reversed: bool, edges: &mut Vec<RunEdge>) -> Option<()> {
    match path {
        PropertyPathExpression::NamedNode(name) => edges.push(RunEdge { predicate: name.clone(), reversed }),
        PropertyPathExpression::Reverse(path) => return sequence(path, !reversed, edges),
        PropertyPathExpression::Sequence(one, other) => {
            let (first, second) = if reversed { (other, one) } else { (one, other) };
            sequence(first, reversed, edges)?;
            return sequence(second, reversed, edges);
        }
        _ => return None,
    }
    Some(())
}

/// The parts of a chain with conditions; `None` if it has anything else.
pub(super) fn items_of(pattern: &GraphPattern) -> Option<Vec<Item>> {
    match pattern {
        GraphPattern::Lateral { left, right } => {
            let mut items = items_of(left)?;
            items.extend(items_of(right)?);
            Some(items)
        }
        GraphPattern::Filter { expr, inner } => {
            let mut items = items_of(inner)?;
            let mut conditions = Vec::new();
            split(expr.clone(), &mut conditions);
            items.extend(conditions.into_iter().map(|condition| exists(&condition).unwrap_or(Item::Filter(condition))));
            Some(items)
        }
        _ => Some(vec![Item::Link(Link::of(pattern)?)]),
    }
}

fn exists(condition: &Expression) -> Option<Item> {
    let (exists, pattern) = match condition {
        Expression::Exists(pattern) => (true, pattern),
        Expression::Not(inner) => match &**inner {
            Expression::Exists(pattern) => (false, pattern),
            _ => return None,
        },
        _ => return None,
    };
    Some(Item::Exists { exists, links: Link::all_of(pattern)? })
}

/// The variables that the look-ups of some parts give values to.
pub(super) fn bound_by(items: &[Item]) -> impl Iterator<Item = &Variable> {
    items.iter().flat_map(|item| match item {
        Item::Link(link) => Some(link).into_iter().flat_map(Link::variables),
        _ => None.into_iter().flat_map(Link::variables),
    })
}

/// The look-ups of a part.
pub(super) fn links_of(item: &Item) -> &[Link] {
    match item {
        Item::Link(link) => std::slice::from_ref(link),
        Item::Exists { links, .. } => links,
        Item::Filter(_) => &[],
    }
}
