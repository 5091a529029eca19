//! The dumps of all selections: page by page, or a download and the pages behind it.
//!
//! A dump that is still being made is waited for: pages of one may lack their last records, and a download of one may lack any
//! (Libris XL's `Dump.java`, read 2026-07). A download says nothing of its end either: an error at the server closes it as if it
//! were whole. So the pages behind what it brought are read to the end of the dump, which is one request where it was whole.

use std::time::Duration;

use tokio::sync::mpsc;
use url::Url;

use super::exchange::{Exchange, Halt};
use super::part::{Broke, Part, read_download};
use super::position::Position;
use crate::emm::{EmmError, PageHead};
use crate::harvest::error::FetchError;
use crate::harvest::outcome::Outcome;
use crate::harvest::scope::now;
use crate::oai::Datestamp;

/// How many times one run starts over because the server regenerated the dump.
const RESTARTS: usize = 3;

/// How far a page may lead on. Those of Libris lead 100 records on.
const LONGEST_STEP: u64 = 10_000;

/// How many pages in a row may be empty.
const EMPTY_PAGES: usize = 100;

/// How a page leads on.
enum After {
    /// To this position.
    Next(Position),
    /// The server is still making the dump.
    Wait,
    /// Another dump has taken its place.
    Restart(Option<String>),
}

impl Exchange<'_> {
    /// Reads the dumps from a position to the end of the last one. Answers the position there.
    pub(super) fn dump(&mut self, mut position: Position) -> Result<Position, Halt> {
        while let Some(selection) = self.source.selections.get(position.done).cloned() {
            position = self.selection(&selection, position)?;
        }
        Ok(position)
    }

    fn selection(&mut self, selection: &str, mut position: Position) -> Result<Position, Halt> {
        let done = position.done;
        let (mut restarts, mut waited, mut empty) = (0, Duration::ZERO, 0);
        let mut pause = Duration::from_millis(self.settings().retry_min_ms.max(10));
        let (mut download, mut step) = (self.source.download, LIBRIS_STEP);
        loop {
            self.check()?;
            let url = self.endpoint.dump(selection, position.offset);
            let (head, part) = match self.page(&url, &position) {
                Err(Halt::Outcome(Outcome::Unavailable(error))) if error.may_be_a_record() => {
                    position = self.read_around(selection, &position, step, error)?;
                    continue;
                }
                page => page?,
            };
            position.unnamed |= part.unnamed > 0;
            match after(&url, &head, &part, &position)? {
                After::Next(next) => {
                    empty = if part.items() == 0 { empty + 1 } else { 0 };
                    if empty > EMPTY_PAGES {
                        return Err(invalid(&url, format!("{empty} pages in a row are empty")));
                    }
                    self.done.complete_list_size = head.total().or(self.done.complete_list_size);
                    if next.done == done {
                        step = next.offset - position.offset;
                    }
                    let first = position.offset == 0;
                    self.part(part, &next, true)?;
                    position = next;
                    if position.done > done {
                        if first && empty > 0 {
                            tracing::warn!("the dump of {selection} holds nothing: check `selections` of the source");
                        }
                        return Ok(position);
                    }
                    if first && std::mem::take(&mut download) {
                        position = self.download(selection, position, step)?;
                    }
                }
                After::Wait => {
                    if waited >= Duration::from_secs(self.settings().retry_total_s) {
                        return Err(fetch_error(&url, EmmError::Generating(selection.to_owned())).into());
                    }
                    tracing::info!(selection, "the server is making the dump");
                    self.wait(pause)?;
                    waited += pause;
                    pause = (pause * 2).min(Duration::from_millis(self.settings().retry_max_ms.max(10)));
                }
                After::Restart(start) => {
                    restarts += 1;
                    if restarts > RESTARTS {
                        return Err(fetch_error(&url, EmmError::Restless(selection.to_owned())).into());
                    }
                    tracing::warn!("the server made the dump of {selection} anew: it is read again from its start");
                    position = Position { offset: 0, start, ..position };
                }
            }
        }
    }

    /// Downloads a dump. Answers the offset up to which it came: records that were deleted since leave no line, so that at
    /// least as many entries of the dump are behind as lines came.
    fn download(&mut self, selection: &str, mut position: Position, step: u64) -> Result<Position, Halt> {
        let url = self.endpoint.download(selection);
        let (settings, place) = (self.settings().clone(), url.to_string());
        let read = move |mut input: Box<dyn std::io::BufRead + Send>, sender: &mpsc::Sender<Part>| {
            let mut handed = false;
            let hand_over = |part: Part| {
                handed |= part.items() > 0;
                sender.blocking_send(part).map_err(|_| Broke::Stopped)
            };
            match read_download(&mut *input, &settings, &place, hand_over) {
                Ok(()) => Ok(None),
                Err(Broke::Stopped) => Err(FetchError::Stopped),
                // It is not asked for again from its start: pages continue where it broke off.
                Err(broke) if handed => Ok(Some(broke.at(&place))),
                Err(broke) => Err(broke.at(&place)),
            }
        };
        let (mut received, mut unnamed) = (0, position.unnamed);
        let begun = position.clone();
        let ended = self.ask(&url, "*/*", read, |exchange, part| {
            unnamed |= part.unnamed > 0;
            received += part.items();
            let offset = (received / step.max(1) * step).max(begun.offset);
            position = Position { offset, unnamed, ..begun.clone() };
            exchange.part(part, &position, true)
        })?;
        match ended {
            Ok(None) => {}
            Ok(Some(error)) => tracing::warn!("{error}; the dump continues in pages"),
            Err(error @ (FetchError::Stopped | FetchError::Fault(_))) => return Err(error.into()),
            Err(error) => tracing::warn!("{error}; the dump is read in pages"),
        }
        Ok(position)
    }
}

/// How far a page of Libris leads on.
const LIBRIS_STEP: u64 = 100;

/// Decides how a page leads on.
fn after(url: &Url, head: &PageHead, part: &Part, position: &Position) -> Result<After, Halt> {
    if head.is_generating() {
        return Ok(After::Wait);
    }
    let start = head.start_time().map(str::to_owned);
    if position.start.is_some() && position.start != start && position.offset > 0 {
        return Ok(After::Restart(start));
    }
    let made = start.as_deref().and_then(|text| Datestamp::parse(text).ok()).map_or_else(now, Datestamp::millis);
    let oldest = Some(position.oldest.map_or(made, |oldest| oldest.min(made)));
    let here = Position { start, oldest, ..position.clone() };
    let offset = position.offset;
    let total = head.total();
    let next = head.next("offset").map_err(|error| fetch_error(url, error))?;
    if let Some(next) = next {
        let beyond = total.is_some_and(|total| offset > total && part.items() == 0);
        if next <= offset || next - offset > LONGEST_STEP || beyond {
            return Err(invalid(url, format!("it leads on to offset {next}")));
        }
        return Ok(After::Next(Position { offset: next, ..here }));
    }
    // A page has as many records as the dump goes on by, those counted that were deleted since.
    let most = part.items().max(LIBRIS_STEP);
    match total.filter(|total| *total > offset.saturating_add(most)) {
        Some(promised) => Err(FetchError::Short { received: offset + part.items(), promised }.into()),
        None => Ok(After::Next(here.after_selection())),
    }
}

fn fetch_error(url: &Url, source: EmmError) -> FetchError {
    FetchError::Emm { url: url.to_string(), source }
}

fn invalid(url: &Url, problem: String) -> Halt {
    fetch_error(url, EmmError::Invalid(problem)).into()
}
