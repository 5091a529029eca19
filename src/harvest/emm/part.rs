//! What the reading side hands to the committing side: records, in parts of bounded size.

use std::io::BufRead;

use crate::config::Harvest;
use crate::emm::{EmmError, EntityRecord, Item, PageHead, Piece, SplitLimits, lines, read_item, split};
use crate::harvest::error::FetchError;
use crate::log::Undelivered;
use crate::oai::RecordId;

/// A part of a page or of a download; in most cases all of a page.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// The JSON-LD context that the dump names: its IRI, and the document.
    pub(super) context: Option<(String, Vec<u8>)>,
    pub(super) records: Vec<EntityRecord>,
    pub(super) undelivered: Vec<Undelivered>,
    /// How many of the undelivered have no name of their own.
    pub(super) unnamed: u64,
    bytes: usize,
}

impl Part {
    /// How many items of the dump it has.
    pub(super) fn items(&self) -> u64 {
        (self.records.len() + self.undelivered.len()) as u64
    }
}

/// Why the reading stops.
pub(super) enum Broke {
    Emm(EmmError),
    Stopped,
}

impl From<EmmError> for Broke {
    fn from(error: EmmError) -> Self {
        Self::Emm(error)
    }
}

impl Broke {
    /// The error of a request.
    pub(super) fn at(self, url: &str) -> FetchError {
        match self {
            Self::Emm(source) => FetchError::Emm { url: url.to_owned(), source },
            Self::Stopped => FetchError::Stopped,
        }
    }
}

/// The limits on the parts of an answer.
pub(super) fn limits(settings: &Harvest) -> SplitLimits {
    SplitLimits { item_bytes: settings.record_bytes, head_bytes: settings.document_bytes }
}

/// Collects items into parts.
struct Collector<'a> {
    settings: &'a Harvest,
    /// The name of an item that has none.
    place: String,
    items: u64,
    part: Part,
}

impl Collector<'_> {
    fn take(&mut self, piece: Piece, hand_over: &mut dyn FnMut(Part) -> Result<(), Broke>) -> Result<(), Broke> {
        if self.part.items() >= self.settings.page_records as u64 || self.part.bytes >= self.settings.page_bytes {
            hand_over(std::mem::take(&mut self.part))?;
        }
        self.items += 1;
        let mut undelivered = |identifier: Option<String>, reason: String| {
            let identifier = identifier.filter(|name| RecordId::new(name).is_ok()).unwrap_or_else(|| {
                self.part.unnamed += 1;
                format!("{}#{}", self.place, self.items)
            });
            self.part.undelivered.push(Undelivered { identifier, datestamp_text: String::new(), reason });
        };
        match piece {
            Piece::TooLong(start) => {
                let limit = self.settings.record_bytes;
                undelivered(name_in(&start), format!("it is over {limit} bytes: raise harvest.record_bytes to load it"));
            }
            Piece::Whole(json) => match read_item(&json) {
                Ok(Item::Context { id, document }) => self.part.context = Some((id, document)),
                Ok(Item::Record(record)) => {
                    self.part.bytes += record.record.xml.len();
                    self.part.records.push(*record);
                }
                Err(error) => undelivered(error.identifier, error.reason),
            },
        }
        Ok(())
    }
}

/// The first `@id` in the beginning of an item.
fn name_in(start: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(start);
    let rest = text.split_once("\"@id\"")?.1.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let name = rest.split_once('"')?.0;
    (!name.is_empty() && !name.contains(char::is_whitespace)).then(|| name.to_owned())
}

/// Reads a page of a dump. Full parts are handed over as they come; the last one is the answer.
pub(super) fn read_page(
    input: &mut dyn BufRead,
    settings: &Harvest,
    place: &str,
    mut hand_over: impl FnMut(Part) -> Result<(), Broke>,
) -> Result<(PageHead, Part), Broke> {
    let mut collector = Collector { settings, place: place.to_owned(), items: 0, part: Part::default() };
    let head = split(input, limits(settings), |piece| collector.take(piece, &mut hand_over))?;
    Ok((PageHead::read(&head)?, collector.part))
}

/// Reads a download to its end.
pub(super) fn read_download(
    input: &mut dyn BufRead,
    settings: &Harvest,
    place: &str,
    mut hand_over: impl FnMut(Part) -> Result<(), Broke>,
) -> Result<(), Broke> {
    let mut collector = Collector { settings, place: place.to_owned(), items: 0, part: Part::default() };
    let read = lines(input, limits(settings), |piece| collector.take(piece, &mut hand_over));
    // What came before it broke off is whole.
    if !matches!(read, Err(Broke::Stopped)) {
        hand_over(collector.part)?;
    }
    read
}
