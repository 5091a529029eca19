//! What a query does and the words that it can name, over HTTP; and the page where both are shown, without its scripts.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::harness::Bench;
use crate::import::{import, write};
use crate::questions::harvest_definitions;
use crate::server::{Answer, Server};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// A join in memory that would take days.
const ENDLESS: &str = "SELECT (COUNT(*) AS ?n) { { ?a ?b ?c } { ?d ?e ?f } { ?g ?h ?i } }";

fn path(query: &str, more: &str) -> String {
    format!("/sparql?{}&{more}", url::form_urlencoded::Serializer::new(String::new()).append_pair("query", query).finish())
}

/// The answer to GET with a condition, and to HEAD.
fn again(server: &Server, path: &str, etag: &str) -> (u16, Answer) {
    let address = format!("{}{path}", server.url);
    let unchanged = Answer::of(server.client.get(&address).header("if-none-match", etag)).status;
    (unchanged, Answer::of(server.client.head(&address)))
}

#[test]
fn a_plan_is_json_or_text_and_the_same_as_on_the_command_line() {
    let bench = Bench::new(400);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    let query = "SELECT ?p { ?p a kbv:Person FILTER NOT EXISTS { ?p kbv:identifiedBy ?i . ?i a kbv:ISNI } }";
    let address = path(query, "explain=true");
    let answer = server.get(&address).ok();
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(answer.header("vary").contains("Accept") && answer.header("etag").starts_with("W/\""), "{answer:?}");
    let own = bench.run(&["query", "--explain", "--json", query]).json();
    let report = answer.json();
    assert_eq!((&report["steps"], &report["results"]), (&own["steps"], &own["results"]));
    assert!(report["seconds"].is_f64() && report["results"].as_u64() > Some(0), "{report}");
    let (unchanged, head) = again(&server, &address, answer.header("etag"));
    assert_eq!((unchanged, head.status, head.body.as_str()), (304, 200, ""));
    assert_eq!(head.header("etag"), answer.header("etag"));

    let text = server.get_as(&address, "text/plain").ok();
    assert_eq!(text.header("content-type"), "text/plain; charset=utf-8");
    assert!(text.body.starts_with("    expected         came  step\n") && text.body.contains("EXISTS"), "{}", text.body);
    assert!(text.body.contains(&format!("{} results in ", report["results"])), "{}", text.body);
    assert_ne!(text.header("etag"), answer.header("etag"), "another format is another state");
    assert_eq!(server.get(&path(query, "explain=true&format=text")).ok().header("content-type"), "text/plain; charset=utf-8");
    let request = server.client.post(format!("{}/sparql?explain=true", server.url));
    let posted = Answer::of(request.header("content-type", "application/sparql-query").body(query)).ok().json();
    assert_eq!(posted["steps"], report["steps"]);
    // A query of any form has one.
    for (query, results) in [("ASK { ?s ?p ?o }", 1), ("CONSTRUCT { ?s a kbv:X } { ?s a kbv:Nothing }", 0)] {
        assert_eq!(server.get(&path(query, "explain=true")).ok().json()["results"], results, "{query}");
    }
    let random = server.get(&path("SELECT (RAND() AS ?n) {}", "explain=true")).ok();
    assert_eq!(random.header("etag"), "", "this is something new each time");
    // The results are as they were.
    assert!(server.get(&path(query, "explain=false")).ok().json()["results"]["bindings"].is_array());
}

#[test]
fn a_plan_has_the_limits_of_a_query() {
    let bench = Bench::new(300);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &["--set-config", "serve.timeout_s=1", "--set-config", "query.query_bytes=1000"]);
    let status = |query: &str, more: &str| server.get(&path(query, more)).status;
    assert_eq!(status(ENDLESS, "explain=true"), 504);
    assert_eq!(status(&format!("ASK {{}} # {}", "x".repeat(1000)), "explain=true"), 413);
    assert_eq!(status("SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }", "explain=true"), 403);
    assert_eq!(status("ASK {}", "explain=maybe"), 400);
    assert_eq!(status("ASK {}", "explain=true&format=csv"), 400);
    assert_eq!(server.get_as(&path("ASK {}", "explain=true"), "image/png").status, 406);
    for more in ["explain=true", "explain=page"] {
        let answer = server.get(&path("SELECT *\nWHERE {\n  ?s ?p }", more));
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains("(line 3, column 9)\n3 |   ?s ?p }\n  |         ^\nhint: "), "{}", answer.body);
    }
    assert_eq!(status("ASK {}", "explain=true"), 200, "other queries run");
}

#[test]
fn without_scripts_the_page_shows_a_plan() {
    let bench = Bench::new(300);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    let query = "SELECT ?s { ?s a kbv:Person ; kbv:familyName ?name FILTER(?name != '</textarea><script>alert(1)</script>') }";
    let fresh = server.get_as("/sparql", BROWSER).ok().body;
    assert!(fresh.contains("<button type=\"submit\" name=\"explain\" value=\"page\">Plan</button>"), "{fresh}");
    assert!(fresh.contains("<section id=\"plan\" hidden>") && !fresh.contains("<table class=\"plan\">"), "{fresh}");
    assert_eq!(fresh.matches("<script src=\"/assets/sparql").count(), 6);
    for script in fresh.split("<script src=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert_eq!(server.get(script).ok().header("content-type"), "text/javascript; charset=utf-8");
    }
    // As the form of a browser asks, and as one writes it.
    for more in ["format=csv&explain=page", "explain=true"] {
        let answer = server.get_as(&path(query, more), BROWSER).ok();
        assert_eq!((answer.header("content-type"), answer.header("etag")), ("text/html; charset=utf-8", ""));
        let body = answer.body;
        let plan = body.split("<table class=\"plan\">").nth(1).and_then(|rest| rest.split("</table>").next()).expect("a plan");
        assert!(plan.matches("<tr>").count() > 3 && plan.contains("FILTER <code>"), "{plan}");
        assert!(!body.contains("<script>alert") && body.contains("&lt;script&gt;alert(1)"), "{body}");
        assert!(body.contains("data-run=\"\""), "the page does not ask once more");
    }
    let swedish = server.client.get(format!("{}{}", server.url, path("ASK {}", "explain=page"))).header("accept-language", "sv");
    assert!(Answer::of(swedish).ok().body.contains("<h2>Plan</h2><p class=\"hint\">Frågan har körts"));
}

/// The words of a list, with their counts.
fn words(vocabulary: &Value, list: &str) -> BTreeMap<String, u64> {
    let words = vocabulary[list].as_array().expect("words");
    words
        .iter()
        .map(|word| (word["iri"].as_str().expect("an IRI").to_owned(), word["count"].as_u64().expect("a count")))
        .collect()
}

/// The rows of a query that counts.
fn counted(bench: &Bench, query: &str) -> BTreeMap<String, u64> {
    let table = bench.run(&["query", "--format", "csv", query]).ok();
    let rows = table.lines().skip(1).filter_map(|line| line.rsplit_once(','));
    rows.map(|(iri, count)| (iri.to_owned(), count.parse().expect("a number"))).collect()
}

#[test]
fn the_vocabulary_is_what_the_mirror_holds() {
    let bench = Bench::new(600);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    let answer = server.get("/sparql/vocabulary").ok();
    assert_eq!(answer.header("content-type"), "application/json");
    let vocabulary = answer.json();
    assert_eq!(vocabulary["complete"], true);
    let classes = counted(&bench, "SELECT ?c (COUNT(*) AS ?n) { ?s a ?c } GROUP BY ?c");
    let properties = counted(&bench, "SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p");
    assert_eq!((words(&vocabulary, "classes"), words(&vocabulary, "properties")), (classes, properties));
    for list in ["classes", "properties"] {
        let all = vocabulary[list].as_array().expect("words");
        assert!(all.len() > 10 && all.is_sorted_by_key(|word| std::cmp::Reverse(word["count"].as_u64())), "{list}");
        assert!(all.iter().all(|word| word["label"].is_null()), "nobody asked for names");
    }
    let (unchanged, head) = again(&server, "/sparql/vocabulary", answer.header("etag"));
    assert_eq!((unchanged, head.status, head.body.as_str()), (304, 200, ""));
    assert_eq!(server.get("/sparql/vocabulary?labels=a%20b").status, 400);
    assert_eq!(Answer::of(server.client.post(format!("{}/sparql/vocabulary", server.url))).status, 405);
    // Many ask, one counts.
    let all: Vec<String> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(|| server.get("/sparql/vocabulary?labels=en").ok().body)).collect();
        asked.into_iter().map(|one| one.join().expect("an answer")).collect()
    });
    assert!(all.windows(2).all(|two| two[0] == two[1]));

    harvest_definitions(&bench);
    let named = server.get("/sparql/vocabulary?labels=sv").ok();
    assert_ne!(named.header("etag"), answer.header("etag"));
    let named = named.json();
    let labels = named["classes"].as_array().expect("words").iter().filter(|word| word["label"].is_string()).count();
    assert!(labels > 5, "{named}");
}

#[test]
fn what_no_record_has_any_more_is_no_word() {
    let bench = Bench::at("http://127.0.0.1:9/");
    let turtle = |class: &str| {
        let names = (0..300).map(|n| format!("x:{n} x:name 'name {n}' ; a x:Thing .\n")).collect::<String>();
        format!("@prefix x: <https://x.example/> .\n{names} x:1 a x:{class} ; x:has{class} <javascript:alert(1)>, 'text' .")
    };
    let file = write(&bench, "things.ttl", turtle("Old"));
    let words_now = || {
        let server = Server::start(&bench, &[]);
        let vocabulary = server.get("/sparql/vocabulary").ok().json();
        [words(&vocabulary, "classes"), words(&vocabulary, "properties")].map(|words| words.into_keys().collect::<Vec<_>>())
    };
    for class in ["Old", "New"] {
        write(&bench, "things.ttl", turtle(class));
        import(&bench, 0, &["--name", "things", &file]);
        let [classes, properties] = words_now();
        assert_eq!(
            classes,
            [format!("https://x.example/{}", class.min("Thing")), format!("https://x.example/{}", class.max("Thing"))]
        );
        assert!(properties.contains(&format!("https://x.example/has{class}")) && properties.len() == 3, "{properties:?}");
    }
}

#[test]
fn before_the_first_harvest_there_are_no_words() {
    let bench = Bench::at("http://127.0.0.1:9/");
    let settings = ["sources.nb.url=http://127.0.0.1:9/", "sources.auth.enabled=false", "sources.definitions.enabled=false"];
    let more: Vec<&str> = settings.iter().flat_map(|setting| ["--set-config", *setting]).collect();
    let server = Server::start(&bench, &[&["--harvest-every", "1h"][..], &more].concat());
    assert_eq!(server.get("/sparql/vocabulary").status, 503);
    assert_eq!(server.get(&path("ASK {}", "explain=true")).status, 503);
}
