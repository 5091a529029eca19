//! A run: what it asks for first, and what came of it.
//!
//! The fetching side requests a page as soon as the one before it is parsed, one request at a time. The committing side writes
//! each page to the log, the checkpoint, and the views follow.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::runtime::Runtime;
use tokio::time::Instant;

use super::client::{Client, Traffic};
use super::commit::{Committer, ListEnd, deadline};
use super::connect::{identify, runtime};
use super::context::{Acceptance, context_of};
use super::error::FetchError;
use super::fetch::{Fetcher, report_end};
use super::messages::channel;
use super::outcome::{HarvestError, Outcome, Progress};
use super::plan::{Bounds, Facts, Options, Step, next_from, plan};
use super::resume::ListProgress;
use super::stop::Stop;
use crate::config::{Config, Source};
use crate::log::{Counters, HarvestKind, Log, LogError, SourceRow};
use crate::mirror::{Growth, Mirror};
use crate::oai::{Datestamp, ListVerb};
use crate::rdf::Reader;

/// The window and the limits of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunOptions {
    /// The window.
    pub window: Options,
    /// Ends the run after this many records; the next run resumes the list.
    pub max_records: Option<u64>,
    /// Ends the run after this time, at a checkpoint; the next run resumes the list.
    pub max_duration: Option<Duration>,
}

/// What a run did.
#[derive(Debug)]
pub struct HarvestReport {
    /// The source.
    pub source: String,
    /// Whether it resumed an open list.
    pub resumed: bool,
    /// The lower bound that was asked for, if any.
    pub from: Option<String>,
    /// The counters of this run.
    pub counters: Counters,
    /// Records of this run that were quarantined.
    pub quarantined: u64,
    /// Records of this run with invalid bytes, which were replaced to parse them.
    pub repaired: u64,
    /// Requests and bytes.
    pub traffic: Traffic,
    /// How it ended.
    pub outcome: Outcome,
    /// The list ended, but may lack records: the next regular harvest reaches back to this datestamp, or to the beginning.
    pub reaches_back: Option<Option<Datestamp>>,
    /// The snapshot that was published, if anything changed.
    pub snapshot: Option<u64>,
}

fn now() -> i64 {
    Utc::now().timestamp_millis()
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

/// Why a run ended early, unless the user ended it.
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
        // The views catch up first: this needs no network.
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
            reaches_back: None,
            snapshot: None,
        };
        let identify = match runtime.block_on(identify(&client, &self.config.harvest)) {
            Ok((identify, _)) => identify,
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
        let readable = context.as_ref().map(|context| Arc::clone(&context.context));
        let reader = Reader::new(row.format, readable, self.config.harvest.depth);

        let kind = self.options.window.kind();
        let stop = self.stop;
        let bounds = Bounds { granularity: identify.granularity, overlap_s: self.config.harvest.overlap_s };
        let list = ListRun {
            source: self.source,
            config: self.config,
            options: self.options,
            stop,
            runtime,
            client: &client,
            deadline,
            bounds,
            acceptance: Some(Acceptance { granularity: identify.granularity, context }),
        };
        let source_id = row.id;
        let ((), followed) =
            self.mirror.grow(|| stop.is_stopped(), |log, growth| list.run(log, growth, row, &reader, &mut report, progress))?;
        report.quarantined += followed.quarantined;
        report.repaired += followed.repaired;
        report.traffic = client.traffic();
        let changed = report.counters.changed_anything() || caught_up.records > 0 || !self.mirror.is_current()?;
        if changed && !stop.is_stopped() {
            // The store is compacted at the end of a list, if that brought much.
            let complete = matches!(report.outcome, Outcome::Complete { .. });
            let harvests = if complete { self.mirror.log.harvests(source_id, kind, 1)? } else { Vec::new() };
            let created = harvests.first().map_or(0, |harvest| harvest.counters.created);
            report.snapshot = Some(self.mirror.publish_in_order(created)?);
        }
        Ok(report)
    }
}

/// What the harvest of one list needs.
struct ListRun<'a> {
    source: &'a Source,
    config: &'a Config,
    options: &'a RunOptions,
    stop: &'a Stop,
    runtime: &'a Runtime,
    client: &'a Client,
    deadline: Option<Instant>,
    bounds: Bounds,
    acceptance: Option<Acceptance>,
}

impl ListRun<'_> {
    /// Harvests the list to its end or to the limits of the run, while the views follow.
    fn run(
        mut self,
        log: &mut Log,
        growth: &Growth<'_>,
        row: SourceRow,
        reader: &Reader,
        report: &mut HarvestReport,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<(), HarvestError> {
        let first = row.live + row.deleted == 0;
        let source_id = row.id;
        let mut step = self.plan(log, &row)?;
        report.resumed = !matches!(step, Step::Begin { .. });
        let harvest = match &step {
            Step::Begin { kind, from, until } => {
                report.from.clone_from(from);
                log.begin_harvest(row.id, *kind, from.as_deref(), until.as_deref(), now())?
            }
            Step::Reopen { harvest, from, .. } => {
                report.from.clone_from(from);
                log.reopen_harvest(*harvest, step.assumed_from())?;
                *harvest
            }
            Step::Resume { harvest, .. } => *harvest,
        };
        let received_before = log.harvest(harvest)?.map_or(0, |harvest| harvest.since_opened);
        let mut committer = Committer {
            log: &mut *log,
            growth: Some(growth),
            row,
            harvest,
            bounds: self.bounds,
            stop: self.stop,
            deadline: self.deadline,
            done: Progress::default(),
            list: ListProgress::resumed(received_before),
            acceptance: self.acceptance.take(),
        };
        report.outcome = loop {
            let (sender, mut messages) = channel();
            let received = committer.done.counters.received;
            let mut fetcher = Fetcher {
                client: self.client.clone(),
                source: self.source.clone(),
                settings: self.config.harvest.clone(),
                verb: ListVerb::Records,
                probe: (first && received == 0).then(|| reader.clone()),
                remaining: self.options.max_records.map(|most| most.saturating_sub(received)),
                in_span: false,
                sender: sender.clone(),
            };
            let fetching = async move { fetcher.list_around_killers(step).await };
            let task = self.runtime.spawn(report_end(sender, Box::pin(fetching)));
            let end = committer.commit_list(self.runtime, &mut messages, progress);
            // It may still wait for an answer that nobody needs.
            task.abort();
            match end? {
                ListEnd::Outcome(outcome) => break outcome,
                ListEnd::Reopen(again) => step = again,
            }
        };
        report.counters = committer.done.counters;
        let doubtful = log.harvest(harvest)?.is_some_and(|harvest| harvest.doubtful);
        if doubtful && self.options.window.kind() == HarvestKind::Regular {
            let (complete, undoubted) = (log.last_complete(source_id)?, log.last_undoubted(source_id)?);
            report.reaches_back = Some(next_from(&Facts {
                newest: None,
                complete: complete.as_ref(),
                undoubted: undoubted.as_ref(),
                bounds: self.bounds,
            }));
        }
        Ok(())
    }

    fn plan(&self, log: &Log, row: &SourceRow) -> Result<Step, LogError> {
        let newest = log.harvests(row.id, self.options.window.kind(), 1)?;
        let (complete, undoubted) = (log.last_complete(row.id)?, log.last_undoubted(row.id)?);
        let facts =
            Facts { newest: newest.first(), complete: complete.as_ref(), undoubted: undoubted.as_ref(), bounds: self.bounds };
        Ok(plan(&facts, &self.options.window))
    }
}
