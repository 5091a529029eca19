//! The fetching side of a run: page after page, until the list ends or something does.

use tokio::sync::{mpsc, oneshot};

use super::client::{Client, FetchError};
use super::list::{End, Part, read_list};
use super::plan::Step;
use super::probe::{ProbeError, probe};
use crate::config::{Harvest, Source};
use crate::oai::{ErrorCode, ListArguments, Request};
use crate::rdf::Reader;

/// What the fetching side hands to the committing one.
pub(super) enum Fetched {
    /// Records to commit.
    Part(Part),
    /// The token has expired: how to go on?
    Expired(oneshot::Sender<Step>),
    /// The list has ended.
    Done,
    /// It cannot go on.
    Failed(FetchError),
    /// The records of the first page say nothing.
    Useless(ProbeError),
}

#[derive(Clone)]
pub(super) struct Fetcher {
    pub(super) client: Client,
    pub(super) source: Source,
    pub(super) settings: Harvest,
    pub(super) reader: Reader,
    /// Look at the first records before anything is committed.
    pub(super) probe: bool,
    pub(super) max_records: Option<u64>,
    pub(super) sender: mpsc::Sender<Fetched>,
}

/// An answer, as far as the next request depends on it.
struct Answered {
    end: End,
    count: u64,
    content: blake3::Hash,
}

/// How often a list may be re-opened without a whole answer in between.
const REOPENINGS: u32 = 3;

/// Fetches a list from its first request on. Ends by itself when the other side has gone.
pub(super) async fn fetch(mut fetcher: Fetcher, first: Step) {
    let last = match fetcher.list(first).await {
        Ok(()) => Fetched::Done,
        Err(Failure::Fetch(error) | Failure::Broken(error, _)) => Fetched::Failed(error),
        Err(Failure::Probe(error)) => Fetched::Useless(error),
    };
    // Nobody is left to tell if this fails.
    let _ = fetcher.sender.send(last).await;
}

enum Failure {
    Fetch(FetchError),
    Probe(ProbeError),
    /// The answer broke off after so many of its records were handed over.
    Broken(FetchError, u64),
}

impl Failure {
    /// Whether asking the same again leads nowhere, or back to the beginning of a long answer.
    fn loses_its_place(&self, request: &Request) -> bool {
        match self {
            Self::Fetch(error) => is_expired(error, request),
            Self::Broken(..) => true,
            Self::Probe(_) => false,
        }
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self::Fetch(error)
    }
}

impl Fetcher {
    fn request(&self, step: Step) -> Request {
        match step {
            Step::Resume { token, .. } => Request::ResumeRecords(token),
            Step::Reopen { from, until, .. } | Step::Begin { from, until, .. } => Request::ListRecords(ListArguments {
                prefix: self.source.prefix.clone(),
                from,
                until,
                set: self.source.set.clone(),
            }),
        }
    }

    async fn list(&mut self, first: Step) -> Result<(), Failure> {
        let mut request = self.request(first);
        let mut remaining = self.max_records;
        let (mut before, mut reopenings) = (None, 0);
        loop {
            let answered = match self.page(&request, remaining).await {
                Err(failure) if reopenings < REOPENINGS && failure.loses_its_place(&request) => {
                    let (error, count) = match failure {
                        Failure::Broken(error, count) => (error, count),
                        Failure::Fetch(error) => (error, 0),
                        Failure::Probe(_) => return Err(failure),
                    };
                    tracing::warn!("{error}; the list is opened again from where it got to");
                    reopenings += 1;
                    remaining = remaining.map(|remaining| remaining.saturating_sub(count));
                    let (sender, answer) = oneshot::channel();
                    self.sender.send(Fetched::Expired(sender)).await.map_err(|_| FetchError::Stopped)?;
                    request = self.request(answer.await.map_err(|_| FetchError::Stopped)?);
                    continue;
                }
                answered => answered?,
            };
            reopenings = 0;
            self.probe = false;
            let Some(token) = answered.end.token else { return Ok(()) };
            let state = (token.clone(), answered.content);
            if before.as_ref() == Some(&state) {
                return Err(FetchError::Loop(token.to_string()).into());
            }
            before = Some(state);
            remaining = remaining.map(|remaining| remaining.saturating_sub(answered.count));
            if remaining == Some(0) {
                return Err(FetchError::Enough.into());
            }
            request = Request::ResumeRecords(token);
        }
    }

    /// Fetches one answer and hands its parts over as they come.
    async fn page(&self, request: &Request, remaining: Option<u64>) -> Result<Answered, Failure> {
        let mine = self.clone();
        let runtime = tokio::runtime::Handle::current();
        let opens_list = matches!(request, Request::ListRecords(_));
        self.client
            .ask(request, move |input| {
                let (mut left, mut to_probe, mut count) = (remaining, mine.probe, 0);
                let mut content = blake3::Hasher::new();
                let mut useless = None;
                let mut last = None;
                let read = read_list(input, &mine.settings, opens_list, |mut part| {
                    if std::mem::take(&mut to_probe)
                        && let Err(error) =
                            runtime.block_on(probe(&mine.client, &mine.source, &mine.settings, &mine.reader, &part.records))
                    {
                        useless = Some(error);
                        return Err(FetchError::Stopped);
                    }
                    let enough = left.is_some_and(|left| part.records.len() as u64 > left);
                    if let Some(left) = left.as_mut() {
                        if enough {
                            // The rest of this answer is asked for again by the next run.
                            part.records.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                            part.end = None;
                        }
                        *left -= part.records.len() as u64;
                    }
                    count += part.records.len() as u64;
                    part.records.iter().for_each(|record| {
                        content.update(&record.xml);
                    });
                    last.clone_from(&part.end);
                    mine.sender.blocking_send(Fetched::Part(part)).map_err(|_| FetchError::Stopped)?;
                    if enough || (left == Some(0) && last.is_none()) { Err(FetchError::Enough) } else { Ok(()) }
                });
                if let Some(error) = useless {
                    return Ok(Err(Failure::Probe(error)));
                }
                match read {
                    // A list without tokens may be gigabytes long: go on from where it broke, do not begin again.
                    Err(error) if opens_list && count > 0 && error.is_transient() => {
                        return Ok(Err(Failure::Broken(error, count)));
                    }
                    read => read?,
                }
                let end = last.unwrap_or(End { token: None, complete_list_size: None });
                Ok(Ok(Answered { end, count, content: content.finalize() }))
            })
            .await?
    }
}

/// Whether an answer means that the token leads nowhere any more. Some servers say `noRecordsMatch` then.
fn is_expired(error: &FetchError, request: &Request) -> bool {
    let resumed = matches!(request, Request::ResumeRecords(_));
    matches!(error, FetchError::Protocol(error) if resumed && matches!(error.code, ErrorCode::BadResumptionToken | ErrorCode::NoRecordsMatch))
}
