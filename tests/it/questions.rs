//! Questions of statistics, as KB asks them of its own endpoint: the examples of the SPARQL page find rows on data of either
//! shape, and 24 questions have the answers that a computation over what the source served has.

use libris_mirror::demo::{Shapes, definitions};
use libris_mirror::serve::pages::EXAMPLES;
use serde_json::Value;

use crate::harness::{Bench, package};
use crate::payloads::Payloads;
use crate::reckoning::{Rows, answer};

/// Adds the definitions that the questions need, as the source that users have for them, with the subjects.
pub fn harvest_definitions(bench: &Bench) {
    let url = bench.url.replace("oaipmh", "emm");
    let kinds = ["Class", "Language", "Role", "Country", "Nationality", "Category", "EnumeratedTerm", "Topic"];
    let selections = kinds.map(|kind| format!("\"type:{kind}\"")).join(", ");
    bench.configure("definitions", &format!("kind = \"emm\"\nurl = \"{url}\"\nselections = [{selections}]"));
    let summary = bench.run(&["harvest", "--json", "definitions"]).json();
    let due: usize = kinds.iter().map(|kind| definitions(kind).len()).sum();
    // The topics of authority records are records of this selection, too.
    assert!(summary[0]["received"].as_u64() >= Some(due as u64), "{due}: {summary}");
}

/// The results of a query that selects.
fn results(bench: &Bench, query: &str) -> Value {
    bench.run(&["query", "--format", "json", query]).json()
}

/// How many rows or triples a query finds.
fn found(bench: &Bench, query: &str) -> usize {
    if query.contains("CONSTRUCT") {
        return bench.run(&["query", "--format", "nt", query]).ok().lines().count();
    }
    results(bench, query)["results"]["bindings"].as_array().expect("rows").len()
}

#[test]
fn every_example_finds_rows_on_data_of_either_shape() {
    for shapes in [Shapes::Old, Shapes::New, Shapes::Mixed] {
        let bench = Bench::shaped(1200, shapes);
        bench.harvest("all", None, &[]);
        let needs = |query: &str| query.contains("\n# Needs definitions: ");
        assert!(EXAMPLES.iter().filter(|example| needs(example.query)).count() == 2);
        for example in EXAMPLES.iter().filter(|example| !needs(example.query)) {
            assert!(found(&bench, example.query) > 0, "{shapes:?}, no definitions: {}", example.name);
        }
        harvest_definitions(&bench);
        for example in EXAMPLES {
            let rows = found(&bench, example.query);
            assert!(rows > 0, "{shapes:?}: {}", example.name);
            if example.query.contains("?name ") && example.query.contains("LANG(?name)") {
                let named = results(&bench, example.query).to_string().matches("\"xml:lang\":\"sv\"").count();
                assert_eq!(named, rows, "{shapes:?}: {} has a name in every row", example.name);
            }
        }
    }
}

#[test]
fn an_example_finds_as_much_after_the_records_took_the_new_shape() {
    let bench = Bench::shaped(1200, Shapes::Old);
    bench.harvest("all", None, &[]);
    harvest_definitions(&bench);
    let due = |bench: &Bench| -> Vec<(&str, Value)> {
        let same = ["novels-by-year", "books-by-decade", "audio-books", "genres", "contents", "carriers", "serials"];
        let same = EXAMPLES.iter().filter(|example| same.contains(&example.name));
        // Rows that are equal in what they are ordered by come in any order.
        same.map(|example| {
            let mut rows = results(bench, example.query)["results"]["bindings"].take();
            rows.as_array_mut().expect("rows").sort_by_key(Value::to_string);
            (example.name, rows)
        })
        .collect()
    };
    let before = due(&bench);
    let client = reqwest::blocking::Client::new();
    let control = bench.url.replace("/api/oaipmh/", "/demo/change");
    for (normalize, expected) in [(300, 300), (5000, 0)] {
        let answer = client.get(format!("{control}?normalize={normalize}")).send().expect("an answer");
        assert!(answer.text().expect("text").contains(&format!("normalized {normalize}")));
        let changed = bench.harvest("all", None, &[])["changed"].as_u64().expect("a number");
        assert!(changed == expected || expected == 0 && changed > 500, "{changed}");
        for (now, then) in due(&bench).iter().zip(&before) {
            assert_eq!(now, then, "after {normalize}");
        }
    }
    assert_eq!(bench.count("SELECT (COUNT(*) AS ?n) { ?s kbv:issuanceType|kbv:contentType|kbv:genreForm ?o }"), 0);
    bench.run(&["verify"]).expect(0);
}

/// The rows of a query that selects, as texts, in the order of its variables.
fn rows(results: &Value) -> Rows {
    let variables: Vec<&str> = results["head"]["vars"].as_array().expect("variables").iter().filter_map(Value::as_str).collect();
    let bindings = results["results"]["bindings"].as_array().expect("rows");
    let text = |row: &Value, variable: &str| row[variable]["value"].as_str().unwrap_or_default().to_owned();
    let rows: Rows = bindings.iter().map(|row| variables.iter().map(|variable| text(row, variable)).collect()).collect();
    assert_eq!(rows.len(), bindings.len(), "no row comes twice");
    rows
}

#[test]
fn the_answers_to_24_questions_are_those_of_a_computation_over_the_payloads() {
    let bench = Bench::new(3000);
    bench.harvest("all", None, &[]);
    harvest_definitions(&bench);
    let payloads = Payloads::of(&bench);
    let mut files: Vec<_> = fs_err::read_dir(package().join("tests/fixtures/questions")).expect("questions").flatten().collect();
    files.sort_by_key(fs_err::DirEntry::file_name);
    assert_eq!(files.len(), 24);
    for file in files {
        let name = file.file_name().into_string().expect("a name");
        let query = fs_err::read_to_string(file.path()).expect("a query");
        let (got, due) = (rows(&results(&bench, &query)), answer(&name[..2], &payloads));
        assert!(!due.is_empty(), "{name}");
        let (missing, more): (Vec<_>, Vec<_>) = (due.difference(&got).collect(), got.difference(&due).collect());
        assert!(missing.is_empty() && more.is_empty(), "{name}: missing {missing:?}, and more than due {more:?}");
    }
}
