//! What answers are made of: headers, records, and the parts of a repository's description of itself.

use std::ops::Range;

use super::tape::repair;
use super::xml::metadata_of;
use super::{Datestamp, Granularity, ProtocolError, RecordId, ResumptionToken, SetSpec};

/// Bounds on what one answer may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The longest record, in bytes.
    pub record_bytes: usize,
    /// The deepest nesting of elements.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { record_bytes: 16 << 20, depth: 256 }
    }
}

/// The header of a record (OAI-PMH section 2.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The identifier of the item.
    pub identifier: RecordId,
    /// The datestamp as it came.
    pub datestamp_text: String,
    /// The datestamp in UTC, if it parses.
    pub datestamp: Option<Datestamp>,
    /// The sets that the server names.
    pub sets: Vec<SetSpec>,
    /// Whether the status is `deleted`, in whatever case.
    pub deleted: bool,
}

/// A record as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its header, parsed.
    pub header: Header,
    /// The whole `<record>` element byte for byte, except for the namespace declarations added to its start tag.
    pub xml: Vec<u8>,
    /// The range in `xml` of the content of `<metadata>`, if any. In a record whose XML is broken, all of it.
    pub metadata: Option<Range<usize>>,
}

impl Record {
    /// What its graph is read from: the record's start tag, whose namespace declarations its payload may need, and the
    /// `<metadata>` element up to its end tag. Neither the header nor what the server adds in `<about>`.
    #[must_use]
    pub fn parsed(&self) -> [&[u8]; 2] {
        parsed_parts(&self.xml, self.metadata.as_ref())
    }
}

/// The same of a record that was kept, whose XML is whole: nothing of one that is not.
pub fn parsed_of_kept(xml: &[u8]) -> Option<[&[u8]; 2]> {
    let metadata = metadata_of(&String::from_utf8_lossy(&repair(xml)))?;
    Some(parsed_parts(xml, metadata.as_ref()))
}

fn parsed_parts<'a>(xml: &'a [u8], metadata: Option<&Range<usize>>) -> [&'a [u8]; 2] {
    let Some(metadata) = metadata else { return [&[], &[]] };
    // A `<` is in no attribute's value, so each marks the beginning of a tag.
    let rest = xml.get(1..).unwrap_or_default();
    let start_tag = rest[..rest.iter().position(|byte| *byte == b'<').unwrap_or(rest.len())].trim_ascii_end();
    let before = xml.get(..metadata.start).unwrap_or_default();
    let begin = before.iter().rposition(|byte| *byte == b'<').unwrap_or(0);
    [start_tag, xml.get(begin..metadata.end).unwrap_or_default()]
}

/// The prefix of the identifiers of records whose headers have none; the rest is a hash of their bytes.
pub const NAMELESS: &str = "urn:libris-mirror:nameless:";

impl Header {
    /// A header for a record whose own has no identifier: named after its bytes, so that a repeat gets the same name.
    pub(super) fn nameless(bytes: &[u8]) -> Self {
        let name = format!("{NAMELESS}{}", &blake3::hash(bytes).to_hex()[..32]);
        let identifier = RecordId::of(name);
        Self { identifier, datestamp_text: String::new(), datestamp: None, sets: Vec::new(), deleted: false }
    }
}

/// The parts of an `Identify` answer that a harvester needs (OAI-PMH section 4.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identify {
    /// The name of the repository.
    pub repository_name: String,
    /// The lower bound of all datestamps, as it came.
    pub earliest_datestamp: String,
    /// `no`, `transient` or `persistent`.
    pub deleted_record: String,
    /// The granularity of `from` and `until`.
    pub granularity: Granularity,
}

/// A `<metadataFormat>` (OAI-PMH section 4.4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MetadataFormat {
    /// The prefix.
    pub prefix: String,
    /// The schema, which Libris leaves out for several formats.
    pub schema: String,
    /// The namespace, which Libris leaves out for several formats.
    pub namespace: String,
}

/// A `<set>` (OAI-PMH section 4.6).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Set {
    /// The `setSpec`.
    pub spec: String,
    /// Its name.
    pub name: String,
}

/// A part of an answer, in the order of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// The server's clock.
    ResponseDate(Datestamp),
    /// An error that the server reports.
    Error(ProtocolError),
    /// Of `Identify`.
    Identify(Identify),
    /// Of `ListMetadataFormats`.
    MetadataFormat(MetadataFormat),
    /// Of `ListSets`.
    Set(Set),
    /// Of `ListIdentifiers`.
    Header(Header),
    /// Of `ListRecords` and `GetRecord`.
    Record(Record),
    /// A record that is over the limit and was skipped.
    Unkept {
        /// Its header.
        header: Header,
        /// The limit that it exceeds.
        reason: String,
    },
    /// The resumption token; `None` where its element is empty, which ends a list.
    Token {
        /// The token.
        token: Option<ResumptionToken>,
        /// `completeListSize`, which may be an estimate.
        complete_list_size: Option<u64>,
    },
}
