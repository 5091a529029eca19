//! The streaming parser of OAI-PMH answers (section 3.2 of the specification).
//!
//! An answer is read item by item in bounded memory. [`Document::next_item`] returns `None` only after the root element was
//! closed: a cut, an HTML page or a foreign root is an error and never the end of a list. What follows the root is ignored,
//! since some servers append warnings there.

mod elements;
mod record;

use std::io::BufRead;

use quick_xml::events::{BytesStart, Event};

use self::elements::{Elements, attribute, invalid};
use super::OAI_NAMESPACE;
use super::datestamp::{Datestamp, Granularity};
use super::error::{DocumentError, ErrorCode, ProtocolError};
use super::item::{Header, Identify, Item, Limits, MetadataFormat, Set};
use super::names::ResumptionToken;

/// An answer that is being read.
pub struct Document<R: BufRead> {
    elements: Elements<R>,
    state: State,
    saw_list: bool,
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
        Self { elements: Elements::new(input, limits), state: State::Start, saw_list: false, verb: String::new() }
    }

    /// Whether an element of a verb was opened, even if it was empty.
    #[must_use]
    pub fn saw_list(&self) -> bool {
        self.saw_list
    }

    /// Bytes read so far.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.elements.position()
    }

    /// The next item, or `None` after the root element was closed.
    pub fn next_item(&mut self) -> Result<Option<Item>, DocumentError> {
        loop {
            if self.state == State::Done {
                return Ok(None);
            }
            let before = self.position();
            self.elements.reader.get_mut().release(before);
            let at_start = self.state == State::Start;
            match self.elements.event()? {
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
                        return Err(invalid(before, problem));
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
                self.elements.scope.enter(element);
                let namespace = self.elements.scope.namespace(element.name().prefix().map_or("", |p| p.into_inner()));
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
                    let text = self.elements.text(empty)?;
                    let date = Datestamp::parse(&text).map_err(|error| invalid(before, error.to_string()))?;
                    Ok(Some(Item::ResponseDate(date)))
                }
                "error" => {
                    let code = attribute(element, "code").unwrap_or_default();
                    let message: String = self.elements.text(empty)?.trim().chars().take(500).collect();
                    Ok(Some(Item::Error(ProtocolError { code: ErrorCode::from_name(&code), message })))
                }
                "Identify" => Ok(Some(Item::Identify(self.identify(empty)?))),
                "ListRecords" | "ListIdentifiers" | "ListSets" | "ListMetadataFormats" | "GetRecord" => {
                    self.saw_list = true;
                    if !empty {
                        self.elements.scope.enter(element);
                        name.clone_into(&mut self.verb);
                        self.state = State::Verb;
                    }
                    Ok(None)
                }
                _ => self.elements.skip(empty).map(|()| None),
            },
            State::Verb => match name {
                "record" => {
                    let mut header = None;
                    match self.elements.record(element, before, empty, &mut header) {
                        Ok(record) => Ok(Some(Item::Record(record))),
                        Err(error) => self.elements.skip_record(element, before, empty, header, error).map(Some),
                    }
                }
                "header" => match self.elements.header(element, before, empty) {
                    // It was read to its end; only its identifier is invalid.
                    Err(DocumentError::Invalid { .. }) => Ok(Some(Item::Header(Header::nameless(before.to_string().as_bytes())))),
                    header => header.map(|header| Some(Item::Header(header))),
                },
                "resumptionToken" => {
                    let complete_list_size = attribute(element, "completeListSize").and_then(|size| size.trim().parse().ok());
                    let text = self.elements.text(empty)?;
                    let token = if text.trim().is_empty() {
                        None
                    } else {
                        Some(ResumptionToken::new(&text).map_err(|error| invalid(before, error.to_string()))?)
                    };
                    Ok(Some(Item::Token { token, complete_list_size }))
                }
                "set" => {
                    let mut set = Set::default();
                    self.elements.children(empty, |name, text| match name {
                        "setSpec" => set.spec = text.trim().to_owned(),
                        "setName" => set.name = text.trim().to_owned(),
                        _ => {}
                    })?;
                    Ok(Some(Item::Set(set)))
                }
                "metadataFormat" => {
                    let mut format = MetadataFormat::default();
                    self.elements.children(empty, |name, text| match name {
                        "metadataPrefix" => format.prefix = text.trim().to_owned(),
                        "schema" => format.schema = text.trim().to_owned(),
                        "metadataNamespace" => format.namespace = text.trim().to_owned(),
                        _ => {}
                    })?;
                    Ok(Some(Item::MetadataFormat(format)))
                }
                _ => self.elements.skip(empty).map(|()| None),
            },
            State::Done => Ok(None),
        }
    }

    fn identify(&mut self, empty: bool) -> Result<Identify, DocumentError> {
        let mut identify = Identify::default();
        self.elements.children(empty, |name, text| match name {
            "repositoryName" => text.trim().clone_into(&mut identify.repository_name),
            "earliestDatestamp" => text.trim().clone_into(&mut identify.earliest_datestamp),
            "deletedRecord" => text.trim().clone_into(&mut identify.deleted_record),
            "granularity" => identify.granularity = Granularity::from_identify(text),
            _ => {}
        })?;
        Ok(identify)
    }
}
