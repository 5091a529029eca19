//! The committing side of a harvest: each part of an answer goes to the log, which is the checkpoint, and the views follow.

use std::time::Duration;

use chrono::Utc;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::context::Acceptance;
use super::error::FetchError;
use super::list::Part;
use super::messages::FromFetcher;
use super::outcome::{HarvestError, Outcome, Progress};
use super::plan::{Bounds, Step, reopen_from_start};
use super::resume::{Continuation, ListProgress, Loss};
use crate::log::{Counters, HarvestId, HarvestRow, Log, LogError, NewPage, Origin, SourceRow};
use crate::mirror::Growth;
use crate::stop::Stop;

/// Commits what one harvest fetches.
pub(super) struct Committer<'a> {
    pub(super) log: &'a mut Log,
    /// The views that follow meanwhile, if any do.
    pub(super) growth: Option<&'a Growth>,
    pub(super) row: SourceRow,
    pub(super) harvest: HarvestId,
    pub(super) bounds: Bounds,
    pub(super) stop: &'a Stop,
    /// When the run ends, at a checkpoint.
    pub(super) deadline: Option<Instant>,
    pub(super) done: Progress,
    pub(super) list: ListProgress,
    /// What is kept with the first part, or with the end of an empty list.
    pub(super) acceptance: Option<Acceptance>,
}

/// How the committing of a list ended.
pub(super) enum ListEnd {
    /// The run ends.
    Outcome(Outcome),
    /// The list is to be fetched again by this step: it ended long before it promised to, or its order was refuted.
    Reopen(Step),
}

fn now() -> i64 {
    Utc::now().timestamp_millis()
}

/// The next message, or an error at the deadline.
fn next_message(
    runtime: &Runtime,
    messages: &mut mpsc::Receiver<FromFetcher>,
    deadline: Option<Instant>,
) -> Result<Option<FromFetcher>, tokio::time::error::Elapsed> {
    match deadline {
        None => Ok(messages.blocking_recv()),
        Some(deadline) => runtime.block_on(async { timeout_at(deadline, messages.recv()).await }),
    }
}

/// The point in time that lies `after` from now.
pub(super) fn deadline(after: Option<Duration>) -> Option<Instant> {
    after.and_then(|after| Instant::now().checked_add(after))
}

impl Committer<'_> {
    /// Commits what arrives until the fetching side reports its end.
    pub(super) fn commit_list(
        &mut self,
        runtime: &Runtime,
        messages: &mut mpsc::Receiver<FromFetcher>,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<ListEnd, HarvestError> {
        let ended = |outcome| Ok(ListEnd::Outcome(outcome));
        loop {
            let Ok(message) = next_message(runtime, messages, self.deadline) else { return ended(Outcome::TimeUp) };
            match message {
                // The next run requests a part that waits here again.
                Some(_) if self.stop.is_stopped() => return ended(Outcome::Interrupted),
                Some(FromFetcher::Part(part)) => {
                    self.accept()?;
                    let again = self.commit(&part)?;
                    progress(&self.done);
                    if self.growth.is_some_and(|growth| !growth.page()) {
                        // The views failed, and report their error themselves.
                        return ended(Outcome::Interrupted);
                    }
                    if let Some(step) = again {
                        return Ok(ListEnd::Reopen(step));
                    }
                }
                Some(FromFetcher::Lost(loss, reply)) => {
                    // This fails only if the fetching side ended, which the next message reports.
                    let _ = reply.send(self.continuation(loss)?);
                }
                Some(FromFetcher::Which { headers, listed, reply }) => {
                    let since = listed.then_some(self.harvest);
                    let _ = reply.send(self.log.lacking(self.row.id, since, headers)?);
                }
                Some(FromFetcher::Done) => {
                    self.accept()?;
                    let (promised, received) = (self.list.broken_promise(), self.list.received());
                    return ended(Outcome::Complete { promised, received, doubtful: self.list.doubtful });
                }
                Some(FromFetcher::Failed(FetchError::Enough)) => return ended(Outcome::Enough),
                None | Some(FromFetcher::Failed(FetchError::Stopped)) => return ended(Outcome::Interrupted),
                Some(FromFetcher::Failed(error @ FetchError::Protocol(_))) if self.done.counters.pages == 0 => {
                    self.log.forget_empty_source(self.row.id)?;
                    return Err(HarvestError::Refused(error));
                }
                Some(FromFetcher::Failed(error @ FetchError::Fault(_))) => return Err(HarvestError::Fault(error)),
                Some(FromFetcher::Failed(error)) => return ended(Outcome::Unavailable(error)),
                Some(FromFetcher::Useless(error)) => {
                    self.log.forget_empty_source(self.row.id)?;
                    return Err(error.into());
                }
            }
        }
    }

    /// The source answered as it should: the run is accepted.
    fn accept(&mut self) -> Result<(), LogError> {
        self.acceptance.take().map_or(Ok(()), |acceptance| acceptance.accept(self.log, self.row.id))
    }

    /// Decides where the list continues after its position was lost, and notes it in the log.
    fn continuation(&mut self, loss: Loss) -> Result<Continuation, LogError> {
        let Some(harvest) = self.harvest_row()? else { return Ok(Continuation::GiveUp) };
        let continuation = self.list.lost(&harvest, loss, self.bounds);
        if let Continuation::Reopen(step) = &continuation {
            self.log.reopen_harvest(self.harvest, step.assumed_from())?;
        }
        Ok(continuation)
    }

    fn harvest_row(&self) -> Result<Option<HarvestRow>, LogError> {
        self.log.harvest(self.harvest)
    }

    /// Commits a part. Answers where the list is to be re-opened, if the part ends it too early or refutes its order.
    fn commit(&mut self, part: &Part) -> Result<Option<Step>, LogError> {
        for identifier in &part.vanished {
            self.log.forget_undelivered(self.row.id, identifier.as_str())?;
        }
        self.list.doubtful |= part.doubtful;
        if part.is_empty() {
            return Ok(None);
        }
        let token = part.end.as_ref().and_then(|end| end.token.as_ref());
        let ends = part.end.is_some() && token.is_none();
        if part.opens_list {
            self.list.opened(self.harvest_row()?.and_then(|harvest| harvest.newest));
        }
        self.list.came(part);
        let short = ends && self.list.broken_promise().is_some();
        let page = NewPage {
            source: self.row.id,
            harvest: self.harvest,
            response_date: part.response_date,
            records: &part.records,
            undelivered: &part.undelivered,
            origin: match part {
                Part { by_name: true, .. } => Origin::ByName,
                Part { opens_list: true, .. } => Origin::ListBegins,
                _ => Origin::ListGoesOn,
            },
            token,
            whole: part.end.is_some(),
            last: ends && !short,
            doubtful: self.list.doubtful,
            now: now(),
        };
        let report = self.log.append(&page)?;
        self.note(part, &report.counters);
        tracing::info!(
            page = report.page.0,
            records = part.records.len(),
            changed = report.counters.created + report.counters.changed,
            "page"
        );
        if !short && !report.refuted {
            return Ok(None);
        }
        let Some(harvest) = self.harvest_row()? else { return Ok(None) };
        if report.refuted {
            tracing::warn!("the list is not in the order of datestamps, as it seemed to be; it is opened again from its start");
            self.list = ListProgress::restarted();
            self.log.reopen_harvest(self.harvest, None)?;
            return Ok(Some(reopen_from_start(&harvest)));
        }
        let (received, promised) = (self.list.received(), self.list.broken_promise().unwrap_or_default());
        let Some(step) = self.list.short(&harvest, self.bounds) else {
            // The server ended the list as the protocol says, each time it was opened. A list in order may lack what is newer.
            let doubtful = page.doubtful || harvest.order_is_known();
            self.log.append(&NewPage { records: &[], undelivered: &[], last: true, doubtful, ..page })?;
            return Ok(None);
        };
        tracing::warn!("the list ended after {received} records of the {promised} that it promised; it is opened again");
        self.log.reopen_harvest(self.harvest, step.assumed_from())?;
        Ok(Some(step))
    }

    fn note(&mut self, part: &Part, counters: &Counters) {
        self.done.counters.add(counters);
        self.done.reached = part.records.iter().filter_map(|record| record.header.datestamp).max().or(self.done.reached);
        self.done.complete_list_size = part.end.as_ref().and_then(|end| end.complete_list_size).or(self.done.complete_list_size);
    }
}
