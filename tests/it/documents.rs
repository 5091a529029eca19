//! Answers of all six verbs, read by the streaming parser: indifferent to prefixes, tolerant where nothing is lost.

use std::io::BufReader;

use libris_mirror::oai::{Datestamp, Document, DocumentError, Granularity, Item, Limits, ListVerb, NAMELESS, Record, payload_of};
use proptest::prelude::*;

fn items(text: &str) -> Result<Vec<Item>, DocumentError> {
    read(text, Limits::default())
}

/// Reads in small chunks, so that every boundary is crossed, and in one, so that none is: that makes no difference.
fn read(text: &str, limits: Limits) -> Result<Vec<Item>, DocumentError> {
    let items = read_in_chunks(text, 7, limits);
    assert_eq!(format!("{items:?}"), format!("{:?}", read_in_chunks(text, 1 << 20, limits)));
    items
}

fn read_in_chunks(text: &str, size: usize, limits: Limits) -> Result<Vec<Item>, DocumentError> {
    let mut document = Document::new(BufReader::with_capacity(size, text.as_bytes()), limits);
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
    let deep = answer(&format!("{}{}", "<a>".repeat(300), "</a>".repeat(300)));
    assert!(matches!(items(&deep), Err(DocumentError::TooLarge { what: "the nesting of elements", .. })));
    let long = record(&"x".repeat(3 << 20));
    assert_eq!(records(&long).len(), 1);
    assert!(
        matches!(items("<html xmlns='http://www.w3.org/1999/xhtml'/>"), Err(DocumentError::NotOai { root, .. }) if root == "html")
    );
    assert!(matches!(items("<OAI-PMH><ListRecords/></OAI-PMH>"), Err(DocumentError::NotOai { .. })));
    assert!(matches!(items(""), Err(DocumentError::Cut { .. })));
    let foreign = answer("<ListRecords></ListIdentifiers>");
    assert!(items(&foreign).is_err());
}

/// Three records, the middle one as given.
fn between(middle: &str) -> String {
    let good = |name: &str| format!("<record><header><identifier>{name}</identifier></header><metadata><a/></metadata></record>");
    answer(&format!("<ListRecords>{}{middle}{}<resumptionToken>t</resumptionToken></ListRecords>", good("r1"), good("r3")))
}

#[test]
fn a_broken_record_is_kept_as_it_came_and_costs_no_neighbour() {
    let header = "<header><identifier>r2</identifier></header>";
    for (content, identifier) in [
        (format!("{header}<metadata><a></b></metadata>"), "r2"),
        (format!("{header}<metadata><a x=1 y=\"></metadata>"), "r2"),
        (format!("{header}<metadata><![CDATA[never closed</metadata>"), "r2"),
        (format!("{header}<metadata><!-- never closed</metadata>"), "r2"),
        (format!("{header}<metadata><!DOCTYPE x [<!ENTITY a 'b'>]></metadata>"), "r2"),
        (format!("{header}<metadata>{}</metadata>", "<a>".repeat(300)), "r2"),
        (format!("{header}<metadata>{}{}</metadata>", "<a>".repeat(300), "</a>".repeat(300)), "r2"),
        ("<header><datestamp>2026-01-01</datestamp></header>".to_owned(), NAMELESS),
        ("<header><identifier>a b</identifier></header>".to_owned(), NAMELESS),
        ("<header/>".to_owned(), NAMELESS),
        (String::new(), NAMELESS),
        ("<header><identifier>r2</ident".to_owned(), NAMELESS),
    ] {
        let middle = format!("<record>{content}</record>");
        let items = items(&between(&middle)).unwrap_or_else(|error| panic!("{content}: {error}"));
        let [Item::Record(first), Item::Record(second), Item::Record(third), Item::Token { token: Some(_), .. }] = &items[..]
        else {
            panic!("{content}: {items:?}")
        };
        assert_eq!((first.header.identifier.as_str(), third.header.identifier.as_str()), ("r1", "r3"));
        assert!(second.header.identifier.as_str().starts_with(identifier), "{content}: {:?}", second.header);
        let kept = String::from_utf8_lossy(&second.xml);
        assert!(kept.contains(&content) && kept.ends_with("</record>"), "{content}: {kept}");
        // Whatever reads its payload must find the fault again, or find nothing wrong with the payload itself.
        if identifier == "r2" {
            assert!(payload_of(&kept, 256).is_err(), "{kept}");
        }
    }
    let open = between("<record><header><identifier>r2</identifier></header><metadata><a>");
    assert!(items(&open).is_ok_and(|items| items.len() == 3), "up to the next end tag there is");
}

#[test]
fn a_record_beyond_the_limit_is_passed_over_and_named() {
    let long = |close: &str| {
        between(&format!(
            "<record><header><identifier>r2</identifier></header><metadata>{}{close}</metadata></record>",
            "x".repeat(3 << 20)
        ))
    };
    let limits = Limits { record_bytes: 1 << 20, ..Limits::default() };
    for text in [long(""), long("</broken>")] {
        let items = read(&text, limits).expect("the neighbours are fine");
        let [Item::Record(_), Item::Unkept { header, reason }, Item::Record(third), Item::Token { .. }] = &items[..] else {
            panic!("{} items", items.len())
        };
        assert_eq!((header.identifier.as_str(), third.header.identifier.as_str()), ("r2", "r3"));
        assert!(reason.contains("a record's size in bytes is over 1048576"), "{reason}");
    }
}

proptest! {
    /// However an answer is cut, it is an error, and never a shorter list.
    #[test]
    fn a_cut_answer_is_never_a_whole_one(cut in 0usize..2000, close in "[a-z<>/ =\"']{0,12}") {
        let whole = between(&format!("<record><header><identifier>r2</identifier></header><metadata><b {close}></metadata></record>"));
        let end = whole.rfind("</OAI-PMH>").expect("there") + "</OAI-PMH>".len();
        let mut cut = cut.min(end - 1);
        while !whole.is_char_boundary(cut) {
            cut -= 1;
        }
        prop_assert!(items(&whole[..cut]).is_err());
    }

    /// Anything at all is read or refused.
    #[test]
    fn no_answer_makes_a_panic(content in "(<|</|/>|>|record|header|metadata|identifier|resumptionToken|ListRecords| |'|\"|=|&|;|a|<!--|-->|<!\\[CDATA\\[|\\]\\]>){0,60}") {
        let _ = items(&answer(&content));
        let _ = items(&answer(&format!("<ListRecords>{content}</ListRecords>")));
        let _ = payload_of(&content, 16);
    }

    /// Metadata are passed over in one step or read event by event, and either way end in the same place.
    #[test]
    fn metadata_end_where_they_do(content in "(<a>|</a>|<a |<b:c/>|</b:c>|<b:c d='>' e=\\\"</a>'\\\">|</metadata>|</record>|>|'|\"|=|&amp;|&|;| x |<!--|-->|<!\\[CDATA\\[|\\]\\]>|<\\?p|\\?>){0,14}") {
        let _ = items(&between(&format!("<record><header><identifier>r2</identifier></header><metadata>{content}</metadata></record>")));
    }

    #[test]
    fn metadata_that_are_whole_are_kept_whole(content in "(<a>x</a>|<b:c/>|<a q='>'><b:c>&amp;</b:c></a >|<!\\[CDATA\\[<a></metadata>\\]\\]>| x |<!-- </metadata> -->|<\\?p </metadata>\\?>){1,9}") {
        let list = between(&format!("<record><header><identifier>r2</identifier></header><metadata>{content}</metadata></record>"));
        let second = records(&list).remove(1);
        prop_assert_eq!(&second.xml[second.metadata.expect("some")], content.as_bytes());
    }

    #[test]
    fn datestamps_of_every_form_are_read_or_refused(text in "[0-9TZ:+. -]{0,32}") {
        if let Ok(stamp) = Datestamp::parse(&text) {
            let again = Datestamp::parse(&stamp.at(Granularity::Second)).expect("our own form");
            prop_assert!((again.millis() - stamp.millis()).abs() < 1000, "{text}: {again:?}");
        }
    }

    /// A token is sent back as it came but for the white space around it, whatever it holds.
    #[test]
    fn tokens_come_back_as_they_were_sent(token in "\\PC{1,80}") {
        let sent = answer(&format!("<ListRecords><resumptionToken> {} </resumptionToken></ListRecords>", quick_xml::escape::escape(token.as_str())));
        let items = items(&sent).expect("valid");
        let [Item::Token { token: read, .. }] = &items[..] else { panic!("{items:?}") };
        let Some(read) = read else {
            prop_assert!(token.trim().is_empty());
            return Ok(());
        };
        prop_assert_eq!(read.as_str(), token.trim());
        let base = url::Url::parse("http://127.0.0.1/oai").expect("valid");
        let url = ListVerb::Records.resume(read.clone()).url(&base);
        let back: Vec<_> = url.query_pairs().filter(|(name, _)| name == "resumptionToken").map(|(_, value)| value.into_owned()).collect();
        prop_assert_eq!(back, [token.trim()]);
    }
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
