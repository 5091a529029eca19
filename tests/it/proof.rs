//! Audits against the source, and checks of the mirror against its own log.

use serde_json::Value;

use crate::harness::Bench;

fn audit(bench: &Bench, code: i32, more: &[&str]) -> Value {
    let done = bench.run(&[&["audit", "--json"], more].concat()).expect(code);
    let reports: Value = serde_json::from_str(&done.stdout).expect("JSON");
    reports[0].clone()
}

fn found(report: &Value) -> [u64; 6] {
    ["listed", "equal", "missing", "gone", "stale", "pending"].map(|name| report["found"][name].as_u64().expect("a number"))
}

/// A mirror of `nb` at whose source records left, changed and appeared in ways that no harvest can see.
fn drifted() -> (Bench, u64, u64) {
    let bench = Bench::new(2500);
    bench.harvest("nb", Some("nb"), &[]);
    let long_ago = chrono::Utc::now() - chrono::TimeDelta::days(400);
    let (listed, added) = bench.state().with_catalogue(|catalogue| {
        let size = |catalogue: &libris_mirror::demo::Catalogue| {
            let counts = catalogue.counts(Some("nb"));
            counts.live + counts.deleted
        };
        let live = catalogue.national(15);
        catalogue.leave(&live[..7]);
        catalogue.backdate(&live[7..12]);
        catalogue.delete(&live[12..15], long_ago);
        let before = size(catalogue);
        catalogue.add(6, long_ago);
        (size(catalogue), size(catalogue) - before)
    });
    assert!(added > 0, "some of them are in the set");
    (bench, listed, added)
}

#[test]
fn an_audit_finds_what_no_harvest_can_see_and_repairs_it() {
    let (bench, listed, added) = drifted();
    let before = bench.contents();
    assert_eq!(bench.harvest("nb", Some("nb"), &[])["received"], 0, "a harvest sees nothing of it");
    let report = audit(&bench, 1, &[]);
    assert_eq!(found(&report), [listed, listed - 8 - added, added, 7, 8, 0], "{report}");
    assert_eq!(bench.contents(), before, "an audit changes nothing");
    let list = bench.run(&["audit", "nb", "--list"]).expect(1).stdout;
    assert_eq!(list.lines().filter(|line| line.starts_with("stale\thttps://")).count(), 8, "{list}");
    assert_eq!(list.lines().filter(|line| line.starts_with("missing\thttps://")).count() as u64, added, "{list}");
    assert_eq!(list.lines().filter(|line| line.starts_with("gone\thttps://")).count(), 7, "{list}");

    // What a repair is about to mend can be listed with it: of a copy, to compare.
    bench.run(&["backup", "backup"]).expect(0);
    let copy = bench.beside();
    copy.run(&["restore", bench.path().join("backup").to_str().expect("text")]).expect(0);
    assert_eq!(copy.run(&["audit", "nb", "--list", "--repair"]).expect(0).stdout, list);
    let report = audit(&bench, 0, &["--repair"]);
    assert_eq!((&report["withdrawn"], &report["fetched"]), (&7.into(), &(8 + added).into()), "{report}");
    let counts = bench.state().with_catalogue(|catalogue| catalogue.counts(Some("nb")));
    assert_eq!(bench.quads().len() as u64, counts.triples);
    assert_eq!(bench.count("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"), counts.triples, "and it is published");
    let status = bench.run(&["status", "--json"]).json();
    assert_eq!((&status["sources"][0]["live"], &status["sources"][0]["withdrawn"]), (&counts.live.into(), &7.into()));
    let gone = list.lines().find(|line| line.starts_with("gone")).and_then(|line| line.split('\t').nth(1)).expect("one");
    assert!(bench.run(&["record", gone]).ok().contains("withdrawn: it left the set"), "the log keeps it");
    assert_eq!(found(&audit(&bench, 0, &[]))[1], listed);
    bench.run(&["verify"]).expect(0);

    // It can be undone without the network; the next audit sees what it saw.
    bench.run(&["audit", "--reinstate"]).expect(0);
    assert_eq!(found(&audit(&bench, 1, &[]))[3], 7);
    bench.run(&["verify"]).expect(0);
    // And a record that comes back is back.
    bench.run(&["audit", "--repair"]).expect(0);
    bench.state().with_catalogue(|catalogue| {
        let number = catalogue.find(gone).expect("there").number;
        catalogue.update(&[number], chrono::Utc::now());
    });
    assert_eq!(bench.harvest("nb", Some("nb"), &[])["received"], 0, "it is not in the set yet");
}

#[test]
fn what_the_next_harvest_brings_is_pending_and_no_difference() {
    let bench = Bench::new(600);
    bench.harvest("auth", Some("auth"), &[]);
    bench.state().with_catalogue(|catalogue| {
        let live = catalogue.live(60);
        catalogue.update(&live, chrono::Utc::now());
        catalogue.add(30, chrono::Utc::now());
    });
    let report = audit(&bench, 0, &[]);
    let [_, _, missing, gone, stale, pending] = found(&report);
    assert_eq!((missing, gone, stale), (0, 0, 0), "{report}");
    assert!(pending > 10, "{report}");
    bench.harvest("auth", Some("auth"), &[]);
    assert_eq!(found(&audit(&bench, 0, &[]))[5], 0);
}

#[test]
fn too_many_withdrawals_stop_at_the_brake() {
    let bench = Bench::new(500);
    bench.harvest("nb", Some("nb"), &[]);
    let before = bench.contents();
    bench.state().with_catalogue(|catalogue| {
        let live = catalogue.live(500);
        catalogue.leave(&live[..200]);
    });
    let done = bench.run(&["audit", "--repair"]).expect(1);
    assert!(
        done.stderr.contains("nothing was withdrawn: ") && done.stderr.contains("harvest.withdraw_max_percent"),
        "{}",
        done.stderr
    );
    assert_eq!(bench.contents(), before);
    bench.run(&["audit", "--repair", "--set-config", "harvest.withdraw_max_percent=100"]).expect(0);
    assert!(bench.contents() != before);
    bench.run(&["verify"]).expect(0);
}

#[test]
fn an_audit_goes_on_where_it_stopped() {
    let faults = libris_mirror::demo::Faults::new(vec![libris_mirror::demo::Fault::Challenge], 8);
    let bench = Bench::faulty(1000, 15, &faults);
    while bench.run(&bench.harvest_words("all", None, &[])).code != Some(0) {}
    let first = bench.run(&["audit"]).expect(69);
    assert!(first.stderr.contains("run the same command again to continue"), "{}", first.stderr);
    let mut runs = 1;
    let last = loop {
        runs += 1;
        assert!(runs < 60);
        let done = bench.run(&["audit", "--json"]);
        if done.code == Some(0) {
            break done.json();
        }
    };
    assert!(runs > 2, "it took several runs");
    assert_eq!(
        (&last[0]["resumed"], &last[0]["found"]["listed"], &last[0]["found"]["equal"]),
        (&true.into(), &1000.into(), &1000.into())
    );
}

#[test]
fn a_resumed_audit_says_since_when_its_list_is_and_the_next_one_sees_the_rest() {
    let faults = libris_mirror::demo::Faults::new(vec![libris_mirror::demo::Fault::Challenge], 8);
    let bench = Bench::faulty(1000, 15, &faults);
    while bench.run(&bench.harvest_words("all", None, &[])).code != Some(0) {}
    bench.run(&["audit"]).expect(69);
    bench.state().with_catalogue(|catalogue| {
        let listed = catalogue.live(1);
        catalogue.backdate(&listed);
    });
    faults.end();
    let resumed = bench.run(&["audit"]).expect(0);
    assert!(resumed.stderr.contains("the list was begun at 20"), "{}", resumed.stderr);
    assert!(resumed.stderr.contains("the next audit shows what changed since then"), "{}", resumed.stderr);
    let next = bench.run(&["audit"]).expect(1);
    assert!(next.stderr.contains(" 1 stale") && !next.stderr.contains("the list was begun"), "{}", next.stderr);
}

#[test]
fn a_source_without_a_mirror_cannot_be_audited() {
    let bench = Bench::new(50);
    bench.harvest("nb", Some("nb"), &[]);
    let done = bench.run(&["audit", "auth"]).expect(1);
    assert!(done.stderr.contains("the mirror has nothing of the source \"auth\" yet"), "{}", done.stderr);
}

#[test]
fn verify_finds_every_kind_of_damage_to_a_view() {
    let bench = Bench::new(800);
    let published = ["--set-config", "store.publish=true"];
    bench.harvest("all", None, &published);
    let report = bench.run(&["verify", "--json"]).json();
    let counts = bench.state().with_catalogue(|catalogue| catalogue.counts(None));
    assert_eq!(
        (&report["fault_count"], &report["records"], &report["quads"]),
        (&0.into(), &counts.live.into(), &counts.triples.into())
    );
    assert_eq!(report["stores"], serde_json::json!(["index", "published index", "store", "published store"]));

    let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
    let spoil = |sql: &str, part: &str| {
        log.execute_batch("SAVEPOINT before").expect("valid");
        log.execute_batch(sql).expect("valid");
        log.execute_batch("RELEASE before").expect("valid");
        let done = bench.run(&["verify", "--json"]).expect(1);
        let report: Value = serde_json::from_str(&done.stdout).expect("JSON");
        assert!(report["faults"].as_array().expect("an array").iter().any(|fault| fault["part"] == part), "{sql}: {report}");
    };
    spoil("UPDATE link SET local_id = 'x' WHERE rowid = (SELECT min(rowid) FROM link)", "links");
    bench.run(&["rebuild", "links"]).ok();
    bench.run(&["verify"]).expect(0);
    spoil("INSERT INTO quarantine (record_id, page_id, reason) SELECT id, page_id, 'x' FROM record LIMIT 1", "quarantine");
    bench.run(&["rebuild", "quarantine"]).ok();
    bench.run(&["verify"]).expect(0);
    // Rows of records that are deleted, which no version of them gives.
    let deleted = "SELECT id FROM record WHERE deleted ORDER BY id LIMIT 1";
    spoil(&format!("INSERT INTO quarantine (record_id, page_id, reason) VALUES (({deleted}), 1, 'x')"), "quarantine");
    let done = bench.run(&["verify"]).expect(1);
    assert!(done.stderr.contains("and no version of it counts") && done.stderr.contains("rebuild quarantine"), "{}", done.stderr);
    bench.run(&["rebuild", "quarantine"]).ok();
    spoil(
        &format!(
            "INSERT INTO entry (record_id, graph, entity, kind, label, heading, detail, triples) VALUES (({deleted}), 'x', 'x', '', 'x', 'x', '', 1)"
        ),
        "search",
    );
    let done = bench.run(&["verify"]).expect(1);
    assert!(done.stderr.contains("rebuild search") && !done.stderr.contains("rebuild links"), "{}", done.stderr);
    bench.run(&["rebuild", "search"]).ok();
    bench.run(&["verify"]).expect(0);
    for column in ["label = 'x'", "triples = triples + 7", "heading = 'x'", "words = words + 1"] {
        spoil(&format!("UPDATE entry SET {column} WHERE record_id = (SELECT min(record_id) FROM entry)"), "search");
    }
    bench.run(&["rebuild", "search"]).ok();
    bench.run(&["verify"]).expect(0);

    spoil("UPDATE source SET live = live + 1", "log");
    log.execute_batch("UPDATE source SET live = live - 1").expect("valid");
    bench.run(&["verify"]).expect(0);

    // A byte of a segment of the index, which what is published shares.
    let mut files: Vec<_> =
        fs_err::read_dir(bench.data().join("index")).expect("an index").flatten().map(|entry| entry.path()).collect();
    files.sort();
    let segment = files.iter().find(|path| path.extension().is_some_and(|ending| ending == "segment")).expect("a segment");
    let mut bytes = fs_err::read(segment).expect("readable");
    let place = bytes.len() / 3;
    bytes[place] ^= 4;
    fs_err::write(segment, bytes).expect("written");
    let done = bench.run(&["verify"]).expect(1);
    assert!(done.stderr.contains("the checksum of the 16384 bytes from"), "{}", done.stderr);
    assert!(done.stderr.contains("rebuild index") && !done.stderr.contains("rebuild store"), "{}", done.stderr);
    let asked = bench.run(&["query", "SELECT * { ?s ?p ?o }"]).expect(1);
    assert!(asked.stderr.contains("is damaged: the checksum of"), "{}", asked.stderr);
    bench.run(&["rebuild", "index"]).ok();
    bench.run(&["verify"]).expect(0);

    // A graph too many, one too few, and one that says something else.
    let open = || oxigraph::store::Store::open(bench.data().join("store")).expect("a store");
    let graph = oxigraph::model::NamedNode::new(libris_mirror::demo::identifier(3)).expect("an IRI");
    for damage in 0..3 {
        let store = open();
        let foreign = oxigraph::model::NamedNode::new("https://example.org/foreign").expect("an IRI");
        let quad = |graph: &oxigraph::model::NamedNode| {
            oxigraph::model::Quad::new(foreign.clone(), foreign.clone(), foreign.clone(), graph.clone())
        };
        match damage {
            0 => store.insert(&quad(&foreign)).expect("written"),
            1 => store.remove_named_graph(&graph).expect("written"),
            _ => store.insert(&quad(&graph)).expect("written"),
        }
        drop(store);
        let done = bench.run(&["verify"]).expect(1);
        assert!(done.stderr.contains("rebuild store"), "{}", done.stderr);
        bench.run(&["rebuild", "store"]).ok();
        bench.run(&["verify"]).expect(0);
    }

    // A page that is not what was written.
    log.execute_batch("UPDATE page SET received_at = received_at + 1 WHERE id = 1").expect("valid");
    let done = bench.run(&["verify"]).expect(1);
    assert!(done.stderr.contains("page 1 is not what was written: its checksum differs"), "{}", done.stderr);
}

#[test]
fn a_version_that_was_quarantined_counts_no_more_when_another_source_delivers_one() {
    use crate::scripted::{document, record, scripted, with_payload};
    use axum::response::IntoResponse;
    let broken = scripted(|_, _| {
        let failed = with_payload(1, "Error: Document conversion failed.");
        document(&format!("<ListRecords>{}{failed}</ListRecords>", record(0))).into_response()
    });
    let sound = scripted(|_, _| document(&format!("<ListRecords>{}</ListRecords>", record(1))).into_response());
    let bench = Bench::at(&broken.url);
    bench.run(&bench.harvest_words("one", None, &[])).expect(65);
    bench.run(&["harvest", "--name", "two", "--url", &sound.url]).expect(0);
    assert_eq!(bench.run(&["quarantine", "--json"]).json(), serde_json::json!([]));
    bench.run(&["verify"]).expect(0);
    bench.run(&["rebuild", "links"]).expect(0);
    assert_eq!(bench.run(&["quarantine", "--json"]).json(), serde_json::json!([]));
}

#[test]
fn a_snapshot_of_another_log_is_told_and_replaced() {
    let bench = Bench::new(300);
    bench.harvest("all", None, &[]);
    // As many pages, and other records.
    let other = Bench::new(301);
    other.harvest("all", None, &[]);
    let status = bench.run(&["status", "--json"]).json();
    assert_eq!(status["snapshots"][0]["link"].as_str().map(str::len), Some(32), "{status}");
    fs_err::remove_dir_all(bench.data().join("snapshots")).expect("removed");
    fs_err::rename(other.data().join("snapshots"), bench.data().join("snapshots")).expect("moved");
    let done = bench.run(&["verify"]).expect(1);
    assert!(done.stderr.contains("snapshot 1 was made of another log than this"), "{}", done.stderr);
    assert_eq!(bench.harvest("all", None, &[])["snapshot"], 2, "though nothing is new");
    bench.run(&["verify"]).expect(0);
    let counts = bench.state().with_catalogue(|catalogue| catalogue.counts(None));
    assert_eq!(bench.count("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"), counts.triples);
}
