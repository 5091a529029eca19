//! Asks the workers: a task runs on the current snapshot, unless the client or the cache has its answer already.

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use tokio::sync::Mutex;

use super::request::SparqlRequest;
use super::results::{Beginning, HEAD_BYTES};
use crate::labels::{Labels, Languages};
use crate::log::ChangeId;
use crate::query::{Bounds, Limits, On, Question, Refusal, RefusalKind, Task, Work};
use crate::remote::Standing;
use crate::serve::app::App;
use crate::serve::cache::Known;
use crate::serve::conditions::Validator;
use crate::serve::engines::Chosen;
use crate::serve::problem::Problem;
use crate::snapshots::SnapshotInfo;

/// What became of a task.
pub(super) enum Outcome {
    /// The client has the answer already: a 304.
    Unchanged(Response),
    /// The answer, or its beginning, with its validator.
    Answer(Beginning, Option<Validator>),
}

/// Who asks.
pub(super) struct Asking<'a> {
    pub(super) app: &'a Arc<App>,
    /// The headers of the request, which may name an answer that the client has.
    pub(super) headers: &'a HeaderMap,
    /// The lock of those who ask the same thing: one of them asks, and the others find its answer in the cache.
    pub(super) once: Option<&'a Mutex<()>>,
}

/// How often a task is tried on another snapshot after its snapshot was removed.
const SNAPSHOT_TRIES: u32 = 10;

/// The state of the data that a query is answered from.
pub(super) enum Held {
    /// A published snapshot.
    Snapshot(SnapshotInfo),
    /// A remote store, where it was when it was asked last.
    Remote(String, Option<Standing>),
}

impl Held {
    fn of(app: &App, chosen: Chosen) -> Result<Self, Problem> {
        match chosen {
            Chosen::Remote(name, standing) => Ok(Self::Remote(name, standing)),
            Chosen::Index => app.snapshot().map(Self::Snapshot).ok_or_else(|| {
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "nothing is published yet: the first harvest is not complete")
            }),
        }
    }

    fn on(&self) -> On {
        match self {
            Self::Snapshot(snapshot) => On::Snapshot(snapshot.number),
            Self::Remote(name, _) => On::Remote(name.clone()),
        }
    }

    /// What identifies it, and when it came to be; nothing if it changes while it is read.
    fn identity(&self) -> Option<(String, Option<SystemTime>)> {
        match self {
            Self::Snapshot(snapshot) => {
                let published = snapshot.published.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                Some((format!("{} {}", snapshot.number, published.as_nanos()), Some(snapshot.published)))
            }
            Self::Remote(name, standing) => {
                let Standing { mark, .. } = standing.filter(|standing| standing.settled)?;
                Some((format!("{name} {mark:?}"), None))
            }
        }
    }
}

/// The longest report that is expected: a plan, or a vocabulary.
const REPORT_BYTES: usize = 16 << 20;

impl Asking<'_> {
    /// Runs a task. `validator` says what its answer depends on, beside the data.
    pub(super) async fn run(&self, mut task: Task, validator: impl Fn(&Held) -> Option<Validator>) -> Result<Outcome, Problem> {
        let Self { app, headers, once } = self;
        let mut engines = if task.work == Work::Results { app.engines.order() } else { vec![Chosen::Index] }.into_iter();
        let mut chosen = engines.next();
        for _ in 0..SNAPSHOT_TRIES {
            let Some(engine) = chosen.clone() else {
                return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no store answers queries now: try again in a moment"));
            };
            let held = Held::of(app, engine)?;
            let validator = validator(&held);
            if let Some(response) = validator.as_ref().and_then(|validator| validator.not_modified(headers)) {
                return Ok(Outcome::Unchanged(response));
            }
            if let Some(known) = self.known(validator.as_ref()) {
                return Ok(Outcome::Answer(known, validator));
            }
            let _alone = match once {
                Some(once) => Some(once.lock().await),
                None => None,
            };
            if once.is_some()
                && let Some(known) = self.known(validator.as_ref())
            {
                return Ok(Outcome::Answer(known, validator));
            }
            task.on = held.on();
            let events = app
                .workers
                .run(task.clone())
                .await
                .map_err(|busy| Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("{busy}: try again in a moment")))?;
            let most = if task.work == Work::Results { HEAD_BYTES } else { REPORT_BYTES };
            let beginning = Beginning::read(events, most).await;
            if let Some(refusal) = &beginning.refused {
                if refusal.kind == RefusalKind::Snapshot {
                    continue;
                }
                if let (RefusalKind::Away, Held::Remote(name, _)) = (refusal.kind, &held) {
                    // Whether it is asked again is decided by what it says of itself, and not by what one query does to it.
                    tracing::warn!("the remote store {name} did not answer a query: {}", refusal.message);
                    chosen = engines.next();
                    continue;
                }
                return Err(problem(refusal, app.config.serve.timeout_s));
            }
            if let (Some(validator), Some(ended)) = (&validator, &beginning.ended) {
                let known = Known { head: beginning.head, data: Bytes::copy_from_slice(&beginning.data), ended: ended.clone() };
                app.answers.keep(*validator.hash(), known);
            }
            return Ok(Outcome::Answer(beginning, validator));
        }
        Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "snapshots are replaced faster than a query can begin: try again"))
    }

    fn known(&self, validator: Option<&Validator>) -> Option<Beginning> {
        let known = self.app.answers.get(validator?.hash())?;
        let Known { head, data, ended } = &*known;
        Some(Beginning::whole(*head, data.to_vec(), ended.clone()))
    }
}

/// Returns a task within the limits of this server; its snapshot is chosen when it runs.
pub(super) fn task(app: &App, work: Work, question: Question) -> Task {
    let serve = &app.config.serve;
    Task {
        on: On::Snapshot(0),
        work,
        question,
        solutions: None,
        graph: None,
        names: None,
        bounds: Bounds { rows: Some(serve.rows), bytes: Some(serve.result_bytes) },
        limits: Limits { timeout_s: serve.timeout_s, query_bytes: app.config.query.query_bytes, fuse: app.config.query.fuse },
    }
}

fn problem(refusal: &Refusal, timeout_s: u64) -> Problem {
    match refusal.kind {
        RefusalKind::Syntax => Problem::bad_request(&*refusal.message),
        RefusalKind::Forbidden => Problem::new(StatusCode::FORBIDDEN, &*refusal.message),
        RefusalKind::Format => Problem::not_acceptable(&*refusal.message),
        RefusalKind::Timeout => {
            let detail = format!("the query was ended after {timeout_s} s: make it narrower, or run it on your own mirror");
            Problem::new(StatusCode::GATEWAY_TIMEOUT, detail)
        }
        RefusalKind::Service | RefusalKind::Away => Problem::new(StatusCode::BAD_GATEWAY, &*refusal.message),
        RefusalKind::Killed => Problem::new(StatusCode::SERVICE_UNAVAILABLE, &*refusal.message),
        RefusalKind::Damaged => {
            tracing::error!("the published index cannot be read: {}", refusal.message);
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the index of this server cannot be read: its log says why")
        }
        RefusalKind::Evaluation | RefusalKind::Snapshot => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, &*refusal.message),
    }
}

/// What is asked, with the base of its relative IRIs.
pub(super) fn question(app: &App, asked: &SparqlRequest, query: &str, address: &str) -> Question {
    Question {
        text: query.to_owned(),
        default_graphs: asked.default_graphs.clone(),
        named_graphs: asked.named_graphs.clone(),
        services: app.config.query.service_hosts.clone(),
        base: Some(format!("{address}/sparql")),
    }
}

/// How far the names have followed the log, if any are wanted. They may be newer than the snapshot.
pub(super) async fn named_as_of(app: &App, wanted: Option<&Languages>) -> Result<Option<ChangeId>, Problem> {
    match wanted {
        Some(_) => Ok(Some(app.log.read(|reading| Ok(Labels(&reading.log).reached()?)).await?)),
        None => Ok(None),
    }
}

/// Returns the cache key: the hash of what the results depend on. `None` if they differ each time (`NOW()`, `RAND()`).
pub(super) fn validator(
    held: &Held,
    work: Work,
    asked: &SparqlRequest,
    formats: [Option<&str>; 2],
    address: &str,
    names: Option<ChangeId>,
) -> Option<Validator> {
    let query = asked.query.as_deref().unwrap_or_default();
    let upper = query.to_ascii_uppercase();
    if ["RAND", "NOW", "UUID", "BNODE", "SERVICE"].iter().any(|word| upper.contains(word)) {
        return None;
    }
    let (identity, published) = held.identity()?;
    let SparqlRequest { default_graphs, named_graphs, rows, labels, .. } = asked;
    let state =
        format!("{identity} {work:?} {rows:?} {formats:?} {default_graphs:?} {named_graphs:?} {labels:?} {names:?} {address}");
    Some(Validator::new(&[state.as_bytes(), query.as_bytes()], published.filter(|_| labels.is_none())))
}
