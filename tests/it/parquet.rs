//! Parquet exports, as `DuckDB` and Spark read them: the same answers as those of `query`, in either.

use serde_json::{Value, json};

use crate::clients::{clients, script};
use crate::harness::{Bench, Done};

/// What an engine finds in a dataset.
fn found(engine: &str, bench: &Bench, name: &str) -> Option<Value> {
    let python = clients()?.join("venv/bin/python");
    let directory = bench.path().join(name);
    let mut command = std::process::Command::new(python);
    command.arg(script("parquet.py")).args([engine, directory.to_str().expect("text")]);
    let output = command.output().expect("python starts");
    Some(Done::of(format!("parquet.py {engine}"), &output).json())
}

/// The rows of a query, as numbers where they are some.
fn rows(bench: &Bench, query: &str) -> Value {
    let answer = bench.run(&["query", "--format", "json", query]).json();
    let variables: Vec<&str> = answer["head"]["vars"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let value = |binding: &Value| -> Value {
        let text = binding["value"].as_str().expect("a value");
        text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number))
    };
    let bindings = answer["results"]["bindings"].as_array().expect("a list");
    bindings.iter().map(|row| variables.iter().map(|variable| value(&row[variable])).collect::<Value>()).collect()
}

fn agrees(engine: &str) {
    let bench = Bench::new(900);
    bench.harvest("nb", Some("nb"), &[]);
    bench.harvest("auth", Some("auth"), &[]);
    bench.state().with_catalogue(|catalogue| {
        let live = catalogue.national(5);
        catalogue.delete(&live, chrono::Utc::now());
    });
    bench.harvest("nb", Some("nb"), &[]);
    let written = bench.run(&["export", "--format", "parquet", "-o", "dataset", "--json"]).json();
    let Some(found) = found(engine, &bench, "dataset") else { return };
    let one = |query: &str| rows(&bench, query)[0][0].clone();
    assert_eq!(found["triples"], one("SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"));
    assert_eq!(found["graphs"], one("SELECT (COUNT(DISTINCT ?g) AS ?n) { GRAPH ?g { ?s ?p ?o } }"));
    assert_eq!((&written["triples"], &written["links"]), (&found["triples"], &json!(bench.link_stats().values().sum::<u64>())));
    let kinds = [("blank", "isBlank"), ("iri", "isIRI"), ("literal", "isLiteral")];
    let kinds = kinds
        .map(|(kind, is)| json!([kind, one(&format!("SELECT (COUNT(*) AS ?n) {{ GRAPH ?g {{ ?s ?p ?o }} FILTER({is}(?o)) }}"))]));
    assert_eq!(found["kinds"], json!(kinds));
    let status = bench.run(&["status", "--json"]).json();
    let sources = status["sources"].as_array().expect("a list").iter();
    let mut counts: Vec<Value> = sources.clone().map(|source| json!([source["name"], source["records"]])).collect();
    counts.sort_by_key(ToString::to_string);
    assert_eq!(found["sources"], json!(counts));
    assert_eq!(found["deleted"], json!(sources.map(|source| source["deleted"].as_u64().expect("a number")).sum::<u64>()));
    let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
    let of = |authority: &str| -> Vec<(String, String)> {
        let mut statement = log.prepare("SELECT entity, iri FROM link WHERE authority = ?1").expect("valid");
        let rows = statement.query_map([authority], |row| Ok((row.get(0)?, row.get(1)?))).expect("valid");
        rows.collect::<Result<_, _>>().expect("readable")
    };
    let (viaf, wikidata) = (of("viaf"), of("wikidata"));
    let mut both: Vec<[&String; 3]> = Vec::new();
    for (entity, iri) in &viaf {
        both.extend(wikidata.iter().filter(|(other, _)| other == entity).map(|(_, other)| [entity, iri, other]));
    }
    both.sort();
    assert!(both.len() > 10 && found["viaf_and_wikidata"] == json!(both), "{} and {}", found["viaf_and_wikidata"], json!(both));
    let authors = "SELECT ?agent (COUNT(DISTINCT ?work) AS ?n) { GRAPH ?g { ?work kbv:contribution ?c . ?c kbv:agent ?agent FILTER(isIRI(?agent)) } }
                   GROUP BY ?agent ORDER BY DESC(?n) STR(?agent) LIMIT 20";
    assert_eq!(found["authors"], rows(&bench, authors));
    assert!(found["swedish_by_year"].as_array().expect("a list").len() > 5, "{found}");
}

#[test]
fn duckdb_finds_what_queries_find() {
    agrees("duckdb");
}

#[test]
fn spark_finds_what_queries_find() {
    agrees("spark");
}

#[test]
fn the_same_log_gives_the_same_bytes_and_what_changed_can_be_had_alone() {
    let bench = Bench::new(600);
    bench.harvest("all", None, &[]);
    let first = bench.run(&["export", "--format", "parquet", "-o", "one", "--json"]).json();
    bench.run(&["export", "-o", "two.parquet", "-q"]).expect(0);
    let same = std::process::Command::new("diff").args(["-r", "one", "two.parquet"]).current_dir(bench.path()).status();
    assert!(same.expect("diff starts").success());
    for file in first["files"].as_array().expect("a list") {
        let bytes = fs_err::read(bench.path().join("one").join(file["path"].as_str().expect("a path"))).expect("there");
        assert_eq!(bytes.len() as u64, file["bytes"].as_u64().expect("a number"));
        let output = std::process::Command::new("sha256sum")
            .arg(bench.path().join("one").join(file["path"].as_str().expect("a path")))
            .output();
        let sum = String::from_utf8(output.expect("sha256sum starts").stdout).expect("text");
        assert_eq!(sum.split(' ').next(), file["sha256"].as_str());
    }
    bench.state().with_catalogue(|catalogue| {
        let live = catalogue.live(9);
        catalogue.update(&live[..6], chrono::Utc::now());
        catalogue.delete(&live[6..], chrono::Utc::now());
    });
    bench.harvest("all", None, &[]);
    let since = first["change"].to_string();
    let changed = bench.run(&["export", "--format", "parquet", "-o", "one", "--since", &since, "--json"]).json();
    assert_eq!((&changed["records"], &changed["since"]), (&json!(9), &first["change"]), "{changed}");
    let nothing =
        bench.run(&["export", "--format", "parquet", "-o", "none", "--since", &changed["change"].to_string(), "--json"]).json();
    assert_eq!((&nothing["records"], &nothing["files"]), (&json!(0), &json!([])));

    // Nothing that is not a dataset is replaced, and nothing is left of what was refused.
    fs_err::create_dir(bench.path().join("mine")).expect("made");
    fs_err::write(bench.path().join("mine/thesis.txt"), "years of work").expect("written");
    let refused = bench.run(&["export", "--format", "parquet", "-o", "mine"]).expect(1);
    fs_err::write(bench.path().join("mine/manifest.json"), "{\"name\": \"a web application\"}").expect("written");
    bench.run(&["export", "--format", "parquet", "-o", "mine"]).expect(1);
    assert!(refused.stderr.contains("mine holds something that this program did not write"), "{}", refused.stderr);
    assert!(bench.path().join("mine/thesis.txt").exists());
    bench.run(&["export", "--format", "parquet", "-o", "-"]).expect(2);
    bench.run(&["export", "--format", "parquet", "-o", "x", "--since", "999999"]).expect(2);
    bench.run(&["export", "--since", "1", "-o", "x.nt"]).expect(2);
    bench.run(&["export", "--format", "parquet", "--since", "1", "--source", "all", "-o", "x"]).expect(2);
    let left = fs_err::read_dir(bench.path()).expect("there").flatten();
    assert_eq!(left.filter(|entry| entry.file_name().to_string_lossy().starts_with(".libris-mirror-")).count(), 0);
}
