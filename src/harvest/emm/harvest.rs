//! A run: what it begins with, and how a dump and the changes since end.

use std::time::Instant;

use rustc_hash::FxHashSet;

use super::exchange::{Batch, Exchange, Halt};
use super::position::{Begin, Known, Position, begin};
use super::walk::{Walk, entry};
use crate::config::{EmmSource, Source, SourceKind};
use crate::emm::Endpoint;
use crate::harvest::client::Client;
use crate::harvest::error::FetchError;
use crate::harvest::outcome::{HarvestError, HarvestReport, Outcome, Progress, percent};
use crate::harvest::scope::{Run, now};
use crate::log::{AuditPage, HarvestId, HarvestKind, HarvestState, Log, LogError, SourceId, SourceRow};
use crate::mirror::{Growth, Mirror};
use crate::oai::Datestamp;

/// Harvests a source of dumps and changes. Answers the source in the log, if the server answered.
pub(in crate::harvest) fn harvest(
    mirror: &mut Mirror,
    source: &Source,
    service: &EmmSource,
    run: Run<'_>,
    report: &mut HarvestReport,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Option<SourceId>, HarvestError> {
    if run.options.window.from.is_some() || run.options.window.until.is_some() {
        return Err(HarvestError::Kind(SourceKind::Emm.name()));
    }
    let settings = &run.config.harvest;
    let client = Client::new(&service.url, settings, run.stop.clone()).map_err(HarvestError::Unavailable)?;
    let endpoint = Endpoint::new(&service.url, service.entities.as_ref());
    let asked = Instant::now();
    let until = match run.runtime.block_on(entry(&client, endpoint.entry(), settings.document_bytes)) {
        Ok(entry) => entry.until,
        Err(FetchError::Stopped) => return Ok(None),
        Err(error) => return Err(HarvestError::unidentified(error, SourceKind::Emm)),
    };
    let row = mirror.log.enter_source(source)?;
    let source_id = row.id;
    let service = Service { source: service, client: &client, endpoint: &endpoint, clock: Clock { until, asked } };
    let ((), followed) =
        mirror.grow(|| run.stop.is_stopped(), |log, growth| service.work(log, growth, row, run, report, progress))?;
    report.followed(&followed);
    report.traffic = client.traffic();
    Ok(Some(source_id))
}

/// The server's clock, as the entry showed it.
#[derive(Clone, Copy)]
struct Clock {
    until: Option<i64>,
    asked: Instant,
}

impl Clock {
    /// What it shows now, milliseconds since 1970.
    fn now(self) -> Option<i64> {
        let passed = i64::try_from(self.asked.elapsed().as_millis()).ok()?;
        self.until.map(|until| until.saturating_add(passed))
    }
}

struct Service<'a> {
    source: &'a EmmSource,
    client: &'a Client,
    endpoint: &'a Endpoint,
    clock: Clock,
}

/// The least number of pages of the feed that are read before a dump takes their place.
const LEAST_PAGES: usize = 10;

impl Service<'_> {
    fn work(
        &self,
        log: &mut Log,
        growth: &Growth,
        row: SourceRow,
        run: Run<'_>,
        report: &mut HarvestReport,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<(), HarvestError> {
        let newest = log.harvests(row.id, HarvestKind::Regular, 1)?;
        let selections = &self.source.selections;
        let first = begin(Known {
            newest: newest.first(),
            feed: log.feed_known(row.id)?,
            same_selections: row.settings.as_ref().is_none_or(|kept| kept.selections == *selections),
            feed_suffices: self.feed_suffices(),
            full: run.options.window.full,
        });
        report.resumed = matches!(first, Begin::ResumeDump(..) | Begin::ResumeChanges(..));
        if let Begin::Changes(since) | Begin::ResumeChanges(_, since) = first {
            report.from = Datestamp::from_millis(since).map(|since| since.to_string());
        }
        let harvest = match &first {
            Begin::ResumeDump(harvest, _) | Begin::ResumeChanges(harvest, _) => *harvest,
            Begin::Dump | Begin::Changes(_) => {
                log.begin_harvest(row.id, HarvestKind::Regular, report.from.as_deref(), None, now())?
            }
        };
        let classes: FxHashSet<String> = log.dumped_classes(row.id)?.into_iter().collect();
        let mut exchange = Exchange {
            log,
            growth: Some(growth),
            row,
            source: self.source,
            harvest,
            client: self.client.clone(),
            endpoint: self.endpoint,
            run,
            done: Progress::default(),
            progress,
            context: None,
            accepted: false,
            classes,
            listing: false,
        };
        let ended = match first {
            Begin::Dump => self.dump(&mut exchange, report, None),
            Begin::ResumeDump(_, position) => self.dump(&mut exchange, report, position),
            Begin::Changes(since) | Begin::ResumeChanges(_, since) => self.changes(&mut exchange, report, since),
        };
        report.counters = exchange.done.counters;
        report.outcome = match ended {
            Ok(()) => Outcome::Complete { promised: None, received: report.counters.received, doubtful: false },
            Err(Halt::Outcome(outcome)) => outcome,
            Err(Halt::Error(error)) => return Err(error),
        };
        Ok(())
    }

    /// Whether the feed says all that happens to the selections. The dump of a library's items has the instances in it, and the
    /// feed does not say which items an instance has.
    fn feed_suffices(&self) -> bool {
        !self.source.selections.iter().any(|selection| selection.starts_with("itemAndInstance:"))
    }

    /// The most pages of the feed that are read: behind that, a dump costs less.
    fn most_pages(&self, exchange: &Exchange<'_>) -> usize {
        let row = &exchange.row;
        let of_dump = usize::try_from((row.live + row.deleted) / 100).unwrap_or(usize::MAX) + self.source.selections.len();
        exchange.settings().feed_pages.min(of_dump.max(LEAST_PAGES))
    }

    fn changes(&self, exchange: &mut Exchange<'_>, report: &mut HarvestReport, since: i64) -> Result<(), Halt> {
        let overlap = i64::from(exchange.settings().overlap_s) * 1000;
        let most_pages = self.most_pages(exchange);
        match exchange.walk(since.saturating_sub(overlap), self.clock.now(), most_pages)? {
            Walk::Met(feed) => {
                exchange.apply(&feed)?;
                finish(exchange, feed.head.max(since))
            }
            Walk::Gap(reason) => {
                tracing::warn!("the feed of changes does not lead back to what is known: {reason}; a dump takes its place");
                exchange.harvest = exchange.log.begin_harvest(exchange.row.id, HarvestKind::Regular, None, None, now())?;
                report.from = None;
                self.dump(exchange, report, None)
            }
        }
    }

    fn dump(&self, exchange: &mut Exchange<'_>, report: &mut HarvestReport, position: Option<Position>) -> Result<(), Halt> {
        let position = match position {
            Some(position) if is_listing(exchange.log, exchange.row.id, position.audit)? => position,
            // An audit took the list of the dump away: what came costs nothing.
            _ => Position { audit: exchange.log.begin_audit(exchange.row.id, now())?.0, ..Position::default() },
        };
        let position = exchange.dump(position)?;
        let oldest = position.oldest.unwrap_or_else(now);
        let overlap = i64::from(exchange.settings().overlap_s) * 1000;
        let mut known = oldest;
        if self.feed_suffices() {
            match exchange.walk(oldest.saturating_sub(overlap), self.clock.now(), self.most_pages(exchange))? {
                Walk::Met(feed) => {
                    exchange.apply(&feed)?;
                    known = feed.head;
                }
                Walk::Gap(reason) => {
                    tracing::info!(
                        "the feed does not lead back to the time of the dump: {reason}; the next run brings what is newer"
                    );
                }
            }
        }
        if position.unnamed {
            tracing::warn!(
                "the dump has entries that cannot be read or named: what it does not list may be one of them, and nothing is withdrawn"
            );
        } else {
            withdraw(exchange, report, oldest)?;
        }
        let audit = HarvestId(position.audit);
        exchange.log.append_audit(&last_of(audit, exchange.row.id))?;
        finish(exchange, known)
    }
}

/// Whether the list of an audit is the one that a dump fills.
fn is_listing(log: &Log, source: SourceId, audit: i64) -> Result<bool, LogError> {
    Ok(log.newest_audit(source)?.is_some_and(|newest| newest.id.0 == audit && newest.state == HarvestState::Open))
}

/// The end of the list of a dump.
pub(super) fn last_of(audit: HarvestId, source: SourceId) -> AuditPage<'static> {
    AuditPage {
        audit,
        source,
        headers: Vec::new(),
        response_date: None,
        opens_list: true,
        token: None,
        whole: true,
        last: true,
        now: now(),
    }
}

/// Withdraws the records that the dumps do not list and that did not change since, unless they are suspiciously many.
fn withdraw(exchange: &mut Exchange<'_>, report: &mut HarvestReport, oldest: i64) -> Result<(), Halt> {
    let source = exchange.row.id;
    exchange.log.list_newer(source, oldest)?;
    let gone = exchange.log.differences(source, None)?.gone;
    if gone == 0 {
        return Ok(());
    }
    let live = exchange.log.sources()?.iter().find(|row| row.id == source).map_or(0, |row| row.live);
    let part = percent(gone, live);
    if part > exchange.settings().withdraw_max_percent {
        report.brake = Some((gone, part));
    } else {
        report.withdrawn = exchange.log.withdraw(source, now())?;
    }
    Ok(())
}

/// The harvest is complete: the feed is known up to a time.
fn finish(exchange: &mut Exchange<'_>, known: i64) -> Result<(), Halt> {
    exchange.log.set_feed_known(exchange.row.id, known)?;
    exchange.commit(&Batch { whole: true, last: true, ..Batch::default() }, false)
}
