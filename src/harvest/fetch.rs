//! The fetching side of a run: page after page, until the list ends or fails.

use std::collections::VecDeque;
use std::hash::Hasher;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use rustc_hash::FxHasher;
use tokio::sync::{mpsc, oneshot};

use super::client::Client;
use super::error::FetchError;
use super::list::{End, Part, read_list};
use super::messages::FromFetcher;
use super::plan::{Step, other_forms};
use super::probe::{ProbeError, probe};
use super::resume::{Continuation, Loss};
use crate::config::{Harvest, OaiSource};
use crate::oai::{ErrorCode, ListArguments, ListVerb, Request, ResumptionToken};
use crate::rdf::Reader;

/// Fetches the pages of a list, and hands them to the committing side.
#[derive(Clone)]
pub(super) struct Fetcher {
    pub(super) client: Client,
    pub(super) source: OaiSource,
    pub(super) settings: Harvest,
    pub(super) verb: ListVerb,
    /// Checks the first records before any is committed.
    pub(super) probe: Option<Reader>,
    /// How many records may still come.
    pub(super) remaining: Option<u64>,
    /// The list is a span of the one that the log has open: its end is not the end of that, nor are its tokens for it.
    pub(super) in_span: bool,
    pub(super) sender: mpsc::Sender<FromFetcher>,
}

/// An answer, as far as the next request depends on it.
struct Answered {
    end: End,
    /// A hash of its records.
    content: u64,
}

/// How often a list may be re-opened without a whole answer in between.
const REOPENINGS: u32 = 3;

/// How many records more than `remaining` an answer may have before it is cut off: some have millions.
const RECORDS_BEYOND_LIMIT: u64 = 10_000;

/// How many pages back a loop is looked for.
const PAGES_REMEMBERED: usize = 1024;

/// Runs the fetching side, and reports how it ended. A panic is reported too: silence would look like an interruption by the user.
pub(super) async fn report_end(sender: mpsc::Sender<FromFetcher>, fetching: impl Future<Output = Result<(), Failure>>) {
    let last = match AssertUnwindSafe(fetching).catch_unwind().await {
        Ok(Ok(())) => FromFetcher::Done,
        Ok(Err(Failure::Fetch(error) | Failure::Broken(error))) => FromFetcher::Failed(error),
        Ok(Err(Failure::Probe(error))) => FromFetcher::Useless(error),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            FromFetcher::Failed(FetchError::Fault(text.unwrap_or("a panic without a message").to_owned()))
        }
    };
    // This fails only if the committing side ended first.
    let _ = sender.send(last).await;
}

/// Why a list does not continue.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no answer.
    Fetch(FetchError),
    /// The first records hold no descriptions.
    Probe(ProbeError),
    /// The answer broke off after some of its records were handed over.
    Broken(FetchError),
}

impl Failure {
    /// Why the position in the list is lost, if it is: the same request would fail again, or repeat a long answer from its start.
    pub(super) fn loss(&self, request: &Request) -> Option<Loss> {
        match self {
            Self::Fetch(error) => refusal(error, request),
            Self::Broken(_) => Some(Loss::Broken),
            Self::Probe(_) => None,
        }
    }

    /// The error of a page that a single record may have killed.
    pub(super) fn may_be_a_record(self) -> Result<FetchError, Self> {
        match self {
            Self::Fetch(error) | Self::Broken(error) if error.may_be_a_record() => Ok(error),
            other => Err(other),
        }
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self::Fetch(error)
    }
}

/// The last pages of a list, by their tokens and a hash of their records: one that comes again is a loop. A weak hash is enough:
/// a server that forges two equal ones only ends its own list.
#[derive(Default)]
pub(super) struct PageTrail(VecDeque<(ResumptionToken, u64)>);

impl PageTrail {
    /// Notes a page; an error if it came before with the same token.
    pub(super) fn note(&mut self, token: &ResumptionToken, content: u64) -> Result<(), FetchError> {
        let page = (token.clone(), content);
        if self.0.contains(&page) {
            return Err(FetchError::Loop(token.to_string()));
        }
        self.0.push_back(page);
        if self.0.len() > PAGES_REMEMBERED {
            self.0.pop_front();
        }
        Ok(())
    }
}

impl Fetcher {
    fn request(&self, step: Step) -> Request {
        match step {
            Step::Resume { token, .. } => self.verb.resume(token),
            Step::Reopen { from, until, .. } | Step::Begin { from, until, .. } => self.window(from, until),
        }
    }

    /// The first request of a window.
    pub(super) fn window(&self, from: Option<String>, until: Option<String>) -> Request {
        self.verb.begin(ListArguments { prefix: self.source.prefix.clone(), from, until, set: self.source.set.clone() })
    }

    /// Fetches a list from its first request on, and re-opens it where the position is lost.
    pub(super) async fn list(&mut self, first: Step) -> Result<(), Failure> {
        let mut request = self.request(first);
        let mut reopenings = 0;
        loop {
            let Err(failure) = self.pages(&mut request, &mut reopenings).await else { return Ok(()) };
            let Some(loss) = failure.loss(&request).filter(|_| reopenings < REOPENINGS) else { return Err(failure) };
            reopenings += 1;
            match self.continuation(loss).await? {
                Continuation::Reopen(step) => request = self.request(step),
                Continuation::End => return self.send_end().await,
                Continuation::GiveUp => return Err(failure),
            }
            if let Failure::Fetch(error) | Failure::Broken(error) = &failure {
                tracing::warn!("{error}; the list is opened again");
            }
        }
    }

    /// Asks the committing side how the list continues.
    pub(super) async fn continuation(&self, loss: Loss) -> Result<Continuation, FetchError> {
        let (reply, answer) = oneshot::channel();
        self.sender.send(FromFetcher::Lost(loss, reply)).await.map_err(|_| FetchError::Stopped)?;
        answer.await.map_err(|_| FetchError::Stopped)
    }

    /// Reports the end of the list, if no answer did.
    pub(super) async fn send_end(&self) -> Result<(), Failure> {
        let end = Some(End { token: None, complete_list_size: None });
        self.send_part(Part { end, ..Part::default() }).await
    }

    /// Hands records to the committing side.
    pub(super) async fn send_part(&self, part: Part) -> Result<(), Failure> {
        self.sender.send(FromFetcher::Part(part)).await.map_err(|_| FetchError::Stopped.into())
    }

    /// Fetches the pages of a list to its end. After a failure, `request` is the one that failed. Each page resets `reopenings`.
    pub(super) async fn pages(&mut self, request: &mut Request, reopenings: &mut u32) -> Result<(), Failure> {
        let mut trail = PageTrail::default();
        loop {
            let answered = self.page_in_any_form(request).await?;
            *reopenings = 0;
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

    /// Fetches a page; if the server rejects the form of the request, by other forms.
    async fn page_in_any_form(&mut self, request: &mut Request) -> Result<Answered, Failure> {
        let rejected = match self.page(request).await {
            Err(Failure::Fetch(FetchError::Protocol(error)))
                if matches!(error.code, ErrorCode::BadArgument | ErrorCode::BadResumptionToken) =>
            {
                error
            }
            answered => return answered,
        };
        for form in other_forms(request, &self.source.prefix) {
            // A token that has merely expired needs no guess about its arguments.
            if rejected.code == ErrorCode::BadResumptionToken && !matches!(form, Request::ResumeUnencoded(..)) {
                continue;
            }
            match self.page(&form).await {
                Err(Failure::Fetch(FetchError::Protocol(_))) => {}
                Ok(answered) => {
                    tracing::warn!("{rejected}; the server accepts {}", form.url(&self.source.url));
                    *request = form;
                    return Ok(answered);
                }
                failed => return failed,
            }
        }
        Err(FetchError::Protocol(rejected).into())
    }

    /// Fetches one answer, and hands its parts over as they come.
    async fn page(&mut self, request: &Request) -> Result<Answered, Failure> {
        let fetcher = self.clone();
        let runtime = tokio::runtime::Handle::current();
        let opens_list = matches!(request, Request::ListRecords(_) | Request::ListIdentifiers(_));
        let (answered, received) = self
            .client
            .ask(request, move |input| {
                let (mut left, mut beyond, mut received) = (fetcher.remaining, 0, 0);
                let mut to_probe = fetcher.probe.as_ref();
                let mut content = FxHasher::default();
                let mut useless = None;
                let mut last = None;
                let read = read_list(input, &fetcher.settings, opens_list, |mut part| {
                    if let Some(reader) = to_probe.take()
                        && let Err(error) =
                            runtime.block_on(probe(&fetcher.client, &fetcher.source, &fetcher.settings, reader, &part.records))
                    {
                        useless = Some(error);
                        return Err(FetchError::Stopped);
                    }
                    let records = part.records.len() as u64;
                    beyond += left.map_or(0, |left| records.saturating_sub(left));
                    left = left.map(|left| left.saturating_sub(records));
                    received += records;
                    part.records.iter().for_each(|record| {
                        content.write(record.header.identifier.as_str().as_bytes());
                        content.write(&record.xml);
                    });
                    last.clone_from(&part.end);
                    if fetcher.in_span {
                        part.end = None;
                    }
                    fetcher.sender.blocking_send(FromFetcher::Part(part)).map_err(|_| FetchError::Stopped)?;
                    // An answer that has begun is read to its end, where the next run resumes, unless it is endless.
                    if beyond > RECORDS_BEYOND_LIMIT && last.is_none() { Err(FetchError::Enough) } else { Ok(()) }
                });
                if let Some(error) = useless {
                    return Ok((Err(Failure::Probe(error)), 0));
                }
                match read {
                    // A list without tokens may be gigabytes long: it is re-opened where it broke off, not retried.
                    Err(error) if opens_list && received > 0 && error.is_transient() => {
                        return Ok((Err(Failure::Broken(error)), received));
                    }
                    read => read?,
                }
                let end = last.unwrap_or(End { token: None, complete_list_size: None });
                Ok((Ok(Answered { end, content: content.finish() }), received))
            })
            .await?;
        self.remaining = self.remaining.map(|remaining| remaining.saturating_sub(received));
        if answered.is_ok() {
            self.probe = None;
        }
        answered
    }
}

/// Whether an answer means that the token is no longer valid. Some servers answer `noRecordsMatch` then.
fn refusal(error: &FetchError, request: &Request) -> Option<Loss> {
    let FetchError::Protocol(error) = error else { return None };
    let nothing_left = error.code == ErrorCode::NoRecordsMatch;
    let resumed = !matches!(request, Request::ListRecords(_) | Request::ListIdentifiers(_));
    (resumed && (nothing_left || error.code == ErrorCode::BadResumptionToken)).then_some(Loss::Refused { nothing_left })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_while_fetching_is_reported() {
        let (sender, mut parts) = mpsc::channel(1);
        report_end(sender, async { panic!("the {}th record", 7) }).await;
        let end = parts.recv().await;
        assert!(matches!(&end, Some(FromFetcher::Failed(FetchError::Fault(text))) if text == "the 7th record"));
        let Some(FromFetcher::Failed(error)) = end else { return };
        assert!(!error.is_transient() && !error.may_be_a_record() && error.to_string().contains("please report"));
    }
}
