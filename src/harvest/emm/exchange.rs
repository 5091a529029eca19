//! The requests, the commits and the limits of a run.

use std::io::BufRead;
use std::time::Duration;

use rustc_hash::FxHashSet;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::config::{EmmSource, Harvest};
use crate::emm::{EmmError, Endpoint, EntityRecord};
use crate::harvest::client::Client;
use crate::harvest::context::{Acceptance, RunContext, context_of};
use crate::harvest::error::FetchError;
use crate::harvest::outcome::{HarvestError, Outcome, Progress};
use crate::harvest::scope::{Run, now};
use crate::log::{HarvestId, Log, LogError, NewPage, Origin, SourceRow, Undelivered};
use crate::mirror::Growth;
use crate::oai::{Record, ResumptionToken};

/// Why a run ends before its end.
#[derive(Debug)]
pub(super) enum Halt {
    /// It ends in order; the next run resumes.
    Outcome(Outcome),
    /// It fails.
    Error(HarvestError),
}

impl From<HarvestError> for Halt {
    fn from(error: HarvestError) -> Self {
        Self::Error(error)
    }
}

impl From<LogError> for Halt {
    fn from(error: LogError) -> Self {
        Self::Error(error.into())
    }
}

impl From<FetchError> for Halt {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Stopped => Self::Outcome(Outcome::Interrupted),
            FetchError::Enough => Self::Outcome(Outcome::Enough),
            error @ FetchError::Fault(_) => Self::Error(HarvestError::Fault(error)),
            error => Self::Outcome(Outcome::Unavailable(error)),
        }
    }
}

/// What is committed together.
#[derive(Default)]
pub(super) struct Batch<'a> {
    pub(super) records: &'a [Record],
    pub(super) undelivered: &'a [Undelivered],
    pub(super) token: Option<&'a ResumptionToken>,
    /// Whether the token counts: a part of a page leaves it alone.
    pub(super) whole: bool,
    /// Whether the harvest is complete.
    pub(super) last: bool,
}

/// A run.
pub(super) struct Exchange<'a> {
    pub(super) log: &'a mut Log,
    /// The views that follow meanwhile, if any do.
    pub(super) growth: Option<&'a Growth>,
    pub(super) row: SourceRow,
    pub(super) source: &'a EmmSource,
    pub(super) harvest: HarvestId,
    pub(super) client: Client,
    pub(super) endpoint: &'a Endpoint,
    pub(super) run: Run<'a>,
    pub(super) done: Progress,
    pub(super) progress: &'a mut dyn FnMut(&Progress),
    /// The context that the dump of this run names.
    pub(super) context: Option<(String, Vec<u8>)>,
    /// Whether the run was accepted: its settings and its context are in the log.
    pub(super) accepted: bool,
    /// The classes that the log has noted.
    pub(super) classes: FxHashSet<String>,
    /// Whether dumps are only listed, for an audit, and not kept.
    pub(super) listing: bool,
}

/// The media types that are asked for.
pub(super) const ACTIVITIES: &str = "application/activity+json, application/ld+json;q=0.9, application/json;q=0.8";
pub(super) const DUMPS: &str = "application/json, application/activity+json;q=0.9";
pub(super) const DATA: &str = "application/ld+json";

impl Exchange<'_> {
    pub(super) fn settings(&self) -> &Harvest {
        &self.run.config.harvest
    }

    /// Ends the run where the user or a limit says so.
    pub(super) fn check(&self) -> Result<(), Halt> {
        let outcome = if self.run.stop.is_stopped() {
            Outcome::Interrupted
        } else if self.run.options.max_records.is_some_and(|most| self.done.counters.received >= most) {
            Outcome::Enough
        } else if self.run.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            Outcome::TimeUp
        } else {
            return Ok(());
        };
        Err(Halt::Outcome(outcome))
    }

    /// Sends a request; `each` gets what `read` hands over meanwhile.
    pub(super) fn ask<P: Send + 'static, T: Send + 'static>(
        &mut self,
        url: &Url,
        accept: &'static str,
        read: impl Fn(Box<dyn BufRead + Send>, &mpsc::Sender<P>) -> Result<T, FetchError> + Clone + Send + Sync + 'static,
        mut each: impl FnMut(&mut Self, P) -> Result<(), Halt>,
    ) -> Result<Result<T, FetchError>, Halt> {
        // One part waits at most.
        let (sender, mut parts) = mpsc::channel(1);
        let (client, url, runtime) = (self.client.clone(), url.clone(), self.run.runtime);
        let task = runtime.spawn(async move { client.get(&url, accept, move |input| read(input, &sender)).await });
        loop {
            let in_time = match self.run.deadline {
                None => Ok(parts.blocking_recv()),
                Some(deadline) => runtime.block_on(async { timeout_at(deadline, parts.recv()).await }),
            };
            let Ok(part) = in_time else {
                task.abort();
                return Err(Halt::Outcome(Outcome::TimeUp));
            };
            let Some(part) = part else { break };
            if let Err(halt) = self.check().and_then(|()| each(self, part)) {
                task.abort();
                return Err(halt);
            }
        }
        Ok(runtime.block_on(task).unwrap_or_else(|error| Err(FetchError::Fault(error.to_string()))))
    }

    /// Sends a request whose answer is short.
    pub(super) fn ask_short<T: Send + 'static>(
        &mut self,
        url: &Url,
        accept: &'static str,
        read: impl Fn(Box<dyn BufRead + Send>) -> Result<T, FetchError> + Clone + Send + Sync + 'static,
    ) -> Result<Result<T, FetchError>, Halt> {
        self.ask(url, accept, move |input, _: &mpsc::Sender<()>| read(input), |_, ()| Ok(()))
    }

    /// Waits, unless the run is to end.
    pub(super) fn wait(&self, time: Duration) -> Result<(), Halt> {
        let until = Instant::now() + time;
        let until = self.run.deadline.map_or(until, |deadline| deadline.min(until));
        self.run.runtime.block_on(async {
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                () = self.run.stop.stopped() => {}
            }
        });
        self.check()
    }

    /// Notes what the feed will call these records.
    pub(super) fn note(&mut self, records: &[EntityRecord], with_classes: bool) -> Result<(), LogError> {
        let entities: Vec<(&str, &str)> = records
            .iter()
            .filter_map(|record| Some((record.entity.as_deref()?, record.record.header.identifier.as_str())))
            .filter(|(entity, identifier)| entity.split('#').next() != Some(identifier))
            .collect();
        let classes: FxHashSet<&str> = records
            .iter()
            .filter(|_| with_classes)
            .flat_map(|record| record.classes.iter().map(String::as_str))
            .filter(|class| !self.classes.contains(*class))
            .collect();
        if entities.is_empty() && classes.is_empty() {
            return Ok(());
        }
        self.log.note_entities(self.row.id, entities.into_iter(), classes.iter().copied())?;
        let new: Vec<String> = classes.into_iter().map(str::to_owned).collect();
        self.classes.extend(new);
        Ok(())
    }

    /// The source answered as it should: its settings and its context are kept, before any record that needs them.
    fn accept(&mut self, needs_context: bool) -> Result<(), Halt> {
        if self.accepted {
            return Ok(());
        }
        let context = match (&self.source.context, self.context.take()) {
            (Some(_), _) => context_of(self.log, self.run.runtime, &self.client, self.source.context.as_ref(), &self.row)?,
            (None, Some((id, document))) => RunContext::of_dump(self.log, &id, document)?,
            (None, None) if needs_context && self.row.context.is_none() => {
                let problem = "the dump names no JSON-LD context: set `context` of the source to its URL".to_owned();
                let url = self.source.url.to_string();
                return Err(FetchError::Emm { url, source: EmmError::Invalid(problem) }.into());
            }
            (None, None) => None,
        };
        Acceptance { granularity: None, context }.accept(self.log, self.row.id)?;
        self.log.keep_settings(self.row.id, &self.source.settings())?;
        self.accepted = true;
        Ok(())
    }

    /// Commits records with what the next run needs to resume.
    pub(super) fn commit(&mut self, batch: &Batch<'_>, needs_context: bool) -> Result<(), Halt> {
        if !batch.records.is_empty() || batch.last {
            // A run that brought nothing asks for no context.
            if batch.records.is_empty() && !self.accepted {
                self.log.keep_settings(self.row.id, &self.source.settings())?;
            } else {
                self.accept(needs_context)?;
            }
        }
        let page = NewPage {
            source: self.row.id,
            harvest: self.harvest,
            response_date: None,
            records: batch.records,
            undelivered: batch.undelivered,
            // Dumps are in no order.
            origin: Origin::ByName,
            token: batch.token,
            whole: batch.whole,
            last: batch.last,
            doubtful: false,
            now: now(),
        };
        let report = self.log.append(&page)?;
        self.done.counters.add(&report.counters);
        self.done.reached = batch.records.iter().filter_map(|record| record.header.datestamp).max().or(self.done.reached);
        tracing::info!(
            page = report.page.0,
            records = batch.records.len(),
            changed = report.counters.created + report.counters.changed,
            "page"
        );
        (self.progress)(&self.done);
        // Views that failed report their error themselves.
        if self.growth.is_some_and(|growth| !growth.page()) { Err(Halt::Outcome(Outcome::Interrupted)) } else { Ok(()) }
    }
}
