//! RDF documents of any format, read as a stream of quads. Nothing is fetched: the one JSON-LD context that a document may
//! name is passed in.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;
use std::sync::Arc;

use oxigraph::io::{JsonLdProfile, JsonLdProfileSet, LoadedDocument, RdfFormat, RdfParseError, RdfParser};
use oxigraph::model::Quad;
use serde_json::Value;

use super::Context;
use super::nesting::{Nesting, Syntax};
use super::payload::caught;

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentFormat {
    /// Turtle.
    Turtle,
    /// N-Triples.
    NTriples,
    /// N-Quads.
    NQuads,
    /// `TriG`.
    TriG,
    /// RDF/XML.
    RdfXml,
    /// JSON-LD.
    JsonLd,
    /// A JSON-LD document on each line.
    JsonLdLines,
}

impl DocumentFormat {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Turtle, Self::NTriples, Self::NQuads, Self::TriG, Self::RdfXml, Self::JsonLd, Self::JsonLdLines];

    /// What a server is asked for.
    pub const ACCEPT: &'static str = "text/turtle, application/n-triples, application/n-quads;q=0.9, application/trig;q=0.9, application/ld+json;q=0.8, application/rdf+xml;q=0.7, */*;q=0.1";

    /// Its name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Turtle => "ttl",
            Self::NTriples => "nt",
            Self::NQuads => "nq",
            Self::TriG => "trig",
            Self::RdfXml => "rdfxml",
            Self::JsonLd => "jsonld",
            Self::JsonLdLines => "ndjson",
        }
    }

    /// The format of a name of the configuration, or of the ending of a file's name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "ttl" | "turtle" => Self::Turtle,
            "nt" | "ntriples" => Self::NTriples,
            "nq" | "nquads" => Self::NQuads,
            "trig" => Self::TriG,
            "rdfxml" | "rdf" | "owl" | "xml" => Self::RdfXml,
            "jsonld" | "json" => Self::JsonLd,
            "ndjson" | "jsonl" | "ndjsonld" => Self::JsonLdLines,
            _ => return None,
        })
    }

    /// The format of a file, by the ending of its name, that of a packing aside.
    #[must_use]
    pub fn of_file_name(name: &str) -> Option<Self> {
        let name = [".gz", ".zst"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
        name.rsplit_once('.').and_then(|(_, ending)| Self::named(ending))
    }

    /// The format of a media type; none for types that are used for anything.
    #[must_use]
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        let name = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        Some(match name.as_str() {
            "text/turtle" | "application/turtle" | "application/x-turtle" => Self::Turtle,
            "application/n-triples" => Self::NTriples,
            "application/n-quads" => Self::NQuads,
            "application/trig" => Self::TriG,
            "application/rdf+xml" => Self::RdfXml,
            "application/ld+json" => Self::JsonLd,
            "application/x-ndjson" | "application/ndjson" | "application/x-jsonlines" | "application/jsonl" => Self::JsonLdLines,
            _ => return None,
        })
    }

    fn rdf_format(self) -> RdfFormat {
        match self {
            Self::Turtle => RdfFormat::Turtle,
            Self::NTriples => RdfFormat::NTriples,
            Self::NQuads => RdfFormat::NQuads,
            Self::TriG => RdfFormat::TriG,
            Self::RdfXml => RdfFormat::RdfXml,
            Self::JsonLd | Self::JsonLdLines => RdfFormat::JsonLd { profile: JsonLdProfileSet::empty() },
        }
    }
}

/// The limits on a document.
#[derive(Debug, Clone, Copy)]
pub struct DocumentLimits {
    /// The bytes from one triple to the next, and of a line of JSON-LD.
    pub statement_bytes: usize,
    /// The bytes of a JSON-LD document, which is parsed as a whole.
    pub whole_bytes: usize,
    /// The depth of elements and brackets.
    pub depth: usize,
}

/// Why a document cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableDocument {
    /// It is not valid.
    #[error("it is not valid {format}{}: {reason}", position.map(|position| format!(" at byte {position}")).unwrap_or_default())]
    Syntax {
        /// The name of the format.
        format: &'static str,
        /// The byte, after unpacking.
        position: Option<u64>,
        /// The message of the parser.
        reason: String,
    },
    /// It cannot be read or unpacked.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// It is over a limit.
    #[error("{0}")]
    OverLimit(String),
}

/// What the parsers of a document need to know.
#[derive(Debug, Clone)]
pub struct DocumentReader {
    /// The format.
    pub format: DocumentFormat,
    /// The base of relative IRIs.
    pub base: String,
    /// The context of JSON-LD that names one, or has none.
    pub context: Option<Arc<Context>>,
    /// The limits.
    pub limits: DocumentLimits,
}

impl DocumentReader {
    /// Reads a document. `each` gets its quads, and may end the reading with an error of its own.
    pub fn read<E: From<UnreadableDocument>>(
        &self,
        input: impl Read,
        mut each: impl FnMut(Quad) -> Result<(), E>,
    ) -> Result<(), E> {
        match self.format {
            DocumentFormat::JsonLd => {
                let mut text = Vec::new();
                let limit = self.limits.whole_bytes;
                input.take(limit as u64 + 1).read_to_end(&mut text).map_err(UnreadableDocument::from)?;
                if text.len() > limit {
                    return Err(UnreadableDocument::OverLimit(format!(
                        "it has more than {limit} bytes of JSON-LD, which is parsed as a whole (harvest.document_bytes)"
                    ))
                    .into());
                }
                self.json_ld(&text, 0)?.into_iter().try_for_each(each)
            }
            DocumentFormat::JsonLdLines => self.lines(BufReader::with_capacity(1 << 16, input), each),
            _ => self.stream(input, &mut each),
        }
    }

    fn stream<E: From<UnreadableDocument>>(
        &self,
        input: impl Read,
        each: &mut impl FnMut(Quad) -> Result<(), E>,
    ) -> Result<(), E> {
        let progress = Rc::new(Progress::default());
        let syntax = match self.format {
            DocumentFormat::RdfXml => Syntax::Xml,
            DocumentFormat::Turtle | DocumentFormat::TriG => Syntax::Turtle,
            _ => Syntax::Lines,
        };
        let guard = Guard { input, progress: Rc::clone(&progress), nesting: Nesting::new(syntax), limits: self.limits };
        let parser = self.parser()?.for_reader(guard);
        for quad in parser {
            let quad = quad.map_err(|error| self.error(error, progress.read.get()))?;
            progress.since.set(0);
            each(quad)?;
        }
        Ok(())
    }

    fn lines<E: From<UnreadableDocument>>(
        &self,
        mut input: impl BufRead,
        mut each: impl FnMut(Quad) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut line, mut position, limit) = (Vec::new(), 0, self.limits.statement_bytes);
        loop {
            line.clear();
            let length = input.by_ref().take(limit as u64 + 1).read_until(b'\n', &mut line).map_err(UnreadableDocument::from)?;
            if length == 0 {
                return Ok(());
            }
            if length > limit {
                let reason = format!("the line at byte {position} has more than {limit} bytes (harvest.record_bytes)");
                return Err(UnreadableDocument::OverLimit(reason).into());
            }
            if !line.trim_ascii().is_empty() {
                self.json_ld(&line, position)?.into_iter().try_for_each(&mut each)?;
            }
            position += length as u64;
        }
    }

    fn parser(&self) -> Result<RdfParser, UnreadableDocument> {
        RdfParser::from_format(self.format.rdf_format())
            .with_base_iri(self.base.clone())
            .map_err(|error| UnreadableDocument::Read(io::Error::other(error)))
    }

    /// The quads of a JSON-LD document that begins at this byte.
    fn json_ld(&self, text: &[u8], begin: u64) -> Result<Vec<Quad>, UnreadableDocument> {
        let invalid = |reason: String, position| UnreadableDocument::Syntax { format: "JSON-LD", position, reason };
        let mut document: Value = serde_json::from_slice(text).map_err(|error| {
            let lines = text.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
            let place = lines.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1);
            invalid(error.to_string(), Some(begin + place as u64))
        })?;
        if let Some(context) = &self.context {
            match &mut document {
                Value::Array(parts) => parts.iter_mut().for_each(|part| complete(part, context)),
                part => complete(part, context),
            }
        }
        let text = document.to_string();
        let context = self.context.clone();
        // Labels of blank nodes are of one line or document.
        let parser = self.parser()?.rename_blank_nodes().for_slice(&text).with_document_loader(move |url| match &context {
            Some(context) => Ok(LoadedDocument {
                url: url.to_owned(),
                content: context.document().to_vec(),
                format: RdfFormat::JsonLd { profile: JsonLdProfile::Context.into() },
            }),
            None => Err(format!("it needs the context {url}, and nothing is fetched: name it as `context`").into()),
        });
        let parsed = caught(|| parser.collect::<Result<Vec<Quad>, _>>());
        match parsed {
            Some(quads) => quads.map_err(|error| invalid(error.to_string(), (begin > 0).then_some(begin))),
            None => Err(invalid("the parser failed, probably since its context names another one".into(), None)),
        }
    }

    fn error(&self, error: RdfParseError, read: u64) -> UnreadableDocument {
        match error {
            RdfParseError::Io(error) => match error.downcast::<OverLimit>() {
                Ok(OverLimit(reason)) => UnreadableDocument::OverLimit(reason),
                // Nobody can enlarge the buffer of the parser.
                Err(error) if error.to_string().contains("buffer maximal size") => UnreadableDocument::OverLimit(format!(
                    "before byte {read} is a line or a term of more than 16 MiB, which is the most that the parser keeps, \
                     whatever harvest.record_bytes allows ({} bytes)",
                    self.limits.statement_bytes
                )),
                Err(error) => UnreadableDocument::Read(error),
            },
            RdfParseError::Syntax(error) => {
                // The parser of XML does not say where it is.
                let position = error.location().map_or(read, |place| place.start.offset);
                let reason = error.to_string().chars().take(400).collect();
                UnreadableDocument::Syntax { format: self.format.rdf_format().name(), position: Some(position), reason }
            }
        }
    }
}

/// Gives an object the context of the source, if it has none.
fn complete(part: &mut Value, context: &Context) {
    if let Value::Object(members) = part
        && !members.contains_key("@context")
    {
        members.insert("@context".into(), context.url().into());
    }
}

/// How far the reading is.
#[derive(Default)]
struct Progress {
    /// Bytes so far.
    read: Cell<u64>,
    /// Bytes since the last quad.
    since: Cell<u64>,
}

/// The error of a guard, for the way through a parser.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct OverLimit(String);

/// Bounds what a parser has to keep: bytes without a statement, and nesting.
struct Guard<R> {
    input: R,
    progress: Rc<Progress>,
    nesting: Nesting,
    limits: DocumentLimits,
}

/// A parser reads ahead this far.
const AHEAD: u64 = 1 << 20;

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        let Progress { read, since } = &*self.progress;
        read.set(read.get() + count as u64);
        let depth = self.nesting.read(&buffer[..count]);
        let Some(resolved) = self.nesting.resolved(&buffer[..count]) else {
            let reason = "it declares entities that are made of entities, which may have no end".to_owned();
            return Err(io::Error::other(OverLimit(reason)));
        };
        since.set(since.get() + resolved as u64);
        let limit = self.limits.statement_bytes as u64;
        if since.get() > limit + AHEAD {
            return Err(io::Error::other(OverLimit(format!(
                "before byte {} are more than {limit} bytes without a statement (harvest.record_bytes)",
                read.get()
            ))));
        }
        if depth > self.limits.depth {
            return Err(io::Error::other(OverLimit(format!(
                "before byte {} it is nested deeper than {} (harvest.depth)",
                read.get(),
                self.limits.depth
            ))));
        }
        Ok(count)
    }
}
