//! Checks before a first harvest whether the metadata prefix delivers descriptions, or only types.
//!
//! Libris's RDF/XML converter works without a context on some deployments, and then writes little more than the class of each
//! thing (read in its source, 2026-07). This is better known before a million records came.

use super::client::Client;
use super::error::FetchError;
use super::list::{read_formats, read_record};
use crate::config::{Harvest, OaiSource};
use crate::oai::{MetadataPrefix, Record, Request};
use crate::rdf::vocab::RDF_TYPE;
use crate::rdf::{PayloadError, PayloadFormat, Reader};

/// How many live records are checked.
const RECORDS_CHECKED: usize = 10;

/// The metadata prefix delivers no descriptions.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The records hold only types.
    #[error(
        "the prefix {prefix:?} of {source_name:?} delivers nothing but types: {looked_at} records hold no other statement\nhint: {hint}"
    )]
    OnlyTypes {
        /// The source.
        source_name: String,
        /// Its prefix.
        prefix: String,
        /// How many records were checked.
        looked_at: usize,
        /// The prefix that works.
        hint: String,
    },
    /// None of the records parse.
    #[error("the prefix {prefix:?} of {source_name:?} delivers nothing that parses: {reason}\nhint: {hint}")]
    Unreadable {
        /// The source.
        source_name: String,
        /// Its prefix.
        prefix: String,
        /// What is wrong with the first record.
        reason: PayloadError,
        /// The prefix that works.
        hint: String,
    },
}

/// What the first records hold.
#[derive(Debug, PartialEq)]
enum Finding {
    Describes,
    NothingToSay,
    OnlyTypes(usize),
    Unreadable(PayloadError),
}

fn judge(reader: &Reader, records: &[Record]) -> Finding {
    let live: Vec<&Record> = records.iter().filter(|record| !record.header.deleted).take(RECORDS_CHECKED).collect();
    let mut first_error = None;
    for record in &live {
        match reader.quads(record.header.identifier.as_str(), &record.xml) {
            Ok(quads) if quads.iter().any(|quad| quad.predicate.as_ref() != RDF_TYPE) => return Finding::Describes,
            Ok(_) => {}
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    match (live.len(), first_error) {
        (0, _) => Finding::NothingToSay,
        (_, Some(error)) => Finding::Unreadable(error),
        (count, None) => Finding::OnlyTypes(count),
    }
}

/// Checks the first records of a source. If they hold no descriptions, requests one of them in other formats, to name the prefix
/// that does.
pub(super) async fn probe(
    client: &Client,
    source: &OaiSource,
    settings: &Harvest,
    reader: &Reader,
    records: &[Record],
) -> Result<(), ProbeError> {
    let finding = judge(reader, records);
    if matches!(finding, Finding::Describes | Finding::NothingToSay) {
        return Ok(());
    }
    let hint = match better_prefix(client, source, settings, reader, records).await {
        Some(prefix) => {
            format!("{prefix:?} describes them: use --prefix {prefix}, or set it as the prefix of [sources.{}]", source.name)
        }
        None => "try another one with --prefix; `ListMetadataFormats` of the server names them".to_owned(),
    };
    let (source_name, prefix) = (source.name.clone(), source.prefix.to_string());
    Err(match finding {
        Finding::Unreadable(reason) => ProbeError::Unreadable { source_name, prefix, reason, hint },
        Finding::OnlyTypes(looked_at) => ProbeError::OnlyTypes { source_name, prefix, looked_at, hint },
        Finding::Describes | Finding::NothingToSay => return Ok(()),
    })
}

async fn better_prefix(
    client: &Client,
    source: &OaiSource,
    settings: &Harvest,
    reader: &Reader,
    records: &[Record],
) -> Option<String> {
    let live = records.iter().find(|record| !record.header.deleted)?;
    let mine = settings.clone();
    let offered = client.ask(&Request::ListMetadataFormats(None), move |input| read_formats(input, &mine)).await.ok()?;
    for prefix in ["rdfxml", "ttl", "jsonld"].into_iter().filter(|prefix| *prefix != source.prefix.as_str()) {
        if !offered.iter().any(|format| format.prefix == prefix) {
            continue;
        }
        let request = Request::GetRecord(live.header.identifier.clone(), MetadataPrefix::new(prefix).ok()?);
        let mine = settings.clone();
        let answer: Result<Vec<Record>, FetchError> = client.ask(&request, move |input| read_record(input, &mine)).await;
        let reader = reader.with_format(PayloadFormat::from_prefix(prefix));
        if answer.is_ok_and(|records| judge(&reader, &records) == Finding::Describes) {
            return Some(prefix.to_owned());
        }
    }
    None
}
