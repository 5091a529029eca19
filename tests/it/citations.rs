//! Citations for reference managers: from the command line, from the server, on the page of a record.

use std::process::Command;

use libris_mirror::demo::identifier;
use oxigraph::io::{RdfFormat, RdfParser};
use oxigraph::model::{NamedNode, Term};
use serde_json::Value;

use crate::clients::{clients, script};
use crate::harness::Bench;
use crate::server::{Answer, Server};

/// A mirror of everything, with the IRIs of some books.
fn mirrored(books: usize) -> (Bench, Vec<String>) {
    let bench = Bench::new(300);
    bench.harvest("all", None, &[]);
    let found = bench.run(&["search", "--kind", "book", "--limit", "100", "--json"]).json();
    let records = found["entries"].as_array().expect("entries").iter().filter_map(|entry| entry["record"].as_str());
    let mut records: Vec<String> = records.map(str::to_owned).collect();
    records.sort();
    assert!(records.len() >= books, "{found}");
    records.truncate(books);
    (bench, records)
}

/// What the graph of a record says, by the last step of a path: read here without the program's own table.
fn said(bench: &Bench, record: &str, property: &str) -> Vec<String> {
    let nt = bench.run(&["record", record, "--format", "nt"]).ok();
    let property = NamedNode::new(format!("https://id.kb.se/vocab/{property}")).expect("an IRI");
    let quads = RdfParser::from_format(RdfFormat::NTriples).for_slice(&nt).map(|quad| quad.expect("valid"));
    let values = quads.filter(|quad| quad.predicate == property).map(|quad| match quad.object {
        Term::Literal(literal) => literal.value().to_owned(),
        other => other.to_string(),
    });
    values.collect()
}

#[test]
fn a_record_is_cited_in_every_format() {
    let (bench, records) = mirrored(1);
    let record = &records[0];
    let title = said(&bench, record, "mainTitle").remove(0);
    let year = said(&bench, record, "year").remove(0);
    let ris = bench.run(&["record", record, "--format", "ris"]).ok();
    assert!(
        ris.starts_with("TY  - BOOK\r\n") && ris.contains(&format!("TI  - {title}")) && ris.contains(&format!("PY  - {year}")),
        "{ris}"
    );
    assert!(
        ris.lines().any(|line| line.starts_with("AU  - ") && line.contains(", ")),
        "the author has a record of their own: {ris}"
    );
    let bib = bench.run(&["record", record, "--format", "bibtex"]).ok();
    assert!(bib.starts_with("@book{") && bib.contains(&format!("year = {{{year}}}")), "{bib}");
    let csl: Value = serde_json::from_str(&bench.run(&["record", record, "--format", "csl"]).ok()).expect("JSON");
    assert_eq!((&csl[0]["type"], &csl[0]["id"]), (&"book".into(), &record.as_str().into()), "{csl}");
    assert!(csl[0]["title"].as_str().is_some_and(|text| text.starts_with(&title)), "{csl}");

    let list = bench.run(&["search", "--kind", "book", "--limit", "7", "--format", "bibtex"]).ok();
    assert_eq!(list.matches("@book{").count(), 7, "{list}");

    let gone = bench.state().with_catalogue(|catalogue| {
        (0..300).find(|number| catalogue.find(&identifier(*number)).is_some_and(|entry| entry.deleted))
    });
    let gone = identifier(gone.expect("a deleted record"));
    let done = bench.run(&["record", &gone, "--format", "ris"]).expect(1);
    assert!(done.stderr.contains(&gone) && done.stdout.is_empty(), "{}", done.stderr);
}

#[test]
fn the_server_cites_records_at_addresses_and_on_their_pages() {
    let (bench, records) = mirrored(1);
    let record = &records[0];
    let server = Server::start(&bench, &[]);
    let path = format!("/{}", record.rsplit('/').next().expect("an id"));
    for (ending, media_type, format) in [
        ("ris", "application/x-research-info-systems", "ris"),
        ("bib", "application/x-bibtex", "bibtex"),
        ("csl.json", "application/vnd.citationstyles.csl+json", "csl"),
    ] {
        let due = bench.run(&["record", record, "--format", format]).ok();
        for address in [format!("{path}.{ending}"), format!("{path}/data.{ending}"), format!("/record/{record}.{ending}")] {
            let answer = server.get(&address).ok();
            assert_eq!((answer.header("content-type"), answer.body.as_str()), (media_type, due.as_str()), "{address}");
            let etag = answer.header("etag").to_owned();
            let again = server.client.get(format!("{}{address}", server.url)).header("if-none-match", etag);
            assert_eq!(Answer::of(again).status, 304, "{address}");
        }
    }
    assert_eq!(server.get("/nothing.ris").status, 404);
    // Names are in the visitor's language, so that each has a version of their own.
    let tags = ["en", "sv"].map(|language| {
        let address = format!("{}{path}.ris", server.url);
        let answer = Answer::of(server.client.get(address).header("accept-language", language)).ok();
        answer.header("etag").to_owned()
    });
    assert!(!tags[0].is_empty() && tags[0] != tags[1], "{tags:?}");

    let page = server.get_as(&path, "text/html").ok().body;
    let title = said(&bench, record, "mainTitle").remove(0);
    let (_, data) = page.split_once("<script type=\"application/ld+json\">").expect("data");
    let data: Value = serde_json::from_str(data.split("</script>").next().expect("an end")).expect("JSON");
    assert_eq!((&data["@type"], &data["@id"]), (&"Book".into(), &record.as_str().into()), "{data}");
    assert!(data["name"].as_str().is_some_and(|name| name.starts_with(&title)), "{data}");
    assert!(
        page.contains("<meta name=\"citation_title\" content=\"") && page.contains("<meta name=\"citation_author\""),
        "{page}"
    );
    for ending in ["ris", "bib", "csl.json"] {
        assert!(page.contains(&format!("href=\"{path}.{ending}\"")), "{page}");
    }
    let person = bench.run(&["search", "--kind", "person", "--limit", "1", "--json"]).json();
    let person = person["entries"][0]["record"].as_str().expect("a person").rsplit('/').next().expect("an id").to_owned();
    let page = server.get_as(&format!("/{person}"), "text/html").ok().body;
    assert!(page.contains("\"@type\":\"Person\"") && !page.contains("citation_title"), "nobody cites a person: {page}");
}

#[test]
fn reference_managers_read_what_is_written() {
    let Some(clients) = clients() else { return };
    let (bench, records) = mirrored(40);
    let files = [("ris", "ris"), ("bibtex", "bib"), ("csl", "csl.json")].map(|(format, ending)| {
        let text: Vec<String> = records.iter().map(|record| bench.run(&["record", record, "--format", format]).ok()).collect();
        let text = if format == "csl" {
            let items: Vec<Value> =
                text.iter().flat_map(|text| serde_json::from_str::<Vec<Value>>(text).expect("JSON")).collect();
            serde_json::to_string(&items).expect("JSON")
        } else {
            text.concat()
        };
        let file = bench.path().join(format!("books.{ending}"));
        fs_err::write(&file, text).expect("written");
        file
    });
    let output = Command::new(clients.join("venv/bin/python")).arg(script("citations.py")).args(&files).output().expect("python");
    let seen: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let entries = |name: &str| seen[name].as_array().cloned().unwrap_or_default();
    assert_eq!((entries("ris").len(), entries("bib").len(), entries("csl").len()), (40, 40, 40), "{seen}");
    assert_eq!(seen["bib failed"], 0, "{seen}");
    for ((record, ris), bib) in records.iter().zip(entries("ris")).zip(entries("bib")) {
        let title = said(&bench, record, "mainTitle").remove(0);
        let year = said(&bench, record, "year").remove(0);
        assert_eq!(
            (&ris["type_of_reference"], &ris["year"], &ris["id"]),
            (&"BOOK".into(), &year.as_str().into(), &record.as_str().into()),
            "{ris}"
        );
        assert!(ris["title"].as_str().is_some_and(|text| text.starts_with(&title)), "{ris}");
        let authors = |entry: &Value, field: &str| entry[field].as_array().cloned().unwrap_or_default();
        assert_eq!(authors(&ris, "authors"), authors(&bib, "author"), "{ris} {bib}");
        assert!(!authors(&bib, "author").is_empty(), "{bib}");
        assert_eq!(bib["year"], year.as_str(), "{bib}");
    }
    assert!(
        entries("csl").iter().all(|entry| entry.as_str().is_some_and(|text| text.contains('(') && text.len() > 30)),
        "{seen}"
    );
}
