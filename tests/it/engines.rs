//! The index and oxigraph's store give the same answers, and a query says what it does.

use libris_mirror::serve::pages::EXAMPLES;

use crate::harness::{Bench, package};
use crate::questions::harvest_definitions;

/// The rows of a query, in no order.
fn rows(bench: &Bench, engine: &str, query: &str) -> Vec<String> {
    let format = if query.contains("CONSTRUCT") { "nt" } else { "csv" };
    let answer = bench.run(&["query", "--engine", engine, "--format", format, query]).ok();
    let mut rows: Vec<String> = answer.lines().map(str::to_owned).collect();
    rows.sort_unstable();
    rows
}

#[test]
fn the_index_answers_as_the_store_does() {
    let bench = Bench::new(1500);
    bench.harvest("all", None, &[]);
    harvest_definitions(&bench);
    bench.state().with_catalogue(|catalogue| {
        catalogue.update(&(0..1200).step_by(7).collect::<Vec<_>>(), chrono::Utc::now());
        catalogue.delete(&[5, 6, 7], chrono::Utc::now());
        catalogue.add(20, chrono::Utc::now());
    });
    bench.harvest("all", None, &[]);
    let files = fs_err::read_dir(bench.data().join("index")).expect("an index").flatten();
    let names: Vec<String> = files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    let count = |ending: &str| names.iter().filter(|name| name.ends_with(ending)).count();
    assert!(count(".segment") > 1 && count(".mask") > 0, "several segments, and graphs that were replaced: {names:?}");
    let mut questions: Vec<String> = EXAMPLES.iter().map(|example| example.query.to_owned()).collect();
    let files = fs_err::read_dir(package().join("tests/fixtures/questions")).expect("questions").flatten();
    questions.extend(files.map(|file| fs_err::read_to_string(file.path()).expect("a query")));
    questions.extend(
        [
            "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }",
            "SELECT ?p (COUNT(*) AS ?n) (COUNT(DISTINCT ?s) AS ?m) (COUNT(DISTINCT ?o) AS ?k) { ?s ?p ?o } GROUP BY ?p",
            "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g",
            "SELECT (COUNT(*) AS ?n) { ?p a kbv:Person FILTER NOT EXISTS { ?p kbv:identifiedBy ?i . ?i a kbv:ISNI } }",
            "SELECT (COUNT(*) AS ?n) { ?s kbv:broader+ ?o }",
            "SELECT ?b ?c { ?s kbv:hasTitle ?b BIND(?b AS ?c) ?c kbv:mainTitle ?t FILTER(isBlank(?c)) }",
            "SELECT (SUM(?n) AS ?all) { SELECT ?t (COUNT(?b) AS ?n) { ?b kbv:hasTitle [ kbv:mainTitle ?t ] } GROUP BY ?t }",
            "SELECT ?x { VALUES ?x { 1 'a' <https://libris.kb.se/nothing> } FILTER NOT EXISTS { ?x ?p ?o } }",
        ]
        .map(str::to_owned),
    );
    for query in questions {
        let (index, store) = (rows(&bench, "index", &query), rows(&bench, "store", &query));
        // Of rows that are equal in what they are ordered by, a limit takes any.
        if query.contains("LIMIT") {
            assert_eq!(index.len(), store.len(), "{query}");
        } else {
            assert_eq!(index, store, "{query}");
        }
    }
    bench.run(&["verify"]).expect(0);
}

#[test]
fn a_query_explains_what_it_does() {
    let bench = Bench::new(400);
    bench.harvest("all", None, &[]);
    let query = "SELECT ?p { ?p a kbv:Person FILTER NOT EXISTS { ?p kbv:identifiedBy ?i . ?i a kbv:ISNI } }";
    let found = bench.run(&["query", "--format", "csv", query]).ok().lines().count() - 1;
    let told = bench.run(&["query", "--explain", query]).ok();
    assert!(told.starts_with("    expected         came  step\n"), "{told}");
    assert!(told.contains("EXISTS") && told.contains(&format!("{found} results in ")), "{told}");
    let report = bench.run(&["query", "--explain", "--json", query]).json();
    assert_eq!(report["results"], found, "{report}");
    let first = &report["steps"][0]["steps"][0];
    let persons = bench.count("SELECT (COUNT(*) AS ?n) { ?p a kbv:Person }");
    assert_eq!((&first["rows"], &first["came"]), (&persons.into(), &persons.into()), "counts of constants are exact: {report}");
    let refused = bench.run(&["query", "--explain", "--format", "csv", query]).expect(2);
    assert!(refused.stderr.contains("cannot be used with"), "{}", refused.stderr);
    // The longest chain first as it is written; the planner begins with the one record.
    let one = "SELECT ?t { ?s kbv:hasTitle ?b . ?b kbv:mainTitle ?t . <https://libris.kb.se/none> kbv:mainEntity ?s }";
    let report = bench.run(&["query", "--explain", "--json", one]).json();
    let text = report["steps"][0]["steps"][0]["text"].as_str().expect("a pattern");
    assert!(text.contains("libris.kb.se/none"), "{report}");
}
