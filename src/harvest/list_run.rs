//! A run of an OAI-PMH source: what it asks for first, and the list from there to its end.
//!
//! The fetching side requests a page as soon as the one before it is parsed, one request at a time. The committing side writes
//! each page to the log, the checkpoint, and the views follow.

use std::sync::Arc;

use super::client::Client;
use super::commit::{Committer, ListEnd};
use super::connect::identify;
use super::context::{Acceptance, context_of};
use super::error::FetchError;
use super::fetch::{Fetcher, report_end};
use super::messages::channel;
use super::outcome::{HarvestError, HarvestReport, Progress};
use super::plan::{Bounds, Facts, Step, next_from, plan};
use super::resume::ListProgress;
use super::scope::{Run, now};
use crate::config::{OaiSource, Source, SourceKind};
use crate::log::{HarvestKind, Log, LogError, SourceId, SourceRow};
use crate::mirror::{Growth, Mirror};
use crate::oai::ListVerb;
use crate::rdf::Reader;

/// Harvests a list. Answers the source in the log, if the server answered.
pub(super) fn harvest(
    mirror: &mut Mirror,
    source: &Source,
    list: &OaiSource,
    run: Run<'_>,
    report: &mut HarvestReport,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Option<SourceId>, HarvestError> {
    let settings = &run.config.harvest;
    let client = Client::new(&list.url, settings, run.stop.clone()).map_err(HarvestError::Unavailable)?;
    let identify = match run.runtime.block_on(identify(&client, settings)) {
        Ok((identify, _)) => identify,
        Err(error @ FetchError::Protocol(_)) => return Err(HarvestError::Refused(error)),
        Err(FetchError::Stopped) => return Ok(None),
        Err(error) => return Err(HarvestError::unidentified(error, SourceKind::OaiPmh)),
    };
    tracing::info!(
        source = source.name,
        repository = identify.repository_name,
        granularity = identify.granularity.as_str(),
        "identified"
    );
    let row = mirror.log.enter_source(source)?;
    let context = context_of(&mirror.log, run.runtime, &client, list.context.as_ref(), &row)?;
    let readable = context.as_ref().map(|context| Arc::clone(&context.context));
    let reader = Reader::new(row.format, readable, settings.depth);
    let bounds = Bounds { granularity: identify.granularity, overlap_s: settings.overlap_s };
    let acceptance = Some(Acceptance { granularity: Some(identify.granularity), context });
    let list = ListRun { source: list, run, client: &client, bounds, acceptance };
    let source_id = row.id;
    let ((), followed) =
        mirror.grow(|| run.stop.is_stopped(), |log, growth| list.run(log, growth, row, &reader, report, progress))?;
    report.followed(&followed);
    report.traffic = client.traffic();
    Ok(Some(source_id))
}

/// What the harvest of one list needs.
struct ListRun<'a> {
    source: &'a OaiSource,
    run: Run<'a>,
    client: &'a Client,
    bounds: Bounds,
    acceptance: Option<Acceptance>,
}

impl ListRun<'_> {
    /// Harvests the list to its end or to the limits of the run, while the views follow.
    fn run(
        mut self,
        log: &mut Log,
        growth: &Growth,
        row: SourceRow,
        reader: &Reader,
        report: &mut HarvestReport,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<(), HarvestError> {
        let first = row.live + row.deleted == 0;
        let source_id = row.id;
        let mut step = self.plan(log, &row)?;
        report.resumed = !matches!(step, Step::Begin { .. });
        let harvest = match &step {
            Step::Begin { kind, from, until } => {
                report.from.clone_from(from);
                log.begin_harvest(row.id, *kind, from.as_deref(), until.as_deref(), now())?
            }
            Step::Reopen { harvest, from, .. } => {
                report.from.clone_from(from);
                log.reopen_harvest(*harvest, step.assumed_from())?;
                *harvest
            }
            Step::Resume { harvest, .. } => *harvest,
        };
        let received_before = log.harvest(harvest)?.map_or(0, |harvest| harvest.since_opened);
        let mut committer = Committer {
            log: &mut *log,
            growth: Some(growth),
            row,
            harvest,
            bounds: self.bounds,
            stop: self.run.stop,
            deadline: self.run.deadline,
            done: Progress::default(),
            list: ListProgress::resumed(received_before),
            acceptance: self.acceptance.take(),
        };
        report.outcome = loop {
            let (sender, mut messages) = channel();
            let received = committer.done.counters.received;
            let mut fetcher = Fetcher {
                client: self.client.clone(),
                source: self.source.clone(),
                settings: self.run.config.harvest.clone(),
                verb: ListVerb::Records,
                probe: (first && received == 0).then(|| reader.clone()),
                remaining: self.run.options.max_records.map(|most| most.saturating_sub(received)),
                in_span: false,
                sender: sender.clone(),
            };
            let fetching = async move { fetcher.list_around_killers(step).await };
            let task = self.run.runtime.spawn(report_end(sender, Box::pin(fetching)));
            let end = committer.commit_list(self.run.runtime, &mut messages, progress);
            // It may still wait for an answer that nobody needs.
            task.abort();
            match end? {
                ListEnd::Outcome(outcome) => break outcome,
                ListEnd::Reopen(again) => step = again,
            }
        };
        report.counters = committer.done.counters;
        let doubtful = log.harvest(harvest)?.is_some_and(|harvest| harvest.doubtful);
        if doubtful && self.run.options.window.kind() == HarvestKind::Regular {
            let (complete, undoubted) = (log.last_complete(source_id)?, log.last_undoubted(source_id)?);
            report.reaches_back = Some(next_from(&Facts {
                newest: None,
                complete: complete.as_ref(),
                undoubted: undoubted.as_ref(),
                bounds: self.bounds,
            }));
        }
        Ok(())
    }

    fn plan(&self, log: &Log, row: &SourceRow) -> Result<Step, LogError> {
        let newest = log.harvests(row.id, self.run.options.window.kind(), 1)?;
        let (complete, undoubted) = (log.last_complete(row.id)?, log.last_undoubted(row.id)?);
        let facts =
            Facts { newest: newest.first(), complete: complete.as_ref(), undoubted: undoubted.as_ref(), bounds: self.bounds };
        Ok(plan(&facts, &self.run.options.window))
    }
}
