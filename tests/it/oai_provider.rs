//! `/oai`: this mirror as an OAI-PMH provider, read by harvesters that are not ours, and by our own.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::response::IntoResponse;
use serde_json::Value;

use crate::clients::{clients, script};
use crate::harness::{Bench, Done, package};
use crate::scripted::{document, record, scripted, with_payload};
use crate::server::Server;

/// A mirror in which records were changed and deleted, and came late, with its server.
fn lived(records: u64) -> (Bench, Server) {
    let mirror = Bench::new(records);
    mirror.harvest("all", None, &[]);
    change(&mirror);
    let server = Server::start(&mirror, &[]);
    (mirror, server)
}

fn change(mirror: &Bench) {
    mirror.state().with_catalogue(|catalogue| {
        let live = catalogue.live(60);
        catalogue.update(&live[..40], chrono::Utc::now());
        catalogue.delete(&live[40..47], chrono::Utc::now());
        catalogue.add(9, chrono::Utc::now());
    });
    mirror.harvest("all", None, &[]);
}

fn asked(server: &Server, query: &str) -> String {
    let answer = server.get(&format!("/oai?{query}")).ok();
    assert_eq!(answer.header("content-type"), "text/xml; charset=utf-8");
    answer.body
}

/// What stands between the first two texts.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    text.split_once(begin)?.1.split_once(end).map(|(inside, _)| inside)
}

fn token(answer: &str) -> Option<String> {
    let inside = between(answer, "<resumptionToken", "</resumptionToken>")?;
    Some(inside.split_once('>')?.1.to_owned())
}

/// The records that a list has, with whether they are gone, in its order; and how many answers it took.
fn list(server: &Server, query: &str) -> (Vec<(String, bool)>, usize) {
    let (mut found, mut query, mut answers) = (Vec::new(), query.to_owned(), 0);
    loop {
        let answer = asked(server, &query);
        answers += 1;
        for header in answer.split("<header").skip(1) {
            let identifier = between(header, "<identifier>", "</identifier>").expect("an identifier");
            found.push((identifier.to_owned(), header.starts_with(" status=\"deleted\"")));
        }
        match token(&answer) {
            Some(token) => query = format!("verb={}&resumptionToken={token}", between(&answer, "verb=\"", "\"").expect("a verb")),
            None => return (found, answers),
        }
    }
}

fn identifiers(bench: &Bench, gone: bool) -> BTreeSet<String> {
    let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
    let mut statement = log.prepare("SELECT identifier FROM record WHERE (deleted OR withdrawn) = ?1").expect("valid");
    let rows = statement.query_map([gone], |row| row.get(0)).expect("valid");
    rows.collect::<Result<_, _>>().expect("text")
}

fn texts(value: &Value) -> BTreeSet<String> {
    let list: Vec<String> = serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"));
    let all: BTreeSet<String> = list.iter().cloned().collect();
    assert_eq!(all.len(), list.len(), "none comes twice");
    all
}

#[test]
fn harvesters_that_are_not_ours_get_every_record_and_answers_are_valid() {
    let Some(clients) = clients() else { return };
    let (mirror, server) = lived(1300);
    let url = format!("{}/oai", server.url);
    let (live, deleted) = (identifiers(&mirror, false), identifiers(&mirror, true));
    assert!(live.len() > 1200 && deleted.len() >= 7);
    let output = Command::new(clients.join("venv/bin/python"))
        .arg(script("oai_clients.py"))
        .arg(&url)
        .args([clients.join("schemas"), package().join("tests/fixtures/oai")])
        .output()
        .expect("Python starts");
    let seen = Done::of("oai_clients.py".to_owned(), &output).expect(0).json();
    for (client, list) in
        [("sickle", "oai_dc"), ("sickle", "rdfxml"), ("sickle", "headers"), ("scythe", "oai_dc"), ("scythe", "headers")]
    {
        assert_eq!(texts(&seen[client][list]["live"]), live, "{client} {list}");
        assert_eq!(texts(&seen[client][list]["deleted"]), deleted, "{client} {list}");
    }
    assert_eq!(seen["sickle"]["sets"], serde_json::json!(["all"]));
    assert_eq!(seen["sickle"]["formats"], serde_json::json!(["oai_dc", "rdfxml", "ttl", "jsonld"]));
    assert_eq!(seen["scythe"]["titles"].as_object().expect("titles").len(), live.len(), "every record has a title");
    assert_eq!(seen["invalid"], serde_json::json!([]));
    let perl = Command::new("perl").arg(script("oai.pl")).args([&url, "rdfxml"]).output().expect("Perl starts");
    let lines = Done::of("oai.pl".to_owned(), &perl).ok();
    let of = |status: &str| {
        lines.lines().filter_map(|line| line.strip_prefix(status)?.strip_prefix('\t').map(str::to_owned)).collect()
    };
    assert_eq!((of("live"), of("deleted")), (live, deleted));
}

/// Lets all blank nodes have one name.
fn without_labels(quads: &mut [String]) {
    for quad in quads.iter_mut() {
        let words: Vec<&str> = quad.split(' ').map(|word| if word.starts_with("_:") { "_:" } else { word }).collect();
        *quad = words.join(" ");
    }
    quads.sort();
}

/// A mirror that harvests another one in a format, from two sources of it.
#[test]
fn a_mirror_of_the_mirror_exports_the_same_bytes() {
    for prefix in ["rdfxml", "ttl", "jsonld"] {
        let mirror = Bench::new(500);
        mirror.harvest("nb", Some("nb"), &[]);
        mirror.harvest("auth", Some("auth"), &[]);
        let server = Server::start(&mirror, &[]);
        let copy = Bench::at(&format!("{}/oai", server.url));
        let follow = |copy: &Bench| {
            for set in ["nb", "auth"] {
                copy.harvest(set, Some(set), &["--prefix", prefix]);
            }
            let mut same = [&mirror, copy].map(Bench::quads);
            if prefix == "jsonld" {
                // JSON-LD has the triples of a node together, and blank nodes are named in the order in which they come.
                for quads in &mut same {
                    without_labels(quads);
                }
            }
            assert!(same[0].len() > 10_000 && same[0] == same[1], "{prefix}: {} and {}", same[0].len(), same[1].len());
        };
        follow(&copy);
        for _ in 0..2 {
            mirror.state().with_catalogue(|catalogue| {
                let live = catalogue.live(90);
                catalogue.update(&live[..50], chrono::Utc::now());
                catalogue.delete(&live[50..60], chrono::Utc::now());
                catalogue.add(20, chrono::Utc::now());
            });
            mirror.harvest("nb", Some("nb"), &[]);
            mirror.harvest("auth", Some("auth"), &[]);
            follow(&copy);
        }
        copy.run(&["verify"]).expect(0);
    }
}

#[test]
fn lists_follow_the_clock_of_the_mirror_and_survive_what_happens_to_it() {
    let (mirror, server) = lived(1300);
    let (all, answers) = list(&server, "verb=ListIdentifiers&metadataPrefix=rdfxml");
    assert_eq!((all.len(), answers), (identifiers(&mirror, false).len() + identifiers(&mirror, true).len(), 2));
    // One that changes while a list is read comes later in the list, and only there once more.
    let first = asked(&server, "verb=ListRecords&metadataPrefix=ttl");
    let date = between(&first, "<responseDate>", "</responseDate>").expect("a date").to_owned();
    let token = token(&first).expect("more than an answer");
    assert!(first.contains(&format!("completeListSize=\"{}\" cursor=\"0\"", all.len())), "{}", &first[first.len() - 300..]);
    mirror.state().page_rows.store(50, Ordering::Relaxed);
    change(&mirror);
    drop(server);
    let server = Server::start(&mirror, &[]);
    let (rest, _) = list(&server, &format!("verb=ListRecords&resumptionToken={token}"));
    let seen: BTreeSet<String> = rest.iter().map(|(identifier, _)| identifier.clone()).collect();
    assert_eq!(seen.len(), rest.len());
    let before: BTreeSet<String> =
        first.split("<identifier>").skip(1).filter_map(|part| Some(part.split_once('<')?.0.to_owned())).collect();
    let now: BTreeSet<String> = identifiers(&mirror, false).union(&identifiers(&mirror, true)).cloned().collect();
    assert_eq!(before.union(&seen).cloned().collect::<BTreeSet<_>>(), now);
    // What came since is in the list from the date that the first answer had, whatever the source said of its age.
    let (since, _) = list(&server, &format!("verb=ListIdentifiers&metadataPrefix=oai_dc&from={date}"));
    let since: BTreeSet<String> = since.into_iter().map(|(identifier, _)| identifier).collect();
    let before_change = (all.len() + 50).to_string();
    let newest: Vec<Value> = mirror
        .run(&["changes", "--after", &before_change, "--json"])
        .ok()
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert!(!newest.is_empty());
    for change in newest {
        let identifier = change["identifier"].as_str().expect("an identifier");
        assert!(since.contains(identifier), "{identifier}");
    }
    let last = "9999-12-31";
    assert!(asked(&server, &format!("verb=ListIdentifiers&metadataPrefix=ttl&from={last}")).contains("code=\"noRecordsMatch\""));
    assert!(asked(&server, "verb=ListIdentifiers&metadataPrefix=ttl&until=1999-01-01").contains("code=\"noRecordsMatch\""));
    let (until, _) = list(&server, &format!("verb=ListIdentifiers&metadataPrefix=ttl&until={last}&set=all"));
    assert_eq!(until.len(), now.len());
    // A token of another mirror is not believed.
    let other = Bench::new(1300);
    other.harvest("all", None, &[]);
    let other = Server::start(&other, &[]);
    assert!(asked(&other, &format!("verb=ListRecords&resumptionToken={token}")).contains("code=\"badResumptionToken\""));
}

#[test]
fn what_is_wrong_has_a_code_and_says_what_is_right() {
    let (mirror, server) = lived(60);
    let there = identifiers(&mirror, false).into_iter().next().expect("one");
    let gone = identifiers(&mirror, true).into_iter().next().expect("one");
    for (query, code, words) in [
        (String::new(), "badVerb", "Identify, ListMetadataFormats"),
        ("verb=%3Cb%3E".into(), "badVerb", "there is no verb &quot;&lt;b&gt;&quot;"),
        ("verb=ListRecords".into(), "badArgument", "needs the argument metadataPrefix"),
        ("verb=ListRecords&metadataPrefix=marcxml".into(), "cannotDisseminateFormat", "oai_dc, rdfxml, ttl, jsonld"),
        ("verb=ListRecords&metadataPrefix=ttl&set=bib".into(), "noRecordsMatch", "ListSets names all"),
        ("verb=ListRecords&resumptionToken=eyJ4IjoxfQ".into(), "badResumptionToken", "begin the list again"),
        ("verb=ListSets&resumptionToken=a".into(), "badResumptionToken", "one part"),
        ("verb=GetRecord&metadataPrefix=ttl&identifier=urn:x".into(), "idDoesNotExist", "never had"),
        ("verb=ListMetadataFormats&identifier=urn:x".into(), "idDoesNotExist", "never had"),
        (format!("verb=GetRecord&metadataPrefix=x&identifier={there}"), "cannotDisseminateFormat", "oai_dc"),
        ("verb=ListRecords&metadataPrefix=ttl&from=2026-01-01T00:00Z".into(), "badArgument", "YYYY-MM-DDThh:mm:ssZ"),
    ] {
        let answer = asked(&server, &query);
        assert!(answer.contains(&format!("<error code=\"{code}\">")) && answer.contains(words), "{query}: {answer}");
    }
    let identity = asked(&server, "verb=Identify");
    for part in
        ["<deletedRecord>persistent</deletedRecord>", "<granularity>YYYY-MM-DDThh:mm:ssZ</granularity>", "@example.invalid"]
    {
        assert!(identity.contains(part), "{identity}");
    }
    let record = asked(&server, &format!("verb=GetRecord&metadataPrefix=oai_dc&identifier={there}"));
    for part in [
        "<setSpec>all</setSpec>",
        "<dc:title>",
        &format!("<dc:identifier>{there}</dc:identifier>"),
        "<originDescription harvestDate=",
    ] {
        assert!(record.contains(part), "{part}: {record}");
    }
    let gone = asked(&server, &format!("verb=GetRecord&metadataPrefix=oai_dc&identifier={gone}"));
    assert!(gone.contains("<header status=\"deleted\">") && !gone.contains("<metadata>"), "{gone}");
    // By POST, as the protocol demands, and where Libris has it.
    for path in ["/oai", "/api/oaipmh/", "/api/oaipmh"] {
        let posted =
            server.client.post(format!("{}{path}", server.url)).header("content-type", "application/x-www-form-urlencoded");
        let answer = crate::server::Answer::of(posted.body("verb=Identify")).ok();
        assert_eq!(between(&answer.body, "<baseURL>", "</baseURL>"), Some(format!("{}/oai", server.url).as_str()));
    }
}

#[test]
fn a_record_that_cannot_be_read_is_deleted_until_it_can() {
    let state = Arc::new(AtomicU64::new(0));
    let known = Arc::clone(&state);
    let source = scripted(move |_, _| {
        let second = match known.load(Ordering::SeqCst) {
            1 => with_payload(1, "<oops:x/>"),
            _ => record(1),
        };
        document(&format!("<ListRecords>{}{second}</ListRecords>", record(0))).into_response()
    });
    let mirror = Bench::at(&source.url);
    let mut server = None;
    for (round, code, live) in [(0, 0, 2), (1, 65, 1), (2, 0, 2)] {
        state.store(round, Ordering::SeqCst);
        mirror.run(&mirror.harvest_words("all", None, &["--full"])).expect(code);
        let server = server.get_or_insert_with(|| Server::start(&mirror, &[]));
        for verb in ["ListRecords", "ListIdentifiers"] {
            let (listed, _) = list(server, &format!("verb={verb}&metadataPrefix=ttl"));
            assert_eq!((listed.len(), listed.iter().filter(|(_, gone)| !gone).count()), (2, live), "round {round}: {listed:?}");
        }
        let has = asked(server, "verb=ListMetadataFormats&identifier=https://libris.kb.se/r1");
        assert_eq!(has.contains("noMetadataFormats"), live == 1, "{has}");
    }
}
