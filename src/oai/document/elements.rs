//! The elements of an answer: headers, texts and positions, read by a pull parser in bounded memory.

use std::io::BufRead;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::oai::item::{Header, Limits};
use crate::oai::tape::{OverLimit, Tape};
use crate::oai::xml::{Scope, resolve};
use crate::oai::{Datestamp, DocumentError, RecordId, SetSpec};

/// Reads the elements of an answer.
pub(super) struct Elements<R: BufRead> {
    pub(super) reader: Reader<Tape<R>>,
    buffer: Vec<u8>,
    pub(super) limits: Limits,
    /// The namespaces of the elements that are open.
    pub(super) scope: Scope,
    /// Where in the stream the reader began: not at its start after a record that had to be skipped.
    pub(super) offset: u64,
}

impl<R: BufRead> Elements<R> {
    pub(super) fn new(input: R, limits: Limits) -> Self {
        let reader = Reader::from_reader(Tape::new(input, limits.record_bytes));
        Self { reader, buffer: Vec::new(), limits, scope: Scope::default(), offset: 0 }
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> u64 {
        self.offset + self.reader.buffer_position()
    }

    pub(super) fn header(&mut self, element: &BytesStart<'static>, before: u64, empty: bool) -> Result<Header, DocumentError> {
        let deleted = attribute(element, "status").is_some_and(|status| status.trim().eq_ignore_ascii_case("deleted"));
        let (mut identifier, mut datestamp_text, mut sets) = (String::new(), String::new(), Vec::new());
        self.children(empty, |name, text| match name {
            "identifier" => identifier = text.to_owned(),
            "datestamp" => text.trim().clone_into(&mut datestamp_text),
            "setSpec" => sets.extend(SetSpec::new(text)),
            _ => {}
        })?;
        let identifier = RecordId::new(&identifier).map_err(|error| invalid(before, error.to_string()))?;
        Ok(Header { identifier, datestamp: Datestamp::parse(&datestamp_text).ok(), datestamp_text, sets, deleted })
    }

    /// The next child of the current element, whether it is empty and where it begins; nothing at the end of the element.
    pub(super) fn child(&mut self) -> Result<Option<(BytesStart<'static>, bool, u64)>, DocumentError> {
        loop {
            let before = self.position();
            match self.event()? {
                Event::Start(child) => return Ok(Some((child.into_owned(), false, before))),
                Event::Empty(child) => return Ok(Some((child.into_owned(), true, before))),
                Event::End(_) => return Ok(None),
                Event::Eof => return Err(DocumentError::Cut { position: before }),
                Event::DocType(_) => return Err(DocumentError::Doctype { position: before }),
                _ => {}
            }
        }
    }

    /// Calls back with the local name and text of each child until the current element ends.
    pub(super) fn children(&mut self, empty: bool, mut each: impl FnMut(&str, &str)) -> Result<(), DocumentError> {
        if empty {
            return Ok(());
        }
        while let Some((child, empty, _)) = self.child()? {
            let text = self.text(empty)?;
            each(child.local_name().into_inner(), &text);
        }
        Ok(())
    }

    /// The text of the current element without that of its children, up to its end.
    pub(super) fn text(&mut self, empty: bool) -> Result<String, DocumentError> {
        let mut text = String::new();
        if !empty {
            self.walk(|_, event| {
                match event {
                    Event::Text(part) => text.push_str(&part.xml10_content()),
                    Event::CData(part) => text.push_str(&part.xml10_content()),
                    Event::GeneralRef(reference) => text.push(resolve(reference)?),
                    _ => {}
                }
                Ok(())
            })?;
        }
        Ok(text)
    }

    pub(super) fn skip(&mut self, empty: bool) -> Result<(), DocumentError> {
        if !empty {
            self.skip_to_end()?;
        }
        Ok(())
    }

    pub(super) fn skip_to_end(&mut self) -> Result<u64, DocumentError> {
        self.walk(|_, _| Ok(()))
    }

    /// Reads to the end of the current element; answers where its end tag begins.
    fn walk(&mut self, mut each: impl FnMut(usize, &Event<'_>) -> Result<(), String>) -> Result<u64, DocumentError> {
        let mut depth = 0usize;
        loop {
            let before = self.position();
            let limit = self.limits.depth;
            match self.event()? {
                Event::Start(_) => depth += 1,
                Event::End(_) if depth == 0 => return Ok(before),
                Event::End(_) => depth -= 1,
                Event::Eof => return Err(DocumentError::Cut { position: before }),
                Event::DocType(_) => return Err(DocumentError::Doctype { position: before }),
                event => each(depth, &event).map_err(|problem| DocumentError::Invalid { position: before, problem })?,
            }
            if depth > limit {
                return Err(DocumentError::TooLarge { position: before, what: "the nesting of elements", limit });
            }
        }
    }

    pub(super) fn event(&mut self) -> Result<Event<'_>, DocumentError> {
        self.buffer.clear();
        let position = self.position();
        self.reader.read_event_into(&mut self.buffer).map_err(|error| match error {
            quick_xml::Error::Io(source) => {
                if let Some(OverLimit(limit)) = source.get_ref().and_then(|inner| inner.downcast_ref::<OverLimit>()) {
                    return DocumentError::TooLarge { position, what: "an element's size in bytes", limit: *limit };
                }
                DocumentError::Read { position, source: std::io::Error::new(source.kind(), source.to_string()) }
            }
            quick_xml::Error::Syntax(reason) => {
                DocumentError::Syntax { position, reason: format!("{reason} (or the answer was cut there)") }
            }
            other => DocumentError::Syntax { position, reason: other.to_string() },
        })
    }
}

/// An answer that is not valid at a position.
pub(super) fn invalid(position: u64, problem: String) -> DocumentError {
    DocumentError::Invalid { position, problem }
}

/// The value of an attribute by its local name.
pub(super) fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = element.attributes();
    let found = attributes.with_checks(false).flatten().find(|attribute| attribute.key.local_name().into_inner() == name)?;
    found.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok().map(std::borrow::Cow::into_owned)
}
