//! Feeds for those who follow a mirror: `ResourceSync` and Atom, read by clients that are not ours (`resync` and `feedparser`).

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::clients::{clients, script};
use crate::harness::{Bench, Done};
use crate::server::Server;

fn read(server: &Server, search: &str) -> Option<Value> {
    let program = clients()?.join("venv/bin/python");
    let output = Command::new(program).arg(script("feeds.py")).args([&server.url, search]).output().expect("Python starts");
    Some(Done::of(search.to_owned(), &output).expect(0).json())
}

#[test]
fn resource_sync_lists_what_is_there_and_what_changed() {
    let bench = Bench::new(300);
    bench.harvest("all", None, &[]);
    bench.state().with_catalogue(|catalogue| {
        let live = catalogue.live(40);
        catalogue.update(&live[..20], chrono::Utc::now());
        catalogue.delete(&live[20..], chrono::Utc::now());
    });
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    let Some(seen) = read(&server, "/search.atom?kind=person") else { return };
    // Who follows the changes from the first has what is listed.
    let mut followed: BTreeMap<String, bool> = BTreeMap::new();
    for change in seen["changes"].as_array().expect("a list") {
        followed.insert(change[0].as_str().expect("an address").to_owned(), change[1] != "deleted");
    }
    let there: Vec<String> = followed.into_iter().filter_map(|(address, there)| there.then_some(address)).collect();
    let listed: Vec<String> = serde_json::from_value(seen["resources"].clone()).expect("addresses");
    assert_eq!(there, listed);
    assert_eq!(seen["packed"], seen["resources"]);
    assert_eq!(listed.len() as u64, bench.run(&["status", "--json"]).json()["sources"][0]["live"].as_u64().expect("a number"));
    let path = listed[0].strip_prefix(&server.url).expect("an address of this server");
    assert!(server.get(path).ok().header("content-type").starts_with("application/ld+json"));
    for part in ["resourcelist", "changelist"] {
        let (whole, part) = (format!("/resourcesync/{part}.xml"), format!("/resourcesync/{part}-00001.xml"));
        assert_eq!(server.get(&whole).ok().body, server.get(&part).ok().body);
    }
    for missing in [
        "/resourcesync/resourcelist-00002.xml",
        "/resourcesync/changelist-0.xml",
        "/resourcesync/package-00002.zip",
        "/resourcesync/package-0.zip",
        "/resourcesync/x.xml",
        "/resourcesync/x",
    ] {
        assert_eq!(server.get(missing).status, 404, "{missing}");
    }
}

#[test]
fn a_saved_search_is_a_feed_of_what_is_new() {
    let bench = Bench::new(900);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    let search = "/search.atom?q=&kind=person";
    let Some(before) = read(&server, search) else { return };
    assert_eq!((&before["valid"], &before["title"]), (&true.into(), &"kind=person".into()), "{before}");
    let entries = |feed: &Value| -> Vec<String> {
        let entries = feed["entries"].as_array().expect("a list").iter();
        entries.map(|entry| entry[0].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(entries(&before).len(), 50);
    let link =
        before["entries"][0][2].as_str().and_then(|link| link.strip_prefix(&server.url)).expect("an address of this server");
    assert_eq!(server.get(link).status, 200);
    bench.state().with_catalogue(|catalogue| catalogue.add(30, chrono::Utc::now()));
    bench.harvest("all", None, &[]);
    let after = read(&server, search).expect("clients");
    let new = entries(&after).into_iter().take_while(|id| *id != entries(&before)[0]).count();
    assert!(new > 0, "what is new is first");
    assert_eq!(entries(&after)[new..], entries(&before)[..50 - new]);
    // What would break the XML is escaped, or left out.
    let odd = server.get("/search.atom?q=%3Cb%3E%26%01%EF%BF%BF").ok();
    assert!(odd.body.contains("&lt;b&gt;&amp;") && !odd.body.contains('\u{1}'), "{}", odd.body);
}
