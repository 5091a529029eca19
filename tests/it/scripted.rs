//! A server that says what a test wants it to say.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::RawQuery;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use libris_mirror::oai::Datestamp;

use crate::harness::Bench;

/// The namespace of answers.
pub const NAMESPACE: &str = "http://www.openarchives.org/OAI/2.0/";

/// A server that answers `Identify` as it should and lists with a script.
pub struct Scripted {
    /// Its base URL.
    pub url: String,
    /// Requests for lists and records so far.
    pub lists: Arc<AtomicU64>,
    _runtime: tokio::runtime::Runtime,
}

impl Scripted {
    /// How many lists and records were asked for.
    pub fn asked(&self) -> u64 {
        self.lists.load(Ordering::SeqCst)
    }
}

/// A server with a script: the query, and how many lists and records came before.
pub fn scripted(script: impl Fn(&str, u64) -> Response + Clone + Send + Sync + 'static) -> Scripted {
    mortal(script, |_| true)
}

/// A server that is asked everything: its script gets the query and the headers.
pub fn raw(script: impl Fn(&str, &HeaderMap) -> Response + Clone + Send + Sync + 'static) -> Scripted {
    let lists = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&lists);
    serve(lists, move |query, headers| {
        count.fetch_add(1, Ordering::SeqCst);
        script(query, headers)
    })
}

/// An answer to `Identify` with a granularity.
pub fn identify(granularity: &str) -> Response {
    document(&format!(
        "<Identify><earliestDatestamp>2026-01-01T00:00:00Z</earliestDatestamp><granularity>{granularity}</granularity></Identify>"
    ))
    .into_response()
}

fn serve(lists: Arc<AtomicU64>, answer: impl Fn(&str, &HeaderMap) -> Response + Clone + Send + Sync + 'static) -> Scripted {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
    let url = format!("http://{}/oai", listener.local_addr().expect("an address"));
    let route = get(move |RawQuery(query): RawQuery, headers: HeaderMap| {
        let response = answer(&query.unwrap_or_default(), &headers);
        async move { response }
    });
    let moved = Router::new().route("/oai", route.clone()).route("/new/oai", route);
    runtime.spawn(async move { axum::serve(listener, moved).await });
    Scripted { url, lists, _runtime: runtime }
}

/// The same, but its `Identify` fails unless the number of those before allows it.
pub fn mortal(
    script: impl Fn(&str, u64) -> Response + Clone + Send + Sync + 'static,
    alive: impl Fn(u64) -> bool + Clone + Send + Sync + 'static,
) -> Scripted {
    let lists = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&lists);
    let identified = Arc::new(AtomicU64::new(0));
    serve(lists, move |query, _| {
        if query.contains("verb=List") || query.contains("verb=GetRecord") {
            script(query, count.fetch_add(1, Ordering::SeqCst))
        } else if alive(identified.fetch_add(1, Ordering::SeqCst)) {
            identify("YYYY-MM-DDThh:mm:ssZ")
        } else {
            StatusCode::BAD_GATEWAY.into_response()
        }
    })
}

/// A whole answer.
pub fn document(content: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><OAI-PMH xmlns=\"{NAMESPACE}\"><responseDate>2026-07-01T12:00:00.5Z</responseDate>{content}</OAI-PMH>"
    )
}

/// A record of two triples.
pub fn record(number: usize) -> String {
    let iri = format!("https://libris.kb.se/r{number}");
    with_payload(
        number,
        &format!(
            "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"{iri}\"><rdf:type rdf:resource=\"https://id.kb.se/vocab/Record\"/><k:mainEntity xmlns:k=\"https://id.kb.se/vocab/\" rdf:resource=\"{iri}#it\"/></rdf:Description></rdf:RDF>"
        ),
    )
}

/// A record with this in its metadata.
pub fn with_payload(number: usize, payload: &str) -> String {
    format!(
        "<record><header><identifier>https://libris.kb.se/r{number}</identifier><datestamp>2026-01-01T00:{:02}:{:02}Z</datestamp></header><metadata>{payload}</metadata></record>",
        number / 60 % 60,
        number % 60
    )
}

/// A list of records, with what stands after them.
pub fn list(records: Range<usize>, token: &str) -> String {
    document(&format!("<ListRecords>{}{token}</ListRecords>", records.map(record).collect::<String>()))
}

/// A list of the identifiers of records, with what stands after them.
pub fn identifiers(records: Range<usize>, token: &str) -> String {
    let headers = records.map(|number| {
        let record = record(number);
        let end = record.find("</header>").expect("there") + "</header>".len();
        record["<record>".len()..end].to_owned()
    });
    document(&format!("<ListIdentifiers>{}{token}</ListIdentifiers>", headers.collect::<String>()))
}

/// Which of so many records, a second apart from the beginning of the year on, lie within the bounds of a query: from
/// one number until before another.
pub fn seconds_asked(query: &str, records: i64) -> (usize, usize) {
    let url = url::Url::parse(&format!("http://localhost/?{query}")).expect("valid");
    let start = Datestamp::parse("2026-01-01").expect("valid").millis();
    let bound = |name: &str| {
        let text = url.query_pairs().find(|(key, _)| key == name)?.1.into_owned();
        Some((Datestamp::parse(&text).expect("valid").millis() - start).div_euclid(1000))
    };
    let number = |seconds: i64| usize::try_from(seconds.clamp(0, records)).expect("positive");
    (number(bound("from").unwrap_or(0)), number(bound("until").unwrap_or(records).saturating_add(1)))
}

/// Harvests and answers the summary, whatever the exit code must be.
pub fn harvest(server: &Scripted, code: i32, more: &[&str]) -> (Bench, serde_json::Value, String) {
    let bench = Bench::at(&server.url);
    let done = bench.run(&bench.harvest_words("x", None, more)).expect(code);
    let summary: serde_json::Value = serde_json::from_str(&done.stdout).unwrap_or_default();
    (bench, summary[0].clone(), done.stderr)
}

/// The token that an answer ends with.
pub fn token(text: &str) -> String {
    format!("<resumptionToken>{text}</resumptionToken>")
}
