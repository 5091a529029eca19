//! Comparing the graph that a store holds with the one that its record gives: equal, equal in value, or different.
//!
//! Stores keep literals by their values and write them in a form of their own: `"01"^^xsd:integer` comes back as `"1"^^xsd:integer`. That
//! is no fault of the mirror, and none that it can mend, so it is counted by itself.

use std::str::FromStr;

use oxigraph::model::vocab::xsd;
use oxigraph::model::{GraphName, Literal, NamedNodeRef, NamedOrBlankNode, Quad, Term};
use oxsdatatypes::{Boolean, Date, DateTime, Decimal, Double, Duration, Float, Integer, Time};
use rustc_hash::FxHashSet;

use crate::rdf::isomorphic;

/// How two graphs differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Difference {
    /// Not at all.
    None,
    /// So many literals have other forms of the same values.
    Forms(u64),
    /// In what they say, described.
    Content(String),
}

/// Compares what a store holds of a graph with what it must hold; both without the name of the graph.
pub(super) fn compare(due: &[Quad], held: &[Quad]) -> Difference {
    if same(due, held) {
        return Difference::None;
    }
    let (due_values, held_values): (Vec<Quad>, Vec<Quad>) =
        (due.iter().map(by_value).collect(), held.iter().map(by_value).collect());
    if same(&due_values, &held_values) {
        let known: FxHashSet<&Quad> = held.iter().collect();
        let other = due.iter().filter(|quad| !has_blank(quad) && !known.contains(quad)).count();
        return Difference::Forms(other.max(1) as u64);
    }
    Difference::Content(describe(&due_values, &held_values))
}

fn has_blank(quad: &Quad) -> bool {
    matches!(quad.subject, NamedOrBlankNode::BlankNode(_)) || matches!(quad.object, Term::BlankNode(_))
}

/// Whether two graphs are equal but for the names of their blank nodes.
fn same(one: &[Quad], other: &[Quad]) -> bool {
    let parts =
        |quads: &[Quad]| -> (FxHashSet<Quad>, FxHashSet<Quad>) { quads.iter().cloned().partition(|quad| !has_blank(quad)) };
    let ((ground, blank), (other_ground, other_blank)) = (parts(one), parts(other));
    ground == other_ground
        && blank.len() == other_blank.len()
        && (blank.is_empty() || isomorphic(blank.iter(), other_blank.iter()).unwrap_or(false))
}

/// What is in one and not in the other, of what can be told without the names of blank nodes.
fn describe(due: &[Quad], held: &[Quad]) -> String {
    let set = |quads: &[Quad]| -> FxHashSet<Quad> { quads.iter().filter(|quad| !has_blank(quad)).cloned().collect() };
    let (ground_due, ground_held) = (set(due), set(held));
    if held.is_empty() {
        return format!("is not there, and its record gives {} triples", due.len());
    }
    let mut text = format!("has {} triples, and its record gives {}", held.len(), due.len());
    for (what, one, other) in [("lacks", &ground_due, &ground_held), ("has too much", &ground_held, &ground_due)] {
        if let Some(Quad { subject, predicate, object, .. }) = one.iter().find(|quad| !other.contains(*quad)) {
            text.push_str(&format!("; it {what}: {subject} {predicate} {object}"));
        }
    }
    text
}

/// A quad whose object, if it is a literal, is in the canonical form of its value.
fn by_value(quad: &Quad) -> Quad {
    let object = match &quad.object {
        Term::Literal(literal) => Term::Literal(canonical(literal)),
        other => other.clone(),
    };
    Quad { object, graph_name: GraphName::DefaultGraph, ..quad.clone() }
}

fn canonical(literal: &Literal) -> Literal {
    if let Some(language) = literal.language() {
        let lower = language.to_ascii_lowercase();
        return Literal::new_language_tagged_literal(literal.value(), lower).unwrap_or_else(|_| literal.clone());
    }
    let (value, datatype) = (literal.value().trim(), literal.datatype());
    canonical_value(value, datatype)
        .map_or_else(|| literal.clone(), |value| Literal::new_typed_literal(value, datatype.into_owned()))
}

fn canonical_value(value: &str, datatype: NamedNodeRef<'_>) -> Option<String> {
    fn of<T: FromStr + ToString>(value: &str) -> Option<String> {
        value.parse::<T>().ok().map(|value| value.to_string())
    }
    const WHOLE: [NamedNodeRef<'_>; 12] = [
        xsd::INTEGER,
        xsd::INT,
        xsd::LONG,
        xsd::SHORT,
        xsd::BYTE,
        xsd::NON_NEGATIVE_INTEGER,
        xsd::POSITIVE_INTEGER,
        xsd::NON_POSITIVE_INTEGER,
        xsd::NEGATIVE_INTEGER,
        xsd::UNSIGNED_INT,
        xsd::UNSIGNED_LONG,
        xsd::UNSIGNED_SHORT,
    ];
    match datatype {
        xsd::BOOLEAN => of::<Boolean>(value),
        xsd::DECIMAL => of::<Decimal>(value),
        xsd::DOUBLE => of::<Double>(value),
        xsd::FLOAT => of::<Float>(value),
        xsd::DATE_TIME => of::<DateTime>(value),
        xsd::DATE => of::<Date>(value),
        xsd::TIME => of::<Time>(value),
        xsd::DURATION => of::<Duration>(value),
        whole if WHOLE.contains(&whole) => of::<Integer>(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use oxigraph::model::{BlankNode, NamedNode};

    use super::*;

    fn quad(subject: &str, object: impl Into<Term>) -> Quad {
        let subject: NamedOrBlankNode = match subject.strip_prefix("_:") {
            Some(label) => BlankNode::new_unchecked(label).into(),
            None => NamedNode::new_unchecked(format!("urn:{subject}")).into(),
        };
        Quad::new(subject, NamedNode::new_unchecked("urn:p"), object, GraphName::DefaultGraph)
    }

    fn typed(value: &str, datatype: NamedNodeRef<'_>) -> Literal {
        Literal::new_typed_literal(value, datatype)
    }

    #[test]
    fn names_of_blank_nodes_do_not_matter_and_all_else_does() {
        let blank = |label: &str| BlankNode::new_unchecked(label);
        let due = vec![quad("a", blank("x")), quad("_:x", Literal::from("1")), quad("_:y", Literal::from("2"))];
        let held = vec![quad("_:n2", Literal::from("2")), quad("_:n1", Literal::from("1")), quad("a", blank("n1"))];
        assert_eq!(compare(&due, &held), Difference::None);
        let other = vec![quad("_:n2", Literal::from("2")), quad("_:n1", Literal::from("1")), quad("a", blank("n2"))];
        assert!(matches!(compare(&due, &other), Difference::Content(_)), "it points to the other node");
        let twice: Vec<Quad> = due.iter().cloned().chain([quad("a", blank("z")), quad("_:z", Literal::from("1"))]).collect();
        assert!(matches!(compare(&due, &twice), Difference::Content(_)), "a node that came twice");
    }

    #[test]
    fn other_forms_of_the_same_value_are_told_apart_from_other_values() {
        let due = vec![quad("a", typed("01", xsd::INTEGER)), quad("b", typed("2020-01-01T24:00:00Z", xsd::DATE_TIME))];
        let held = vec![quad("a", typed("1", xsd::INTEGER)), quad("b", typed("2020-01-02T00:00:00Z", xsd::DATE_TIME))];
        assert_eq!(compare(&due, &held), Difference::Forms(2));
        let wrong = vec![quad("a", typed("2", xsd::INTEGER)), quad("b", typed("2020-01-02T00:00:00Z", xsd::DATE_TIME))];
        let Difference::Content(text) = compare(&due, &wrong) else { panic!("another value") };
        assert!(text.contains("it lacks: <urn:a> <urn:p> \"1\"") && text.contains("it has too much"), "{text}");
        let language = |tag: &str| Literal::new_language_tagged_literal_unchecked("x", tag);
        assert_eq!(compare(&[quad("a", language("sv-Latn"))], &[quad("a", language("sv-latn"))]), Difference::Forms(1));
        assert!(matches!(compare(&[quad("a", language("sv"))], &[]), Difference::Content(text) if text.contains("not there")));
    }
}
