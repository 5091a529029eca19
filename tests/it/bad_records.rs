//! Records that are no good, or look so: each costs itself alone.

use axum::response::IntoResponse;

use crate::scripted::{document, harvest, list, record, scripted, token, with_payload};

#[test]
fn bytes_that_are_no_text_are_replaced_for_reading_and_kept_in_the_log() {
    let literal = |text: &[u8]| {
        let payload = with_payload(
            1,
            "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"https://libris.kb.se/r1\"><k:note xmlns:k=\"https://id.kb.se/vocab/\">@</k:note></rdf:Description></rdf:RDF>",
        );
        let (before, after) = payload.split_once('@').expect("there");
        [before.as_bytes(), text, after.as_bytes()].concat()
    };
    let answer = move |text: &[u8], declared: &str| {
        let (before, after) = ("<?xml version=\"1.0\"", format!("{}{}", record(0), record(2)));
        let whole = document(&format!("<ListRecords>@{after}</ListRecords>"))
            .replace("<?xml version=\"1.0\"?>", &format!("{before}{declared}?>"));
        let (start, end) = whole.split_once('@').expect("there");
        [start.as_bytes(), &literal(text), end.as_bytes()].concat()
    };
    for (text, declared, read, repaired) in [
        (&b""[..], "", "", 0),
        ("Umeå".as_bytes(), " encoding=\"ISO-8859-1\"", "Umeå", 0),
        ("Umeå".as_bytes(), " encoding=\"utf8mb4\"", "Umeå", 0),
        ("Umeå".as_bytes(), "", "Umeå", 0),
        (b"Ume\xe5", " encoding=\"UTF-8\"", "Ume\u{fffd}", 1),
        (b"a\x0bb\x03c", " encoding=\"UTF-8\"", "a\u{fffd}b\u{fffd}c", 1),
    ] {
        let body = answer(text, declared);
        let server = scripted(move |_, _| body.clone().into_response());
        let (bench, summary, said) = harvest(&server, 0, &[]);
        assert_eq!((&summary["created"], &summary["repaired"]), (&3.into(), &repaired.into()), "{said}");
        assert!(bench.quads().iter().any(|quad| quad.contains(&format!("\"{read}\""))), "{text:?}: {:?}", bench.quads());
        assert_eq!(said.contains("bytes that are not text"), repaired > 0, "{said}");
        let output = bench.command(&["record", "https://libris.kb.se/r1", "--format", "raw"]).output().expect("it runs");
        assert!(
            output.stdout.windows(text.len().max(1)).any(|window| text.is_empty() || window == text),
            "the log keeps what came"
        );
        bench.run(&["verify"]).expect(0);
    }
}

#[test]
fn namespaces_stand_where_servers_put_them() {
    let prefixed = list(0..3, "<resumptionToken/>")
        .replace("xmlns=", "xmlns:oai=")
        .replace("</", "</oai:")
        .replace('<', "<oai:")
        .replace("<oai:/oai:", "</oai:")
        .replace("<oai:?", "<?")
        .replace("oai:rdf:", "rdf:")
        .replace("oai:k:", "k:");
    let on_record =
        list(0..3, "").replace("<record>", "<record xmlns=\"http://www.openarchives.org/OAI/2.0/\" xmlns:xsi=\"urn:x\">");
    let conflicting = list(0..3, "")
        .replace("<record>", "<oai:record xmlns:oai=\"http://www.openarchives.org/OAI/2.0/\" xmlns=\"urn:other\">")
        .replace("</record>", "</oai:record>");
    let secure = list(0..3, "").replace("http://www.openarchives.org/OAI/2.0/", "https://www.openarchives.org/OAI/2.0/");
    for body in [prefixed, on_record, conflicting, secure] {
        let shown = body.clone();
        let server = scripted(move |_, _| body.clone().into_response());
        let (bench, summary, said) = harvest(&server, 0, &[]);
        assert_eq!(summary["created"], 3, "{shown}\n{said}");
        assert_eq!(bench.quads().len(), 6, "{shown}");
    }
}

#[test]
fn every_kind_of_bad_record_costs_itself_alone() {
    let header = "<identifier>https://libris.kb.se/bad</identifier><datestamp>2026-01-01</datestamp>";
    for (bad, reason) in [
        (format!("<record><header>{header}</header><metadata/></record>"), "has no metadata"),
        (format!("<record><header>{header}</header></record>"), "has no metadata"),
        (format!("<record><header>{header}</header><metadata><rdf:RDF></x></metadata></record>"), "XML is broken"),
        (format!("<record><header>{header}</header><metadata>{}</metadata></record>", "<a>".repeat(500)), "XML is broken"),
        (
            format!("<record><header>{header}</header><metadata>{}{}</metadata></record>", "<a>".repeat(500), "</a>".repeat(500)),
            "nested deeper than 256",
        ),
        (
            format!("<record><header>{header}</header><metadata><!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x></metadata></record>"),
            "document type declaration",
        ),
        (format!("<record><header>{header}</header><metadata><x>&evil;</x></metadata></record>"), "not valid RDF/XML"),
        (
            format!("<record><header>{header}</header><metadata>{}</metadata></record>", "x".repeat(3 << 20)),
            "raise harvest.record_bytes",
        ),
        ("<record><header><datestamp>2026-01-01</datestamp></header><metadata/></record>".to_owned(), "names no identifier"),
        (format!("<record><header status=\"Deleted\">{header}</header></record>"), ""),
    ] {
        let sent = document(&format!("<ListRecords>{}{bad}{}{}</ListRecords>", record(0), record(1), token("next")));
        let server = scripted(move |query, _| {
            if query.contains("resumptionToken") { list(2..4, "").into_response() } else { sent.clone().into_response() }
        });
        let limit = ["--set-config", "harvest.record_bytes=1000000"];
        let (bench, summary, said) = harvest(&server, if reason.is_empty() { 0 } else { 65 }, &limit);
        assert_eq!(summary["outcome"], "complete", "{said}");
        assert_eq!(bench.quads().len(), 8, "the four neighbours are there: {reason}");
        let quarantine = bench.run(&["quarantine", "--json"]).json();
        assert_eq!(quarantine.as_array().map(Vec::len), Some(usize::from(!reason.is_empty())), "{quarantine}");
        assert!(quarantine.to_string().contains(reason), "{reason}: {quarantine}");
        assert_eq!(bench.run(&["status", "--json"]).json()["sources"][0]["deleted"], u64::from(reason.is_empty()));
        bench.run(&["verify"]).expect(0);
    }
}

#[test]
fn bad_json_and_bad_turtle_cost_themselves_alone() {
    for (prefix, good, bad, position) in [
        (
            "ttl",
            "<https://libris.kb.se/r1> <https://id.kb.se/vocab/title> \"x\" .",
            "<https://libris.kb.se/r2> a <https://id.kb.se/vocab/Record> ; oops",
            59,
        ),
        (
            "jsonld",
            "{\"@context\": {\"@vocab\": \"https://id.kb.se/vocab/\"}, \"@id\": \"https://libris.kb.se/r1\", \"title\": \"x\"}",
            "{\"@context\": {},\n \"@id\": oops}",
            24,
        ),
    ] {
        let sent = document(&format!(
            "<ListRecords>{}{}{}</ListRecords>",
            with_payload(1, &format!("<![CDATA[{good}]]>")),
            with_payload(2, &format!("<![CDATA[{bad}]]>")),
            with_payload(3, &format!("<![CDATA[{}]]>", good.replace("r1", "r3")))
        ));
        let server = scripted(move |_, _| sent.clone().into_response());
        let (bench, _, _) = harvest(&server, 65, &["--prefix", prefix]);
        assert_eq!(bench.quads().len(), 2);
        let listed = bench.run(&["quarantine", "--json"]).json();
        assert_eq!(listed[0]["identifier"], "https://libris.kb.se/r2", "{listed}");
        assert!(listed[0]["excerpt"].as_str().is_some_and(|excerpt| excerpt.contains("oops")), "{listed}");
        let at = listed[0]["position"].as_i64().expect("a position");
        assert!((at - position).abs() <= 6, "{at}: {listed}");
    }
}

#[test]
fn an_address_that_is_none_stays_out_of_dumps_whether_it_is_known_or_not() {
    let bad = record(1).replace("https://id.kb.se/vocab/", "https://id.kb.se/vo cab/");
    assert_ne!(bad, record(1));
    let server = scripted(move |_, _| document(&format!("<ListRecords>{}{bad}</ListRecords>", record(0))).into_response());
    let (bench, _, _) = harvest(&server, 65, &[]);
    assert_eq!(bench.quads().len(), 2);
    // As if the log had gone on, and the quarantine had not read the record yet.
    let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
    log.execute_batch("DELETE FROM quarantine; UPDATE view SET watermark = 0 WHERE name = 'quarantine'").expect("written");
    assert_eq!(bench.quads().len(), 2);
}

#[test]
fn an_identifier_may_not_pass_for_a_name_of_our_own() {
    let forged = record(1).replace("<identifier>https://libris.kb.se/r1<", "<identifier>urn:libris-mirror:watermark:1<");
    let server = scripted(move |_, _| document(&format!("<ListRecords>{}{forged}</ListRecords>", record(0))).into_response());
    let (bench, summary, _) = harvest(&server, 0, &[]);
    assert_eq!(summary["created"], 2);
    assert!(bench.quads().iter().any(|quad| quad.contains("<urn:libris-mirror:record:urn:libris-mirror:watermark:1>")));
    bench.run(&["verify"]).expect(0);
}

#[test]
fn what_is_quarantined_is_read_again_with_other_limits_or_another_program() {
    let deep = with_payload(
        1,
        &format!(
            "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">{}{}</rdf:RDF>",
            "<rdf:Description><k:x xmlns:k=\"urn:k:\">".repeat(40),
            "</k:x></rdf:Description>".repeat(40)
        ),
    );
    let server = scripted(move |_, _| document(&format!("<ListRecords>{}{deep}</ListRecords>", record(0))).into_response());
    let (bench, summary, _) = harvest(&server, 65, &["--set-config", "harvest.depth=60"]);
    assert_eq!(summary["quarantined"], 1, "{summary}");
    let still = bench.run(&["quarantine", "--retry", "--set-config", "harvest.depth=60"]).expect(65);
    assert!(still.stderr.contains("x: 1 retried, 1 left"), "{}", still.stderr);
    let asked = server.asked();
    let now = bench.run(&["quarantine", "--retry", "--json"]).json();
    assert_eq!(now, serde_json::json!([{ "source": "x", "tried": 1, "left": 0, "error": null }]));
    assert_eq!((bench.quads().len(), server.asked()), (42, asked), "from the log, without the network");
    assert_eq!(bench.count("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"), 42);
    bench.run(&["verify"]).expect(0);
}
