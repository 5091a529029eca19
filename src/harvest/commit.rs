//! The committing side of a run: each page goes to the log, the checkpoint, and the views are brought up to it.

use std::time::Duration;

use chrono::Utc;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::error::FetchError;
use super::fetch::{Fetched, Lost, Onward};
use super::list::Part;
use super::place::{Place, Verdict};
use super::plan::{Facts, Options, Step, reopen};
use super::run::{HarvestError, Outcome, Progress};
use super::stop::Stop;
use crate::log::{Counters, HarvestId, HarvestRow, Log, LogError, NewPage, Origin, SourceRow};
use crate::mirror::Growth;
use crate::oai::Granularity;

/// A harvest that is under way.
pub(super) struct Follower<'a> {
    pub(super) log: &'a mut Log,
    /// The views that follow meanwhile, if they do.
    pub(super) growth: Option<&'a Growth>,
    pub(super) row: SourceRow,
    pub(super) harvest: HarvestId,
    pub(super) granularity: Granularity,
    pub(super) window: Options,
    pub(super) overlap_s: u32,
    pub(super) stop: &'a Stop,
    /// When to end gracefully.
    pub(super) deadline: Option<Instant>,
    /// Records that earlier runs received of this list.
    pub(super) before: u64,
    pub(super) done: Progress,
    pub(super) list: ListSoFar,
}

/// The list since it was last opened.
#[derive(Debug, Default)]
pub(super) struct ListSoFar {
    /// Whether that was in this run.
    opened: bool,
    undelivered: u64,
    promised: Option<u64>,
    place: Place,
}

/// How following a list ended.
pub(super) enum Followed {
    /// The run ends.
    Ended(Outcome),
    /// The list ended long before it promised to, and brought something new: it is worth another look from here.
    Again(Step),
}

fn now() -> i64 {
    Utc::now().timestamp_millis()
}

/// Waits for what comes next, or until the deadline.
pub(super) fn next(
    runtime: &tokio::runtime::Runtime,
    parts: &mut mpsc::Receiver<Fetched>,
    deadline: Option<Instant>,
) -> Result<Option<Fetched>, tokio::time::error::Elapsed> {
    match deadline {
        None => Ok(parts.blocking_recv()),
        Some(deadline) => runtime.block_on(async { timeout_at(deadline, parts.recv()).await }),
    }
}

/// The time of day, some time from now.
pub(super) fn deadline(after: Option<Duration>) -> Option<Instant> {
    after.and_then(|after| Instant::now().checked_add(after))
}

impl Follower<'_> {
    /// Commits what arrives until the fetching side says how it ended.
    pub(super) fn follow(
        &mut self,
        runtime: &tokio::runtime::Runtime,
        parts: &mut mpsc::Receiver<Fetched>,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Followed, HarvestError> {
        let ended = |outcome| Ok(Followed::Ended(outcome));
        let mut again = None;
        loop {
            let Ok(fetched) = next(runtime, parts, self.deadline) else { return ended(Outcome::TimeUp) };
            match fetched {
                // A page that waits when the user stops is asked for again by the next run.
                Some(_) if self.stop.is_stopped() => return ended(Outcome::Interrupted),
                Some(Fetched::Part(part)) => {
                    again = self.commit(&part)?;
                    progress(&self.done);
                    if self.growth.is_some_and(|growth| !growth.page()) {
                        // The views cannot follow, and say why when they are asked.
                        return ended(Outcome::Interrupted);
                    }
                }
                Some(Fetched::Lost(lost, answer)) => {
                    // The other side has gone if this fails, and says why below.
                    let _ = answer.send(self.place(lost)?);
                }
                Some(Fetched::Which { headers, listed, sender }) => {
                    let since = listed.then_some(self.harvest);
                    let _ = sender.send(self.log.lacking(self.row.id, since, headers)?);
                }
                Some(Fetched::Done) => {
                    let (promised, doubtful) = (self.broken_promise(), self.list.place.doubtful);
                    return Ok(again.map_or(Followed::Ended(Outcome::Complete { promised, doubtful }), Followed::Again));
                }
                Some(Fetched::Failed(FetchError::Enough)) => return ended(Outcome::Enough),
                None | Some(Fetched::Failed(FetchError::Stopped)) => return ended(Outcome::Interrupted),
                Some(Fetched::Failed(error @ FetchError::Protocol(_))) if self.done.counters.pages == 0 => {
                    self.log.forget_empty_source(self.row.id)?;
                    return Err(HarvestError::Refused(error));
                }
                Some(Fetched::Failed(error @ FetchError::Fault(_))) => return Err(HarvestError::Fault(error)),
                Some(Fetched::Failed(error)) => return ended(Outcome::Unavailable(error)),
                Some(Fetched::Useless(error)) => {
                    self.log.forget_empty_source(self.row.id)?;
                    return Err(error.into());
                }
            }
        }
    }

    /// Where to go on after the place in the list was lost.
    fn place(&mut self, lost: Lost) -> Result<Onward, LogError> {
        let Some(harvest) = self.harvest_row()? else { return Ok(Onward::GiveUp) };
        match self.list.place.lost(&harvest, lost) {
            Verdict::Reopen => self.reopened(&harvest).map(Onward::Step),
            Verdict::End => Ok(Onward::End),
            Verdict::GiveUp => Ok(Onward::GiveUp),
        }
    }

    fn harvest_row(&self) -> Result<Option<HarvestRow>, LogError> {
        Ok(self.log.harvests(self.row.id, self.window.kind(), 1)?.into_iter().next())
    }

    fn reopened(&mut self, harvest: &HarvestRow) -> Result<Step, LogError> {
        self.log.drop_token(self.harvest)?;
        let facts = Facts { newest: None, complete: None, granularity: self.granularity, overlap_s: self.overlap_s };
        Ok(reopen(harvest, &facts))
    }

    /// How many records the list promised, if fewer came.
    fn broken_promise(&self) -> Option<u64> {
        let earlier = if self.list.opened { 0 } else { self.before };
        let received = self.list.place.received() + self.list.undelivered + earlier;
        self.list.promised.filter(|promised| *promised > received)
    }

    /// Commits a part. Answers where to look again, if it ends the list too early.
    fn commit(&mut self, part: &Part) -> Result<Option<Step>, LogError> {
        for identifier in &part.vanished {
            self.log.forget_undelivered(self.row.id, identifier.as_str())?;
        }
        self.list.place.doubtful |= part.doubtful;
        if part.is_empty() {
            return Ok(None);
        }
        let token = part.end.as_ref().and_then(|end| end.token.as_ref());
        let ends = part.end.is_some() && token.is_none();
        if part.opens_list {
            let mut place = self.list.place;
            place.opened(self.harvest_row()?.and_then(|harvest| harvest.newest));
            self.list = ListSoFar { opened: true, place, ..ListSoFar::default() };
        }
        self.list.place.came(&part.records, part.by_name);
        self.list.undelivered += part.undelivered.len() as u64;
        self.list.promised = self.list.promised.or(part.end.as_ref().and_then(|end| end.complete_list_size));
        let short = ends && self.broken_promise().is_some();
        let mut page = NewPage {
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
        if !short {
            return Ok(None);
        }
        let Some(harvest) = self.harvest_row()?.filter(|harvest| self.list.place.got_further(harvest)) else {
            // Looking again got no further: that was all.
            page = NewPage { records: &[], undelivered: &[], last: true, ..page };
            self.log.append(&page)?;
            return Ok(None);
        };
        tracing::warn!(
            "the list ended after {} records of the {} that it promised; it is opened again from there",
            self.list.place.received(),
            self.list.promised.unwrap_or_default()
        );
        self.reopened(&harvest).map(Some)
    }

    fn note(&mut self, part: &Part, counters: &Counters) {
        self.done.counters.add(counters);
        self.done.reached = part.records.iter().filter_map(|record| record.header.datestamp).max().or(self.done.reached);
        self.done.complete_list_size = part.end.as_ref().and_then(|end| end.complete_list_size).or(self.done.complete_list_size);
    }
}
