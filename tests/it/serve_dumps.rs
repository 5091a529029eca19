//! Dumps over HTTP: the same bytes each time, ranges, resumed downloads, slow clients.

use std::io::{Read, Write};
use std::process::Command;
use std::time::{Duration, Instant};

use libris_mirror::demo::identifier;
use reqwest::blocking::RequestBuilder;

use crate::harness::Bench;
use crate::server::Server;

const DUMPS: [&str; 7] = ["dump.nt", "dump.nt.gz", "dump.nt.zst", "dump.nq", "dump.nq.gz", "dump.nq.zst", "dump.ndjsonld.gz"];

/// An answer with its bytes.
struct Got {
    status: u16,
    headers: reqwest::header::HeaderMap,
    bytes: Vec<u8>,
    broken: bool,
}

impl Got {
    fn of(request: RequestBuilder) -> Self {
        let mut response = request.send().expect("an answer");
        let (status, headers, mut bytes) = (response.status().as_u16(), response.headers().clone(), Vec::new());
        let broken = response.read_to_end(&mut bytes).is_err();
        Self { status, headers, bytes, broken }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn ok(self) -> Self {
        assert!(self.status == 200 && !self.broken, "{} {:?}", self.status, self.headers);
        self
    }
}

fn served(records: u64, more: &[&str]) -> (Bench, Server) {
    let bench = Bench::new(records);
    bench.state().page_rows.store(50, std::sync::atomic::Ordering::Relaxed);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, more);
    (bench, server)
}

fn get(server: &Server, name: &str, headers: &[(&str, &str)]) -> Got {
    let request = server.client.get(format!("{}/{name}", server.url));
    Got::of(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
}

fn range(server: &Server, name: &str, range: &str) -> Got {
    get(server, name, &[("range", range)])
}

/// Changes a record at the source, and harvests it.
fn change(bench: &Bench) {
    let number = bench.state().with_catalogue(|catalogue| catalogue.live(400))[0];
    bench.state().with_catalogue(|catalogue| catalogue.update(&[number], chrono::Utc::now()));
    assert_eq!(bench.harvest("all", None, &[])["changed"], 1, "{}", identifier(number));
}

#[test]
fn everything_can_be_fetched_at_once_and_is_the_same_bytes_each_time() {
    let (bench, server) = served(300, &[]);
    for name in DUMPS {
        let dump = get(&server, name, &[]).ok();
        let plain = match name.rsplit('.').next() {
            Some("gz") => {
                let mut plain = Vec::new();
                flate2::read::MultiGzDecoder::new(dump.bytes.as_slice()).read_to_end(&mut plain).expect("gzip");
                plain
            }
            Some("zst") => zstd::decode_all(dump.bytes.as_slice()).expect("zstd"),
            _ => dump.bytes.clone(),
        };
        let format =
            ["nt", "nq", "ndjsonld"].into_iter().find(|format| name.split('.').nth(1) == Some(format)).expect("a format");
        assert!(plain == bench.run(&["export", "--format", format]).ok().into_bytes(), "{name}");
        let etag = dump.header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.len() > 20, "a strong one: {etag}");
        assert_eq!(dump.header("accept-ranges"), "bytes");
        assert!(
            httpdate::parse_http_date(dump.header("last-modified"))
                .is_ok_and(|time| time <= std::time::SystemTime::from(chrono::Utc::now()))
        );
        // Dumps are not compressed on their way, because ranges would not fit together.
        let again = get(&server, name, &[("accept-encoding", "gzip, br")]).ok();
        assert!(again.bytes == dump.bytes && again.header("content-encoding").is_empty(), "{name}");
        assert_eq!((again.header("etag"), again.header("last-modified")), (etag.as_str(), dump.header("last-modified")));
        // Its length is known after it was written once.
        assert_eq!(again.header("content-length"), dump.bytes.len().to_string(), "{name}");
        let other = Server::start(&bench, &[]);
        let other = get(&other, name, &[]).ok();
        assert!(other.bytes == dump.bytes && other.header("etag") == etag, "{name}: another server of the same mirror");
        assert_eq!(get(&server, name, &[("if-none-match", &etag)]).status, 304);
        assert_eq!(get(&server, name, &[("if-match", "\"x\"")]).status, 412);
    }
    let etags: std::collections::BTreeSet<String> =
        DUMPS.iter().map(|name| get(&server, name, &[("range", "bytes=0-0")]).header("etag").to_owned()).collect();
    assert_eq!(etags.len(), DUMPS.len(), "each has its own: {etags:?}");
}

#[test]
fn a_part_of_a_dump_can_be_fetched() {
    let (bench, server) = served(300, &[]);
    for name in DUMPS {
        // A new server does not know the length.
        let fresh = Server::start(&bench, &[]);
        let head = |server: &Server| Got::of(server.client.head(format!("{}/{name}", server.url)));
        let unknown = head(&fresh);
        assert_eq!((unknown.status, unknown.header("content-length"), unknown.header("accept-ranges")), (200, "", "bytes"));
        let whole = get(&server, name, &[]).ok().bytes;
        let length = whole.len();
        for (asked, from, end) in [
            ("bytes=0-".to_owned(), 0, length),
            ("bytes=1000-".to_owned(), 1000, length),
            ("bytes=1000-1999".to_owned(), 1000, 2000),
            (format!("bytes={}-", length - 1), length - 1, length),
            (format!("bytes={}-{}", length - 10, length + 10), length - 10, length),
            ("bytes=-700".to_owned(), length - 700, length),
            (format!("bytes=-{}", length + 1), 0, length),
        ] {
            for server in [&fresh, &server] {
                let part = range(server, name, &asked);
                assert_eq!((part.status, part.broken), (206, false), "{name} {asked}");
                assert_eq!(part.header("content-range"), format!("bytes {from}-{}/{length}", end - 1), "{name} {asked}");
                assert_eq!(part.header("content-length"), (end - from).to_string());
                assert!(part.bytes == whole[from..end], "{name} {asked}");
            }
        }
        for asked in [format!("bytes={length}-"), "bytes=-0".into(), "bytes=99999999999999999999-".into()] {
            let beyond = range(&server, name, &asked);
            assert_eq!(
                (beyond.status, beyond.header("content-range")),
                (416, format!("bytes */{length}").as_str()),
                "{name} {asked}"
            );
        }
        for asked in ["bytes=5-2", "lines=1-2", "bytes=0-1,5-6", "bytes=x-"] {
            assert_eq!(range(&server, name, asked).ok().bytes.len(), length, "{name} {asked}");
        }
        let known = head(&fresh);
        let labels = ["content-length", "etag", "last-modified", "accept-ranges", "content-type"]
            .map(|label| known.header(label).to_owned());
        let due = get(&fresh, name, &[]);
        assert_eq!(
            labels,
            ["content-length", "etag", "last-modified", "accept-ranges", "content-type"]
                .map(|label| due.header(label).to_owned())
        );
        assert_eq!(labels[0], length.to_string());
    }
}

#[test]
fn a_client_that_does_not_wait_for_a_part_finds_it_later() {
    let (_bench, server) = served(4000, &[]);
    let request = "GET /dump.nq.gz HTTP/1.1\r\nHost: x\r\nRange: bytes=1000-\r\n\r\n";
    let length = || Got::of(server.client.head(format!("{}/dump.nq.gz", server.url))).header("content-length").to_owned();
    let begun = Instant::now();
    // A proxy that gives up long before the dump is written once.
    while length().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the length is never known");
        let mut impatient = server.connect();
        impatient.set_read_timeout(Some(Duration::from_millis(30))).expect("a timeout");
        impatient.write_all(request.as_bytes()).expect("sent");
        let mut answer = [0; 12];
        // Or it is refused, while the one before it still runs.
        let waits = impatient.read(&mut answer).is_err() || &answer == b"HTTP/1.1 503" || !length().is_empty();
        assert!(waits, "it was answered at once: {}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(get(&server, "dump.nq.gz", &[]).ok().bytes.len().to_string(), length());
}

#[test]
fn a_part_is_never_one_of_another_state() {
    let (bench, server) = served(300, &[]);
    let first = get(&server, "dump.nq.gz", &[]).ok();
    let (etag, modified) = (first.header("etag").to_owned(), first.header("last-modified").to_owned());
    let on = |condition: &str| get(&server, "dump.nq.gz", &[("range", "bytes=1000-"), ("if-range", condition)]);
    let part = on(&etag);
    assert!(part.status == 206 && part.bytes == first.bytes[1000..]);
    // A date or a weak tag does not identify the bytes that a client has.
    for condition in [modified.as_str(), "\"other\"", &format!("W/{etag}")] {
        assert!(on(condition).ok().bytes == first.bytes, "{condition}");
    }
    change(&bench);
    let whole = on(&etag).ok();
    assert!(whole.header("etag") != etag && whole.bytes != first.bytes);
    assert!(whole.bytes == get(&server, "dump.nq.gz", &[]).ok().bytes, "the new one, whole");
    assert_eq!(get(&server, "dump.nq.gz", &[("if-match", &etag)]).status, 412);
    // Settings that do not affect records change nothing.
    let etag = whole.header("etag").to_owned();
    bench.run(&["compact"]).expect(0);
    bench.run(&["rebuild", "links"]).expect(0);
    let after = on(&etag);
    assert!(after.status == 206 && after.bytes == whole.bytes[1000..]);
    // The limit on nesting decides which records have triples.
    let shallow = Server::start(&bench, &["--set-config", "harvest.depth=200"]);
    assert_ne!(get(&shallow, "dump.nq.gz", &[]).ok().header("etag"), etag);
}

/// Runs `curl` with these arguments.
fn curl(words: &[&str]) -> Option<i32> {
    Command::new("curl").arg("-sS").args(words).output().expect("curl starts").status.code()
}

#[test]
fn a_download_that_broke_off_goes_on_with_curl() {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: there is no curl here");
        return;
    }
    let (bench, server) = served(1500, &[]);
    let (file, url) = (bench.path().join("dump.nt"), format!("{}/dump.nt", server.url));
    let name = file.to_str().expect("text");
    let whole = get(&server, "dump.nt", &[]).ok();
    assert!(whole.bytes.len() > 4_000_000);
    // What curl leaves when it is ended in the middle.
    let cut = 300_001;
    let part = &whole.bytes[..cut];
    fs_err::write(&file, part).expect("written");
    let etag = format!("If-Range: {}", whole.header("etag"));
    assert_eq!(curl(&["-C", "-", "-H", &etag, "-o", name, &url]), Some(0));
    assert!(fs_err::read(&file).expect("a file") == whole.bytes, "after {cut} bytes");

    // The mirror changed in between: curl must not append the rest of another dump.
    fs_err::write(&file, part).expect("written");
    change(&bench);
    assert_ne!(curl(&["-C", "-", "-H", &etag, "-o", name, &url]), Some(0), "curl cannot resume");
    assert!(fs_err::read(&file).expect("a file") == part);
    assert_eq!(curl(&["-o", name, &url]), Some(0));
    assert!(fs_err::read(&file).expect("a file") == get(&server, "dump.nt", &[]).ok().bytes);
}

/// Returns the size of the write-ahead log.
fn write_ahead(bench: &Bench) -> u64 {
    fs_err::metadata(bench.data().join("mirror.db-wal")).map_or(0, |file| file.len())
}

#[test]
fn a_client_that_is_slow_lets_go_of_the_log() {
    let (_bench, server) = served(1500, &["--set-config", "serve.dump_s=2"]);
    // The client reads the first bytes, and then a little now and then.
    let mut slow = server.client.get(format!("{}/dump.nt", server.url)).send().expect("an answer");
    let etag = slow.headers()["etag"].to_str().expect("text").to_owned();
    let begun = Instant::now();
    let (mut taken, mut part) = (Vec::new(), [0; 4096]);
    let broken = loop {
        match slow.read(&mut part) {
            Ok(0) => break false,
            Ok(length) => taken.extend_from_slice(&part[..length]),
            Err(_) => break true,
        }
        if begun.elapsed() < Duration::from_secs(3) {
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    assert!(broken, "it is no whole dump after {} bytes", taken.len());
    // The client can resume.
    let rest = get(&server, "dump.nt", &[("range", &format!("bytes={}-", taken.len())), ("if-range", &etag)]);
    assert_eq!(rest.status, 206);
    taken.extend_from_slice(&rest.bytes);
    assert!(taken == get(&server, "dump.nt", &[]).ok().bytes);
}

#[test]
fn a_server_stops_though_a_client_does_not_take_its_dump() {
    let (_bench, server) = served(1500, &["--set-config", "serve.stop_s=1"]);
    let held = server.client.get(format!("{}/dump.nt", server.url)).send().expect("an answer");
    let begun = Instant::now();
    server.ask_to_stop();
    let (code, said) = server.ended_saying();
    assert!(code == Some(0) && begun.elapsed() < Duration::from_secs(10), "{code:?} {:?}", begun.elapsed());
    assert!(!said.contains("panicked"), "{said}");
    drop(held);
}

#[test]
fn a_client_that_takes_nothing_does_not_keep_the_log_from_shrinking() {
    // Broken off by the time limit of dumps, or by the time limit of silent clients.
    for limits in [["serve.dump_s=3", "serve.stall_s=600"], ["serve.dump_s=600", "serve.stall_s=3"]] {
        let (bench, server) = served(1500, &["--set-config", limits[0], "--set-config", limits[1]]);
        let held = server.client.get(format!("{}/dump.nt", server.url)).send().expect("an answer");
        let begun = Instant::now();
        // The last writer that closes the log removes the write-ahead log, unless a reader has it open.
        change(&bench);
        assert!(write_ahead(&bench) > 0, "the dump holds it");
        while begun.elapsed() < Duration::from_secs(20) {
            let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
            let busy: i64 = log.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).expect("a checkpoint");
            if busy == 0 {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let taken = begun.elapsed();
        assert!(taken > Duration::from_secs(2) && taken < Duration::from_secs(15), "{limits:?}: {taken:?}");
        assert_eq!(write_ahead(&bench), 0);
        drop(held);
    }
}
