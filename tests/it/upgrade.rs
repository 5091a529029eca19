//! What a mirror of the version before meets in this one, besides its migration.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::response::IntoResponse;

use crate::harness::Bench;
use crate::older;
use crate::scripted::{document, record, scripted};

#[test]
fn a_backup_of_the_version_before_is_restored_and_an_older_mirror_is_backed_up() {
    let bench = Bench::new(300);
    bench.harvest("all", None, &["--set-config", "store.publish=true"]);
    let whole = bench.contents();
    older::before_changes(&bench);
    bench.run(&["backup", "backup"]).expect(0);
    let other = bench.beside();
    let backup = bench.path().join("backup").display().to_string();
    other.run(&["restore", &backup]).expect(0);
    other.run(&["verify"]).expect(0);
    assert_eq!(other.contents(), whole);
}

#[test]
fn the_store_of_an_older_mirror_is_used_as_it_is_by_all_that_come_after() {
    let bench = Bench::new(300);
    bench.harvest("all", None, &[]);
    // The last page changes nothing.
    bench.harvest("all", None, &[]);
    older::before_changes(&bench);
    for words in [["publish"], ["publish"], ["verify"]] {
        let done = bench.run(&words).expect(0);
        assert!(!done.stderr.contains("it is rebuilt"), "{words:?}: {}", done.stderr);
    }
}

#[test]
fn an_older_mirror_is_not_served_before_it_is_migrated() {
    let bench = Bench::new(60);
    bench.harvest("all", None, &[]);
    older::before_changes(&bench);
    let refused = bench.run(&["serve", "--listen", "127.0.0.1:0"]).expect(1);
    assert!(refused.stderr.contains("older version") && refused.stderr.contains("`libris-mirror publish`"), "{}", refused.stderr);
}

/// The payload hashes of the version before were of another kind.
#[test]
fn another_header_after_an_upgrade_is_still_only_a_header() {
    let round = Arc::new(AtomicUsize::new(0));
    let now = Arc::clone(&round);
    let server = scripted(move |query, _| {
        let round = now.load(Ordering::SeqCst);
        let one = record(1).replace("2026-01-01T", if round == 2 { "2026-02-02T" } else { "2026-01-01T" });
        let one = if query.contains("set=b") { one.replace("vocab/Record", "vocab/Other") } else { one };
        document(&format!("<ListRecords>{one}</ListRecords>")).into_response()
    });
    let bench = Bench::at(&server.url);
    bench.harvest("a", Some("a"), &[]);
    bench.harvest("b", Some("b"), &[]);
    let of_b = bench.quads();
    older::before_changes(&bench);
    older::with_older_hashes(&bench);
    round.store(2, Ordering::SeqCst);
    let summary = bench.harvest("a", Some("a"), &["--full"]);
    assert_eq!((&summary["changed"], &summary["unchanged"]), (&0.into(), &1.into()), "{summary}");
    assert_eq!(bench.quads(), of_b, "the version that was delivered last counts");
    bench.run(&["verify"]).expect(0);
}

#[test]
fn a_mirror_from_before_there_was_an_index_gets_one_with_the_next_run() {
    let bench = Bench::new(300);
    bench.harvest("all", None, &[]);
    let count = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }";
    let whole = bench.count(count);
    let index = bench.data().join("index");
    let published = bench.data().join("snapshots/000001");
    let manifest = published.join("manifest.json");
    let mut written: serde_json::Value = serde_json::from_slice(&fs_err::read(&manifest).expect("a manifest")).expect("JSON");
    written["artefacts"].as_array_mut().expect("artefacts").retain(|artefact| artefact["view"] != "index");
    fs_err::write(&manifest, written.to_string()).expect("written");
    fs_err::remove_dir_all(published.join("index")).expect("removed");
    fs_err::remove_dir_all(&index).expect("removed");
    let done = bench.run(&["query", count]).expect(1);
    assert!(done.stderr.contains("`libris-mirror rebuild index` makes one"), "{}", done.stderr);
    // Nothing is new at the source.
    bench.harvest("all", None, &[]);
    assert_eq!(bench.count(count), whole);
    bench.run(&["verify"]).expect(0);
}
