//! The clients of users against a running server: `SPARQLWrapper`, rdflib, Comunica, curl and Chromium; and axe-core on the
//! pages.
//!
//! `.ci/run` installs them and sets `LIBRIS_MIRROR_CLIENTS` to their directory. Without it, these tests are skipped, and say so.

use std::path::{Path, PathBuf};
use std::process::Command;

use libris_mirror::demo::identifier;
use serde_json::{Value, json};

use crate::harness::{Bench, Done, package, text_setting};
use crate::server::Server;

#[expect(clippy::print_stderr, reason = "who runs the tests should know what they leave out")]
/// Returns the directory with the clients, if they are installed. In CI they must be.
pub fn clients() -> Option<PathBuf> {
    let Some(place) = text_setting("LIBRIS_MIRROR_CLIENTS") else {
        assert!(text_setting("CI").is_none(), "CI must say where the clients are, in LIBRIS_MIRROR_CLIENTS");
        eprintln!("skipped: LIBRIS_MIRROR_CLIENTS names no directory with clients (`.ci/run` installs them)");
        return None;
    };
    Some(place.into())
}

pub fn script(name: &str) -> PathBuf {
    package().join("tests/clients").join(name)
}

fn run(program: &Path, words: &[&str], clients: &Path) -> Done {
    let output = Command::new(program)
        .args(words)
        .env("CLIENTS", clients)
        .output()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
    Done::of(format!("{} {}", program.display(), words.join(" ")), &output)
}

fn served(records: u64) -> (Bench, Server, u64) {
    let bench = Bench::new(records);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    let people = server.count("SELECT (COUNT(*) AS ?n) { ?s a kbv:Person . ?s kbv:lifeSpan ?any }");
    (bench, server, people)
}

#[test]
fn sparqlwrapper_and_rdflib_get_what_they_ask_for() {
    let Some(clients) = clients() else { return };
    let (bench, server, _) = served(400);
    let number = bench.state().with_catalogue(|catalogue| catalogue.live(1))[0];
    let iri = identifier(number);
    let path = format!("/{}", iri.rsplit('/').next().expect("an id"));
    let script = script("python_clients.py");
    let seen = run(&clients.join("venv/bin/python"), &[script.to_str().expect("text"), &server.url, &path], &clients).json();
    let all = server.count("SELECT (COUNT(*) AS ?n) { ?s a kbv:Person }");
    let named = server.ask("SELECT DISTINCT ?s { ?s a kbv:Person }").ok().json()["results"]["bindings"]
        .as_array()
        .map(|rows| rows.len() as u64);
    for key in ["json", "xml", "csv", "tsv"] {
        for method in ["GET", "POST"] {
            assert_eq!(seen[format!("wrapper {key} {method}")], all, "{key} {method}: {seen:#}");
        }
    }
    for key in ["wrapper rdfxml", "wrapper turtle", "wrapper n3", "wrapper jsonld"] {
        assert_eq!(seen[key].as_u64(), named, "{key}: {seen:#}");
    }
    assert_eq!(seen["wrapper ask"], true);
    assert!(
        seen["wrapper error"].as_str().is_some_and(|error| error.contains("no object after `?p`, before `}` (line 1, column ")),
        "{seen:#}"
    );
    for key in ["store query", "store post", "store triples"] {
        assert_eq!(seen[key], all, "{key}: {seen:#}");
    }
    let triples = bench.run(&["record", &iri, "--format", "nt"]).ok().lines().filter(|line| !line.starts_with('#')).count();
    let record = seen["record"].as_object().expect("sizes");
    assert!(record.len() == 5 && record.values().all(|size| *size == triples), "{triples}: {seen:#}");
    assert!(seen["void"].as_u64() > Some(20), "{seen:#}");
}

#[test]
fn comunica_gets_what_it_asks_for() {
    let Some(clients) = clients() else { return };
    let (_bench, server, _) = served(300);
    let script = script("comunica.mjs");
    let seen = run(Path::new("node"), &[script.to_str().expect("text"), &server.url], &clients).json();
    let people = server.count("SELECT (COUNT(*) AS ?n) { ?s a kbv:Person }");
    let linked = "SELECT (COUNT(*) AS ?n) { ?p a kbv:Person ; kbv:familyName ?f ; kbv:exactMatch ?m FILTER STRSTARTS(STR(?m), \"http://www.wikidata.org/\") }";
    assert_eq!(seen["people"], people, "{seen:#}");
    assert_eq!(seen["found"], people, "{seen:#}");
    assert_eq!(seen["linked"], server.count(linked), "{seen:#}");
    assert_eq!((&seen["ask"], seen["quads"].as_u64() > Some(0)), (&Value::Bool(true), true), "{seen:#}");
}

#[test]
fn curl_gets_what_the_readme_says() {
    let Some(clients) = clients() else { return };
    let (bench, server, people) = served(300);
    let url = format!("{}/sparql", server.url);
    let query = "query=SELECT (COUNT(*) AS ?n) { ?s a kbv:Person ; kbv:lifeSpan ?any }";
    let csv =
        run(Path::new("curl"), &["-sS", "--fail", "-H", "Accept: text/csv", "--data-urlencode", query, &url], &clients).ok();
    assert_eq!(csv.trim(), format!("n\r\n{people}"));
    let get =
        run(Path::new("curl"), &["-sS", "--fail", "-G", "-d", "format=tsv", "--data-urlencode", query, &url], &clients).ok();
    assert_eq!(get.lines().count(), 2);
    let gzip =
        run(Path::new("curl"), &["-sS", "--fail", "--compressed", &format!("{}/.well-known/void", server.url)], &clients).ok();
    assert!(gzip.contains("void:sparqlEndpoint"));
    // curl reports cut results as an error.
    let cut = Server::start(&bench, &["--set-config", "serve.rows=10"]);
    let all = run(
        Path::new("curl"),
        &["-sS", "--data-urlencode", "query=SELECT * { ?s ?p ?o }", &format!("{}/sparql", cut.url)],
        &clients,
    );
    assert!(all.code == Some(18) && all.stdout.contains("cut after 10 results"), "{:?} {}", all.code, all.stdout);
}

#[test]
fn a_browser_searches_opens_a_record_and_asks() {
    let Some(clients) = clients() else { return };
    let (bench, server, _) = served(1000);
    let screenshots = text_setting("LIBRIS_MIRROR_SCREENSHOTS").map_or_else(|| bench.path().join("screenshots"), PathBuf::from);
    fs_err::create_dir_all(&screenshots).expect("a directory");
    let script = script("browser.mjs");
    let words = [script.to_str().expect("text"), &server.url, screenshots.to_str().expect("text"), "lindström"];
    let seen = run(Path::new("node"), &words, &clients).json();
    assert_eq!(seen["front"], "A mirror of the open data of Libris, Sweden's national library catalogue");
    assert_eq!(seen["swedish"], "En spegling av öppna data från Libris, Sveriges nationella bibliotekskatalog");
    for (key, least) in
        [("charts", 3), ("hits", 5), ("badges", 1), ("contributors", 1), ("rows", 20), ("downloads", 4), ("harvests", 2)]
    {
        assert!(seen[key].as_u64() >= Some(least), "{key}: {seen:#}");
    }
    assert!(seen["record"].as_str().is_some_and(|title| title.starts_with("Lindström, ")), "the person comes first: {seen:#}");
    assert_eq!(
        seen["mistake"].as_str().map(|text| text.contains("3 |   ?s kbv:familyName .") && text.contains('^')),
        Some(true),
        "{seen:#}"
    );
    let (wrong, right) = (&seen["wrong"], &seen["right"]);
    for text in ["error", "description"] {
        assert!(wrong[text].as_str().is_some_and(|text| text.contains("(line 3, column ")), "{wrong}");
    }
    assert_eq!((&wrong["invalid"], &right["invalid"], &right["error"]), (&"true".into(), &Value::Null, &"".into()), "{seen:#}");
    assert!(right["description"].as_str().is_some_and(|text| text.contains("Ctrl+Enter") && !text.contains("error")), "{right}");
    queries_are_written(&seen);
    results_are_looked_through(&seen);
    for key in ["turtle", "graph", "cut"] {
        assert_eq!(seen[key], true, "{key}: {seen:#}");
    }
    assert_eq!((&seen["skip"], &seen["nameless"], &seen["overflow"]), (&"#content".into(), &0.into(), &false.into()), "{seen:#}");
    let names = seen["named"].as_array().expect("two");
    let is_name = |name: &Value| name.as_str().is_some_and(|name| name.contains(", ") && !name.contains("http"));
    assert!(names.len() == 2 && names.iter().all(is_name), "{seen:#}");
    assert_eq!((&seen["columns"], seen["unnamed"].as_str().map(|name| name.starts_with("https://"))), (&2.into(), Some(true)));
    assert_eq!(seen["without_script"], 200);
    assert_eq!((&seen["elsewhere"], &seen["problems"]), (&Value::Array(Vec::new()), &Value::Array(Vec::new())), "{seen:#}");
    for name in ["front", "search", "record", "sparql", "phone"] {
        assert!(fs_err::metadata(screenshots.join(format!("{name}.png"))).is_ok_and(|file| file.len() > 10_000), "{name}");
    }
}

/// The field where a query is written: its colours, completions, mistakes, its plan and its link.
fn queries_are_written(seen: &Value) {
    assert_eq!((&seen["marked"], &seen["behind"]), (&json!(["."]), &true.into()), "{seen:#}");
    assert_eq!(seen["example"], "example", "{seen:#}");
    assert_eq!(seen["caret"], json!(["query", "SELECT * {\n  ?s a kbv:Person .\n  ?s kbv:familyName ", "."]), "{seen:#}");
    let kinds = json!({"comment": ["# all"], "keyword": ["SELECT", "a"], "variable": ["?p", "?p"], "name": ["kbv:Pers"]});
    assert_eq!(seen["kinds"], kinds, "{seen:#}");
    let begun = "# all\nSELECT ?p { ?p a kbv:Pers";
    assert!(
        seen["offered"][0].as_str().is_some_and(|text| text.starts_with("kbv:Person ") && text.contains("class ")),
        "{seen:#}"
    );
    assert_eq!((&seen["offered"][1], &seen["completed"]), (&"true".into(), &json!([format!("{begun}on"), null])), "{seen:#}");
    assert_eq!(seen["undone"], begun, "what was chosen can be undone");
    let properties = seen["properties"].as_array().expect("words");
    assert!(
        properties[0].as_str().is_some_and(|text| text.starts_with("kbv:familyName ") && text.contains("property ")),
        "{seen:#}"
    );
    assert_eq!(seen["escaped"], json!([0, format!("{begun}on ; fam")]), "{seen:#}");
    assert_eq!(seen["property"], format!("{begun}on ; kbv:familyName"), "{seen:#}");
    assert_eq!(seen["declared"], "PREFIX mine: <https://id.kb.se/vocab/>\nSELECT * { ?s a mine:Person }", "{seen:#}");
    let due = seen["due"].as_array().expect("words");
    assert!(due.len() == 12 && due.iter().all(|word| word.as_str().is_some_and(|text| text.contains(" class "))), "{seen:#}");
    assert_eq!(seen["aligned"], json!([0, 0, 0, true]), "the colours are where the text is: {seen:#}");
    assert_eq!(seen["poor"], json!(["ASK { ?s skos:", true]), "{seen:#}");
    let strange = json!([["<https://x.example/a/Thing> <img src=x> Sak class 7"], 0, "ASK { ?s a <https://x.example/a/Thing>"]);
    assert_eq!(seen["strange"], strange, "{seen:#}");
    assert_eq!(seen["silent"], 0, "nothing is completed in a string");
    let plan = seen["plan"][1].as_str().expect("text");
    assert!(seen["plan"][0].as_u64() >= Some(2) && plan.contains("Expected") && plan.contains("<script>alert(1)"), "{seen:#}");
    assert_eq!((&seen["plan"][2], &seen["link"][0], &seen["again"]), (&false.into(), &true.into(), &true.into()), "{seen:#}");
    assert!(seen["link"][1].as_str().is_some_and(|text| text.starts_with("?query=SELECT")), "{seen:#}");
    assert!(seen["bare_plan"][0].as_u64() >= Some(1), "{seen:#}");
    assert_eq!(
        (&seen["bare_plan"][1], &seen["bare_plan"][2]),
        (&"SELECT ?p { ?p a kbv:Person }".into(), &false.into()),
        "{seen:#}"
    );
}

/// The results: a time line, rows that sort, and pages of them.
fn results_are_looked_through(seen: &Value) {
    assert_eq!(seen["line"], "Time line: year, novels", "{seen:#}");
    assert!(seen["years"][0].as_u64() >= Some(20), "{seen:#}");
    let point = seen["years"][1].as_str().expect("text").split_once(": ").expect("a year and a number");
    assert!(point.0.len() == 4 && point.1.parse::<u64>().is_ok(), "{seen:#}");
    let numbers = |number: usize| -> Vec<u64> {
        seen["sorting"][number][1].as_array().expect("numbers").iter().filter_map(Value::as_u64).collect()
    };
    let ways: Vec<&Value> = (0..4).map(|number| &seen["sorting"][number][0]).collect();
    assert_eq!(ways, [&Value::Null, &"ascending".into(), &"descending".into(), &Value::Null], "{seen:#}");
    assert!(numbers(1).is_sorted() && numbers(2).is_sorted_by(|one, other| one >= other), "{seen:#}");
    assert!(numbers(0) == numbers(3) && numbers(0) != numbers(1), "{seen:#}");
    let evil = "<img src=x onerror=alert(1)>";
    let order = json!([[evil, "å", "x", ""], ["x", "å", evil, ""], ["1", "2", "3", "10"]]);
    assert_eq!((&seen["order"], &seen["images"][0]), (&order, &0.into()), "{seen:#}");
    assert!(seen["images"][1][1].as_str().is_some_and(|name| name.starts_with("<img src=x")), "{seen:#}");
    let left = "Rows without a year or a number, which only the table has: 1";
    assert_eq!(seen["gaps"], json!([4, 2, left]), "{seen:#}");
    assert_eq!(seen["pages"], json!([50, "1 / 20", "20 / 20", true, "1 / 20", 1]), "{seen:#}");
}

#[test]
fn every_page_is_for_everybody_on_a_phone_as_well() {
    let Some(clients) = clients() else { return };
    let bench = Bench::new(1000);
    let path = |number: u64| format!("/{}", identifier(number).rsplit('/').next().expect("an id"));
    bench.harvest("nb", Some("nb"), &[]);
    bench.harvest("auth", Some("auth"), &[]);
    let live = bench.state().with_catalogue(|catalogue| catalogue.live(1000));
    let books: Vec<u64> = live.iter().copied().filter(|number| number % 5 == 2).collect();
    let person = live.iter().copied().find(|number| number % 40 == 10 && number % 15 == 10).expect("a person");
    bench.state().with_catalogue(|catalogue| catalogue.update(&books[..5], chrono::Utc::now()));
    bench.state().with_catalogue(|catalogue| catalogue.delete(&books[5..6], chrono::Utc::now()));
    bench.harvest("nb", Some("nb"), &[]);
    let server = Server::start(&bench, &[]);
    let script = script("axe.mjs");
    let mut words = vec![script.display().to_string(), server.url.clone(), path(books[0]), path(person), path(books[5])];
    words.extend(text_setting("LIBRIS_MIRROR_AXE_SCREENSHOTS"));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let seen = run(Path::new("node"), &words, &clients).ok();
    let seen: Vec<Value> = seen.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(seen.len(), 22 * 4, "each page on a desk and on a phone, in English and in Swedish");
    let wrong: Vec<String> = seen
        .iter()
        .filter(|page| {
            let found = ["violations", "low", "outside", "overlapping"].into_iter().any(|key| page[key] != json!([]));
            let charts = ["front", "line", "standing", "lying"].into_iter().any(|name| page["name"] == name);
            found || page["overflow"] != false || charts != (page["texts"].as_u64() > Some(4))
        })
        .map(ToString::to_string)
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
