//! kill -9, lost tails, lost stores, full disks, damaged files: the log stands, and the next run goes on.
//!
//! `LIBRIS_MIRROR_KILLS=120 cargo test --release --test it crashes` is the long form.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};

use crate::harness::{Bench, Done, binary, setting};
use crate::older;

/// How many kills there are, unless the environment says otherwise.
pub const KILLS: u64 = 15;

/// A small generator of numbers that look random (splitmix64), so that a failure can be repeated by its seed.
pub struct Numbers(pub u64);

impl Numbers {
    /// A number below a limit.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// A fake Libris that takes its time over each page.
fn slow(records: u64, page_rows: usize) -> Bench {
    let bench = Bench::wrapped(records, |router| {
        router.layer(from_fn(|request: Request, next: Next| async move {
            tokio::time::sleep(Duration::from_millis(15)).await;
            next.run(request).await
        }))
    });
    bench.state().page_rows.store(page_rows, std::sync::atomic::Ordering::Relaxed);
    bench
}

/// Copies the files of a folder, in the place of what is there.
pub fn copy(from: &Path, to: &Path) {
    if to.exists() {
        fs_err::remove_dir_all(to).expect("removed");
    }
    fs_err::create_dir_all(to).expect("made");
    for entry in fs_err::read_dir(from).expect("readable").flatten() {
        fs_err::copy(entry.path(), to.join(entry.file_name())).expect("copied");
    }
}

#[test]
fn kills_at_any_moment_lost_tails_and_lost_stores_end_in_the_same_state() {
    let kills = setting("LIBRIS_MIRROR_KILLS").unwrap_or(KILLS);
    let seed = setting("LIBRIS_MIRROR_SEED").unwrap_or(20_261_122);
    let mut numbers = Numbers(seed);
    let bench = slow(3000, 60);
    let words = bench.harvest_words("all", None, &[]);
    let (store, older) = (bench.data().join("store"), bench.path().join("older"));
    let (mut killed, mut changed, mut finished, mut rewound, mut lost) = (0, 0, 0, 0, 0);
    while killed < kills {
        let mut child = bench.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        std::thread::sleep(Duration::from_millis(20 + numbers.below(600)));
        let done = child.try_wait().expect("a child").is_some();
        // There is always something to do, and something that was done is done differently.
        if done || numbers.below(5) == 0 {
            bench.state().with_catalogue(|catalogue| {
                let live = catalogue.live(2000);
                let some: Vec<u64> = live.iter().copied().filter(|number| number % 17 == killed % 17).collect();
                catalogue.update(&some, chrono::Utc::now());
                catalogue.delete(&live[..3], chrono::Utc::now());
                catalogue.add(40, chrono::Utc::now());
            });
            changed += 1;
        }
        if done {
            finished += 1;
            continue;
        }
        child.kill().expect("SIGKILL");
        child.wait().expect("a child");
        killed += 1;
        if !store.exists() {
            continue;
        }
        match numbers.below(12) {
            0 => copy(&store, &older),
            // As after a power cut that lost what RocksDB had not brought to the disk.
            1 | 2 if older.exists() => {
                copy(&older, &store);
                rewound += 1;
            }
            3 => {
                fs_err::remove_dir_all(&store).expect("removed");
                lost += 1;
            }
            _ => {}
        }
    }
    // The list that was open to its end, and then what changed since it was opened.
    bench.harvest("all", None, &[]);
    bench.harvest("all", None, &[]);
    let calm = bench.beside();
    calm.harvest("all", None, &[]);
    let account = format!(
        "seed {seed}: {killed} kills, {finished} runs that were done before, {changed} changes at the source, {rewound} stores put back, {lost} lost"
    );
    assert!(bench.contents() == calm.contents(), "{account}: the mirrors differ");
    let count = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }";
    assert_eq!(bench.count(count), calm.count(count), "{account}");
    bench.run(&["verify"]).expect(0);
    eprintln!("{account}");
}

#[test]
fn a_store_that_is_older_or_gone_or_of_another_log_catches_up() {
    let bench = Bench::new(2500);
    bench.harvest("all", None, &["--max-records", "1200"]);
    let (store, older) = (bench.data().join("store"), bench.path().join("older"));
    copy(&store, &older);
    bench.harvest("all", None, &[]);
    bench.state().with_catalogue(|catalogue| {
        catalogue.update(&[1, 2, 3], chrono::Utc::now());
        catalogue.delete(&[5, 6], chrono::Utc::now());
    });
    bench.harvest("all", None, &[]);
    let whole = bench.contents();
    let count = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }";
    let triples = bench.count(count);

    copy(&older, &store);
    bench.run(&["verify"]).expect(0);
    fs_err::remove_dir_all(&store).expect("removed");
    bench.run(&["verify"]).expect(0);
    // A log of the same length from elsewhere: the store beside it is not its own.
    let other = Bench::new(700);
    other.harvest("all", None, &[]);
    fs_err::remove_dir_all(&store).expect("removed");
    copy(&other.data().join("store"), &store);
    let done = bench.run(&["verify"]).expect(0);
    assert!(done.stderr.contains("did not follow this log to any page: it is rebuilt"), "{}", done.stderr);
    assert_eq!(bench.contents(), whole);
    bench.run(&["rebuild", "store"]).ok();
    assert_eq!(bench.count(count), triples);
}

#[test]
fn a_full_disk_is_named_and_the_next_run_goes_on() {
    let bench = Bench::new(4000);
    let words = bench.harvest_words("all", None, &[]);
    let calm = bench.beside();
    calm.harvest("all", None, &[]);
    let log = fs_err::metadata(calm.data().join("mirror.db")).expect("the log").len() / 1024;
    // A limit on the size of files does to a program what a full disk does: it cannot write on. Under half of the log, the log and
    // what is written ahead of it cannot hold it all.
    for kilobytes in [log / 5, log * 2 / 5] {
        let script = format!("ulimit -f $(({kilobytes} * 2)); trap '' XFSZ; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).arg(binary()).args(&words);
        let plain = bench.command(&words);
        command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(bench.path());
        let done = Done::of(script.clone(), &command.output().expect("a shell")).expect(1);
        assert!(
            done.stderr.contains("the disk is full") && done.stderr.contains("run the same command again"),
            "{}",
            done.stderr
        );
    }
    let summary = bench.harvest("all", None, &[]);
    assert_eq!(summary["resumed"], true, "{summary}");
    assert_eq!(bench.contents(), calm.contents());
    bench.run(&["verify"]).expect(0);
}

fn damage(path: &Path, from: u64, length: usize) {
    use std::io::{Seek, SeekFrom, Write};
    let mut file = fs_err::OpenOptions::new().write(true).open(path).expect("there");
    file.seek(SeekFrom::Start(from)).expect("long enough");
    file.write_all(&vec![0xa5; length]).expect("written");
}

/// A place in a log's file where the body of a page lies, for the next hundred bytes: behind the beginning of a zstd frame.
fn inside_a_body(log: &Path) -> u64 {
    const BLOCK: usize = 4096;
    let bytes = fs_err::read(log).expect("there");
    let begins = |at: usize| bytes[at..].starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) && at % BLOCK < BLOCK / 2;
    let frames: Vec<usize> = (0..bytes.len()).filter(|at| begins(*at)).collect();
    frames[frames.len() / 2] as u64 + 100
}

#[test]
fn a_damaged_log_is_recognised_with_advice_and_a_backup_puts_it_back() {
    let bench = Bench::new(1500);
    bench.harvest("all", None, &["--set-config", "store.publish=true"]);
    let whole = bench.contents();
    let backup = bench.path().join("backup");
    let name = backup.to_str().expect("text");
    let report = bench.run(&["backup", name, "--json"]).json();
    assert!(report["page"].as_u64() > Some(0) && report["store_bytes"].as_u64() > Some(0), "{report}");
    bench.run(&["backup", name]).expect(1);
    bench.run(&["restore", name]).expect(1);

    let log = bench.data().join("mirror.db");
    for name in ["mirror.db-wal", "mirror.db-shm"] {
        let _ = fs_err::remove_file(bench.data().join(name));
    }
    // A page's body, whose bytes nothing but its checksum knows.
    damage(&log, inside_a_body(&log), 64);
    let done = bench.run(&["verify"]).expect(1);
    assert!(done.stderr.contains("restore DIR"), "{}", done.stderr);
    // The head of the file: no database any more.
    damage(&log, 0, 2000);
    for words in [&["status"][..], &["verify"], &["harvest", "--name", "all", "--url", &bench.url], &["export"]] {
        let done = bench.run(words).expect(1);
        assert!(done.stderr.contains("is damaged") && done.stderr.contains("libris-mirror restore DIR"), "{}", done.stderr);
    }
    let done = bench.run(&["restore", name, "--force"]).expect(0);
    assert!(done.stderr.contains("replaced-"), "{}", done.stderr);
    assert_eq!(bench.contents(), whole);
    bench.run(&["verify"]).expect(0);
    bench.harvest("all", None, &[]);

    // Into an empty directory, and a damaged backup not at all.
    let other = bench.beside();
    other.run(&["restore", name]).expect(0);
    assert_eq!(other.contents(), whole);
    let copy = backup.join("mirror.db");
    damage(&copy, inside_a_body(&copy), 64);
    let done = bench.beside().run(&["restore", name]).expect(1);
    assert!(done.stderr.contains("is damaged"), "{}", done.stderr);
    let done = bench.beside().run(&["restore", "/nosuch"]).expect(1);
    assert!(done.stderr.contains("there is no backup in /nosuch"), "{}", done.stderr);
}

#[test]
fn a_damaged_store_is_recognised_with_advice_and_rebuilt() {
    let bench = Bench::new(1500);
    bench.harvest("all", None, &[]);
    let whole = bench.contents();
    let store = bench.data().join("store");
    let named = |start: &str| {
        let mut files = fs_err::read_dir(&store).expect("there").flatten().map(|entry| entry.path());
        files
            .find(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(start)))
            .expect("one")
    };
    damage(&named("MANIFEST"), 0, 64);
    let words = bench.harvest_words("all", None, &[]);
    let done = bench.run(&words).expect(1);
    assert!(done.stderr.contains("rebuild store"), "{}", done.stderr);
    bench.run(&["query", "ASK { ?s ?p ?o }"]).expect(0);
    bench.run(&["rebuild", "store"]).expect(0);
    bench.run(&["verify"]).expect(0);
    assert_eq!(bench.contents(), whole);
}

#[test]
fn the_lock_of_a_dead_process_holds_nobody_up() {
    let bench = slow(2000, 50);
    let words = bench.harvest_words("all", None, &[]);
    let mut child = bench.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let lock = bench.data().join("lock");
    while !fs_err::read_to_string(&lock).is_ok_and(|holder| holder.contains("runs `harvest` since")) {
        assert!(child.try_wait().expect("a child").is_none(), "it ended too soon");
        std::thread::yield_now();
    }
    let held = bench.run(&words).expect(75);
    assert!(held.stderr.contains(&format!("process {} on ", child.id())), "{}", held.stderr);
    child.kill().expect("SIGKILL");
    child.wait().expect("a child");
    bench.harvest("all", None, &[]);
}

#[test]
fn a_mirror_from_before_there_were_checksums_is_migrated_and_goes_on() {
    let bench = Bench::new(1200);
    bench.harvest("all", None, &[]);
    let whole = bench.contents();
    let last = older::before_checksums(&bench);
    for reader in [&["status"][..], &["search", "x"], &["links", "--stats"], &["export"]] {
        let told = bench.run(reader).expect(1).stderr;
        assert!(told.contains("written by an older version") && told.contains("`libris-mirror publish`"), "{reader:?}: {told}");
    }
    let done = bench.run(&bench.harvest_words("all", None, &[])).expect(0);
    assert!(!done.stderr.contains("it is rebuilt"), "the store is used as it is: {}", done.stderr);
    assert_eq!(bench.contents(), whole);
    let report = bench.run(&["verify", "--json"]).json();
    assert_eq!((report["unsealed_pages"].as_i64(), report["pages"].as_i64() > Some(0)), (Some(last), true), "{report}");
    bench.state().with_catalogue(|catalogue| catalogue.update(&[1, 2, 3], chrono::Utc::now()));
    assert_eq!(bench.harvest("all", None, &[])["changed"], 3);
    bench.run(&["verify"]).expect(0);
}

#[test]
fn a_mirror_from_before_changes_had_an_order_is_migrated_and_verifies_clean() {
    let bench = Bench::new(900);
    // Two sources with the same identifiers, versions that were replaced, deletions, and records that left their set.
    bench.harvest("all", None, &[]);
    bench.harvest("nb", Some("nb"), &[]);
    bench.state().with_catalogue(|catalogue| {
        catalogue.update(&[1, 2, 3, 40], chrono::Utc::now());
        catalogue.delete(&[5, 6], chrono::Utc::now());
    });
    bench.harvest("nb", Some("nb"), &[]);
    bench.harvest("all", None, &[]);
    let whole = bench.contents();
    // The last page changes nothing.
    bench.harvest("all", None, &[]);
    older::before_changes(&bench);

    // The watermark is found again by those that come after the migration.
    for words in [&["publish"][..], &["publish"], &bench.harvest_words("all", None, &["--full"]), &["verify"]] {
        let done = bench.run(words).expect(0);
        assert!(!done.stderr.contains("it is rebuilt"), "the store is used as it is: {}", done.stderr);
    }
    assert_eq!(bench.contents(), whole);
    bench.run(&["verify"]).expect(0);
    bench.run(&["rebuild", "all"]).expect(0);
    assert_eq!(bench.contents(), whole);
    bench.run(&["verify"]).expect(0);
    // The past has an order as well: what came first, and last what the migration lets views look at again.
    let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
    let count = |condition: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM change JOIN record ON record.id = record_id WHERE {condition}");
        log.query_row(&sql, [], |row| row.get(0)).expect("a count")
    };
    assert_eq!(count("kind = 1 AND change.page_id <> first_page"), 0);
    assert!(count("kind = 1") > 1000 && count("kind = 4") > 0 && count("kind = 2") > 0);
    assert_eq!(count("delivered = 0 OR last_change < delivered"), 0);
}
