//! Which look-ups become runs.

use super::*;
use crate::index::{Gathered, RunEdge, RunEnd, RunPattern, RunPlace, RunStep};
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
        ("ASK { ?w :a/:b/:c ?z ; :d ?v }", vec![4]),
        ("SELECT ?w ?z ?v { ?w :a/:b/:c ?z ; :d ?v }", vec![4]),
        ("SELECT ?w { ?w :a|:d ?x }", vec![1]),
        ("SELECT ?w { ?w :a ?x FILTER EXISTS { ?x :b ?y . ?y :c ?z } }", vec![2]),
        // What is compared is another thing than what a look-up found.
        ("SELECT ?w { ?w :a ?x FILTER EXISTS { ?x :b ?y . ?y :c ?z FILTER(?z != ?w) } }", vec![2]),
        ("SELECT ?w { ?w :a ?x OPTIONAL { ?x :b/:c ?z } }", vec![2]),
        ("CONSTRUCT { ?w :z ?z } { ?w :a/:b/:c ?z }", vec![3]),
        ("SELECT DISTINCT ?w { ?w :a/:b ?y }", vec![2]),
        // One look-up is the engine's.
        ("SELECT * { ?w :a ?x }", vec![]),
        // Three values are handed on.
        ("SELECT * { ?w :a ?x . ?x :b ?y }", vec![2]),
        // All four are wanted.
        ("SELECT * { ?w :a ?x . ?x :b ?y . ?y :c ?z }", vec![2]),
        ("SELECT ?w { ?w :a|(:d/^:d) ?x }", vec![1]),
        ("SELECT ?w { ?w :a ?x FILTER NOT EXISTS { ?x :b ?y . ?y :c ?z } }", vec![2]),
        ("SELECT ?g { GRAPH ?g { ?w :a/:b ?y } }", vec![]),
        ("SELECT (COUNT(DISTINCT *) AS ?n) { ?w :a/:b ?y }", vec![]),
        // The engine's MINUS sees what is bound around the EXISTS.
        ("SELECT ?w { ?w :a/:b ?y FILTER EXISTS { ?y :c ?z MINUS { ?u :d ?v } } }", vec![]),
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
    let edge = |local: &&str| vec![RunEdge { predicate: name(local), reversed: false }];
    let step = |subject, predicates: &[&str], object| {
        RunStep::Matches(RunPattern { subject, paths: predicates.iter().map(edge).collect(), object })
    };
    let (x, y, z) = (RunPlace::Variable(0), RunPlace::Variable(1), RunPlace::Variable(2));
    let first = RunPlace::Is(NamedNode::new_unchecked("urn:w1").into());
    let due = vec![step(first, &["a"], x.clone()), step(x, &["b", "d"], y.clone()), step(y, &["c"], z)];
    assert_eq!((runs[0].steps.as_slice(), runs[0].ends), (due.as_slice(), [None, Some(RunEnd::Variable(2)), None]));
}

#[test]
fn nobody_guesses_the_name_of_a_run() {
    let name = || plan(parse("SELECT ?w { ?w :a/:b ?y }", None).expect("a query"), &dataset()).fused().1[0].name.clone();
    assert_ne!(name(), name());
}

/// The engine compares what is a subject by its term, and not by its value.
#[test]
fn what_may_be_a_literal_is_no_subject_of_a_run_if_it_is_compared() {
    let end = |variable| Some(RunEnd::Variable(variable));
    for (query, due) in [
        ("SELECT ?z { ?w :a/:b/:c ?z }", vec![[None, end(3), None]]),
        ("SELECT ?z ?w { ?w :a/:b/:c ?z }", vec![[end(0), end(3), None]]),
        ("SELECT ?z ?v { ?w :a/:b/:c ?z ; :d ?v }", vec![[end(3), end(4), None]]),
        ("SELECT ?z ?v { ?w :a/:b/:c ?z ; :d ?v FILTER(?z = ?v) }", vec![[end(0), end(3), None]]),
        ("SELECT ?z ?v { ?w :a/:b/:c ?z ; :d ?v FILTER(?z IN (1, 2)) }", vec![[end(0), end(3), None]]),
        (
            "SELECT ?z ?v { ?w :a/:b/:c ?z ; :d ?v BIND(IF(true, ?z, ?v) AS ?n) FILTER(STR(?n) = '') }",
            vec![[end(0), end(3), None]],
        ),
        ("SELECT ?z ?v { ?w :a/:b/:c ?z ; :d ?v FILTER(LANG(?z) = 'sv') }", vec![[end(3), end(4), None]]),
    ] {
        let (_, runs) = plan(parse(query, None).expect("a query"), &dataset()).fused();
        let planned = plan(parse(query, None).expect("a query"), &dataset()).query.to_string();
        assert_eq!(runs.iter().map(|run| run.ends).collect::<Vec<_>>(), due, "{query}: {planned} {runs:?}");
    }
}

/// What a query gathers in its runs.
fn gathered(query: &str) -> Vec<Gathered> {
    let (_, runs) = plan(parse(query, None).expect("a query"), &dataset()).fused();
    runs.iter().map(|run| run.gathered).collect()
}

#[test]
fn the_dataset_counts_groups_of_what_it_looks_up() {
    for (query, counted) in [
        ("SELECT (COUNT(*) AS ?n) { ?w :a ?x }", true),
        ("SELECT ?x (COUNT(*) AS ?n) { ?w :a ?x } GROUP BY ?x", true),
        ("SELECT ?x (COUNT(DISTINCT ?w) AS ?n) (COUNT(?w) AS ?m) { ?w :a ?x } GROUP BY ?x", true),
        ("SELECT ?x ?y (COUNT(*) AS ?n) { ?w :a ?x . ?x :b ?y } GROUP BY ?x ?y HAVING (COUNT(*) > 1)", true),
        ("SELECT ?x { ?w :a ?x } GROUP BY ?x", true),
        ("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }", true),
        ("SELECT ?p (COUNT(?o) AS ?n) { ?s ?p ?o } GROUP BY ?p", true),
        ("SELECT DISTINCT ?p { ?s ?p ?o }", true),
        ("SELECT (COUNT(?x) AS ?n) { ?s ?p ?o }", false),
        ("SELECT (COUNT(DISTINCT ?s) AS ?n) { ?s ?p ?o }", false),
        ("SELECT (COUNT(*) AS ?n) { ?s ?p ?s }", false),
        ("SELECT ?s (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?s", false),
        ("SELECT DISTINCT ?s { ?s ?p ?o }", false),
        // Conditions on the keys can wait, and patterns are counted with the others.
        ("SELECT ?x (COUNT(*) AS ?n) { ?w :a ?x FILTER(STRSTARTS(STR(?x), 'urn:')) } GROUP BY ?x", true),
        ("SELECT ?x (COUNT(*) AS ?n) { ?w :a ?x FILTER NOT EXISTS { ?x :b ?y } } GROUP BY ?x", true),
        ("SELECT (COUNT(*) AS ?n) { ?w :a ?x FILTER NOT EXISTS { ?x :b ?y . ?y :c ?z } }", true),
        ("SELECT ?x (COUNT(*) AS ?n) { ?w :a ?x FILTER EXISTS { ?x :b ?y MINUS { ?x :c ?y } } } GROUP BY ?x", false),
        ("SELECT ?x (COUNT(*) AS ?n) { ?w :a ?x FILTER(STR(?w) > 'urn:') } GROUP BY ?x", false),
        ("SELECT ?x (COUNT(*) AS ?n) { ?w :a ?x FILTER(RAND() > 0.5) } GROUP BY ?x", false),
        ("SELECT ?x (COUNT(*) AS ?n) { ?w :a ?x FILTER(?z > 1) } GROUP BY ?x", false),
        // What the first look-up decides spares all others.
        ("SELECT ?w (COUNT(*) AS ?n) { ?w :a ?x . ?x :b ?y FILTER(STRSTARTS(STR(?w), 'urn:')) } GROUP BY ?w", false),
        ("SELECT ?y (COUNT(*) AS ?n) { ?w :a ?x . ?x :b ?y FILTER(STRSTARTS(STR(?y), 'urn:')) } GROUP BY ?y", true),
        ("SELECT (COUNT(*) AS ?n) { ?w :a ?x FILTER(?z > 1) }", false),
        ("SELECT ?x (COUNT(DISTINCT *) AS ?n) { ?w :a ?x } GROUP BY ?x", false),
        ("SELECT ?x (SUM(?w) AS ?n) { ?w :a ?x } GROUP BY ?x", false),
        ("SELECT ?x (COUNT(?z) AS ?n) { ?w :a ?x } GROUP BY ?x", false),
        ("SELECT ?z (COUNT(*) AS ?n) { ?w :a ?x } GROUP BY ?z", false),
        ("SELECT ?w ?x ?y (COUNT(*) AS ?n) { ?w :a ?x . ?x :b ?y } GROUP BY ?w ?x ?y", false),
        ("SELECT ?x (COUNT(*) AS ?n) { ?w :a ?x OPTIONAL { ?x :b ?y } } GROUP BY ?x", false),
        ("SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?w :a ?x } } GROUP BY ?g", false),
    ] {
        let runs = gathered(query);
        assert_eq!(runs.contains(&Gathered::Groups), counted, "{query}: {runs:?}");
    }
}

#[test]
fn what_is_sorted_for_its_first_solutions_is_left_out_behind_them() {
    for (query, due) in [
        ("SELECT ?w ?x { ?w :a ?x } ORDER BY DESC(?x) LIMIT 5", Some((5, true))),
        ("SELECT ?w ?y { ?w :a/:b ?y } ORDER BY ?y ?w OFFSET 7 LIMIT 5", Some((12, false))),
        ("SELECT ?w ?y { ?w :a/:b ?y OPTIONAL { ?y :c ?z } BIND(1 AS ?one) } ORDER BY ?y LIMIT 5", Some((5, false))),
        ("SELECT ?w ?y { ?w :a/:b ?y } ORDER BY STR(?y) LIMIT 5", None),
        ("SELECT ?w ?y { ?w :a/:b ?y } ORDER BY ?y", None),
        ("SELECT ?w ?y { ?w :a/:b ?y } LIMIT 5", None),
        ("SELECT DISTINCT ?y { ?w :a/:b ?y } ORDER BY ?y LIMIT 5", None),
        ("SELECT ?w ?y { ?w :a/:b ?y FILTER(STR(?w) > 'u') } ORDER BY ?y LIMIT 5", None),
        ("SELECT ?w ?y { ?w :a/:b ?y } ORDER BY ?y LIMIT 100000000", None),
        ("SELECT ?w ?z { ?w :a/:b ?y OPTIONAL { ?y :c ?z } } ORDER BY ?z LIMIT 5", None),
    ] {
        let first = gathered(query).into_iter().find_map(|gathered| match gathered {
            Gathered::First { most, descending, .. } => Some((most, descending)),
            _ => None,
        });
        assert_eq!(first, due, "{query}");
    }
}
