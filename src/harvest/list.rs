//! Reading one answer of a list into parts for the log, in bounded memory.

use std::io::BufRead;

use super::error::FetchError;
use crate::config::Harvest;
use crate::log::Undelivered;
use crate::oai::{
    Datestamp, Document, DocumentError, ErrorCode, Identify, Item, MetadataFormat, ProtocolError, Record, RecordId,
    ResumptionToken,
};

/// How an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    /// The resumption token; nothing at the end of the list.
    pub(super) token: Option<ResumptionToken>,
    /// The size of the whole list, as the server claims it.
    pub(super) complete_list_size: Option<u64>,
}

/// A part of an answer; in most cases all of it.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) response_date: Option<Datestamp>,
    /// The records; in a list of identifiers, only their headers.
    pub(super) records: Vec<Record>,
    /// Records that the source lists and did not deliver.
    pub(super) undelivered: Vec<Undelivered>,
    /// Records that were requested by identifier, and that the source no longer has.
    pub(super) vanished: Vec<RecordId>,
    /// Whether the records were requested by their identifiers, and are not part of a list.
    pub(super) by_name: bool,
    /// Whether a list begins here: its datestamps are compared from here on.
    pub(super) opens_list: bool,
    /// Whether a list ended here, though no answer ended it.
    pub(super) doubtful: bool,
    /// Set in the last part.
    pub(super) end: Option<End>,
}

impl Part {
    /// Whether there is nothing to commit.
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.undelivered.is_empty() && self.end.is_none()
    }
}

/// Reads an answer to `ListRecords`, `ListIdentifiers` or `GetRecord`. A part is handed over when it has the size of a page; the
/// last one, with [`Part::end`], only after the document was closed. In an answer that opens a list, `noRecordsMatch` means that
/// the list is empty.
pub(super) fn read_list(
    input: impl BufRead,
    settings: &Harvest,
    opens_list: bool,
    mut hand_over: impl FnMut(Part) -> Result<(), FetchError>,
) -> Result<(), FetchError> {
    let mut document = Document::new(input, settings.limits());
    let (mut part, mut bytes, mut any) = (Part { opens_list, ..Part::default() }, 0usize, false);
    let mut end = End { token: None, complete_list_size: None };
    while let Some(item) = document.next_item()? {
        match item {
            Item::ResponseDate(date) => part.response_date = Some(date),
            Item::Error(error) if opens_list && error.code == ErrorCode::NoRecordsMatch => any = true,
            Item::Error(error) => return Err(error.into()),
            Item::Unkept { header, reason } => {
                any = true;
                part.undelivered.push(Undelivered {
                    identifier: header.identifier.to_string(),
                    datestamp_text: header.datestamp_text,
                    reason: format!("{reason}: raise harvest.record_bytes to load it"),
                });
            }
            Item::Record(_) | Item::Header(_) => {
                let record = match item {
                    Item::Header(header) => Record { header, xml: Vec::new(), metadata: None },
                    Item::Record(record) => record,
                    _ => continue,
                };
                any = true;
                // Checked when another record follows, so that an answer of exactly one page stays one part.
                if part.records.len() >= settings.page_records || bytes >= settings.page_bytes {
                    let response_date = part.response_date;
                    hand_over(std::mem::take(&mut part))?;
                    part.response_date = response_date;
                    bytes = 0;
                }
                bytes += record.xml.len() + HEADER_BYTES;
                part.records.push(record);
            }
            Item::Token { token, complete_list_size } => {
                any = true;
                end = End { token, complete_list_size };
            }
            Item::Identify(_) | Item::MetadataFormat(_) | Item::Set(_) => {}
        }
    }
    if !any && !document.saw_list() {
        let position = document.position();
        return Err(DocumentError::Invalid { position, problem: "it contains neither a list nor an error".into() }.into());
    }
    part.end = Some(end);
    hand_over(part)
}

/// Reads an answer to `GetRecord`: one record, or whatever the server sends in its place.
pub(super) fn read_record(input: impl BufRead, settings: &Harvest) -> Result<Vec<Record>, FetchError> {
    let limit = (settings.record_bytes + settings.document_bytes) as u64;
    let mut records = Vec::new();
    read_list(input.take(limit), settings, false, |part| {
        if let Some(missing) = part.undelivered.into_iter().next() {
            return Err(FetchError::Protocol(ProtocolError {
                code: ErrorCode::Other("tooLarge".into()),
                message: missing.reason,
            }));
        }
        records.extend(part.records);
        Ok(())
    })?;
    Ok(records)
}

/// The memory of a header, roughly.
const HEADER_BYTES: usize = 256;

/// Reads an answer to `Identify`, with the clock of the server.
pub(super) fn read_identify(input: impl BufRead, settings: &Harvest) -> Result<(Identify, Option<Datestamp>), FetchError> {
    let mut document = Document::new(input.take(settings.document_bytes as u64), settings.limits());
    let (mut identify, mut clock) = (None, None);
    while let Some(item) = document.next_item()? {
        match item {
            Item::Error(error) => return Err(error.into()),
            Item::Identify(found) => identify = Some(found),
            Item::ResponseDate(date) => clock = Some(date),
            _ => {}
        }
    }
    identify.map(|identify| (identify, clock)).ok_or_else(|| {
        DocumentError::Invalid { position: document.position(), problem: "it contains no <Identify>".into() }.into()
    })
}

/// Reads an answer to `ListMetadataFormats`.
pub(super) fn read_formats(input: impl BufRead, settings: &Harvest) -> Result<Vec<MetadataFormat>, FetchError> {
    let mut document = Document::new(input.take(settings.document_bytes as u64), settings.limits());
    let mut formats = Vec::new();
    while let Some(item) = document.next_item()? {
        match item {
            Item::Error(error) => return Err(error.into()),
            Item::MetadataFormat(format) => formats.push(format),
            _ => {}
        }
    }
    Ok(formats)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const OPEN: &str = r#"<oai:OAI-PMH xmlns:oai="http://www.openarchives.org/OAI/2.0/"><oai:responseDate>2026-07-01T12:00:00.123456789Z</oai:responseDate><oai:ListRecords>"#;
    const CLOSE: &str = "</oai:ListRecords></oai:OAI-PMH>";

    fn record(number: usize) -> String {
        format!(
            "<oai:record><oai:header><oai:identifier>r{number}</oai:identifier><oai:datestamp>2026-07-01</oai:datestamp></oai:header></oai:record>"
        )
    }

    fn parts(text: &str, page_records: usize) -> Result<Vec<Part>, FetchError> {
        let mut settings = Config::new(None, std::collections::HashMap::new(), &[]).expect("defaults").harvest;
        settings.page_records = page_records;
        let mut parts = Vec::new();
        read_list(text.as_bytes(), &settings, false, |part| {
            parts.push(part);
            Ok(())
        })?;
        Ok(parts)
    }

    #[test]
    fn a_long_answer_is_cut_into_parts_and_only_the_last_has_an_end() {
        let text =
            format!("{OPEN}{}<oai:resumptionToken> t </oai:resumptionToken>{CLOSE}", (0..5).map(record).collect::<String>());
        let parts = parts(&text, 2).expect("valid");
        assert_eq!(parts.iter().map(|part| part.records.len()).collect::<Vec<_>>(), [2, 2, 1]);
        assert!(parts[..2].iter().all(|part| part.end.is_none() && part.response_date.is_some()));
        assert_eq!(parts[2].end.as_ref().and_then(|end| end.token.as_ref()).map(ResumptionToken::as_str), Some("t"));
    }

    #[test]
    fn a_list_ends_only_where_its_document_is_closed() {
        let whole = format!("{OPEN}{}{CLOSE}<!-- notice -->\nPHP Warning", record(1));
        assert_eq!(parts(&whole, 10).expect("valid")[0].end, Some(End { token: None, complete_list_size: None }));
        let closed = whole.find(CLOSE).expect("there") + CLOSE.len();
        for cut in 0..closed {
            let cut_short = parts(&whole[..cut], 10);
            assert!(cut_short.is_err(), "cut at byte {cut}: {cut_short:?}");
        }
    }

    #[test]
    fn empty_pages_foreign_pages_and_errors_are_told_apart() {
        let empty = format!("{OPEN}<oai:resumptionToken>x</oai:resumptionToken>{CLOSE}");
        assert!(parts(&empty, 10).expect("valid")[0].end.as_ref().is_some_and(|end| end.token.is_some()));
        assert!(matches!(
            parts("<html><body>Sign in</body></html>", 10),
            Err(FetchError::Document(DocumentError::NotOai { .. }))
        ));
        let error = OPEN.replace("<oai:ListRecords>", "<oai:error code='noRecordsMatch'>none</oai:error></oai:OAI-PMH>");
        assert!(matches!(parts(&error, 10), Err(FetchError::Protocol(_))));
        let nothing = OPEN.replace("<oai:ListRecords>", "</oai:OAI-PMH>");
        assert!(matches!(parts(&nothing, 10), Err(FetchError::Document(DocumentError::Invalid { .. }))));
    }
}
