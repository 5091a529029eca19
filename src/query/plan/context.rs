//! What surrounds a pattern: the graph that it stands in, and the variables that have a value before it.

use oxigraph::sparql::Variable;
use spargebra::algebra::GraphPattern;
use spargebra::term::NamedNodePattern;

use super::cost::Known;
use super::fresh::Fresh;
use super::variables::{Bound, Graph, Set};

/// What surrounds a pattern.
#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    /// The graph that it stands in.
    pub graph: Graph,
    /// Variables that have a value in every evaluation, because a pattern within an expression begins with a solution.
    pub given: Set,
    /// Variables that may have one.
    pub seen: Set,
    /// Variables that have one in most evaluations: for costs only.
    pub known: Known,
    /// Variables that patterns around an expression mention, visible or not.
    pub around: Set,
    /// Whether this is a pattern within an expression. The engine orders nothing there, and moves no filters.
    pub inside: bool,
    /// Whether it is evaluated for each solution of something.
    pub looping: bool,
    /// Whether solutions are compared as a whole, so that no variable may be added.
    pub compared: bool,
}

impl Context {
    /// Returns the context of a pattern within an expression that sees `bound`.
    pub(super) fn within(&self, bound: &Bound) -> Self {
        let mut inner = Self { inside: true, looping: true, ..self.clone() };
        inner.given.extend(bound.certain.iter().cloned());
        inner.seen.extend(bound.maybe.iter().cloned());
        inner.known.add_unknown(&bound.likely);
        inner
    }

    /// Returns the context of a part that is evaluated for each solution of others, which bind `names`.
    pub(super) fn after(&self, names: &Set) -> Self {
        let mut inner = Self { looping: true, ..self.clone() };
        inner.known.add_unknown(names);
        inner
    }

    pub(super) fn projected(&self, variables: &[Variable], fresh: &Fresh) -> Self {
        let kept = |names: &Set| names.iter().filter(|name| variables.contains(name)).cloned().collect::<Set>();
        let graph = self.graph.as_ref().map(|name| match name {
            NamedNodePattern::Variable(name) if !variables.contains(name) => fresh.variable().into(),
            name => name.clone(),
        });
        let mut known = Known::default();
        known.add_unknown(&kept(&self.known.names()));
        Self { graph, given: kept(&self.given), seen: kept(&self.seen), known, compared: false, ..self.clone() }
    }
}

/// Returns a pattern under a graph.
pub(super) fn in_graph(pattern: GraphPattern, graph: &Graph) -> GraphPattern {
    match graph {
        Some(name) => GraphPattern::Graph { name: name.clone(), inner: Box::new(pattern) },
        None => pattern,
    }
}
