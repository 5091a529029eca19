//! An audit: the dumps of all selections, compared with what the log holds.

use tokio::runtime::Runtime;

use super::changes::Wanted;
use super::exchange::{Exchange, Halt};
use super::harvest::last_of;
use super::position::Position;
use super::walk::entry;
use crate::config::{Config, EmmSource, Source, SourceKind};
use crate::emm::Endpoint;
use crate::harvest::audit_report::{AuditOptions, AuditReport, Hear};
use crate::harvest::client::Client;
use crate::harvest::error::FetchError;
use crate::harvest::outcome::{HarvestError, Outcome, Progress, RunOptions, percent};
use crate::harvest::scope::{Run, now};
use crate::log::{DifferenceKind, HarvestId, HarvestState, LogError, SourceRow, UndeliveredRow};
use crate::mirror::Mirror;
use crate::oai::Datestamp;
use crate::stop::Stop;

/// How many differences are read from the log at a time.
const DIFFERENCES_PER_FETCH: usize = 500;

/// Audits a source of dumps and changes.
pub(in crate::harvest) fn audit(
    mirror: &mut Mirror,
    source: &Source,
    service: &EmmSource,
    (config, stop, runtime): (&Config, &Stop, &Runtime),
    options: AuditOptions,
    hear: Hear<'_>,
) -> Result<AuditReport, HarvestError> {
    let Hear { progress, found: compared } = hear;
    let caught_up = mirror.catch_up(|_| !stop.is_stopped())?;
    let row = mirror.log.known_source(source)?;
    let client = Client::new(&service.url, &config.harvest, stop.clone()).map_err(HarvestError::Unavailable)?;
    let endpoint = Endpoint::new(&service.url, service.entities.as_ref());
    runtime
        .block_on(entry(&client, endpoint.entry(), config.harvest.document_bytes))
        .map_err(|error| HarvestError::unidentified(error, SourceKind::Emm))?;
    let overlap = i64::from(config.harvest.overlap_s) * 1000;
    let harvested = mirror.log.feed_known(row.id)?.and_then(|known| Datestamp::from_millis(known.saturating_sub(overlap)));
    let mut report = AuditReport { harvested, ..AuditReport::begun(&source.name) };
    let run_options = RunOptions::default();
    let run = Run { config, options: &run_options, stop, runtime, deadline: None };
    let audit = Audit { service, client: &client, endpoint: &endpoint, run };
    if let Some(error) = unavailable(audit.list(mirror, &row, &mut report, progress))? {
        report.traffic = client.traffic();
        report.unavailable = Some(error);
        return Ok(report);
    }
    let found = mirror.log.differences(row.id, harvested)?;
    report.found = Some(found);
    // A repair would change the differences.
    compared(&mirror.log, &report);
    if options.repair {
        report.unavailable = unavailable(audit.repair(mirror, &row, &mut report))?;
        mirror.catch_up(|_| !stop.is_stopped())?;
        if found.gone > 0 && !report.doubtful {
            let part = percent(found.gone, row.live);
            if part > config.harvest.withdraw_max_percent {
                report.brake = Some(part);
            } else {
                report.withdrawn = mirror.log.withdraw(row.id, now())?;
                mirror.catch_up(|_| !stop.is_stopped())?;
            }
        }
        report.left = Some(mirror.log.differences(row.id, harvested)?);
    }
    report.traffic = client.traffic();
    if (report.counters.changed_anything() || report.withdrawn > 0 || caught_up.records > 0) && !stop.is_stopped() {
        report.snapshot = Some(mirror.publish()?);
    }
    Ok(report)
}

/// Fetches records that the source did not deliver. Answers why it could not be asked.
pub(in crate::harvest) fn fetch_again(
    mirror: &mut Mirror,
    service: &EmmSource,
    (config, stop, runtime): (&Config, &Stop, &Runtime),
    row: &SourceRow,
    undelivered: &[UndeliveredRow],
) -> Result<Option<FetchError>, HarvestError> {
    let client = Client::new(&service.url, &config.harvest, stop.clone()).map_err(HarvestError::Unavailable)?;
    let endpoint = Endpoint::new(&service.url, service.entities.as_ref());
    let run_options = RunOptions::default();
    let run = Run { config, options: &run_options, stop, runtime, deadline: None };
    let audit = Audit { service, client: &client, endpoint: &endpoint, run };
    let harvest = mirror.log.begin_repair(row.id, now())?;
    let mut wanted = Vec::with_capacity(undelivered.len());
    for UndeliveredRow { identifier, datestamp_text, .. } in undelivered {
        let live = mirror.log.held(row.id, identifier)?.is_some_and(|held| held.live);
        let published = Datestamp::parse(datestamp_text).map_or_else(|_| now(), Datestamp::millis);
        wanted.push(Wanted { entity: identifier.clone(), identifier: identifier.clone(), published, live });
    }
    let mut quiet = |_: &Progress| {};
    let error = unavailable(audit.exchange(mirror, row, harvest, &mut quiet).fetch_each(&wanted))?;
    mirror.log.end_repair(harvest, now())?;
    Ok(error)
}

/// The error of the source that ended a part of an audit, if one did.
fn unavailable(result: Result<(), Halt>) -> Result<Option<FetchError>, HarvestError> {
    match result {
        Ok(()) => Ok(None),
        Err(Halt::Outcome(Outcome::Unavailable(error))) => Ok(Some(error)),
        Err(Halt::Outcome(_)) => Ok(Some(FetchError::Stopped)),
        Err(Halt::Error(error)) => Err(error),
    }
}

struct Audit<'a> {
    service: &'a EmmSource,
    client: &'a Client,
    endpoint: &'a Endpoint,
    run: Run<'a>,
}

impl Audit<'_> {
    fn exchange<'a>(
        &'a self,
        mirror: &'a mut Mirror,
        row: &SourceRow,
        harvest: HarvestId,
        progress: &'a mut dyn FnMut(&Progress),
    ) -> Exchange<'a> {
        Exchange {
            log: &mut mirror.log,
            growth: None,
            row: row.clone(),
            source: self.service,
            harvest,
            client: self.client.clone(),
            endpoint: self.endpoint,
            run: self.run,
            done: Progress::default(),
            progress,
            context: None,
            accepted: false,
            classes: rustc_hash::FxHashSet::default(),
            listing: false,
        }
    }

    /// Reads the dumps, or continues where an interrupted audit stopped.
    fn list(
        &self,
        mirror: &mut Mirror,
        row: &SourceRow,
        report: &mut AuditReport,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), Halt> {
        let newest = mirror.log.newest_audit(row.id)?.filter(|audit| audit.state == HarvestState::Open);
        let resumed = newest.and_then(|audit| Some((audit.started_at, audit.token.as_ref().and_then(Position::of_token)?)));
        report.resumed = resumed.as_ref().map(|(begun, _)| *begun);
        let position = match resumed {
            Some((_, position)) => position,
            None => Position { audit: mirror.log.begin_audit(row.id, now())?.0, ..Position::default() },
        };
        let audit = HarvestId(position.audit);
        let mut hear = |done: &Progress| progress(done.counters.received);
        let mut exchange = Exchange { listing: true, ..self.exchange(mirror, row, audit, &mut hear) };
        let position = exchange.dump(position)?;
        exchange.log.list_newer(row.id, position.oldest.unwrap_or_else(now))?;
        exchange.log.append_audit(&last_of(audit, row.id))?;
        // A record that the dump does not list may be one of those that have no name.
        report.doubtful = position.unnamed;
        Ok(())
    }

    /// Fetches what is missing or stale.
    fn repair(&self, mirror: &mut Mirror, row: &SourceRow, report: &mut AuditReport) -> Result<(), Halt> {
        let harvest = mirror.log.begin_repair(row.id, now())?;
        let mut quiet = |_: &Progress| {};
        let mut exchange = self.exchange(mirror, row, harvest, &mut quiet);
        let ended = exchange.repair(report.harvested);
        report.counters = exchange.done.counters;
        ended?;
        Ok(mirror.log.end_repair(harvest, now())?)
    }
}

impl Exchange<'_> {
    fn repair(&mut self, harvested: Option<Datestamp>) -> Result<(), Halt> {
        let mut after = String::new();
        loop {
            let found = self.log.differing(self.row.id, harvested, &after, DIFFERENCES_PER_FETCH)?;
            let Some(last) = found.last() else { return Ok(()) };
            after.clone_from(&last.identifier);
            let wanted = found.into_iter().filter(|difference| difference.kind != DifferenceKind::Pending).map(|difference| {
                let there = difference.there.as_deref().and_then(|text| Datestamp::parse(text).ok());
                let live = self.log.held(self.row.id, &difference.identifier)?.is_some_and(|held| held.live);
                let published = there.map_or_else(now, Datestamp::millis);
                Ok(Wanted { entity: difference.identifier.clone(), identifier: difference.identifier, published, live })
            });
            let wanted = wanted.collect::<Result<Vec<_>, LogError>>()?;
            self.fetch_each(&wanted)?;
        }
    }
}
