//! The fetching side of a run: page after page, until the list ends or something does.

use std::collections::VecDeque;
use std::hash::Hasher;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use rustc_hash::FxHasher;
use tokio::sync::{mpsc, oneshot};

use super::client::Client;
use super::error::FetchError;
use super::list::{End, Part, read_list};
use super::place::Order;
use super::plan::{Step, other_words};
use super::probe::{ProbeError, probe};
use crate::config::{Harvest, Source};
use crate::oai::{Datestamp, ErrorCode, Header, ListArguments, ListVerb, Request, ResumptionToken};
use crate::rdf::Reader;

/// What the fetching side hands to the committing one.
pub(super) enum Fetched {
    /// Records to commit.
    Part(Part),
    /// The place in the list is lost: how to go on, or not at all?
    Lost(Lost, oneshot::Sender<Onward>),
    /// Which of these records are not in the log as they are named here? Of those that a list names (`listed`), which of them
    /// did not come in this harvest: a datestamp alone may stand for two versions.
    Which { headers: Vec<Header>, listed: bool, sender: oneshot::Sender<Vec<Header>> },
    /// The list has ended.
    Done,
    /// It cannot go on.
    Failed(FetchError),
    /// The records of the first page say nothing.
    Useless(ProbeError),
}

/// How to go on after the place in a list was lost.
#[derive(Debug)]
pub(super) enum Onward {
    /// From here.
    Step(Step),
    /// Not at all: the list has ended.
    End,
    /// Not at all: the error is what there is to say.
    GiveUp,
}

/// Why the place in a list is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// The server does not take the token, or says that it leads to nothing.
    Refused {
        /// It says that nothing is left (`noRecordsMatch`).
        nothing_left: bool,
    },
    /// The answer broke off, or does not come at all.
    Broken,
}

#[derive(Clone)]
pub(super) struct Fetcher {
    pub(super) client: Client,
    pub(super) source: Source,
    pub(super) settings: Harvest,
    pub(super) verb: ListVerb,
    /// Look at the first records before anything is committed.
    pub(super) probe: Option<Reader>,
    /// How many records may still come.
    pub(super) remaining: Option<u64>,
    /// The list is a span of the one that the log has open: its end ends nothing, and its tokens lead nowhere.
    pub(super) in_span: bool,
    pub(super) sender: mpsc::Sender<Fetched>,
}

/// What came of an answer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Came {
    count: u64,
    /// The order of the list, up to the end of what came.
    order: Order,
}

/// An answer, as far as the next request depends on it.
struct Answered {
    end: End,
    came: Came,
    /// A hash of its records.
    content: u64,
}

/// How often a list may be re-opened without a whole answer in between.
const REOPENINGS: u32 = 3;

/// How many records more than were asked for an answer may have until it is broken off: some have millions.
const BEYOND: u64 = 10_000;

/// How many pages back a loop is looked for.
const REMEMBERED: usize = 1024;

/// Fetches a list from its first request on. Ends by itself when the other side has gone.
pub(super) async fn fetch(mut fetcher: Fetcher, first: Step) {
    let sender = fetcher.sender.clone();
    tell_the_end(sender, Box::pin(async move { fetcher.list(first).await })).await;
}

/// Does the fetching, and says at its end how it ended: after a panic as well, or it would look as if the user had stopped it.
pub(super) async fn tell_the_end(sender: mpsc::Sender<Fetched>, fetching: impl Future<Output = Result<(), Failure>>) {
    let last = match AssertUnwindSafe(fetching).catch_unwind().await {
        Ok(Ok(())) => Fetched::Done,
        Ok(Err(Failure::Fetch(error) | Failure::Broken(error, _))) => Fetched::Failed(error),
        Ok(Err(Failure::Probe(error))) => Fetched::Useless(error),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Fetched::Failed(FetchError::Fault(text.unwrap_or("a panic without words").to_owned()))
        }
    };
    // Nobody is left to tell if this fails.
    let _ = sender.send(last).await;
}

#[derive(Debug)]
pub(super) enum Failure {
    Fetch(FetchError),
    Probe(ProbeError),
    /// The answer broke off after some of its records were handed over.
    Broken(FetchError, Came),
}

impl Failure {
    /// Why asking the same again leads nowhere, or back to the beginning of a long answer.
    pub(super) fn lost(&self, request: &Request) -> Option<Lost> {
        match self {
            Self::Fetch(error) => refusal(error, request),
            Self::Broken(..) => Some(Lost::Broken),
            Self::Probe(_) => None,
        }
    }

    /// The error of a page that a single record may have killed.
    pub(super) fn may_be_a_record(self) -> Result<FetchError, Self> {
        match self {
            Self::Fetch(error) | Self::Broken(error, _) if error.may_be_a_record() => Ok(error),
            other => Err(other),
        }
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self::Fetch(error)
    }
}

/// The pages of one list so far: which tokens led where, and the order of the records. A quick hash is enough: whoever
/// makes two pages that share one breaks off nothing but a list of their own.
#[derive(Default)]
pub(super) struct Trail {
    pages: VecDeque<(ResumptionToken, u64)>,
    order: Order,
}

impl Trail {
    /// Notes a page; an error if it came before with the same token.
    pub(super) fn note(&mut self, token: &ResumptionToken, content: u64) -> Result<(), FetchError> {
        let state = (token.clone(), content);
        if self.pages.contains(&state) {
            return Err(FetchError::Loop(token.to_string()));
        }
        self.pages.push_back(state);
        if self.pages.len() > REMEMBERED {
            self.pages.pop_front();
        }
        Ok(())
    }

    /// The datestamp up to which the list has come, if it ascends.
    pub(super) fn reached(&self) -> Option<Datestamp> {
        self.order.reached()
    }
}

impl Fetcher {
    pub(super) fn request(&self, step: Step) -> Request {
        match step {
            Step::Resume { token, .. } => self.verb.resume(token),
            Step::Reopen { from, until, .. } | Step::Begin { from, until, .. } => self.window(from, until),
        }
    }

    pub(super) fn window(&self, from: Option<String>, until: Option<String>) -> Request {
        self.verb.begin(ListArguments { prefix: self.source.prefix.clone(), from, until, set: self.source.set.clone() })
    }

    async fn list(&mut self, first: Step) -> Result<(), Failure> {
        let mut request = self.request(first);
        let mut reopenings = 0;
        loop {
            let failure = match self.pages(&mut request, &mut Trail::default(), &mut reopenings).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            let Some(lost) = failure.lost(&request).filter(|_| reopenings < REOPENINGS) else {
                return match (failure.may_be_a_record(), self.verb) {
                    (Ok(error), ListVerb::Records) => self.isolate(error).await,
                    (Ok(error), ListVerb::Identifiers) => Err(error.into()),
                    (Err(failure), _) => Err(failure),
                };
            };
            reopenings += 1;
            match self.place(lost).await? {
                Onward::Step(step) => request = self.request(step),
                Onward::End => return self.hand_over_the_end().await,
                Onward::GiveUp => return Err(failure),
            }
            if let Failure::Fetch(error) | Failure::Broken(error, _) = &failure {
                tracing::warn!("{error}; the list is opened again from where it got to");
            }
        }
    }

    /// Asks the committing side where to go on.
    pub(super) async fn place(&self, lost: Lost) -> Result<Onward, FetchError> {
        let (sender, answer) = oneshot::channel();
        self.sender.send(Fetched::Lost(lost, sender)).await.map_err(|_| FetchError::Stopped)?;
        answer.await.map_err(|_| FetchError::Stopped)
    }

    /// Says that the list has ended, where no answer did.
    pub(super) async fn hand_over_the_end(&self) -> Result<(), Failure> {
        let end = Some(End { token: None, complete_list_size: None });
        self.hand_over(Part { end, ..Part::default() }).await
    }

    pub(super) async fn hand_over(&self, part: Part) -> Result<(), Failure> {
        self.sender.send(Fetched::Part(part)).await.map_err(|_| FetchError::Stopped.into())
    }

    /// Follows a list to its end. After a failure, `request` is the one that failed.
    pub(super) async fn pages(&mut self, request: &mut Request, trail: &mut Trail, failures: &mut u32) -> Result<(), Failure> {
        loop {
            let answered = match self.in_any_words(request, trail.order).await {
                Ok(answered) => answered,
                Err(failure) => {
                    if let Failure::Broken(_, came) = &failure {
                        trail.order = came.order;
                    }
                    return Err(failure);
                }
            };
            trail.order = answered.came.order;
            *failures = 0;
            let Some(token) = answered.end.token else { return Ok(()) };
            trail.note(&token, answered.content)?;
            if self.remaining == Some(0) {
                return Err(FetchError::Enough.into());
            }
            *request = match &*request {
                Request::ResumeWithPrefix(verb, _, prefix) => Request::ResumeWithPrefix(*verb, token, prefix.clone()),
                Request::ResumeUnencoded(verb, _) => Request::ResumeUnencoded(*verb, token),
                _ => self.verb.resume(token),
            };
        }
    }

    /// Fetches an answer; where the server refuses the words, in others.
    async fn in_any_words(&mut self, request: &mut Request, order: Order) -> Result<Answered, Failure> {
        let refused = match self.page(request, order).await {
            Err(Failure::Fetch(FetchError::Protocol(error)))
                if matches!(error.code, ErrorCode::BadArgument | ErrorCode::BadResumptionToken) =>
            {
                error
            }
            answered => return answered,
        };
        for words in other_words(request, &self.source.prefix) {
            // A token that is merely old needs no guessing about its arguments.
            if refused.code == ErrorCode::BadResumptionToken && !matches!(words, Request::ResumeUnencoded(..)) {
                continue;
            }
            match self.page(&words, order).await {
                Err(Failure::Fetch(FetchError::Protocol(_))) => {}
                Ok(answered) => {
                    tracing::warn!("{refused}; the server takes {}", words.url(&self.source.url));
                    *request = words;
                    return Ok(answered);
                }
                failed => return failed,
            }
        }
        Err(FetchError::Protocol(refused).into())
    }

    /// Fetches one answer and hands its parts over as they come; `order` is that of the list so far.
    async fn page(&mut self, request: &Request, order: Order) -> Result<Answered, Failure> {
        let mine = self.clone();
        let runtime = tokio::runtime::Handle::current();
        let opens_list = matches!(request, Request::ListRecords(_) | Request::ListIdentifiers(_));
        let answered = self
            .client
            .ask(request, move |input| {
                let (mut left, mut beyond) = (mine.remaining, 0);
                let (mut to_probe, mut came) = (mine.probe.as_ref(), Came { count: 0, order });
                let mut content = FxHasher::default();
                let mut useless = None;
                let mut last = None;
                let read = read_list(input, &mine.settings, opens_list, |mut part| {
                    if let Some(reader) = to_probe.take()
                        && let Err(error) =
                            runtime.block_on(probe(&mine.client, &mine.source, &mine.settings, reader, &part.records))
                    {
                        useless = Some(error);
                        return Err(FetchError::Stopped);
                    }
                    let part_of_it = part.records.len() as u64;
                    beyond += left.map_or(0, |left| part_of_it.saturating_sub(left));
                    left = left.map(|left| left.saturating_sub(part_of_it));
                    came.count += part.records.len() as u64;
                    part.records.iter().for_each(|record| {
                        came.order.came(record);
                        content.write(record.header.identifier.as_str().as_bytes());
                        content.write(&record.xml);
                    });
                    last.clone_from(&part.end);
                    if mine.in_span {
                        part.end = None;
                    }
                    mine.sender.blocking_send(Fetched::Part(part)).map_err(|_| FetchError::Stopped)?;
                    // An answer that has begun is taken to its end, where the next run goes on, unless it has none.
                    if beyond > BEYOND && last.is_none() { Err(FetchError::Enough) } else { Ok(()) }
                });
                if let Some(error) = useless {
                    return Ok(Err(Failure::Probe(error)));
                }
                match read {
                    // A list without tokens may be gigabytes long: go on from where it broke, do not begin again.
                    Err(error) if opens_list && came.count > 0 && error.is_transient() => {
                        return Ok(Err(Failure::Broken(error, came)));
                    }
                    read => read?,
                }
                let end = last.unwrap_or(End { token: None, complete_list_size: None });
                Ok(Ok(Answered { end, came, content: content.finish() }))
            })
            .await?;
        let count = match &answered {
            Ok(answered) => answered.came.count,
            Err(Failure::Broken(_, came)) => came.count,
            Err(_) => 0,
        };
        self.remaining = self.remaining.map(|remaining| remaining.saturating_sub(count));
        if answered.is_ok() {
            self.probe = None;
        }
        answered
    }
}

/// Whether an answer means that the token leads nowhere any more. Some servers say `noRecordsMatch` then.
fn refusal(error: &FetchError, request: &Request) -> Option<Lost> {
    let FetchError::Protocol(error) = error else { return None };
    let nothing_left = error.code == ErrorCode::NoRecordsMatch;
    let resumed = !matches!(request, Request::ListRecords(_) | Request::ListIdentifiers(_));
    (resumed && (nothing_left || error.code == ErrorCode::BadResumptionToken)).then_some(Lost::Refused { nothing_left })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_while_fetching_is_told_as_what_it_is() {
        let (sender, mut parts) = mpsc::channel(1);
        tell_the_end(sender, async { panic!("the {}th record", 7) }).await;
        let told = parts.recv().await;
        assert!(matches!(&told, Some(Fetched::Failed(FetchError::Fault(text))) if text == "the 7th record"));
        let Some(Fetched::Failed(error)) = told else { return };
        assert!(!error.is_transient() && !error.may_be_a_record() && error.to_string().contains("please report"));
    }
}
