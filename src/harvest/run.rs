//! A run: what is asked for first, and what came of it.
//!
//! The fetching side asks for a page as soon as the one before it is parsed, one request at a time. The committing
//! side writes each page to the log, the checkpoint, and brings the views up to it.

use std::time::Duration;

use chrono::Utc;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::client::{Client, Traffic};
use super::context::context_of;
use super::error::FetchError;
use super::fetch::{Fetcher, fetch};
use super::follow::{Followed, Follower, ListSoFar, deadline};
use super::list::read_identify;
use super::plan::{Facts, Options, Step, plan};
use super::probe::ProbeError;
use super::stop::Stop;
use crate::config::{Config, Source};
use crate::log::{Counters, Log, LogError, SourceRow};
use crate::mirror::{Growth, Mirror, MirrorError};
use crate::oai::{Datestamp, Granularity, Identify, ListVerb, Request};
use crate::rdf::{ContextError, Reader};

/// What a run wishes beside its window.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunOptions {
    /// The window.
    pub window: Options,
    /// Stop after this many records; the list stays open for the next run.
    pub max_records: Option<u64>,
    /// End after this time, at a checkpoint; the list stays open for the next run.
    pub max_duration: Option<Duration>,
}

/// How a run ended.
#[derive(Debug)]
pub enum Outcome {
    /// The end of the list came.
    Complete {
        /// How many records the list promised (`completeListSize`), where fewer came.
        promised: Option<u64>,
        /// No answer said that it was the end: the server refused the token of the last page, again and again.
        doubtful: bool,
    },
    /// The time that was given is up; the next run goes on.
    TimeUp,
    /// As many records came as were asked for; the next run goes on.
    Enough,
    /// The user stopped it; the next run goes on.
    Interrupted,
    /// The source gave out; the next run goes on.
    Unavailable(FetchError),
}

/// What a run did.
#[derive(Debug)]
pub struct HarvestReport {
    /// The source.
    pub source: String,
    /// Whether it went on with an open list.
    pub resumed: bool,
    /// The lower bound that was asked for, if any.
    pub from: Option<String>,
    /// The figures of this run.
    pub counters: Counters,
    /// Records of this run that were quarantined.
    pub quarantined: u64,
    /// Records of this run with bytes that are no text, which were replaced to read them.
    pub repaired: u64,
    /// What was asked and answered.
    pub traffic: Traffic,
    /// How it ended.
    pub outcome: Outcome,
    /// The snapshot that was published, if anything changed.
    pub snapshot: Option<u64>,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    /// The figures so far.
    pub counters: Counters,
    /// The newest datestamp of the last page.
    pub reached: Option<Datestamp>,
    /// The server's idea of the size of the list.
    pub complete_list_size: Option<u64>,
}

/// Faults on this side of the line.
#[derive(Debug, thiserror::Error)]
pub enum HarvestError {
    /// The mirror.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The chosen prefix is no good.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The context is no context.
    #[error("{0}\nhint: set `context` of the source to the right URL")]
    Context(#[from] ContextError),
    /// The source cannot be reached before anything began.
    #[error("{0}\nhint: check the address and the network; nothing was lost, run the same command again")]
    Unavailable(FetchError),
    /// There is no source at the address, or it lets nobody in: asking again leads nowhere.
    #[error("{0}\nhint: {hint}", hint = advice(.0))]
    NoSource(FetchError),
    /// The source refuses what was asked for.
    #[error("{0}\nhint: check the set, the prefix and the bounds that are asked for")]
    Refused(FetchError),
    /// This program broke down.
    #[error(transparent)]
    Fault(FetchError),
    /// The runtime cannot start.
    #[error("the network side cannot start: {0}")]
    Runtime(std::io::Error),
}

impl HarvestError {
    /// What it means that the source does not say who it is.
    pub(super) fn unidentified(error: FetchError) -> Self {
        match error {
            FetchError::Fault(_) => Self::Fault(error),
            error if error.is_permanent() => Self::NoSource(error),
            error => Self::Unavailable(error),
        }
    }
}

/// What to do about a status that will not change by itself.
fn advice(error: &FetchError) -> &'static str {
    match error {
        FetchError::Status { status: 401 | 403, .. } => "it lets nobody in without leave: ask those who run it",
        _ => "check the address (`url` of the source, or --url): no OAI-PMH server answers there",
    }
}

fn now() -> i64 {
    Utc::now().timestamp_millis()
}

/// Pages that wait between the two sides.
pub(super) const WAITING: usize = 1;

/// The runtime of the network side.
pub(super) fn runtime() -> Result<Runtime, HarvestError> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(HarvestError::Runtime)
}

/// Asks the source who it is.
pub(super) fn identify(runtime: &Runtime, client: &Client, config: &Config) -> Result<Identify, FetchError> {
    let settings = config.harvest.clone();
    runtime.block_on(client.ask(&Request::Identify, move |input| read_identify(input, &settings))).map(|(identify, _)| identify)
}

/// Harvests one source.
pub fn run(
    mirror: &mut Mirror,
    source: &Source,
    config: &Config,
    options: &RunOptions,
    stop: &Stop,
    progress: &mut dyn FnMut(&Progress),
) -> Result<HarvestReport, HarvestError> {
    let runtime = runtime()?;
    let result = Run { mirror: &mut *mirror, source, config, options, stop }.go(&runtime, progress);
    runtime.shutdown_background();
    if let Some(message) = trouble(&result)
        && let Err(error) = mirror.log.note_trouble(&source.name, now(), &message)
    {
        tracing::warn!("the log cannot note why the run ended: {error}");
    }
    result
}

/// Why a run ended early, if that was not the user's wish.
fn trouble(result: &Result<HarvestReport, HarvestError>) -> Option<String> {
    match result {
        Ok(HarvestReport { outcome: Outcome::Unavailable(error), .. }) => Some(error.to_string()),
        Ok(_) => None,
        Err(error) => Some(error.to_string()),
    }
}

struct Run<'a> {
    mirror: &'a mut Mirror,
    source: &'a Source,
    config: &'a Config,
    options: &'a RunOptions,
    stop: &'a Stop,
}

impl Run<'_> {
    fn go(self, runtime: &Runtime, progress: &mut dyn FnMut(&Progress)) -> Result<HarvestReport, HarvestError> {
        let deadline = deadline(self.options.max_duration);
        // What an earlier run left undone comes first: it needs no network.
        let caught_up = self.mirror.catch_up(|_| !self.stop.is_stopped())?;
        let client = Client::new(&self.source.url, &self.config.harvest, self.stop.clone()).map_err(HarvestError::Unavailable)?;
        let mut report = HarvestReport {
            source: self.source.name.clone(),
            resumed: false,
            from: None,
            counters: Counters::default(),
            quarantined: caught_up.quarantined,
            repaired: caught_up.repaired,
            traffic: Traffic::default(),
            outcome: Outcome::Interrupted,
            snapshot: None,
        };
        let identify = match identify(runtime, &client, self.config) {
            Ok(identify) => identify,
            Err(error @ FetchError::Protocol(_)) => return Err(HarvestError::Refused(error)),
            Err(FetchError::Stopped) => return Ok(report),
            Err(error) => return Err(HarvestError::unidentified(error)),
        };
        tracing::info!(
            source = self.source.name,
            repository = identify.repository_name,
            granularity = identify.granularity.as_str(),
            "identified"
        );
        let row = self.mirror.log.enter_source(self.source)?;
        let context = context_of(&self.mirror.log, runtime, &client, self.source, &row)?;
        if let Some(context) = &context {
            context.accept(&mut self.mirror.log, row.id)?;
        }
        let context = context.map(|context| context.context);
        let reader = Reader::new(row.format, context, self.config.harvest.depth);
        self.mirror.log.set_granularity(row.id, identify.granularity)?;

        let window = self.options.window.kind();
        let stop = self.stop;
        let fetching = Fetching {
            source: self.source,
            config: self.config,
            options: self.options,
            stop,
            runtime,
            client: &client,
            deadline,
            granularity: identify.granularity,
        };
        let source_id = row.id;
        let ((), followed) = self
            .mirror
            .grow(|| stop.is_stopped(), |log, growth| fetching.fetch(log, growth, row, &reader, &mut report, progress))?;
        report.quarantined += followed.quarantined;
        report.repaired += followed.repaired;
        report.traffic = client.traffic();
        let changed = report.counters.changed_anything() || caught_up.records > 0 || !self.mirror.is_current()?;
        if changed && !stop.is_stopped() {
            // A list that goes on is put in order at its end.
            let complete = matches!(report.outcome, Outcome::Complete { .. });
            let whole = if complete { self.mirror.log.harvests(source_id, window, 1)? } else { Vec::new() };
            let created = whole.first().map_or(0, |harvest| harvest.counters.created);
            report.snapshot = Some(self.mirror.publish_in_order(created)?);
        }
        Ok(report)
    }
}

/// What the fetching of one list needs.
struct Fetching<'a> {
    source: &'a Source,
    config: &'a Config,
    options: &'a RunOptions,
    stop: &'a Stop,
    runtime: &'a Runtime,
    client: &'a Client,
    deadline: Option<Instant>,
    granularity: Granularity,
}

impl Fetching<'_> {
    /// Fetches the list to its end, or as far as it goes, while the views follow.
    fn fetch(
        &self,
        log: &mut Log,
        growth: &Growth<'_>,
        row: SourceRow,
        reader: &Reader,
        report: &mut HarvestReport,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<(), HarvestError> {
        let first = row.live + row.deleted == 0;
        let mut step = self.plan(log, &row)?;
        report.resumed = !matches!(step, Step::Begin { .. });
        let harvest = match &step {
            Step::Begin { kind, from, until } => {
                report.from.clone_from(from);
                log.begin_harvest(row.id, *kind, from.as_deref(), until.as_deref(), now())?
            }
            Step::Reopen { harvest, from, .. } => {
                report.from.clone_from(from);
                *harvest
            }
            Step::Resume { harvest, .. } => *harvest,
        };
        let before = log.harvests(row.id, self.options.window.kind(), 1)?;
        let mut follower = Follower {
            log,
            growth: Some(growth),
            row,
            harvest,
            granularity: self.granularity,
            window: self.options.window,
            overlap_s: self.config.harvest.overlap_s,
            stop: self.stop,
            deadline: self.deadline,
            before: before.first().map_or(0, |harvest| harvest.counters.received),
            done: Progress::default(),
            list: ListSoFar::default(),
        };
        report.outcome = loop {
            let (sender, mut parts) = mpsc::channel(WAITING);
            let received = follower.done.counters.received;
            let fetcher = Fetcher {
                client: self.client.clone(),
                source: self.source.clone(),
                settings: self.config.harvest.clone(),
                verb: ListVerb::Records,
                probe: (first && received == 0).then(|| reader.clone()),
                remaining: self.options.max_records.map(|most| most.saturating_sub(received)),
                in_span: false,
                sender,
            };
            self.runtime.spawn(fetch(fetcher, step));
            match follower.follow(self.runtime, &mut parts, progress)? {
                Followed::Ended(outcome) => break outcome,
                Followed::Again(again) => step = again,
            }
        };
        report.counters = follower.done.counters;
        Ok(())
    }

    fn plan(&self, log: &Log, row: &SourceRow) -> Result<Step, LogError> {
        let newest = log.harvests(row.id, self.options.window.kind(), 1)?;
        let complete = log.last_complete(row.id)?;
        let facts = Facts {
            newest: newest.first(),
            complete: complete.as_ref(),
            granularity: self.granularity,
            overlap_s: self.config.harvest.overlap_s,
        };
        Ok(plan(&facts, &self.options.window))
    }
}
