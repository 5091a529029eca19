//! The answers of the provider around what is listed: the envelope, errors, and its descriptions of itself. Pure.

use std::fmt::Write as _;

use super::formats::Prefix;
use crate::log::SourceRow;
use crate::oai::{Datestamp, ErrorCode, Granularity, OAI_NAMESPACE, Refused, Request};
use crate::serve::xml_text::escaped;

/// A time of this mirror, milliseconds since 1970, as the protocol writes it.
pub(super) fn utc(millis: i64) -> String {
    Datestamp::from_millis(millis).map(|stamp| stamp.at(Granularity::Second)).unwrap_or_default()
}

/// The document of an answer: `asked` is the request, if its arguments are valid, and `inside` what it gets.
pub(super) fn document(base: &str, date: i64, asked: Option<&Request>, inside: &str) -> String {
    let mut attributes = String::new();
    for (name, value) in asked.iter().flat_map(|request| request.arguments()) {
        // Writing to a string cannot fail.
        let _ = write!(attributes, " {name}=\"{}\"", escaped(value));
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<OAI-PMH xmlns=\"{OAI_NAMESPACE}\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xsi:schemaLocation=\"{OAI_NAMESPACE} http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd\">\n\
         <responseDate>{}</responseDate>\n<request{attributes}>{}</request>\n{inside}\n</OAI-PMH>\n",
        utc(date),
        escaped(base),
    )
}

/// The answer to a request that is refused.
pub(super) fn error(base: &str, date: i64, asked: Option<&Request>, refused: &Refused) -> String {
    // Section 3.2: the attributes are left out where they may be wrong.
    let asked = asked.filter(|_| !matches!(refused.code, ErrorCode::BadVerb | ErrorCode::BadArgument));
    document(base, date, asked, &format!("<error code=\"{}\">{}</error>", refused.code, escaped(&refused.message)))
}

/// What `Identify` says.
pub(super) struct Identity<'a> {
    pub(super) base: &'a str,
    pub(super) sources: &'a [SourceRow],
    pub(super) contact: &'a str,
    /// When this mirror got its first page, milliseconds since 1970.
    pub(super) earliest: i64,
}

pub(super) fn identify(identity: &Identity<'_>) -> String {
    let names: Vec<&str> = identity.sources.iter().map(|source| source.name.as_str()).collect();
    // The protocol demands an address.
    let contact = if is_mail(identity.contact) { identity.contact } else { "not-configured@example.invalid" };
    format!(
        "<Identify><repositoryName>libris-mirror: {}</repositoryName><baseURL>{}</baseURL><protocolVersion>2.0</protocolVersion>\
         <adminEmail>{}</adminEmail><earliestDatestamp>{}</earliestDatestamp><deletedRecord>persistent</deletedRecord>\
         <granularity>{}</granularity><compression>gzip</compression></Identify>",
        escaped(&names.join(", ")),
        escaped(identity.base),
        escaped(contact),
        utc(identity.earliest),
        Granularity::Second.as_str(),
    )
}

/// Whether a text is a mail address as the schema of the protocol has it.
fn is_mail(text: &str) -> bool {
    let part = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
    text.split_once('@').is_some_and(|(name, host)| {
        part(name) && part(host) && host.rsplit_once('.').is_some_and(|(before, after)| !before.is_empty() && !after.is_empty())
    })
}

pub(super) fn formats() -> String {
    let format = |prefix: Prefix| {
        let (schema, namespace) = prefix.schema();
        format!(
            "<metadataFormat><metadataPrefix>{}</metadataPrefix><schema>{schema}</schema>\
             <metadataNamespace>{namespace}</metadataNamespace></metadataFormat>",
            prefix.name()
        )
    };
    format!("<ListMetadataFormats>{}</ListMetadataFormats>", Prefix::ALL.map(format).concat())
}

/// The sets: each source is one.
pub(super) fn sets(sources: &[SourceRow]) -> String {
    let set = |source: &SourceRow| {
        let name = escaped(&source.name);
        let origin = escaped(&source.base_url);
        format!("<set><setSpec>{name}</setSpec><setName>{name}, from {origin}</setName></set>")
    };
    format!("<ListSets>{}</ListSets>", sources.iter().map(set).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_repeats_no_arguments_that_may_be_wrong() {
        let of = |code: ErrorCode| error("https://x/oai", 0, Some(&Request::Identify), &Refused::new(code, "a < b"));
        assert!(
            of(ErrorCode::BadArgument).contains("<request>https://x/oai</request>\n<error code=\"badArgument\">a &lt; b</error>")
        );
        assert!(of(ErrorCode::NoRecordsMatch).contains("<request verb=\"Identify\">"));
    }

    #[test]
    fn only_what_looks_like_an_address_is_one() {
        assert!(
            is_mail("a.b@kb.se") && !is_mail("kb.se") && !is_mail("a@b") && !is_mail("a b@kb.se") && !is_mail("https://kb.se/@")
        );
    }
}
