//! The output of `query` when something fails: no results, or results that no parser accepts as complete.

use std::time::{Duration, Instant};

use crate::harness::{Bench, Done};

const FORMATS: [&str; 4] = ["json", "xml", "csv", "tsv"];

/// A join in memory that would take days, without a check of the time limit by the engine.
const ENDLESS: &str = "{ SELECT (COUNT(*) AS ?n) { { ?a ?b ?c } { ?d ?e ?f } { ?g ?h ?i } { ?j ?k ?l } } }";

/// Returns a mirror, and a configuration that lists a host where nobody listens.
fn mirror() -> (Bench, String) {
    let bench = Bench::new(300);
    bench.harvest("all", None, &[]);
    let config = bench.path().join("query.toml");
    fs_err::write(&config, "[query]\nservice_hosts = [\"127.0.0.1:9\"]\n").expect("written");
    let config = config.to_str().expect("text").to_owned();
    (bench, config)
}

/// A query with rows, and then an error.
fn failing(limit: u32) -> String {
    format!("{{ {{ SELECT * {{ ?s ?p ?o }} LIMIT {limit} }} UNION {{ SERVICE <http://127.0.0.1:9/sparql> {{ ?s ?p ?o }} }} }}")
}

fn said(done: Done, words: &str) -> Done {
    let done = done.expect(1);
    assert!(done.stderr.starts_with("error: ") && done.stderr.contains(words), "{}", done.stderr);
    done
}

#[test]
fn a_query_that_fails_early_prints_nothing() {
    let (bench, config) = mirror();
    for format in FORMATS {
        let select = format!("SELECT * {}", failing(100));
        let done = said(bench.run(&["query", "--config", &config, "--format", format, &select]), "could not be asked");
        assert_eq!((done.stdout.as_str(), done.stderr.contains("incomplete")), ("", false), "{format}: {}", done.stderr);
    }
    for format in ["nt", "ttl", "rdfxml", "jsonld"] {
        let construct = format!("CONSTRUCT {{ ?s ?p ?o }} {}", failing(100));
        let done = said(bench.run(&["query", "--config", &config, "--format", format, &construct]), "could not be asked");
        assert_eq!(done.stdout, "", "{format}");
    }
    let endless = format!("SELECT * {{ {{ VALUES ?n {{ 1 }} }} UNION {ENDLESS} }}");
    let done = said(bench.run(&["query", "--timeout", "1", "--format", "csv", &endless]), "was ended after 1 s\nhint: ");
    assert_eq!(done.stdout, "");
}

#[test]
fn a_query_that_fails_late_says_that_what_was_printed_is_incomplete() {
    let (bench, config) = mirror();
    let many = failing(5000);
    for format in FORMATS {
        let select = format!("SELECT * {many}");
        let done = said(bench.run(&["query", "--config", &config, "--format", format, &select]), "printed are incomplete");
        assert!(done.stdout.len() > 64 << 10 && !done.stdout.ends_with('\n'), "{format}: {}", done.stdout.len());
        assert!(
            serde_json::from_str::<serde_json::Value>(&done.stdout).is_err() && !done.stdout.contains("</sparql>"),
            "{format}"
        );
    }
    let construct = format!("CONSTRUCT {{ ?s ?p ?o }} {many}");
    let done = said(bench.run(&["query", "--config", &config, "--format", "nt", &construct]), "printed are incomplete");
    let triples: Result<Vec<_>, _> =
        oxigraph::io::RdfParser::from_format(oxigraph::io::RdfFormat::NTriples).for_slice(&done.stdout).collect();
    assert!(triples.is_err(), "the last triple is not whole");
    // A query that is ended because its time is up.
    let none = "{ { ?a ?b ?c } { ?d ?e ?f } { ?g ?h ?i } FILTER(STR(?a) = CONCAT(STR(?d), STR(?g))) }";
    let endless = format!("SELECT * {{ {{ SELECT * {{ ?s ?p ?o }} LIMIT 5000 }} UNION {none} }}");
    let done = said(bench.run(&["query", "--timeout", "3", "--format", "csv", &endless]), "printed are incomplete\nhint: ");
    assert!(!done.stdout.is_empty() && !done.stdout.ends_with('\n'));
}

#[test]
fn results_that_are_long_come_whole() {
    let (bench, _) = mirror();
    let quads = bench.quads().len();
    let json = bench.run(&["query", "--format", "json", "SELECT * { ?s ?p ?o }"]).json();
    assert_eq!(json["results"]["bindings"].as_array().map(Vec::len), Some(quads));
    let csv = bench.run(&["query", "--format", "csv", "SELECT * { ?s ?p ?o }"]).ok();
    assert!(quads > 5000 && csv.ends_with('\n'));
}

#[test]
fn a_query_that_is_nested_too_deeply_is_refused_not_fatal() {
    let (bench, _) = mirror();
    let file = bench.path().join("deep.rq");
    for (open, close) in [("(", ")"), ("!", ""), ("-(", ")"), ("STR(", ")"), ("1 + ", ""), ("EXISTS { FILTER(", ") }")] {
        let deep = format!("SELECT * {{ FILTER({}1{}) }}", open.repeat(50_000), close.repeat(50_000));
        fs_err::write(&file, deep).expect("written");
        let done = said(bench.run(&["query", "-f", file.to_str().expect("text")]), "nested too deeply");
        assert_eq!((done.stdout.as_str(), done.stderr.lines().count()), ("", 4), "{}", done.stderr);
    }
}

#[test]
fn time_is_taken_while_a_query_is_parsed_as_well() {
    let (bench, _) = mirror();
    let slow = format!("ASK {{ FILTER({}'a'{}) }}", "REGEX(".repeat(24), ", 'a')".repeat(24));
    let begun = Instant::now();
    said(bench.run(&["query", "--timeout", "1", &slow]), "was ended after 1 s");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let slower = format!("ASK {{ FILTER({}'a'{}) }}", "REGEX(".repeat(60), ", 'a')".repeat(60));
    said(bench.run(&["query", &slower]), "nested too deeply");
}
