//! What becomes of each construct, on a small catalogue: 100 works by 10 persons, 3 of them with an ISNI.

use oxigraph::io::{RdfFormat, RdfParser};
use oxigraph::model::Dataset;
use spargebra::SparqlParser;

use super::same::check;
use crate::query::plan::{Planned, Step, StepKind, plan};

fn catalogue() -> Dataset {
    let mut lines = String::new();
    for n in 0..100 {
        let (author, year, graph) = (n % 10, 1950 + n % 25, format!("<e:g{n}>"));
        lines += &format!("<e:w{n}> <e:type> <e:Work> {graph} .\n<e:w{n}> <e:author> <e:p{author}> {graph} .\n");
        lines += &format!("<e:w{n}> <e:published> _:b{n} {graph} .\n_:b{n} <e:year> \"{year}\" {graph} .\n");
        if n % 4 == 0 {
            lines += &format!("<e:w{n}> <e:title> \"T{n}\"@sv {graph} .\n");
        }
    }
    for n in 0..10 {
        lines += &format!("<e:p{n}> <e:type> <e:Person> <e:h{n}> .\n<e:p{n}> <e:id> _:i{n} <e:h{n}> .\n");
        let kind = if n < 3 { "ISNI" } else { "VIAF" };
        lines += &format!("_:i{n} <e:type> <e:{kind}> <e:h{n}> .\n<e:p{n}> <e:born> \"{}\" <e:h{n}> .\n", 1900 + n);
    }
    RdfParser::from_format(RdfFormat::NQuads).for_slice(lines.as_bytes()).collect::<Result<_, _>>().expect("quads")
}

fn planned(text: &str) -> Planned {
    let dataset = catalogue();
    check(&dataset, text, false);
    plan(SparqlParser::new().parse_query(text).expect("a query"), &dataset)
}

/// The look-ups of a plan, in their order.
fn lookups(text: &str) -> Vec<String> {
    fn add(steps: &[Step], found: &mut Vec<String>) {
        for step in steps {
            if step.kind == StepKind::Lookup {
                found.push(step.text.trim_end_matches(" .").to_owned());
            }
            add(&step.steps, found);
        }
    }
    let mut found = Vec::new();
    add(&planned(text).steps.0, &mut found);
    found
}

/// The rewritten pattern of a query that selects `*`.
fn rewritten(text: &str) -> String {
    let text = planned(text).query.to_string();
    let (_, pattern) = text.split_once("WHERE { ").expect("a pattern");
    pattern.strip_suffix(" }").expect("its end").to_owned()
}

#[test]
fn a_group_begins_with_its_fewest_solutions() {
    let order = lookups("SELECT * { ?w <e:type> <e:Work> . ?w <e:author> ?p . ?p <e:born> '1903' }");
    assert_eq!(order, ["?p <e:born> \"1903\"", "?w <e:author> ?p", "?w <e:type> <e:Work>"]);
}

#[test]
fn patterns_within_exists_are_a_chain_that_begins_with_what_is_bound() {
    let pattern = rewritten("SELECT * { ?p <e:type> <e:Person> FILTER NOT EXISTS { ?i <e:type> <e:ISNI> . ?p <e:id> ?i } }");
    let due = "?p <e:type> <e:Person> . FILTER(NOT EXISTS { ?p <e:id> ?i . LATERAL { ?i <e:type> <e:ISNI> . } })";
    assert_eq!(pattern, due);
}

#[test]
fn exists_is_checked_where_the_fewest_solutions_are() {
    let steps =
        planned("SELECT * { ?w <e:author> ?p . ?p <e:id> ?i . ?p <e:born> '1901' FILTER EXISTS { ?i <e:type> <e:ISNI> } }");
    let kinds: Vec<StepKind> = steps.steps.0[0].steps.iter().map(|step| step.kind).collect();
    assert_eq!(kinds, [StepKind::Lookup, StepKind::Lookup, StepKind::Filter, StepKind::Lookup]);
}

#[test]
fn exists_moves_below_optional() {
    let pattern = rewritten("SELECT * { ?p <e:id> ?i OPTIONAL { ?p <e:born> ?y } FILTER EXISTS { ?i <e:type> <e:ISNI> } }");
    assert_eq!(pattern, "?p <e:id> ?i . FILTER(EXISTS { ?i <e:type> <e:ISNI> . }) OPTIONAL { ?p <e:born> ?y . }");
    let stays = rewritten("SELECT * { ?p <e:id> ?i OPTIONAL { ?p <e:born> ?y } FILTER EXISTS { ?i <e:type> ?y } }");
    assert!(stays.ends_with("OPTIONAL { ?p <e:born> ?y . } FILTER(EXISTS { ?i <e:type> ?y . })"), "{stays}");
}

#[test]
fn a_table_is_weighed_by_its_values() {
    let order = lookups("SELECT * { ?w <e:type> <e:Work> . ?w <e:author> ?p VALUES ?p { <e:p1> <e:p2> } }");
    assert_eq!(order[0], "VALUES ( ?p ) { ( <e:p1> ) ( <e:p2> )  }");
    let order = lookups("SELECT * { ?p <e:born> '1901' . ?p <e:type> ?t VALUES ?t { <e:Work> <e:Person> <e:ISNI> } }");
    assert_eq!(order[0], "?p <e:born> \"1901\"");
}

#[test]
fn a_table_with_undef_keeps_its_rows() {
    planned("SELECT * { ?w <e:author> ?p . ?w <e:title> ?t VALUES (?p ?t) { (<e:p0> UNDEF) (UNDEF 'T4'@sv) (<e:p4> 'T4'@sv) } }");
    planned("SELECT * { VALUES ?t { UNDEF } ?w <e:author> <e:p0> OPTIONAL { ?w <e:title> ?t } }");
}

#[test]
fn required_patterns_come_before_optional_ones() {
    let pattern =
        rewritten("SELECT * { ?w <e:type> <e:Work> OPTIONAL { ?w <e:title> ?t } ?w <e:author> ?p . ?p <e:born> '1903' }");
    assert!(pattern.ends_with("OPTIONAL { ?w <e:title> ?t . }") && pattern.starts_with("?p <e:born> \"1903\""), "{pattern}");
}

#[test]
fn a_pattern_that_uses_what_is_optional_stays_behind_it() {
    let pattern = rewritten("SELECT * { ?w <e:type> <e:Work> OPTIONAL { ?w <e:title> ?t } ?x <e:title> ?t }");
    assert!(pattern.contains("?w <e:type> <e:Work> . OPTIONAL { ?w <e:title> ?t . }"), "{pattern}");
}

#[test]
fn the_values_at_the_end_of_a_query_come_first() {
    let text = "SELECT * { ?w <e:author> ?p OPTIONAL { ?w <e:title> ?t } FILTER (?p != <e:p3>) } VALUES ?p { <e:p1> }";
    assert_eq!(lookups(text)[0], "VALUES ( ?p ) { ( <e:p1> )  }");
}

#[test]
fn optional_begins_with_what_is_bound_before_it() {
    let text = "SELECT * { ?w <e:author> <e:p1> OPTIONAL { ?b <e:year> ?y . ?w <e:published> ?b } }";
    assert_eq!(lookups(text)[1..], ["?w <e:published> ?b", "?b <e:year> ?y"]);
}

#[test]
fn the_sides_of_a_union_know_what_is_bound_before_it() {
    let text =
        "SELECT * { ?w <e:title> 'T4'@sv { ?b <e:year> ?y . ?w <e:published> ?b } UNION { ?p <e:born> ?y . ?w <e:author> ?p } }";
    let order = lookups(text);
    assert_eq!(order[1..], ["?w <e:published> ?b", "?b <e:year> ?y", "?w <e:author> ?p", "?p <e:born> ?y"]);
}

#[test]
fn paths_are_ordered_among_triples() {
    let order =
        lookups("SELECT * { ?w <e:author>/<e:id> ?i . ?i <e:type>|<e:kind> <e:ISNI> . ?w <e:published>/<e:year> '1955' }");
    assert_eq!(order.len(), 5);
    assert!(order[0].contains("ISNI") || order[0].contains("1955"), "{order:?}");
    planned("SELECT * { ?w !<e:author> ?o . ?w <e:type> <e:Work> . ?w !(<e:title>|^<e:author>) ?o }");
    planned("SELECT * { <e:p1> ^<e:author>/<e:author>* ?o . ?o <e:born>? ?y }");
}

#[test]
fn a_graph_stands_around_each_of_its_patterns() {
    let pattern = rewritten("SELECT * { GRAPH ?g { ?w <e:author> ?p . ?w <e:title> 'T8'@sv } ?p <e:born> ?y }");
    let due = "GRAPH ?g { ?w <e:title> \"T8\"@sv . } LATERAL { GRAPH ?g { ?w <e:author> ?p . } } LATERAL { ?p <e:born> ?y . }";
    assert_eq!(pattern, due);
    planned("SELECT * { GRAPH ?g { ?w <e:author> ?p FILTER NOT EXISTS { ?w <e:title> ?t . ?w <e:type> ?k } } }");
    planned("SELECT * { GRAPH ?g { { SELECT ?w { ?w <e:author> ?p . ?w <e:title> ?t } } } }");
    planned("SELECT * { GRAPH ?g {} ?w <e:title> ?g }");
}

#[test]
fn blank_nodes_of_a_group_stay_joined() {
    let pattern = rewritten("SELECT * { ?w <e:published> _:b . _:b <e:year> '1955' . ?w <e:author> [ <e:born> ?y ] }");
    assert!(pattern.starts_with("?_1 <e:year> \"1955\" . LATERAL { ?w <e:published> ?_1 . }"), "{pattern}");
}

#[test]
fn new_names_are_not_those_of_the_query() {
    let text = planned("SELECT ?_1 ?__a { ?_1 <e:published> [ <e:year> ?__a ] }").query.to_string();
    assert!(text.contains("?___1 <e:year> ?__a"), "{text}");
}

#[test]
fn a_subselect_is_joined_in_memory() {
    let text =
        "SELECT * { ?w <e:author> ?p . ?p <e:born> '1903' { SELECT ?p (COUNT(*) AS ?n) { ?w <e:author> ?p } GROUP BY ?p } }";
    let steps = planned(text).steps.to_string();
    assert!(steps.contains("JOIN") || steps.contains("SELECT ?p ?n"), "{steps}");
    planned(
        "SELECT * { { SELECT ?p { ?w <e:author> ?p . ?p <e:born> ?y } ORDER BY ?y ?w LIMIT 1 } ?x <e:author> ?p . ?x <e:title> ?y }",
    );
}

#[test]
fn bind_and_minus_keep_their_scope() {
    planned("SELECT * { ?w <e:author> ?p { BIND(?p AS ?q) } }");
    planned("SELECT * { ?w <e:author> ?p BIND(?p AS ?q) ?x <e:author> ?q . ?x <e:title> ?t }");
    planned("SELECT * { ?w <e:author> ?p { ?x <e:title> ?t MINUS { ?x <e:author> ?p } } }");
    planned("SELECT * { ?w <e:author> ?p { ?x <e:title> ?t FILTER (!BOUND(?p)) } ?x <e:author> ?p }");
}

#[test]
fn other_forms_of_queries_are_ordered() {
    for head in ["ASK", "CONSTRUCT { ?p <e:of> ?w }", "DESCRIBE ?p", "SELECT DISTINCT ?p", "SELECT (COUNT(DISTINCT *) AS ?n)"] {
        let order = lookups(&format!("{head} {{ ?w <e:author> ?p . ?p <e:born> '1903' }}"));
        assert_eq!(order[0], "?p <e:born> \"1903\"", "{head}");
    }
    planned(
        "SELECT * FROM <e:g1> FROM <e:g2> FROM NAMED <e:h1> { ?w <e:author> ?p . ?w <e:type> ?t GRAPH ?g { ?p <e:born> ?y } }",
    );
}

#[test]
fn minus_within_exists_sees_every_bound_variable() {
    planned("SELECT * { FILTER EXISTS { MINUS { ?a <e:born> ?b } } } VALUES ?c { <e:p1> }");
    planned(
        "SELECT * { <e:w1> <e:author> <e:p1> . ?a <e:born> '1903' FILTER EXISTS { VALUES ?b { 1 } MINUS { ?c <e:born> ?d } } }",
    );
}

#[test]
fn exists_sees_no_variable_of_a_neighbour() {
    let pattern = rewritten(
        "SELECT * { ?w <e:title> ?i OPTIONAL { { ?w <e:author> ?p FILTER EXISTS { ?p <e:id> ?i . ?i <e:type> <e:ISNI> } } } }",
    );
    assert!(pattern.contains("?p <e:id> ?_1 . LATERAL { ?_1 <e:type> <e:ISNI> . }"), "{pattern}");
}

#[test]
fn exists_within_a_graph_stands_in_it() {
    planned("SELECT * { ?w <e:author> ?p GRAPH ?p { VALUES ?y { UNDEF } FILTER EXISTS { ?p <e:id> ?i . ?p <e:born> ?z } } }");
}

#[test]
fn a_value_that_differs_from_the_one_around_exists_is_refused() {
    planned("SELECT * { ?p <e:born> ?y FILTER EXISTS { ?w <e:author> ?p BIND(<e:p0> AS ?y) GRAPH ?g { ?w <e:title> ?t } } }");
}

#[test]
fn a_negated_set_between_two_values_answers_once() {
    planned("SELECT * { ?w <e:author> ?p LATERAL { ?w !<e:title> ?p } }");
}

#[test]
fn steps_are_text_and_json() {
    let planned = planned("SELECT ?p { ?p <e:type> <e:Person> FILTER NOT EXISTS { ?p <e:id> ?i . ?i <e:type> <e:ISNI> } }");
    let due = "SELECT ?p
10 ?p <e:type> <e:Person> .
FILTER NOT EXISTS { … }
EXISTS
1 ?p <e:id> ?i .
1 ?i <e:type> <e:ISNI> .
";
    let told = planned.steps.to_string();
    let indents: Vec<usize> = told.lines().map(|line| line.find(['?', 'S', 'F', 'E']).unwrap_or_default()).collect();
    assert_eq!(indents, [27, 29, 29, 31, 33, 33], "steps are indented as the query is nested");
    let words: String = told.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n").collect();
    assert_eq!(words, due);
    let json = serde_json::to_value(&planned.steps).expect("JSON");
    assert_eq!(json[0]["steps"][0]["node"], "QuadPattern(?p <e:type> <e:Person>)");
    assert_eq!(json[0]["steps"][0]["rows"], 10);
}

#[test]
fn planning_takes_little_time() {
    let star: String = (0..290).map(|n| format!("?w <e:author> ?p{n} . ")).collect();
    let optional: String = (0..500).map(|n| format!("OPTIONAL {{ ?w <e:title> ?t{n} }} ")).collect();
    let nest = |word: &str, depth: usize| {
        let open: String =
            (0..depth).map(|n| format!("?w{n} <e:author> ?w{} . ?w{n} <e:title> ?t{n} {word} {{ ", n + 1)).collect();
        open + "?w <e:type> ?t" + &" }".repeat(depth)
    };
    let union: String = (0..300).map(|n| format!("UNION {{ ?w <e:title> ?t{n} . ?t{n} <e:born> ?b }} ")).collect();
    for text in [
        star,
        format!("?w <e:type> <e:Work> {optional} ?w <e:author> ?p FILTER EXISTS {{ ?p <e:born> ?y }}"),
        nest("OPTIONAL", 30),
        nest("OPTIONAL", 400),
        nest("FILTER NOT EXISTS", 30),
        nest("MINUS", 30),
        nest("", 30),
        format!("?w <e:type> <e:Work> {{ ?x <e:author> ?w }} {union} ?w <e:author> ?p"),
    ] {
        let query = SparqlParser::new().parse_query(&format!("SELECT * {{ {text} }}")).expect("a query");
        let dataset = Dataset::new();
        let start = std::time::Instant::now();
        let text_of_plan = std::thread::scope(|scope| {
            let large = std::thread::Builder::new().stack_size(16 << 20);
            large.spawn_scoped(scope, || plan(query, &dataset).query.to_string()).expect("a thread").join().expect("a plan")
        });
        assert!(!text_of_plan.is_empty());
        let taken = start.elapsed().as_millis();
        assert!(taken < 1000, "{taken} ms: {}", &text[..100]);
    }
}
