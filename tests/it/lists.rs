//! Lists that are out of order though they begin in order, and lists that end in doubt: nothing is skipped.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use libris_mirror::oai::Datestamp;
use serde_json::Value;

use crate::harness::Bench;
use crate::scripted::{Scripted, document, record, scripted};

/// What a server has: in the order of its lists, the second of the year of each record.
#[derive(Clone)]
struct Shelf {
    seconds: Vec<i64>,
    page: usize,
    /// What the last page of a list carries as well.
    after_last: &'static str,
}

/// The first moment of the year.
fn start() -> i64 {
    Datestamp::parse("2026-01-01").expect("valid").millis() / 1000
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(&format!("http://localhost/?{query}")).expect("valid");
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// The number of the first record of the page that a token leads to, among those within the bounds of its list.
fn offset(query: &str) -> Option<usize> {
    parameter(query, "resumptionToken")?.split('_').next()?.parse().ok()
}

fn error(code: &str) -> Response {
    document(&format!("<error code=\"{code}\">no</error>")).into_response()
}

impl Shelf {
    fn new(seconds: impl IntoIterator<Item = i64>) -> Self {
        Self { seconds: seconds.into_iter().collect(), page: 10, after_last: "" }
    }

    fn dated(&self, number: usize) -> String {
        let (record, date) = (record(number), Datestamp::from_millis((start() + self.seconds[number]) * 1000).expect("a date"));
        let (from, until) = (record.find("<datestamp>").expect("one"), record.find("</datestamp>").expect("one"));
        format!("{}<datestamp>{date}{}", &record[..from], &record[until..])
    }

    /// The numbers of a page, and the token that follows it.
    fn page(&self, query: &str) -> (Vec<usize>, String) {
        let second = |text: &str| Datestamp::parse(text).expect("valid").millis() / 1000 - start();
        let token = parameter(query, "resumptionToken").unwrap_or_default();
        let parts: Vec<i64> = token.split('_').filter_map(|part| part.parse().ok()).collect();
        let bound = |name: &str, place: usize, open: i64| match parts.get(place) {
            Some(bound) => *bound,
            None => parameter(query, name).map_or(open, |text| second(&text)),
        };
        let (from, until, at) = (bound("from", 1, i64::MIN), bound("until", 2, i64::MAX), offset(query).unwrap_or(0));
        let within = |number: &usize| (from..=until).contains(&self.seconds[*number]);
        let all: Vec<usize> = (0..self.seconds.len()).filter(within).collect();
        let end = (at + self.page).min(all.len());
        let next = if end < all.len() {
            format!("<resumptionToken>{end}_{from}_{until}</resumptionToken>")
        } else {
            self.after_last.replace('@', &format!("{end}_{from}_{until}"))
        };
        (all[at.min(end)..end].to_vec(), next)
    }

    fn answer(&self, query: &str) -> Response {
        if query.contains("GetRecord") {
            let number = parameter(query, "identifier").and_then(|name| name.rsplit('r').next()?.parse().ok()).expect("a record");
            return document(&format!("<GetRecord>{}</GetRecord>", self.dated(number))).into_response();
        }
        let verb = if query.contains("ListIdentifiers") { "ListIdentifiers" } else { "ListRecords" };
        let (numbers, token) = self.page(query);
        if numbers.is_empty() && token.is_empty() {
            return error("noRecordsMatch");
        }
        let header =
            |record: &str| record["<record>".len()..record.find("</header>").expect("one") + "</header>".len()].to_owned();
        let content: String = numbers
            .iter()
            .map(|number| if verb == "ListRecords" { self.dated(*number) } else { header(&self.dated(*number)) })
            .collect();
        document(&format!("<{verb}>{content}{token}</{verb}>")).into_response()
    }
}

/// Forty records in the order of their identifiers: the first pages ascend, and then everything comes that was changed earlier or
/// later, in no order.
fn seemingly_ordered(pages: i64) -> Shelf {
    let first = (0..pages * 10).map(|number| 1000 + number);
    let rest = (pages * 10..40).map(|number| if number % 2 == 0 { number } else { 5000 - 10 * number });
    Shelf::new(first.chain(rest))
}

/// A server of a shelf, which refuses the token of the page at `place` once.
fn forgetful(shelf: Shelf, place: usize) -> Scripted {
    let refused = Arc::new(AtomicBool::new(false));
    scripted(move |query, _| match offset(query) {
        Some(offset) if offset == place && !refused.swap(true, Ordering::SeqCst) => error("badResumptionToken"),
        _ => shelf.answer(query),
    })
}

const NO_OVERLAP: [&str; 2] = ["--set-config", "harvest.overlap_s=0"];

fn harvest(bench: &Bench, code: i32, more: &[&str]) -> (Value, String) {
    let done = bench.run(&bench.harvest_words("x", None, &[&NO_OVERLAP[..], more].concat())).expect(code);
    let summary: Value = serde_json::from_str(&done.stdout).expect("JSON");
    (summary[0].clone(), done.stderr)
}

#[test]
fn a_list_that_begins_in_order_is_not_taken_for_ordered() {
    for pages in [1, 2] {
        let server = forgetful(seemingly_ordered(pages), usize::try_from(pages).expect("few") * 10);
        let bench = Bench::at(&server.url);
        let (summary, said) = harvest(&bench, 0, &[]);
        assert_eq!((&summary["outcome"], &summary["created"]), (&"complete".into(), &40.into()), "{pages} pages: {said}");
        assert_eq!(said.contains("not in the order of datestamps, as it seemed to be"), pages == 2, "{said}");
    }
}

#[test]
fn the_order_is_not_assumed_over_several_runs_either() {
    for pages in [1, 2] {
        let place = usize::try_from(pages).expect("few") * 10;
        let server = forgetful(seemingly_ordered(pages), place);
        let bench = Bench::at(&server.url);
        let enough = place.to_string();
        let (first, _) = harvest(&bench, 0, &["--max-records", &enough]);
        assert_eq!((&first["outcome"], &first["created"]), (&"max-records".into(), &place.into()));
        // Each run takes a page: the order is relied on in one of them, and refuted in another.
        let mut created = place as u64;
        for round in 0.. {
            let (summary, said) = harvest(&bench, 0, &["--max-records", "1"]);
            created += summary["created"].as_u64().expect("a number");
            if summary["outcome"] == "complete" {
                break;
            }
            assert!(round < 20, "{said}");
        }
        assert_eq!(created, 40, "{pages} pages");
        assert_eq!(bench.quads().len(), 80);
    }
}

#[test]
fn what_came_of_an_unordered_span_does_not_skip_the_rest_of_it() {
    for pages in [1, 2] {
        // The next page cannot be delivered for one of its records.
        let (shelf, killer) = (seemingly_ordered(pages), usize::try_from(pages).expect("few") * 10 + 3);
        let server = scripted(move |query, _| {
            let kills = query.contains("ListRecords") && shelf.page(query).0.contains(&killer);
            if kills { StatusCode::INTERNAL_SERVER_ERROR.into_response() } else { shelf.answer(query) }
        });
        let bench = Bench::at(&server.url);
        let (summary, said) = harvest(&bench, 0, &[]);
        assert_eq!((&summary["outcome"], &summary["undelivered"]), (&"complete".into(), &0.into()), "{pages} pages: {said}");
        assert_eq!(bench.quads().len(), 80, "{pages} pages: {said}");
    }
}

#[test]
fn an_audit_does_not_take_a_list_for_ordered_that_begins_in_order() {
    for pages in [1, 2] {
        let (shelf, place) = (seemingly_ordered(pages), usize::try_from(pages).expect("few") * 10);
        let refused = Arc::new(AtomicBool::new(false));
        let server = scripted(move |query, _| {
            let expires = query.contains("ListIdentifiers") && offset(query) == Some(place);
            if expires && !refused.swap(true, Ordering::SeqCst) { error("badResumptionToken") } else { shelf.answer(query) }
        });
        let bench = Bench::at(&server.url);
        harvest(&bench, 0, &[]);
        let done = bench.run(&[&["audit", "--json"][..], &NO_OVERLAP].concat()).expect(0);
        let reports: Value = serde_json::from_str(&done.stdout).expect("JSON");
        assert_eq!((&reports[0]["found"]["equal"], &reports[0]["found"]["gone"]), (&40.into(), &0.into()), "{pages}: {reports}");
    }
}

#[test]
fn a_list_that_is_in_order_is_re_opened_by_date() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (shelf, noted) = (Shelf::new(0..60), asked.clone());
    let server = scripted(move |query, count| {
        noted.lock().expect("whole").push(query.to_owned());
        if count == 3 { error("badResumptionToken") } else { shelf.answer(query) }
    });
    let bench = Bench::at(&server.url);
    let (summary, said) = harvest(&bench, 0, &[]);
    assert_eq!((&summary["created"], &summary["outcome"]), (&60.into(), &"complete".into()), "{said}");
    let asked = asked.lock().expect("whole");
    assert!(asked[4].contains("from=2026-01-01T00%3A00%3A29Z"), "{asked:?}");
    assert_eq!(asked.len(), 8, "{asked:?}");

    // Even if no token works at all.
    let shelf = Shelf::new(0..60);
    let server =
        scripted(move |query, _| if offset(query).is_some() { error("badResumptionToken") } else { shelf.answer(query) });
    let bench = Bench::at(&server.url);
    let (summary, said) = harvest(&bench, 0, &[]);
    assert_eq!((&summary["created"], &summary["outcome"]), (&60.into(), &"complete".into()), "{said}");
    assert!(server.asked() < 25, "{} requests", server.asked());
}

#[test]
fn after_lists_that_ended_in_doubt_the_next_one_reaches_back() {
    // Twenty records in no order; the token of the first page leads to nothing, until the server is repaired.
    let (shelf, broken) = (Shelf::new((0..20).map(|number| 500 - 7 * number)), Arc::new(AtomicBool::new(true)));
    let now = broken.clone();
    let server = scripted(move |query, _| {
        if offset(query).is_some() && now.load(Ordering::SeqCst) { error("noRecordsMatch") } else { shelf.answer(query) }
    });
    let bench = Bench::at(&server.url);
    let doubtful: Vec<_> = (0..3).map(|_| harvest(&bench, 65, &[])).collect();
    broken.store(false, Ordering::SeqCst);
    let status = bench.run(&["status"]).ok();
    let (whole, _) = harvest(&bench, 0, &[]);
    assert_eq!((&whole["outcome"], &whole["created"]), (&"complete".into(), &10.into()), "{whole}");
    assert_eq!((&whole["reaches_back"], &whole["from"]), (&false.into(), &Value::Null), "{whole}");
    for ((summary, said), created) in doubtful.into_iter().zip([10, 0, 0]) {
        assert_eq!((&summary["outcome"], &summary["created"]), (&"doubtful".into(), &created.into()), "{summary}");
        assert_eq!((&summary["reaches_back"], &summary["next_from"]), (&true.into(), &Value::Null), "{summary}");
        assert!(said.contains("the next harvest asks for the whole list again"), "{said}");
    }
    assert!(status.contains("the beginning"), "{status}");
    // And then all is as usual.
    let (summary, _) = harvest(&bench, 0, &[]);
    assert_eq!((&summary["received"], &summary["from"]), (&0.into(), &"2026-07-01T12:00:00Z".into()), "{summary}");
}

#[test]
fn a_server_that_ends_every_list_in_doubt_is_not_harvested_in_full_each_time() {
    // The last page of each list has a token, which is refused. Of thirty-five records in order it forgets the last five at first.
    let (known, refused) = (Arc::new(AtomicUsize::new(30)), "<resumptionToken>@_end</resumptionToken>");
    let now = known.clone();
    let server = scripted(move |query, _| {
        let shelf = Shelf { after_last: refused, ..Shelf::new(0..i64::try_from(now.load(Ordering::SeqCst)).expect("few")) };
        if query.contains("_end") { error("badResumptionToken") } else { shelf.answer(query) }
    });
    let bench = Bench::at(&server.url);
    let (first, said) = harvest(&bench, 65, &[]);
    assert_eq!((&first["outcome"], &first["created"]), (&"doubtful".into(), &30.into()), "{first}");
    known.store(35, Ordering::SeqCst);
    for created in [5, 0, 0] {
        let (summary, said) = harvest(&bench, 65, &[]);
        assert_eq!((&summary["outcome"], &summary["created"]), (&"doubtful".into(), &created.into()), "{summary}");
        assert!(summary["received"].as_u64() < Some(25), "a few times the last page: {summary} {said}");
    }
    assert_eq!(bench.quads().len(), 70);
    assert_eq!((&first["reaches_back"], &first["next_from"]), (&true.into(), &"2026-01-01T00:00:29Z".into()), "{first}");
    assert!(said.contains("the next harvest reaches back to 2026-01-01T00:00:29Z"), "{said}");
}

#[test]
fn a_list_short_of_its_promise_reaches_back_if_it_is_in_order() {
    let promise = "<resumptionToken completeListSize=\"99\"/>";
    for (shelf, created, next) in [
        (Shelf { after_last: promise, ..Shelf::new(0..30) }, 30, Some("2026-01-01T00:00:29Z")),
        // The protocol calls the promise an estimate, and its end an end.
        (Shelf { after_last: promise, ..Shelf::new((0..30).map(|number| 500 - 7 * number)) }, 30, None),
    ] {
        let server = scripted(move |query, _| shelf.answer(query));
        let bench = Bench::at(&server.url);
        let (summary, said) = harvest(&bench, 65, &[]);
        assert_eq!((&summary["outcome"], &summary["created"]), (&"short".into(), &created.into()), "{said}");
        let (second, _) = harvest(&bench, 65, &[]);
        assert_eq!(second["from"].as_str(), next.or(Some("2026-07-01T12:00:00Z")), "{second}");
        assert_eq!((&summary["reaches_back"], summary["next_from"].as_str()), (&next.is_some().into(), next), "{summary}");
    }
}
