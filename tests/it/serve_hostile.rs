//! Hostile requests: nothing panics, nothing leaks, and other clients are served meanwhile.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::harness::{Bench, setting};
use crate::server::{Server, raw};

fn served(more: &[&str]) -> (Bench, Server) {
    let bench = Bench::new(100);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, more);
    (bench, server)
}

/// Generates a target of some route, with arbitrary parameters.
fn target() -> impl Strategy<Value = String> {
    let anything = proptest::collection::vec(any::<u8>(), 0..40)
        .prop_map(|bytes| percent_encoding::percent_encode(&bytes, percent_encoding::NON_ALPHANUMERIC).to_string());
    let route = proptest::sample::select(vec![
        "/",
        "/search?q=",
        "/search?page=",
        "/sparql?query=",
        "/sparql?rows=",
        "/sparql?format=",
        "/sparql?default-graph-uri=",
        "/record/",
        "/record/https://libris.kb.se/",
        "/resource/bib/",
        "/bib/",
        "/assets/",
        "/.well-known/",
        "/harvest?lang=",
        "/dump.",
        "/health/",
        "/metrics?",
        "/?lang=",
        "//",
        "/%2e%2e/",
    ]);
    let end =
        proptest::sample::select(vec!["", "/data.ttl", "/data.", "/data", "%23it", "?lang=sv", "&query=ASK%20%7B%7D", "/../x"]);
    (route, anything, end).prop_map(|(route, middle, end)| format!("{route}{middle}{end}"))
}

/// Generates a legal value of a header.
fn header() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,60}",
        proptest::sample::select(vec![
            "text/html",
            "text/turtle;q=0",
            "*/*;q=1.5",
            "text/html;q=",
            ",,,",
            "application/*;q=0.3, text/csv",
            "W/\"x\", *",
            "lang=sv; lang=xx"
        ])
        .prop_map(str::to_owned),
    ]
}

#[test]
fn no_request_makes_the_server_fail() {
    let (bench, server) = served(&[]);
    let requests = setting("LIBRIS_MIRROR_REQUESTS").map_or(1500, |requests| u32::try_from(requests).expect("a number"));
    let mut runner = TestRunner::new(Config { cases: requests, failure_persistence: None, ..Config::default() });
    let place = bench.path().to_str().expect("text").to_owned();
    let method = proptest::sample::select(vec!["GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]);
    let body = proptest::collection::vec(any::<u8>(), 0..60);
    runner
        .run(&(method, target(), header(), header(), header(), body), |(method, target, accept, media_type, condition, body)| {
            let request = server
                .client
                .request(method.parse().expect("a method"), format!("{}{target}", server.url))
                .header("accept", &accept)
                .header("accept-language", &accept)
                .header("cookie", &condition)
                .header("if-none-match", &condition)
                .header("if-modified-since", &condition)
                .header("x-forwarded-host", &accept)
                .header("content-type", if media_type.len() % 2 == 0 { "application/sparql-query" } else { &media_type })
                .body(body);
            let response = request.send().map_err(|error| TestCaseError::fail(error.to_string()))?;
            let status = response.status().as_u16();
            let text = String::from_utf8_lossy(&response.bytes().unwrap_or_default()).into_owned();
            prop_assert!(status != 500 || text.contains("query"), "{method} {target}: {status} {text}");
            prop_assert!(!text.contains(&place) && !text.contains("panicked"), "{method} {target} leaks: {text}");
            Ok(())
        })
        .expect("every request is answered");
    assert_eq!(server.ask("ASK {}").ok().json()["boolean"], true);
}

#[test]
fn no_path_leaves_its_place() {
    let (_bench, server) = served(&[]);
    for path in [
        "/../../../etc/passwd",
        "/assets/../../../../etc/passwd",
        "/assets/..%2f..%2f..%2fetc%2fpasswd",
        "/assets/%2e%2e/%2e%2e/etc/passwd",
        "/assets//etc/passwd",
        "/record/file:///etc/passwd",
        "/record/../../../../etc/passwd/data.ttl",
        "/dump.nt/../../mirror.db",
        "/mirror.db",
        "/%00",
    ] {
        let answer = raw(&server, format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 404") || answer.starts_with("HTTP/1.1 400"), "{path}: {answer}");
        assert!(!answer.contains("root:"), "{path}");
    }
}

#[test]
fn malformed_requests_are_refused_or_closed() {
    let (_bench, server) = served(&[]);
    let long = "x".repeat(200_000);
    for (request, statuses) in [
        (format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"), ["414", "431"]),
        (format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {long}\r\n\r\n"), ["431", "400"]),
        ("GET / HTTP/9.9\r\n\r\n".into(), ["400", "505"]),
        ("\u{0}\u{1}\u{2}\r\n\r\n".into(), ["400", "400"]),
        ("POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/sparql-query\r\nContent-Length: 99999999999\r\n\r\nASK {}".to_owned() + &long.repeat(25), ["413", "400"]),
        ("POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde".into(), ["400", "400"]),
    ] {
        let answer = raw(&server, request.as_bytes());
        let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
        assert!(answer.is_empty() || statuses.contains(&status.as_str()), "{}: {answer}", &request[..40.min(request.len())]);
    }
    assert_eq!(server.ask("ASK {}").status, 200);
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[test]
fn a_request_names_one_host() {
    let (_bench, server) = served(&[]);
    for (hosts, due) in [
        ("Host: x", "200"),
        ("Host: libris.kb.se:8080", "200"),
        ("Host: [::1]:80", "200"),
        ("", "400"),
        ("Host: x\r\nHost: x", "400"),
        ("Host: x\r\nHost: y", "400"),
        ("Host:", "400"),
        ("Host: a b", "400"),
        ("Host: user@x", "400"),
        ("Host: x:port", "400"),
        ("Host: x/y", "400"),
        ("Host: <x>", "400"),
    ] {
        let head = if hosts.is_empty() { String::new() } else { format!("{hosts}\r\n") };
        let answer = raw(&server, format!("GET /health HTTP/1.1\r\n{head}Connection: close\r\n\r\n").as_bytes());
        assert_eq!(status(&answer), due, "{hosts}: {answer}");
        // Its body is not read as another request.
        assert!(due == "200" || answer.to_lowercase().contains("connection: close"), "{hosts}: {answer}");
    }
    assert_eq!(status(&raw(&server, b"GET /health HTTP/1.0\r\n\r\n")), "200", "HTTP/1.0 had no Host");
    assert_eq!(status(&raw(&server, b"GET /health HTTP/1.0\r\nHost: a b\r\n\r\n")), "400");
    assert_eq!(status(&raw(&server, b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\nConnection: close\r\n\r\n")), "404");
}

#[test]
fn a_whole_address_as_target_counts_for_more_than_the_host() {
    let (_bench, server) = served(&["--base-path", "/libris"]);
    let ask = |target: &str, host: &str| {
        raw(&server, format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())
    };
    let answer = ask("http://data.example.org:81/libris/.well-known/void", "other.example");
    assert!(status(&answer) == "200" && answer.contains("<http://data.example.org:81/libris/sparql>"), "{answer}");
    assert!(!answer.contains("other.example"), "{answer}");
    assert_eq!(status(&ask("http://user@x/libris/health", "x")), "400");
    assert_eq!(status(&raw(&server, b"GET http://x/health HTTP/1.1\r\nConnection: close\r\n\r\n")), "400");
}

#[test]
fn a_body_that_is_packed_or_too_long_is_refused_by_its_head() {
    let (_bench, server) = served(&["--set-config", "serve.body_timeout_s=60", "--set-config", "query.query_bytes=1000"]);
    let post = "POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/sparql-query\r\n";
    for (head, due) in [
        (format!("{post}Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n01234567890123456789"), "415"),
        (format!("{post}Content-Encoding: identity, br\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "415"),
        (format!("{post}Content-Encoding: identity\r\nContent-Length: 6\r\nConnection: close\r\n\r\nASK {{}}"), "200"),
        (format!("{post}Content-Length: 99999999999\r\n\r\n"), "413"),
        (format!("{post}Content-Length: 3001\r\n\r\n"), "413"),
        (format!("{post}Content-Length: 3001\r\nExpect: 100-continue\r\n\r\n"), "413"),
        ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n".into(), "413"),
        ("POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n".into(), "413"),
        ("GET /dump.nt HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n".into(), "413"),
    ] {
        let begun = Instant::now();
        let answer = raw(&server, head.as_bytes());
        assert_eq!(status(&answer), due, "{head}: {answer}");
        let closed = answer.to_lowercase().contains("connection: close");
        assert!(due == "200" || closed && begun.elapsed() < Duration::from_secs(4), "{head}: {:?} {answer}", begun.elapsed());
        assert_eq!(answer.to_lowercase().contains("accept-encoding: identity\r\n"), due == "415", "{head}: {answer}");
    }
    // A client that sends everything before it reads also gets the answer.
    let head = format!("{post}Content-Length: 3000000\r\n\r\n{}", "x".repeat(3_000_000));
    assert_eq!(status(&raw(&server, head.as_bytes())), "413");
}

/// Returns how long a request of another client takes.
fn answered(server: &Server) -> Duration {
    let begun = Instant::now();
    assert_eq!(server.get("/health").status, 200);
    assert_eq!(server.ask("ASK {}").status, 200);
    begun.elapsed()
}

#[test]
fn idle_and_slow_clients_do_not_hold_up_others_and_are_let_go() {
    let settings = ["serve.header_timeout_s=2", "serve.body_timeout_s=1", "serve.stall_s=2"];
    let (_bench, server) = served(&settings.iter().flat_map(|setting| ["--set-config", *setting]).collect::<Vec<_>>());
    let count = setting("LIBRIS_MIRROR_IDLE").unwrap_or(400);
    let mut idle: Vec<TcpStream> = (0..count).map(|_| server.connect()).collect();
    // Half of them send one byte of a head.
    idle.iter_mut().step_by(2).for_each(|stream| stream.write_all(b"G").expect("sent"));
    let mut slow = server.connect();
    slow.write_all(
        b"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/sparql-query\r\nContent-Length: 100\r\n\r\nASK",
    )
    .expect("sent");
    let taken = answered(&server);
    assert!(taken < Duration::from_secs(2), "others waited {taken:?}");
    let mut answer = String::new();
    let _ = slow.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    for mut stream in idle {
        let mut rest = Vec::new();
        // Closed, or answered with 408: both end the connection.
        let _ = stream.read_to_end(&mut rest);
    }
    eprintln!("{count} idle connections: others were answered within {taken:?}");
}

#[test]
fn a_client_that_takes_nothing_loses_its_query() {
    let settings = ["serve.stall_s=1", "serve.concurrent=1", "serve.queue=4"];
    let bench = Bench::new(1500);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &settings.iter().flat_map(|setting| ["--set-config", *setting]).collect::<Vec<_>>());
    let mut stream = server.connect();
    // Results of many megabytes that the client does not read.
    let query = "SELECT * { ?s ?p ?o . ?s ?q ?r }";
    let request = format!(
        "POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/sparql-query\r\nContent-Length: {}\r\n\r\n{query}",
        query.len()
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let begun = Instant::now();
    assert_eq!(server.ask("ASK {}").status, 200, "there was one place, and it was freed");
    assert!(begun.elapsed() < Duration::from_secs(20));
}
