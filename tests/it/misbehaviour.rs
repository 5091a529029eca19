//! Departures from the specification that were seen in the wild: each is borne, and nothing is lost to it.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::harness::Bench;
use crate::scripted::{document, harvest, identifiers, identify, list, mortal, raw, record, scripted, seconds_asked, token};

fn error(code: &str) -> Response {
    document(&format!("<error code=\"{code}\">sorry</error>")).into_response()
}

#[test]
fn the_token_of_the_last_page_may_lead_to_nothing() {
    // An empty list, as where the number of records is a multiple of the page.
    let server = scripted(|query, _| {
        if query.contains("resumptionToken") {
            document("<ListRecords/>").into_response()
        } else {
            list(0..5, &token("t")).into_response()
        }
    });
    let (_, summary, _) = harvest(&server, 0, &[]);
    assert_eq!((&summary["outcome"], &summary["received"]), (&"complete".into(), &5.into()));

    // noRecordsMatch: the list is opened again from its start and by date, and then it has ended.
    let server = scripted(|query, _| {
        if query.contains("resumptionToken") { error("noRecordsMatch") } else { list(0..5, &token("t")).into_response() }
    });
    let (_, summary, _) = harvest(&server, 0, &[]);
    assert_eq!((&summary["outcome"], &summary["created"]), (&"complete".into(), &5.into()));
    assert_eq!(server.asked(), 6, "the list and its token, three times");

    // badResumptionToken says less, so that the summary and the exit code do not call it whole.
    let server = scripted(|query, _| {
        if query.contains("resumptionToken") { error("badResumptionToken") } else { list(0..5, &token("t")).into_response() }
    });
    let (bench, summary, said) = harvest(&server, 65, &[]);
    assert_eq!((&summary["outcome"], &summary["created"]), (&"doubtful".into(), &5.into()));
    assert!(said.contains("`libris-mirror audit x` checks it"), "{said}");
    let quiet = bench.run(&["harvest", "-q", "--name", "x", "--url", &server.url]).expect(65);
    assert!(quiet.stderr.contains("the server refused the token of the last page"), "{}", quiet.stderr);
}

#[test]
fn a_token_that_vanishes_though_more_was_promised_is_looked_for_and_said() {
    let promised = |size: usize| format!("<resumptionToken completeListSize=\"{size}\" cursor=\"0\"/>");
    // Opened again from where it got to, the server sends the rest.
    let server = scripted(move |query, count| match (query.contains("from="), count) {
        (false, 0) => list(0..5, &promised(9)).into_response(),
        _ => list(4..9, "").into_response(),
    });
    let (bench, summary, said) = harvest(&server, 0, &["--set-config", "harvest.overlap_s=1"]);
    assert_eq!((&summary["outcome"], &summary["created"]), (&"complete".into(), &9.into()), "{summary}");
    assert!(said.contains("the list ended after 5 records of the 9 that it promised"), "{said}");
    assert_eq!(bench.quads().len(), 18);

    // It sends the same again and again: that is said, and exit 65.
    let server = scripted(move |_, _| list(0..5, &promised(9)).into_response());
    let (_, summary, said) = harvest(&server, 65, &[]);
    assert_eq!(
        (&summary["outcome"], &summary["promised"], &summary["created"]),
        (&"short".into(), &9.into(), &5.into()),
        "{summary}"
    );
    assert!(said.contains("it promised 9") && said.contains("libris-mirror audit x"), "{said}");
    assert_eq!(server.asked(), 3, "from its start, and by date");

    // An audit of such a list proves nothing about what it does not name.
    let server = scripted(move |query, count| match (query.contains("ListIdentifiers"), count) {
        (false, _) => list(0..9, "").into_response(),
        (true, _) => identifiers(0..8, &promised(9)).into_response(),
    });
    let (bench, _, _) = harvest(&server, 0, &[]);
    let first = bench.run(&["audit", "--repair"]).expect(69);
    assert!(first.stderr.contains("the list ended after 8 entries, though it promised 9"), "{}", first.stderr);
    let second = bench.run(&["audit", "--repair", "--set-config", "harvest.withdraw_max_percent=100"]).expect(1);
    assert!(second.stderr.contains("so nothing is withdrawn"), "{}", second.stderr);
    assert_eq!(bench.quads().len(), 18);

    // One that promises too little is no harm.
    let server = scripted(move |_, _| list(0..5, &promised(3)).into_response());
    assert_eq!(harvest(&server, 0, &[]).1["outcome"], "complete");
}

#[test]
fn tokens_come_padded_with_attributes_and_in_need_of_encoding() {
    let padded = "<resumptionToken expirationDate=\"2099-01-01T00:00:00Z\" completeListSize=\"8\" cursor=\"1\">\n   a+b/c==|&amp;d%20e  \t</resumptionToken>";
    let server = scripted(move |query, _| match query {
        "verb=ListRecords&resumptionToken=a%2Bb%2Fc%3D%3D%7C%26d%2520e" => {
            list(4..8, "<resumptionToken cursor=\"4\"></resumptionToken>").into_response()
        }
        query if query.contains("metadataPrefix") && !query.contains("resumptionToken") => list(0..4, padded).into_response(),
        query => panic!("asked {query}"),
    });
    assert_eq!(harvest(&server, 0, &[]).1["received"], 8);

    // One that does not decode what it gets.
    let server = scripted(|query, _| match query {
        "verb=ListRecords&resumptionToken=a+b/c==" => list(4..8, &token("d+e")).into_response(),
        "verb=ListRecords&resumptionToken=d+e" => list(8..9, "").into_response(),
        query if query.contains("resumptionToken") => error("badResumptionToken"),
        _ => list(0..4, &token("a+b/c==")).into_response(),
    });
    let (_, summary, said) = harvest(&server, 0, &[]);
    assert_eq!((&summary["received"], &summary["outcome"]), (&9.into(), &"complete".into()), "{said}");
    assert_eq!(server.asked(), 4, "it remembers how");

    // One that wants the prefix beside the token, against the specification; the set never goes along.
    let server = scripted(|query, _| {
        assert!(!query.contains("resumptionToken") || !query.contains("set="), "{query}");
        match query {
            "verb=ListRecords&metadataPrefix=rdfxml&resumptionToken=t" => list(4..8, &token("u")).into_response(),
            "verb=ListRecords&metadataPrefix=rdfxml&resumptionToken=u" => list(8..9, "").into_response(),
            query if query.contains("resumptionToken") => error("badArgument"),
            _ => list(0..4, &token("t")).into_response(),
        }
    });
    let (_, summary, _) = harvest(&server, 0, &["--set", "bib:S"]);
    assert_eq!((&summary["received"], server.asked()), (&9.into(), 4));
}

#[test]
fn a_server_that_cannot_page_deep_is_asked_by_date() {
    let server = scripted(|query, _| {
        let (from, until) = seconds_asked(query, 300);
        match query.split("resumptionToken=p").nth(1) {
            // The second page of a list is as deep as it gets.
            Some("100") => list(100..200, &token("p200")).into_response(),
            Some(_) => StatusCode::GATEWAY_TIMEOUT.into_response(),
            None if until.saturating_sub(from) > 100 => {
                list(from..from + 100, &token(&format!("p{}", from + 100))).into_response()
            }
            None if from >= until => error("noRecordsMatch"),
            None => list(from..until, "").into_response(),
        }
    });
    let (bench, summary, said) = harvest(&server, 0, &["--set-config", "harvest.overlap_s=10"]);
    assert_eq!(
        (&summary["outcome"], &summary["created"], &summary["undelivered"]),
        (&"complete".into(), &300.into(), &0.into()),
        "{said}"
    );
    assert_eq!(bench.quads().len(), 600);
}

#[test]
fn errors_that_nobody_specified_are_shown_as_they_are() {
    let server = scripted(|_, _| error("openAireInternalError"));
    let (_, _, said) = harvest(&server, 1, &[]);
    assert!(said.contains("the server answered openAireInternalError: sorry"), "{said}");
    // 500 in place of noRecordsMatch: the run ends to be resumed, after few requests.
    let server = scripted(|query, _| {
        if query.contains("from=") {
            (StatusCode::INTERNAL_SERVER_ERROR, "<html>no rows</html>").into_response()
        } else {
            list(0..3, "").into_response()
        }
    });
    let (bench, _, _) = harvest(&server, 0, &[]);
    let done = bench.run(&bench.harvest_words("x", None, &[])).expect(69);
    assert!(done.stderr.contains("HTTP 500") && server.asked() < 150, "{} after {} requests", done.stderr, server.asked());
}

#[test]
fn requests_say_who_asks_and_redirections_on_the_same_host_keep_them_whole() {
    let server = raw(|query, headers| {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        assert!(query.starts_with("verb="), "{query}");
        assert!(header("user-agent").starts_with("libris-mirror/") && header("user-agent").contains("me@example.org"));
        assert_eq!((header("from").as_str(), header("accept-encoding").as_str()), ("me@example.org", "gzip"));
        if let Some(query) = query.strip_suffix("&moved=1") {
            return if query.contains("Identify") { identify("YYYY-MM-DD") } else { list(0..3, "").into_response() };
        }
        (StatusCode::MOVED_PERMANENTLY, [("location", format!("/new/oai?{query}&moved=1"))]).into_response()
    });
    let (_, summary, _) = harvest(&server, 0, &["--set-config", "harvest.contact=me@example.org"]);
    assert_eq!(summary["received"], 3);
    // A circle of redirections is named.
    let server = raw(|query, _| (StatusCode::FOUND, [("location", format!("/oai?{query}"))]).into_response());
    let (_, _, said) = harvest(&server, 69, &[]);
    assert!(said.contains("redirects to /oai?"), "{said}");
}

#[test]
fn granularity_is_what_the_server_takes_whatever_it_says() {
    for (said, first, taken) in [
        ("YYYY-MM-DDThh:mm:ss.SSSZ", "from=2026-07-01T11%3A50%3A00Z", "from=2026-07-01T11%3A50%3A00Z"),
        ("yyyy-mm-ddThh:mm:ssZ", "from=2026-07-01T11%3A50%3A00Z", "from=2026-07-01T11%3A50%3A00Z"),
        ("YYYY-MM-DD", "from=2026-07-01", "from=2026-07-01"),
        // It says days and takes seconds; it says seconds and takes days; it refuses what is before its own start.
        ("YYYY-MM-DD", "from=2026-07-01", "from=2026-07-01T00%3A00%3A00Z"),
        ("YYYY-MM-DDThh:mm:ssZ", "from=2026-07-01T11%3A50%3A00Z", "from=2026-07-01"),
        ("YYYY-MM-DDThh:mm:ssZ", "from=2026-07-01T11%3A50%3A00Z", "no from at all"),
    ] {
        let (words, expected) = (said.to_owned(), taken.to_owned());
        let server = raw(move |query, _| match query.split_once("&from=") {
            None if query.contains("Identify") => identify(&words),
            None => list(0..3, "").into_response(),
            Some((_, from)) if format!("from={from}") == expected => list(0..4, "").into_response(),
            Some(_) => error("badArgument"),
        });
        let (bench, _, _) = harvest(&server, 0, &[]);
        let done = bench.run(&bench.harvest_words("x", None, &["-vv"])).expect(0);
        assert!(done.stderr.contains(first), "{}", done.stderr);
        let received = if taken.starts_with("from") { 4 } else { 3 };
        assert!(done.stdout.contains(&format!("\"received\": {received}")), "{taken}: {}", done.stdout);
    }
}

#[test]
fn records_may_come_twice_old_and_from_outside_the_window() {
    // A server that ignores `from`, repeats records across pages, and re-sends old ones with their old datestamps.
    let changed = record(2).replace("#it", "#changed");
    let server = scripted(move |query, count| match query.contains("resumptionToken") {
        false => list(0..5, &token(&format!("t{count}"))).into_response(),
        true if count < 2 => list(3..7, "").into_response(),
        true => document(&format!("<ListRecords>{}{changed}{}</ListRecords>", record(0), record(0))).into_response(),
    });
    let (bench, summary, _) = harvest(&server, 0, &[]);
    assert_eq!((&summary["received"], &summary["created"], &summary["unchanged"]), (&9.into(), &7.into(), &2.into()));
    let summary = bench.harvest("x", None, &[]);
    assert_eq!(
        (&summary["received"], &summary["changed"], &summary["unchanged"]),
        (&8.into(), &1.into(), &7.into()),
        "{summary}"
    );
    assert!(bench.quads().iter().any(|quad| quad.contains("r2#changed")));
    assert_eq!(bench.quads().len(), 14);
}

#[test]
fn a_set_that_vanished_looks_empty_and_withdraws_nothing() {
    let server = scripted(|_, count| if count == 0 { list(0..5, "").into_response() } else { error("noRecordsMatch") });
    let (bench, _, _) = harvest(&server, 0, &["--set", "nb"]);
    assert_eq!(bench.harvest("x", Some("nb"), &[])["received"], 0);
    let done = bench.run(&["audit", "--repair"]).expect(1);
    assert!(done.stderr.contains("nothing was withdrawn: 100.0 %"), "{}", done.stderr);
    assert_eq!(bench.quads().len(), 10);
}

#[test]
fn a_record_that_changes_while_an_audit_walks_is_not_gone() {
    // The upper bound of a list is frozen when it is opened: what changes meanwhile moves out of it.
    let server = scripted(|query, count| match (query.contains("ListIdentifiers"), count) {
        (false, _) => list(0..9, "").into_response(),
        // The first three, and while the rest is asked for, number 7 changes.
        (true, 1) => identifiers(0..3, &token("rest")).into_response(),
        (true, 2) => identifiers(3..7, "").into_response(),
        (true, _) => {
            assert!(query.contains("from=2026-07-01T11%3A50%3A00Z"), "what is new since the audit began: {query}");
            identifiers(7..9, "").into_response()
        }
    });
    let (bench, _, _) = harvest(&server, 0, &[]);
    let report = bench.run(&["audit", "--repair", "--json"]).json();
    assert_eq!((&report[0]["found"]["equal"], &report[0]["withdrawn"]), (&9.into(), &0.into()), "{report}");
    assert_eq!(server.asked(), 4);
}

#[test]
fn a_connection_that_is_reset_and_an_answer_without_an_end_are_named() {
    // Closing a connection with unread bytes resets it.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/oai", listener.local_addr().expect("an address"));
    let server = std::thread::spawn(move || {
        (0..4).for_each(|_| {
            let (connection, _) = listener.accept().expect("a client");
            connection.peek(&mut [0]).expect("a request");
        });
    });
    let done = Bench::at(&url).run(&["harvest", "--name", "x", "--url", &url]).expect(69);
    assert!(done.stderr.contains("Connection reset") || done.stderr.contains("closed"), "{}", done.stderr);
    server.join().expect("four tries came");

    // It sends on and on, never too little to be called silent.
    let endless = |_: &str, _| {
        let spaces = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            Some((Ok::<_, std::convert::Infallible>(axum::body::Bytes::from(vec![b' '; 4000])), ()))
        });
        axum::body::Body::from_stream(spaces).into_response()
    };
    let server = mortal(endless, |before| before == 0);
    let limits = ["--set-config", "harvest.total_timeout_s=1", "--set-config", "harvest.tries=2"];
    let (_, _, said) = harvest(&server, 69, &limits);
    assert!(said.contains("did not end within 1 s"), "{said}");
}
