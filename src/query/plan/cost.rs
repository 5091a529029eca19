//! How many solutions a part of a group is expected to give for each solution of what stands before it.

use std::collections::BTreeMap;

use oxigraph::model::Term;
use oxigraph::sparql::Variable;
use spargebra::algebra::{GraphPattern, PropertyPathExpression};
use spargebra::term::{GroundTerm, NamedNodePattern, TermPattern, TriplePattern};

use super::counts::Remembered;
use super::leaf::{Kind, Leaf};
use super::variables::{Graph, Set};

/// The values of a `VALUES` that are looked up one by one; more of them are sampled.
const SAMPLE: usize = 16;

/// The triples of a graph, about: a record has some dozens.
const ROWS_OF_A_GRAPH: f64 = 100.0;

/// Solutions of a path with `*` or `+` for each of its first step, about.
const STEPS: f64 = 4.0;

/// What is known of the variables that are bound so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(BTreeMap<Variable, Values>);

#[derive(Debug, Clone)]
struct Values {
    /// Distinct values, about; 0 if nothing is known of them.
    distinct: f64,
    /// Some of them, if the query lists them.
    listed: Vec<Term>,
}

impl Known {
    pub(super) fn has(&self, variable: &Variable) -> bool {
        self.0.contains_key(variable)
    }

    pub(super) fn names(&self) -> Set {
        self.0.keys().cloned().collect()
    }

    /// Adds variables that are bound, each with this many values.
    pub(super) fn add(&mut self, names: &Set, distinct: f64) {
        for name in names {
            self.0.entry(name.clone()).or_insert(Values { distinct, listed: Vec::new() });
        }
    }

    /// Adds variables that are bound to nobody knows how many values.
    pub(super) fn add_unknown(&mut self, names: &Set) {
        self.add(names, 0.0);
    }

    /// Leaves no variable with more values than there are solutions.
    pub(super) fn shrink(&mut self, rows: f64) {
        for values in self.0.values_mut() {
            values.distinct = values.distinct.min(rows.max(1.0));
        }
    }
}

/// A place of a pattern.
enum Place<'a> {
    Is(Term),
    Known(&'a Values),
    Free,
}

impl Place<'_> {
    fn term(&self) -> Option<&Term> {
        if let Self::Is(term) = self { Some(term) } else { None }
    }

    fn is_free(&self) -> bool {
        matches!(self, Self::Free)
    }

    /// Returns the share of rows that one value has, in `all` distinct values of which the rows have at most `some`.
    fn share(&self, all: u64, some: f64) -> f64 {
        match self {
            Self::Known(Values { distinct, .. }) if *distinct > 0.0 => 1.0 / number(all).min(some).max(*distinct).max(1.0),
            Self::Known(_) => 1.0 / number(all).max(1.0),
            Self::Is(_) | Self::Free => 1.0,
        }
    }
}

/// The costs of one query.
pub(super) struct Costs<'a> {
    pub counts: Remembered<'a>,
}

#[expect(clippy::cast_precision_loss, reason = "estimates")]
fn number(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "estimates")]
fn length<T>(list: &[T]) -> f64 {
    list.len() as f64
}

fn place<'a>(term: &TermPattern, known: &'a Known) -> Place<'a> {
    match term {
        TermPattern::NamedNode(node) => Place::Is(node.clone().into()),
        TermPattern::Literal(literal) => Place::Is(literal.clone().into()),
        TermPattern::Variable(name) => known.0.get(name).map_or(Place::Free, Place::Known),
        TermPattern::BlankNode(_) => Place::Free,
    }
}

impl Costs<'_> {
    /// Returns the expected solutions of a leaf for each one before it.
    pub(super) fn leaf(&self, leaf: &Leaf, known: &Known) -> f64 {
        let (rows, lookup) = match &leaf.kind {
            Kind::Triple(TriplePattern { subject, predicate, object }) => self.triple(subject, predicate, object, known),
            Kind::Negated { subject, predicate, object, .. } => self.triple(subject, &predicate.clone().into(), object, known),
            Kind::Path { subject, path, object } => {
                let ends = (place(subject, known), place(object, known));
                let lookup = !ends.0.is_free() || !ends.1.is_free();
                (self.path(path, &ends.0, &ends.1), lookup)
            }
            Kind::Values { variables, bindings } => return values(variables, bindings, known),
            Kind::Names => (number(self.counts.totals().rows) / ROWS_OF_A_GRAPH, false),
        };
        let graph_known = match &leaf.graph {
            None => false,
            Some(NamedNodePattern::NamedNode(_)) => true,
            Some(NamedNodePattern::Variable(name)) => known.has(name),
        };
        match (graph_known, lookup) {
            (true, false) => rows * (ROWS_OF_A_GRAPH / number(self.counts.totals().rows).max(1.0)).min(1.0),
            (true, true) => rows.min(ROWS_OF_A_GRAPH),
            (false, _) => rows,
        }
    }

    /// Returns the rows of a triple pattern, and whether its subject or object is known.
    fn triple(&self, subject: &TermPattern, predicate: &NamedNodePattern, object: &TermPattern, known: &Known) -> (f64, bool) {
        let ends = (place(subject, known), place(object, known));
        let predicate_place = match predicate {
            NamedNodePattern::NamedNode(name) => Place::Is(name.clone().into()),
            NamedNodePattern::Variable(name) => known.0.get(name).map_or(Place::Free, Place::Known),
        };
        let mut rows = self.places(&ends.0, &predicate_place, &ends.1);
        if let (TermPattern::Variable(one), TermPattern::Variable(other)) = (subject, object)
            && one == other
        {
            rows /= number(self.counts.totals().subjects).sqrt().max(1.0);
        }
        (rows, !ends.0.is_free() || !ends.1.is_free())
    }

    fn places(&self, subject: &Place<'_>, predicate: &Place<'_>, object: &Place<'_>) -> f64 {
        // Values that the query lists are looked up, in one place.
        for (which, listed) in [(0, subject), (1, predicate), (2, object)] {
            if let Place::Known(values) = listed
                && !values.listed.is_empty()
            {
                let sum: f64 = values
                    .listed
                    .iter()
                    .map(|term| {
                        let at = Place::Is(term.clone());
                        match which {
                            0 => self.places(&at, predicate, object),
                            1 => self.places(subject, &at, object),
                            _ => self.places(subject, predicate, &at),
                        }
                    })
                    .sum();
                return sum / length(&values.listed);
            }
        }
        let totals = self.counts.totals();
        let (subjects, objects, name) = match predicate.term() {
            Some(Term::NamedNode(name)) => {
                let counts = self.counts.predicate(name);
                (counts.subjects, counts.objects, Some(name))
            }
            Some(_) => return 0.0,
            None => (totals.subjects, totals.objects, None),
        };
        let rows = number(self.counts.matching(subject.term(), name, object.term()));
        rows * subject.share(subjects, rows) * object.share(objects, rows) * predicate.share(totals.predicates, rows)
    }

    fn path(&self, path: &PropertyPathExpression, subject: &Place<'_>, object: &Place<'_>) -> f64 {
        let closed = !subject.is_free() && !object.is_free();
        let nodes = || number(self.counts.totals().subjects) + number(self.counts.totals().objects);
        match path {
            PropertyPathExpression::NamedNode(name) => self.places(subject, &Place::Is(name.clone().into()), object),
            PropertyPathExpression::Reverse(inner) => self.path(inner, object, subject),
            PropertyPathExpression::Sequence(first, second) => {
                let middle = Values { distinct: 1.0, listed: Vec::new() };
                if subject.is_free() && !object.is_free() {
                    self.path(second, &Place::Free, object) * self.path(first, subject, &Place::Known(&middle))
                } else {
                    self.path(first, subject, &Place::Free) * self.path(second, &Place::Known(&middle), object)
                }
            }
            PropertyPathExpression::Alternative(one, other) => {
                self.path(one, subject, object) + self.path(other, subject, object)
            }
            PropertyPathExpression::OneOrMore(inner) if closed => (STEPS * self.path(inner, subject, object)).min(1.0),
            PropertyPathExpression::OneOrMore(inner) => STEPS * self.path(inner, subject, object),
            PropertyPathExpression::ZeroOrMore(_) | PropertyPathExpression::ZeroOrOne(_) if closed => 0.5,
            PropertyPathExpression::ZeroOrMore(inner) | PropertyPathExpression::ZeroOrOne(inner) => {
                let steps = if matches!(path, PropertyPathExpression::ZeroOrMore(_)) { STEPS } else { 1.0 };
                let none = if subject.is_free() && object.is_free() { nodes() } else { 1.0 };
                none + steps * self.path(inner, subject, object)
            }
            PropertyPathExpression::NegatedPropertySet(_) => self.places(subject, &Place::Free, object),
        }
    }

    /// Returns how many look-ups a leaf is for each solution before it.
    pub(super) fn effort(leaf: &Leaf) -> f64 {
        match &leaf.kind {
            Kind::Path { path, .. } => steps(path),
            Kind::Triple(_) | Kind::Negated { .. } | Kind::Names => 1.0,
            Kind::Values { bindings, .. } => length(bindings) / 10.0,
        }
    }

    /// Adds what a leaf binds, once it has `rows` solutions.
    pub(super) fn learn(&self, leaf: &Leaf, rows: f64, known: &mut Known) {
        match &leaf.kind {
            Kind::Values { variables, bindings } => {
                for (column, variable) in variables.iter().enumerate() {
                    let listed: Vec<Term> = bindings
                        .iter()
                        .filter_map(|row| match row.get(column)?.as_ref()? {
                            GroundTerm::NamedNode(node) => Some(node.clone().into()),
                            GroundTerm::Literal(literal) => Some(literal.clone().into()),
                        })
                        .collect();
                    if listed.len() == bindings.len() && !known.has(variable) {
                        let distinct = length(&listed);
                        let every = listed.len().div_ceil(SAMPLE).max(1);
                        let listed = listed.into_iter().step_by(every).collect();
                        known.0.insert(variable.clone(), Values { distinct, listed });
                    }
                }
            }
            Kind::Triple(TriplePattern { subject, predicate: NamedNodePattern::NamedNode(name), object }) => {
                let counts = self.counts.predicate(name);
                for (end, distinct) in [(subject, counts.subjects), (object, counts.objects)] {
                    if let TermPattern::Variable(variable) = end {
                        known.add(&Set::from([variable.clone()]), rows.min(number(distinct)));
                    }
                }
            }
            _ => {}
        }
        known.add(&leaf.bound().likely, rows);
    }

    /// Returns the expected solutions of a pattern that is no leaf: a rough figure from its most selective part, in linear time.
    pub(super) fn whole(&self, pattern: &GraphPattern, graph: &Graph, known: &Known) -> f64 {
        let leaf = |kind| self.leaf(&Leaf { kind, graph: graph.clone() }, known);
        match pattern {
            GraphPattern::Bgp { patterns } => {
                patterns.iter().cloned().map(|triple| leaf(Kind::Triple(triple))).reduce(f64::min).unwrap_or(1.0)
            }
            GraphPattern::Path { subject, path, object } => {
                leaf(Kind::Path { subject: subject.clone(), path: path.clone(), object: object.clone() })
            }
            GraphPattern::Values { bindings, .. } => length(bindings),
            GraphPattern::Join { left, right } => self.whole(left, graph, known).min(self.whole(right, graph, known)),
            GraphPattern::Union { left, right } => self.whole(left, graph, known) + self.whole(right, graph, known),
            GraphPattern::Graph { name, inner } => self.whole(inner, &Some(name.clone()), known),
            GraphPattern::Project { inner, variables } => {
                let mut inside = known.clone();
                inside.0.retain(|name, _| variables.contains(name));
                self.whole(inner, graph, &inside)
            }
            GraphPattern::Slice { inner, length: Some(length), .. } => {
                self.whole(inner, graph, known).min(number(u64::try_from(*length).unwrap_or(u64::MAX)))
            }
            GraphPattern::Group { variables, .. } if variables.is_empty() => 1.0,
            GraphPattern::LeftJoin { left: inner, .. }
            | GraphPattern::Lateral { left: inner, .. }
            | GraphPattern::Minus { left: inner, .. }
            | GraphPattern::Filter { inner, .. }
            | GraphPattern::Extend { inner, .. }
            | GraphPattern::Group { inner, .. }
            | GraphPattern::OrderBy { inner, .. }
            | GraphPattern::Distinct { inner }
            | GraphPattern::Reduced { inner }
            | GraphPattern::Slice { inner, .. }
            | GraphPattern::Service { inner, .. } => self.whole(inner, graph, known),
        }
    }
}

/// Returns the expected rows of a table that remain for each solution before it.
fn values(variables: &[Variable], bindings: &[Vec<Option<GroundTerm>>], known: &Known) -> f64 {
    let rows = length(bindings);
    let shares = variables.iter().filter_map(|name| known.0.get(name)).map(|values| 1.0 / values.distinct.max(rows).max(1.0));
    rows * shares.product::<f64>()
}

/// Returns how many look-ups a path takes.
fn steps(path: &PropertyPathExpression) -> f64 {
    match path {
        PropertyPathExpression::NamedNode(_) | PropertyPathExpression::NegatedPropertySet(_) => 1.0,
        PropertyPathExpression::Reverse(inner) | PropertyPathExpression::ZeroOrOne(inner) => steps(inner),
        PropertyPathExpression::Sequence(one, other) | PropertyPathExpression::Alternative(one, other) => {
            steps(one) + steps(other)
        }
        PropertyPathExpression::ZeroOrMore(inner) | PropertyPathExpression::OneOrMore(inner) => STEPS * steps(inner),
    }
}
