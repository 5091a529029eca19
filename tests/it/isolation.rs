//! Records that kill their pages: the list is taken apart around them, and nothing is passed over in silence.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use libris_mirror::demo::{Faults, identifier};

use crate::harness::Bench;
use crate::scripted::{Scripted, document, identifiers, identify, list, raw, record, seconds_asked};

#[test]
fn a_record_that_kills_its_page_is_fetched_alone_or_noted_and_the_list_goes_on() {
    let faults = Faults::new(Vec::new(), 0);
    let bench = Bench::faulty(1200, 100, &faults);
    // One kills its pages, one cannot be had at all.
    faults.poison(&identifier(333), false);
    faults.poison(&identifier(777), true);
    let done = bench.run(&bench.harvest_words("all", None, &[])).expect(65);
    let summary: serde_json::Value = serde_json::from_str(&done.stdout).expect("JSON");
    assert_eq!((&summary[0]["outcome"], &summary[0]["undelivered"]), (&"complete".into(), &1.into()), "{summary}");
    assert!(done.stderr.contains("the list is split to find the records that cause this"), "{}", done.stderr);
    let requests = summary[0]["requests"].as_u64().expect("a number");
    assert!(requests < 250, "halving is cheap: {requests} requests");

    let listed = bench.run(&["quarantine", "--json"]).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!((&listed[0]["identifier"], &listed[0]["kind"]), (&identifier(777).into(), &"undelivered".into()));
    assert!(listed[0]["reason"].as_str().expect("words").contains("HTTP 500"), "{listed}");
    assert_eq!(bench.run(&["status", "--json"]).json()["sources"][0]["undelivered"], 1);
    assert!(bench.quads().iter().any(|quad| quad.contains(&identifier(333))), "this one came alone");

    // The audit says what is missing, and exits accordingly; asking again while it is dead leaves it where it is.
    let audit = bench.run(&["audit", "--json"]).expect(1);
    assert!(audit.stdout.contains("\"missing\": 1"), "{}", audit.stdout);
    bench.run(&["quarantine", "--retry"]).expect(65);
    faults.end();
    bench.run(&["quarantine", "--retry"]).expect(0);
    assert_eq!(bench.run(&["quarantine", "--json"]).json(), serde_json::json!([]));
    let calm = bench.beside();
    calm.harvest("all", None, &[]);
    assert_eq!(bench.contents(), calm.contents());
    bench.run(&["audit"]).expect(0);
}

#[test]
fn records_that_kill_pages_are_found_between_the_seconds() {
    let faults = Faults::new(Vec::new(), 0);
    let bench = Bench::faulty(1200, 100, &faults);
    // Six hundred records changed within the same few milliseconds, after a whole second, and the others days apart.
    bench.state().with_catalogue(|catalogue| catalogue.update(&(200..800).collect::<Vec<_>>(), chrono::Utc::now()));
    // None of these has a datestamp of a whole second: two come alone, two do not.
    for (number, alone) in [(100, false), (334, false), (500, true), (1000, true)] {
        assert_ne!(
            bench.state().with_catalogue(|catalogue| catalogue.find(&identifier(number))).expect("a row").modified % 1000,
            0
        );
        faults.poison(&identifier(number), alone);
    }
    let done = bench.run(&bench.harvest_words("all", None, &[])).expect(65);
    let summary: serde_json::Value = serde_json::from_str(&done.stdout).expect("JSON");
    assert_eq!((&summary[0]["outcome"], &summary[0]["undelivered"]), (&"complete".into(), &2.into()), "{summary}");
    let listed = bench.run(&["quarantine", "--json"]).json();
    let missing: BTreeSet<&str> = listed.as_array().expect("rows").iter().filter_map(|row| row["identifier"].as_str()).collect();
    assert_eq!(missing, BTreeSet::from([identifier(500).as_str(), identifier(1000).as_str()]));

    let calm = bench.beside();
    faults.end();
    calm.harvest("all", None, &[]);
    let all_but_two: Vec<String> = calm
        .quads()
        .into_iter()
        .filter(|quad| ![500, 1000].iter().any(|number| quad.ends_with(&format!("<{}> .", identifier(*number)))))
        .collect();
    assert_eq!(bench.quads(), all_but_two, "no neighbour of theirs is lost");
    bench.run(&["quarantine", "--retry"]).expect(0);
    assert_eq!(bench.contents(), calm.contents());
}

/// A server of so many records, a second apart, of which `bad` ones kill every list that holds them; `identify` is its answer to
/// that, and `alone` the one to `GetRecord`.
fn with_killers(
    records: usize,
    bad: &'static [usize],
    identify: impl Fn() -> Response + Clone + Send + Sync + 'static,
    alone: impl Fn(usize) -> String + Clone + Send + Sync + 'static,
) -> Scripted {
    raw(move |query, _| {
        let (from, until) = seconds_asked(query, i64::try_from(records).expect("few"));
        if query.contains("Identify") {
            return identify();
        }
        if query.contains("GetRecord") {
            let number = query.rsplit("%2Fr").next().and_then(|number| number.parse().ok()).expect("a record");
            return document(&alone(number)).into_response();
        }
        if from >= until {
            return document("<error code=\"noRecordsMatch\"/>").into_response();
        }
        match query.contains("ListIdentifiers") {
            false if bad.iter().any(|bad| (from..until).contains(bad)) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            false => list(from..until, "").into_response(),
            true => identifiers(from..until, "").into_response(),
        }
    })
}

fn by_seconds() -> Response {
    identify("YYYY-MM-DDThh:mm:ssZ")
}

#[test]
fn a_record_that_comes_alone_and_newer_than_its_list_skips_nothing() {
    // The server cannot list record 5, and meanwhile it was changed: alone, it comes with a datestamp of second 50.
    // Record 40 kills its pages as well.
    let server = with_killers(60, &[5, 40], by_seconds, |number| {
        let edited = record(number).replace("00:05Z</datestamp>", "00:50Z</datestamp>");
        format!("<GetRecord>{edited}</GetRecord>")
    });
    let bench = Bench::at(&server.url);
    let summary = bench.harvest("x", None, &["--set-config", "harvest.overlap_s=0"]);
    assert_eq!((&summary["outcome"], &summary["created"]), (&"complete".into(), &60.into()), "{summary}");
}

#[test]
fn a_record_that_is_listed_and_not_known_alone_is_noted() {
    // `GetRecord` of this server knows nothing.
    let server = with_killers(20, &[5], by_seconds, |_| "<error code=\"idDoesNotExist\">no such record</error>".to_owned());
    let bench = Bench::at(&server.url);
    let done = bench.run(&bench.harvest_words("x", None, &["--set-config", "harvest.overlap_s=0"])).expect(65);
    let listed = bench.run(&["quarantine", "--json"]).json();
    let noted: Vec<&str> = listed.as_array().expect("rows").iter().filter_map(|row| row["identifier"].as_str()).collect();
    assert!(noted.contains(&"https://libris.kb.se/r5"), "{noted:?}: {}", done.stderr);
    assert!(listed[0]["reason"].as_str().expect("words").contains("no such record"), "{listed}");
    let here = bench.quads().len() / 2;
    assert_eq!(here + noted.len(), 20, "each is here or noted: {noted:?}");
}

/// A list of three records of one second of which the second kills its pages. Answers what is here, by number, and what is
/// noted, of a mirror of that server.
fn three_of_a_second(
    code: i32,
    identifiers: impl Fn(&str) -> String + Clone + Send + Sync + 'static,
    alone: impl Fn(usize) -> String + Clone + Send + Sync + 'static,
) -> (BTreeSet<usize>, BTreeSet<String>, String) {
    let server = raw(move |query, _| {
        if query.contains("Identify") {
            return by_seconds();
        }
        if query.contains("GetRecord") {
            let number = (0..9).find(|number| query.contains(&format!("r{number}"))).expect("a record");
            return if number == 1 {
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            } else {
                document(&alone(number)).into_response()
            };
        }
        if query.contains("ListIdentifiers") {
            document(&identifiers(query)).into_response()
        } else {
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    });
    let bench = Bench::at(&server.url);
    let window = ["--from", "2026-01-01T00:00:00Z", "--until", "2026-01-01T00:00:01Z"];
    let done = bench.run(&bench.harvest_words("x", None, &window)).expect(code);
    let here = bench.quads().iter().filter_map(|quad| quad.rsplit("/r").next()?.split(['>', '#']).next()?.parse().ok()).collect();
    let listed = bench.run(&["quarantine", "--json"]).json();
    let noted = listed.as_array().expect("rows").iter().filter_map(|row| Some(row["identifier"].as_str()?.to_owned())).collect();
    (here, noted, done.stderr)
}

fn headers(numbers: std::ops::Range<usize>, end: &str) -> String {
    let list = identifiers(numbers, end);
    let (start, stop) = (list.find("<ListIdentifiers>").expect("a list"), list.find("</OAI-PMH>").expect("an end"));
    list[start..stop].to_owned()
}

fn got(number: usize) -> String {
    format!("<GetRecord>{}</GetRecord>", record(number))
}

fn noted(numbers: &[usize]) -> BTreeSet<String> {
    numbers.iter().map(|number| format!("https://libris.kb.se/r{number}")).collect()
}

#[test]
fn an_answer_without_the_record_that_was_asked_for_is_no_delivery() {
    let all = |_: &str| headers(0..3, "");
    for (alone, said) in
        [("<GetRecord></GetRecord>".to_owned(), "without a record"), (got(7), "sent https://libris.kb.se/r7 in its place")]
    {
        let (here, missing, _) = three_of_a_second(65, all, move |_| alone.clone());
        assert_eq!((here, missing), (BTreeSet::new(), noted(&[0, 1, 2])), "{said}");
    }
    assert_eq!(three_of_a_second(65, all, got).0, BTreeSet::from([0, 2]));
}

#[test]
fn a_token_that_comes_again_with_other_records_leads_on() {
    // One token for the whole list, whose place the server keeps.
    let place = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let pages = move |query: &str| {
        let at = if query.contains("resumptionToken") { place.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1 } else { 0 };
        headers(at..at + 1, if at < 2 { "<resumptionToken>session</resumptionToken>" } else { "" })
    };
    let (here, missing, said) = three_of_a_second(65, pages, got);
    assert_eq!((here, missing), (BTreeSet::from([0, 2]), noted(&[1])), "{said}");
}

#[test]
fn tokens_that_go_round_in_the_list_of_a_second_are_noted() {
    let pages = |query: &str| {
        let next = if query.contains("resumptionToken=a") { "b" } else { "a" };
        format!("<ListIdentifiers><resumptionToken>{next}</resumptionToken></ListIdentifiers>")
    };
    let (here, missing, _) = three_of_a_second(65, pages, got);
    assert_eq!((here.len(), missing.len()), (0, 1), "the span is noted: {missing:?}");
}

#[test]
fn the_token_of_the_last_page_may_be_refused_in_the_list_of_a_second() {
    for (code, doubtful) in [("noRecordsMatch", false), ("badResumptionToken", true)] {
        let pages = move |query: &str| {
            if query.contains("resumptionToken") {
                format!("<error code=\"{code}\">end</error>")
            } else {
                headers(0..3, "<resumptionToken>last</resumptionToken>")
            }
        };
        let (here, missing, said) = three_of_a_second(65, pages, got);
        assert_eq!((here, missing), (BTreeSet::from([0, 2]), noted(&[1])), "{code}");
        assert_eq!(said.contains("taken for the end of the list"), doubtful, "{said}");
    }
}

#[test]
fn a_version_of_the_same_day_is_asked_for_when_a_neighbour_kills_its_page() {
    let changed = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let now = changed.clone();
    let day = |record: String| {
        let (start, end) = (record.find("<datestamp>").expect("one"), record.find("</datestamp>").expect("one"));
        format!("{}<datestamp>2026-01-01{}", &record[..start], &record[end..])
    };
    let version = |number: usize, changed: bool| if changed { record(number).replace("#it\"", "#it2\"") } else { record(number) };
    let server = raw(move |query, _| {
        let changed = now.load(std::sync::atomic::Ordering::SeqCst);
        let records = |numbers: std::ops::Range<usize>| numbers.map(|number| day(version(number, changed))).collect::<String>();
        if query.contains("Identify") {
            return identify("YYYY-MM-DD");
        }
        if query.contains("GetRecord") {
            let number = usize::from(query.contains("r1"));
            if number == 1 {
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
            return document(&format!("<GetRecord>{}</GetRecord>", records(0..1))).into_response();
        }
        if query.contains("ListIdentifiers") {
            let (first, second) = (day(headers(0..1, "")), day(headers(1..2, "")));
            let both = first.replace("</ListIdentifiers>", &second.replace("<ListIdentifiers>", ""));
            return document(&both).into_response();
        }
        // What is asked for from another day on is nothing.
        if query.contains("from=") && !query.contains("from=2026-01-01") {
            return document("<error code=\"noRecordsMatch\"/>").into_response();
        }
        if changed {
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        } else {
            document(&format!("<ListRecords>{}</ListRecords>", records(0..1))).into_response()
        }
    });
    let bench = Bench::at(&server.url);
    bench.harvest("x", None, &[]);
    changed.store(true, std::sync::atomic::Ordering::SeqCst);
    bench.run(&bench.harvest_words("x", None, &["--full"])).expect(65);
    assert!(bench.quads().iter().any(|quad| quad.contains("r0#it2>")), "the second version of that day");
}

#[test]
fn a_span_that_could_not_be_listed_is_forgotten_when_everything_came() {
    let mended = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let now = mended.clone();
    let server = raw(move |query, _| {
        if query.contains("Identify") {
            return by_seconds();
        }
        let (from, until) = seconds_asked(query, 8);
        if now.load(std::sync::atomic::Ordering::SeqCst) || !(from..until).contains(&3) {
            return if from < until {
                list(from..until, "").into_response()
            } else {
                document("<error code=\"noRecordsMatch\"/>").into_response()
            };
        }
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    });
    let bench = Bench::at(&server.url);
    bench.run(&bench.harvest_words("x", None, &["--set-config", "harvest.overlap_s=0"])).expect(65);
    assert!(bench.run(&["quarantine", "--json"]).json().as_array().is_some_and(|rows| !rows.is_empty()));
    mended.store(true, std::sync::atomic::Ordering::SeqCst);
    bench.run(&bench.harvest_words("x", None, &["--full"])).expect(0);
    assert_eq!(bench.run(&["quarantine", "--json"]).json(), serde_json::json!([]));
}

#[test]
fn a_known_record_that_cannot_be_delivered_any_more_keeps_its_last_version() {
    let faults = Faults::new(Vec::new(), 0);
    let bench = Bench::faulty(300, 100, &faults);
    bench.harvest("all", None, &[]);
    let before = bench.quads();
    faults.poison(&identifier(11), true);
    bench.state().with_catalogue(|catalogue| catalogue.update(&[11], chrono::Utc::now()));
    bench.run(&bench.harvest_words("all", None, &[])).expect(65);
    assert_eq!(bench.quads(), before);
    faults.end();
    bench.run(&["audit", "--repair"]).expect(0);
    let after = bench.quads();
    assert!(after != before && bench.run(&["quarantine", "--json"]).json() == serde_json::json!([]));
}

#[test]
fn a_server_that_delivers_nothing_is_not_taken_apart_for_ever() {
    let faults = Faults::new(Vec::new(), 0);
    let bench = Bench::faulty(200, 100, &faults);
    (0..200).for_each(|number| faults.poison(&identifier(number), true));
    let done = bench.run(&bench.harvest_words("all", None, &["--set-config", "harvest.isolate_records=5"])).expect(69);
    assert!(done.stderr.contains("the list cannot be fetched in parts either"), "{}", done.stderr);
}

#[test]
fn a_page_is_taken_apart_without_knowing_the_earliest_datestamp() {
    let identify = || document("<Identify><granularity>YYYY-MM-DDThh:mm:ssZ</granularity></Identify>").into_response();
    let server = with_killers(20, &[5], identify, got);
    let bench = Bench::at(&server.url);
    let summary = bench.harvest("x", None, &[]);
    assert_eq!((&summary["outcome"], &summary["created"]), (&"complete".into(), &20.into()), "{summary}");
    assert!(server.asked() < 150, "{} requests", server.asked());
}
