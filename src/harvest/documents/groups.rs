//! Sorted lines become records: their payload is sorted N-Triples, which does not change when a document says the same in
//! another order or format.

use super::ended::{Ended, of_disk};
use super::sort::{Sorted, parts};
use crate::log::Undelivered;
use crate::oai::{Datestamp, Header, Record, RecordId};
use crate::rdf::stable_ntriples;

/// All that some documents say of a record.
pub(super) struct Group {
    /// The identifier of its record, as far as it may be one.
    pub(super) name: String,
    /// The numbers of the documents.
    pub(super) documents: Vec<u32>,
    lines: Vec<String>,
    bytes: usize,
}

/// Reads groups from sorted lines.
pub(super) struct Groups<'a> {
    sorted: Sorted<'a>,
    next: Option<Vec<u8>>,
    limit: usize,
}

impl<'a> Groups<'a> {
    /// Groups whose lines have at most so many bytes: those of a longer one are not kept.
    pub(super) fn new(mut sorted: Sorted<'a>, limit: usize) -> Result<Self, Ended> {
        let next = sorted.next().map_err(of_disk)?;
        Ok(Self { sorted, next, limit })
    }

    /// The next group, of the documents that count.
    pub(super) fn next(&mut self, counts: impl Fn(u32) -> bool) -> Result<Option<Group>, Ended> {
        let mut group: Option<Group> = None;
        while let Some(entry) = self.next.take() {
            let Some((name, line, document)) = parts(&entry) else { break };
            if group.as_ref().is_some_and(|group| group.name != name) {
                self.next = Some(entry);
                break;
            }
            if counts(document) {
                let group = group.get_or_insert_with(|| Group {
                    name: name.to_owned(),
                    documents: Vec::new(),
                    lines: Vec::new(),
                    bytes: 0,
                });
                if !group.documents.contains(&document) {
                    group.documents.push(document);
                }
                if group.lines.last().is_none_or(|last| last != line) {
                    group.bytes += line.len();
                    if group.bytes > self.limit {
                        group.lines.clear();
                    } else {
                        group.lines.push(line.to_owned());
                    }
                }
            }
            self.next = self.sorted.next().map_err(of_disk)?;
        }
        Ok(group)
    }
}

impl Group {
    /// Its record, with the datestamp of the reading; or why it cannot be kept.
    pub(super) fn record(&self, stamp: Datestamp, limit: usize) -> Result<Record, Undelivered> {
        let datestamp_text = stamp.to_string();
        let unkept =
            |identifier: String, reason: String| Undelivered { identifier, datestamp_text: datestamp_text.clone(), reason };
        let identifier = RecordId::new(&self.name).map_err(|error| {
            let short: String = self.name.chars().take(200).collect();
            let hash = blake3::hash(self.name.as_bytes()).to_hex();
            unkept(format!("{short}…{}", &hash[..16]), error.to_string())
        })?;
        let too_large = || {
            let reason = format!("it has more than {limit} bytes of N-Triples (harvest.record_bytes)");
            unkept(identifier.to_string(), reason)
        };
        if self.bytes > limit {
            return Err(too_large());
        }
        let lines: Vec<&str> = self.lines.iter().map(String::as_str).collect();
        let payload = stable_ntriples(&lines);
        if payload.len() > limit {
            return Err(too_large());
        }
        let mut xml = format!(
            "<record><header><identifier>{}</identifier><datestamp>{datestamp_text}</datestamp></header><metadata>",
            escaped(identifier.as_str())
        );
        let begin = xml.len();
        xml.push_str("<![CDATA[");
        xml.push_str(&payload.replace("]]>", "]]]]><![CDATA[>"));
        xml.push_str("]]>");
        let end = xml.len();
        xml.push_str("</metadata></record>");
        let header = Header { identifier, datestamp_text, datestamp: Some(stamp), sets: Vec::new(), deleted: false };
        Ok(Record { header, xml: xml.into_bytes(), metadata: Some(begin..end) })
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
