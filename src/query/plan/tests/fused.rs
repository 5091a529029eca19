//! Which look-ups become runs.

use super::*;
use crate::index::{RunPlace, RunStep};
use crate::query::run::parse;

fn dataset() -> Dataset {
    let name = |local: &str| NamedNode::new_unchecked(format!("https://id.kb.se/vocab/{local}"));
    let mut quads = Vec::new();
    for number in 0..20 {
        for (subject, predicate, object) in [("w", "a", "x"), ("x", "b", "y"), ("y", "c", "z"), ("w", "d", "v")] {
            let node = |what: &str| NamedNode::new_unchecked(format!("urn:{what}{number}"));
            quads.push(oxigraph::model::Quad::new(node(subject), name(predicate), node(object), name("graph")));
        }
    }
    quads.into_iter().collect()
}

/// The query after its runs were fused, and the lengths of these.
fn fused(text: &str) -> (String, Vec<usize>) {
    let query = parse(text, None).expect("a query");
    let (Planned { query, .. }, runs) = plan(query, &dataset()).fused();
    (query.to_string(), runs.iter().map(|run| run.steps.len()).collect())
}

#[test]
fn look_ups_that_follow_one_another_become_one() {
    for (query, due) in [
        ("SELECT ?w ?z { ?w :a/:b/:c ?z }", vec![3]),
        ("SELECT (COUNT(*) AS ?n) { ?w :a/:b/:c ?z }", vec![3]),
        // The engine projects all that an ASK mentions.
        ("ASK { ?w :a/:b/:c ?z ; :d ?v }", vec![3]),
        ("SELECT ?w ?z ?v { ?w :a/:b/:c ?z ; :d ?v }", vec![3]),
        ("SELECT ?w { ?w :a|:d ?x }", vec![1]),
        ("SELECT ?w { ?w :a ?x FILTER EXISTS { ?x :b ?y . ?y :c ?z } }", vec![2]),
        ("SELECT ?w { ?w :a ?x OPTIONAL { ?x :b/:c ?z } }", vec![2]),
        ("CONSTRUCT { ?w :z ?z } { ?w :a/:b/:c ?z }", vec![3]),
        ("SELECT DISTINCT ?w { ?w :a/:b ?y }", vec![2]),
        // One look-up is the engine's.
        ("SELECT * { ?w :a ?x }", vec![]),
        // All three are wanted, so that no two are one.
        ("SELECT * { ?w :a ?x . ?x :b ?y . ?y :c ?z }", vec![]),
        ("SELECT ?g { GRAPH ?g { ?w :a/:b ?y } }", vec![]),
        ("SELECT (COUNT(DISTINCT *) AS ?n) { ?w :a/:b ?y }", vec![]),
        ("SELECT ?w { ?w ?p ?x . ?x ?q ?y }", vec![]),
        ("SELECT ?w { ?w :a+/:b* ?y }", vec![]),
    ] {
        let (text, lengths) = fused(query);
        assert_eq!(lengths, due, "{query} became {text}");
    }
}

#[test]
fn a_run_says_what_is_looked_up_in_which_order() {
    let query = parse("SELECT ?z { <urn:w1> :a ?x . ?x :b|:d ?y . ?y :c ?z }", None).expect("a query");
    let (_, runs) = plan(query, &dataset()).fused();
    let name = |local: &str| NamedNode::new_unchecked(format!("https://id.kb.se/vocab/{local}"));
    let step = |subject, predicates: &[&str], object| RunStep {
        subject,
        predicates: predicates.iter().copied().map(name).collect(),
        object,
    };
    let (x, y, z) = (RunPlace::Variable(0), RunPlace::Variable(1), RunPlace::Variable(2));
    let first = RunPlace::Is(NamedNode::new_unchecked("urn:w1").into());
    let due = vec![step(first, &["a"], x.clone()), step(x, &["b", "d"], y.clone()), step(y, &["c"], z)];
    assert_eq!((runs[0].steps.as_slice(), runs[0].ends), (due.as_slice(), [None, Some(2)]));
}

#[test]
fn nobody_guesses_the_name_of_a_run() {
    let name = || plan(parse("SELECT ?w { ?w :a/:b ?y }", None).expect("a query"), &dataset()).fused().1[0].name.clone();
    assert_ne!(name(), name());
}

/// The engine compares what is a subject by its term, and not by its value.
#[test]
fn what_may_be_a_literal_is_no_subject_of_a_run() {
    for (query, due) in [
        ("SELECT ?z { ?w :a/:b/:c ?z }", vec![[None, Some(3)]]),
        ("SELECT ?z ?w { ?w :a/:b/:c ?z }", vec![[Some(0), Some(3)]]),
        // Two ends of which none is a subject.
        ("SELECT ?z ?v { <urn:w1> :a/:b/:c ?z ; :d ?v }", vec![[None, Some(2)]]),
    ] {
        let (_, runs) = plan(parse(query, None).expect("a query"), &dataset()).fused();
        assert_eq!(runs.iter().map(|run| run.ends).collect::<Vec<_>>(), due, "{query}: {runs:?}");
    }
}
