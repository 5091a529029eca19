//! The OAI-PMH answers of the fake Libris: what is selected, how it is cut into pages, and how a record is written.
//!
//! Each departure of the real server from the specification is implemented here, so that the fake is never kinder:
//!
//! | what Libris does | where |
//! |---|---|
//! | `responseDate` and `earliestDatestamp` carry fractions of a second | [`answer`], [`verb`] |
//! | datestamps have a local offset, with a fraction or without | [`Entry::datestamp`] |
//! | `from` and `until` accept only two forms; any other is `badArgument` | [`bound`] |
//! | a bound is compared raw with a row's fraction; a day is its midnight | [`bound`], [`Catalogue::page`] |
//! | without `until`, it is frozen at the time of the first request | [`asked`] |
//! | an unknown parameter or set is `badArgument`, an unknown prefix `cannotDisseminateFormat` | [`verb`], [`asked`], [`prefix`] |
//! | `GetRecord` of an unknown record is `noRecordsMatch` | [`verb`] |
//! | a page is a number of rows scanned: it may hold fewer records, none, or in expanded formats old ones | [`list`] |
//! | a full page is followed by another, which may be empty | [`list`] |
//! | the last page of a resumed list has an empty token, an unresumed one none | [`list`] |
//! | tokens have no size, cursor or expiry, and are valid for both verbs | [`list`] |
//! | no header names `nb` or `sao`; works have no set at all; a record leaves `nb` without a deletion | [`Entry`] |
//! | `jsonld` and `ttl` are one CDATA section | [`write_metadata`] |
//! | a failed conversion is a sentence in place of the record | [`write_metadata`] |
//! | `<about>` holds elements without a namespace, and is a sibling of the header in `ListIdentifiers` | [`write_about`] |
//! | deleted records have no metadata, unless the request asks for it | [`write_record`] |
//!
//! Left out: holdings, which are not CC0 (the set `hold` is there, and empty); MARCXML, which no view reads (its prefixes
//! are known, and their conversion fails); and the order of parameters in `<request>`.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::catalogue::{Catalogue, Entry};
use super::render::{jsonld, rdfxml, turtle};
use crate::oai::OAI_NAMESPACE;

/// The arguments of a list; a token is these, with a position in the list.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Asked {
    prefix: String,
    set: Option<String>,
    from: i64,
    until: i64,
    with_deleted: bool,
    after: Option<(i64, u64)>,
}

/// An OAI-PMH error: code and message.
type Refusal = (&'static str, String);

/// What the answers are made from.
pub(super) struct Library<'a> {
    /// The rows.
    pub(super) catalogue: &'a Catalogue,
    /// Records that cannot be converted into any format.
    pub(super) unconverted: &'a HashSet<u64>,
    /// Rows scanned for a page.
    pub(super) page_rows: usize,
}

const FORMATS: [&str; 17] = [
    "oai_dc",
    "oai_dc_expanded",
    "oai_dc_includehold",
    "oai_dc_includehold_expanded",
    "marcxml",
    "marcxml_expanded",
    "marcxml_includehold",
    "marcxml_includehold_expanded",
    "rdfxml",
    "rdfxml_expanded",
    "rdfxml_includehold",
    "rdfxml_includehold_expanded",
    "jsonld",
    "jsonld_expanded",
    "jsonld_includehold",
    "jsonld_includehold_expanded",
    "ttl",
];
const SETS: [&str; 5] = ["auth", "bib", "hold", "sao", "nb"];
const DC_NAMESPACE: &str = "http://www.openarchives.org/OAI/2.0/oai_dc/";

/// The answer to a request.
pub(super) fn answer(library: &Library<'_>, arguments: &[(String, String)]) -> String {
    let now = Utc::now();
    let mut text = String::with_capacity(1 << 16);
    let _ = write!(
        text,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><OAI-PMH xmlns=\"{OAI_NAMESPACE}\"><responseDate>{}</responseDate><request>fake</request>",
        now.to_rfc3339_opts(SecondsFormat::Nanos, true)
    );
    match verb(library, arguments, now.timestamp_millis()) {
        Ok(content) => text.push_str(&content),
        Err((code, message)) => {
            let _ = write!(text, "<error code=\"{code}\">{}</error>", quick_xml::escape::escape(message));
        }
    }
    text.push_str("</OAI-PMH>");
    text
}

fn verb(library: &Library<'_>, arguments: &[(String, String)], now: i64) -> Result<String, Refusal> {
    let mut given: HashMap<&str, &str> = HashMap::new();
    for (name, value) in arguments {
        if given.insert(name, value).is_some() {
            return Err(("badArgument", format!("Repeated parameter: {name}")));
        }
    }
    let verb = given.remove("verb").unwrap_or_default();
    let known: &[&str] = match verb {
        "GetRecord" => &["identifier", "metadataPrefix", "x-withDeletedData"],
        "ListRecords" | "ListIdentifiers" if given.contains_key("resumptionToken") => &["resumptionToken"],
        "ListRecords" | "ListIdentifiers" => {
            &["from", "until", "set", "metadataPrefix", "x-withDeletedData", "x-withSilentUpdates"]
        }
        "ListMetadataFormats" => &["identifier"],
        _ => &[],
    };
    if let Some(name) = given.keys().find(|name| !known.contains(name)) {
        return Err(("badArgument", format!("Request contained unknown parameter(s): {name}")));
    }
    match verb {
        "Identify" => Ok("<Identify><repositoryName>Fake Libris</repositoryName><baseURL>http://127.0.0.1/</baseURL><protocolVersion>2.0</protocolVersion><adminEmail>nobody@example.org</adminEmail><earliestDatestamp>2004-01-01T00:00:00.123456Z</earliestDatestamp><deletedRecord>persistent</deletedRecord><granularity>YYYY-MM-DDThh:mm:ssZ</granularity></Identify>".into()),
        "ListMetadataFormats" => Ok(format!("<ListMetadataFormats>{}</ListMetadataFormats>", FORMATS.map(format).concat())),
        "ListSets" => {
            let sets = SETS.map(|set| format!("<set><setSpec>{set}</setSpec><setName>{set}</setName></set>")).concat();
            Ok(format!("<ListSets>{sets}</ListSets>"))
        }
        "GetRecord" => {
            let prefix = prefix(&given)?;
            let identifier = given.get("identifier").ok_or(("badArgument", "identifier argument required.".to_owned()))?;
            let entry = library.catalogue.find(identifier).ok_or(("noRecordsMatch", String::new()))?;
            let mut text = "<GetRecord>".to_owned();
            write_record(&mut text, library, &entry, prefix, with_deleted(&given));
            Ok(text + "</GetRecord>")
        }
        "ListRecords" | "ListIdentifiers" => {
            let resumed = given.contains_key("resumptionToken");
            list(library, verb, &asked(&given, now)?, resumed)
        }
        _ => Err(("badVerb", "OAI-PMH verb must be one of [GetRecord, Identify, ListIdentifiers, ListMetadataFormats, ListRecords, ListSets].".into())),
    }
}

/// A format as it is listed: several have neither a schema nor a namespace.
fn format(prefix: &str) -> String {
    let more = match prefix.split('_').next() {
        Some("oai") => format!(
            "<schema>http://www.openarchives.org/OAI/2.0/oai_dc.xsd</schema><metadataNamespace>{DC_NAMESPACE}</metadataNamespace>"
        ),
        Some("marcxml") => "<schema>http://www.loc.gov/standards/marcxml/schema/MARC21slim.xsd</schema><metadataNamespace>http://www.loc.gov/MARC21/slim</metadataNamespace>".to_owned(),
        _ => String::new(),
    };
    format!("<metadataFormat><metadataPrefix>{prefix}</metadataPrefix>{more}</metadataFormat>")
}

fn with_deleted(given: &HashMap<&str, &str>) -> bool {
    given.get("x-withDeletedData").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

fn prefix<'a>(given: &HashMap<&str, &'a str>) -> Result<&'a str, Refusal> {
    let prefix = given.get("metadataPrefix").copied().ok_or(("badArgument", "metadataPrefix argument required.".to_owned()))?;
    if FORMATS.contains(&prefix) { Ok(prefix) } else { Err(("cannotDisseminateFormat", format!("Unsupported format: {prefix}"))) }
}

/// A bound in milliseconds since 1970. A day is its first moment, for `until` as well.
fn bound(text: &str) -> Result<i64, Refusal> {
    let time = match text.len() {
        10 => NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|day| day.and_time(NaiveTime::MIN)),
        20 => NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%SZ").ok(),
        _ => None,
    };
    time.map(|time| time.and_utc().timestamp_millis())
        .ok_or(("badArgument", "Allowed time formats are: YYYY-MM-DD and YYYY-MM-DDThh:mm:ssZ.".to_owned()))
}

fn asked(given: &HashMap<&str, &str>, now: i64) -> Result<Asked, Refusal> {
    if let Some(token) = given.get("resumptionToken") {
        let decoded = BASE64_URL_SAFE_NO_PAD.decode(token).ok().and_then(|json| serde_json::from_slice(&json).ok());
        return decoded.ok_or(("badResumptionToken", "The resumptionToken is invalid or has expired.".into()));
    }
    let set = given.get("set").map(|set| (*set).to_owned());
    if let Some(set) = set.as_deref().filter(|set| !is_set(set)) {
        return Err(("badArgument", format!("Not a supported set spec: {set}")));
    }
    Ok(Asked {
        prefix: prefix(given)?.into(),
        set,
        from: given.get("from").map_or(Ok(i64::MIN), |text| bound(text))?,
        until: given.get("until").map_or(Ok(now), |text| bound(text))?,
        with_deleted: with_deleted(given),
        after: None,
    })
}

/// Whether there is such a set: of a library (`bib:S`, `hold:S`) as well.
fn is_set(set: &str) -> bool {
    match set.split_once(':') {
        None => SETS.contains(&set),
        Some((root, sigel)) => matches!(root, "bib" | "hold") && !sigel.contains(':'),
    }
}

fn list(library: &Library<'_>, verb: &str, asked: &Asked, resumed: bool) -> Result<String, Refusal> {
    let rows = library.catalogue.page(asked.after, asked.from, asked.until, library.page_rows);
    let more = rows.len() == library.page_rows;
    let records = verb == "ListRecords";
    let mut text = format!("<{verb}>");
    let mut any = false;
    for (place, entry) in rows.iter().enumerate().filter(|(_, entry)| entry.is_in(asked.set.as_deref())) {
        any = true;
        if records {
            write_record(&mut text, library, entry, &asked.prefix, asked.with_deleted);
        } else {
            write_header(&mut text, entry);
            write_about(&mut text);
        }
        // In expanded formats a changed authority re-emits the records that link to it, with their old datestamps.
        if asked.prefix.ends_with("_expanded") && place % 100 == 99 && records && rows[place / 2].is_in(asked.set.as_deref()) {
            write_record(&mut text, library, &rows[place / 2], &asked.prefix, asked.with_deleted);
        }
    }
    if more {
        let token = Asked { after: rows.last().map(|last| (last.modified, last.number)), ..asked.clone() };
        let json = serde_json::to_vec(&token).unwrap_or_default();
        let _ = write!(text, "<resumptionToken>{}</resumptionToken>", BASE64_URL_SAFE_NO_PAD.encode(json));
    } else if resumed {
        text.push_str("<resumptionToken></resumptionToken>");
    } else if !any {
        return Err(("noRecordsMatch", String::new()));
    }
    let _ = write!(text, "</{verb}>");
    Ok(text)
}

fn write_header(text: &mut String, entry: &Entry) {
    let status = if entry.deleted { " status=\"deleted\"" } else { "" };
    let (identifier, datestamp) = (entry.identifier(), entry.datestamp());
    let _ = write!(text, "<header{status}><identifier>{identifier}</identifier><datestamp>{datestamp}</datestamp>");
    if let Some(set) = entry.set() {
        let _ = write!(text, "<setSpec>{set}</setSpec>");
    }
    text.push_str("</header>");
}

fn write_about(text: &mut String) {
    text.push_str("<about><agent xmlns=\"\" name=\"NB\"/></about>");
}

fn write_record(text: &mut String, library: &Library<'_>, entry: &Entry, prefix: &str, with_deleted: bool) {
    text.push_str("<record>");
    write_header(text, entry);
    if !entry.deleted || with_deleted {
        text.push_str("<metadata>");
        write_metadata(text, library, entry, prefix);
        text.push_str("</metadata>");
    }
    if prefix.contains("_includehold") && entry.set() == Some("bib") {
        text.push_str("<about xmlns=\"\"><holding sigel=\"S\" id=\"h0ld1ng\">");
        write_metadata(text, library, entry, prefix);
        text.push_str("</holding></about>");
    }
    write_about(text);
    text.push_str("</record>");
}

fn write_metadata(text: &mut String, library: &Library<'_>, entry: &Entry, prefix: &str) {
    let nodes = entry.nodes();
    let _ = match prefix.split('_').next() {
        _ if library.unconverted.contains(&entry.number) => write!(text, "Error: Document conversion failed."),
        Some("marcxml") => write!(text, "Error: Document conversion failed."),
        Some("ttl") => write!(text, "<![CDATA[{}]]>", turtle(&nodes)),
        Some("jsonld") => write!(text, "<![CDATA[{}]]>", jsonld(&nodes)),
        Some("oai") => write!(text, "<oai_dc:dc xmlns:oai_dc=\"{DC_NAMESPACE}\"/>"),
        _ => write!(text, "{}", rdfxml(&nodes)),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::Shape;
    use chrono::DateTime;

    /// The identifiers of a list, and its token or error.
    fn ask(catalogue: &Catalogue, page_rows: usize, words: &str) -> (Vec<String>, String) {
        let arguments: Vec<_> = url::form_urlencoded::parse(words.as_bytes()).into_owned().collect();
        let text = answer(&Library { catalogue, unconverted: &HashSet::new(), page_rows }, &arguments);
        let between = |from: &str, to: &str| -> Vec<String> {
            text.split(from).skip(1).filter_map(|rest| Some(rest.split_once(to)?.0.to_owned())).collect()
        };
        let ends = between("<resumptionToken>", "</resumptionToken>").pop();
        (between("<identifier>", "</identifier>"), ends.or(between("error code=\"", "\"").pop()).unwrap_or("none".into()))
    }

    /// Records that were changed at 12:00:03.427, :04.000 and :04.427 on a day, and half a day later.
    fn catalogue() -> (Catalogue, Vec<String>) {
        let noon = DateTime::parse_from_rfc3339("2026-07-01T12:00:00Z").expect("a time").timestamp_millis();
        let mut catalogue = Catalogue::default();
        let rows = [(1, noon + 3427), (3, noon + 4000), (4, noon + 4427), (7, noon + 43_200_000)];
        for (number, modified) in rows {
            catalogue.put(Entry { number, version: 0, shape: Shape::New, modified, deleted: false, left: false });
        }
        (catalogue, rows.iter().map(|(number, _)| super::super::identifier(*number)).collect())
    }

    #[test]
    fn bounds_are_compared_raw() {
        let (catalogue, ids) = catalogue();
        let list = |bounds: &str| ask(&catalogue, 100, &format!("verb=ListIdentifiers&metadataPrefix=ttl{bounds}"));
        for (bounds, due) in [
            ("&until=2026-07-01T12:00:03Z", &ids[..0]),
            ("&from=2026-07-01T12:00:04Z&until=2026-07-01T12:00:04Z", &ids[1..2]),
            ("&from=2026-07-01T12:00:03Z&until=2026-07-01T12:00:04Z", &ids[..2]),
            ("&until=2026-07-01", &ids[..0]),
            ("&until=2026-07-02", &ids[..]),
            ("&from=2026-07-02", &ids[3..]),
        ] {
            assert_eq!(list(bounds).0, due, "{bounds}");
        }
        for bad in
            ["2026-07-01T12:00Z", "2026-07-01 12:00:00Z", "2026-07-01T12:00:00.5Z", "2026-07-01T12:00:00+01:00", "20260701"]
        {
            assert_eq!(list(&format!("&from={}", bad.replace('+', "%2B"))).1, "badArgument", "{bad}");
        }
    }

    #[test]
    fn a_page_is_rows_scanned_and_a_full_one_leads_on() {
        let (catalogue, ids) = catalogue();
        let (first, token) = ask(&catalogue, 2, "verb=ListRecords&metadataPrefix=ttl");
        assert_eq!(first, ids[..2]);
        let (second, token) = ask(&catalogue, 2, &format!("verb=ListRecords&resumptionToken={token}"));
        assert_eq!(second, ids[2..], "as many rows as a page has");
        let (third, end) = ask(&catalogue, 2, &format!("verb=ListIdentifiers&resumptionToken={token}"));
        assert_eq!((third.len(), end.as_str()), (0, ""), "an empty page with an empty token");
        // Neither of the two rows that are scanned is in this set.
        let (none, token) = ask(&catalogue, 2, "verb=ListRecords&metadataPrefix=ttl&set=auth");
        assert!(none.is_empty() && token.len() > 20, "{token}");
        assert_eq!(ask(&catalogue, 9, "verb=ListRecords&metadataPrefix=ttl&set=auth").1, "noRecordsMatch");
    }

    #[test]
    fn mistakes_are_answered_with_the_codes_of_libris() {
        let (catalogue, ids) = catalogue();
        for (words, code) in [
            ("verb=Nonsense", "badVerb"),
            ("verb=ListRecords", "badArgument"),
            ("verb=ListRecords&metadataPrefix=ttl&nonsense=1", "badArgument"),
            ("verb=ListRecords&metadataPrefix=ttl&set=nonsense", "badArgument"),
            ("verb=ListRecords&metadataPrefix=ttl&set=auth:S", "badArgument"),
            ("verb=ListRecords&metadataPrefix=ttl&set=hold:S", "noRecordsMatch"),
            ("verb=ListRecords&metadataPrefix=ttl_expanded", "cannotDisseminateFormat"),
            ("verb=ListRecords&resumptionToken=x&metadataPrefix=ttl", "badArgument"),
            ("verb=ListRecords&resumptionToken=x", "badResumptionToken"),
            ("verb=GetRecord&metadataPrefix=ttl&identifier=https://libris.kb.se/x", "noRecordsMatch"),
            ("verb=GetRecord&metadataPrefix=ttl", "badArgument"),
        ] {
            assert_eq!(ask(&catalogue, 9, words).1, code, "{words}");
        }
        assert_eq!(ask(&catalogue, 9, "verb=ListIdentifiers&metadataPrefix=jsonld_includehold_expanded").0, ids);
    }
}
