//! A record of a list: its bytes as they came, also of one that cannot be parsed.

use std::io::BufRead;

use quick_xml::Reader;
use quick_xml::events::BytesStart;

use super::elements::{Elements, invalid};
use crate::oai::DocumentError;
use crate::oai::item::{Header, Item, Record};
use crate::oai::skim::end_of_content;

impl<R: BufRead> Elements<R> {
    pub(super) fn record(
        &mut self,
        element: &BytesStart<'static>,
        start: u64,
        empty: bool,
        header: &mut Option<Header>,
    ) -> Result<Record, DocumentError> {
        let mut metadata = None;
        while !empty && let Some((child, empty, before)) = self.child()? {
            match child.local_name().into_inner() {
                "header" if empty => return Err(invalid(before, "a record's header is empty".into())),
                "header" => *header = Some(self.header(&child, before, false)?),
                "metadata" if !empty => {
                    let inner = self.position();
                    metadata = Some(inner..self.end_of_metadata()?);
                }
                _ => self.skip(empty)?,
            }
        }
        let end = self.position();
        let header = header.take().ok_or_else(|| invalid(start, "a record has no header".into()))?;
        let raw = self.reader.get_ref().raw(start, end);
        if raw.len() > self.limits.record_bytes {
            return Err(self.too_long(start));
        }
        let (xml, shift) = self.self_contained(element, raw);
        let shift = |position: u64| usize::try_from(position - start).unwrap_or(usize::MAX).saturating_add(shift);
        let metadata = metadata.map(|inner| shift(inner.start)..shift(inner.end)).filter(|inner| !inner.is_empty());
        Ok(Record { header, xml, metadata })
    }

    /// Reads the metadata to their end tag; in one step up to there, where all of it is at hand and nothing in it is out of
    /// the ordinary. Answers where the tag begins.
    fn end_of_metadata(&mut self) -> Result<u64, DocumentError> {
        let tape = self.reader.get_mut();
        if let Some(length) = end_of_content(tape.at_hand(), self.limits.depth) {
            tape.consume(length);
            self.offset += length as u64;
        }
        self.skip_to_end()
    }

    /// The bytes of a record with the declarations that it needs to stand alone, and how long these are.
    fn self_contained(&self, element: &BytesStart<'static>, raw: &[u8]) -> (Vec<u8>, usize) {
        let declarations = self.scope.missing_in(element);
        let name_end = (1 + element.name().into_inner().len()).min(raw.len());
        let mut xml = Vec::with_capacity(raw.len() + declarations.len());
        xml.extend_from_slice(&raw[..name_end]);
        xml.extend_from_slice(declarations.as_bytes());
        xml.extend_from_slice(&raw[name_end..]);
        (xml, declarations.len())
    }

    fn too_long(&self, position: u64) -> DocumentError {
        DocumentError::TooLarge { position, what: "a record's size in bytes", limit: self.limits.record_bytes }
    }

    /// Skips a record that cannot be parsed to its end tag, so that its neighbours come. A record within the limit is kept as it
    /// came, and quarantined with the reason when its payload is parsed; of a longer one only the header is kept.
    pub(super) fn skip_record(
        &mut self,
        element: &BytesStart<'static>,
        start: u64,
        empty: bool,
        header: Option<Header>,
        error: DocumentError,
    ) -> Result<Item, DocumentError> {
        if matches!(error, DocumentError::Read { .. } | DocumentError::Cut { .. } | DocumentError::NotOai { .. }) {
            return Err(error);
        }
        let name = element.name().into_inner();
        let end = if empty {
            self.position()
        } else {
            let sought = self.reader.get_mut().seek_end_tag(start, name);
            let found = sought.map_err(|source| DocumentError::Read { position: start, source })?;
            // Without an end tag the answer was cut, and the first error is the best description.
            let Some(found) = found else { return Err(error) };
            if !found.whole {
                self.continue_at(found.end);
                let header = header.unwrap_or_else(|| Header::nameless(start.to_string().as_bytes()));
                return Ok(Item::Unkept { header, reason: self.too_long(start).to_string() });
            }
            found.end
        };
        let (xml, _) = self.self_contained(element, self.reader.get_ref().raw(start, end));
        if !empty {
            self.continue_at(end);
        }
        tracing::warn!("{error}; this record is kept as it came, and skipped");
        let header = header.unwrap_or_else(|| Header::nameless(&xml));
        let metadata = Some(0..xml.len());
        Ok(Item::Record(Record { header, xml, metadata }))
    }

    /// Continues at a position to which the tape was moved.
    fn continue_at(&mut self, position: u64) {
        let mut reader = Reader::from_reader(self.reader.get_mut().take());
        // The reader has not seen the start tags of what is open; their names are checked here.
        reader.config_mut().allow_unmatched_ends = true;
        self.reader = reader;
        self.offset = position;
    }
}
