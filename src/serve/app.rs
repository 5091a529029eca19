//! The state that all routes share: the mirror, the workers, the caches, and the addresses of this server.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::sync::{Mutex, Semaphore};

use super::cache::Answers;
use super::engines::Engines;
use super::lengths::Lengths;
use super::overview::Overviews;
use super::problem::Problem;
use super::reading::LogPool;
use super::telemetry::Telemetry;
use super::throttle::Throttle;
use super::workers::{WorkerSettings, Workers};
use crate::config::{Config, ConfigError};
use crate::data_dir::DataDir;
use crate::search::{Current, Finder, SearchError};
use crate::snapshots::SnapshotInfo;

/// Dumps that are written at once.
const CONCURRENT_DUMPS: usize = 2;

/// Characters that stay as they are in a path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is at addresses where a record could be: such a record is at `/record/<IRI>` alone.
const RESERVED: [&str; 15] = [
    "find",
    "book",
    "periodicals",
    "reference",
    "download",
    "oai",
    "search",
    "sparql",
    "suggest",
    "guide",
    "harvest",
    "health",
    "metrics",
    "record",
    "assets",
];

/// The start of the dumps of `/emm/`, milliseconds since 1970, and when it was chosen.
type Start = Option<(i64, Instant)>;

/// The state of a server.
pub struct App {
    /// The mirror.
    pub data: DataDir,
    /// The settings.
    pub config: Config,
    /// The processes that run queries.
    pub workers: Arc<Workers>,
    /// What answers queries.
    pub engines: Arc<Engines>,
    /// The connections that read the log.
    pub log: LogPool,
    /// The index of the search.
    pub search: Current,
    /// The counters.
    pub telemetry: Telemetry,
    /// The figures of the front page, and of the description of the dataset.
    pub overviews: Overviews,
    /// The cached results.
    pub answers: Answers,
    /// Held by the request that has the vocabulary counted.
    pub vocabulary: Mutex<()>,
    /// Since when the feed has what the dumps of `/emm/` may lack.
    emm: std::sync::Mutex<Start>,
    /// A permit for each dump, because a dump reads the whole log.
    pub dumps: Arc<Semaphore>,
    /// How often a client may ask where that is limited.
    pub throttle: Throttle,
    /// The known lengths of dumps.
    pub lengths: Arc<Lengths>,
    /// The base path, without a slash at its end; empty for the root.
    pub base: String,
}

impl App {
    /// Returns the state of a server for a mirror; `worker` is the program that runs queries, with its arguments.
    pub fn new(data: DataDir, config: Config, worker: (PathBuf, Vec<String>)) -> Result<Arc<Self>, ConfigError> {
        let serve = &config.serve;
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let workers = Workers::new(WorkerSettings {
            command: worker,
            concurrent: if serve.concurrent == 0 { cores.max(2) } else { serve.concurrent },
            queue: serve.queue,
            wait: Duration::from_secs(serve.queue_s),
            stall: Duration::from_secs(serve.stall_s),
        });
        let base = serve.base_path.trim_matches('/');
        let base = if base.is_empty() { String::new() } else { format!("/{base}") };
        let answers = Answers::new(serve.cache_mb << 20);
        let search = Current::new(data.path().to_owned());
        let log = LogPool::new(&data, config.harvest.depth, cores * 4);
        Ok(Arc::new(Self {
            throttle: Throttle::new(config.serve.api_per_s),
            data,
            engines: Arc::new(Engines::new(config.engines()?)),
            config,
            workers,
            log,
            search,
            telemetry: Telemetry::default(),
            overviews: Overviews::default(),
            answers,
            vocabulary: Mutex::default(),
            emm: std::sync::Mutex::default(),
            dumps: Arc::new(Semaphore::new(CONCURRENT_DUMPS)),
            lengths: Arc::default(),
            base,
        }))
    }

    /// Since when the feed has what a dump of `/emm/` may lack: `now`, milliseconds since 1970, if `first` page after page is read and
    /// the last start is older than `life`.
    #[must_use]
    pub fn dump_start(&self, now: i64, first: bool, life: Duration) -> i64 {
        let mut start = self.emm.lock().unwrap_or_else(PoisonError::into_inner);
        match *start {
            Some((at, chosen)) if !first || chosen.elapsed() < life => at,
            _ => start.insert((now, Instant::now())).0,
        }
    }

    /// Returns the index of the search, as it is now.
    pub fn finder(&self) -> Result<Arc<Finder>, Problem> {
        self.search.finder().map_err(|error| match error {
            SearchError::Missing(_) | SearchError::Other(_) => {
                tracing::error!("{error}");
                Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "this mirror has no search index yet: the next harvest makes it, or `libris-mirror rebuild search`",
                )
            }
            error => Problem::internal(&error),
        })
    }

    /// Returns the limit on the body of a request: a form needs up to three bytes for each byte of the query.
    #[must_use]
    pub fn body_limit(&self) -> usize {
        self.config.query.query_bytes.saturating_mul(3)
    }

    /// Returns the current snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Option<SnapshotInfo> {
        self.data.snapshots().current_info()
    }

    /// Returns the path of a record on this server, base path included.
    #[must_use]
    pub fn record_path(&self, record: &str) -> String {
        let short = record.strip_prefix(&self.config.serve.record_base);
        match short.filter(|id| !id.is_empty() && !id.contains(['/', '#', '?', '.', ':']) && !RESERVED.contains(id)) {
            Some(id) => format!("{}/{}", self.base, utf8_percent_encode(id, SEGMENT)),
            None => format!("{}/record/{}", self.base, utf8_percent_encode(record, SEGMENT)),
        }
    }

    /// Returns the public address for a path of this server, base path included.
    #[must_use]
    pub fn address_of(&self, headers: &HeaderMap, path: &str) -> String {
        format!("{}{}", self.address(headers), path.strip_prefix(&self.base).unwrap_or(path))
    }

    /// Returns the public address of the server, without a slash at its end: from the configuration, else from the request.
    /// The headers of a proxy count only if the configuration says so.
    #[must_use]
    pub fn address(&self, headers: &HeaderMap) -> String {
        let serve = &self.config.serve;
        if !serve.public_url.is_empty() {
            return serve.public_url.trim_end_matches('/').to_owned();
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let forwarded =
            |name: &str| text(name).filter(|_| serve.forwarded).and_then(|list| Some(list.split(',').next()?.trim().to_owned()));
        let scheme = forwarded("x-forwarded-proto").filter(|scheme| scheme == "https").unwrap_or_else(|| "http".into());
        let plain = |host: &String| {
            !host.is_empty()
                && host.len() < 256
                && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']'))
        };
        let host = forwarded("x-forwarded-host").filter(plain).or_else(|| text(HOST.as_str()).filter(plain));
        let prefix = forwarded("x-forwarded-prefix").filter(|prefix| is_path(prefix)).unwrap_or_default();
        format!("{scheme}://{}{}{}", host.unwrap_or_else(|| "localhost".into()), prefix.trim_end_matches('/'), self.base)
    }
}

fn is_path(text: &str) -> bool {
    text.starts_with('/')
        && !text.starts_with("//")
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | '~'))
}
