//! Deployments without resumption tokens send everything in one answer: gigabytes, in bounded memory, resumed after a cut.
//!
//! `LIBRIS_MIRROR_ENDLESS_MB=10000 cargo test --release --test it endless -- --nocapture` is the long form.

use std::convert::Infallible;
use std::io;
use std::process::Stdio;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};

use crate::harness::{Bench, Done, setting};
use crate::scripted::{document, identify, raw, with_payload};
use crate::soak::resident_kb;

/// Megabytes of the answer, unless the environment says otherwise.
const MEGABYTES: usize = 150;

/// The memory that a harvest may take, in kB.
const MEMORY_KB: u64 = 300_000;

/// Different records, a second apart; the answer repeats them, and repeats do not count as out of order.
const RECORDS: usize = 400;

fn large(number: usize) -> String {
    let text = format!("{number} ").repeat(6000);
    with_payload(
        number,
        &format!(
            "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"https://libris.kb.se/r{number}\"><k:note xmlns:k=\"https://id.kb.se/vocab/\">{text}</k:note></rdf:Description></rdf:RDF>"
        ),
    )
}

/// An answer of some megabytes without a token, cut off or closed.
fn endless(megabytes: usize, cut: bool) -> Response {
    let text = document("<ListRecords>@</ListRecords>");
    let (open, close) = text.split_once('@').expect("there");
    let records = Bytes::from((0..RECORDS).map(large).collect::<String>());
    let times = (megabytes << 20) / records.len() + 1;
    let body = stream::iter([Bytes::from(open.to_owned())]).chain(stream::iter(std::iter::repeat_n(records, times)));
    let end = stream::iter([if cut { Err(io::Error::other("cut")) } else { Ok(Bytes::from(close.to_owned())) }]);
    Body::from_stream(body.map(Ok::<_, Infallible>).map(|chunk| Ok(chunk.unwrap_or_default())).chain(end)).into_response()
}

#[test]
fn an_endless_answer_passes_in_bounded_memory_and_is_resumed_after_a_cut() {
    let megabytes = setting("LIBRIS_MIRROR_ENDLESS_MB").and_then(|size| usize::try_from(size).ok()).unwrap_or(MEGABYTES);
    let server = raw(move |query, _| match (query.contains("Identify"), query.contains("from=")) {
        (true, _) => identify("YYYY-MM-DDThh:mm:ssZ"),
        (false, false) => endless(megabytes, true),
        // From where it got to: the rest, and the end.
        (false, true) => endless(5, false),
    });
    let bench = Bench::at(&server.url);
    let mut child = bench
        .command(&bench.harvest_words("x", None, &[]))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let (started, mut peak) = (Instant::now(), 0);
    while child.try_wait().expect("a child").is_none() {
        peak = peak.max(resident_kb(child.id()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(20));
    }
    let seconds = started.elapsed().as_secs_f64();
    let done = Done::of("harvest".into(), &child.wait_with_output().expect("it ended"));
    eprintln!("{megabytes} MB in {seconds:.1} s, {peak} kB of memory at most");
    assert!(done.stderr.contains("the list is opened again"), "{}", done.stderr);
    let summary = &done.json()[0];
    assert_eq!((&summary["outcome"], &summary["created"]), (&"complete".into(), &RECORDS.into()), "{summary}");
    assert!(summary["received"].as_u64() > Some((megabytes as u64) << 20 >> 15), "{summary}");
    assert!(peak < MEMORY_KB, "{peak} kB of memory for {megabytes} MB");
    let size = libris_mirror::data_dir::DataDir::size(&bench.data().join("mirror.db"));
    assert!(size < 30 << 20, "repeats are not stored again: {size} bytes");
    assert_eq!(bench.quads().len(), RECORDS);
}
