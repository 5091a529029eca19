//! Documents as a source: every format, the three ways to split them, and what did not change costs nothing.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Path as UrlPath;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use libris_mirror::rdf::canonical_nquads;
use oxigraph::io::{JsonLdProfileSet, RdfFormat, RdfParser, RdfSerializer};
use oxigraph::model::Quad;
use serde_json::Value;

use crate::harness::{Bench, package};

/// An import, with its summary.
pub fn import(bench: &Bench, code: i32, words: &[&str]) -> Value {
    let done = bench.run(&[&["import", "--json"], words].concat()).expect(code);
    let summary: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {}", done.stderr));
    summary[0].clone()
}

/// Some counters of a summary.
pub fn counts(summary: &Value, names: &[&str]) -> Vec<u64> {
    names.iter().map(|name| summary[name].as_u64().unwrap_or_else(|| panic!("{name}: {summary}"))).collect()
}

pub const CAME: [&str; 4] = ["created", "changed", "unchanged", "withdrawn"];

/// A file in the directory of a bench.
pub fn write(bench: &Bench, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = bench.path().join(name);
    fs_err::create_dir_all(path.parent().expect("a directory")).expect("made");
    fs_err::write(&path, bytes).expect("written");
    path.display().to_string()
}

pub fn rows(bench: &Bench, sql: &str) -> Vec<String> {
    let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
    let mut statement = log.prepare(sql).expect("valid");
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect("readable");
    rows.collect::<Result<_, _>>().expect("text")
}

/// What there is, without the times.
pub fn state(bench: &Bench) -> Vec<String> {
    let mut lines = bench.quads();
    lines.extend(rows(bench, "SELECT identifier || ' ' || hex(hash) || ' ' || withdrawn FROM record ORDER BY identifier"));
    lines
}

/// Terms with everything that a catalogue has: lists, blank nodes below blank nodes, languages, types, odd characters.
const TERMS: &str = r#"
    @prefix : <https://x.example/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
    :a a :Term ; :label "Räv"@sv, "fox"@en-GB, "tab\tline\nquote\" ]]> & < \\ \u2028 😀" ; :number 7, 7.5, "x"^^:type ;
       :knows [ :name "ett" ; :knows [ :name "två" ; :list (1 2 "tre" [ :name "fyra" ]) ] ], [ :name "ett" ], [ :name "fem" ] .
    :b a :Term ; :knows _:shared ; :date "2026-01-01"^^xsd:date . _:shared :name "delad" ; :back _:shared2 . _:shared2 :back _:shared .
    <https://x.example/räksmörgås?q=1&r=%20#h> :knows _:shared .
    [] :alone "ingen" ; :knows [ :alone "heller" ] .
"#;

fn parsed(turtle: &str) -> Vec<Quad> {
    RdfParser::from_format(RdfFormat::Turtle).for_slice(turtle).collect::<Result<_, _>>().expect("valid")
}

fn written(quads: &[Quad], format: RdfFormat) -> Vec<u8> {
    let mut writer = RdfSerializer::from_format(format).for_writer(Vec::new());
    quads.iter().try_for_each(|quad| writer.serialize_quad(quad)).expect("memory");
    writer.finish().expect("memory")
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn every_format_and_packing_says_the_same() {
    let bench = Bench::at("");
    let mut quads = parsed(TERMS);
    let json = RdfFormat::JsonLd { profile: JsonLdProfileSet::empty() };
    let mut first = true;
    for (ending, format) in [
        ("ttl", RdfFormat::Turtle),
        ("nt", RdfFormat::NTriples),
        ("nq", RdfFormat::NQuads),
        ("trig", RdfFormat::TriG),
        ("rdf", RdfFormat::RdfXml),
        ("jsonld", json),
        ("ndjson", json),
    ] {
        quads.reverse();
        let mut text = written(&quads, format);
        if ending == "ndjson" {
            // One value a line.
            text = serde_json::from_slice::<Value>(&text).expect("JSON").to_string().into_bytes();
        }
        let packed = zstd::bulk::compress(&text, 3).expect("memory");
        for (packing, bytes) in [("", text.clone()), (".gz", gzip(&text)), (".zst", packed)] {
            let file = write(&bench, &format!("a/x.{ending}{packing}"), bytes);
            let summary = import(&bench, 0, &["--name", "t", "--split", "subject", "--withdraw-all", &file]);
            let due = if first { [4, 0, 0, 0] } else { [1, 0, 3, 1] };
            // The record of the document has another name.
            assert_eq!(counts(&summary, &CAME), due, "{file}: {summary}");
            first = false;
        }
    }
    let due = canonical_nquads(&parsed(TERMS)).expect("canonical").lines().count();
    // What is shared is in both.
    assert_eq!(bench.quads().len(), due + 3);
    let a = parsed(TERMS.split(":b a").next().expect("a part"));
    let exported = bench.run(&["export", "--canonical", "--record", "https://x.example/a"]).ok();
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&exported), sorted(&canonical_nquads(&a).expect("canonical")));
    bench.run(&["verify"]).expect(0);
    bench.run(&["rebuild", "all"]).expect(0);
    bench.run(&["verify"]).expect(0);
}

#[test]
fn a_record_is_a_document_a_graph_or_a_subject() {
    let trig =
        "@prefix : <https://x.example/> . :a :p :b ; :q [ :r :c ] . :g { :a :p :c . :b :p :c } _:g { :h :p :i } :k { :a :z [] }";
    let identifiers = |split: &str| -> (Bench, Vec<String>) {
        let bench = Bench::at("");
        let file = write(&bench, "d/å [1].trig", trig);
        import(&bench, 0, &["--name", "t", "--split", split, &file]);
        bench.run(&["verify"]).expect(0);
        let found = rows(&bench, "SELECT identifier FROM record ORDER BY identifier");
        (bench, found)
    };
    let document = "document:t/%C3%A5%20%5B1%5D.trig";
    let (bench, found) = identifiers("document");
    assert_eq!((found, bench.quads().len()), (vec![document.to_owned()], 7));
    let (bench, found) = identifiers("graph");
    assert_eq!(found, [document, "https://x.example/g", "https://x.example/k"]);
    assert_eq!(bench.quads().iter().filter(|quad| quad.contains("<https://x.example/g> .")).count(), 2);
    let (bench, found) = identifiers("subject");
    assert_eq!(found, ["https://x.example/a", "https://x.example/b", "https://x.example/h"]);
    assert_eq!(bench.quads().len(), 7);
    let error =
        bench.run(&["import", "--name", "t", "--split", "graph", &bench.path().join("d/å [1].trig").display().to_string()]);
    assert!(error.expect(1).stderr.contains("has split \"subject\", not \"graph\""));
}

#[test]
fn what_did_not_change_costs_nothing_and_what_left_is_withdrawn() {
    let bench = Bench::at("");
    let term = |name: usize, more: &str| format!("<https://x.example/{name}> <https://x.example/p> \"{name}{more}\" .\n");
    let all = |names: std::ops::Range<usize>| names.map(|name| term(name, "")).collect::<String>();
    write(&bench, "v/a.nt", all(0..30));
    write(&bench, "v/b.nt", all(30..60));
    let pattern = bench.path().join("v/*.nt").display().to_string();
    let words = ["--name", "t", "--split", "subject", &pattern];
    assert_eq!(counts(&import(&bench, 0, &words), &CAME), [60, 0, 0, 0]);
    let size = || {
        rows(&bench, "SELECT count(*) || ' ' || (SELECT count(*) FROM change) || ' ' || (SELECT count(*) FROM said) FROM page")
    };
    let before = size();
    // The same bytes; then other bytes that say the same.
    assert_eq!(counts(&bench.run(&["harvest", "--json", "t"]).json()[0], &["received", "withdrawn"]), [0, 0]);
    assert_eq!(size(), before);
    write(&bench, "v/a.nt", format!("# a comment\n{}", all(0..30)));
    assert_eq!(counts(&import(&bench, 0, &words), &CAME), [0, 0, 30, 0]);

    // One changes, one comes, one moves to the other file, one leaves.
    write(&bench, "v/a.nt", all(1..29) + &term(29, "!") + &term(60, ""));
    write(&bench, "v/b.nt", all(31..60) + &term(0, ""));
    assert_eq!(counts(&import(&bench, 0, &words), &CAME), [1, 1, 58, 1]);
    assert_eq!(rows(&bench, "SELECT identifier FROM record WHERE withdrawn"), ["https://x.example/30"]);
    assert_eq!(bench.quads().len(), 60);
    assert!(bench.run(&["changes", "--limit", "100"]).ok().contains("withdrawn"));

    // A whole file: too much to believe at once.
    fs_err::remove_file(bench.path().join("v/b.nt")).expect("there");
    let done = bench.run(&["harvest", "t"]).expect(65);
    assert!(done.stderr.contains("30 records left the source, 50.0 %"), "{}", done.stderr);
    assert_eq!(bench.quads().len(), 60);
    // It is not forgotten.
    bench.run(&["harvest", "-q", "t"]).expect(65);
    let summary = bench.run(&["harvest", "--json", "t", "--set-config", "harvest.withdraw_max_percent=100"]).json();
    assert_eq!(counts(&summary[0], &CAME), [0, 0, 0, 30]);
    assert_eq!(bench.quads().len(), 30);
    bench.run(&["harvest", "-q", "t"]).expect(0);
    // And comes back.
    write(&bench, "v/c.nt", all(31..60));
    assert_eq!(counts(&import(&bench, 0, &words), &CAME)[3], 0);
    assert_eq!(bench.quads().len(), 59);
    bench.run(&["verify"]).expect(0);
}

#[test]
fn a_record_is_all_that_the_documents_say_of_it() {
    let bench = Bench::at("");
    let say = |text: &str| {
        format!(
            "<https://x.example/s> <https://x.example/p> \"{text}\" .\n<https://x.example/{text}> <https://x.example/p> 1 .\n"
        )
    };
    write(&bench, "a.ttl", say("a"));
    write(&bench, "b.ttl", say("b"));
    write(&bench, "c.ttl", "<https://x.example/c> <https://x.example/p> [] .");
    let pattern = bench.path().join("*.ttl").display().to_string();
    let words = ["--name", "t", "--split", "subject", "--withdraw-all", &pattern];
    import(&bench, 0, &words);
    let said = |bench: &Bench| {
        let quads = bench.quads();
        let values = quads
            .iter()
            .filter(|quad| quad.starts_with("<https://x.example/s>"))
            .map(|quad| quad.split('"').nth(1).expect("a literal").to_owned());
        values.collect::<Vec<_>>()
    };
    assert_eq!(said(&bench), ["a", "b"]);
    // One of them changes: the other is read again.
    write(&bench, "b.ttl", say("bb"));
    assert_eq!(counts(&import(&bench, 0, &words), &CAME), [1, 1, 2, 1]);
    assert_eq!(said(&bench), ["a", "bb"]);
    // One does not speak of it any more.
    write(&bench, "b.ttl", "<https://x.example/bb> <https://x.example/p> 1 .");
    import(&bench, 0, &words);
    assert_eq!(said(&bench), ["a"]);
    // A document that did not speak of it does now; and one is gone.
    write(&bench, "c.ttl", say("c"));
    import(&bench, 0, &words);
    assert_eq!(said(&bench), ["a", "c"]);
    fs_err::remove_file(bench.path().join("a.ttl")).expect("there");
    import(&bench, 0, &words);
    assert_eq!(said(&bench), ["c"]);
    // A broken document leaves everything as it was, and what was said meanwhile is not lost.
    write(&bench, "a.ttl", say("a"));
    import(&bench, 0, &words);
    write(&bench, "a.ttl", "<https://x.example/s> <https://x.example/p> \"a\" . broken");
    write(&bench, "c.ttl", say("cc"));
    let done = bench.run(&[&["import"], &words[..]].concat()).expect(65);
    assert!(done.stderr.contains("document:t/a.ttl cannot be read: it is not valid Turtle at byte"), "{}", done.stderr);
    assert_eq!(said(&bench), ["a", "c"]);
    assert!(bench.run(&["quarantine"]).stdout.contains("document:t/a.ttl"));
    write(&bench, "a.ttl", say("aa"));
    import(&bench, 0, &words);
    assert_eq!(said(&bench), ["aa", "cc"]);
    assert_eq!(rows(&bench, "SELECT identifier FROM undelivered"), Vec::<String>::new());
    bench.run(&["verify"]).expect(0);
}

#[test]
fn sources_are_added_to_read_again_and_audited() {
    let bench = Bench::at("");
    let term = |name: &str| format!("<https://x.example/{name}> <https://x.example/p> \"{name}\" .");
    write(&bench, "a.ttl", term("a"));
    write(&bench, "b.ttl", term("b"));
    import(&bench, 0, &["--name", "t", "--split", "subject", "a.ttl"]);
    import(&bench, 0, &["--name", "t", "--add", "b.ttl"]);
    assert_eq!(bench.quads().len(), 2);
    // Standard input, once: it stays what it was.
    let mut child = bench
        .command(&["import", "--name", "t", "--add", "--format", "nt", "-"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    child.stdin.take().expect("piped").write_all(term("c").as_bytes()).expect("taken");
    assert!(child.wait().expect("ends").success());
    bench.run(&["harvest", "t"]).expect(0);
    assert_eq!(bench.quads().len(), 3);
    // An audit cannot read it again, and finds no fault with it.
    let audited = bench.run(&["audit", "t", "--json"]).json();
    assert_eq!(counts(&audited[0]["found"], &["equal", "missing", "gone", "stale"]), [3, 0, 0, 0]);
    let without = ["--name", "t", "--withdraw-all", "a.ttl", "b.ttl"];
    assert_eq!(counts(&import(&bench, 0, &without), &CAME), [0, 0, 0, 1]);

    let audit = |code: i32, more: &[&str]| {
        bench.run(&[&["audit", "t", "--json", "--set-config", "harvest.withdraw_max_percent=100"], more].concat()).expect(code)
    };
    audit(0, &[]);
    write(&bench, "a.ttl", term("a").replace("\"a\"", "\"aa\"") + &term("d"));
    write(&bench, "b.ttl", term("e"));
    let found: Value = serde_json::from_str(&audit(1, &[]).stdout).expect("JSON");
    assert_eq!(counts(&found[0]["found"], &["equal", "missing", "gone", "stale"]), [0, 2, 1, 1]);
    assert_eq!(bench.quads().len(), 2);
    let repaired: Value = serde_json::from_str(&audit(0, &["--repair"]).stdout).expect("JSON");
    assert_eq!(counts(&repaired[0]["left"], &["equal", "missing", "gone", "stale"]), [3, 0, 0, 0]);
    audit(0, &[]);
    assert_eq!(bench.quads().len(), 3);

    // The mirror is whole wherever it goes.
    let dump = bench.path().join("dump.nt").display().to_string();
    bench.run(&["export", "--source", "t", "-o", &dump]).expect(0);
    assert_eq!(fs_err::read_to_string(&dump).expect("written").lines().count(), 3);
    let backup = bench.path().join("backup").display().to_string();
    bench.run(&["backup", &backup]).expect(0);
    let before = state(&bench);
    fs_err::remove_dir_all(bench.data()).expect("there");
    bench.run(&["restore", &backup]).expect(0);
    assert_eq!(state(&bench), before);
    assert_eq!(counts(&bench.run(&["harvest", "--json", "t"]).json()[0], &["received"]), [0]);
    let status = bench.run(&["status", "--json"]).json();
    assert_eq!(
        (&status["sources"][0]["url"], &status["sources"][0]["kind"]),
        (&"document:t/".into(), &"documents".into()),
        "{status}"
    );
}

#[test]
fn every_record_that_a_search_lists_has_a_page() {
    let bench = Bench::at("");
    let label = "<http://www.w3.org/2000/01/rdf-schema#label>";
    write(&bench, "d/a.ttl", format!("<https://x.example/a> {label} \"räv a\" ."));
    import(&bench, 0, &["--name", "documents", "d/*.ttl"]);
    let odd = [
        "tag:x.example,2026:b",
        "info:x/c",
        "https://x.example/d/data",
        "https://x.example/e.ris",
        "https://libris.kb.se/search",
    ];
    let terms: String = odd.iter().map(|iri| format!("<{iri}> {label} \"räv\" .\n")).collect();
    write(&bench, "odd.nt", terms);
    import(&bench, 0, &["--name", "odd", "--split", "subject", "odd.nt"]);
    let server = crate::server::Server::start(&bench, &[]);
    let listed = server.get_as("/search?q=r%C3%A4v", "text/html").ok().body;
    let hits = listed.split("<ol class=\"hits\"").nth(1).and_then(|rest| rest.split("</ol>").next()).expect("a list");
    let addresses: Vec<&str> = hits.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(addresses.len(), 6, "{hits}");
    for address in addresses {
        let page = server.get_as(address, "text/html").ok().body;
        assert!(page.contains("<h1>räv"), "{address}: {page}");
        assert!(server.get_as(address, "text/turtle").ok().body.contains("räv"), "{address}");
    }
}

/// A server of documents: media type, body.
type Served = Arc<Mutex<HashMap<String, (String, Vec<u8>)>>>;

pub struct Documents {
    pub url: String,
    pub served: Served,
    /// How many requests were answered with a body.
    pub sent: Arc<AtomicU64>,
    _runtime: tokio::runtime::Runtime,
}

impl Documents {
    pub fn start() -> Self {
        let (served, sent) = (Served::default(), Arc::new(AtomicU64::new(0)));
        let (state, count) = (Arc::clone(&served), Arc::clone(&sent));
        let answer = move |UrlPath(name): UrlPath<String>, headers: HeaderMap| {
            let found = state.lock().expect("no panic").get(&name).cloned();
            let count = Arc::clone(&count);
            async move { answer(found, &headers, &count) }
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        runtime.spawn(async move { axum::serve(listener, Router::new().route("/{name}", get(answer))).await });
        Self { url, served, sent, _runtime: runtime }
    }

    pub fn set(&self, name: &str, media_type: &str, body: impl Into<Vec<u8>>) -> String {
        self.served.lock().expect("no panic").insert(name.to_owned(), (media_type.to_owned(), body.into()));
        format!("{}/{name}", self.url)
    }
}

fn answer(found: Option<(String, Vec<u8>)>, headers: &HeaderMap, sent: &AtomicU64) -> Response {
    let Some((media_type, body)) = found else { return StatusCode::NOT_FOUND.into_response() };
    if media_type == "redirect" {
        return (StatusCode::FOUND, [("location", String::from_utf8(body).expect("text"))]).into_response();
    }
    let etag = format!("\"{}\"", &blake3::hash(&body).to_hex()[..16]);
    if headers.get("if-none-match").is_some_and(|value| value == etag.as_str()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    sent.fetch_add(1, Ordering::SeqCst);
    let asked = headers.get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    ([("content-type", media_type), ("etag", etag), ("x-asked", asked)], body).into_response()
}

#[test]
fn documents_on_the_web_are_asked_politely() {
    let (server, bench) = (Documents::start(), Bench::at(""));
    let a = server.set("a", "text/turtle; charset=utf-8", "<#x> <p> <b> .");
    let b = server.set("b.nt.gz", "application/octet-stream", gzip(b"<https://x.example/y> <https://x.example/p> _:b ."));
    let words = ["--name", "t", "--split", "subject", &a, &b];
    assert_eq!(counts(&import(&bench, 0, &words), &["created", "requests"]), [2, 2]);
    assert!(bench.quads()[0].contains(&format!("<{a}#x> <{}/p> <{}/b>", server.url, server.url)), "relative to the document");
    assert_eq!(counts(&import(&bench, 0, &words), &["received", "requests"]), [0, 2]);
    assert_eq!(server.sent.load(Ordering::SeqCst), 2, "304 has no body");
    // --full asks for everything, and finds nothing new.
    assert_eq!(counts(&bench.run(&["harvest", "--json", "t", "--full"]).json()[0], &["unchanged", "changed"]), [2, 0]);

    server.served.lock().expect("no panic").remove("a");
    let other = Documents::start();
    let c = server.set("c", "redirect", format!("{}/c", other.url.replace("127.0.0.1", "localhost")));
    other.set("c", "text/turtle", "<#c> <p> 1 .");
    let d = server.set("d", "text/html", "<html>");
    let done = bench.run(&["import", "--name", "t", &a, &b, &c, &d]).expect(65);
    for part in
        ["/a cannot be read: ", "answered HTTP 404", "which is another host", "answers with text/html, which is no format of RDF"]
    {
        assert!(done.stderr.contains(part), "{part}: {}", done.stderr);
    }
    assert_eq!(bench.quads().len(), 2, "what cannot be read stays");
    let nothing = bench.run(&["import", "--name", "u", &format!("{}/nothing", server.url)]).expect(1);
    assert!(nothing.stderr.contains("nothing was changed") && !bench.run(&["status"]).ok().contains(" u "), "{}", nothing.stderr);
    bench.run(&["import", "--name", "u", "http://127.0.0.1:1/a.ttl"]).expect(69);
}

#[test]
fn json_ld_has_the_context_that_the_source_names() {
    let (server, bench) = (Documents::start(), Bench::at(""));
    let context = server.set("context", "application/ld+json", r#"{"@context": {"@vocab": "https://x.example/"}}"#);
    let lines = concat!(
        r#"{"@id": "https://x.example/a", "@context": [null, "https://else.example/context"], "p": {"q": 1}}"#,
        "\n\n",
        r#"{"@graph": [{"@id": "https://x.example/b", "p": "b"}, {"@id": "_:b0", "p": "c"}]}"#,
        "\n",
        r#"{"@id": "_:b0", "p": "d"}"#,
    );
    let file = write(&bench, "x.ndjson", lines);
    let without = bench.run(&["import", "--name", "t", &file]).expect(1);
    assert!(without.stderr.contains("it needs the context https://else.example/context"), "{}", without.stderr);
    import(&bench, 0, &["--name", "t", "--split", "subject", "--context", &context, &file]);
    let found = rows(&bench, "SELECT identifier FROM record ORDER BY identifier");
    assert_eq!(found, ["document:t/x.ndjson", "https://x.example/a", "https://x.example/b"]);
    assert_eq!(bench.quads().len(), 5, "two lines are two blank nodes");
    // Another context reads the same bytes in another way.
    server.set("context", "application/ld+json", r#"{"@context": {"@vocab": "https://y.example/"}}"#);
    assert_eq!(counts(&bench.run(&["harvest", "--json", "t"]).json()[0], &["changed"]), [3]);
    assert!(bench.quads().iter().all(|quad| quad.contains("<https://y.example/")), "{:?}", bench.quads());
    bench.run(&["verify"]).expect(0);
}

#[test]
fn definitions_of_the_library_are_imported_where_they_are_there() {
    let directory = package().join("../shared/data/definitions");
    if !directory.is_dir() {
        return;
    }
    let mut due = 0;
    let entries = fs_err::read_dir(&directory).expect("readable").map(|entry| entry.expect("readable").path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|ending| ending == "ttl")).collect();
    files.sort();
    let mut said = std::collections::HashSet::new();
    for (number, path) in files.iter().enumerate() {
        let text = fs_err::read_to_string(path).expect("text");
        let base = format!("document:kb/{}", Path::new(path.file_name().expect("a name")).display());
        for quad in RdfParser::from_format(RdfFormat::Turtle).with_base_iri(base).expect("an IRI").for_slice(&text) {
            let quad = quad.expect("valid");
            let key = if quad.to_string().contains("_:") { format!("{number} {quad}") } else { quad.to_string() };
            due += usize::from(said.insert(key));
        }
    }
    let bench = Bench::at("");
    let pattern = directory.join("*.ttl").display().to_string();
    let summary = import(&bench, 0, &["--name", "kb", "--split", "subject", &pattern]);
    assert_eq!(counts(&summary, &["quarantined", "undelivered"]), [0, 0]);
    assert_eq!(bench.quads().len(), due);
    bench.run(&["verify"]).expect(0);
    assert!(!bench.run(&["search", "svenska", "--limit", "3"]).ok().is_empty());
    assert_eq!(counts(&import(&bench, 0, &["--name", "kb", &pattern]), &["received"]), [0]);
}
