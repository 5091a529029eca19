//! Answers of all six verbs, read by the streaming parser: indifferent to prefixes, tolerant where nothing is lost.

use std::io::BufReader;

use libris_mirror::oai::{Document, DocumentError, Granularity, Item, Limits, Record};

fn items(text: &str) -> Result<Vec<Item>, DocumentError> {
    read(text, Limits::default())
}

fn read(text: &str, limits: Limits) -> Result<Vec<Item>, DocumentError> {
    // Small chunks, so that every boundary is crossed.
    let mut document = Document::new(BufReader::with_capacity(7, text.as_bytes()), limits);
    let mut items = Vec::new();
    while let Some(item) = document.next_item()? {
        items.push(item);
    }
    Ok(items)
}

fn answer(content: &str) -> String {
    format!(
        "\u{feff}<?xml version='1.0'?><!-- hello --><OAI-PMH xmlns='http://www.openarchives.org/OAI/2.0/'><request verb='x'>y</request>{content}</OAI-PMH>\n<b>PHP Notice</b>"
    )
}

fn records(text: &str) -> Vec<Record> {
    let items = items(text).expect("valid");
    items.into_iter().filter_map(|item| if let Item::Record(record) = item { Some(record) } else { None }).collect()
}

#[test]
fn identify_formats_and_sets() {
    let identify = items(&answer("<responseDate>2026-07-01T12:00:00.123456789Z</responseDate><Identify><repositoryName>Libris &amp; XL</repositoryName><earliestDatestamp>1970-01-01T00:00:00.5Z</earliestDatestamp><deletedRecord>persistent</deletedRecord><granularity>YYYY-MM-DD</granularity><description><x/></description></Identify>")).expect("valid");
    assert!(matches!(&identify[0], Item::ResponseDate(date) if date.to_string() == "2026-07-01T12:00:00Z"));
    let Item::Identify(identify) = &identify[1] else { panic!("{identify:?}") };
    assert_eq!(
        (identify.repository_name.as_str(), identify.granularity, identify.deleted_record.as_str()),
        ("Libris & XL", Granularity::Day, "persistent")
    );
    let formats = items(&answer(
        "<ListMetadataFormats><metadataFormat><metadataPrefix>ttl</metadataPrefix></metadataFormat></ListMetadataFormats>",
    ))
    .expect("valid");
    assert!(
        matches!(&formats[..], [Item::MetadataFormat(format)] if format.prefix == "ttl" && format.schema.is_empty()),
        "{formats:?}"
    );
    let sets = items(&answer(
        "<ListSets><set><setSpec>bib:S</setSpec><setName>Umeå</setName></set><resumptionToken> a </resumptionToken></ListSets>",
    ))
    .expect("valid");
    assert!(
        matches!(&sets[..], [Item::Set(set), Item::Token { token: Some(token), .. }] if set.spec == "bib:S" && set.name == "Umeå" && token.as_str() == "a"),
        "{sets:?}"
    );
}

#[test]
fn headers_stand_beside_their_abouts_in_a_list_of_identifiers() {
    let list = items(&answer("<ListIdentifiers><header status='Deleted'><identifier> r&#49; </identifier><datestamp>2018-09-06T00:00:00.0+02:00</datestamp><setSpec>bib</setSpec><setSpec>bib:S</setSpec></header><about><agent xmlns='' name='S'/></about><header><identifier>r2</identifier><datestamp>soon</datestamp></header><resumptionToken completeListSize='1234' cursor='0'/></ListIdentifiers>")).expect("valid");
    let [Item::Header(first), Item::Header(second), Item::Token { token: None, complete_list_size: Some(1234) }] = &list[..]
    else {
        panic!("{list:?}")
    };
    assert!(first.deleted && first.identifier.as_str() == "r1" && first.sets.len() == 2, "{first:?}");
    assert_eq!(first.datestamp.map(|stamp| stamp.to_string()).as_deref(), Some("2018-09-05T22:00:00Z"));
    assert!(
        !second.deleted && second.datestamp.is_none() && second.datestamp_text == "soon",
        "an odd datestamp is kept as it came"
    );
}

#[test]
fn a_record_is_kept_byte_for_byte_with_the_declarations_that_it_needs() {
    let inner = "<o:header><o:identifier>r1</o:identifier><o:datestamp>2026-01-01</o:datestamp></o:header>\n <o:metadata><x:a  y = '1'>\u{e5}&amp;<![CDATA[<&]]><!-- c --></x:a></o:metadata><o:about><z/></o:about>";
    let text = format!(
        "<o:OAI-PMH xmlns:o=\"http://www.openarchives.org/OAI/2.0/\" xmlns:x=\"urn:x\"><o:ListRecords><o:record >{inner}</o:record ></o:ListRecords></o:OAI-PMH>"
    );
    let records = records(&text);
    let expected = format!("<o:record xmlns:o=\"http://www.openarchives.org/OAI/2.0/\" xmlns:x=\"urn:x\" >{inner}</o:record >");
    assert_eq!(String::from_utf8_lossy(&records[0].xml), expected);
    let metadata = records[0].metadata.clone().expect("there");
    assert_eq!(&expected[metadata], "<x:a  y = '1'>\u{e5}&amp;<![CDATA[<&]]><!-- c --></x:a>");
}

#[test]
fn bytes_that_are_no_text_are_kept_in_the_log_and_repaired_for_the_parser() {
    let mut bytes = answer("<GetRecord><record><header><identifier>r1</identifier><datestamp>2026-01-01</datestamp></header><metadata><a>r#v@</a></metadata></record></GetRecord>").into_bytes();
    for byte in &mut bytes {
        *byte = match *byte {
            b'#' => 0xe4,
            b'@' => 0x0b,
            other => other,
        };
    }
    let mut document = Document::new(BufReader::with_capacity(5, &bytes[..]), Limits::default());
    let Some(Item::Record(record)) = document.next_item().expect("valid") else { panic!("no record") };
    assert!(record.xml.windows(4).any(|window| window == b"r\xe4v\x0b"), "{:?}", String::from_utf8_lossy(&record.xml));
    assert!(document.next_item().expect("valid").is_none());
}

#[test]
fn what_is_hostile_or_foreign_is_refused_by_name() {
    let record = |content: &str| {
        answer(&format!(
            "<ListRecords><record><header><identifier>r</identifier></header><metadata>{content}</metadata></record></ListRecords>"
        ))
    };
    let dtd = "<!DOCTYPE x [<!ENTITY a 'b'>]><OAI-PMH xmlns='http://www.openarchives.org/OAI/2.0/'/>";
    assert!(matches!(items(dtd), Err(DocumentError::Doctype { .. })));
    let deep = record(&format!("{}{}", "<a>".repeat(300), "</a>".repeat(300)));
    assert!(matches!(items(&deep), Err(DocumentError::TooLarge { what: "the nesting of elements", .. })));
    let long = record(&"x".repeat(3 << 20));
    let limits = Limits { record_bytes: 1 << 20, ..Limits::default() };
    assert!(matches!(read(&long, limits), Err(DocumentError::TooLarge { .. })));
    assert_eq!(records(&long).len(), 1);
    assert!(
        matches!(items("<html xmlns='http://www.w3.org/1999/xhtml'/>"), Err(DocumentError::NotOai { root, .. }) if root == "html")
    );
    assert!(matches!(items("<OAI-PMH><ListRecords/></OAI-PMH>"), Err(DocumentError::NotOai { .. })));
    assert!(matches!(items(""), Err(DocumentError::Cut { .. })));
    let nameless = answer("<ListRecords><record><header><datestamp>2026-01-01</datestamp></header></record></ListRecords>");
    assert!(matches!(items(&nameless), Err(DocumentError::Invalid { .. })));
}

#[test]
fn errors_of_the_protocol_keep_the_servers_words() {
    let items =
        items(&answer("<error code='badArgument'>Unknown parameter: <![CDATA[x&y]]></error><error code='ownInvention'/>"))
            .expect("valid");
    let texts: Vec<String> =
        items.iter().map(|item| if let Item::Error(error) = item { error.to_string() } else { String::new() }).collect();
    assert_eq!(texts, ["the server answered badArgument: Unknown parameter: x&y", "the server answered ownInvention: "]);
}
