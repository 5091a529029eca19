//! Limits on queries and clients, and that they protect other clients.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::harness::Bench;
use crate::server::Server;

/// A join in memory that would take days, without a check of the time limit by the engine.
const ENDLESS: &str = "SELECT (COUNT(*) AS ?n) { { ?a ?b ?c } { ?d ?e ?f } { ?g ?h ?i } }";

const ALL: &str = "SELECT * { ?s ?p ?o }";

fn served(records: u64, more: &[&str]) -> (Bench, Server) {
    let bench = Bench::new(records);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, more);
    (bench, server)
}

fn set<'a>(settings: &[&'a str]) -> Vec<&'a str> {
    settings.iter().flat_map(|setting| ["--set-config", *setting]).collect()
}

/// Returns the value of a line of `/metrics`.
fn metric(server: &Server, name: &str) -> f64 {
    let text = server.get("/metrics").ok().body;
    let line = text.lines().find(|line| line.starts_with(&format!("libris_mirror_{name} ")));
    line.and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or_else(|| panic!("{name}: {text}"))
}

/// Waits for something that the server will do by itself.
fn until(what: &str, limit: Duration, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < limit, "{what} within {limit:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_query_ends_when_its_time_is_up_wherever_it_is() {
    let (_bench, server) = served(500, &set(&["serve.timeout_s=1"]));
    // A query that reads quads, which the engine stops, and one that no longer reads any.
    for query in ["SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }", ENDLESS] {
        let begun = Instant::now();
        let answer = server.ask(query);
        assert_eq!(answer.status, 504, "{answer:?}");
        assert!(answer.body.starts_with("the query was ended after 1 s: "), "{}", answer.body);
        assert!(begun.elapsed() < Duration::from_secs(10));
        assert!(server.count("SELECT (COUNT(*) AS ?n) { ?s a kbv:Person }") > 0, "other queries run");
    }
}

#[test]
fn a_query_that_needs_too_much_memory_or_stack_ends_alone() {
    let (_bench, server) = served(2000, &set(&["serve.memory_mb=1200"]));
    let hungry = "SELECT DISTINCT ?a ?b ?c ?d { ?a ?b ?c . ?d a kbv:Person }";
    let answer = server.ask(&format!("SELECT (COUNT(*) AS ?n) {{ {hungry} }}"));
    assert_eq!(answer.status, 500, "{answer:?}");
    assert!(answer.body.contains("needs more memory than one query may have"), "{}", answer.body);
    for (begin, open, close, end) in [
        ("FILTER ", "(", ")", ""),
        ("", "{", "}", ""),
        ("FILTER(", "!", "", "1)"),
        ("?s ", "(", ")", " ?o"),
        ("FILTER(", "STR(", ")", ")"),
        ("FILTER(1", " + 1", "", ")"),
        ("?s kbv:a", "/kbv:a", "", " ?o"),
        ("{}", " UNION {}", "", ""),
        ("", "OPTIONAL {", "}", ""),
    ] {
        let deep = format!("SELECT * {{ {begin}{}1{}{end} }}", open.repeat(60_000), close.repeat(60_000));
        let answer = server.ask(&deep);
        assert!(answer.status == 400 && answer.body.starts_with("the query is nested too deeply"), "{open}: {answer:?}");
    }
    assert!(server.count("SELECT (COUNT(*) AS ?n) { ?s a kbv:Person }") > 0);
}

#[test]
fn a_query_that_is_nested_or_long_within_the_limits_runs() {
    let (_bench, server) = served(50, &[]);
    for (begin, open, middle, close, times) in [
        ("SELECT (1 AS ?n) { FILTER", "(", "true", ")", 490),
        ("SELECT (1 AS ?n) {", "{", "", "}", 490),
        ("SELECT (1 AS ?n) { FILTER(true", " || false", ")", "", 2000),
        ("SELECT (1 AS ?n) { VALUES ?x { 1 } FILTER(?x IN (1", ",-1", "))", "", 100_000),
    ] {
        let query = format!("{begin}{}{middle}{} }}", open.repeat(times), close.repeat(times));
        assert_eq!(server.count(&query), 1, "{open}");
    }
}

/// Returns the process that runs the only query of a server, once it has opened the index: one that ends before it was
/// asked is replaced.
fn worker(server: &Server) -> Option<String> {
    let threads = fs_err::read_dir(format!("/proc/{}/task", server.id())).expect("a process").flatten();
    let lists = threads.filter_map(|thread| fs_err::read_to_string(thread.path().join("children")).ok());
    let children = lists.collect::<Vec<_>>().join(" ");
    let numbers: Vec<&str> = children.split_whitespace().collect();
    assert!(numbers.len() < 2, "one query, one worker");
    let number = (*numbers.first()?).to_owned();
    let maps = fs_err::read_to_string(format!("/proc/{number}/maps")).ok()?;
    maps.contains("/index/").then_some(number)
}

#[test]
fn how_a_worker_ended_tells_why_there_is_no_answer() {
    for (signal, status, words) in [
        ("KILL", 503, "killed from outside: try again"),
        ("TERM", 503, "killed from outside: try again"),
        ("ABRT", 500, "needs more memory than one query may have"),
        ("SEGV", 400, "nested too deeply"),
    ] {
        let (_bench, server) = served(300, &set(&["serve.timeout_s=300"]));
        let answer = std::thread::scope(|scope| {
            let asked = scope.spawn(|| server.ask(ENDLESS));
            until("the query runs", Duration::from_secs(20), || worker(&server).is_some());
            let number = worker(&server).expect("it runs");
            let send = || {
                let sent = std::process::Command::new("/bin/sh").args(["-c", &format!("kill -{signal} {number}")]).output();
                assert!(sent.is_ok());
            };
            send();
            // The handler first checks for a stack overflow, and lets a later signal through; two at once may be merged.
            until("the worker has ended", Duration::from_secs(20), || {
                if signal == "SEGV" && !asked.is_finished() {
                    send();
                }
                asked.is_finished()
            });
            asked.join().expect("an answer")
        });
        assert!(answer.status == status && answer.body.contains(words), "{signal}: {answer:?}");
        assert_eq!(answer.header("retry-after"), if status == 503 { "10" } else { "" });
        assert!(server.count("SELECT (COUNT(*) AS ?n) { ?s a kbv:Person }") > 0, "another takes its place");
    }
}

#[test]
fn results_over_a_limit_are_cut_and_nobody_can_take_them_for_whole() {
    let (bench, server) = served(300, &set(&["serve.rows=5000"]));
    let all = |format: &str, more: &str| server.get_query(ALL, &format!("format={format}&{more}"));
    for format in ["json", "xml", "csv", "tsv"] {
        let answer = all(format, "");
        assert!(answer.status == 200 && answer.broken.is_some(), "{format}: it broke off after {} bytes", answer.body.len());
        if matches!(format, "json" | "xml") {
            assert!(answer.body.contains("cut after 5000 results: there are more"), "{format}");
        }
    }
    // A client that asks for a part gets a part, which says so.
    let part = all("json", "rows=7").ok();
    assert_eq!(part.json()["results"]["bindings"].as_array().map(Vec::len), Some(7));
    assert_eq!(
        (part.header("x-results-cut"), part.json()["cut"].as_str()),
        ("cut after 7 results: there are more", Some("cut after 7 results: there are more"))
    );
    assert_eq!(all("csv", "rows=7").ok().body.lines().count(), 8);
    let graph = server.get_query("CONSTRUCT { ?s ?p ?o } { ?s ?p ?o }", "format=ttl");
    assert!(graph.broken.is_some() && graph.body.contains("# cut after 5000 results"), "{}", graph.body.len());

    let bytes = Server::start(&bench, &set(&["serve.result_bytes=3000"]));
    let answer = bytes.ask(ALL);
    assert!(answer.broken.is_some() && answer.header("x-results-cut").starts_with("cut after 3000 bytes"), "{answer:?}");
    let few = bytes.ask("SELECT * { ?s ?p ?o } LIMIT 3").ok();
    assert_eq!(few.json()["cut"], serde_json::Value::Null);
}

#[test]
fn long_results_come_whole() {
    let (bench, server) = served(300, &[]);
    let quads = bench.quads().len();
    assert!(quads > 10_000);
    let answer = server.get_query(ALL, "format=json").ok();
    assert_eq!(answer.json()["results"]["bindings"].as_array().map(Vec::len), Some(quads));
    // Compressed, as browsers request it.
    let request = server.client.post(format!("{}/sparql", server.url)).header("accept-encoding", "gzip");
    let compressed = request.header("content-type", "application/sparql-query").body(ALL).send().expect("an answer");
    assert_eq!(compressed.headers()["content-encoding"], "gzip");
    let bytes = compressed.bytes().expect("it is whole");
    let results: serde_json::Value = serde_json::from_reader(flate2::read::GzDecoder::new(&*bytes)).expect("JSON");
    assert_eq!(results["results"]["bindings"].as_array().map(Vec::len), Some(quads));
}

#[test]
fn a_client_that_hangs_up_ends_its_query() {
    let (_bench, server) = served(500, &set(&["serve.timeout_s=300"]));
    let mut connection = server.connect();
    let head = format!(
        "POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/sparql-query\r\nContent-Length: {}\r\n\r\n{ENDLESS}",
        ENDLESS.len()
    );
    connection.write_all(head.as_bytes()).expect("sent");
    until("the query runs", Duration::from_secs(20), || metric(&server, "queries_running") > 0.5);
    drop(connection);
    until("the query is over", Duration::from_secs(20), || metric(&server, "queries_running") < 0.5);
}

#[test]
fn a_short_queue_waits_and_the_rest_is_turned_away() {
    let (_bench, server) = served(300, &set(&["serve.timeout_s=300", "serve.concurrent=1", "serve.queue=1", "serve.queue_s=1"]));
    let mut connection = server.connect();
    let request = format!(
        "POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/sparql-query\r\nContent-Length: {}\r\n\r\n{ENDLESS}",
        ENDLESS.len()
    );
    connection.write_all(request.as_bytes()).expect("sent");
    until("the query runs", Duration::from_secs(20), || metric(&server, "queries_running") > 0.5);
    let waited = server.ask("ASK {}");
    assert!(
        waited.status == 503 && waited.header("retry-after") == "10" && waited.body.contains("too many queries"),
        "{waited:?}"
    );
    // Records and pages do not wait in that queue.
    assert_eq!(server.get_as("/", "text/html").status, 200);
    drop(connection);
    until("there is room again", Duration::from_secs(20), || server.ask("ASK {}").status == 200);
}

#[test]
fn a_query_that_is_too_long_is_refused() {
    let (_bench, server) = served(50, &set(&["query.query_bytes=1000"]));
    let long = format!("ASK {{}} #{}", "x".repeat(5000));
    assert_eq!(server.ask(&long).status, 413);
    let answer = server.get_query(&long[..2000], "");
    assert_eq!(answer.status, 413);
    assert!(answer.body.contains("longer than 1000 bytes"), "{}", answer.body);
}

#[test]
fn the_server_moves_on_to_the_next_snapshot_while_clients_ask() {
    let bench = Bench::new(3000);
    bench.state().page_rows.store(100, Ordering::Relaxed);
    bench.harvest("all", None, &["--max-records", "100"]);
    let server = Server::start(&bench, &[]);
    let running = AtomicBool::new(true);
    let query = "SELECT (COUNT(*) AS ?n) { ?record kbv:mainEntity ?thing }";
    let seen: std::collections::BTreeSet<u64> = std::thread::scope(|scope| {
        let reader = || {
            let mut seen = Vec::new();
            while running.load(Ordering::Relaxed) {
                seen.push(server.count(query));
                assert_eq!(server.get_as("/", "text/html").status, 200);
            }
            assert!(seen.is_sorted(), "nobody goes back in time: {seen:?}");
            seen
        };
        let readers: Vec<_> = (0..8).map(|_| scope.spawn(reader)).collect();
        bench.harvest("all", None, &["--set-config", "store.publish_s=0", "--set-config", "store.keep_snapshots=1"]);
        running.store(false, Ordering::Relaxed);
        readers.into_iter().flat_map(|reader| reader.join().expect("no reader fails")).collect()
    });
    assert!(seen.len() > 3, "{seen:?}");
    let live = bench.state().with_catalogue(|catalogue| catalogue.counts(None)).live;
    assert_eq!(server.count(query), live);
    assert_eq!(server.get("/health").json()["snapshot"]["number"], bench.run(&["status", "--json"]).json()["snapshot"]);
}

#[test]
fn service_asks_listed_hosts_and_no_others() {
    let (bench, other) = served(200, &[]);
    let config = bench.path().join("serve.toml");
    fs_err::write(&config, format!("[query]\nservice_hosts = [\"{}\"]\n", other.host())).expect("written");
    let server = Server::start(&bench, &["--config", config.to_str().expect("text")]);
    let ask = |url: &str| format!("SELECT (COUNT(*) AS ?n) {{ SERVICE <{url}> {{ ?s a <https://id.kb.se/vocab/Person> }} }}");
    let here = server.count("SELECT (COUNT(*) AS ?n) { ?s a kbv:Person }");
    assert!(here > 0);
    assert_eq!(server.count(&ask(&format!("{}/sparql", other.url))), here);
    for elsewhere in ["http://127.0.0.1:9/sparql", "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd"] {
        let refused = server.ask(&ask(elsewhere));
        assert!(refused.status == 403 && refused.body.contains("is not in `query.service_hosts`"), "{refused:?}");
        // A SILENT service that is not allowed has no effect, and nothing is asked.
        let silent = server.ask(&ask(elsewhere).replace("SERVICE", "SERVICE SILENT"));
        assert_eq!(silent.ok().json()["results"]["bindings"][0]["n"]["value"], "1");
        let hidden = format!("ASK {{ FILTER(1 = 2 || NOT EXISTS {{ SERVICE <{elsewhere}> {{ ?s ?p ?o }} }}) }}");
        assert_eq!(server.ask(&hidden).status, 403);
    }
    let closed = other.ask(&ask(&format!("{}/sparql", server.url)));
    assert!(closed.status == 403 && closed.body.contains("SERVICE"), "no host is listed there: {closed:?}");
    let variable = server.ask("SELECT * {\n  VALUES ?e { <http://127.0.0.1:9/> }\n  SERVICE ?e { ?s ?p ?o } }");
    assert!(
        variable.status == 400
            && variable.body.starts_with("SERVICE needs an IRI here, not a variable such as `?e` (line 3, column 11)\n"),
        "{variable:?}"
    );
    let update = other.ask("LOAD <http://127.0.0.1:9/>");
    assert!(update.status == 400 && update.body.contains("libris-mirror harvest"), "{update:?}");
    // The same with `query`.
    let config = config.to_str().expect("text");
    let done = bench.run(&["query", "--config", config, &ask("http://127.0.0.1:9/sparql")]).expect(1);
    assert!(done.stderr.contains("is not in `query.service_hosts`\nhint: "), "{}", done.stderr);
    let done = bench.run(&["query", "--config", config, "SELECT * { SERVICE ?e { ?s ?p ?o } }"]).expect(1);
    assert!(done.stderr.contains("SERVICE needs an IRI here"), "{}", done.stderr);
    // A listed host that does not answer.
    let url = format!("{}/sparql", other.url);
    drop(other);
    let gone = server.ask(&ask(&url));
    assert!(gone.status == 502 && gone.body.contains("could not be asked"), "{gone:?}");
    assert_eq!(server.ask(&ask(&url).replace("SERVICE", "SERVICE SILENT")).status, 200);
}

#[test]
fn sigterm_lets_answers_come_to_their_end() {
    let (_bench, server) = served(300, &[]);
    let slow = "SELECT (COUNT(*) AS ?n) { { ?a a kbv:Record } { ?b ?p ?o } }";
    let (answer, running) = (std::sync::mpsc::channel(), &server);
    std::thread::scope(|scope| {
        scope.spawn(|| answer.0.send(running.ask(slow)));
        until("the query runs", Duration::from_secs(20), || metric(&server, "queries_running") > 0.5);
        server.ask_to_stop();
    });
    assert_eq!(answer.1.recv().expect("an answer").status, 200);
    assert_eq!(server.ended(), Some(0));
}

#[test]
fn harvests_run_inside_the_server_under_the_same_lock() {
    let bench = Bench::new(400);
    let url = format!("sources.nb.url={}", bench.url);
    let words = set(&[&url, "sources.auth.enabled=false", "sources.definitions.enabled=false"]);
    let server = Server::start(&bench, &[&["--harvest-every", "1h"], &words[..]].concat());
    until("the first harvest is published", Duration::from_mins(1), || server.get("/health").status == 200);
    let live = bench.state().with_catalogue(|catalogue| catalogue.counts(Some("nb"))).live;
    assert_eq!(server.count("SELECT (COUNT(*) AS ?n) { ?record kbv:mainEntity ?thing }"), live);
    let begun = Instant::now();
    server.ask_to_stop();
    assert_eq!(server.ended(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn figures_are_there_for_prometheus_and_for_its_textfiles() {
    let bench = Bench::new(300);
    let file = bench.path().join("libris.prom");
    bench.harvest("all", None, &["--metrics", file.to_str().expect("text")]);
    let text = fs_err::read_to_string(&file).expect("written");
    let counts = bench.state().with_catalogue(|catalogue| catalogue.counts(None));
    for part in [
        format!("libris_mirror_records{{source=\"all\",state=\"live\"}} {}", counts.live),
        format!("libris_mirror_records{{source=\"all\",state=\"deleted\"}} {}", counts.deleted),
        "libris_mirror_snapshot 1".into(),
        "libris_mirror_harvest_finished_time_seconds{source=\"all\"} ".into(),
    ] {
        assert!(text.contains(&part), "{part}\n{text}");
    }
    let server = Server::start(&bench, &[]);
    server.ask("ASK {}").ok();
    server.ask("ASK {");
    let metrics = server.get("/metrics").ok();
    assert!(metrics.header("content-type").starts_with("application/openmetrics-text"));
    assert!(
        metrics.body.contains("libris_mirror_queries_total{outcome=\"Ok\"} 1\n")
            && metrics.body.contains("libris_mirror_queries_total{outcome=\"Refused\"} 1\n")
    );
    assert!(
        metrics.body.contains("libris_mirror_query_seconds_bucket{le=\"0.005\"}") && metrics.body.ends_with("# EOF\n"),
        "{}",
        metrics.body
    );
    assert_eq!(metrics.body.matches("# EOF").count(), 1);
}

#[test]
fn after_a_restore_answers_are_of_the_new_mirror_though_its_snapshot_has_the_old_number() {
    let (small, large) = (Bench::new(60), Bench::new(600));
    small.harvest("all", None, &[]);
    large.harvest("all", None, &[]);
    let backup = small.path().join("backup");
    small.run(&["backup", backup.to_str().expect("text")]).expect(0);
    let server = Server::start(&large, &[]);
    let count = |more: &str| server.count(&format!("SELECT (COUNT(*) AS ?n) {{ ?r a kbv:Record {more} }}"));
    let before = count("");
    large.run(&["restore", backup.to_str().expect("text"), "--force"]).expect(0);
    let due = large.count("SELECT (COUNT(*) AS ?n) { ?r a kbv:Record }");
    assert!(due < before);
    assert_eq!((count(""), count("FILTER(true)")), (due, due));
}
