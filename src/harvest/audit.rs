//! Proof against the source: what it lists now, beside what the log holds.
//!
//! An audit walks `ListIdentifiers` over the whole set, planned, paced and resumed like a harvest. What differs may be
//! repaired: the missing and the stale are fetched, the gone are withdrawn from the views and kept in the log.

use chrono::Utc;
use tokio::runtime::Runtime;

use super::client::{Client, Traffic};
use super::error::FetchError;
use super::repair::Repair;
use super::run::{HarvestError, identify, runtime};
use super::stop::Stop;
use super::walk::{Listed, Walk};
use crate::config::{Config, Source};
use crate::log::{Counters, Differences, Log};
use crate::mirror::Mirror;
use crate::oai::Datestamp;

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
    /// When the list was begun, milliseconds since 1970, if it went on with that of an earlier audit.
    pub resumed: Option<i64>,
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
    hear: Hear<'_>,
) -> Result<AuditReport, HarvestError> {
    let runtime = runtime()?;
    let result = Audit { mirror, source, config, stop }.go(&runtime, options, hear);
    runtime.shutdown_background();
    result
}

/// Who hears of an audit while it works.
pub struct Hear<'a> {
    /// How many identifiers came.
    pub progress: &'a mut dyn FnMut(u64),
    /// The list is whole, and was compared; nothing is repaired yet.
    pub found: &'a mut dyn FnMut(&Log, &AuditReport),
}

struct Audit<'a> {
    mirror: &'a mut Mirror,
    source: &'a Source,
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
        let client = Client::new(&self.source.url, &self.config.harvest, self.stop.clone()).map_err(HarvestError::Unavailable)?;
        let identify = identify(runtime, &client, self.config).map_err(HarvestError::unidentified)?;
        let complete = self.mirror.log.last_complete(row.id)?.and_then(|harvest| harvest.first_response);
        let harvested = complete.map(|clock| clock.earlier_by(self.config.harvest.overlap_s));
        let mut report = AuditReport {
            source: self.source.name.clone(),
            resumed: None,
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
        let walk = Walk::begin(self.mirror, self.source, self.config, self.stop, &row, identify.granularity)?;
        report.resumed = walk.resumed();
        match walk.walk(runtime, &client, progress)? {
            Listed::Whole { doubtful } => report.doubtful = doubtful,
            Listed::Not(error) => {
                report.traffic = client.traffic();
                report.unavailable = Some(error);
                return Ok(report);
            }
        }
        let found = self.mirror.log.differences(row.id, harvested)?;
        report.found = Some(found);
        // Before a repair takes the differences away.
        compared(&self.mirror.log, &report);
        if options.repair {
            let mut repair = Repair::new(&mut self.mirror.log, self.source, self.config, self.stop, &row, identify.granularity)?;
            (report.counters, report.unavailable) = repair.differing(runtime, &client, harvested)?;
            self.mirror.catch_up(|_| !self.stop.is_stopped())?;
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
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn percent(part: u64, whole: u64) -> f64 {
    part as f64 * 100.0 / whole.max(1) as f64
}
