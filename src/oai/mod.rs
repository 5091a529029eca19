//! The OAI-PMH 2.0 protocol: typed requests, datestamps, errors, and a streaming parser of answers.
//!
//! Nothing here does I/O of its own: requests become query parameters, and answers are read from any [`std::io::BufRead`]. The
//! parser accepts any namespace prefix, tolerates departures from the specification that lose nothing, and is strict about the
//! end of a list.
//! <https://www.openarchives.org/OAI/openarchivesprotocol.html>

mod asked;
mod datestamp;
mod document;
mod error;
mod item;
mod names;
mod request;
mod skim;
mod tape;
mod xml;

pub use asked::{Refused, Span};
pub use datestamp::{Datestamp, DatestampError, Granularity};
pub use document::Document;
pub use error::{DocumentError, ErrorCode, ProtocolError};
pub(crate) use item::parsed_of_kept;
pub use item::{Header, Identify, Item, Limits, MetadataFormat, NAMELESS, Record, Set};
pub use names::{MetadataPrefix, NameError, RecordId, ResumptionToken, SetSpec};
pub use request::{ListArguments, ListVerb, Request};
pub use tape::{readable, repair};
pub use xml::{Payload, Scope, payload_of};

/// The namespace of OAI-PMH 2.0 answers.
pub const OAI_NAMESPACE: &str = "http://www.openarchives.org/OAI/2.0/";
