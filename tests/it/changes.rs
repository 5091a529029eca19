//! The order of changes, as `changes` lists it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::response::IntoResponse;
use serde_json::Value;

use crate::harness::Bench;
use crate::scripted::{Scripted, document, record, scripted, with_payload};

/// A payload of one triple, with a value of its own.
fn payload(value: &str) -> String {
    format!(
        "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"urn:x\"><k:x xmlns:k=\"urn:k:\">{value}</k:x></rdf:Description></rdf:RDF>"
    )
}

/// A payload that is quarantined while its depth is limited to 60.
fn deep() -> String {
    format!(
        "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">{}{}</rdf:RDF>",
        "<rdf:Description><k:x xmlns:k=\"urn:k:\">".repeat(40),
        "</k:x></rdf:Description>".repeat(40)
    )
}

const SHALLOW: [&str; 2] = ["--set-config", "harvest.depth=60"];

/// The records that the source lists in each state: it begins with four; then one has another payload, one another header, and
/// one is deleted; then the first is not listed any longer.
fn records(state: usize) -> Vec<String> {
    let later = |record: String| record.replace("<datestamp>2026-01-01T00:", "<datestamp>2026-01-01T01:");
    let deleted = later(record(2)).replace("<header>", "<header status=\"deleted\">");
    let deleted = format!("{}</record>", &deleted[..deleted.find("<metadata>").expect("there")]);
    match state {
        0 => vec![with_payload(0, &payload("a")), record(1), record(2), with_payload(3, &deep())],
        1 => vec![later(with_payload(0, &payload("b"))), later(record(1)), deleted, with_payload(3, &deep())],
        _ => records(1)[1..].to_vec(),
    }
}

/// A source that lists what `state` says.
fn source(state: &Arc<AtomicUsize>) -> Scripted {
    let state = Arc::clone(state);
    scripted(move |query, _| {
        let records = records(state.load(Ordering::SeqCst));
        let answer = if query.contains("verb=ListIdentifiers") {
            let header = |record: &String| {
                record[record.find("<header").expect("a header")..record.find("</header>").expect("its end")].to_owned()
            };
            format!(
                "<ListIdentifiers>{}</ListIdentifiers>",
                records.iter().map(|record| header(record) + "</header>").collect::<String>()
            )
        } else {
            format!("<ListRecords>{}</ListRecords>", records.concat())
        };
        document(&answer).into_response()
    })
}

fn jsonl(bench: &Bench, more: &[&str]) -> Vec<Value> {
    let text = bench.run(&[&["changes", "--format", "jsonl"], more].concat()).ok();
    text.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect()
}

/// The kind of each change with the number in its record's identifier.
fn kinds(changes: &[Value]) -> Vec<String> {
    let record = |change: &Value| change["identifier"].as_str().expect("text").rsplit("/r").next().expect("a number").to_owned();
    changes.iter().map(|change| format!("{} {}", change["kind"].as_str().expect("text"), record(change))).collect()
}

fn number(change: &Value) -> i64 {
    change["change"].as_i64().expect("a number")
}

#[test]
fn every_kind_of_change_is_listed_in_order_and_a_feed_misses_none() {
    let state = Arc::new(AtomicUsize::new(0));
    let server = source(&state);
    let bench = Bench::at(&server.url);
    let mut seen = Vec::new();
    let mut news = || {
        let after = seen.last().map_or(0, number).to_string();
        let new = jsonl(&bench, &["--after", &after]);
        seen.extend(new.clone());
        (kinds(&new), seen.clone())
    };

    bench.run(&bench.harvest_words("x", None, &SHALLOW)).expect(65);
    assert_eq!(news().0, ["came 0", "came 1", "came 2", "came 3"]);
    assert_eq!(news().0, [""; 0], "nothing happened since");

    state.store(1, Ordering::SeqCst);
    bench.run(&bench.harvest_words("x", None, &[&SHALLOW[..], &["--full"]].concat())).expect(0);
    assert_eq!(news().0, ["changed 0", "header 1", "deleted 2"]);

    state.store(2, Ordering::SeqCst);
    let all = ["audit", "--repair", "--set-config", "harvest.withdraw_max_percent=100"];
    bench.run(&[&all[..], &SHALLOW].concat()).expect(0);
    assert_eq!(news().0, ["withdrawn 0"]);
    bench.run(&[&["audit", "--reinstate"], &SHALLOW[..]].concat()).expect(0);
    assert_eq!(news().0, ["reinstated 0"]);
    bench.run(&["quarantine", "--retry"]).expect(0);
    let (new, seen) = news();
    assert_eq!(new, ["retried 3"]);

    // So do the feeds over HTTP: all but a header, and what was retried as well. Record 0 is there again.
    let feeds = crate::server::Server::start(&bench, &[]);
    let page = feeds.get(&format!("/emm/?until={}", i64::MAX)).ok().json();
    let items = page["orderedItems"].as_array().expect("a list");
    assert_eq!(items.len(), 9, "{page}");
    let newest = &seen.last().expect("some")["identifier"];
    assert_eq!((&items[0]["type"], &items[0]["object"]["id"]), (&"Update".into(), newest));
    let listed = feeds.get("/resourcesync/changelist.xml").ok().body;
    let count = |change: &str| listed.matches(&format!("change=\"{change}\"")).count();
    assert_eq!(["created", "updated", "deleted"].map(count), [5, 3, 1], "{listed}");
    drop(feeds);

    // What came bit by bit is what there is.
    assert_eq!(jsonl(&bench, &[]), seen);
    let json = bench.run(&["changes", "--json"]).ok();
    assert_eq!(json, bench.run(&["changes", "--format", "jsonl"]).ok());
    assert_eq!(seen.iter().map(number).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
    let last = &bench.run(&["status", "--json"]).json()["log_change"];
    assert_eq!(*last, number(seen.last().expect("some")));
    for change in &seen {
        assert_eq!(change["source"], "x");
        assert!(change["page"].as_i64().is_some_and(|page| page > 0), "{change}");
        let time = change["time"].as_str().expect("text");
        assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{change}");
        let brings = ["came", "changed", "header", "deleted"].contains(&change["kind"].as_str().expect("text"));
        assert_eq!(change["datestamp"].is_string(), brings, "{change}");
    }
    assert_eq!((&seen[0]["datestamp"], &seen[4]["datestamp"]), (&"2026-01-01T00:00:00Z".into(), &"2026-01-01T01:00:00Z".into()));

    // The same for people.
    let text = bench.run(&["changes"]).ok();
    let columns: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(columns.len(), seen.len());
    for (column, change) in columns.iter().zip(&seen) {
        let [number, kind, identifier, source, page, time, datestamp] = column[..] else { panic!("seven columns: {column:?}") };
        assert_eq!((number, page), (&*change["change"].to_string(), &*change["page"].to_string()));
        let texts = [("kind", kind), ("identifier", identifier), ("source", source), ("time", time)];
        assert!(texts.iter().all(|(name, text)| change[*name] == **text), "{column:?} {change}");
        assert_eq!(datestamp, change["datestamp"].as_str().unwrap_or("-"));
    }
    bench.run(&["verify"]).expect(0);
}

#[test]
fn parts_of_the_order_are_the_order() {
    // More than are read at a time.
    let bench = Bench::new(6000);
    bench.harvest("all", None, &[]);
    let all = bench.run(&["changes"]).ok();
    let all: Vec<&str> = all.lines().collect();
    assert_eq!(all.len(), 6000);
    for (after, limit) in [(0, 10), (10, 5500), (5510, 490), (5999, 3), (6000, 1)] {
        let part = bench.run(&["changes", "--after", &after.to_string(), "--limit", &limit.to_string()]).ok();
        assert_eq!(part.lines().collect::<Vec<_>>(), all[after..(after + limit).min(6000)], "{limit} after {after}");
    }
    let error = bench.run(&["changes", "--after", "6001"]).expect(1).stderr;
    assert!(error.contains("the last change of this mirror is 6000") && error.contains("hint: "), "{error}");
    bench.run(&["changes", "--after", "-1"]).expect(2);
    bench.run(&["changes", "--limit", "0"]).expect(2);
    let error = Bench::at(&bench.url).run(&["changes"]).expect(1).stderr;
    assert!(error.contains("there is no mirror"), "{error}");
}
