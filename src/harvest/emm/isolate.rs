//! A page of a dump that never comes: an entry of it is at fault, and is read around.
//!
//! A page may begin anywhere, but has a fixed length. So the entry at fault is the last one with which a page may not begin, and
//! what lies before it on its page comes with a page that ends there.

use super::exchange::{Batch, Exchange, Halt};
use super::position::Position;
use crate::harvest::error::FetchError;
use crate::harvest::outcome::Outcome;
use crate::log::Undelivered;

impl Exchange<'_> {
    /// Reads around the entry that keeps a page from coming. Answers the position behind it; the error of the page, if none comes
    /// behind it either.
    pub(super) fn read_around(
        &mut self,
        selection: &str,
        position: &Position,
        step: u64,
        error: FetchError,
    ) -> Result<Position, Halt> {
        let impatient = self.client.with_tries(2);
        let patient = std::mem::replace(&mut self.client, impatient);
        let found = self.entry_at_fault(selection, position, step);
        let before = match found {
            Ok(Some(entry)) if entry >= step => self.comes(selection, position, entry - step),
            _ => Ok(true),
        };
        self.client = patient;
        let Some(entry) = found? else { return Err(error.into()) };
        // A server that fails now and then is no proof: the entry must fail again, in spite of all retries.
        if !before? || self.comes(selection, position, entry)? {
            return Err(error.into());
        }
        // What lies before it on the first page comes with no other.
        let first = if entry >= step { entry } else { position.offset };
        let url = self.endpoint.dump(selection, entry);
        tracing::warn!("{error}; the dump is read around entry {entry}");
        let entries = if first == entry { format!("entry {entry}") } else { format!("the entries {first} to {entry}") };
        let missing = Undelivered {
            identifier: url.to_string(),
            datestamp_text: String::new(),
            reason: format!("the source cannot deliver {entries} of this dump: {error}"),
        };
        let behind = Position { offset: entry + 1, unnamed: true, ..position.clone() };
        if !self.listing {
            let token = behind.token();
            let batch = Batch { undelivered: &[missing], token: token.as_ref(), whole: true, ..Batch::default() };
            self.commit(&batch, false)?;
        }
        Ok(behind)
    }

    /// The last entry of a page with which a page may not begin; nothing if no page comes behind this one.
    fn entry_at_fault(&mut self, selection: &str, position: &Position, step: u64) -> Result<Option<u64>, Halt> {
        let (mut fails, mut comes) = (position.offset, position.offset.saturating_add(step.max(1)));
        if !self.comes(selection, position, comes)? {
            return Ok(None);
        }
        while comes - fails > 1 {
            let middle = fails + (comes - fails) / 2;
            if self.comes(selection, position, middle)? {
                comes = middle;
            } else {
                fails = middle;
            }
        }
        Ok(Some(fails))
    }

    /// Whether the page at an offset comes. What it has is kept.
    fn comes(&mut self, selection: &str, position: &Position, offset: u64) -> Result<bool, Halt> {
        self.check()?;
        let url = self.endpoint.dump(selection, offset);
        match self.page(&url, position) {
            Ok((_, part)) => self.part(part, position, false).map(|()| true),
            Err(Halt::Outcome(Outcome::Unavailable(error))) if error.may_be_a_record() => Ok(false),
            Err(halt) => Err(halt),
        }
    }
}
