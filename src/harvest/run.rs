//! A run: fetching and parsing on one side, committing and following on the other.
//!
//! The fetching side asks for a page as soon as the one before it is parsed, one request at a time. The committing
//! side writes each page to the log, the checkpoint, and brings the views up to it. Between them waits at most one
//! page, so memory does not grow with the list. Whatever stops either side, the log is whole and the next run goes on.

use std::sync::Arc;

use chrono::Utc;
use tokio::sync::mpsc;

use super::client::{Client, FetchError, Stop};
use super::fetch::{Fetched, Fetcher, fetch};
use super::list::{Part, read_identify};
use super::plan::{Facts, Options, Step, plan, reopen};
use super::probe::ProbeError;
use crate::config::{Config, Source};
use crate::log::{Counters, HarvestId, LogError, NewPage, SourceRow};
use crate::mirror::{Mirror, MirrorError};
use crate::oai::{Datestamp, Granularity, Request};
use crate::rdf::{Context, ContextError, Reader};

/// What a run wishes beside its window.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunOptions {
    /// The window.
    pub window: Options,
    /// Stop after this many records; the list stays open for the next run.
    pub max_records: Option<u64>,
}

/// How a run ended.
#[derive(Debug)]
pub enum Outcome {
    /// The end of the list came.
    Complete,
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
    /// The source refuses what was asked for.
    #[error("{0}\nhint: check the set, the prefix and the bounds that are asked for")]
    Refused(FetchError),
    /// The runtime cannot start.
    #[error("the network side cannot start: {0}")]
    Runtime(std::io::Error),
}

fn now() -> i64 {
    Utc::now().timestamp_millis()
}

/// Pages that wait between the two sides.
const WAITING: usize = 1;

/// Harvests one source.
pub fn run(
    mirror: &mut Mirror,
    source: &Source,
    config: &Config,
    options: &RunOptions,
    stop: &Stop,
    progress: &mut dyn FnMut(&Progress),
) -> Result<HarvestReport, HarvestError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(HarvestError::Runtime)?;
    let result = Run { mirror, source, config, options, stop }.go(&runtime, progress);
    runtime.shutdown_background();
    result
}

struct Run<'a> {
    mirror: &'a mut Mirror,
    source: &'a Source,
    config: &'a Config,
    options: &'a RunOptions,
    stop: &'a Stop,
}

/// A harvest that is under way.
struct Started {
    row: SourceRow,
    harvest: HarvestId,
    granularity: Granularity,
}

impl Run<'_> {
    fn go(
        mut self,
        runtime: &tokio::runtime::Runtime,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<HarvestReport, HarvestError> {
        // What an earlier run left undone comes first: it needs no network.
        let caught_up = self.mirror.catch_up(|_| !self.stop.is_stopped())?;
        let client = Client::new(&self.source.url, &self.config.harvest, self.stop.clone()).map_err(HarvestError::Unavailable)?;
        let settings = self.config.harvest.clone();
        let identify = match runtime.block_on(client.ask(&Request::Identify, move |input| read_identify(input, &settings))) {
            Ok(identify) => identify,
            Err(error @ FetchError::Protocol(_)) => return Err(HarvestError::Refused(error)),
            Err(FetchError::Stopped) => return Ok(self.report(false, None, Progress::default(), 0, Outcome::Interrupted)),
            Err(error) => return Err(HarvestError::Unavailable(error)),
        };
        tracing::info!(
            source = self.source.name,
            repository = identify.repository_name,
            granularity = identify.granularity.as_str(),
            "identified"
        );
        let row = self.mirror.log.enter_source(self.source)?;
        let reader = Reader::new(row.format, self.context(runtime, &client)?);
        self.mirror.log.set_granularity(row.id, identify.granularity)?;

        let first = row.live + row.deleted == 0;
        let step = self.plan(&row, identify.granularity)?;
        let resumed = !matches!(step, Step::Begin { .. });
        let (harvest, from) = match &step {
            Step::Begin { kind, from, until } => {
                (self.mirror.log.begin_harvest(row.id, *kind, from.as_deref(), until.as_deref(), now())?, from.clone())
            }
            Step::Reopen { harvest, from, .. } => (*harvest, from.clone()),
            Step::Resume { harvest, .. } => (*harvest, None),
        };
        let (sender, parts) = mpsc::channel(WAITING);
        let fetcher = Fetcher {
            client,
            source: self.source.clone(),
            settings: self.config.harvest.clone(),
            reader,
            probe: first,
            max_records: self.options.max_records,
            sender,
        };
        runtime.spawn(fetch(fetcher, step));
        let started = Started { row, harvest, granularity: identify.granularity };
        let (done, quarantined, outcome) = self.follow(&started, parts, progress)?;
        let mut report = self.report(resumed, from, done, quarantined + caught_up.quarantined, outcome);
        let changed = done.counters.changed_anything() || caught_up.records > 0 || !self.mirror.is_published();
        if changed && !self.stop.is_stopped() {
            report.snapshot = Some(self.mirror.publish()?);
        }
        Ok(report)
    }

    fn report(&self, resumed: bool, from: Option<String>, done: Progress, quarantined: u64, outcome: Outcome) -> HarvestReport {
        HarvestReport {
            source: self.source.name.clone(),
            resumed,
            from,
            counters: done.counters,
            quarantined,
            outcome,
            snapshot: None,
        }
    }

    fn plan(&self, row: &SourceRow, granularity: Granularity) -> Result<Step, LogError> {
        let newest = self.mirror.log.harvests(row.id, self.options.window.kind(), 1)?;
        let complete = self.mirror.log.last_complete(row.id)?;
        let facts =
            Facts { newest: newest.first(), complete: complete.as_ref(), granularity, overlap_s: self.config.harvest.overlap_s };
        Ok(plan(&facts, &self.options.window))
    }

    /// The JSON-LD context of the source: from the log, or fetched once and kept there.
    fn context(&self, runtime: &tokio::runtime::Runtime, client: &Client) -> Result<Option<Arc<Context>>, HarvestError> {
        let Some(url) = self.source.context.as_ref() else { return Ok(None) };
        let known = self.mirror.log.document(url.as_str())?;
        let body = match known {
            Some(body) => body,
            None if self.source.format != crate::rdf::PayloadFormat::JsonLd => return Ok(None),
            None => {
                let body = runtime.block_on(client.document(url)).map_err(HarvestError::Unavailable)?;
                let context = Context::new(url.as_str(), &body)?;
                self.mirror.log.keep_document(url.as_str(), now(), &body)?;
                if !context.dropped().is_empty() {
                    tracing::warn!(
                        "the JSON-LD context {url} defines terms that expand to something else, which are dropped: {}",
                        context.dropped().join(", ")
                    );
                }
                body
            }
        };
        Ok(Some(Arc::new(Context::new(url.as_str(), &body)?)))
    }

    /// Commits what arrives until the fetching side says how it ended.
    fn follow(
        &mut self,
        started: &Started,
        mut parts: mpsc::Receiver<Fetched>,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<(Progress, u64, Outcome), HarvestError> {
        let (mut done, mut quarantined) = (Progress::default(), 0);
        while let Some(fetched) = parts.blocking_recv() {
            match fetched {
                Fetched::Part(part) => {
                    // A page that waits when the user stops is asked for again by the next run.
                    if self.stop.is_stopped() {
                        return Ok((done, quarantined, Outcome::Interrupted));
                    }
                    self.commit(started, &part, &mut done)?;
                    progress(&done);
                    let stop = self.stop;
                    quarantined += self.mirror.catch_up(|_| !stop.is_stopped())?.quarantined;
                }
                Fetched::Expired(answer) => {
                    self.mirror.log.drop_token(started.harvest)?;
                    let newest = self.mirror.log.harvests(started.row.id, self.options.window.kind(), 1)?;
                    let facts = Facts {
                        newest: None,
                        complete: None,
                        granularity: started.granularity,
                        overlap_s: self.config.harvest.overlap_s,
                    };
                    // The other side has gone if this fails, and says why below.
                    let _ = newest.first().map(|harvest| answer.send(reopen(harvest, &facts)));
                }
                Fetched::Done => return Ok((done, quarantined, Outcome::Complete)),
                Fetched::Failed(FetchError::Enough) => return Ok((done, quarantined, Outcome::Enough)),
                Fetched::Failed(FetchError::Stopped) => return Ok((done, quarantined, Outcome::Interrupted)),
                Fetched::Failed(error @ FetchError::Protocol(_)) if done.counters.pages == 0 => {
                    self.mirror.log.forget_empty_source(started.row.id)?;
                    return Err(HarvestError::Refused(error));
                }
                Fetched::Failed(error) => return Ok((done, quarantined, Outcome::Unavailable(error))),
                Fetched::Useless(error) => {
                    self.mirror.log.forget_empty_source(started.row.id)?;
                    return Err(error.into());
                }
            }
        }
        Ok((done, quarantined, Outcome::Interrupted))
    }

    fn commit(&mut self, started: &Started, part: &Part, done: &mut Progress) -> Result<(), LogError> {
        let token = part.end.as_ref().and_then(|end| end.token.as_ref());
        let report = self.mirror.log.append(&NewPage {
            source: started.row.id,
            harvest: started.harvest,
            response_date: part.response_date,
            records: &part.records,
            opens_list: part.opens_list,
            token,
            whole: part.end.is_some(),
            last: part.end.is_some() && token.is_none(),
            now: now(),
        })?;
        done.counters.add(&report.counters);
        done.reached = part.records.iter().filter_map(|record| record.header.datestamp).max().or(done.reached);
        done.complete_list_size = part.end.as_ref().and_then(|end| end.complete_list_size).or(done.complete_list_size);
        tracing::info!(
            page = report.page.0,
            records = part.records.len(),
            changed = report.counters.created + report.counters.changed,
            "page"
        );
        Ok(())
    }
}
