//! Remote stores that follow the mirror: real servers of two families, killed and tampered with.

use std::sync::atomic::Ordering;

use crate::harness::Bench;
use crate::stores::{Kind, Store};

/// How many triples the graphs of records have there.
const TRIPLES: &str =
    "SELECT (COUNT(*) AS ?n) WHERE { GRAPH ?g { ?s ?p ?o } FILTER(STRSTARTS(STR(?g), 'https://libris.kb.se/')) }";

fn of_mirror(bench: &Bench) -> u64 {
    bench.run(&["export", "--format", "nq"]).ok().lines().filter(|line| line.contains(" <https://libris.kb.se/")).count() as u64
}

/// A store follows a harvest, changes and deletions, and is compared graph by graph; nothing is sent twice.
fn follows(kind: Kind) {
    let Some(store) = Store::start(kind) else { return };
    let bench = Bench::new(700);
    bench.harvest("all", None, &[]);
    store.name_in(&bench, "far", "");
    let first = bench.run(&["remote", "sync", "--json"]).json();
    assert_eq!(
        (first[0]["records"].as_u64(), first[0]["change"].clone()),
        (Some(700), first[0]["log_change"].clone()),
        "{first}"
    );
    assert_eq!(store.count(TRIPLES), of_mirror(&bench));
    let verified = bench.run(&["remote", "verify", "far", "--json"]).json();
    assert_eq!((verified["records"].as_u64(), verified["fault_count"].as_u64()), (Some(700), Some(0)), "{verified}");
    let nothing = bench.run(&["remote", "sync", "--json"]).json();
    assert_eq!(nothing[0]["records"], 0, "{nothing}");

    bench.state().with_catalogue(|catalogue| {
        let live = catalogue.live(63);
        catalogue.update(&live[..60], chrono::Utc::now());
        catalogue.delete(&live[60..], chrono::Utc::now());
    });
    bench.harvest("all", None, &[]);
    let behind = bench.run(&["remote", "status", "--json"]).json();
    assert!(behind[0]["behind"].as_u64().expect("a number") >= 63, "{behind}");
    bench.run(&["remote", "sync"]).expect(0);
    assert_eq!(store.count(TRIPLES), of_mirror(&bench));
    let verified = bench.run(&["remote", "verify", "far", "--json"]).json();
    assert_eq!(verified["fault_count"], 0, "{verified}");
    assert_eq!(bench.run(&["remote", "status", "--json"]).json()[0]["behind"], 0);

    // Somebody else writes into a graph of ours.
    let graph = libris_mirror::demo::identifier(bench.state().with_catalogue(|catalogue| catalogue.live(9))[8]);
    store.tamper(&format!("INSERT DATA {{ GRAPH <{graph}> {{ <urn:a> <urn:b> <urn:c> }} }}"));
    let faulty = bench.run(&["remote", "verify", "far"]).expect(1);
    assert!(
        faulty.stderr.contains(&format!("<{graph}> has")) && faulty.stderr.contains("it has too much: <urn:a> <urn:b> <urn:c>")
    );
    bench.run(&["remote", "reset", "far"]).expect(0);
    bench.run(&["remote", "sync"]).expect(0);
    bench.run(&["remote", "verify", "far"]).expect(0);

    // Emptied, by us and then behind our back.
    bench.run(&["remote", "reset", "far", "--clear"]).expect(0);
    assert_eq!(store.count(TRIPLES), 0);
    bench.run(&["remote", "sync"]).expect(0);
    store.tamper("CLEAR GRAPH <urn:libris-mirror:watermark>");
    bench.run(&["remote", "sync"]).expect(0);
    bench.run(&["remote", "verify", "far"]).expect(0);
    assert_eq!(store.count(TRIPLES), of_mirror(&bench), "blank nodes did not come twice");

    // Fed by another mirror.
    let other = Bench::new(300);
    other.harvest("all", None, &[]);
    store.name_in(&other, "far", "");
    let refused = other.run(&["remote", "sync"]).expect(1);
    assert!(
        refused.stderr.contains("was fed from another log") && refused.stderr.contains("remote reset far"),
        "{}",
        refused.stderr
    );
}

#[test]
fn oxigraph_follows_and_is_compared() {
    follows(Kind::Oxigraph);
}

#[test]
fn virtuoso_follows_and_is_compared() {
    follows(Kind::Virtuoso);
}

/// Kills of the mirror and of the server in the middle of a batch lose nothing and bring nothing twice.
fn survives(kind: Kind) {
    let Some(mut store) = Store::start(kind) else { return };
    let bench = Bench::new(1200);
    bench.state().page_rows.store(200, Ordering::Relaxed);
    bench.harvest("all", None, &[]);
    store.name_in(&bench, "far", "batch_quads = 500");
    for round in 0..6 {
        let mut sync = bench.start(&["remote", "sync", "-q"]);
        let wanted = (round + 1) * 3000;
        while store.count(TRIPLES) < wanted && sync.try_wait().expect("a child").is_none() {}
        if round % 2 == 0 {
            sync.kill().expect("it runs");
            sync.wait().expect("it ended");
        } else {
            store.kill();
            store.again();
            // It is tried again, and goes on by itself.
            assert!(sync.wait().expect("it ended").success());
            bench.run(&["remote", "reset", "far", "--clear"]).expect(0);
        }
    }
    bench.run(&["remote", "sync"]).expect(0);
    bench.run(&["remote", "verify", "far"]).expect(0);
    assert_eq!(store.count(TRIPLES), of_mirror(&bench));
}

#[test]
fn oxigraph_survives_kills_on_both_sides() {
    survives(Kind::Oxigraph);
}

#[test]
fn virtuoso_survives_kills_on_both_sides() {
    survives(Kind::Virtuoso);
}

/// What the server's own loader loaded is followed from there.
fn is_loaded(kind: Kind, engine: &str) {
    let Some(mut store) = Store::start(kind) else { return };
    let bench = Bench::new(500);
    bench.harvest("all", None, &[]);
    store.name_in(&bench, "far", "");
    let written = bench.run(&["remote", "bulk", "far", "--dir", "files", "--engine", engine, "--json"]).json();
    assert_eq!(
        (written["records"].as_u64(), written["quads"].as_u64()),
        (Some(live(&bench)), Some(of_mirror(&bench))),
        "{written}"
    );
    store.load(&bench.path().join("files"));
    assert_eq!(store.count(TRIPLES), of_mirror(&bench));
    let live = bench.state().with_catalogue(|catalogue| catalogue.live(20));
    bench.state().with_catalogue(|catalogue| catalogue.update(&live, chrono::Utc::now()));
    bench.harvest("all", None, &[]);
    let synced = bench.run(&["remote", "sync", "--json"]).json();
    assert_eq!((&synced[0]["from"], synced[0]["records"].as_u64()), (&written["change"], Some(20)), "{synced}");
    bench.run(&["remote", "verify", "far"]).expect(0);
    // The files of an earlier run are replaced, and nothing else is.
    bench.run(&["remote", "bulk", "far", "--dir", "files", "--engine", "other", "-q"]).expect(0);
    fs_err::create_dir(bench.path().join("mine")).expect("made");
    fs_err::write(bench.path().join("mine/thesis.txt"), "years of work").expect("written");
    let refused = bench.run(&["remote", "bulk", "far", "--dir", "mine", "--engine", engine]).expect(1);
    assert!(refused.stderr.contains("mine holds something"), "{}", refused.stderr);
}

fn live(bench: &Bench) -> u64 {
    bench.run(&["status", "--json"]).json()["sources"][0]["live"].as_u64().expect("a number")
}

#[test]
fn oxigraph_follows_from_what_its_loader_loaded() {
    is_loaded(Kind::Oxigraph, "oxigraph");
}

#[test]
fn virtuoso_follows_from_what_its_loader_loaded() {
    is_loaded(Kind::Virtuoso, "virtuoso");
}

/// A store of triples only has what all records say together, and nothing that none says any more.
#[test]
fn a_store_without_graphs_has_the_union_of_all_records() {
    let Some(store) = Store::start(Kind::Oxigraph) else { return };
    let bench = Bench::new(400);
    bench.harvest("all", None, &[]);
    // Two records of a source of documents say the same, and one says it no more.
    let shared = "<urn:x> <urn:p> \"said twice\" .\n";
    let say = |first: &str, second: &str| {
        for (name, text) in [("one.nt", first), ("two.nt", second)] {
            fs_err::write(bench.path().join(name), text).expect("written");
            bench.run(&["import", "--name", name.trim_end_matches(".nt"), name]).expect(0);
        }
    };
    say(&format!("{shared}<urn:x> <urn:q> \"01\"^^<http://www.w3.org/2001/XMLSchema#integer> .\n"), shared);
    store.name_in(&bench, "far", "named_graphs = false");
    let all = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o FILTER(?s != <urn:libris-mirror:watermark>) }";
    let due = || -> u64 {
        let lines: std::collections::BTreeSet<String> =
            bench.run(&["export", "--format", "nt"]).ok().lines().map(str::to_owned).collect();
        lines.len() as u64
    };
    let follows = || {
        bench.run(&["remote", "sync"]).expect(0);
        assert_eq!(store.count(all), due());
        assert_eq!(store.count("SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"), 0, "it has no graphs");
        bench.run(&["remote", "verify", "far"]).expect(0);
    };
    follows();
    bench.state().with_catalogue(|catalogue| {
        let live = catalogue.live(60);
        catalogue.update(&live[..30], chrono::Utc::now());
        catalogue.delete(&live[30..], chrono::Utc::now());
    });
    bench.harvest("all", None, &[]);
    say("<urn:x> <urn:q> \"2\" .\n", shared);
    follows();
    let said = "SELECT (COUNT(*) AS ?n) { ?s <urn:p> \"said twice\" }";
    assert_eq!(store.count(said), 1, "the other record says it still");
    say("<urn:x> <urn:q> \"2\" .\n", "<urn:x> <urn:q> \"3\" .\n");
    follows();
    assert_eq!(store.count(said), 0);
    // What somebody else wrote or removed is found.
    store.tamper("INSERT DATA { <urn:a> <urn:b> <urn:c> }");
    let faulty = bench.run(&["remote", "verify", "far"]).expect(1);
    assert!(faulty.stderr.contains("somebody else wrote there"), "{}", faulty.stderr);
    store.tamper("DELETE DATA { <urn:a> <urn:b> <urn:c> . <urn:x> <urn:q> \"3\" }");
    let faulty = bench.run(&["remote", "verify", "far"]).expect(1);
    assert!(faulty.stderr.contains("1 triples that are not there, such as <urn:x> <urn:q> \"3\""), "{}", faulty.stderr);
    bench.run(&["remote", "reset", "far", "--clear"]).expect(0);
    follows();
    bench.run(&["remote", "reset", "far"]).expect(0);
    follows();
    // Killed at any place.
    for _ in 0..3 {
        bench.run(&["remote", "reset", "far", "--clear"]).expect(0);
        let mut sync = bench.start(&["remote", "sync", "-q"]);
        while store.count(all) == 0 && sync.try_wait().expect("a child").is_none() {}
        sync.kill().expect("it runs, or ended");
        sync.wait().expect("it ended");
        follows();
    }
    let refused = bench.run(&["remote", "bulk", "far", "--dir", "files", "--engine", "other"]).expect(1);
    assert!(refused.stderr.contains("has no named graphs"), "{}", refused.stderr);
}
