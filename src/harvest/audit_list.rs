//! The list of an audit: the identifiers of the whole set, and then those of what changed meanwhile.
//!
//! A record that changes while the list is fetched leaves it, if the server froze the upper bound, as Libris does. It would look
//! gone, were it not for the second, short list of what is new since the first one began.

use chrono::Utc;
use tokio::runtime::Runtime;

use super::client::Client;
use super::error::FetchError;
use super::fetch::{Fetcher, report_end};
use super::list::{End, Part};
use super::messages::{FromFetcher, channel};
use super::outcome::HarvestError;
use super::plan::{Bounds, Facts, Options, Step, plan, reopen_from_start};
use super::resume::{Continuation, ListProgress, Loss};
use crate::config::{Config, OaiSource};
use crate::log::{AuditPage, HarvestId, HarvestKind, HarvestRow, LogError, SourceRow};
use crate::mirror::Mirror;
use crate::oai::{Granularity, ListVerb};
use crate::stop::Stop;

/// How the list of identifiers ended.
pub(super) enum AuditListEnd {
    /// All of it came.
    Whole {
        /// No answer ended it.
        doubtful: bool,
    },
    /// It is open, and the next audit resumes it.
    Open(FetchError),
}

/// How one of the two lists ended.
enum OneListEnd {
    Whole,
    Open(FetchError),
    /// The order of the list is refuted: all of it is fetched again from this step.
    Restart(Step),
}

/// The list of identifiers of an audit.
pub(super) struct AuditList<'a> {
    mirror: &'a mut Mirror,
    source: &'a OaiSource,
    config: &'a Config,
    stop: &'a Stop,
    row: SourceRow,
    bounds: Bounds,
    audit: HarvestId,
    first: Step,
    /// When an earlier audit began the list, milliseconds since 1970.
    resumed: Option<i64>,
    listed: u64,
    progress: ListProgress,
}

fn now() -> i64 {
    Utc::now().timestamp_millis()
}

impl<'a> AuditList<'a> {
    /// Begins a list, or resumes the one that an earlier audit left open.
    pub(super) fn begin(
        mirror: &'a mut Mirror,
        source: &'a OaiSource,
        config: &'a Config,
        stop: &'a Stop,
        row: &SourceRow,
        granularity: Granularity,
    ) -> Result<Self, LogError> {
        let newest = mirror.log.newest_audit(row.id)?;
        let bounds = Bounds { granularity, overlap_s: config.harvest.overlap_s };
        let facts = Facts { newest: newest.as_ref(), complete: None, undoubted: None, bounds };
        let first = plan(&facts, &Options::default());
        let resumed = newest.filter(|_| !matches!(first, Step::Begin { .. }));
        let audit = match &first {
            Step::Begin { .. } => mirror.log.begin_audit(row.id, now())?,
            Step::Resume { harvest, .. } => *harvest,
            Step::Reopen { harvest, .. } => {
                mirror.log.reopen_audit(*harvest, first.assumed_from())?;
                *harvest
            }
        };
        let listed = resumed.as_ref().map_or(0, |audit| audit.counters.received);
        let since_opened = resumed.as_ref().map_or(0, |audit| audit.since_opened);
        Ok(Self {
            mirror,
            source,
            config,
            stop,
            row: row.clone(),
            bounds,
            audit,
            first,
            resumed: resumed.map(|audit| audit.started_at),
            listed,
            progress: ListProgress::resumed(since_opened),
        })
    }

    /// When an earlier audit began the list, milliseconds since 1970, if this one resumes it.
    pub(super) fn resumed(&self) -> Option<i64> {
        self.resumed
    }

    /// Fetches the list to its end; `progress` gets the number of identifiers that came.
    pub(super) fn fetch(
        mut self,
        runtime: &Runtime,
        client: &Client,
        progress: &mut dyn FnMut(u64),
    ) -> Result<AuditListEnd, HarvestError> {
        let mut step = self.first.clone();
        loop {
            match self.list(runtime, client, step, false, progress)? {
                OneListEnd::Whole => {}
                OneListEnd::Open(error) => return Ok(AuditListEnd::Open(error)),
                OneListEnd::Restart(again) => {
                    step = again;
                    continue;
                }
            }
            let doubtful = self.progress.doubtful;
            self.progress = ListProgress::default();
            let begun = self.row_now()?.and_then(|audit| audit.first_response);
            let Some(begun) = begun else {
                let end = Some(End { token: None, complete_list_size: None });
                self.commit(&Part { end, ..Part::default() }, true)?;
                return Ok(AuditListEnd::Whole { doubtful });
            };
            let from = Some(self.bounds.at(begun.earlier_by(self.bounds.overlap_s)));
            let meanwhile = Step::Begin { kind: HarvestKind::Window, from, until: None };
            match self.list(runtime, client, meanwhile, true, progress)? {
                OneListEnd::Whole => return Ok(AuditListEnd::Whole { doubtful: doubtful || self.progress.doubtful }),
                OneListEnd::Open(error) => return Ok(AuditListEnd::Open(error)),
                OneListEnd::Restart(again) => step = again,
            }
        }
    }

    /// Fetches one list to its end, with which the audit is complete if it is the last.
    fn list(
        &mut self,
        runtime: &Runtime,
        client: &Client,
        step: Step,
        last: bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<OneListEnd, HarvestError> {
        let (sender, mut messages) = channel();
        let mut fetcher = Fetcher {
            client: client.clone(),
            source: self.source.clone(),
            settings: self.config.harvest.clone(),
            verb: ListVerb::Identifiers,
            probe: None,
            remaining: None,
            in_span: false,
            sender: sender.clone(),
        };
        let task = runtime.spawn(report_end(sender, Box::pin(async move { fetcher.list(step).await })));
        let mut end = OneListEnd::Open(FetchError::Stopped);
        while let Some(message) = messages.blocking_recv() {
            if self.stop.is_stopped() {
                break;
            }
            match message {
                FromFetcher::Part(part) => {
                    let early = self.take(part, last)?;
                    progress(self.listed);
                    if let Some(early) = early {
                        end = early;
                        break;
                    }
                }
                FromFetcher::Lost(loss, reply) => {
                    // This fails only if the fetching side ended, which the next message reports.
                    let _ = reply.send(self.continuation(loss)?);
                }
                FromFetcher::Which { reply, .. } => drop(reply),
                FromFetcher::Done => {
                    end = OneListEnd::Whole;
                    break;
                }
                FromFetcher::Failed(error @ FetchError::Fault(_)) => return Err(HarvestError::Fault(error)),
                FromFetcher::Failed(error) => {
                    end = OneListEnd::Open(error);
                    break;
                }
                FromFetcher::Useless(error) => return Err(error.into()),
            }
        }
        // It may still wait for an answer that nobody needs.
        task.abort();
        Ok(end)
    }

    /// Commits a part. Answers how the list ends if it ended too early, or is out of order.
    fn take(&mut self, part: Part, last: bool) -> Result<Option<OneListEnd>, LogError> {
        if part.opens_list {
            self.progress.opened(self.row_now()?.and_then(|audit| audit.newest));
        }
        self.listed += part.records.len() as u64;
        self.progress.came(&part);
        let ends = part.end.as_ref().is_some_and(|end| end.token.is_none());
        let promised = self.progress.broken_promise().filter(|_| ends);
        if self.commit(&part, last && ends && promised.is_none())? {
            let Some(audit) = self.row_now()? else { return Ok(None) };
            tracing::warn!("the list is not in the order of datestamps, as it seemed to be; it is opened again from its start");
            self.progress = ListProgress::restarted();
            self.mirror.log.reopen_audit(self.audit, None)?;
            return Ok(Some(OneListEnd::Restart(reopen_from_start(&audit))));
        }
        let Some(promised) = promised else { return Ok(None) };
        // If it got further, the next audit resumes it from there. Otherwise this was all.
        if self.row_now()?.is_some_and(|audit| self.progress.got_further(&audit)) {
            return Ok(Some(OneListEnd::Open(FetchError::Short { received: self.progress.received(), promised })));
        }
        self.commit(&Part { end: part.end, ..Part::default() }, last)?;
        self.progress.doubtful = true;
        Ok(None)
    }

    fn row_now(&self) -> Result<Option<HarvestRow>, LogError> {
        self.mirror.log.newest_audit(self.row.id)
    }

    /// Decides where the list continues after its position was lost, and notes it in the log.
    fn continuation(&mut self, loss: Loss) -> Result<Continuation, LogError> {
        let Some(audit) = self.row_now()? else { return Ok(Continuation::GiveUp) };
        let continuation = self.progress.lost(&audit, loss, self.bounds);
        if let Continuation::Reopen(step) = &continuation {
            self.mirror.log.reopen_audit(audit.id, step.assumed_from())?;
        }
        Ok(continuation)
    }

    /// Commits a part; answers whether it refutes the order of the list.
    fn commit(&mut self, part: &Part, last: bool) -> Result<bool, LogError> {
        let token = part.end.as_ref().and_then(|end| end.token.as_ref());
        self.mirror.log.append_audit(&AuditPage {
            audit: self.audit,
            source: self.row.id,
            headers: part.records.iter().map(|record| &record.header).collect(),
            response_date: part.response_date,
            opens_list: part.opens_list,
            token,
            whole: part.end.is_some(),
            last,
            now: now(),
        })
    }
}
