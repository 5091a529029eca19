//! Repairs: fetches records by their identifiers, those that an audit found to differ and those that the source did not deliver.

use chrono::Utc;
use tokio::runtime::Runtime;

use super::client::Client;
use super::commit::{Committer, ListEnd};
use super::connect::{identify, runtime};
use super::emm;
use super::error::FetchError;
use super::fetch::{Fetcher, report_end};
use super::messages::channel;
use super::outcome::{HarvestError, Outcome, Progress};
use super::plan::Bounds;
use super::resume::ListProgress;
use crate::config::{Config, OaiSource, Source, SourceOrigin};
use crate::log::{Counters, DifferenceKind, Log, LogError, SourceRow};
use crate::mirror::Mirror;
use crate::oai::{Datestamp, Granularity, Header, ListVerb, RecordId};
use crate::stop::Stop;

/// What a retry of the quarantine did.
#[derive(Debug)]
pub struct RetryReport {
    /// The source.
    pub source: String,
    /// Records that were parsed again or requested again.
    pub tried: u64,
    /// Those that are still in quarantine.
    pub left: u64,
    /// Whether only a harvest can read them again, since they come from documents.
    pub left_to_harvest: bool,
    /// Why the source could not be asked.
    pub unavailable: Option<FetchError>,
}

/// What a repair requests.
enum Wanted {
    Records(Vec<Header>),
    /// Everything that was changed between two bounds.
    Span(Option<String>, Option<String>),
}

/// Fetches records into a harvest of their own, which later harvests do not follow on from.
pub(super) struct Repair<'a> {
    committer: Committer<'a>,
    source: &'a OaiSource,
    config: &'a Config,
}

/// How many differences are read from the log at a time.
const DIFFERENCES_PER_FETCH: usize = 500;

impl<'a> Repair<'a> {
    pub(super) fn new(
        log: &'a mut Log,
        source: &'a OaiSource,
        config: &'a Config,
        stop: &'a Stop,
        row: &SourceRow,
        granularity: Granularity,
    ) -> Result<Self, LogError> {
        let harvest = log.begin_repair(row.id, Utc::now().timestamp_millis())?;
        let committer = Committer {
            log,
            growth: None,
            row: row.clone(),
            harvest,
            bounds: Bounds { granularity, overlap_s: config.harvest.overlap_s },
            stop,
            deadline: None,
            done: Progress::default(),
            list: ListProgress::default(),
            acceptance: None,
        };
        Ok(Self { committer, source, config })
    }

    /// Fetches what the newest audit found missing or stale.
    pub(super) fn differing(
        &mut self,
        runtime: &Runtime,
        client: &Client,
        harvested: Option<Datestamp>,
    ) -> Result<(Counters, Option<FetchError>), HarvestError> {
        let mut after = String::new();
        loop {
            let found = self.committer.log.differing(self.committer.row.id, harvested, &after, DIFFERENCES_PER_FETCH)?;
            let Some(last) = found.last() else { break };
            after.clone_from(&last.identifier);
            let headers =
                found.into_iter().filter(|difference| difference.kind != DifferenceKind::Pending).filter_map(|difference| {
                    let datestamp_text = difference.there.unwrap_or_default();
                    Some(Header {
                        identifier: RecordId::new(&difference.identifier).ok()?,
                        datestamp: Datestamp::parse(&datestamp_text).ok(),
                        datestamp_text,
                        sets: Vec::new(),
                        deleted: difference.deleted,
                    })
                });
            if let Some(error) = self.fetch(runtime, client, Wanted::Records(headers.collect()))? {
                return Ok((self.committer.done.counters, Some(error)));
            }
        }
        self.finish()?;
        Ok((self.committer.done.counters, None))
    }

    fn finish(&mut self) -> Result<(), LogError> {
        self.committer.log.end_repair(self.committer.harvest, Utc::now().timestamp_millis())
    }

    fn fetch(&mut self, runtime: &Runtime, client: &Client, wanted: Wanted) -> Result<Option<FetchError>, HarvestError> {
        let (sender, mut messages) = channel();
        let mut fetcher = Fetcher {
            client: client.clone(),
            source: self.source.clone(),
            settings: self.config.harvest.clone(),
            verb: ListVerb::Records,
            probe: None,
            remaining: None,
            in_span: true,
            sender: sender.clone(),
        };
        runtime.spawn(report_end(sender, async move {
            match wanted {
                Wanted::Records(headers) => fetcher.fetch_each(headers, false).await.map(|_| ()),
                Wanted::Span(from, until) => {
                    let mut request = fetcher.window(from, until);
                    fetcher.pages(&mut request, &mut 0).await
                }
            }
        }));
        match self.committer.commit_list(runtime, &mut messages, &mut |_| {})? {
            ListEnd::Outcome(Outcome::Unavailable(error)) => Ok(Some(error)),
            ListEnd::Outcome(Outcome::Complete { .. }) => Ok(None),
            _ => Ok(Some(FetchError::Stopped)),
        }
    }
}

/// Retries the quarantine of one source: parses records that gave no triples again, and requests those that the source did not
/// deliver.
pub fn retry(mirror: &mut Mirror, source: &Source, config: &Config, stop: &Stop) -> Result<RetryReport, HarvestError> {
    let row = mirror.log.known_source(source)?;
    let undelivered = mirror.log.undelivered(Some(&row.name))?;
    let parsed = mirror.log.touch_quarantined(row.id, Utc::now().timestamp_millis())?;
    mirror.catch_up(|_| !stop.is_stopped())?;
    // A harvest reads documents that failed again, together with those that share their records.
    let by_harvest = matches!(source.origin, SourceOrigin::Documents(_)) && !undelivered.is_empty();
    let asked = if by_harvest { 0 } else { undelivered.len() as u64 };
    let mut report =
        RetryReport { source: row.name.clone(), tried: parsed + asked, left: 0, left_to_harvest: by_harvest, unavailable: None };
    if asked > 0 {
        let runtime = runtime()?;
        report.unavailable = match &source.origin {
            SourceOrigin::OaiPmh(list) => ask_again(&runtime, mirror, list, config, stop, &row, undelivered)?,
            SourceOrigin::Emm(service) => emm::fetch_again(mirror, service, (config, stop, &runtime), &row, &undelivered)?,
            SourceOrigin::Documents(_) => None,
        };
        runtime.shutdown_background();
        mirror.catch_up(|_| !stop.is_stopped())?;
    }
    report.left = crate::quarantine::count(&mirror.log, &row.name)? + mirror.log.undelivered(Some(&row.name))?.len() as u64;
    if !stop.is_stopped() && report.tried > report.left {
        mirror.publish()?;
    }
    Ok(report)
}

fn ask_again(
    runtime: &Runtime,
    mirror: &mut Mirror,
    source: &OaiSource,
    config: &Config,
    stop: &Stop,
    row: &SourceRow,
    undelivered: Vec<crate::log::UndeliveredRow>,
) -> Result<Option<FetchError>, HarvestError> {
    let client = Client::new(&source.url, &config.harvest, stop.clone()).map_err(HarvestError::Unavailable)?;
    let identify = match runtime.block_on(identify(&client, &config.harvest)) {
        Ok((identify, _)) => identify,
        Err(error) => return Ok(Some(error)),
    };
    let mut repair = Repair::new(&mut mirror.log, source, config, stop, row, identify.granularity)?;
    let (mut headers, mut spans) = (Vec::new(), Vec::new());
    for missing in undelivered {
        match span_of(&missing.identifier) {
            Some(span) => spans.push((missing.identifier, span)),
            None => headers.extend(RecordId::new(&missing.identifier).ok().map(|identifier| Header {
                identifier,
                // No version in the log has this datestamp, so all of them are requested.
                datestamp_text: String::new(),
                datestamp: None,
                sets: Vec::new(),
                deleted: false,
            })),
        }
    }
    if let Some(error) = repair.fetch(runtime, &client, Wanted::Records(headers))? {
        return Ok(Some(error));
    }
    for (name, (from, until)) in spans {
        match repair.fetch(runtime, &client, Wanted::Span(from, until))? {
            None => repair.committer.log.forget_undelivered(row.id, &name)?,
            Some(error) if error.may_be_a_record() => {}
            Some(error) => return Ok(Some(error)),
        }
    }
    repair.finish()?;
    Ok(None)
}

/// The bounds of a span that could not be listed at all, which is noted as `FROM/UNTIL`.
fn span_of(name: &str) -> Option<(Option<String>, Option<String>)> {
    let bound = |text: &str| match text {
        ".." => Some(None),
        text => Datestamp::parse(text).is_ok().then(|| Some(text.to_owned())),
    };
    let (from, until) = name.split_once('/')?;
    Some((bound(from)?, bound(until)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_from_identifiers() {
        let both = (Some("2026-01-02".to_owned()), Some("2026-01-03".to_owned()));
        assert_eq!(span_of("2026-01-02/2026-01-03"), Some(both));
        assert_eq!(span_of("../2026-01-03"), Some((None, Some("2026-01-03".to_owned()))));
        assert_eq!(span_of("https://libris.kb.se/khw03jc347kgv4w"), None);
    }
}
