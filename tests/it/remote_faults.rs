//! Remote stores that misbehave: busy, small, suspicious, forgetful, silent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use libris_mirror::rdf::isomorphic;
use oxigraph::io::RdfFormat;
use oxigraph::model::Quad;
use oxigraph::sparql::results::{QueryResultsFormat, QueryResultsSerializer};
use oxigraph::sparql::{QueryResults, SparqlEvaluator};
use oxigraph::store::Store;

use crate::harness::Bench;

/// A SPARQL server in memory, with faults.
struct Fake {
    store: Store,
    /// How many of the next updates are answered with 503, and not carried out.
    busy: AtomicU64,
    /// How many are carried out, and answered with 504.
    forgetful: AtomicU64,
    /// How many are answered with success, and not carried out.
    swallows: AtomicU64,
    /// The longest update that it takes.
    limit: AtomicUsize,
    /// What it wants to be told, as Basic.
    login: Option<&'static str>,
    /// How many requests it answered with 401, and how many updates it carried out.
    strangers: AtomicU64,
    updates: AtomicU64,
}

#[derive(serde::Deserialize)]
struct Asked {
    query: String,
}

/// Takes one from a number, if there is one.
fn take(number: &AtomicU64) -> bool {
    number.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |number| number.checked_sub(1)).is_ok()
}

impl Fake {
    fn start(login: Option<&'static str>) -> (Arc<Self>, String) {
        let fake = Arc::new(Self {
            store: Store::new().expect("a store"),
            busy: AtomicU64::new(0),
            forgetful: AtomicU64::new(0),
            swallows: AtomicU64::new(0),
            limit: AtomicUsize::new(usize::MAX),
            login,
            strangers: AtomicU64::new(0),
            updates: AtomicU64::new(0),
        });
        let router = Router::new()
            .route(
                "/query",
                post(async |State(fake): State<Arc<Self>>, headers: HeaderMap, Form(asked): Form<Asked>| {
                    fake.query(&headers, &asked)
                }),
            )
            .route(
                "/update",
                post(async |State(fake): State<Arc<Self>>, headers: HeaderMap, body: Bytes| fake.update(&headers, &body)),
            )
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(Arc::clone(&fake));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("set");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                axum::serve(listener, router).await.expect("it serves");
            });
        });
        (fake, url)
    }

    fn stranger(&self, headers: &HeaderMap) -> Option<Response> {
        let login = self.login?;
        if headers.get("authorization").is_some_and(|value| value == login) {
            return None;
        }
        self.strangers.fetch_add(1, Ordering::Relaxed);
        Some((StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic realm=\"store\"")]).into_response())
    }

    fn query(&self, headers: &HeaderMap, asked: &Asked) -> Response {
        if let Some(refusal) = self.stranger(headers) {
            return refusal;
        }
        let prepared = SparqlEvaluator::new().parse_query(&asked.query).expect("a query");
        let QueryResults::Solutions(solutions) = prepared.on_store(&self.store).execute().expect("results") else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        let serializer = QueryResultsSerializer::from_format(QueryResultsFormat::Json);
        let variables = solutions.variables().to_vec();
        let mut writer = serializer.serialize_solutions_to_writer(Vec::new(), variables).expect("begun");
        for solution in solutions {
            writer.serialize(&solution.expect("a solution")).expect("written");
        }
        let body = writer.finish().expect("ended");
        ([("content-type", "application/sparql-results+json")], body).into_response()
    }

    fn update(&self, headers: &HeaderMap, body: &Bytes) -> Response {
        if let Some(refusal) = self.stranger(headers) {
            return refusal;
        }
        if take(&self.busy) {
            return (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")]).into_response();
        }
        if body.len() > self.limit.load(Ordering::Relaxed) {
            return (StatusCode::BAD_REQUEST, "the text is too long").into_response();
        }
        if take(&self.swallows) {
            return (StatusCode::OK, "<html>please log in</html>").into_response();
        }
        let update = std::str::from_utf8(body).expect("text");
        self.store.update(update).expect("carried out");
        self.updates.fetch_add(1, Ordering::Relaxed);
        if take(&self.forgetful) { StatusCode::GATEWAY_TIMEOUT.into_response() } else { StatusCode::NO_CONTENT.into_response() }
    }

    /// Whether it holds exactly the graphs of a mirror's records, in the forms in which such a store keeps dates: `33.900` is `33.9`.
    fn equals(&self, bench: &Bench) -> bool {
        let text = bench.run(&["export", "--format", "nq"]).ok();
        let due = Store::new().expect("a store");
        due.load_from_slice(RdfFormat::NQuads, text.as_bytes()).expect("N-Quads");
        let is_ours = |quad: &Quad| !quad.graph_name.to_string().contains("urn:libris-mirror:watermark");
        let mut graphs: std::collections::BTreeMap<String, [Vec<Quad>; 2]> = std::collections::BTreeMap::new();
        for (side, store) in [&due, &self.store].into_iter().enumerate() {
            for quad in store.iter().map(|quad| quad.expect("readable")).filter(is_ours) {
                graphs.entry(quad.graph_name.to_string()).or_default()[side].push(quad);
            }
        }
        !graphs.is_empty()
            && graphs.values().all(|[due, held]| due.len() == held.len() && isomorphic(due, held).expect("comparable"))
    }
}

fn bench(records: u64, url: &str, more: &str) -> Bench {
    let bench = Bench::new(records);
    bench.harvest("all", None, &[]);
    bench.configure_section("remote.far", &format!("query = \"{url}/query\"\nupdate = \"{url}/update\"\n{more}"));
    bench
}

#[test]
fn what_a_busy_or_forgetful_store_did_is_found_out_and_nothing_comes_twice() {
    let (fake, url) = Fake::start(None);
    let bench = bench(300, &url, "batch_quads = 700\nretry_s = 60");
    fake.busy.store(3, Ordering::Relaxed);
    let sync = bench.run(&["remote", "sync"]).expect(0);
    assert!(sync.stderr.contains("answered HTTP 503"), "{}", sync.stderr);
    assert!(fake.equals(&bench));
    bench.run(&["remote", "reset", "far", "--clear"]).expect(0);
    // The first statement is made; then data are carried out that it says nothing of.
    fake.forgetful.store(4, Ordering::Relaxed);
    bench.run(&["remote", "sync", "-q"]).expect(0);
    assert!(fake.equals(&bench), "what was inserted twice was replaced");
    bench.run(&["remote", "verify", "far"]).expect(0);
}

#[test]
fn a_store_that_takes_little_gets_little() {
    let (fake, url) = Fake::start(None);
    let bench = bench(200, &url, "");
    fake.limit.store(20_000, Ordering::Relaxed);
    let sync = bench.run(&["remote", "sync"]).expect(0);
    assert!(sync.stderr.contains("takes no more than about") && sync.stderr.contains("the text is too long"), "{}", sync.stderr);
    assert!(fake.equals(&bench));
    // One that takes nothing of a record is an error that names it; what is there stays.
    fake.limit.store(700, Ordering::Relaxed);
    bench.run(&["remote", "reset", "far"]).expect(0);
    let refused = bench.run(&["remote", "sync"]).expect(1);
    assert!(refused.stderr.contains("refuses the graph <https://libris.kb.se/"), "{}", refused.stderr);
    let status = bench.run(&["status", "--json"]).json();
    assert!(
        status["remotes"][0]["note"]["failed"]["message"].as_str().expect("text").contains("the text is too long"),
        "{status}"
    );
    fake.limit.store(usize::MAX, Ordering::Relaxed);
    bench.run(&["remote", "sync"]).expect(0);
    assert!(fake.equals(&bench));
}

#[test]
fn a_password_is_sent_when_it_is_asked_for_and_shown_nowhere() {
    // me:hunter2
    let (fake, url) = Fake::start(Some("Basic bWU6aHVudGVyMg=="));
    let bench = bench(100, &url, "user = \"me\"\npassword_file = \"secret\"\nretry_s = 1");
    fs_err::write(bench.path().join("secret"), "hunter2\n").expect("written");
    let sync = bench.run(&["-vv", "remote", "sync"]).expect(0);
    assert!(!sync.stderr.contains("hunter2") && !sync.stderr.contains("bWU6"), "{}", sync.stderr);
    assert_eq!(fake.strangers.load(Ordering::Relaxed), 1, "asked once, and known from then on");
    assert!(fake.equals(&bench));
    fs_err::write(bench.path().join("secret"), "hunter3\n").expect("written");
    let refused = bench.run(&["-vv", "remote", "sync"]).expect(1);
    assert!(refused.stderr.contains("HTTP 401") && !refused.stderr.contains("hunter3"), "{}", refused.stderr);
    fs_err::remove_file(bench.path().join("secret")).expect("removed");
    let missing = bench.run(&["remote", "sync"]).expect(1);
    assert!(missing.stderr.contains("remote.far.password_file"), "{}", missing.stderr);
}

#[test]
fn a_store_that_is_down_holds_up_no_harvest_and_is_unavailable() {
    let (fake, url) = Fake::start(None);
    let bench = bench(200, "http://127.0.0.1:1", "auto = true\nretry_s = 0\nwait_s = 1");
    let down = bench.run(&["remote", "sync"]).expect(69);
    assert!(down.stderr.contains("cannot be reached") && down.stderr.contains("goes on from what is there"), "{}", down.stderr);
    bench.state().with_catalogue(|catalogue| catalogue.add(20, chrono::Utc::now()));
    let harvested = bench.run(&bench.harvest_words("all", None, &[])).expect(0);
    assert!(harvested.stderr.contains("the remote store far is behind"), "{}", harvested.stderr);
    let status = bench.run(&["remote", "status", "--json"]).expect(69);
    assert!(status.stdout.contains("\"error\""), "{}", status.stdout);
    let metrics = bench.run(&["harvest", "all", "-q", "--metrics", "figures.prom"]);
    assert_eq!(metrics.code, Some(0), "{}", metrics.stderr);
    let text = fs_err::read_to_string(bench.path().join("figures.prom")).expect("there");
    assert!(text.contains("libris_mirror_remote_failing{remote=\"far\"} 1"), "{text}");
    // It is there again: the next harvest brings it up to date by itself.
    let again = format!("[remote.far]\nquery = \"{url}/query\"\nupdate = \"{url}/update\"\nauto = true\n");
    fs_err::write(bench.path().join(".config/libris-mirror/config.toml"), again).expect("written");
    bench.run(&bench.harvest_words("all", None, &[])).expect(0);
    assert!(fake.equals(&bench));
    let known = bench.run(&["status", "--json"]).json();
    assert_eq!((&known["remotes"][0]["behind"], &known["remotes"][0]["note"]["failed"]), (&0.into(), &serde_json::Value::Null));
}

#[test]
fn updates_that_arrive_nowhere_are_no_success() {
    let (fake, url) = Fake::start(None);
    let bench = bench(100, &url, "");
    fake.swallows.store(u64::MAX, Ordering::Relaxed);
    let swallowed = bench.run(&["remote", "sync"]).expect(1);
    assert!(swallowed.stderr.contains("queries do not see them"), "{}", swallowed.stderr);
    fake.swallows.store(0, Ordering::Relaxed);
    bench.run(&["remote", "sync"]).expect(0);
    assert!(fake.equals(&bench));
}

#[test]
fn a_store_that_is_cleared_in_part_is_not_said_to_be_full() {
    let (fake, url) = Fake::start(None);
    let bench = bench(100, &url, "retry_s = 0");
    bench.run(&["remote", "sync"]).expect(0);
    // It forgets first; then it is busy, so that nothing is removed, or something.
    fake.limit.store(0, Ordering::Relaxed);
    bench.run(&["remote", "reset", "far", "--clear"]).expect(1);
    fake.limit.store(usize::MAX, Ordering::Relaxed);
    let mut reset = bench.start(&["remote", "reset", "far", "--clear"]);
    while fake.store.contains_named_graph(WATERMARK).expect("readable") && reset.try_wait().expect("a child").is_none() {}
    reset.kill().expect("it runs, or ended");
    reset.wait().expect("it ended");
    bench.run(&["remote", "sync"]).expect(0);
    assert!(fake.equals(&bench));
}

/// The graph of the marks.
const WATERMARK: oxigraph::model::NamedNodeRef<'static> =
    oxigraph::model::NamedNodeRef::new_unchecked("urn:libris-mirror:watermark");
