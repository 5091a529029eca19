//! The W3C's query evaluation tests of SPARQL 1.0 and 1.1, answered in every way.
//!
//! rdflib's source package ships them; `.ci/run` takes them from there, into the folder of the clients. Without it, the test is skipped, and
//! says so. The default graph of a mirror is the union of its named graphs, so what a test has in its default graph is in a graph of its own
//! here, and the question names that graph as its default graph, as a request of the SPARQL protocol may, if there are others.
//!
//! Not here are the suites' tests of updates, of the protocol (`serve_protocol` has those), of service descriptions and of the graph store
//! protocol: a mirror is changed by its harvests alone.

use std::collections::{BTreeMap, BTreeSet};

use libris_mirror::query::{Question, with_stack};
use oxigraph::model::{NamedNode, Quad};
use spargebra::SparqlParser;
use spargebra::algebra::QueryDataset;

use crate::clients::clients;
use crate::w3c_cases::{Case, Suites, folder};
use crate::w3c_results::{asks_for_an_order, difference, due, found};
use crate::ways::{Engine, Held, Maker, WAYS, Way};

/// Where tests are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Everywhere,
    Store,
}

use Where::{Everywhere, Store};

/// How many tests there are; fewer would mean that some were not found.
const TESTS: usize = 499;

/// How many tests there are of the grammar.
const SYNTAX_TESTS: usize = 305;

/// Tests that are left out, where, and why. Each of them fails.
const LEFT_OUT: [(Where, &str, &[&str]); 11] = [
    (
        Everywhere,
        "they ask for what follows from the data by RDFS or OWL, and the mirror answers from what it holds",
        &[
            "sparql11/entailment/paper-sparqldl-Q1",
            "sparql11/entailment/paper-sparqldl-Q1-rdfs",
            "sparql11/entailment/paper-sparqldl-Q2",
            "sparql11/entailment/paper-sparqldl-Q3",
            "sparql11/entailment/paper-sparqldl-Q4",
            "sparql11/entailment/parent10",
            "sparql11/entailment/parent3",
            "sparql11/entailment/parent4",
            "sparql11/entailment/parent5",
            "sparql11/entailment/parent6",
            "sparql11/entailment/parent7",
            "sparql11/entailment/parent8",
            "sparql11/entailment/parent9",
            "sparql11/entailment/rdf01",
            "sparql11/entailment/rdfs01",
            "sparql11/entailment/rdfs02",
            "sparql11/entailment/rdfs03",
            "sparql11/entailment/rdfs04",
            "sparql11/entailment/rdfs05",
            "sparql11/entailment/rdfs06",
            "sparql11/entailment/rdfs07",
            "sparql11/entailment/rdfs09",
            "sparql11/entailment/rdfs10",
            "sparql11/entailment/rdfs11",
            "sparql11/entailment/simple1",
            "sparql11/entailment/simple2",
            "sparql11/entailment/simple3",
            "sparql11/entailment/simple4",
            "sparql11/entailment/simple5",
            "sparql11/entailment/simple6",
            "sparql11/entailment/simple7",
            "sparql11/entailment/simple8",
            "sparql11/entailment/sparqldl-02",
            "sparql11/entailment/sparqldl-03",
            "sparql11/entailment/sparqldl-10",
            "sparql11/entailment/sparqldl-11",
            "sparql11/entailment/sparqldl-12",
            "sparql11/entailment/sparqldl-13",
        ],
    ),
    (
        Everywhere,
        "other services must answer, of hosts that the operator did not name",
        &[
            "sparql11/service/service1",
            "sparql11/service/service2",
            "sparql11/service/service3",
            "sparql11/service/service4a",
            "sparql11/service/service5",
            "sparql11/service/service6",
        ],
    ),
    (
        Everywhere,
        "`456.` is a number in SPARQL 1.0, and a number and a dot in SPARQL 1.1",
        &["dawg-data-r2/basic/term-6", "dawg-data-r2/basic/term-7"],
    ),
    (
        Everywhere,
        "in RDF 1.0 a plain text is no xsd:string, and a text with a language has no datatype; in RDF 1.1 it is, and has one",
        &[
            "dawg-data-r2/distinct/distinct-2",
            "dawg-data-r2/distinct/distinct-9",
            "dawg-data-r2/expr-builtin/dawg-datatype-2",
            "sparql11/functions/strdt03",
            "sparql11/functions/strlang03",
        ],
    ),
    (
        Everywhere,
        "the engine's STR gives the spelling of the value, not the one of the literal: \"1\" for 01",
        &["dawg-data-r2/expr-builtin/dawg-str-1", "dawg-data-r2/expr-builtin/dawg-str-2"],
    ),
    (
        Everywhere,
        "the engine compares values of xsd:date, which the test takes for a datatype that nobody knows",
        &["dawg-data-r2/open-world/date-2"],
    ),
    (
        Everywhere,
        "one of two tests of the same query with other results: the algebra of SPARQL 1.1 decides for the other",
        &["dawg-data-r2/optional-filter/dawg-optional-filter-005-simplified"],
    ),
    (
        Everywhere,
        "without solutions GROUP BY has no group; the test wants one, which the specification has only without GROUP BY",
        &["sparql11/aggregates/agg-empty-group"],
    ),
    (Everywhere, "the engine's BNODE(text) gives the same blank node in all solutions", &["sparql11/functions/bnode01"]),
    (
        Store,
        "the store keeps one spelling for each value",
        &[
            "dawg-data-r2/distinct/distinct-1",
            "dawg-data-r2/expr-builtin/sameTerm-eq",
            "dawg-data-r2/expr-builtin/sameTerm-not-eq",
            "dawg-data-r2/expr-builtin/sameTerm-simple",
            "dawg-data-r2/expr-equals/eq-graph-1",
            "dawg-data-r2/expr-equals/eq-graph-2",
            "dawg-data-r2/open-world/open-eq-01",
        ],
    ),
    (Store, "the same, in the text of the results", &["sparql11/csv-tsv-res/csv03"]),
];

/// Tests whose results are in an order that their query leaves open: a number may come before a text, or after it.
const ANY_ORDER: [&str; 2] = ["sparql11/functions/plus-1", "sparql11/functions/plus-2"];

/// The graph with the triples that a test has in its default graph.
const DEFAULT: &str = "urn:default";

/// Graphs by their names, and the files that they are read from.
type Graphs = Vec<(NamedNode, Vec<NamedNode>)>;

/// What a test asks, and of which graphs.
fn question(suites: &Suites, case: &Case) -> (Question, Graphs) {
    let text = suites.text(case.query.as_ref());
    let parser = SparqlParser::new().with_base_iri(case.query.as_str()).expect("an IRI");
    let asked = parser.parse_query(&text).ok().and_then(|query| query.dataset().cloned());
    let question = Question { text, base: Some(case.query.as_str().to_owned()), ..Question::default() };
    let (data, named) = match asked {
        None => (case.data.clone(), case.named.clone()),
        Some(QueryDataset { default, named }) => {
            let named = named.unwrap_or_default();
            if default.iter().all(|name| !named.contains(name)) {
                let all: BTreeSet<NamedNode> = default.into_iter().chain(named).collect();
                return (question, all.into_iter().map(|name| (name.clone(), vec![name])).collect());
            }
            // A file that is in the default graph, and a graph of its own, has other blank nodes there.
            (default, named)
        }
    };
    // Most tests have one graph and do not ask for its name: they are asked as users ask, of the union.
    let of_all = named.is_empty() && !question.text.to_ascii_lowercase().contains("graph");
    let default_graphs = if of_all { Vec::new() } else { vec![DEFAULT.to_owned()] };
    let mut graphs = vec![(NamedNode::new_unchecked(DEFAULT), data)];
    graphs.extend(named.iter().map(|name| (name.clone(), vec![name.clone()])));
    let named_graphs = named.iter().map(|name| name.as_str().to_owned()).collect();
    (Question { default_graphs, named_graphs, ..question }, graphs)
}

fn read(suites: &Suites, graphs: &Graphs) -> Vec<Quad> {
    let mut quads: Vec<Quad> = Vec::new();
    for (graph, files) in graphs {
        for file in files {
            // No node of another file has such a number: a triple has two at most.
            let first = 2 * quads.len() as u64;
            quads.extend(suites.quads(file.as_ref(), graph, first));
        }
    }
    quads
}

/// Why a test fails in some way.
fn fault(suites: &Suites, case: &Case, held: &Held, question: &Question, way: Way) -> Option<String> {
    let parser = SparqlParser::new().with_base_iri(case.query.as_str()).expect("an IRI");
    let ordered = !ANY_ORDER.contains(&case.name.as_str())
        && parser.parse_query(&question.text).is_ok_and(|query| asks_for_an_order(&query));
    match held.ask(way, question, found) {
        Ok(found) => difference(&due(suites, &case.result), &found, ordered, case.lax),
        Err(error) => Some(error),
    }
}

fn left_out(case: &Case, (engine, _): Way) -> bool {
    LEFT_OUT
        .iter()
        .any(|(place, _, names)| names.contains(&case.name.as_str()) && (*place == Everywhere || engine == Engine::Store))
}

#[test]
fn the_query_evaluation_tests_pass_in_every_way() {
    let Some(clients) = clients() else { return };
    let suites = Suites::new(folder(&clients));
    let cases = suites.cases();
    assert!(cases.len() >= TESTS, "{} tests were found, of {TESTS}", cases.len());
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    let unknown: Vec<_> = LEFT_OUT.iter().flat_map(|(.., names)| *names).filter(|name| !names.contains(*name)).collect();
    assert!(unknown.is_empty(), "left out, but there is no such test: {unknown:?}");
    let mut together: BTreeMap<String, Vec<(&Case, Question, Graphs)>> = BTreeMap::new();
    for case in &cases {
        let (question, graphs) = question(&suites, case);
        together.entry(format!("{graphs:?}")).or_default().push((case, question, graphs));
    }
    let wrong = with_stack(|| {
        let maker = Maker::new();
        let mut wrong = Vec::new();
        for (number, cases) in together.into_values().enumerate() {
            let held = Held::of(&maker, &read(&suites, &cases[0].2), number as u64 + 1);
            for (case, question, _) in &cases {
                for way in WAYS {
                    match (fault(&suites, case, &held, question, way), left_out(case, way)) {
                        (Some(fault), false) => wrong.push(format!("{} fails, {way:?}: {fault}", case.name)),
                        (None, true) => wrong.push(format!("{} is left out, but passes, {way:?}", case.name)),
                        _ => {}
                    }
                }
            }
        }
        wrong
    });
    let wrong = wrong.expect("a thread");
    let left_out: usize = LEFT_OUT.iter().map(|(.., names)| names.len()).sum();
    println!("{} tests, {left_out} left out, some only for the store", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Tests of the grammar that are left out, and why. Each of them fails.
const OTHER_GRAMMAR: [(&str, &[&str]); 4] = [
    (
        "no function has an IRI here, and a query with one is refused before it is evaluated",
        &[
            "dawg-data-r2/syntax-sparql1/syntax-expr-05",
            "dawg-data-r2/syntax-sparql1/syntax-order-05",
            "dawg-data-r2/syntax-sparql1/syntax-order-06",
            "dawg-data-r2/syntax-sparql2/syntax-function-01",
            "dawg-data-r2/syntax-sparql2/syntax-function-02",
            "dawg-data-r2/syntax-sparql2/syntax-function-03",
            "dawg-data-r2/syntax-sparql2/syntax-function-04",
            "sparql11/syntax-query/test_4",
        ],
    ),
    ("`123.` is a number in SPARQL 1.0, and a number and a dot in SPARQL 1.1", &["dawg-data-r2/syntax-sparql1/syntax-lit-08"]),
    (
        "the engine's parser has `\\u0070` only in texts and IRIs",
        &["dawg-data-r2/syntax-sparql2/syntax-esc-04", "dawg-data-r2/syntax-sparql2/syntax-esc-05"],
    ),
    (
        "the engine's parser reads `?x<?a&&?b>?y` as two comparisons, though `<?a&&?b>` is the longer token",
        &["dawg-data-r2/syntax-sparql3/syn-bad-26"],
    ),
];

#[test]
fn queries_are_good_or_bad_as_the_syntax_tests_say() {
    let Some(clients) = clients() else { return };
    let suites = Suites::new(folder(&clients));
    let wrong = with_stack(|| {
        let held = Held::of(&Maker::new(), &[], 1);
        let (mut wrong, mut count) = (Vec::new(), 0);
        for good in [true, false] {
            for (name, query) in suites.syntax(good) {
                count += 1;
                let question =
                    Question { text: suites.text(query.as_ref()), base: Some(query.as_str().to_owned()), ..Question::default() };
                let answer = held.ask(WAYS[1], &question, |_| Ok(()));
                // Services are refused, but only once the query is good.
                let parsed = answer.as_ref().map_or_else(|error| error.starts_with("SERVICE <"), |()| true);
                let left_out = OTHER_GRAMMAR.iter().any(|(_, names)| names.contains(&name.as_str()));
                match (parsed == good, left_out) {
                    (false, false) => wrong.push(format!("{name} is {}: {answer:?}", if good { "good" } else { "bad" })),
                    (true, true) => wrong.push(format!("{name} is left out, but passes")),
                    _ => {}
                }
            }
        }
        (wrong, count)
    });
    let (wrong, count) = wrong.expect("a thread");
    println!("{count} tests, {} left out", OTHER_GRAMMAR.iter().map(|(_, names)| names.len()).sum::<usize>());
    assert!(count >= SYNTAX_TESTS, "{count} tests were found, of {SYNTAX_TESTS}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
