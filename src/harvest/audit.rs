//! Proof against the source: what it lists now, beside what the log holds.
//!
//! An audit walks `ListIdentifiers` over the whole set, planned, paced and resumed like a harvest. What differs may be
//! repaired: the missing and the stale are fetched, the gone are withdrawn from the views and kept in the log.

use chrono::Utc;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::client::{Client, Traffic};
use super::error::FetchError;
use super::fetch::{Fetched, Fetcher, Lost, Onward, fetch};
use super::list::Part;
use super::place::{Place, Verdict};
use super::plan::{Facts, Options, Step, plan, reopen};
use super::repair::Repair;
use super::run::{HarvestError, WAITING, identify, runtime};
use super::stop::Stop;
use crate::config::{Config, Source};
use crate::log::{AuditPage, Counters, Differences, HarvestId, LogError, SourceRow};
use crate::mirror::Mirror;
use crate::oai::{Datestamp, Granularity, ListVerb};

/// What an audit is to do.
#[derive(Debug, Clone, Copy, Default)]
pub struct AuditOptions {
    /// Repair what differs.
    pub repair: bool,
}

/// What an audit found.
#[derive(Debug)]
pub struct AuditReport {
    /// The source.
    pub source: String,
    /// Whether it went on with an open audit.
    pub resumed: bool,
    /// What differed when the list had ended; nothing if it has not.
    pub found: Option<Differences>,
    /// What differs after the repair.
    pub left: Option<Differences>,
    /// What the repair fetched.
    pub counters: Counters,
    /// How many records were withdrawn.
    pub withdrawn: u64,
    /// How many percent of the live records would have been withdrawn, where that is too many.
    pub brake: Option<f64>,
    /// What was asked and answered.
    pub traffic: Traffic,
    /// Why the list or the repair did not come to its end; the next audit goes on.
    pub unavailable: Option<FetchError>,
    /// Whether no answer said that the list had ended.
    pub doubtful: bool,
    /// The server's clock from which on the next harvest brings what is new.
    pub harvested: Option<Datestamp>,
    /// The snapshot that was published, if anything changed.
    pub snapshot: Option<u64>,
}

/// Audits one source.
pub fn audit(
    mirror: &mut Mirror,
    source: &Source,
    config: &Config,
    options: AuditOptions,
    stop: &Stop,
    progress: &mut dyn FnMut(u64),
) -> Result<AuditReport, HarvestError> {
    let runtime = runtime()?;
    let result = Audit { mirror, source, config, stop }.go(&runtime, options, progress);
    runtime.shutdown_background();
    result
}

struct Audit<'a> {
    mirror: &'a mut Mirror,
    source: &'a Source,
    config: &'a Config,
    stop: &'a Stop,
}

/// How the list of identifiers ended.
enum Listed {
    Whole { doubtful: bool },
    Not(FetchError),
}

fn now() -> i64 {
    Utc::now().timestamp_millis()
}

impl Audit<'_> {
    fn go(
        mut self,
        runtime: &Runtime,
        options: AuditOptions,
        progress: &mut dyn FnMut(u64),
    ) -> Result<AuditReport, HarvestError> {
        let caught_up = self.mirror.catch_up(|_| !self.stop.is_stopped())?;
        let row = self.mirror.log.known_source(self.source)?;
        let client = Client::new(&self.source.url, &self.config.harvest, self.stop.clone()).map_err(HarvestError::Unavailable)?;
        let identify = identify(runtime, &client, self.config).map_err(HarvestError::Unavailable)?;
        let complete = self.mirror.log.last_complete(row.id)?.and_then(|harvest| harvest.first_response);
        let harvested = complete.map(|clock| clock.earlier_by(self.config.harvest.overlap_s));
        let mut report = AuditReport {
            source: self.source.name.clone(),
            resumed: false,
            found: None,
            left: None,
            counters: Counters::default(),
            withdrawn: 0,
            brake: None,
            traffic: Traffic::default(),
            unavailable: None,
            doubtful: false,
            harvested,
            snapshot: None,
        };
        match self.list(runtime, &client, &row, identify.granularity, &mut report.resumed, progress)? {
            Listed::Whole { doubtful } => report.doubtful = doubtful,
            Listed::Not(error) => {
                report.traffic = client.traffic();
                report.unavailable = Some(error);
                return Ok(report);
            }
        }
        let found = self.mirror.log.differences(row.id, harvested)?;
        report.found = Some(found);
        if options.repair {
            let mut repair = Repair::new(self.mirror, self.source, self.config, self.stop, &row, identify.granularity)?;
            (report.counters, report.unavailable) = repair.differing(runtime, &client, harvested)?;
            // A list that may not be whole proves nothing about what it does not name.
            if found.gone > 0 && !report.doubtful {
                let percent = percent(found.gone, row.live);
                if percent > self.config.harvest.withdraw_max_percent {
                    report.brake = Some(percent);
                } else {
                    report.withdrawn = self.mirror.log.withdraw(row.id, now())?;
                    self.mirror.catch_up(|_| !self.stop.is_stopped())?;
                }
            }
            report.left = Some(self.mirror.log.differences(row.id, harvested)?);
        }
        report.traffic = client.traffic();
        let changed = report.counters.changed_anything() || report.withdrawn > 0 || caught_up.records > 0;
        if changed && !self.stop.is_stopped() {
            report.snapshot = Some(self.mirror.publish()?);
        }
        Ok(report)
    }

    /// Walks the list to its end, from where an earlier audit stopped.
    fn list(
        &mut self,
        runtime: &Runtime,
        client: &Client,
        row: &SourceRow,
        granularity: Granularity,
        resumed: &mut bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Listed, HarvestError> {
        let newest = self.mirror.log.newest_audit(row.id)?;
        let facts = Facts { newest: newest.as_ref(), complete: None, granularity, overlap_s: self.config.harvest.overlap_s };
        let step = plan(&facts, &Options::default());
        *resumed = !matches!(step, Step::Begin { .. });
        let audit = match step {
            Step::Begin { .. } => self.mirror.log.begin_audit(row.id, now())?,
            Step::Resume { harvest, .. } | Step::Reopen { harvest, .. } => harvest,
        };
        let mut listed = if *resumed { newest.map_or(0, |audit| audit.counters.received) } else { 0 };
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
        let mut place = Place::resumed(listed);
        let mut promised = None;
        while let Some(fetched) = parts.blocking_recv() {
            if self.stop.is_stopped() {
                break;
            }
            match fetched {
                Fetched::Part(part) => {
                    if part.opens_list {
                        place.opened(self.mirror.log.newest_audit(row.id)?.and_then(|audit| audit.newest));
                        promised = None;
                    }
                    listed += part.records.len() as u64;
                    place.came(&part.records);
                    promised = promised.or(part.end.as_ref().and_then(|end| end.complete_list_size));
                    let ends = part.end.as_ref().is_some_and(|end| end.token.is_none());
                    let short = promised.filter(|promised| ends && *promised > place.received());
                    self.commit(row, audit, &part, ends && short.is_none())?;
                    progress(listed);
                    if let Some(promised) = short {
                        // It stays open where it got further, to go on from there. Otherwise that was all.
                        if self.mirror.log.newest_audit(row.id)?.is_some_and(|audit| place.got_further(&audit)) {
                            return Ok(Listed::Not(FetchError::Short { received: place.received(), promised }));
                        }
                        self.commit(row, audit, &Part { end: part.end, ..Part::default() }, true)?;
                        place.doubtful = true;
                    }
                }
                Fetched::Lost(lost, answer) => {
                    // The other side has gone if this fails, and says why below.
                    let _ = answer.send(self.place(row, granularity, &mut place, lost)?);
                }
                Fetched::Which(_, answer) => drop(answer),
                Fetched::Done => return Ok(Listed::Whole { doubtful: place.doubtful }),
                Fetched::Failed(error) => return Ok(Listed::Not(error)),
                Fetched::Useless(error) => return Err(error.into()),
            }
        }
        Ok(Listed::Not(FetchError::Stopped))
    }

    fn place(&mut self, row: &SourceRow, granularity: Granularity, place: &mut Place, lost: Lost) -> Result<Onward, LogError> {
        let Some(audit) = self.mirror.log.newest_audit(row.id)? else { return Ok(Onward::GiveUp) };
        match place.lost(&audit, lost) {
            Verdict::Reopen => {}
            Verdict::End => return Ok(Onward::End),
            Verdict::GiveUp => return Ok(Onward::GiveUp),
        }
        self.mirror.log.drop_audit_token(audit.id)?;
        let facts = Facts { newest: None, complete: None, granularity, overlap_s: self.config.harvest.overlap_s };
        Ok(Onward::Step(reopen(&audit, &facts)))
    }

    fn commit(&mut self, row: &SourceRow, audit: HarvestId, part: &Part, last: bool) -> Result<(), LogError> {
        let token = part.end.as_ref().and_then(|end| end.token.as_ref());
        self.mirror.log.append_audit(&AuditPage {
            audit,
            source: row.id,
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

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn percent(part: u64, whole: u64) -> f64 {
    part as f64 * 100.0 / whole.max(1) as f64
}
