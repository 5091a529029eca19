//! Lists around records that kill their pages.
//!
//! When one record keeps the server from delivering a page, the window is halved by datestamp until the rest of it comes. The
//! records of the smallest span are requested one by one. Those that do not come either are noted as undelivered, and the list
//! continues without them.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

use super::connect::identify;
use super::error::FetchError;
use super::fetch::{Failure, Fetcher};
use super::list::Part;
use super::plan::Step;
use super::records::MomentHeaders;
use super::resume::{Continuation, Loss};
use crate::log::Undelivered;
use crate::oai::{Datestamp, Granularity, ListArguments};

/// A span of datestamps, both ends included, in units of the granularity. Without a beginning it reaches back to the
/// oldest record, and without an end to the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: Option<i64>,
    until: Option<i64>,
}

/// The earliest datestamp and the present of the server, in units: where a span without a beginning or an end is cut.
#[derive(Debug, Clone, Copy)]
struct Known {
    earliest: i64,
    now: i64,
}

impl Span {
    /// Its two halves, which share their edge; nothing if it is a unit long.
    ///
    /// Some servers compare a datestamp with its fraction against the whole second of a bound, as Libris does: what
    /// changed at 12:00:03.427 is neither in what ends at 12:00:03 nor in what begins at 12:00:04. So the smallest span
    /// reaches from one unit to the next.
    fn halves(self, known: Known) -> Option<(Self, Self)> {
        // Halving a span with an open end has to end too.
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

/// How many spans in a row may fail: halving all time down to a second takes thirty.
const FAILURES_IN_A_ROW: usize = 40;

fn unit_ms(granularity: Granularity) -> i64 {
    match granularity {
        Granularity::Day => 86_400_000,
        Granularity::Second => 1000,
    }
}

impl Fetcher {
    /// Fetches a list from its first request on, around the records that kill its pages.
    pub(super) async fn list_around_killers(&mut self, first: Step) -> Result<(), Failure> {
        match self.list(first).await {
            Ok(()) => Ok(()),
            Err(failure) => self.isolate(failure.may_be_a_record()?).await,
        }
    }

    /// Fetches the rest of the list around the records that kill its pages.
    async fn isolate(&mut self, cause: FetchError) -> Result<(), Failure> {
        // A server that does not answer this either has other faults.
        let Ok((identify, Some(clock))) = identify(&self.client, &self.settings).await else { return Err(cause.into()) };
        let granularity = identify.granularity;
        let unit = unit_ms(granularity);
        let units = |text: &str| Datestamp::parse(text).ok().map(|stamp| stamp.millis().div_euclid(unit));
        let Continuation::Reopen(Step::Reopen { from, until, .. }) = self.continuation(Loss::Broken).await? else {
            return Err(cause.into());
        };
        let whole = Span { from: from.as_deref().and_then(units), until: until.as_deref().and_then(units) };
        let known = Known { earliest: units(&identify.earliest_datestamp).unwrap_or(0), now: clock.millis().div_euclid(unit) };
        tracing::warn!("{cause}; the server answers other requests, so the list is split to find the records that cause this");
        let mut calm = Self { client: self.client.with_tries(TRIES), in_span: true, ..self.clone() };
        let (mut spans, mut undelivered, mut newest_error, mut in_a_row) = (vec![whole], HashSet::new(), cause, 0);
        let patience = Duration::from_secs(self.settings.retry_total_s);
        let mut answered = Instant::now();
        while let Some(mut span) = spans.pop() {
            let bound = |units: i64| Datestamp::from_millis(units * unit).map(|stamp| stamp.at(granularity));
            let mut request = calm.window(span.from.and_then(bound), span.until.and_then(bound));
            let failure = match calm.pages(&mut request, &mut 0).await {
                Ok(()) => {
                    (in_a_row, answered) = (0, Instant::now());
                    continue;
                }
                Err(failure) => failure,
            };
            let refused = matches!(failure.loss(&request), Some(Loss::Refused { .. }));
            let error = match failure {
                // A token that is refused in the middle of a span: its halves are short enough to need none.
                Failure::Fetch(error) if refused => error,
                failure => failure.may_be_a_record()?,
            };
            // What came of this span before the failure need not come again, if the list is in order. The committing side knows,
            // and starts the list again if a later page refutes it.
            let reached = match calm.continuation(Loss::Broken).await? {
                Continuation::Reopen(Step::Reopen { from: Some(from), by_date: true, .. }) => units(&from),
                _ => None,
            };
            let reached = reached.filter(|reached| span.until.is_none_or(|until| *reached < until));
            if reached > span.from {
                (span.from, in_a_row, answered) = (reached, 0, Instant::now());
            }
            match span.halves(known) {
                Some((left, right)) => spans.extend([right, left]),
                None => calm.one_by_one(span.from.and_then(bound), span.until.and_then(bound), &error, &mut undelivered).await?,
            }
            in_a_row += 1;
            if undelivered.len() > self.settings.isolate_records || in_a_row > FAILURES_IN_A_ROW || answered.elapsed() > patience
            {
                return Err(FetchError::Hopeless { undelivered: undelivered.len(), cause: Box::new(error) }.into());
            }
            newest_error = error;
        }
        self.remaining = calm.remaining;
        tracing::warn!("{newest_error}; {} records were not delivered, see `libris-mirror quarantine`", undelivered.len());
        self.send_end().await
    }

    /// Requests each record of the smallest span, without those that came before: neighbouring spans share their edge. Adds those
    /// that do not come to `undelivered`.
    async fn one_by_one(
        &mut self,
        from: Option<String>,
        until: Option<String>,
        cause: &FetchError,
        undelivered: &mut HashSet<String>,
    ) -> Result<(), Failure> {
        let arguments = ListArguments { prefix: self.source.prefix.clone(), from, until, set: self.source.set.clone() };
        let name = format!("{}/{}", arguments.from.as_deref().unwrap_or(".."), arguments.until.as_deref().unwrap_or(".."));
        let MomentHeaders { mut headers, doubtful } = match self.headers_of_moment(arguments).await {
            Ok(listed) => listed,
            Err(error) if error.may_be_a_record() || matches!(error, FetchError::Loop(_)) => {
                let reason = format!("nothing that was changed then can be listed, nor its identifiers: {error}");
                let missing = vec![Undelivered { identifier: name.clone(), datestamp_text: String::new(), reason }];
                self.send_part(Part { undelivered: missing, by_name: true, ..Part::default() }).await?;
                undelivered.insert(name);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        if doubtful {
            self.send_part(Part { by_name: true, doubtful, ..Part::default() }).await?;
        }
        headers.retain(|header| !undelivered.contains(header.identifier.as_str()));
        tracing::warn!("{cause}; the {} records that were changed then are requested one by one", headers.len());
        undelivered.extend(self.fetch_each(headers, true).await?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Halving covers every moment, keeps both ends, stops at spans of a unit, and terminates.
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
                // It begins where the one before it ended: otherwise neither has what lies between two units.
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
