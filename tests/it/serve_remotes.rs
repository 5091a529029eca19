//! `serve.sparql`: queries that remote stores answer, of servers that we did not write.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::Bench;
use crate::server::Server;
use crate::stores::{Kind, Store};

/// Queries whose results do not depend on the order, nor on blank nodes.
const QUERIES: [&str; 10] = [
    "SELECT ?class (COUNT(*) AS ?n) { ?s a ?class FILTER(STRSTARTS(STR(?class), STR(kbv:))) } GROUP BY ?class",
    "SELECT ?person ?name { ?person a kbv:Person ; kbv:familyName ?name FILTER(!ISBLANK(?person)) }",
    "SELECT ?work ?title { ?i kbv:instanceOf ?work ; kbv:hasTitle [ kbv:mainTitle ?title ] FILTER(!ISBLANK(?work)) }",
    "SELECT (COUNT(*) AS ?n) { ?p a kbv:Person FILTER NOT EXISTS { ?p kbv:identifiedBy [ a kbv:ISNI ] } }",
    "SELECT DISTINCT ?g { GRAPH ?g { ?p a kbv:Person } }",
    "ASK { ?p a kbv:Person }",
    "ASK { ?p a <urn:nothing> }",
    "CONSTRUCT { ?p skos:prefLabel ?name } WHERE { ?p a kbv:Person ; kbv:familyName ?name FILTER(ISIRI(?p)) }",
    "BASE <https://id.kb.se/> SELECT ?p { ?p a kbv:Person FILTER(ISIRI(?p)) FILTER(STR(<x>) != \"\\u00e5\") }",
    "BASE <https://id.kb.se/> SELECT ?p { ?p a <vocab/Person> FILTER(ISIRI(?p)) } ORDER BY ?p LIMIT 7",
];

/// Results without their order.
fn sorted(text: &str) -> Vec<String> {
    match serde_json::from_str::<Value>(text) {
        Ok(json) if json["results"].is_object() => {
            let rows = json["results"]["bindings"].as_array().expect("rows").iter().map(|row| {
                // Some stores say that a text is a string, and some do not.
                row.to_string().replace(r#","datatype":"http://www.w3.org/2001/XMLSchema#string""#, "")
            });
            let mut rows: Vec<String> = rows.collect();
            rows.sort();
            rows
        }
        Ok(json) => vec![json["boolean"].to_string()],
        Err(_) => {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        }
    }
}

fn metric(server: &Server, remote: &str) -> Option<String> {
    let text = server.get("/metrics").ok().body;
    let line = text.lines().find(|line| line.starts_with(&format!("libris_mirror_remote_answers{{remote=\"{remote}\"}}")))?;
    line.split(' ').nth(1).map(str::to_owned)
}

fn until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_mins(1), "{what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

fn served(kind: Kind, records: u64) -> Option<(Store, Bench, Server)> {
    let store = Store::start(kind)?;
    let bench = Bench::new(records);
    bench.harvest("all", None, &[]);
    store.name_in(&bench, "far", "");
    bench.run(&["remote", "sync", "-q"]).expect(0);
    let server = Server::start(&bench, &["--set-config", "serve.sparql=remote.far"]);
    until("the store was asked where it is", || metric(&server, "far").as_deref() == Some("1"));
    Some((store, bench, server))
}

/// Answers are those of the mirror, in the formats of the mirror, with its limits.
fn answers(kind: Kind) {
    let Some((_store, bench, server)) = served(kind, 500) else { return };
    for query in QUERIES {
        let format = if query.starts_with("CONSTRUCT") { "nt" } else { "json" };
        let own = bench.run(&["query", "--format", format, query]).ok();
        assert_eq!(sorted(&server.get_query(query, &format!("format={format}")).ok().body), sorted(&own), "{query}");
    }
    // A mistake is shown here, and never sent.
    let mistake = server.ask("SELECT ?x { ?x a }");
    assert_eq!(mistake.status, 400, "{mistake:?}");
    let people = QUERIES[1];
    let whole = sorted(&server.get_query(people, "").ok().body).len();
    let part = server.get_query(people, "rows=3&format=csv").ok();
    assert!(
        whole > 3 && part.body.lines().count() == 4 && part.header("x-results-cut").contains("cut after 3 results"),
        "{part:?}"
    );
    let named = server.get_query("SELECT DISTINCT ?class { ?s a ?class } ORDER BY ?class LIMIT 50", "labels=en").ok();
    assert!(named.body.contains("\"classLabel\""), "{}", named.body);
    let turtle = server.get_query(QUERIES[7], "format=ttl").ok();
    assert!(turtle.body.contains("skos:prefLabel \""), "{}", turtle.body);
    // One graph of the records, named by the request.
    let graphs = bench
        .run(&["query", "--format", "csv", "SELECT ?g { GRAPH ?g { ?p a kbv:Person FILTER(ISIRI(?p)) } } ORDER BY ?g LIMIT 1"])
        .ok();
    let graph = graphs.lines().nth(1).expect("a graph");
    let of_graph = format!("SELECT ?p {{ GRAPH <{graph}> {{ ?p a kbv:Person FILTER(ISIRI(?p)) }} }}");
    let by_request =
        server.get_query("SELECT ?p { ?p a kbv:Person FILTER(ISIRI(?p)) }", &format!("default-graph-uri={graph}")).ok().body;
    assert_eq!(sorted(&by_request), sorted(&bench.run(&["query", "--format", "json", &of_graph]).ok()));
    // The store must not ask others for a client of ours.
    let service = server.ask("SELECT * { ?s ?p ?o . SERVICE SILENT <http://127.0.0.1:1/> { ?s ?q ?r } }");
    assert_eq!(service.status, 403, "{service:?}");
    // What only the store knows is not asked of it, and what means another thing there neither.
    for (text, due) in [
        ("SELECT (<bif:http_get>(\"http://127.0.0.1:1/\") AS ?x) {}", "there is no function"),
        ("DESCRIBE <urn:x>", "use CONSTRUCT"),
    ] {
        let refused = server.ask(text);
        assert!(refused.status == 400 && refused.body.contains(due), "{refused:?}");
    }
    // What a client has already is not sent again, until the store has something else.
    let etag = |answer: &crate::server::Answer| answer.header("etag").to_owned();
    let counted = "SELECT (COUNT(*) AS ?n) { ?p a kbv:Person }";
    let first = server.get_query(counted, "").ok();
    assert_eq!(etag(&first), etag(&server.get_query(counted, "").ok()));
    bench.state().with_catalogue(|catalogue| {
        let live = catalogue.live(200);
        catalogue.delete(&live, chrono::Utc::now());
    });
    bench.harvest("all", None, &[]);
    bench.run(&["remote", "sync", "-q"]).expect(0);
    until("the change is seen", || etag(&server.get_query(counted, "").ok()) != etag(&first));
    let own = bench.run(&["query", "--format", "json", counted]).ok();
    assert_eq!(sorted(&server.get_query(counted, "").ok().body), sorted(&own));
    // A store that lost what it had does not answer, however much somebody else wrote there.
    bench.run(&["remote", "reset", "far", "--clear"]).expect(0);
    until("it is not asked", || metric(&server, "far").as_deref() == Some("0"));
    assert_eq!(server.ask(counted).status, 503);
    bench.run(&["remote", "sync", "-q"]).expect(0);
    until("it is asked again", || metric(&server, "far").as_deref() == Some("1"));
    // Its plan is not ours.
    assert_eq!(server.get_query(counted, "explain=true").status, 501);
    assert!(!server.get_as("/sparql", "text/html").ok().body.contains("name=\"explain\""));
}

#[test]
fn oxigraph_answers_for_the_mirror() {
    answers(Kind::Oxigraph);
}

#[test]
fn virtuoso_answers_for_the_mirror() {
    answers(Kind::Virtuoso);
}

#[test]
fn results_that_virtuoso_cuts_off_are_not_taken_for_all() {
    let Some((_store, bench, server)) = served(Kind::Virtuoso, 500) else { return };
    let count: u64 = server.count("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }");
    assert!(count > 10_000, "more than it sends: {count}");
    let cut = server.get_query("SELECT * { ?s ?p ?o }", "format=csv");
    assert!(cut.broken.is_some() && cut.body.lines().count() <= 10_001, "{:?}", cut.broken);
    let graph = server.get_query("CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }", "format=nt");
    assert!(graph.broken.is_some() && graph.body.lines().count() <= 10_000, "{:?}", graph.broken);
    let whole = server.get_query("SELECT ?s { ?s ?p ?o } LIMIT 9000", "format=csv").ok();
    assert_eq!(whole.body.lines().count(), 9001);
    drop(bench);
}

#[test]
fn equal_stores_stand_in_for_each_other_and_the_index_for_all() {
    let (Some(mut one), Some(mut other)) = (Store::start(Kind::Oxigraph), Store::start(Kind::Oxigraph)) else { return };
    let bench = Bench::new(200);
    bench.harvest("all", None, &[]);
    one.name_in(&bench, "one", "");
    other.name_in(&bench, "other", "");
    bench.run(&["remote", "sync", "-q"]).expect(0);
    // What each says of itself, to see who answers.
    for (store, name) in [(&one, "one"), (&other, "other")] {
        store.tamper(&format!("INSERT DATA {{ GRAPH <urn:who> {{ <urn:who> <urn:is> \"{name}\" }} }}"));
    }
    let server = Server::start(&bench, &["--set-config", "serve.sparql=remote.one, remote.other"]);
    let both = Server::start(&bench, &["--set-config", "serve.sparql=remote.one, remote.other, index"]);
    // Not cached, since it differs each time.
    let who = |server: &Server| {
        let rows = sorted(&server.ask("SELECT ?who (RAND() AS ?r) { <urn:who> <urn:is> ?who }").ok().body);
        rows.into_iter().map(|row| if row.contains("\"other\"") { "other" } else { "one" }).collect::<Vec<_>>().join("")
    };
    for server in [&server, &both] {
        until("both were asked", || ["one", "other"].iter().all(|name| metric(server, name).as_deref() == Some("1")));
        assert_eq!((0..6).map(|_| who(server)).collect::<BTreeSet<_>>(), ["one".to_owned(), "other".to_owned()].into());
    }
    one.kill();
    for _ in 0..6 {
        assert_eq!(who(&server), "other", "no query fails");
    }
    let answers = |server: &Server| -> Vec<bool> {
        let health = server.get("/health").json();
        health["sparql"].as_array().expect("a list").iter().map(|store| store["answers"] == true).collect()
    };
    until("it is known to be gone", || answers(&server) == [false, true]);
    assert_eq!(server.get("/health").ok().json()["ready"], true);
    other.kill();
    let none = server.ask("ASK {}");
    assert_eq!(none.status, 503, "{none:?}");
    assert!(none.body.contains("no store answers queries now") && !none.body.contains("127.0.0.1"), "{}", none.body);
    until("both are known to be gone", || server.get("/health").status == 503);
    assert_eq!(server.get("/").status, 200, "pages stay");
    assert!(both.count("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }") > 0, "the index stands in");
    assert_eq!(both.get("/health").status, 200);
    one.again();
    until("it is asked again", || metric(&server, "one").as_deref() == Some("1"));
    assert_eq!(who(&server), "one");
    other.again();
}

#[test]
fn a_store_that_says_nothing_costs_a_query_its_time_and_no_more() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("an address");
    let bench = Bench::new(100);
    bench.harvest("all", None, &[]);
    bench.configure_section("remote.far", &format!("query = \"http://{address}/\"\nupdate = \"http://{address}/\""));
    let server = Server::start(&bench, &["--set-config", "serve.sparql=remote.far", "--set-config", "serve.timeout_s=1"]);
    let late = server.ask("ASK {}");
    assert_eq!(late.status, 504, "{late:?}");
    until("it is not asked any more", || server.ask("ASK {}").status == 503);
    let wrong = bench.run(&["serve", "--set-config", "serve.sparql=remote.near"]).expect(2);
    assert!(wrong.stderr.contains("no section [remote.near]"), "{}", wrong.stderr);
}
