//! A run: one source of any kind, and what came of it.

use super::commit::deadline;
use super::connect::runtime;
use super::documents;
use super::emm;
use super::error::FetchError;
use super::list_run;
use super::outcome::{HarvestError, HarvestReport, Outcome, Progress, RunOptions};
use super::plan::due_at;
use super::scope::{Run, now};
use crate::config::{Config, Source, SourceOrigin};
use crate::log::{HarvestKind, HarvestState, LogError, SourceId};
use crate::mirror::Mirror;
use crate::stop::Stop;

/// Harvests one source.
pub fn run(
    mirror: &mut Mirror,
    source: &Source,
    config: &Config,
    options: &RunOptions,
    stop: &Stop,
    progress: &mut dyn FnMut(&Progress),
) -> Result<HarvestReport, HarvestError> {
    let runtime = runtime()?;
    let scope = Run { config, options, stop, runtime: &runtime, deadline: deadline(options.max_duration) };
    let result = harvest(mirror, source, scope, progress);
    runtime.shutdown_background();
    if let Some(message) = trouble(&result)
        && let Err(error) = mirror.log.note_trouble(&source.name, now(), &message)
    {
        tracing::warn!("the log cannot note why the run ended: {error}");
    }
    result
}

/// Why a run ended early, unless the user ended it.
fn trouble(result: &Result<HarvestReport, HarvestError>) -> Option<String> {
    match result {
        Ok(HarvestReport { outcome: Outcome::Unavailable(error), .. }) => Some(error.to_string()),
        Ok(_) => None,
        Err(error) => Some(error.to_string()),
    }
}

fn harvest(
    mirror: &mut Mirror,
    source: &Source,
    run: Run<'_>,
    progress: &mut dyn FnMut(&Progress),
) -> Result<HarvestReport, HarvestError> {
    // The views catch up first: this needs no network.
    let caught_up = mirror.follow(|_| !run.stop.is_stopped())?;
    let mut report = HarvestReport::begun(source);
    report.followed(&caught_up);
    let asked = match (not_due(mirror, source, run)?, &source.origin) {
        (Some(at), _) => {
            report.outcome = Outcome::NotDue { at };
            Ok(None)
        }
        (None, SourceOrigin::OaiPmh(list)) => list_run::harvest(mirror, source, list, run, &mut report, progress),
        (None, SourceOrigin::Emm(service)) => emm::harvest(mirror, source, service, run, &mut report, progress),
        (None, SourceOrigin::Documents(found)) => documents::harvest(mirror, source, found, run, &mut report, progress),
    };
    let harvested = match asked {
        // The user ended it before the source answered, or its context came.
        Err(HarvestError::Unavailable(FetchError::Stopped)) => None,
        asked => asked?,
    };
    let changed = report.counters.changed_anything() || report.withdrawn > 0 || caught_up.records > 0 || !mirror.is_current()?;
    if run.stop.is_stopped() {
        return Ok(report);
    }
    if changed && mirror.log.last_change()?.0 > 0 {
        report.snapshot = Some(mirror.publish_in_order(created(mirror, &report, run, harvested)?)?);
    } else {
        mirror.finish()?;
    }
    Ok(report)
}

/// How many records the harvest brought: the store is compacted at the end of a list, if that brought much.
fn created(mirror: &Mirror, report: &HarvestReport, run: Run<'_>, harvested: Option<SourceId>) -> Result<u64, LogError> {
    match (harvested, &report.outcome) {
        (Some(source), Outcome::Complete { .. }) => {
            let harvests = mirror.log.harvests(source, run.options.window.kind(), 1)?;
            Ok(harvests.first().map_or(0, |harvest| harvest.counters.created))
        }
        _ => Ok(0),
    }
}

/// When the source is due, if that is later than now. A list that is open is resumed at once, and a document that failed is
/// tried again at once.
fn not_due(mirror: &Mirror, source: &Source, run: Run<'_>) -> Result<Option<i64>, LogError> {
    let Some(every) = source.every.filter(|_| !run.options.anyway) else { return Ok(None) };
    let Some(row) = mirror.log.sources()?.into_iter().find(|row| row.name == source.name) else { return Ok(None) };
    if mirror.log.has_failed_documents(row.id)? {
        return Ok(None);
    }
    let newest = mirror.log.harvests(row.id, HarvestKind::Regular, 1)?;
    if newest.first().is_some_and(|harvest| harvest.state == HarvestState::Open) {
        return Ok(None);
    }
    let finished = mirror.log.last_complete(row.id)?.and_then(|harvest| harvest.finished_at);
    Ok(due_at(finished, every, now()))
}
