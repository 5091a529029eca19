//! Audits: compares what the source lists now with what the log holds.
//!
//! An audit fetches `ListIdentifiers` of the whole set, planned, paced and resumed like a harvest. A repair fetches the missing
//! and the stale records, and withdraws the gone ones from the views; the log keeps them.

use chrono::Utc;
use tokio::runtime::Runtime;

use super::audit_list::{AuditList, AuditListEnd};
use super::audit_report::{AuditOptions, AuditReport, Hear};
use super::client::Client;
use super::connect::{identify, runtime};
use super::documents;
use super::emm;
use super::outcome::{HarvestError, percent};
use super::plan::{Bounds, Facts, next_from};
use super::repair::Repair;
use crate::config::{Config, OaiSource, Source, SourceKind, SourceOrigin};
use crate::mirror::Mirror;
use crate::stop::Stop;

/// Audits one source.
pub fn audit(
    mirror: &mut Mirror,
    source: &Source,
    config: &Config,
    options: AuditOptions,
    stop: &Stop,
    mut hear: Hear<'_>,
) -> Result<AuditReport, HarvestError> {
    let runtime = runtime()?;
    let result = match &source.origin {
        SourceOrigin::OaiPmh(list) => Audit { mirror, source, list, config, stop }.go(&runtime, options, hear),
        SourceOrigin::Emm(service) => emm::audit(mirror, source, service, (config, stop, &runtime), options, hear),
        SourceOrigin::Documents(found) => documents::audit(mirror, (source, found), config, options, (&runtime, stop), &mut hear),
    };
    runtime.shutdown_background();
    result
}

struct Audit<'a> {
    mirror: &'a mut Mirror,
    source: &'a Source,
    list: &'a OaiSource,
    config: &'a Config,
    stop: &'a Stop,
}

fn now() -> i64 {
    Utc::now().timestamp_millis()
}

impl Audit<'_> {
    fn go(self, runtime: &Runtime, options: AuditOptions, hear: Hear<'_>) -> Result<AuditReport, HarvestError> {
        let Hear { progress, found: compared } = hear;
        let caught_up = self.mirror.catch_up(|_| !self.stop.is_stopped())?;
        let row = self.mirror.log.known_source(self.source)?;
        let client = Client::new(&self.list.url, &self.config.harvest, self.stop.clone()).map_err(HarvestError::Unavailable)?;
        let (identify, _) = runtime
            .block_on(identify(&client, &self.config.harvest))
            .map_err(|error| HarvestError::unidentified(error, SourceKind::OaiPmh))?;
        let (complete, undoubted) = (self.mirror.log.last_complete(row.id)?, self.mirror.log.last_undoubted(row.id)?);
        let bounds = Bounds { granularity: identify.granularity, overlap_s: self.config.harvest.overlap_s };
        let harvested = next_from(&Facts { newest: None, complete: complete.as_ref(), undoubted: undoubted.as_ref(), bounds });
        let mut report = AuditReport { harvested, ..AuditReport::begun(&self.source.name) };
        let list = AuditList::begin(self.mirror, self.list, self.config, self.stop, &row, identify.granularity)?;
        report.resumed = list.resumed();
        match list.fetch(runtime, &client, progress)? {
            AuditListEnd::Whole { doubtful } => report.doubtful = doubtful,
            AuditListEnd::Open(error) => {
                report.traffic = client.traffic();
                report.unavailable = Some(error);
                return Ok(report);
            }
        }
        let found = self.mirror.log.differences(row.id, harvested)?;
        report.found = Some(found);
        // A repair would change the differences.
        compared(&self.mirror.log, &report);
        if options.repair {
            let mut repair = Repair::new(&mut self.mirror.log, self.list, self.config, self.stop, &row, identify.granularity)?;
            (report.counters, report.unavailable) = repair.differing(runtime, &client, harvested)?;
            self.mirror.catch_up(|_| !self.stop.is_stopped())?;
            // A doubtful list proves nothing about what it does not name.
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
}
