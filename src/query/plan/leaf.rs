//! The parts of a group that the engine looks up directly: triple patterns, paths, `VALUES`.
//!
//! `Lateral(A, leaf)` equals `Join(A, leaf)` for any `A`: a variable that `A` leaves unbound, the leaf binds, and a row of
//! `VALUES` is merged if it is compatible (read in spareval 0.2.9). Only a path's *number* of solutions may depend on which ends are
//! bound. It does not for alternatives and stars, whose solutions are distinct; it does for negated sets, which therefore become
//! triple patterns with a filter.

use oxigraph::model::NamedNode;
use oxigraph::sparql::Variable;
use spargebra::algebra::{Expression, GraphPattern, PropertyPathExpression};
use spargebra::term::{GroundTerm, NamedNodePattern, TermPattern, TriplePattern};

use super::fresh::Fresh;
use super::variables::{Bound, Graph, Set, bound};

/// A part that is looked up directly, and the graph that it stands in.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    pub kind: Kind,
    pub graph: Graph,
}

/// The kinds of [`Leaf`].
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Triple(TriplePattern),
    Path {
        subject: TermPattern,
        path: PropertyPathExpression,
        object: TermPattern,
    },
    /// A path `!(…)`: any predicate but these.
    Negated {
        subject: TermPattern,
        predicate: Variable,
        object: TermPattern,
        names: Vec<NamedNode>,
    },
    Values {
        variables: Vec<Variable>,
        bindings: Vec<Vec<Option<GroundTerm>>>,
    },
    /// `GRAPH ?g {}`: the names of graphs.
    Names,
}

impl Leaf {
    /// Turns a negated set into a triple pattern and a filter. `seen` has a value before.
    pub(super) fn expanded(self, fresh: &Fresh, seen: &Set) -> Self {
        let constant = |term: &TermPattern| !matches!(term, TermPattern::Variable(name) if !seen.contains(name));
        let Self { kind, graph } = self;
        let kind = match kind {
            // Between two values the engine answers once, and always does.
            Kind::Path { subject, path: PropertyPathExpression::NegatedPropertySet(names), object }
                if !(constant(&subject) && constant(&object)) =>
            {
                Kind::Negated { subject, predicate: fresh.variable(), object, names }
            }
            other => other,
        };
        Self { kind, graph }
    }

    /// Returns whether it is a negated set between ends of which one perhaps has a value before: then it is not known whether it
    /// answers once.
    pub(super) fn is_doubtful(&self, seen: &Set, given: &Set) -> bool {
        let Kind::Path { subject, path: PropertyPathExpression::NegatedPropertySet(_), object } = &self.kind else {
            return false;
        };
        let doubtful = |name| seen.contains(name) && !given.contains(name);
        [subject, object].into_iter().any(|end| matches!(end, TermPattern::Variable(name) if doubtful(name)))
    }

    /// Returns its pattern, without its graph.
    pub(super) fn bare(&self) -> GraphPattern {
        match &self.kind {
            Kind::Triple(triple) => GraphPattern::Bgp { patterns: vec![triple.clone()] },
            Kind::Path { subject, path, object } => {
                GraphPattern::Path { subject: subject.clone(), path: path.clone(), object: object.clone() }
            }
            Kind::Negated { subject, predicate, object, names } => {
                let predicate = predicate.clone();
                let triple = triple(subject.clone(), predicate.clone(), object.clone());
                let listed = names.iter().cloned().map(Expression::from).collect();
                let expr = Expression::Not(Box::new(Expression::In(Box::new(predicate.into()), listed)));
                GraphPattern::Filter { expr, inner: Box::new(GraphPattern::Bgp { patterns: vec![triple] }) }
            }
            Kind::Values { variables, bindings } => {
                GraphPattern::Values { variables: variables.clone(), bindings: bindings.clone() }
            }
            Kind::Names => GraphPattern::default(),
        }
    }

    /// Returns its pattern.
    pub(super) fn pattern(&self) -> GraphPattern {
        match (&self.kind, &self.graph) {
            (Kind::Values { .. }, _) | (_, None) => self.bare(),
            (_, Some(name)) => GraphPattern::Graph { name: name.clone(), inner: Box::new(self.bare()) },
        }
    }

    pub(super) fn bound(&self) -> Bound {
        bound(&self.pattern(), &None)
    }

    /// Returns what the engine calls it in its explanations.
    pub(super) fn label(&self) -> Option<String> {
        let graph = self.graph.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
        match &self.kind {
            Kind::Triple(TriplePattern { subject, predicate, object }) => {
                Some(format!("QuadPattern({subject} {predicate} {object}{graph})"))
            }
            Kind::Negated { subject, predicate, object, .. } => {
                Some(format!("QuadPattern({subject} {predicate} {object}{graph})"))
            }
            Kind::Path { subject, path, object } => Some(format!("Path({subject} {path} {object}{graph})")),
            Kind::Names => Some(format!("Graph({})", graph.trim_start())),
            Kind::Values { .. } => None,
        }
    }

    /// Returns whether the number of its solutions depends on what is bound before: `?a <p>+ ?b` in an unknown graph, with both
    /// ends known, is found once for each first step.
    pub(super) fn is_fickle(&self, known: impl Fn(&Variable) -> bool) -> bool {
        let (Kind::Path { subject, path, object }, Some(NamedNodePattern::Variable(graph))) = (&self.kind, &self.graph) else {
            return false;
        };
        let closed = [subject, object].into_iter().all(|end| !matches!(end, TermPattern::Variable(end) if !known(end)));
        matches!(path, PropertyPathExpression::OneOrMore(_)) && closed && !known(graph)
    }
}

/// A part of a group.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Leaf(Leaf),
    /// Anything else, under a graph.
    Whole(GraphPattern, Graph),
}

impl Part {
    pub(super) fn bound(&self) -> Bound {
        match self {
            Self::Leaf(leaf) => leaf.bound(),
            Self::Whole(pattern, graph) => bound(pattern, graph),
        }
    }
}

/// Takes joins apart.
pub(super) fn flatten(pattern: &GraphPattern, graph: &Graph, fresh: &Fresh, parts: &mut Vec<Part>) {
    let mut leaf = |kind| parts.push(Part::Leaf(Leaf { kind, graph: graph.clone() }));
    match pattern {
        GraphPattern::Bgp { patterns } if patterns.is_empty() => {
            if graph.is_some() {
                leaf(Kind::Names);
            }
        }
        GraphPattern::Bgp { patterns } => patterns.iter().cloned().map(Kind::Triple).for_each(leaf),
        GraphPattern::Path { subject, path, object } => {
            steps(subject.clone(), path, object.clone(), fresh, &mut leaf);
        }
        GraphPattern::Values { variables, bindings } => {
            leaf(Kind::Values { variables: variables.clone(), bindings: bindings.clone() });
        }
        GraphPattern::Join { left, right } => {
            flatten(left, graph, fresh, parts);
            flatten(right, graph, fresh, parts);
        }
        GraphPattern::Graph { name, inner } => flatten(inner, &Some(name.clone()), fresh, parts),
        other => parts.push(Part::Whole(other.clone(), graph.clone())),
    }
}

/// Takes sequences and inverses apart, as the parser does with those that it reads.
fn steps(subject: TermPattern, path: &PropertyPathExpression, object: TermPattern, fresh: &Fresh, leaf: &mut impl FnMut(Kind)) {
    match path {
        PropertyPathExpression::NamedNode(name) => leaf(Kind::Triple(triple(subject, name.clone(), object))),
        PropertyPathExpression::Reverse(inner) => steps(object, inner, subject, fresh, leaf),
        PropertyPathExpression::Sequence(first, second) => {
            let middle = fresh.variable();
            steps(subject, first, middle.clone().into(), fresh, leaf);
            steps(middle.into(), second, object, fresh, leaf);
        }
        other => leaf(Kind::Path { subject, path: other.clone(), object }),
    }
}

fn triple(subject: TermPattern, predicate: impl Into<NamedNodePattern>, object: TermPattern) -> TriplePattern {
    TriplePattern { subject, predicate: predicate.into(), object }
}
