//! When one record keeps the server from delivering a page: the window is halved by datestamp until the rest of it
//! comes, and what is left is asked for record by record. Those that do not come alone either are noted, and the
//! list goes on without them.

use std::collections::HashSet;
use std::hash::Hasher;
use std::time::Duration;

use rustc_hash::FxHasher;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::error::FetchError;
use super::fetch::{Failure, Fetched, Fetcher, Lost, Onward, Trail};
use super::list::{Part, read_identify, read_list, read_record};
use super::plan::Step;
use crate::log::Undelivered;
use crate::oai::{Datestamp, ErrorCode, Granularity, Header, ListArguments, ProtocolError, Record, Request};

/// A span of datestamps, both ends included, in units of the granularity. Without a beginning it reaches back to the
/// oldest record, and without an end to the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: Option<i64>,
    until: Option<i64>,
}

/// Where a span without a beginning or an end may be cut: the units that the server names as its earliest datestamp and
/// as now.
#[derive(Debug, Clone, Copy)]
struct Known {
    earliest: i64,
    now: i64,
}

impl Span {
    /// Its two halves, which share their edge, or nothing if it is a unit long.
    ///
    /// Some servers compare a datestamp with its fraction against the whole second of a bound, as Libris does: what
    /// changed at 12:00:03.427 is neither in what ends at 12:00:03 nor in what begins at 12:00:04. So the smallest span
    /// reaches from one unit to the next.
    fn halves(self, known: Known) -> Option<(Self, Self)> {
        // A span with an open end comes to its end as well.
        let (before, after) = (self.until.filter(|_| self.from.is_none()), self.from.filter(|_| self.until.is_none()));
        if before.is_some_and(|until| until <= known.earliest) || after.is_some_and(|from| from >= known.now) {
            return None;
        }
        let start = self.from.unwrap_or_else(|| known.earliest.min(self.until.unwrap_or(known.now) - 2));
        let end = self.until.unwrap_or_else(|| known.now.max(start + 2));
        if end - start < 2 {
            return None;
        }
        let middle = start + (end - start) / 2;
        Some((Self { from: self.from, until: Some(middle) }, Self { from: Some(middle), until: self.until }))
    }
}

/// How many tries a request has that is expected to fail.
const TRIES: usize = 2;

/// How many headers of one moment are kept in memory; a bulk load may well date half a million records alike.
const MOST_HEADERS: usize = 1_000_000;

/// How often the list of a moment may be refused at another place than before.
const REFUSALS: usize = 4;

/// How many spans in a row may fail: halving all time down to a second takes thirty.
const FAILURES: usize = 40;

/// Records of one part, when they are fetched one by one.
const TOGETHER: usize = 50;

fn unit_ms(granularity: Granularity) -> i64 {
    match granularity {
        Granularity::Day => 86_400_000,
        Granularity::Second => 1000,
    }
}

impl Fetcher {
    /// Brings in the rest of the list around the records that kill its pages.
    pub(super) async fn isolate(&mut self, cause: FetchError) -> Result<(), Failure> {
        let settings = self.settings.clone();
        let asked = self.client.ask(&Request::Identify, move |input| read_identify(input, &settings)).await;
        // A server that does not answer this either has other troubles.
        let Ok((identify, Some(clock))) = asked else { return Err(cause.into()) };
        let granularity = identify.granularity;
        let unit = unit_ms(granularity);
        let units = |text: &str| Datestamp::parse(text).ok().map(|stamp| stamp.millis().div_euclid(unit));
        let Onward::Step(Step::Reopen { from, until, .. } | Step::Begin { from, until, .. }) = self.place(Lost::Broken).await?
        else {
            return Err(cause.into());
        };
        let whole = Span { from: from.as_deref().and_then(units), until: until.as_deref().and_then(units) };
        let known = Known { earliest: units(&identify.earliest_datestamp).unwrap_or(0), now: clock.millis().div_euclid(unit) };
        tracing::warn!("{cause}; the server is well otherwise, so the list is taken apart to find the records that do it");
        let mut calm = Self { client: self.client.with_tries(TRIES), in_span: true, ..self.clone() };
        let (mut spans, mut undelivered, mut newest_error, mut in_a_row) = (vec![whole], HashSet::new(), cause, 0);
        let patience = Duration::from_secs(self.settings.retry_total_s);
        let mut answered = Instant::now();
        while let Some(mut span) = spans.pop() {
            let bound = |units: i64| Datestamp::from_millis(units * unit).map(|stamp| stamp.at(granularity));
            let mut request = calm.window(span.from.and_then(bound), span.until.and_then(bound));
            let mut trail = Trail::default();
            let failure = match calm.pages(&mut request, &mut trail, &mut 0).await {
                Ok(()) => {
                    (in_a_row, answered) = (0, Instant::now());
                    continue;
                }
                Err(failure) => failure,
            };
            let refused = matches!(failure.lost(&request), Some(Lost::Refused { .. }));
            let error = match failure {
                // A token that is refused in the middle of a span: its parts are short enough to need none.
                Failure::Fetch(error) if refused => error,
                failure => failure.may_be_a_record()?,
            };
            // What came of this span before the failure need not come again.
            let reached = trail.reached().map(|reached| reached.earlier_by(self.settings.overlap_s).millis().div_euclid(unit));
            let reached = reached.filter(|reached| span.until.is_none_or(|until| *reached < until));
            if reached > span.from {
                (span.from, in_a_row, answered) = (reached, 0, Instant::now());
            }
            match span.halves(known) {
                Some((left, right)) => spans.extend([right, left]),
                None => calm.one_by_one(span.from.and_then(bound), span.until.and_then(bound), &error, &mut undelivered).await?,
            }
            in_a_row += 1;
            if undelivered.len() > self.settings.isolate_records || in_a_row > FAILURES || answered.elapsed() > patience {
                return Err(FetchError::Hopeless { undelivered: undelivered.len(), cause: Box::new(error) }.into());
            }
            newest_error = error;
        }
        self.remaining = calm.remaining;
        tracing::warn!("{newest_error}; {} records are left out for it, see `libris-mirror quarantine`", undelivered.len());
        self.hand_over_the_end().await
    }

    /// Asks for every record of the smallest span alone, but for those that did not come before: neighbours share their
    /// edge. Adds those that do not come to `undelivered`.
    async fn one_by_one(
        &mut self,
        from: Option<String>,
        until: Option<String>,
        cause: &FetchError,
        undelivered: &mut HashSet<String>,
    ) -> Result<(), Failure> {
        let arguments = ListArguments { prefix: self.source.prefix.clone(), from, until, set: self.source.set.clone() };
        let name = format!("{}/{}", arguments.from.as_deref().unwrap_or(".."), arguments.until.as_deref().unwrap_or(".."));
        let (mut headers, doubtful) = match self.headers(arguments).await {
            Ok(listed) => listed,
            Err(error) if error.may_be_a_record() || matches!(error, FetchError::Loop(_)) => {
                let reason = format!("nothing that was changed then can be listed, by identifiers either: {error}");
                let missing = vec![Undelivered { identifier: name.clone(), datestamp_text: String::new(), reason }];
                self.hand_over(Part { undelivered: missing, by_name: true, ..Part::default() }).await?;
                undelivered.insert(name);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        if doubtful {
            self.hand_over(Part { by_name: true, doubtful, ..Part::default() }).await?;
        }
        headers.retain(|header| !undelivered.contains(header.identifier.as_str()));
        tracing::warn!("{cause}; the {} records that were changed then are asked for one by one", headers.len());
        undelivered.extend(self.fetch_each(headers, true).await?);
        Ok(())
    }

    /// Fetches those of the records that the log lacks; answers which did not come. One that the source does not know has
    /// vanished, unless it was `listed` a moment ago.
    pub(super) async fn fetch_each(&mut self, headers: Vec<Header>, listed: bool) -> Result<Vec<String>, Failure> {
        let (sender, answer) = oneshot::channel();
        self.sender.send(Fetched::Which { headers, listed, sender }).await.map_err(|_| FetchError::Stopped)?;
        let lacking = answer.await.map_err(|_| FetchError::Stopped)?;
        // A record that is asked for by name says nothing of how far the list has come.
        let part_of_list = || Part { by_name: true, ..Part::default() };
        let (mut part, mut lost) = (part_of_list(), Vec::new());
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
                // Whatever came, it is not what was asked for.
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
            if part.records.len() + part.undelivered.len() + part.vanished.len() >= TOGETHER {
                self.hand_over(std::mem::replace(&mut part, part_of_list())).await?;
            }
        }
        self.hand_over(part).await?;
        Ok(lost)
    }

    async fn record(&self, header: &Header) -> Result<Vec<Record>, FetchError> {
        let request = Request::GetRecord(header.identifier.clone(), self.source.prefix.clone());
        let settings = self.settings.clone();
        self.client.ask(&request, move |input| read_record(input, &settings)).await
    }

    /// The headers of a small list. Some servers refuse the token of the last page: a list that is refused twice at the same
    /// place has ended. Answers whether that is doubtful as well, since the server did not say that nothing is left.
    async fn headers(&self, arguments: ListArguments) -> Result<(Vec<Header>, bool), FetchError> {
        let first = Request::ListIdentifiers(arguments);
        let (mut refused_at, mut refusals) = (None, 0);
        loop {
            let mut headers = Vec::new();
            let error = match self.headers_of(first.clone(), &mut headers).await {
                Ok(()) => return Ok((headers, false)),
                Err(error) => error,
            };
            refusals += 1;
            match &error {
                FetchError::Protocol(ProtocolError { code, .. })
                    if refusals <= REFUSALS && matches!(code, ErrorCode::NoRecordsMatch | ErrorCode::BadResumptionToken) =>
                {
                    if refused_at.replace(headers.len()) == Some(headers.len()) {
                        return Ok((headers, *code == ErrorCode::BadResumptionToken));
                    }
                }
                _ => return Err(error),
            }
        }
    }

    /// Adds the headers of a list as they come, to its end.
    async fn headers_of(&self, mut request: Request, headers: &mut Vec<Header>) -> Result<(), FetchError> {
        let (mut trail, mut answered) = (Trail::default(), Instant::now());
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
                        too_many(found.len())
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
            too_many(headers.len())?;
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

fn too_many(headers: usize) -> Result<(), FetchError> {
    if headers <= MOST_HEADERS {
        return Ok(());
    }
    Err(FetchError::TooLarge { url: "the list of identifiers of a single moment".to_owned(), limit: MOST_HEADERS })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Halving covers every moment, ends where it began and in spans of a unit, and comes to an end.
        #[test]
        fn halves_cover_the_whole(
            from in 0i64..1000, length in 0i64..1000, earliest in 0i64..1500, now in 0i64..2500,
            open_before in any::<bool>(), open_after in any::<bool>(),
        ) {
            let whole = Span { from: (!open_before).then_some(from), until: (!open_after).then_some(from + length) };
            let mut spans = vec![whole];
            let (mut edge, mut first) = (whole.from, true);
            while let Some(span) = spans.pop() {
                if let Some((left, right)) = span.halves(Known { earliest, now }) {
                    spans.extend([right, left]);
                    continue;
                }
                // It begins where the one before it ended: what lies between two units is in none of both otherwise.
                prop_assert!(first || edge.is_some());
                prop_assert_eq!(span.from, edge);
                if let (Some(from), Some(until)) = (span.from, span.until) {
                    prop_assert!(until - from <= 1);
                }
                (edge, first) = (span.until, false);
            }
            prop_assert_eq!(edge, whole.until);
        }
    }
}
