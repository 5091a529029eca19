//! Services of dumps and changes that say what they should not: nothing is lost, nothing loops, nobody else is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::http::Uri;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::emm::harvest;
use crate::harness::Bench;

/// A service that answers by a script.
struct Service {
    url: String,
    asked: Arc<AtomicU64>,
    _runtime: tokio::runtime::Runtime,
}

impl Service {
    /// The script gets the path with the query, and how many requests came before.
    fn new(script: impl Fn(&str, u64) -> Response + Clone + Send + Sync + 'static) -> Self {
        let asked = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&asked);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let url = format!("http://{}/emm/", listener.local_addr().expect("an address"));
        let app = Router::new().fallback(move |uri: Uri| {
            let before = count.fetch_add(1, Ordering::SeqCst);
            let asked = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
            let response = script(&asked, before);
            async move { response }
        });
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { url, asked, _runtime: runtime }
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }

    /// A mirror of everything that it has.
    fn bench(&self) -> Bench {
        let bench = Bench::at(&self.url);
        bench.configure("x", &format!("kind = \"emm\"\nurl = \"{}\"\nselections = [\"all\"]\n", self.url));
        bench
    }
}

fn answer(value: &Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

fn now() -> i64 {
    Utc::now().timestamp_millis()
}

fn text(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis).expect("a time").to_rfc3339()
}

fn record(number: u64) -> Value {
    let id = format!("https://x.example/{number}");
    let entity = format!("{id}#it");
    json!({
        "@id": id, "@context": {"@vocab": "https://id.kb.se/vocab/"},
        "@graph": [
            {"@id": id, "@type": "Record", "modified": "2026-01-01T00:00:00Z", "mainEntity": {"@id": entity}},
            {"@id": entity, "@type": "Topic", "prefLabel": format!("Sak {number}")},
        ],
    })
}

fn entry() -> Response {
    answer(&json!({"type": "OrderedCollection", "first": {"id": format!("/emm/?until={}", now())}, "url": "/emm/full"}))
}

/// A page of a feed in which nothing happened for long.
fn quiet() -> Response {
    answer(&json!({"orderedItems": [activity("https://x.example/0#it", 0)], "next": "?until=0"}))
}

fn activity(entity: &str, at: i64) -> Value {
    json!({"type": "Update", "published": text(at), "object": {"id": entity, "type": "kbv:Topic"}})
}

fn page(items: &[Value], more: &Value) -> Response {
    let mut page = json!({"startTime": text(now() - 1000), "_status": "done", "items": items});
    page.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    answer(&page)
}

/// The number of a parameter.
fn number(asked: &str, name: &str) -> Option<u64> {
    libris_mirror::emm::parameter(asked, name)
}

/// Answers the entry and the feed, and the pages of a dump by a script.
fn dumps(script: impl Fn(u64) -> Response + Clone + Send + Sync + 'static) -> Service {
    Service::new(move |asked, _| match (number(asked, "offset"), number(asked, "until")) {
        (Some(offset), _) => script(offset),
        (None, Some(_)) => quiet(),
        (None, None) => entry(),
    })
}

fn live(bench: &Bench) -> u64 {
    bench.count("SELECT (COUNT(DISTINCT ?g) AS ?n) { GRAPH ?g { ?s a kbv:Topic } }")
}

#[test]
fn links_to_another_host_are_not_followed() {
    let other = Service::new(|_, _| answer(&json!({})));
    let there = other.url.clone();
    let service = dumps(move |offset| match offset {
        0 => page(&[record(1)], &json!({"startTime": "x", "next": format!("{there}full?selection=all&offset=1")})),
        _ => page(&[record(2)], &json!({"startTime": "x"})),
    });
    let bench = service.bench();
    assert_eq!(harvest(&bench, "x", &[])["created"], 2);
    assert_eq!(other.asked(), 0);
    bench.run(&["verify"]).expect(0);
}

#[test]
fn dumps_that_do_not_lead_on_end_with_an_error() {
    for (next, named) in [
        ("?offset=0", "leads on to offset 0"),
        ("?offset=99999999999", "leads on to offset 99999999999"),
        ("?offset=-5", "has no number"),
        ("?offset=1e9", "has no number"),
        ("https://x.example/", "has no number"),
    ] {
        let service = dumps(move |_| page(&[record(1)], &json!({"next": next})));
        let done = service.bench().run(&["harvest", "x"]).expect(69);
        assert!(done.stderr.contains(named), "{next}: {}", done.stderr);
        assert!(service.asked() < 20, "{next}: {}", service.asked());
    }
    // Empty pages without an end, and fewer records than promised.
    let endless = dumps(|offset| page(&[], &json!({"next": format!("?offset={}", offset + 1), "startTime": "x"})));
    let done = endless.bench().run(&["harvest", "x"]).expect(69);
    assert!(done.stderr.contains("pages in a row are empty") && endless.asked() < 200, "{}", done.stderr);
    let short = dumps(|_| page(&[record(1)], &json!({"totalItems": 5000})));
    let done = short.bench().run(&["harvest", "x"]).expect(69);
    assert!(done.stderr.contains("promised 5000"), "{}", done.stderr);
    // Made anew each time it is asked for.
    let restless =
        dumps(|offset| page(&[record(1)], &json!({"next": format!("?offset={}", offset + 1), "startTime": text(now())})));
    let done = restless.bench().run(&["harvest", "x", "--set-config", "harvest.pause_ms=2"]).expect(69);
    assert!(done.stderr.contains("anew again and again") && restless.asked() < 20, "{}", done.stderr);
    // Never ready.
    let slow = dumps(|_| page(&[], &json!({"_status": "generating"})));
    let done = slow.bench().run(&["harvest", "x", "--set-config", "harvest.retry_total_s=0"]).expect(69);
    assert!(done.stderr.contains("still making the dump of all"), "{}", done.stderr);
}

#[test]
fn items_that_are_no_records_are_named_and_the_others_come() {
    let huge =
        json!({"@id": "https://x.example/huge", "@graph": [{"@id": "https://x.example/huge", "note": "x".repeat(100_000)}]});
    let items = [
        record(1),
        json!({"@graph": [{"@type": "Record"}]}),
        json!(7),
        json!(null),
        json!([[]]),
        json!({"@id": "a b", "@graph": []}),
        huge,
        record(2),
    ];
    let service = dumps(move |_| page(&items, &json!({"totalItems": 1e300, "startTime": {"a": 1}, "_status": 5})));
    let bench = service.bench();
    let words = ["harvest", "x", "--json", "--set-config", "harvest.record_bytes=50000"];
    let done = bench.run(&words).expect(65);
    let summary: Value = serde_json::from_str(&done.stdout).expect("JSON");
    assert_eq!((&summary[0]["created"], &summary[0]["undelivered"]), (&2.into(), &6.into()), "{summary}");
    let listed = bench.run(&["quarantine", "--json"]).json().to_string();
    assert!(listed.contains("https://x.example/huge") && listed.contains("raise harvest.record_bytes"), "{listed}");
    bench.run(&["verify"]).expect(0);
}

#[test]
fn answers_that_are_no_answers_are_errors_of_the_source() {
    // What shows that another server is there is a wrong setting.
    let bodies = [
        ("", false),
        ("<html><body>Sign in</body></html>", true),
        ("<?xml version=\"1.0\"?><OAI-PMH/>", true),
        ("Welcome", true),
        ("[]", true),
        ("{\"type\": 1", false),
        ("{}", true),
        ("null", true),
    ];
    for (body, foreign) in bodies {
        let service = Service::new(move |_, _| body.to_owned().into_response());
        let done = service.bench().run(&["harvest", "x"]).expect(if foreign { 1 } else { 69 });
        assert!(done.stderr.contains("answer"), "{body:?}: {}", done.stderr);
        assert_eq!(done.stderr.contains("hint: check the address (`url` of the source)"), foreign, "{body:?}: {}", done.stderr);
        let service = dumps(move |_| body.to_owned().into_response());
        let bench = service.bench();
        let done = bench.run(&["harvest", "x"]);
        // An object without anything is an empty dump.
        assert_eq!(done.code, Some(if body == "{}" { 0 } else { 69 }), "{body:?}: {}", done.stderr);
    }
    let nowhere = Service::new(|_, _| (axum::http::StatusCode::NOT_FOUND, "no").into_response());
    let done = nowhere.bench().run(&["harvest", "x"]).expect(1);
    assert!(done.stderr.contains("no service of dumps and changes answers there"), "{}", done.stderr);
}

#[test]
fn a_record_that_nobody_asked_for_is_not_kept() {
    let dumped = Arc::new(AtomicU64::new(0));
    let service = Service::new(move |asked, _| match (number(asked, "offset"), number(asked, "until")) {
        (Some(_), _) => {
            dumped.fetch_add(1, Ordering::SeqCst);
            page(&[record(1), record(2)], &json!({}))
        }
        (None, Some(_)) if dumped.load(Ordering::SeqCst) == 0 => quiet(),
        (None, Some(_)) => {
            let items = [activity("https://x.example/1#it", now() - 10), activity("https://x.example/1#it", 0)];
            answer(&json!({"orderedItems": items, "next": "?until=0"}))
        }
        (None, None) if asked.starts_with("/emm/") => entry(),
        (None, None) => answer(&record(7)),
    });
    let bench = service.bench();
    bench.run(&["harvest", "x"]).expect(65);
    bench.run(&["record", "https://x.example/7"]).expect(1);
    assert_eq!(live(&bench), 2, "what the mirror has of the other stays");
    let listed = bench.run(&["quarantine"]).ok();
    assert!(listed.contains("https://x.example/1") && listed.contains("sent https://x.example/7 in its place"), "{listed}");
}

/// A service with a dump of three records, whose feed is that of a script once the dump was read.
fn feeds(script: impl Fn(u64) -> Response + Clone + Send + Sync + 'static) -> Service {
    let dumped = Arc::new(AtomicU64::new(0));
    Service::new(move |asked, _| {
        if number(asked, "offset").is_some() {
            dumped.fetch_add(1, Ordering::SeqCst);
            return page(&[record(1), record(2), record(3)], &json!({}));
        }
        match number(asked, "until") {
            Some(until) if dumped.load(Ordering::SeqCst) == 1 && until > 0 => script(until),
            Some(_) => quiet(),
            None if asked.starts_with("/emm/") => entry(),
            None => {
                let name = asked.rsplit('/').next().and_then(|name| name.split('?').next()?.parse().ok()).unwrap_or(0);
                let mut changed = record(name);
                changed["@graph"][1]["note"] = "changed".into();
                answer(&changed)
            }
        }
    })
}

#[test]
fn feeds_that_cannot_be_believed_are_replaced_by_a_dump() {
    let id = "https://x.example/2#it";
    let endless = |until: u64| {
        let at = i64::try_from(until).unwrap_or(0) - 1;
        answer(&json!({"orderedItems": [activity("https://y.example/1", at)], "next": format!("?until={at}")}))
    };
    let burst = |_: u64| {
        let at = now() - 50;
        let items: Vec<Value> = (0..100).map(|number| activity(&format!("https://y.example/{number}"), at)).collect();
        answer(&json!({"orderedItems": items, "next": "?until=99999999999999"}))
    };
    let unordered = move |_: u64| {
        let (old, new) = (now() - 90_000_000, now() - 5000);
        answer(&json!({"orderedItems": [activity(id, old), activity(id, new)], "next": format!("?until={old}")}))
    };
    let nameless =
        |_: u64| answer(&json!({"orderedItems": [{"type": "Update", "published": "2026-01-01T00:00:00Z"}], "next": "?until=1"}));
    let timeless = move |_: u64| answer(&json!({"orderedItems": [{"type": "Update", "object": {"id": id}}], "next": "?until=1"}));
    let ends = move |_: u64| answer(&json!({"orderedItems": [activity(id, now() - 10)]}));
    let nowhere = move |_: u64| answer(&json!({"orderedItems": [activity(id, now() - 10)], "next": {"id": 5}}));
    let nothing = |_: u64| answer(&json!({"orderedItems": [], "next": "?until=99999999999999"}));
    let check = |service: Service, named: &str| {
        let bench = service.bench();
        let words = ["harvest", "x", "--set-config", "harvest.overlap_s=3600"];
        // The feed is read once after the dump too: it is believed no more there.
        bench.run(&words).expect(0);
        assert_eq!(live(&bench), 3, "{named}");
        let done = bench.run(&words).expect(0);
        assert!(done.stderr.contains("a dump takes its place") && done.stderr.contains(named), "{named}: {}", done.stderr);
        assert!(service.asked() < 60, "{named}: {}", service.asked());
        bench.run(&["verify"]).expect(0);
    };
    check(feeds(endless), "more than 10 pages");
    check(feeds(burst), "in one millisecond");
    check(feeds(unordered), "not in the order");
    check(feeds(nameless), "names no entity");
    check(feeds(timeless), "has no time");
    check(feeds(ends), "ends before what is known");
    check(feeds(nowhere), "leads on to no time");
    check(feeds(nothing), "ends before what is known");
}

#[test]
fn times_in_the_future_hide_nothing_that_happens_later() {
    let future = now() + 40 * 365 * 86_400_000;
    let service = Service::new(move |asked, before| match (number(asked, "offset"), number(asked, "until")) {
        (Some(_), _) => page(&[record(1), record(2)], &json!({})),
        (None, Some(_)) => {
            let mut items = vec![activity("https://x.example/1#it", future)];
            if before > 4 {
                items.push(activity("https://x.example/2#it", now() - 10));
            }
            items.push(activity("https://x.example/1#it", 0));
            answer(&json!({"orderedItems": items, "next": "?until=0"}))
        }
        (None, None) if asked.starts_with("/emm/") => answer(&json!({"first": {"id": format!("?until={future}")}})),
        (None, None) => {
            let mut changed = record(if asked.contains("/2?") { 2 } else { 1 });
            changed["@graph"][1]["note"] = "changed".into();
            answer(&changed)
        }
    });
    let bench = service.bench();
    assert_eq!(harvest(&bench, "x", &[])["outcome"], "complete");
    harvest(&bench, "x", &[]);
    harvest(&bench, "x", &[]);
    assert!(bench.run(&["record", "https://x.example/2"]).ok().contains("changed"));
    let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
    let known: i64 = log.query_row("SELECT known FROM emm_known", [], |row| row.get(0)).expect("known");
    assert!(known <= now(), "{known}");
}

#[test]
fn entities_that_do_not_come_are_named_and_fetched_again_on_demand() {
    let deliver = Arc::new(AtomicU64::new(0));
    let delivering = Arc::clone(&deliver);
    let service = Service::new(move |asked, _| match (number(asked, "offset"), number(asked, "until")) {
        (Some(_), _) => page(&[record(1), record(2), record(3)], &json!({})),
        (None, Some(_)) => {
            let at = now() - 10;
            let changed = (1..=3).map(|number| activity(&format!("https://x.example/{number}#it"), at));
            let mut items: Vec<Value> = changed.collect();
            items.push(activity("https://x.example/1#it", 0));
            let seen = delivering.load(Ordering::SeqCst) > 0;
            answer(&json!({"orderedItems": if seen { items } else { vec![activity("urn:x", 0)] }, "next": "?until=0"}))
        }
        (None, None) if asked.starts_with("/emm/") => entry(),
        (None, None) => match (asked.contains("/1?"), asked.contains("/2?"), delivering.load(Ordering::SeqCst)) {
            (true, ..) => (axum::http::StatusCode::GONE, "gone").into_response(),
            (_, true, 1) => (axum::http::StatusCode::NOT_FOUND, "no").into_response(),
            (_, two, _) => {
                let mut changed = record(if two { 2 } else { 3 });
                changed["@graph"][0]["modified"] = "2026-02-01T00:00:00Z".into();
                answer(&changed)
            }
        },
    });
    let bench = service.bench();
    harvest(&bench, "x", &[]);
    deliver.store(1, Ordering::SeqCst);
    let done = bench.run(&["harvest", "x", "--json"]).expect(65);
    let summary: Value = serde_json::from_str(&done.stdout).expect("JSON");
    let counts = [&summary[0]["deleted"], &summary[0]["changed"], &summary[0]["undelivered"]];
    assert_eq!(counts, [&1.into(), &1.into(), &Value::from(1)], "{summary}");
    assert!(bench.run(&["quarantine"]).ok().contains("https://x.example/2"), "it is named");
    assert_eq!(live(&bench), 2, "the version that the mirror has stays");
    deliver.store(2, Ordering::SeqCst);
    bench.run(&["quarantine", "--retry"]).expect(0);
    assert!(!bench.run(&["quarantine"]).ok().contains("https://x.example/2"));
    bench.run(&["verify"]).expect(0);
}
