//! Stopping in the middle, and going on to the same end.

use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use tokio::sync::Semaphore;

use crate::harness::{Bench, Done};

/// A gate in front of the fake Libris: list requests after the first few wait until it is opened.
struct Gate {
    open: Arc<Semaphore>,
    arrived: Receiver<u64>,
}

impl Gate {
    fn bench(records: u64, free: u64) -> (Bench, Self) {
        let open = Arc::new(Semaphore::new(0));
        let (sender, arrived): (Sender<u64>, _) = channel();
        let (count, semaphore) = (Arc::new(AtomicU64::new(0)), Arc::clone(&open));
        let bench = Bench::wrapped(records, |router| {
            router.layer(from_fn(move |request: Request, next: Next| {
                let list = request.uri().query().is_some_and(|query| query.contains("ListRecords"));
                let (semaphore, sender) = (Arc::clone(&semaphore), sender.clone());
                let number = if list { count.fetch_add(1, Ordering::SeqCst) + 1 } else { 0 };
                async move {
                    if number > free {
                        sender.send(number).expect("the test listens");
                        semaphore.acquire().await.expect("never closed").forget();
                    }
                    next.run(request).await
                }
            }))
        });
        (bench, Self { open, arrived })
    }

    fn wait(&self) -> u64 {
        self.arrived.recv_timeout(Duration::from_secs(59)).expect("a request arrives")
    }

    fn open(&self) {
        self.open.add_permits(10_000);
    }
}

fn signal(child: &Child, name: &str) {
    // The shell's own: a small system has no program of that name.
    let done = std::process::Command::new("sh").args(["-c", &format!("kill {name} {}", child.id())]).status().expect("a shell");
    assert!(done.success());
}

/// Sends a signal to a harvest that waits for its fourth page, and checks how it ends.
fn interrupt(name: &str) {
    let (bench, gate) = Gate::bench(6000, 3);
    let words = bench.harvest_words("all", None, &[]);
    let child = bench.start(&words);
    assert_eq!(gate.wait(), 4);
    // The third page is on its way to the log now; whether it gets there must not matter.
    let asked = Instant::now();
    signal(&child, name);
    let done = Done::of(words.join(" "), &child.wait_with_output().expect("it ends")).expect(130);
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(1), "it took {took:?} to stop");
    assert!(
        done.stderr.contains("interrupted; everything received is kept, run the same command again to continue"),
        "{}",
        done.stderr
    );
    // However soon it had to end, the summary is there with its counters.
    let summary: serde_json::Value =
        serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {}", done.stdout));
    assert_eq!(
        (&summary[0]["outcome"], summary[0]["received"].as_u64() >= Some(1000)),
        (&"interrupted".into(), true),
        "{summary}"
    );
    gate.open();

    let status = bench.run(&["status"]).ok();
    assert!(status.contains("the next harvest resumes it"), "{status}");
    let requests = bench.state().requests();
    let summary = bench.harvest("all", None, &[]);
    assert_eq!((&summary["outcome"], &summary["resumed"]), (&"complete".into(), &true.into()), "{summary}");
    assert!(summary["received"].as_u64() < Some(6000), "it went on, and did not begin again: {summary}");
    assert!(bench.state().requests() - requests <= 6, "Identify and at most five pages");
    let calm = bench.beside();
    calm.harvest("all", None, &[]);
    assert_eq!(bench.quads(), calm.quads());
    assert_eq!(bench.link_stats(), calm.link_stats());
    let count = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }";
    assert_eq!(bench.count(count), calm.count(count));
}

#[test]
fn ctrl_c_stops_at_once_and_the_next_run_ends_in_the_same_state() {
    interrupt("-INT");
}

#[test]
fn sigterm_does_the_same() {
    interrupt("-TERM");
}

#[test]
fn max_records_stops_at_the_end_of_an_answer_and_the_next_harvest_goes_on() {
    let bench = Bench::new(2500);
    let first = bench.harvest("all", None, &["--max-records", "1234"]);
    assert_eq!((&first["outcome"], &first["received"]), (&"max-records".into(), &2000.into()), "{first}");
    let nothing_lost = bench.count("SELECT (COUNT(*) AS ?n) { ?record kbv:mainEntity ?thing }");
    assert_eq!(nothing_lost, first["created"].as_u64().expect("a number"), "what came is published");
    let second = bench.harvest("all", None, &[]);
    assert_eq!((&second["outcome"], &second["resumed"]), (&"complete".into(), &true.into()), "{second}");
    let calm = bench.beside();
    calm.harvest("all", None, &[]);
    assert_eq!(bench.quads(), calm.quads());
    // However few are asked for, each run gets further.
    let little = bench.beside();
    let runs: Vec<_> = (0..3).map(|_| little.harvest("all", None, &["--max-records", "1"])["outcome"].clone()).collect();
    assert_eq!(runs, ["max-records", "max-records", "complete"]);
    assert_eq!(little.quads(), calm.quads());
}

#[test]
fn max_duration_ends_at_a_checkpoint_and_the_next_harvest_goes_on() {
    let (bench, gate) = Gate::bench(6000, 3);
    let words = bench.harvest_words("all", None, &["--max-duration", "8s"]);
    let started = Instant::now();
    let summary = &bench.run(&words).json()[0];
    assert_eq!((&summary["outcome"], &summary["resumed"]), (&"max-duration".into(), &false.into()), "{summary}");
    assert!(started.elapsed() < Duration::from_secs(40), "it does not wait for the page that does not come");
    assert_eq!(summary["received"], 3000, "{summary}");
    assert!(summary["snapshot"].is_number(), "what came is published: {summary}");
    gate.open();
    let summary = &bench.harvest("all", None, &[]);
    assert_eq!(
        (&summary["outcome"], &summary["resumed"], &summary["received"]),
        (&"complete".into(), &true.into(), &3000.into())
    );
    let done = bench.run(&["harvest", "--max-duration", "soon"]).expect(2);
    assert!(done.stderr.contains("--max-duration"), "{}", done.stderr);
}

#[test]
fn a_token_that_has_expired_opens_the_list_again_and_nothing_is_skipped() {
    let refused = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&refused);
    let bench = Bench::wrapped(4000, |router| {
        router.layer(from_fn(move |mut request: Request, next: Next| {
            // Every other token is one that the server does not know any more.
            let resumed = request.uri().query().is_some_and(|query| query.contains("resumptionToken"));
            if resumed && count.fetch_add(1, Ordering::SeqCst) % 2 == 1 {
                *request.uri_mut() = "/api/oaipmh/?verb=ListRecords&resumptionToken=expired".parse().expect("a path");
            }
            next.run(request)
        }))
    });
    let summary = bench.harvest("all", None, &[]);
    assert!(refused.load(Ordering::SeqCst) >= 2);
    assert_eq!(summary["outcome"], "complete", "{summary}");
    assert!(summary["unchanged"].as_u64() > Some(0), "the overlap is sent twice: {summary}");
    let counts = bench.state().with_catalogue(|catalogue| catalogue.counts(None));
    assert_eq!(bench.count("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"), counts.triples);
}

#[test]
fn sigterm_while_the_context_is_awaited_is_no_trouble_of_the_source() {
    let (sender, arrived): (Sender<()>, _) = channel();
    let bench = Bench::wrapped(20, |router| {
        router.layer(from_fn(move |request: Request, next: Next| {
            let (context, sender) = (request.uri().path().ends_with("context.jsonld"), sender.clone());
            async move {
                if context {
                    sender.send(()).expect("the test listens");
                    std::future::pending::<()>().await;
                }
                next.run(request).await
            }
        }))
    });
    let (emm, context) = (bench.url.replace("oaipmh", "emm"), format!("context = \"{}\"", bench.context));
    bench.configure("list", &format!("url = \"{}\"\nprefix = \"jsonld\"\n{context}", bench.url));
    bench.configure("dump", &format!("kind = \"emm\"\nurl = \"{emm}\"\nselections = [\"all\"]\n{context}"));
    for source in ["list", "dump"] {
        let child = bench.start(&["harvest", source, "--json"]);
        arrived.recv_timeout(Duration::from_secs(59)).expect("a request arrives");
        signal(&child, "-TERM");
        let done = Done::of(source.to_owned(), &child.wait_with_output().expect("it ends")).expect(130);
        let summary: serde_json::Value = serde_json::from_str(&done.stdout).expect("JSON");
        assert_eq!(summary[0]["outcome"], "interrupted", "{source}: {summary}");
    }
    let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
    let trouble: u64 = log.query_row("SELECT count(*) FROM trouble", [], |row| row.get(0)).expect("a number");
    assert_eq!(trouble, 0);
}
