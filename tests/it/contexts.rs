//! The JSON-LD context of a source: it is the run's that was accepted, and one that changes re-reads what depends on it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::RawQuery;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::harness::Bench;
use crate::scripted::{document, identify, with_payload};

/// A source of three JSON-LD records whose context can change.
struct Source {
    url: String,
    context: String,
    changed: Arc<AtomicBool>,
    /// A context that no payload can be parsed with, if it is not empty.
    useless: Arc<Mutex<String>>,
    broken: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    not_modified: Arc<AtomicU64>,
    _runtime: tokio::runtime::Runtime,
}

fn payload(number: usize) -> String {
    format!("{{\"@id\": \"https://libris.kb.se/r{number}\", \"title\": \"t{number}\"}}")
}

impl Source {
    fn start() -> Self {
        let (changed, broken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (sent, not_modified) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let useless: Arc<Mutex<String>> = Arc::default();
        let answer = |RawQuery(query): RawQuery| async move {
            let query = query.unwrap_or_default();
            if query.contains("verb=Identify") {
                return identify("YYYY-MM-DDThh:mm:ssZ");
            }
            if query.contains("set=none") {
                return document("<error code='badArgument'>no such set</error>").into_response();
            }
            let records: String = (1..4).map(|number| with_payload(number, &payload(number))).collect();
            document(&format!("<ListRecords>{records}</ListRecords>")).into_response()
        };
        let context = {
            let (changed, broken) = (Arc::clone(&changed), Arc::clone(&broken));
            let (sent, not_modified) = (Arc::clone(&sent), Arc::clone(&not_modified));
            let useless = Arc::clone(&useless);
            move |headers: HeaderMap| {
                let version = if changed.load(Ordering::SeqCst) { "new" } else { "old" };
                let tag = format!("\"{version}\"");
                let known = headers.get("if-none-match").is_some_and(|value| value.as_bytes() == tag.as_bytes());
                let spoiled = useless.lock().expect("not poisoned").clone();
                let response: Response = if !spoiled.is_empty() {
                    spoiled.into_response()
                } else if broken.load(Ordering::SeqCst) {
                    StatusCode::NOT_FOUND.into_response()
                } else if known {
                    not_modified.fetch_add(1, Ordering::SeqCst);
                    StatusCode::NOT_MODIFIED.into_response()
                } else {
                    sent.fetch_add(1, Ordering::SeqCst);
                    let body = format!("{{\"@context\": {{\"@vocab\": \"http://example.org/{version}/\"}}}}");
                    ([("etag", tag)], body).into_response()
                };
                async move { response }
            }
        };
        let app = Router::new().route("/oai", get(answer)).route("/context.jsonld", get(context));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let host = format!("http://{}", listener.local_addr().expect("an address"));
        runtime.spawn(async move { axum::serve(listener, app).await });
        let (url, context) = (format!("{host}/oai"), format!("{host}/context.jsonld"));
        Self { url, context, changed, useless, broken, sent, not_modified, _runtime: runtime }
    }

    fn asked(&self) -> (u64, u64) {
        (self.sent.load(Ordering::SeqCst), self.not_modified.load(Ordering::SeqCst))
    }
}

/// Harvests JSON-LD.
fn harvest(bench: &Bench, more: &[&str]) -> serde_json::Value {
    bench.harvest("x", None, &[&["--prefix", "jsonld"], more].concat())
}

/// How many triples have a predicate of a version of the context.
fn of_version(bench: &Bench, version: &str) -> usize {
    bench.quads().iter().filter(|quad| quad.contains(&format!("<http://example.org/{version}/title>"))).count()
}

#[test]
fn a_run_without_a_context_keeps_that_of_the_source_and_so_does_one_that_is_refused() {
    let source = Source::start();
    let bench = Bench::at(&source.url);
    harvest(&bench, &["--context", &source.context]);
    assert_eq!(of_version(&bench, "old"), 3);
    harvest(&bench, &["--full"]);
    assert_eq!(of_version(&bench, "old"), 3, "the context is still known");
    // Refused by the settings, and by the source itself.
    let refused = bench.run(&bench.harvest_words("x", Some("none"), &["--prefix", "jsonld"])).expect(1);
    assert!(refused.stderr.contains("has set"), "{}", refused.stderr);
    let other = format!("{}?other", source.context);
    let refused = bench.run(&bench.harvest_words("x", Some("none"), &["--prefix", "jsonld", "--context", &other])).expect(1);
    assert!(refused.stderr.contains("has set"), "{}", refused.stderr);
    bench.run(&["rebuild", "all"]).ok();
    assert_eq!(of_version(&bench, "old"), 3);
    bench.run(&["verify"]).expect(0);
    let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
    let context: String = log.query_row("SELECT context_url FROM source", [], |row| row.get(0)).expect("a source");
    assert_eq!(context, source.context, "a refused run changes nothing");
}

#[test]
fn a_context_is_asked_for_conditionally_and_one_that_changed_is_read_with() {
    let source = Source::start();
    let bench = Bench::at(&source.url);
    harvest(&bench, &["--context", &source.context]);
    harvest(&bench, &[]);
    assert_eq!(source.asked(), (1, 1), "sent once, and found unchanged once");
    source.changed.store(true, Ordering::SeqCst);
    let summary = harvest(&bench, &[]);
    assert_eq!((source.asked(), &summary["changed"]), ((2, 1), &0.into()), "no record changed");
    assert_eq!((of_version(&bench, "old"), of_version(&bench, "new")), (0, 3));
    let count = "SELECT (COUNT(*) AS ?n) { ?s <http://example.org/new/title> ?o }";
    assert_eq!(bench.count(count), 3, "readers see it");
    bench.run(&["verify"]).expect(0);
    let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
    let versions: i64 = log.query_row("SELECT count(*) FROM document_version", [], |row| row.get(0)).expect("a count");
    assert_eq!(versions, 2, "both are kept");
    // Back to the one before: a version of its own, as it happened.
    source.changed.store(false, Ordering::SeqCst);
    harvest(&bench, &[]);
    assert_eq!(of_version(&bench, "old"), 3);
    bench.run(&["verify"]).expect(0);
}

#[test]
fn a_context_that_cannot_be_fetched_again_stays_what_it_was() {
    let source = Source::start();
    let bench = Bench::at(&source.url);
    source.broken.store(true, Ordering::SeqCst);
    let words = bench.harvest_words("x", None, &["--prefix", "jsonld", "--context", &source.context]);
    let failed = bench.run(&words).expect(69);
    assert!(failed.stderr.contains(&source.context), "{}", failed.stderr);
    source.broken.store(false, Ordering::SeqCst);
    harvest(&bench, &["--context", &source.context]);
    source.broken.store(true, Ordering::SeqCst);
    let done = bench.run(&bench.harvest_words("x", None, &["--prefix", "jsonld", "--full"])).expect(0);
    assert!(done.stderr.contains("the version of the JSON-LD context that the log has is used"), "{}", done.stderr);
    assert_eq!(of_version(&bench, "old"), 3);
}

#[test]
fn a_context_that_no_payload_can_be_parsed_with_is_not_accepted() {
    let source = Source::start();
    let bench = Bench::at(&source.url);
    harvest(&bench, &["--context", &source.context]);
    let long = format!("{{\"@context\": {{\"@vocab\": \"http://x/{}\"}}}}", "x".repeat(2 << 20));
    let other = format!("{{\"@context\": [\"{}2\", {{\"@vocab\": \"http://x/\"}}]}}", source.context);
    for useless in ["{\"@context\": {\"title\": {\"@id\": 5}, \"@vocab\": 7}}", "{}", "<html>", &other, &long] {
        useless.clone_into(&mut source.useless.lock().expect("not poisoned"));
        let done = bench.run(&bench.harvest_words("x", None, &["--prefix", "jsonld", "--full"])).expect(0);
        assert!(done.stderr.contains("the version") && !done.stderr.contains("panicked"), "{useless:.80}: {}", done.stderr);
        assert_eq!(of_version(&bench, "old"), 3, "{useless:.80}");
        // At the first harvest there is no other version.
        let first = bench.beside();
        let words = first.harvest_words("x", None, &["--prefix", "jsonld", "--context", &source.context]);
        let refused = first.run(&words);
        assert!(refused.code != Some(0) && !refused.stderr.contains("panicked"), "{useless:.80}: {}", refused.stderr);
    }
    bench.run(&["verify"]).expect(0);
}
