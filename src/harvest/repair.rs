//! Fetching records by their identifiers: those that an audit found to differ, and those that the source could not
//! deliver before.

use chrono::Utc;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::client::Client;
use super::error::FetchError;
use super::fetch::{Fetcher, Trail, tell_the_end};
use super::follow::{Followed, Follower, ListSoFar};
use super::run::{HarvestError, Outcome, Progress, WAITING, identify, runtime};
use super::stop::Stop;
use crate::config::{Config, Source};
use crate::log::{Counters, DifferenceKind, Log, LogError, SourceRow};
use crate::mirror::Mirror;
use crate::oai::{Datestamp, Granularity, Header, ListVerb, RecordId};

/// What asking again brought.
#[derive(Debug)]
pub struct RetryReport {
    /// The source.
    pub source: String,
    /// Records that were looked at again, or asked for again.
    pub tried: u64,
    /// Of these, those that are still in quarantine.
    pub left: u64,
    /// Why the source could not be asked.
    pub unavailable: Option<FetchError>,
}

/// What is asked for.
enum Wanted {
    Records(Vec<Header>),
    /// Everything that was changed then.
    Span(Option<String>, Option<String>),
}

/// Fetches records into a harvest of their own, which moves nothing.
pub(super) struct Repair<'a> {
    follower: Follower<'a>,
    source: &'a Source,
    config: &'a Config,
}

/// Records that are fetched in one go.
const TOGETHER: usize = 500;

impl<'a> Repair<'a> {
    pub(super) fn new(
        log: &'a mut Log,
        source: &'a Source,
        config: &'a Config,
        stop: &'a Stop,
        row: &SourceRow,
        granularity: Granularity,
    ) -> Result<Self, LogError> {
        let harvest = log.begin_repair(row.id, Utc::now().timestamp_millis())?;
        let follower = Follower {
            log,
            growth: None,
            row: row.clone(),
            harvest,
            granularity,
            window: super::plan::Options::default(),
            overlap_s: config.harvest.overlap_s,
            stop,
            deadline: None,
            before: 0,
            done: Progress::default(),
            list: ListSoFar::default(),
        };
        Ok(Self { follower, source, config })
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
            let found = self.follower.log.differing(self.follower.row.id, harvested, &after, TOGETHER)?;
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
                return Ok((self.follower.done.counters, Some(error)));
            }
        }
        self.finish()?;
        Ok((self.follower.done.counters, None))
    }

    fn finish(&mut self) -> Result<(), LogError> {
        self.follower.log.end_repair(self.follower.harvest, Utc::now().timestamp_millis())
    }

    fn fetch(&mut self, runtime: &Runtime, client: &Client, wanted: Wanted) -> Result<Option<FetchError>, HarvestError> {
        let (sender, mut parts) = mpsc::channel(WAITING);
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
        runtime.spawn(tell_the_end(sender, async move {
            match wanted {
                Wanted::Records(headers) => fetcher.fetch_each(headers, false).await.map(|_| ()),
                Wanted::Span(from, until) => {
                    let mut request = fetcher.window(from, until);
                    fetcher.pages(&mut request, &mut Trail::default(), &mut 0).await
                }
            }
        }));
        match self.follower.follow(runtime, &mut parts, &mut |_| {})? {
            Followed::Ended(Outcome::Unavailable(error)) => Ok(Some(error)),
            Followed::Ended(Outcome::Complete { .. }) => Ok(None),
            _ => Ok(Some(FetchError::Stopped)),
        }
    }
}

/// Tries the quarantine of one source again: records that gave no triples are parsed anew, and those that the source
/// could not deliver are asked for.
pub fn retry(mirror: &mut Mirror, source: &Source, config: &Config, stop: &Stop) -> Result<RetryReport, HarvestError> {
    let row = mirror.log.known_source(source)?;
    let undelivered = mirror.log.undelivered(Some(&row.name))?;
    let parsed = mirror.log.touch_quarantined(row.id, Utc::now().timestamp_millis())?;
    mirror.catch_up(|_| !stop.is_stopped())?;
    let mut report =
        RetryReport { source: row.name.clone(), tried: parsed + undelivered.len() as u64, left: 0, unavailable: None };
    if !undelivered.is_empty() {
        let runtime = runtime()?;
        report.unavailable = ask_again(&runtime, mirror, source, config, stop, &row, undelivered)?;
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
    source: &Source,
    config: &Config,
    stop: &Stop,
    row: &SourceRow,
    undelivered: Vec<crate::log::UndeliveredRow>,
) -> Result<Option<FetchError>, HarvestError> {
    let client = Client::new(&source.url, &config.harvest, stop.clone()).map_err(HarvestError::Unavailable)?;
    let identify = match identify(runtime, &client, config) {
        Ok(identify) => identify,
        Err(error) => return Ok(Some(error)),
    };
    let mut repair = Repair::new(&mut mirror.log, source, config, stop, row, identify.granularity)?;
    let (mut headers, mut spans) = (Vec::new(), Vec::new());
    for missing in undelivered {
        match span_of(&missing.identifier) {
            Some(span) => spans.push((missing.identifier, span)),
            None => headers.extend(RecordId::new(&missing.identifier).ok().map(|identifier| Header {
                identifier,
                // No version of the log has this: all of them are asked for.
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
            None => repair.follower.log.forget_undelivered(row.id, &name)?,
            Some(error) if error.may_be_a_record() => {}
            Some(error) => return Ok(Some(error)),
        }
    }
    repair.finish()?;
    Ok(None)
}

/// The bounds of a span that could not be listed at all, which is noted by them: `FROM/UNTIL`.
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
