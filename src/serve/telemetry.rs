//! The server's own counters, for `/metrics`.

use std::fmt::Write;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::http::StatusCode;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::engines::{Engines, Fitness};
use super::workers::Workers;

/// How a query ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
enum Outcome {
    Ok,
    Refused,
    Timeout,
    Busy,
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueryLabels {
    outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RemoteLabels {
    remote: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    status: u16,
}

/// The counters of a server.
pub struct Telemetry {
    queries: Family<QueryLabels, Counter>,
    seconds: Histogram,
    requests: Family<RequestLabels, Counter>,
    /// Open connections.
    pub connections: Gauge,
}

/// Upper bounds of the histogram's buckets, in seconds.
const BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            queries: Family::default(),
            seconds: Histogram::new(BUCKETS),
            requests: Family::default(),
            connections: Gauge::default(),
        }
    }
}

impl Telemetry {
    /// Counts a query whose results began after this time.
    pub fn query(&self, status: StatusCode, time: Duration) {
        let outcome = match status.as_u16() {
            200..=399 => Outcome::Ok,
            503 => Outcome::Busy,
            504 => Outcome::Timeout,
            500..=599 => Outcome::Failed,
            _ => Outcome::Refused,
        };
        self.queries.get_or_create(&QueryLabels { outcome }).inc();
        self.seconds.observe(time.as_secs_f64());
    }

    /// Counts a request.
    pub fn request(&self, status: StatusCode) {
        self.requests.get_or_create(&RequestLabels { status: status.as_u16() }).inc();
    }

    /// Returns all counters in the text format of `OpenMetrics`, without the final `# EOF`.
    #[must_use]
    pub fn text(&self, workers: &Workers, engines: &Engines) -> String {
        let mut registry = Registry::with_prefix("libris_mirror");
        registry.register("http_requests", "Requests by status", self.requests.clone());
        registry.register("queries", "SPARQL requests by outcome", self.queries.clone());
        registry.register("query_seconds", "Time until the results of a query began", self.seconds.clone());
        registry.register("connections", "Open connections", self.connections.clone());
        let (running, waiting, started) = workers.figures();
        for (name, help, value) in [
            ("queries_running", "Queries that run now", running),
            ("queries_waiting", "Queries that wait for their turn", waiting),
        ] {
            let gauge = Gauge::<i64>::default();
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
            registry.register(name, help, gauge);
        }
        let answers = Family::<RemoteLabels, Gauge>::default();
        for (remote, fitness) in engines.known() {
            answers.get_or_create(&RemoteLabels { remote }).set(i64::from(matches!(fitness, Fitness::Fit(_))));
        }
        registry.register("remote_answers", "Whether a remote store of serve.sparql answers queries", answers);
        let processes: Counter<u64, AtomicU64> = Counter::default();
        processes.inc_by(started as u64);
        registry.register("query_workers_started", "Processes that were started to run queries", processes);
        let mut text = String::new();
        if let Err(error) = encode(&mut text, &registry) {
            let _ = writeln!(text, "# {error}");
        }
        text.trim_end_matches("# EOF\n").to_owned()
    }
}
