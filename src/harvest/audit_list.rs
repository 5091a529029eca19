//! The walk of an audit: the list of identifiers to its end, and then what changed meanwhile.
//!
//! A record that changes while the list is walked moves out of it where the server froze its upper bound, as Libris
//! does. It would look gone, but for the second, short list of what is new since the walk began.

use chrono::Utc;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::client::Client;
use super::error::FetchError;
use super::fetch::{Fetched, Fetcher, Lost, Onward, fetch};
use super::list::{End, Part};
use super::place::{Place, Verdict};
use super::plan::{Facts, Options, Step, plan, reopen};
use super::run::{HarvestError, WAITING};
use super::stop::Stop;
use crate::config::{Config, Source};
use crate::log::{AuditPage, HarvestId, HarvestRow, LogError, SourceRow};
use crate::mirror::Mirror;
use crate::oai::{Granularity, ListVerb};

/// How the list of identifiers ended.
pub(super) enum Listed {
    /// All of it came.
    Whole {
        /// No answer said that it was all.
        doubtful: bool,
    },
    /// It is open, for the next audit to go on.
    Not(FetchError),
}

/// A walk that is under way.
pub(super) struct Walk<'a> {
    mirror: &'a mut Mirror,
    source: &'a Source,
    config: &'a Config,
    stop: &'a Stop,
    row: SourceRow,
    granularity: Granularity,
    audit: HarvestId,
    first: Step,
    /// When an earlier audit began the list, milliseconds since 1970.
    resumed: Option<i64>,
    listed: u64,
    place: Place,
    promised: Option<u64>,
}

fn now() -> i64 {
    Utc::now().timestamp_millis()
}

impl<'a> Walk<'a> {
    /// Begins a walk, or goes on with the one that an earlier audit left open.
    pub(super) fn begin(
        mirror: &'a mut Mirror,
        source: &'a Source,
        config: &'a Config,
        stop: &'a Stop,
        row: &SourceRow,
        granularity: Granularity,
    ) -> Result<Self, LogError> {
        let newest = mirror.log.newest_audit(row.id)?;
        let facts = Facts { newest: newest.as_ref(), complete: None, granularity, overlap_s: config.harvest.overlap_s };
        let first = plan(&facts, &Options::default());
        let (audit, resumed) = match first {
            Step::Begin { .. } => (mirror.log.begin_audit(row.id, now())?, None),
            Step::Resume { harvest, .. } | Step::Reopen { harvest, .. } => {
                (harvest, newest.as_ref().map(|audit| audit.started_at))
            }
        };
        let listed = newest.filter(|_| resumed.is_some()).map_or(0, |audit| audit.counters.received);
        let (row, place) = (row.clone(), Place::resumed(listed));
        Ok(Self { mirror, source, config, stop, row, granularity, audit, first, resumed, listed, place, promised: None })
    }

    /// When an earlier audit began it, milliseconds since 1970, if it goes on with that one's list.
    pub(super) fn resumed(&self) -> Option<i64> {
        self.resumed
    }

    /// Walks to the end; `progress` hears how many identifiers came.
    pub(super) fn walk(
        mut self,
        runtime: &Runtime,
        client: &Client,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Listed, HarvestError> {
        let first = self.first.clone();
        if let Some(error) = self.list(runtime, client, first, false, progress)? {
            return Ok(Listed::Not(error));
        }
        let doubtful = self.place.doubtful;
        self.place = Place::default();
        let begun = self.row_now()?.and_then(|audit| audit.first_response);
        let Some(begun) = begun else {
            let end = Some(End { token: None, complete_list_size: None });
            self.commit(&Part { end, ..Part::default() }, true)?;
            return Ok(Listed::Whole { doubtful });
        };
        let from = Some(begun.earlier_by(self.config.harvest.overlap_s).at(self.granularity));
        let meanwhile = Step::Reopen { harvest: self.audit, from, until: None };
        Ok(match self.list(runtime, client, meanwhile, true, progress)? {
            Some(error) => Listed::Not(error),
            None => Listed::Whole { doubtful: doubtful || self.place.doubtful },
        })
    }

    /// Walks one list to its end, with which the audit is complete if it is the last. Answers what stopped it.
    fn list(
        &mut self,
        runtime: &Runtime,
        client: &Client,
        step: Step,
        last: bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Option<FetchError>, HarvestError> {
        let (sender, mut parts) = mpsc::channel(WAITING);
        let fetcher = Fetcher {
            client: client.clone(),
            source: self.source.clone(),
            settings: self.config.harvest.clone(),
            verb: ListVerb::Identifiers,
            probe: None,
            remaining: None,
            in_span: false,
            sender,
        };
        runtime.spawn(fetch(fetcher, step));
        while let Some(fetched) = parts.blocking_recv() {
            if self.stop.is_stopped() {
                break;
            }
            match fetched {
                Fetched::Part(part) => {
                    let short = self.take(part, last)?;
                    progress(self.listed);
                    if short.is_some() {
                        return Ok(short);
                    }
                }
                Fetched::Lost(why, answer) => {
                    // The other side has gone if this fails, and says why below.
                    let _ = answer.send(self.place(why)?);
                }
                Fetched::Which { sender, .. } => drop(sender),
                Fetched::Done => return Ok(None),
                Fetched::Failed(error @ FetchError::Fault(_)) => return Err(HarvestError::Fault(error)),
                Fetched::Failed(error) => return Ok(Some(error)),
                Fetched::Useless(error) => return Err(error.into()),
            }
        }
        Ok(Some(FetchError::Stopped))
    }

    /// Commits a part. Answers what to say if the list ended too early.
    fn take(&mut self, part: Part, last: bool) -> Result<Option<FetchError>, LogError> {
        if part.opens_list {
            self.place.opened(self.row_now()?.and_then(|audit| audit.newest));
            self.promised = None;
        }
        self.listed += part.records.len() as u64;
        self.place.came(&part.records, part.by_name);
        self.promised = self.promised.or(part.end.as_ref().and_then(|end| end.complete_list_size));
        let ends = part.end.as_ref().is_some_and(|end| end.token.is_none());
        let short = self.promised.filter(|promised| ends && *promised > self.place.received());
        self.commit(&part, last && ends && short.is_none())?;
        let Some(promised) = short else { return Ok(None) };
        // It stays open where it got further, to go on from there. Otherwise that was all.
        if self.row_now()?.is_some_and(|audit| self.place.got_further(&audit)) {
            return Ok(Some(FetchError::Short { received: self.place.received(), promised }));
        }
        self.commit(&Part { end: part.end, ..Part::default() }, last)?;
        self.place.doubtful = true;
        Ok(None)
    }

    fn row_now(&self) -> Result<Option<HarvestRow>, LogError> {
        self.mirror.log.newest_audit(self.row.id)
    }

    fn place(&mut self, lost: Lost) -> Result<Onward, LogError> {
        let Some(audit) = self.row_now()? else { return Ok(Onward::GiveUp) };
        match self.place.lost(&audit, lost) {
            Verdict::Reopen => {}
            Verdict::End => return Ok(Onward::End),
            Verdict::GiveUp => return Ok(Onward::GiveUp),
        }
        self.mirror.log.drop_audit_token(audit.id)?;
        let overlap_s = self.config.harvest.overlap_s;
        let facts = Facts { newest: None, complete: None, granularity: self.granularity, overlap_s };
        Ok(Onward::Step(reopen(&audit, &facts)))
    }

    fn commit(&mut self, part: &Part, last: bool) -> Result<(), LogError> {
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
