//! A mirror that follows another mirror by `/emm/`: in the end it holds the same.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use libris_mirror::rdf::isomorphic;
use oxigraph::io::{RdfFormat, RdfParser};
use oxigraph::model::Quad;
use serde_json::Value;

use crate::harness::Bench;
use crate::server::Server;

/// The graphs of a mirror, by their names.
fn graphs(bench: &Bench) -> BTreeMap<String, Vec<Quad>> {
    let text = bench.run(&["export", "--format", "nq"]).ok();
    let mut graphs: BTreeMap<String, Vec<Quad>> = BTreeMap::new();
    for quad in RdfParser::from_format(RdfFormat::NQuads).for_slice(text.as_bytes()) {
        let quad = quad.expect("N-Quads");
        graphs.entry(quad.graph_name.to_string()).or_default().push(quad);
    }
    graphs
}

fn assert_equal(mirror: &Bench, copy: &Bench) {
    let (due, held) = (graphs(mirror), graphs(copy));
    assert!(!due.is_empty());
    assert_eq!(due.keys().collect::<Vec<_>>(), held.keys().collect::<Vec<_>>());
    for (name, quads) in &due {
        let copied = &held[name];
        assert!(quads.len() == copied.len() && isomorphic(quads, copied).expect("comparable"), "{name}");
    }
}

/// A mirror with a server, and one that follows it.
fn pair(records: u64, more: &str) -> (Bench, Server, Bench) {
    let mirror = Bench::new(records);
    mirror.harvest("all", None, &[]);
    let server = Server::start(&mirror, &[]);
    let copy = Bench::new(1);
    let url = &server.url;
    copy.configure_section(
        "sources.copy",
        &format!("kind = \"emm\"\nurl = \"{url}/emm/\"\nentities = \"{url}/emm/data/\"\nselections = [\"all\"]\n{more}"),
    );
    (mirror, server, copy)
}

fn follow(copy: &Bench, more: &[&str]) -> Value {
    copy.run(&[&["harvest", "copy", "--json"], more].concat()).expect(0).json()
}

/// What happens to some records, in several harvests.
fn change(mirror: &Bench) {
    for round in 0..3 {
        mirror.state().with_catalogue(|catalogue| {
            let live = catalogue.live(90);
            catalogue.update(&live[round * 20..][..20], chrono::Utc::now());
            catalogue.delete(&live[80 + round * 3..][..3], chrono::Utc::now());
            catalogue.add(7, chrono::Utc::now());
        });
        mirror.harvest("all", None, &[]);
    }
}

#[test]
fn a_mirror_of_the_mirror_holds_the_same() {
    let (mirror, server, copy) = pair(700, "");
    follow(&copy, &[]);
    assert_equal(&mirror, &copy);
    change(&mirror);
    let report = follow(&copy, &[]);
    assert_equal(&mirror, &copy);
    assert!(report.to_string().contains("\"deleted\""), "{report}");
    // By a dump again: nothing changed, and what is gone stays gone.
    let again = follow(&copy, &["--full"]);
    assert_equal(&mirror, &copy);
    let counts = ["created", "changed", "deleted", "withdrawn"].map(|name| again[0][name].as_u64().expect("a number"));
    assert_eq!(counts, [0; 4], "{again}");
    // A harvest of which all came at one moment, more than a page of the feed has.
    mirror.state().page_rows.store(3000, Ordering::Relaxed);
    mirror.state().with_catalogue(|catalogue| catalogue.add(1400, chrono::Utc::now()));
    mirror.harvest("all", None, &[]);
    follow(&copy, &[]);
    assert_equal(&mirror, &copy);
    drop(server);
}

/// What says that it was changed in the future, has percent signs in its name, or is no address.
#[test]
fn odd_records_are_followed_as_well() {
    let (mirror, server, copy) = pair(50, "");
    let kbv = "https://id.kb.se/vocab/";
    let names = ["https://id.kb.se/term/sao/X%20Y", "https://id.kb.se/term/sao/a%C3%A4", "https://id.kb.se/a%2Fb", "urn:x:1"];
    for version in ["one", "two"] {
        let mut text = String::new();
        for name in names {
            text.push_str(&format!(
                "<{name}> <{kbv}modified> \"2090-01-01T00:00:00Z\"^^<http://www.w3.org/2001/XMLSchema#dateTime> ; <{kbv}label> \"{version}\" .\n"
            ));
        }
        fs_err::write(mirror.path().join("odd.ttl"), text).expect("written");
        mirror.run(&["import", "--name", "odd", "--split", "subject", "odd.ttl"]).expect(0);
        follow(&copy, &[]);
        assert_equal(&mirror, &copy);
    }
    drop(server);
}

#[test]
fn a_copy_of_one_class_gets_what_is_new_of_it() {
    let (mirror, server, copy) = pair(300, "");
    let of_one_class = ["harvest", "copy", "-q", "--set-config", "sources.copy.selections=type:Person"];
    copy.run(&of_one_class).expect(0);
    mirror.state().with_catalogue(|catalogue| catalogue.add(40, chrono::Utc::now()));
    mirror.harvest("all", None, &[]);
    copy.run(&of_one_class).expect(0);
    let count = "SELECT (COUNT(DISTINCT ?r) AS ?n) { ?r kbv:mainEntity ?p . ?p a kbv:Person }";
    let [due, held] = [&mirror, &copy].map(|bench| bench.run(&["query", "--format", "csv", count]).ok());
    assert_eq!(due, held);
    drop(server);
}

#[test]
fn a_dump_that_comes_in_one_answer_is_the_same() {
    let (mirror, server, copy) = pair(500, "download = true");
    follow(&copy, &[]);
    assert_equal(&mirror, &copy);
    change(&mirror);
    follow(&copy, &[]);
    assert_equal(&mirror, &copy);
    let lines = mirror.run(&["export", "--format", "ndjsonld"]).ok();
    assert_eq!(lines.lines().count(), graphs(&mirror).len());
    drop(server);
}

#[test]
fn what_is_asked_wrongly_is_refused_and_what_is_gone_is_said_to_be() {
    let (mirror, server, _) = pair(200, "");
    for (path, status, due) in [
        ("/emm/?until=soon", 400, "no time in milliseconds"),
        ("/emm/full?selection=everything", 400, "use all, source:NAME or type:CLASS"),
        ("/emm/full?selection=all&offset=-1", 400, "no number of records"),
        ("/emm/full?selection=type:Person&download=.ndjsonld.gz", 404, "in pages"),
        ("/emm/data/https://libris.kb.se/nothing", 404, "no such record"),
    ] {
        let answer = server.get(path);
        assert!(answer.status == status && answer.body.contains(due), "{path}: {answer:?}");
    }
    let page = |path: &str| server.get(path).ok().json();
    let people = |class: &str| -> usize {
        let total = page("/emm/full?selection=all&offset=0")["totalItems"].as_u64().expect("a number");
        let pages = (0..total).step_by(100).map(|offset| page(&format!("/emm/full?selection={class}&offset={offset}")));
        pages.map(|page| page["items"].as_array().expect("a list").len()).sum()
    };
    let count = "SELECT (COUNT(DISTINCT ?r) AS ?n) { ?r kbv:mainEntity ?p . ?p a kbv:Person }";
    assert_eq!(people("type:Person") as u64, server.count(count));
    assert_eq!((people("source:nothing"), people("all")), (0, graphs(&mirror).len()));
    // Far away, in both directions.
    assert_eq!(page("/emm/?until=-5")["orderedItems"].as_array().map(Vec::len), Some(0));
    assert!(page(&format!("/emm/?until={}", i64::MAX))["orderedItems"].as_array().is_some_and(|items| !items.is_empty()));
    assert_eq!(page(&format!("/emm/full?selection=all&offset={}", u64::MAX))["items"].as_array().map(Vec::len), Some(0));
    let number = mirror.state().with_catalogue(|catalogue| catalogue.live(1)[0]);
    mirror.state().with_catalogue(|catalogue| catalogue.delete(&[number], chrono::Utc::now()));
    mirror.harvest("all", None, &[]);
    let gone = libris_mirror::demo::identifier(number);
    assert_eq!(server.get(&format!("/emm/data/{gone}")).status, 410);
    let newest = page(&format!("/emm/?until={}", chrono::Utc::now().timestamp_millis()));
    let first = &newest["orderedItems"][0];
    assert_eq!((&first["type"], first["object"]["id"].as_str()), (&"Delete".into(), Some(gone.as_str())), "{first}");
}
