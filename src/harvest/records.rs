//! Single records by their identifiers, and the identifiers of one moment.

use std::hash::Hasher;
use std::time::Duration;

use rustc_hash::FxHasher;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::error::FetchError;
use super::fetch::{Failure, Fetcher, PageTrail};
use super::list::{Part, read_list, read_record};
use super::messages::FromFetcher;
use crate::log::Undelivered;
use crate::oai::{ErrorCode, Header, ListArguments, ProtocolError, Record, Request};

/// How many headers of one moment are kept in memory; a bulk load may give half a million records the same datestamp.
const HEADERS_OF_MOMENT: usize = 1_000_000;

/// How often the list of a moment may be refused at another position than before.
const REFUSALS: usize = 4;

/// How many records that were fetched one by one are committed together.
const RECORDS_PER_PART: usize = 50;

/// The headers of one moment.
pub(super) struct MomentHeaders {
    pub(super) headers: Vec<Header>,
    /// Whether no answer said that nothing is left.
    pub(super) doubtful: bool,
}

impl Fetcher {
    /// Fetches those of the records that the log lacks; answers which did not come. One that the source does not know has
    /// vanished, unless it was `listed` a moment ago.
    pub(super) async fn fetch_each(&mut self, headers: Vec<Header>, listed: bool) -> Result<Vec<String>, Failure> {
        let (reply, answer) = oneshot::channel();
        self.sender.send(FromFetcher::Which { headers, listed, reply }).await.map_err(|_| FetchError::Stopped)?;
        let lacking = answer.await.map_err(|_| FetchError::Stopped)?;
        let empty = || Part { by_name: true, ..Part::default() };
        let (mut part, mut lost) = (empty(), Vec::new());
        for header in lacking {
            let sent = self.record(&header).await;
            let mut undelivered = |reason: String| {
                lost.push(header.identifier.to_string());
                part.undelivered.push(Undelivered {
                    identifier: header.identifier.to_string(),
                    datestamp_text: header.datestamp_text.clone(),
                    reason,
                });
            };
            match sent {
                Ok(records) if records.iter().any(|record| record.header.identifier == header.identifier) => {
                    part.records.extend(records);
                }
                Ok(records) => undelivered(match records.first() {
                    Some(other) => format!("the source sent {} in its place", other.header.identifier),
                    None => "the source answered without a record".to_owned(),
                }),
                Err(FetchError::Protocol(error))
                    if !listed && matches!(error.code, ErrorCode::IdDoesNotExist | ErrorCode::NoRecordsMatch) =>
                {
                    part.vanished.push(header.identifier);
                }
                Err(error) if error.may_be_a_record() || matches!(error, FetchError::Protocol(_)) => {
                    undelivered(format!("the source cannot deliver it: {error}"));
                }
                Err(error) => return Err(error.into()),
            }
            if part.records.len() + part.undelivered.len() + part.vanished.len() >= RECORDS_PER_PART {
                self.send_part(std::mem::replace(&mut part, empty())).await?;
            }
        }
        self.send_part(part).await?;
        Ok(lost)
    }

    async fn record(&self, header: &Header) -> Result<Vec<Record>, FetchError> {
        let request = Request::GetRecord(header.identifier.clone(), self.source.prefix.clone());
        let settings = self.settings.clone();
        self.client.ask(&request, move |input| read_record(input, &settings)).await
    }

    /// The headers of the records of one moment. Some servers refuse the token of the last page: a list that is refused twice at
    /// the same position has ended.
    pub(super) async fn headers_of_moment(&self, arguments: ListArguments) -> Result<MomentHeaders, FetchError> {
        let first = Request::ListIdentifiers(arguments);
        let (mut refused_at, mut refusals) = (None, 0);
        loop {
            let mut headers = Vec::new();
            let error = match self.headers(first.clone(), &mut headers).await {
                Ok(()) => return Ok(MomentHeaders { headers, doubtful: false }),
                Err(error) => error,
            };
            refusals += 1;
            match &error {
                FetchError::Protocol(ProtocolError { code, .. })
                    if refusals <= REFUSALS && matches!(code, ErrorCode::NoRecordsMatch | ErrorCode::BadResumptionToken) =>
                {
                    if refused_at.replace(headers.len()) == Some(headers.len()) {
                        return Ok(MomentHeaders { headers, doubtful: *code == ErrorCode::BadResumptionToken });
                    }
                }
                _ => return Err(error),
            }
        }
    }

    /// Adds the headers of a list as they come, to its end.
    async fn headers(&self, mut request: Request, headers: &mut Vec<Header>) -> Result<(), FetchError> {
        let (mut trail, mut answered) = (PageTrail::default(), Instant::now());
        loop {
            let settings = self.settings.clone();
            let opens_list = matches!(request, Request::ListIdentifiers(_));
            let (found, token): (Vec<Header>, _) = self
                .client
                .ask(&request, move |input| {
                    let (mut found, mut token) = (Vec::new(), None);
                    read_list(input, &settings, opens_list, |part| {
                        found.extend(part.records.into_iter().map(|record| record.header));
                        token = part.end.and_then(|end| end.token);
                        check_count(found.len())
                    })?;
                    Ok((found, token))
                })
                .await?;
            let mut content = FxHasher::default();
            for header in &found {
                content.write(header.identifier.as_str().as_bytes());
            }
            if !found.is_empty() {
                answered = Instant::now();
            }
            headers.extend(found);
            check_count(headers.len())?;
            let Some(token) = token else { return Ok(()) };
            trail.note(&token, content.finish())?;
            let patience = self.settings.retry_total_s;
            if answered.elapsed() > Duration::from_secs(patience) {
                return Err(FetchError::Timeout { url: "the list of identifiers of a single moment".into(), seconds: patience });
            }
            request = Request::ResumeIdentifiers(token);
        }
    }
}

fn check_count(headers: usize) -> Result<(), FetchError> {
    if headers <= HEADERS_OF_MOMENT {
        return Ok(());
    }
    Err(FetchError::TooLarge { url: "the list of identifiers of a single moment".to_owned(), limit: HEADERS_OF_MOMENT })
}
