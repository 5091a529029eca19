//! Published snapshots: readers and the writer side by side, and what `publish` and `status` say of them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::harness::Bench;
use crate::server::Server;

const READERS: usize = 8;

/// The numbers of live records that the log held at the end of each of its pages, in a first harvest.
fn boundaries(bench: &Bench) -> BTreeSet<u64> {
    let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
    let mut statement = log
        .prepare("SELECT page.id, (SELECT count(*) FROM record WHERE first_page <= page.id AND NOT deleted) FROM page")
        .expect("valid");
    let counts = statement.query_map([], |row| row.get::<_, u64>(1)).expect("valid");
    counts.collect::<Result<_, _>>().expect("readable")
}

#[test]
fn readers_never_fail_nor_wait_and_see_only_page_boundaries() {
    let bench = Bench::new(4000);
    bench.state().page_rows.store(100, Ordering::Relaxed);
    bench.harvest("all", None, &["--max-records", "100"]);

    let (running, reads) = (AtomicBool::new(true), AtomicU64::new(0));
    let seen: BTreeSet<u64> = std::thread::scope(|scope| {
        let (bench, running, reads) = (&bench, &running, &reads);
        let reader = move |exports: bool| {
            let mut seen = BTreeSet::new();
            while running.load(Ordering::Relaxed) {
                // Each ends with 0 or fails the test; `query` opens whatever is current, while that is being replaced.
                seen.insert(if exports {
                    let dump = bench.run(&["export", "--format", "nt"]).ok();
                    dump.lines().filter(|line| line.contains("<https://id.kb.se/vocab/mainEntity>")).count() as u64
                } else {
                    bench.count("SELECT (COUNT(*) AS ?n) { ?record kbv:mainEntity ?thing }")
                });
                reads.fetch_add(1, Ordering::Relaxed);
            }
            seen
        };
        let readers: Vec<_> = (0..READERS).map(|number| scope.spawn(move || reader(number % 4 == 3))).collect();
        bench.harvest("all", None, &["--set-config", "store.publish_s=0", "--set-config", "store.keep_snapshots=1"]);
        running.store(false, Ordering::Relaxed);
        readers.into_iter().flat_map(|reader| reader.join().expect("no reader fails")).collect()
    });
    let boundaries = boundaries(&bench);
    assert!(reads.load(Ordering::Relaxed) >= READERS as u64);
    assert!(seen.len() > 2, "the readers saw the mirror grow: {seen:?}");
    assert!(seen.is_subset(&boundaries), "{seen:?} are not all in {boundaries:?}");
    let status = bench.run(&["status", "--json"]).json();
    let snapshots = status["snapshots"].as_array().expect("snapshots");
    assert!(status["snapshot"].as_u64() > Some(10), "it published after every page: {status:#}");
    assert!(snapshots.len() <= 1 + READERS, "old ones went: {status:#}");
}

#[test]
fn old_snapshots_go_when_nobody_holds_them() {
    let bench = Bench::new(300);
    bench.harvest("all", None, &[]);
    let first = bench.data().join("snapshots/000001");
    let held = std::fs::File::open(first.join("in-use")).expect("published");
    held.lock_shared().expect("a reader's lock");
    let publish = || {
        bench.state().with_catalogue(|catalogue| {
            let some = catalogue.live(3);
            catalogue.update(&some, chrono::Utc::now());
        });
        bench.harvest("all", None, &["--set-config", "store.keep_snapshots=1"])
    };
    assert_eq!(publish()["snapshot"], 2);
    assert!(first.exists(), "a reader holds it");
    let status = bench.run(&["status", "--json"]).json();
    let listed = status["snapshots"].as_array().expect("snapshots");
    assert_eq!(listed.len(), 2, "{status:#}");
    assert!(listed.iter().all(|snapshot| snapshot["age_s"].is_u64() && snapshot["alone_bytes"].is_u64()), "{status:#}");
    let text = bench.run(&["status"]).ok();
    assert!(text.contains("snapshot 2 (current): page "), "{text}");
    drop(held);
    assert_eq!(publish()["snapshot"], 3);
    let left: Vec<_> = std::fs::read_dir(bench.data().join("snapshots"))
        .expect("snapshots")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("text"))
        .filter(|name| name != "current")
        .collect();
    assert_eq!(left, ["000003"]);
}

#[test]
fn publish_shows_what_an_interrupted_harvest_left() {
    let bench = Bench::new(2000);
    bench.harvest("all", None, &["--max-records", "500"]);
    let shown = bench.run(&["publish", "--json"]).json();
    assert_eq!((&shown["published"], &shown["snapshot"]), (&false.into(), &1.into()), "all was shown already: {shown}");
    // As if the run had been killed after its pages and before its end.
    std::fs::remove_dir_all(bench.data().join("snapshots")).expect("removed");
    let shown = bench.run(&["publish", "--json"]).json();
    assert_eq!(shown["published"], true, "{shown}");
    assert_eq!(
        bench.count("SELECT (COUNT(*) AS ?n) { ?record kbv:mainEntity ?thing }"),
        bench.run(&["status", "--json"]).json()["sources"][0]["live"]
    );
    assert!(Bench::at("http://127.0.0.1:9/").run(&["publish"]).expect(1).stderr.contains("there is no mirror in"));
}

#[test]
fn compacting_gives_disk_back_and_changes_nothing() {
    let bench = Bench::new(2000);
    bench.harvest("all", None, &[]);
    for _ in 0..3 {
        bench.state().with_catalogue(|catalogue| {
            let some = catalogue.live(600);
            catalogue.update(&some, chrono::Utc::now());
        });
        bench.harvest("all", None, &[]);
    }
    let contents = bench.contents();
    let report = bench.run(&["compact", "--json"]).json();
    let figure = |name: &str| report[name].as_u64().expect("a figure");
    assert!(figure("after") < figure("before") && figure("freed") == figure("before") - figure("after"), "{report}");
    assert_eq!(report["snapshot"], 5, "{report}");
    let status = bench.run(&["status", "--json"]).json();
    assert_eq!(status["snapshots"].as_array().map(Vec::len), Some(1), "{status:#}");
    assert_eq!(bench.contents(), contents);
    bench.run(&["verify"]).expect(0);
    let again = bench.run(&["compact"]).expect(0);
    assert!(again.stderr.contains("freed"), "{}", again.stderr);
    assert!(Bench::at("http://127.0.0.1:9/").run(&["compact"]).expect(1).stderr.contains("there is no mirror in"));
}

#[test]
fn what_a_reader_holds_is_told_and_hard_links_count_once() {
    let bench = Bench::new(1500);
    bench.harvest("all", None, &[]);
    let held = bench.data().join("snapshots/000001/in-use");
    let reader = std::fs::File::open(&held).expect("a snapshot");
    reader.lock_shared().expect("free");
    bench.state().with_catalogue(|catalogue| catalogue.update(&(0..300).collect::<Vec<_>>(), chrono::Utc::now()));
    bench.harvest("all", None, &[]);

    // What the directory takes, by its files, each once.
    let du = |folder: &std::path::Path| -> u64 {
        let mut seen = BTreeSet::new();
        let (mut open, mut bytes) = (vec![folder.to_owned()], 0);
        while let Some(path) = open.pop() {
            let metadata = fs_err::symlink_metadata(&path).expect("there");
            if metadata.is_dir() {
                open.extend(fs_err::read_dir(&path).expect("a folder").map(|entry| entry.expect("readable").path()));
            } else if seen.insert(std::os::unix::fs::MetadataExt::ino(&metadata)) {
                bytes += metadata.len();
            }
        }
        bytes
    };
    let sizes = bench.run(&["status", "--json"]).json()["bytes"].clone();
    let size = |part: &str| sizes[part].as_u64().expect("a number");
    // But for what SQLite keeps beside the log while somebody reads it.
    assert!(size("total").abs_diff(du(&bench.data())) <= 1 << 16, "{sizes}");
    assert_eq!(size("index") + size("store") + size("snapshots"), {
        let folders = bench.path().join("both");
        fs_err::create_dir(&folders).expect("made");
        for part in ["index", "store", "snapshots"] {
            fs_err::rename(bench.data().join(part), folders.join(part)).expect("moved");
        }
        let both = du(&folders);
        for part in ["index", "store", "snapshots"] {
            fs_err::rename(folders.join(part), bench.data().join(part)).expect("moved");
        }
        both
    });
    assert!(size("log") + size("store") + size("snapshots") <= size("total"), "{sizes}");

    let done = bench.run(&["compact"]).expect(0);
    assert!(
        done.stderr.contains("snapshot 1 stays, with ") && done.stderr.contains("because a reader holds it"),
        "{}",
        done.stderr
    );
    let report = bench.run(&["compact", "--json"]).json();
    assert_eq!(report["held"][0]["snapshot"], 1, "{report}");
    assert!(report["held"][0]["bytes"].as_u64() > Some(0), "{report}");
    drop(reader);
    let report = bench.run(&["compact", "--json"]).json();
    assert_eq!(report["held"], serde_json::json!([]), "{report}");
    assert!(!held.exists());
}

#[test]
fn a_server_that_nobody_asks_lets_go_of_a_snapshot_that_was_replaced() {
    let bench = Bench::new(400);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    assert!(server.count("SELECT (COUNT(*) AS ?n) { ?s a kbv:Person }") > 0);
    bench.state().with_catalogue(|catalogue| catalogue.update(&(0..50).collect::<Vec<_>>(), chrono::Utc::now()));
    bench.harvest("all", None, &["--set-config", "store.keep_snapshots=1"]);
    let end = Instant::now() + Duration::from_mins(1);
    while bench.run(&["compact", "--json"]).json()["held"] != serde_json::json!([]) {
        assert!(Instant::now() < end, "the first snapshot is held by a process that has nothing to do");
        std::thread::sleep(Duration::from_millis(500));
    }
    assert!(!bench.data().join("snapshots/000001").exists());
}

/// The numbers of the snapshots, in their order.
fn numbers(bench: &Bench) -> Vec<u64> {
    let names = fs_err::read_dir(bench.data().join("snapshots")).expect("snapshots").flatten().map(|entry| entry.file_name());
    let mut numbers: Vec<u64> = names.filter_map(|name| name.to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

/// What is published again after segments were merged takes the place of what was published before, and of nothing else.
#[test]
fn merged_segments_cost_no_earlier_snapshot() {
    let bench = Bench::new(400);
    let keep = ["--set-config", "store.keep_snapshots=2", "--set-config", "store.enabled=false"];
    bench.harvest("all", None, &keep);
    let mut merged = 0;
    for round in 0..7 {
        let before = *numbers(&bench).iter().max().expect("one");
        bench.state().with_catalogue(|catalogue| {
            let live = catalogue.live(usize::MAX);
            // So many that the first segment is worth merging with the others in the end.
            catalogue.update(&live[round..], chrono::Utc::now());
        });
        bench.harvest("all", None, &keep);
        let after = numbers(&bench);
        assert_eq!(after.len(), 2, "{after:?}");
        assert!(after.contains(&before), "what was current stays: {before}, {after:?}");
        merged += usize::from(after.iter().max() > Some(&(before + 1)));
    }
    assert!(merged > 0, "segments were merged, and published again");
    bench.run(&["verify"]).expect(0);
}

/// A good snapshot is not given up for files that were never read.
#[test]
fn compact_does_not_publish_what_is_damaged() {
    let bench = Bench::new(200);
    bench.harvest("all", None, &["--set-config", "store.enabled=false"]);
    bench.run(&["compact", "--set-config", "store.enabled=false"]).ok();
    let files = fs_err::read_dir(bench.data().join("index")).expect("an index").flatten().map(|entry| entry.path());
    let segments: Vec<_> = files.filter(|path| path.extension().is_some_and(|ending| ending == "segment")).collect();
    assert_eq!(segments.len(), 1);
    let mut bytes = fs_err::read(&segments[0]).expect("readable");
    let place = bytes.len() / 3;
    bytes[place] ^= 4;
    // The snapshot keeps its own link to what the file was.
    fs_err::remove_file(&segments[0]).expect("removed");
    fs_err::write(&segments[0], bytes).expect("written");
    let before = numbers(&bench);
    let done = bench.run(&["compact", "--set-config", "store.enabled=false"]).expect(1);
    assert!(done.stderr.contains("is damaged: the checksum of") && done.stderr.contains("rebuild index"), "{}", done.stderr);
    assert_eq!(numbers(&bench), before);
    assert!(bench.count("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }") > 1000);
    bench.run(&["rebuild", "index"]).ok();
    bench.run(&["verify", "--set-config", "store.enabled=false"]).expect(0);
}
