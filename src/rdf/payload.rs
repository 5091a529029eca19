//! Readers of the three payload formats: RDF/XML, Turtle and JSON-LD to quads in the record's graph.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};

use oxigraph::io::{JsonLdProfile, JsonLdProfileSet, LoadedDocument, RdfFormat, RdfParseError, RdfParser};
use oxigraph::model::{GraphName, NamedNode, NamedOrBlankNode, Quad, Term};
use rustc_hash::FxHashSet;
use serde_json::Value;

use super::{Context, NodeIds, graph_name};
use crate::oai::{self, Payload};

/// The text that KB's server writes in place of a record that it could not convert (whelk's OAI-PMH module, read 2026-07).
const CONVERSION_FAILED: &str = "Document conversion failed";

/// How the payload of a record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadFormat {
    /// RDF 1.1 XML Syntax, as an element.
    RdfXml,
    /// RDF 1.1 Turtle, as text.
    Turtle,
    /// RDF 1.1 N-Triples, as text: Turtle that is quicker to parse.
    NTriples,
    /// JSON-LD 1.1, as text, with its own context or that of the source.
    JsonLd,
}

impl PayloadFormat {
    /// The format that a metadata prefix stands for, `_expanded` and other endings aside.
    #[must_use]
    pub fn from_prefix(prefix: &str) -> Self {
        let prefix = prefix.to_ascii_lowercase();
        if prefix.contains("json") {
            Self::JsonLd
        } else if prefix.starts_with("ttl") || prefix.contains("turtle") {
            Self::Turtle
        } else {
            Self::RdfXml
        }
    }
}

/// The most different properties of a record. Libris has some 500 in all.
pub const MOST_PROPERTIES: usize = 50_000;

/// Refuses quads with more than `MOST_PROPERTIES` different properties.
pub fn check_properties(quads: &[Quad]) -> Result<(), PayloadError> {
    if quads.len() <= MOST_PROPERTIES {
        return Ok(());
    }
    let found = quads.iter().map(|quad| quad.predicate.as_str()).collect::<FxHashSet<_>>().len();
    if found > MOST_PROPERTIES { Err(PayloadError::Properties { found }) } else { Ok(()) }
}

/// Why a payload gave no quads. The record is kept, and quarantined with this message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// The record's own XML is broken.
    #[error("the record's XML is broken: {reason}")]
    Xml {
        /// Byte position in the record.
        position: u64,
        /// The message of the parser.
        reason: String,
        /// The text around it.
        excerpt: String,
    },
    /// The header has no identifier.
    #[error("the record's header names no identifier that can be used, so nothing can be said about it")]
    Nameless,
    /// The record is not deleted and has no metadata.
    #[error("the record has no metadata, though its header does not say that it is deleted")]
    Empty,
    /// The server reports that it could not convert the record.
    #[error("the server could not convert the record: {0:?}")]
    ConversionFailed(String),
    /// The metadata is text where the format needs an element, or the reverse.
    #[error(
        "the metadata is {found}, but the format of this source is {wanted}: set the source's prefix to one that the server offers"
    )]
    WrongForm {
        /// What came.
        found: &'static str,
        /// What the format needs.
        wanted: &'static str,
    },
    /// The RDF does not parse.
    #[error("the payload is not valid {format}: {reason}")]
    Syntax {
        /// The name of the format.
        format: &'static str,
        /// Byte position in the payload, if the parser reports it.
        position: Option<u64>,
        /// The message of the parser.
        reason: String,
        /// The text around it.
        excerpt: String,
    },
    /// It says more kinds of things than a segment of the index can tell apart.
    #[error("the record has {found} different properties, over the limit of {MOST_PROPERTIES}")]
    Properties {
        /// How many it has.
        found: usize,
    },
    /// JSON-LD whose context is neither in the record nor known for the source.
    #[error("the record needs a JSON-LD context and this source has none: set `context` to its URL")]
    NoContext,
}

impl PayloadError {
    /// The byte position of the fault, in the record or its payload, if known.
    #[must_use]
    pub fn position(&self) -> Option<u64> {
        match self {
            Self::Xml { position, .. } => Some(*position),
            Self::Syntax { position, .. } => *position,
            _ => None,
        }
    }

    /// The text around the fault, if known.
    #[must_use]
    pub fn excerpt(&self) -> Option<&str> {
        match self {
            Self::Xml { excerpt, .. } | Self::Syntax { excerpt, .. } => Some(excerpt),
            _ => None,
        }
    }
}

/// How much of the text on either side of a fault is shown, in bytes.
const EXCERPT: usize = 60;

/// The text around a position, on one line.
fn excerpt(text: &str, position: u64) -> String {
    let at = text.floor_char_boundary(usize::try_from(position).unwrap_or(usize::MAX));
    let (start, end) =
        (text.floor_char_boundary(at.saturating_sub(EXCERPT)), text.floor_char_boundary(at.saturating_add(EXCERPT)));
    text[start..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

/// Reads the payloads of one source.
#[derive(Debug, Clone)]
pub struct Reader {
    format: PayloadFormat,
    context: Option<Arc<Context>>,
    depth: usize,
    sound: bool,
}

impl Reader {
    /// A reader for a format, with the context that JSON-LD records rely on. XML may be nested `depth` elements deep.
    #[must_use]
    pub fn new(format: PayloadFormat, context: Option<Arc<Context>>, depth: usize) -> Self {
        Self { format, context, depth, sound: false }
    }

    /// A reader for payloads that were parsed before and are valid: it does not validate the IRIs and language tags of RDF/XML
    /// again, which is a sixth of the work. From an invalid payload it may give invalid quads.
    #[must_use]
    pub fn for_sound(&self) -> Self {
        Self { sound: true, ..self.clone() }
    }

    /// The same source in another format.
    #[must_use]
    pub fn with_format(&self, format: PayloadFormat) -> Self {
        Self { format, ..self.clone() }
    }

    /// The quads of a self-contained `<record>`, each in the graph of `identifier`, without repetition.
    pub fn quads(&self, identifier: &str, record: &[u8]) -> Result<Vec<Quad>, PayloadError> {
        if identifier.starts_with(oai::NAMELESS) {
            return Err(PayloadError::Nameless);
        }
        let text = &*oai::readable(record);
        let payload = oai::payload_of(text, self.depth).map_err(|(position, reason)| PayloadError::Xml {
            position,
            reason,
            excerpt: excerpt(text, position),
        })?;
        let graph = graph_name(identifier);
        match (self.format, payload) {
            (_, Payload::None) => Err(PayloadError::Empty),
            (_, Payload::Text(text)) if text.len() < 500 && text.contains(CONVERSION_FAILED) => {
                Err(PayloadError::ConversionFailed(text.trim().to_owned()))
            }
            (PayloadFormat::RdfXml, Payload::Element(xml)) => {
                let parser = RdfParser::from(RdfFormat::RdfXml);
                parse(if self.sound { parser.lenient() } else { parser }, &xml, graph, None)
            }
            (PayloadFormat::Turtle, Payload::Text(text)) => parse(RdfFormat::Turtle.into(), &text, graph, None),
            (PayloadFormat::NTriples, Payload::Text(text)) => {
                let parser = RdfParser::from(RdfFormat::NTriples);
                parse(if self.sound { parser.lenient() } else { parser }, &text, graph, None)
            }
            (PayloadFormat::JsonLd, Payload::Text(text)) => self.json_ld(&text, graph),
            (PayloadFormat::RdfXml, Payload::Text(_)) => Err(PayloadError::WrongForm { found: "text", wanted: "RDF/XML" }),
            (PayloadFormat::Turtle | PayloadFormat::NTriples, Payload::Element(_)) => {
                Err(PayloadError::WrongForm { found: "an XML element", wanted: "Turtle" })
            }
            (PayloadFormat::JsonLd, Payload::Element(_)) => {
                Err(PayloadError::WrongForm { found: "an XML element", wanted: "JSON-LD" })
            }
        }
    }

    /// JSON-LD, with every reference to a context replaced by the one that the log holds: nothing is fetched.
    fn json_ld(&self, text: &str, graph: NamedNode) -> Result<Vec<Quad>, PayloadError> {
        let mut document: Value = serde_json::from_str(text).map_err(|error| {
            let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
            let position = (lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1)) as u64;
            let reason = error.to_string();
            PayloadError::Syntax { format: "JSON", position: Some(position), reason, excerpt: excerpt(text, position) }
        })?;
        let Value::Object(members) = &mut document else {
            let reason = "it is not an object".into();
            return Err(PayloadError::Syntax { format: "JSON-LD", position: None, reason, excerpt: excerpt(text, 0) });
        };
        let url = self.context.as_ref().map(|context| context.url().to_owned());
        let mut refers = false;
        match members.get_mut("@context") {
            Some(Value::Array(parts)) => parts.iter_mut().filter(|part| part.is_string()).for_each(|part| {
                refers = true;
                *part = url.clone().into();
            }),
            Some(Value::Object(_)) => {}
            _ => {
                refers = true;
                members.insert("@context".into(), url.clone().into());
            }
        }
        if refers && url.is_none() {
            return Err(PayloadError::NoContext);
        }
        parse_json_ld(&document.to_string(), graph, self.context.as_ref())
    }
}

/// Parses JSON-LD. The parser panics on some contexts that lead to others: that is an error of the payload.
fn parse_json_ld(text: &str, graph: NamedNode, context: Option<&Arc<Context>>) -> Result<Vec<Quad>, PayloadError> {
    let format = RdfFormat::JsonLd { profile: JsonLdProfileSet::empty() };
    caught(|| parse(format.into(), text, graph, context.cloned())).unwrap_or_else(|| {
        let reason = "the parser failed, probably since its context names another one".to_owned();
        Err(PayloadError::Syntax { format: "JSON-LD", position: None, reason, excerpt: excerpt(text, 0) })
    })
}

/// Does some work of a parser, if it does not panic.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    quietly(|| catch_unwind(AssertUnwindSafe(work))).ok()
}

thread_local! {
    /// Whether a panic on this thread is expected and reported as an error.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Does some work without the message that a panic prints.
fn quietly<T>(work: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                print(panic);
            }
        }));
    });
    QUIET.set(true);
    let result = work();
    QUIET.set(false);
    result
}

/// Tries a context with a document of one triple: an error is one of the context.
///
/// # Errors
/// Those of the parser: a context that is not valid, or needs another one.
pub fn try_context(context: &Arc<Context>) -> Result<(), PayloadError> {
    let document = serde_json::json!({"@context": context.url(), "@id": "urn:x:s", "urn:x:p": "o"}).to_string();
    parse_json_ld(&document, graph_name("urn:x:g"), Some(context)).map(|_| ())
}

fn parse(parser: RdfParser, text: &str, graph: NamedNode, context: Option<Arc<Context>>) -> Result<Vec<Quad>, PayloadError> {
    let mut ids = NodeIds::new(&graph);
    let base = graph.as_str().to_owned();
    let format = parser.format();
    let parser = parser
        .with_base_iri(base)
        .map_err(|error| syntax(format, text, &RdfParseError::Io(std::io::Error::other(error))))?
        .without_named_graphs()
        .with_default_graph(GraphName::NamedNode(graph))
        .for_slice(text)
        .with_document_loader(move |url| match &context {
            Some(context) if context.url() == url => Ok(LoadedDocument {
                url: url.to_owned(),
                content: context.document().to_vec(),
                format: RdfFormat::JsonLd { profile: JsonLdProfile::Context.into() },
            }),
            _ => Err(format!("the context {url} is not the one of this source, and nothing is fetched").into()),
        });
    let mut quads = Vec::with_capacity(text.len() / 80);
    for quad in parser {
        let quad = quad.map_err(|error| syntax(format, text, &RdfParseError::Syntax(error)))?;
        let subject = match quad.subject {
            NamedOrBlankNode::BlankNode(node) => ids.id(node).into(),
            named @ NamedOrBlankNode::NamedNode(_) => named,
        };
        let object = match quad.object {
            Term::BlankNode(node) => ids.id(node).into(),
            other => other,
        };
        quads.push(Quad { subject, predicate: quad.predicate, object, graph_name: quad.graph_name });
    }
    let mut seen = FxHashSet::with_capacity_and_hasher(quads.len(), rustc_hash::FxBuildHasher);
    // All are in one graph.
    let repeated: Vec<bool> = quads.iter().map(|quad| !seen.insert((&quad.subject, &quad.predicate, &quad.object))).collect();
    if repeated.contains(&true) {
        let mut repeated = repeated.into_iter();
        quads.retain(|_| !repeated.next().unwrap_or_default());
    }
    Ok(quads)
}

fn syntax(format: RdfFormat, text: &str, error: &RdfParseError) -> PayloadError {
    let position = match error {
        RdfParseError::Syntax(error) => error.location().map(|place| place.start.offset.min(text.len() as u64)),
        RdfParseError::Io(_) => None,
    };
    let reason: String = error.to_string().chars().take(400).collect();
    // A parser that reports no position mostly quotes the offending text.
    let quoted = || reason.split('\'').nth(1).filter(|quoted| !quoted.is_empty()).and_then(|quoted| text.find(quoted));
    let position = position.filter(|position| *position > 0).or_else(|| quoted().map(|place| place as u64));
    PayloadError::Syntax { format: format.name(), position, reason, excerpt: excerpt(text, position.unwrap_or_default()) }
}
