//! The streaming parser of OAI-PMH answers (section 3.2 of the specification).
//!
//! An answer is read item by item in bounded memory. [`Document::next_item`] returns `None` only after the root
//! element was closed: a cut, an HTML page or a foreign root is an error and never the end of a list. What
//! follows the root is ignored, since some servers append warnings there.

mod record;

use std::io::BufRead;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::oai::item::{Header, Identify, Item, Limits, MetadataFormat, Set};
use crate::oai::tape::{OverLimit, Tape};
use crate::oai::xml::{Scope, resolve};
use crate::oai::{
    Datestamp, DocumentError, ErrorCode, Granularity, OAI_NAMESPACE, ProtocolError, RecordId, ResumptionToken, SetSpec,
};

/// An answer that is being read.
pub struct Document<R: BufRead> {
    reader: Reader<Tape<R>>,
    buffer: Vec<u8>,
    limits: Limits,
    scope: Scope,
    state: State,
    saw_list: bool,
    /// Where in the stream the reader began: not at its start after a record that had to be passed over.
    offset: u64,
    /// The element of the verb that is open.
    verb: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Root,
    Verb,
    Done,
}

impl<R: BufRead> Document<R> {
    /// Begins to read an answer.
    pub fn new(input: R, limits: Limits) -> Self {
        Self {
            reader: Reader::from_reader(Tape::new(input, limits.record_bytes)),
            buffer: Vec::new(),
            limits,
            scope: Scope::default(),
            state: State::Start,
            saw_list: false,
            offset: 0,
            verb: String::new(),
        }
    }

    /// Whether an element of a verb was opened, even if nothing was in it.
    #[must_use]
    pub fn saw_list(&self) -> bool {
        self.saw_list
    }

    /// Bytes read so far.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.offset + self.reader.buffer_position()
    }

    /// The next item, or `None` after the root element was closed.
    pub fn next_item(&mut self) -> Result<Option<Item>, DocumentError> {
        loop {
            if self.state == State::Done {
                return Ok(None);
            }
            let before = self.position();
            self.reader.get_mut().release(before);
            let at_start = self.state == State::Start;
            match self.event()? {
                Event::Start(element) => {
                    let element = element.into_owned();
                    if let Some(item) = self.element(&element, before, false)? {
                        return Ok(Some(item));
                    }
                }
                Event::Empty(element) => {
                    let element = element.into_owned();
                    if let Some(item) = self.element(&element, before, true)? {
                        return Ok(Some(item));
                    }
                }
                Event::End(end) => {
                    let name = end.local_name().into_inner().to_owned();
                    let (due, next) = match self.state {
                        State::Verb => (self.verb.as_str(), State::Root),
                        _ => ("OAI-PMH", State::Done),
                    };
                    if name != due {
                        let problem = format!("</{}> where </{due}> is due", name.chars().take(80).collect::<String>());
                        return Err(self.invalid(before, problem));
                    }
                    self.state = next;
                }
                Event::Eof => return Err(DocumentError::Cut { position: before }),
                Event::DocType(kind) if at_start && kind.trim_start().to_ascii_lowercase().starts_with("html") => {
                    return Err(DocumentError::NotOai { root: "html".into(), namespace: String::new() });
                }
                Event::DocType(_) => return Err(DocumentError::Doctype { position: before }),
                _ => {}
            }
        }
    }

    fn element(&mut self, element: &BytesStart<'static>, before: u64, empty: bool) -> Result<Option<Item>, DocumentError> {
        let name = element.local_name().into_inner();
        match self.state {
            State::Start => {
                self.scope.enter(element);
                let namespace = self.scope.namespace(element.name().prefix().map_or("", |p| p.into_inner()));
                let known = namespace.strip_prefix("https").unwrap_or(namespace.strip_prefix("http").unwrap_or_default());
                if name != "OAI-PMH" || known != OAI_NAMESPACE.strip_prefix("http").unwrap_or_default() {
                    return Err(DocumentError::NotOai {
                        root: name.chars().take(80).collect(),
                        namespace: namespace.chars().take(200).collect(),
                    });
                }
                self.state = if empty { State::Done } else { State::Root };
                Ok(None)
            }
            State::Root => match name {
                "responseDate" => {
                    let text = self.text(empty)?;
                    let date = Datestamp::parse(&text).map_err(|error| self.invalid(before, error.to_string()))?;
                    Ok(Some(Item::ResponseDate(date)))
                }
                "error" => {
                    let code = attribute(element, "code").unwrap_or_default();
                    let message: String = self.text(empty)?.trim().chars().take(500).collect();
                    Ok(Some(Item::Error(ProtocolError { code: ErrorCode::from_name(&code), message })))
                }
                "Identify" => Ok(Some(Item::Identify(self.identify(empty)?))),
                "ListRecords" | "ListIdentifiers" | "ListSets" | "ListMetadataFormats" | "GetRecord" => {
                    self.saw_list = true;
                    if !empty {
                        self.scope.enter(element);
                        name.clone_into(&mut self.verb);
                        self.state = State::Verb;
                    }
                    Ok(None)
                }
                _ => self.skip(empty).map(|()| None),
            },
            State::Verb => match name {
                "record" => {
                    let mut header = None;
                    match self.record(element, before, empty, &mut header) {
                        Ok(record) => Ok(Some(Item::Record(record))),
                        Err(error) => self.pass_over(element, before, empty, header, error).map(Some),
                    }
                }
                "header" => match self.header(element, before, empty) {
                    // It was read to its end; only its identifier is no good.
                    Err(DocumentError::Invalid { .. }) => Ok(Some(Item::Header(record::nameless(before.to_string().as_bytes())))),
                    header => header.map(|header| Some(Item::Header(header))),
                },
                "resumptionToken" => {
                    let complete_list_size = attribute(element, "completeListSize").and_then(|size| size.trim().parse().ok());
                    let text = self.text(empty)?;
                    let token = if text.trim().is_empty() {
                        None
                    } else {
                        Some(ResumptionToken::new(&text).map_err(|error| self.invalid(before, error.to_string()))?)
                    };
                    Ok(Some(Item::Token { token, complete_list_size }))
                }
                "set" => {
                    let mut set = Set::default();
                    self.children(empty, |name, text| match name {
                        "setSpec" => set.spec = text.trim().to_owned(),
                        "setName" => set.name = text.trim().to_owned(),
                        _ => {}
                    })?;
                    Ok(Some(Item::Set(set)))
                }
                "metadataFormat" => {
                    let mut format = MetadataFormat::default();
                    self.children(empty, |name, text| match name {
                        "metadataPrefix" => format.prefix = text.trim().to_owned(),
                        "schema" => format.schema = text.trim().to_owned(),
                        "metadataNamespace" => format.namespace = text.trim().to_owned(),
                        _ => {}
                    })?;
                    Ok(Some(Item::MetadataFormat(format)))
                }
                _ => self.skip(empty).map(|()| None),
            },
            State::Done => Ok(None),
        }
    }

    fn identify(&mut self, empty: bool) -> Result<Identify, DocumentError> {
        let mut identify = Identify::default();
        self.children(empty, |name, text| match name {
            "repositoryName" => text.trim().clone_into(&mut identify.repository_name),
            "earliestDatestamp" => text.trim().clone_into(&mut identify.earliest_datestamp),
            "deletedRecord" => text.trim().clone_into(&mut identify.deleted_record),
            "granularity" => identify.granularity = Granularity::from_identify(text),
            _ => {}
        })?;
        Ok(identify)
    }

    fn header(&mut self, element: &BytesStart<'static>, before: u64, empty: bool) -> Result<Header, DocumentError> {
        let deleted = attribute(element, "status").is_some_and(|status| status.trim().eq_ignore_ascii_case("deleted"));
        let (mut identifier, mut datestamp_text, mut sets) = (String::new(), String::new(), Vec::new());
        self.children(empty, |name, text| match name {
            "identifier" => identifier = text.to_owned(),
            "datestamp" => text.trim().clone_into(&mut datestamp_text),
            "setSpec" => sets.extend(SetSpec::new(text)),
            _ => {}
        })?;
        let identifier = RecordId::new(&identifier).map_err(|error| self.invalid(before, error.to_string()))?;
        Ok(Header { identifier, datestamp: Datestamp::parse(&datestamp_text).ok(), datestamp_text, sets, deleted })
    }

    /// The next child of the current element, whether it is empty and where it begins; nothing at the element's end.
    fn child(&mut self) -> Result<Option<(BytesStart<'static>, bool, u64)>, DocumentError> {
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
    fn children(&mut self, empty: bool, mut each: impl FnMut(&str, &str)) -> Result<(), DocumentError> {
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
    fn text(&mut self, empty: bool) -> Result<String, DocumentError> {
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

    fn skip(&mut self, empty: bool) -> Result<(), DocumentError> {
        if !empty {
            self.skip_to_end()?;
        }
        Ok(())
    }

    fn skip_to_end(&mut self) -> Result<u64, DocumentError> {
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

    fn event(&mut self) -> Result<Event<'_>, DocumentError> {
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

    #[expect(clippy::unused_self, reason = "keeps the call sites short, and the position may come from the reader one day")]
    fn invalid(&self, position: u64, problem: String) -> DocumentError {
        DocumentError::Invalid { position, problem }
    }
}

/// The value of an attribute by its local name.
fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = element.attributes();
    let found = attributes.with_checks(false).flatten().find(|attribute| attribute.key.local_name().into_inner() == name)?;
    found.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok().map(std::borrow::Cow::into_owned)
}
