//! The SPARQL 1.1 Protocol: the cases of the W3C and our own, from a table.

use serde_json::Value;

use crate::harness::Bench;
use crate::server::{Answer, Server};

const CASES: &str = include_str!("../fixtures/sparql-protocol.json");

fn encoded(iri: &str) -> String {
    percent_encoding::utf8_percent_encode(iri, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Returns whether an answer has a `Vary` for what the client accepts.
fn varies(answer: &Answer) -> bool {
    let lists = answer.headers.iter().filter(|(name, _)| name == "vary");
    lists.flat_map(|(_, names)| names.split(',')).any(|name| name.trim().eq_ignore_ascii_case("accept"))
}

#[test]
fn every_case_of_the_protocol_is_answered_as_the_table_says() {
    let bench = Bench::new(300);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    let live = bench.state().with_catalogue(|catalogue| catalogue.live(2));
    let [a, b] = [0, 1].map(|place| libris_mirror::demo::identifier(live[place]));
    let fill = |text: &str| text.replace("{a}", &encoded(&a)).replace("{b}", &encoded(&b)).replace("{A}", &a).replace("{B}", &b);
    let cases: Vec<Value> = serde_json::from_str(CASES).expect("a table");
    assert!(cases.len() > 50);
    let mut wrong = Vec::new();
    for case in &cases {
        let text = |key: &str| case[key].as_str();
        let name = text("w3c").or_else(|| text("own")).expect("a name");
        let method = text("method").expect("a method").parse().expect("a method");
        let mut request = server.client.request(method, format!("{}{}", server.url, fill(text("target").expect("a target"))));
        if let Some(media_type) = text("type") {
            request = request.header("content-type", media_type);
        }
        if let Some(accept) = text("accept") {
            request = request.header("accept", accept);
        }
        if let Some(body) = text("body") {
            request = request.body(fill(body));
        }
        let answer = Answer::of(request);
        let statuses = case["status"].as_array().expect("statuses");
        let mut good = statuses.contains(&answer.status.into());
        if let Some(media_type) = text("answer") {
            good &= answer.header("content-type") == media_type;
        }
        if let Some(boolean) = case["boolean"].as_bool() {
            good &= serde_json::from_str::<Value>(&answer.body).is_ok_and(|json| json["boolean"] == boolean);
        }
        if answer.status >= 400 {
            good &= answer.header("content-type").starts_with("text/plain") && answer.body.trim().len() > 10;
        }
        // Caches must know that other clients may get another answer.
        good &= varies(&answer);
        if answer.status == 405 {
            good &= answer.header("allow").contains("GET");
        }
        if !good {
            wrong.push(format!("{name}: {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    // Only updates are exceptions.
    let exceptions = cases.iter().filter(|case| case["exception"].is_string());
    assert!(
        exceptions.clone().count() > 0
            && exceptions.into_iter().all(|case| case["w3c"].as_str().is_some_and(|name| name.starts_with("update_")))
    );
}

#[test]
fn a_syntax_error_says_where() {
    let bench = Bench::new(50);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    let answer = server.ask("SELECT *\nWHERE {\n  ?s ?p }");
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("(line 3, column 9)\n3 |   ?s ?p }\n  |         ^\nhint: "), "{}", answer.body);
}

#[test]
fn every_format_holds_the_same_results() {
    let bench = Bench::new(300);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    let query = "SELECT ?s ?label { ?s a kbv:Topic ; kbv:prefLabel ?label } ORDER BY ?s";
    let path = |format: &str| format!("/sparql?format={format}&query={}", encoded(query));
    let json = server.get(&path("json")).ok().json();
    let rows = json["results"]["bindings"].as_array().expect("rows").len();
    assert!(rows > 5);
    for format in ["csv", "tsv"] {
        assert_eq!(server.get(&path(format)).ok().body.lines().count(), rows + 1, "{format}");
    }
    assert_eq!(server.get(&path("xml")).ok().body.matches("<result>").count(), rows);
    // The command `query` gives the same results.
    let own = bench.run(&["query", "--format", "csv", query]).ok();
    assert_eq!(server.get(&path("csv")).ok().body, own);

    let construct = encoded("CONSTRUCT { ?s a kbv:Topic } { ?s a kbv:Topic }");
    for (format, parser) in [
        ("ttl", oxigraph::io::RdfFormat::Turtle),
        ("nt", oxigraph::io::RdfFormat::NTriples),
        ("rdf", oxigraph::io::RdfFormat::RdfXml),
        ("trig", oxigraph::io::RdfFormat::TriG),
        ("jsonld", oxigraph::io::RdfFormat::JsonLd { profile: oxigraph::io::JsonLdProfileSet::empty() }),
    ] {
        let body = server.get(&format!("/sparql?format={format}&query={construct}")).ok().body;
        let triples = oxigraph::io::RdfParser::from_format(parser).for_slice(&body).flatten().count();
        assert_eq!(triples, rows, "{format}: {body}");
    }
}

#[test]
fn a_client_that_has_the_results_is_not_sent_them_again() {
    let bench = Bench::new(200);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    let path = format!("/sparql?query={}", encoded("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"));
    let first = server.get(&path).ok();
    let (etag, modified) = (first.header("etag").to_owned(), first.header("last-modified").to_owned());
    assert!(etag.starts_with("W/\"") && modified.ends_with("GMT"), "{first:?}");
    let again = |name: &str, value: &str| {
        let answer = Answer::of(server.client.get(format!("{}{path}", server.url)).header(name, value));
        assert!(varies(&answer), "{answer:?}");
        answer.status
    };
    assert_eq!((again("if-none-match", &etag), again("if-modified-since", &modified)), (304, 304));
    bench.state().with_catalogue(|catalogue| catalogue.add(20, chrono::Utc::now()));
    bench.harvest("all", None, &[]);
    assert_eq!(again("if-none-match", &etag), 200, "there is a new snapshot");
    let random = server.ask("SELECT (RAND() AS ?n) {}").ok();
    assert_eq!(random.header("etag"), "", "this is something new each time");
}

#[test]
fn other_sites_may_ask_and_answers_are_compressed() {
    let bench = Bench::new(300);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    let request = server.client.request(reqwest::Method::OPTIONS, format!("{}/sparql", server.url));
    let preflight = Answer::of(
        request
            .header("origin", "https://example.org")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type"),
    );
    assert_eq!(preflight.status, 200);
    assert_eq!(preflight.header("access-control-allow-origin"), "*");
    assert!(preflight.header("access-control-allow-methods").contains("POST"), "{preflight:?}");
    let path = format!("/sparql?query={}", encoded("SELECT * { ?s ?p ?o } LIMIT 500"));
    for coding in ["gzip", "br"] {
        let answer = Answer::of(server.client.get(format!("{}{path}", server.url)).header("accept-encoding", coding));
        assert_eq!((answer.status, answer.header("content-encoding")), (200, coding));
        assert!(answer.header("vary").to_lowercase().contains("accept") && answer.header("access-control-allow-origin") == "*");
    }
}
