//! How long a running server takes to answer eight clients at once: record pages, searches, and the example queries,
//! as something new each time and as something that was asked before.
//!
//! `cargo bench --profile release --bench serving -- http://127.0.0.1:7878 [SECONDS] [ROWS]`; `ROWS` is a part of the names of those to show.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use libris_mirror::serve::pages::EXAMPLES;
use reqwest::blocking::Client;
use url::form_urlencoded::byte_serialize;

const CLIENTS: usize = 8;

/// One request: its address below the server's, or a query.
enum Request {
    Page(String),
    Query(String),
}

struct Bench {
    client: Client,
    server: String,
    time: Duration,
    only: String,
}

impl Bench {
    fn ask(&self, query: &str) -> String {
        let request = self.client.post(format!("{}/sparql", self.server)).header("accept", "text/csv");
        let answer = request.header("content-type", "application/sparql-query").body(query.to_owned()).send();
        answer.and_then(reqwest::blocking::Response::text).unwrap_or_default()
    }

    fn send(&self, request: &Request) -> bool {
        let sent = match request {
            Request::Page(path) => self.client.get(format!("{}{path}", self.server)).header("accept", "text/html").send(),
            Request::Query(query) => self
                .client
                .post(format!("{}/sparql?rows=1000", self.server))
                .header("content-type", "application/sparql-query")
                .body(query.clone())
                .send(),
        };
        sent.is_ok_and(|answer| answer.status().is_success() && answer.bytes().is_ok())
    }

    /// Sends requests from all clients for the time of the bench; answers the times of those that succeeded, in order,
    /// and how many did not.
    fn measure(&self, make: impl Fn(u64) -> Request + Sync) -> (Vec<Duration>, u64) {
        let (number, failed) = (AtomicU64::new(0), AtomicU64::new(0));
        let end = Instant::now() + self.time;
        let one = || {
            let mut times = Vec::new();
            while Instant::now() < end {
                let request = make(number.fetch_add(1, Ordering::Relaxed));
                let begun = Instant::now();
                if self.send(&request) {
                    times.push(begun.elapsed());
                } else {
                    failed.fetch_add(1, Ordering::Relaxed);
                }
            }
            times
        };
        let mut times: Vec<Duration> = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(one)).collect();
            clients.into_iter().flat_map(|client| client.join().unwrap_or_default()).collect()
        });
        times.sort_unstable();
        (times, failed.into_inner())
    }

    fn show(&self, name: &str, make: impl Fn(u64) -> Request + Sync) {
        if !name.contains(&self.only) {
            return;
        }
        let (times, failed) = self.measure(make);
        let at =
            |share: usize| times.get((times.len() * share / 100).min(times.len().saturating_sub(1))).copied().unwrap_or_default();
        let mut line = format!("{name:44} {:7} ", times.len());
        for share in [50, 99] {
            let _ = write!(line, "{:9.1} ", at(share).as_secs_f64() * 1000.0);
        }
        let _ = writeln!(std::io::stdout(), "{line}{failed:6}");
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let Some(server) = words.first() else { return };
    let seconds = words.get(1).and_then(|word| word.parse().ok()).unwrap_or(10);
    let Ok(client) = Client::builder().timeout(Duration::from_mins(5)).build() else { return };
    let bench = Bench {
        client,
        server: server.trim_end_matches('/').to_owned(),
        time: Duration::from_secs(seconds),
        only: words.get(2).cloned().unwrap_or_default(),
    };
    let lines = |query: &str| -> Vec<String> {
        bench.ask(query).lines().skip(1).map(|line| line.trim_end_matches('\r').to_owned()).collect()
    };
    let records = lines("SELECT ?r { ?r kbv:mainEntity ?t } LIMIT 20000");
    let labels = lines("SELECT ?l { ?t kbv:mainTitle ?l } LIMIT 5000");
    let names = lines("SELECT ?l { ?t kbv:familyName ?l } LIMIT 5000");
    let pick = |from: &[String], number: u64| {
        let place = usize::try_from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33).unwrap_or(0) % from.len().max(1);
        from.get(place).cloned().unwrap_or_default()
    };
    let _ = writeln!(
        std::io::stdout(),
        "{:44} {:>7} {:>9} {:>9} {:>6}",
        format!("{CLIENTS} clients, {seconds} s each"),
        "answers",
        "p50 ms",
        "p99 ms",
        "failed"
    );
    let id = |iri: String| format!("/{}", iri.rsplit('/').next().unwrap_or_default());
    bench.show("record page", |number| Request::Page(id(pick(&records, number))));
    bench.show("record as Turtle", |number| Request::Page(format!("{}/data.ttl", id(pick(&records, number)))));
    let search = |text: &str| Request::Page(format!("/search?q={}", byte_serialize(text.as_bytes()).collect::<String>()));
    bench.show("search for a title", |number| search(&pick(&labels, number)));
    bench.show("search for a name", |number| search(&pick(&names, number)));
    bench.show("search for the beginning of a word", |number| search(&pick(&labels, number).chars().take(3).collect::<String>()));
    bench.show("search for an ISBN", |number| search(&format!("91{:07}X", number * 7 % 200_000)));
    bench.show("front page", |_| Request::Page("/".into()));
    for example in EXAMPLES {
        // A remark makes a query one that was never asked before.
        bench.show(&format!("{}, new", example.name), |number| {
            Request::Query(format!("{}\n# {number} {:?}", example.query, Instant::now()))
        });
    }
    for example in EXAMPLES.iter().filter(|_| "all examples, asked before".contains(&bench.only)) {
        bench.send(&Request::Query(example.query.to_owned()));
    }
    bench.show("all examples, asked before", |number| {
        let place = usize::try_from(number).unwrap_or(0) % EXAMPLES.len();
        Request::Query(EXAMPLES[place].query.to_owned())
    });
}
