//! Documents that nobody wants, and imports that end early.

use std::process::Command;

use crate::harness::Bench;
use crate::import::{CAME, Documents, counts, gzip, import, rows, state, write};

#[test]
fn hostile_documents_are_refused_by_name() {
    let bench = Bench::at("");
    let small = ["--set-config", "harvest.record_bytes=65536", "--set-config", "harvest.blank_nodes=1000"];
    let p = "<https://x.example/p>";
    let deep = |open: &str, close: &str| format!("<https://x.example/s> {p} {}1{} .", open.repeat(5000), close.repeat(5000));
    let xml = |text: &str| {
        format!("<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:p='https://x.example/'>{text}</r:RDF>")
    };
    let nodes = (0..2000).map(|node| format!("_:n{node} {p} _:n{} .\n", node + 1)).collect::<String>();
    let star = (0..200)
        .map(|node| format!("<https://x.example/{node}> {p} _:a0 . _:a{node} {p} _:a{} .\n", node + 1))
        .collect::<String>();
    let bomb = b"<x:s> <x:p> \"x\" .\n".repeat(3 << 20);
    for (name, bytes, reason) in [
        ("bomb.nt.gz", gzip(&bomb), "refused as a bomb"),
        ("bomb.nt.zst", zstd::bulk::compress(&bomb, 3).expect("memory"), "refused as a bomb"),
        ("cut.nt.gz", gzip(b"<https://x.example/s> <https://x.example/p> 1 .")[..20].to_vec(), "cannot be read"),
        ("brackets.ttl", deep("[ <https://x.example/p> ", " ]").into_bytes(), "nested deeper than 256"),
        ("lists.ttl", deep("( ", ")").into_bytes(), "nested deeper than 256"),
        ("elements.rdf", xml(&"<p:a><p:b>".repeat(500)).into_bytes(), "nested deeper than 256"),
        ("arrays.jsonld", "[".repeat(100_000).into_bytes(), "recursion limit"),
        ("line.nt", format!("<https://x.example/s> {p} \"{}\" .", "x".repeat(2 << 20)).into_bytes(), "without a statement"),
        ("text.rdf", xml(&format!("<p:a><p:b>{}</p:b></p:a>", "x".repeat(2 << 20))).into_bytes(), "without a statement"),
        ("line.ndjson", format!("{{\"@id\": \"{}\"}}", "x".repeat(1 << 20)).into_bytes(), "more than 65536 bytes"),
        ("latin.ttl", b"<https://x.example/s> <https://x.example/p> \"r\xe4v\" .".to_vec(), "not valid Turtle at byte"),
        (
            "laughs.rdf",
            b"<!DOCTYPE r [<!ENTITY a \"a\"><!ENTITY b \"&a;&a;\">]><r>&b;</r>".to_vec(),
            "entities that are made of entities",
        ),
        ("nodes.nt", nodes.into_bytes(), "more than 1000 blank nodes"),
        ("star.ttl", star.into_bytes(), "counted for every subject"),
        ("page.ttl", b"<!DOCTYPE html><html>".to_vec(), "not valid Turtle"),
        ("what.bin", b"?".to_vec(), "does not tell its format"),
    ] {
        let file = write(&bench, name, bytes);
        let done = bench.run(&[&["import", "--name", "t", "--split", "subject", &file], &small[..]].concat()).expect(1);
        assert!(done.stderr.contains(reason) && done.stderr.contains(name), "{name}: {}", done.stderr);
    }
    let fifo = bench.path().join("pipe.ttl");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
    for (path, reason) in [(fifo, "read pipes with '-'"), (bench.path().to_owned(), "is a directory")] {
        let done = bench.run(&["import", "--name", "t", &path.display().to_string()]).expect(1);
        assert!(done.stderr.contains(reason), "{}", done.stderr);
    }
    assert!(bench.run(&["import", "--name", "t", "nothing.ttl"]).expect(2).stderr.contains("there is no file nothing.ttl"));
    assert!(bench.run(&["import", "--name", "t", "nothing/*.ttl"]).expect(1).stderr.contains("cannot be listed"));
    bench.run(&["import", "--name", "t", "--format", "csv", &write(&bench, "a.csv", "a")]).expect(2);
    // One that is fine beside those that are not.
    write(&bench, "fine.ttl", format!("<https://x.example/s> {p} 1 ."));
    let all = bench.path().join("*.ttl").display().to_string();
    let summary = import(&bench, 65, &[&["--name", "t", "--split", "subject", &all], &small[..]].concat());
    assert_eq!(counts(&summary, &["created", "undelivered"]), [1, 5], "{summary}");
    bench.run(&["verify"]).expect(0);
}

#[test]
fn links_that_lead_back_are_followed_once() {
    let bench = Bench::at("");
    write(&bench, "d/a.ttl", "<> <#p> 1 .");
    for name in ["one", "two"] {
        std::os::unix::fs::symlink("..", bench.path().join("d").join(name)).expect("linked");
    }
    std::os::unix::fs::symlink("nowhere.ttl", bench.path().join("d/dangling.ttl")).expect("linked");
    std::os::unix::fs::symlink("self.ttl", bench.path().join("d/self.ttl")).expect("linked");
    let pattern = bench.path().join("d/**/*.ttl").display().to_string();
    import(&bench, 0, &["--name", "t", &pattern]);
    assert_eq!(rows(&bench, "SELECT identifier FROM record"), ["document:t/a.ttl"]);
}

#[test]
fn odd_names_and_cycles_are_mirrored() {
    let bench = Bench::at("");
    let p = "<https://x.example/p>";
    let text = format!(
        "<https://x.example/a\u{a0}b> {p} \"1\" .\n<urn:libris-mirror:record:x> {p} \"1\" .\n<https://x.example/{}> {p} \"1\" .\n\
         <https://x.example/&<\\u00e5> {p} \"1\" .\n<tag:x,2026:%20> {p} \"1\" .\n\
         <https://x.example/c> {p} _:a .\n_:a {p} _:b .\n_:b {p} _:a .\n_:b {p} _:b .\n_:c {p} _:d .\n_:d {p} _:c .\n",
        "å".repeat(10_000)
    );
    let text = text.replace("&<\\u00e5", "&\u{e5}");
    let file = write(&bench, "x.nt", text);
    let words = ["--name", "t", "--split", "subject", &file];
    let summary = import(&bench, 65, &words);
    assert_eq!(counts(&summary, &["created", "undelivered", "quarantined"]), [6, 1, 0], "{summary}");
    assert!(bench.run(&["quarantine"]).stdout.contains("longer than 16 KiB"));
    let found = rows(&bench, "SELECT identifier FROM record ORDER BY identifier");
    assert_eq!(found[1], "https://x.example/&å");
    assert!(found.contains(&"https://x.example/a%C2%A0b".to_owned()), "{found:?}");
    assert_eq!(bench.quads().iter().filter(|quad| quad.ends_with("<https://x.example/c> .")).count(), 4);
    bench.run(&["verify"]).expect(0);
}

/// So many terms with blank nodes, in lines that are far from each other.
fn terms(number: usize) -> String {
    let mut lines: Vec<String> = (0..number)
        .flat_map(|term| {
            let s = format!("<https://x.example/{term}>");
            let p = "<https://x.example/p>";
            [format!("{s} {p} _:n{term} ."), format!("_:n{term} {p} \"{term}\" ."), format!("{s} {p} \"{term} again\" .")]
        })
        .collect();
    lines.sort_by_key(|line| *blake3::hash(line.as_bytes()).as_bytes());
    lines.join("\n")
}

#[test]
fn an_import_that_ends_early_goes_on() {
    let bench = Bench::at("");
    let file = write(&bench, "x.nt", terms(3000));
    let whole = bench.beside();
    assert_eq!(counts(&import(&whole, 0, &["--name", "t", "--split", "subject", &file]), &CAME), [3000, 0, 0, 0]);
    assert_eq!(whole.quads().len(), 9000);
    // By its own limits; sorted on disk, in files that are gone afterwards.
    let words = ["--name", "t", "--split", "subject", &file, "--set-config", "harvest.sort_memory_mb=1"];
    let mut came = 0;
    for round in 0..3 {
        let summary = import(&bench, 0, &[&words[..], &["--max-records", "1100"]].concat());
        assert_eq!(summary["outcome"], if round < 2 { "max-records" } else { "complete" }, "{summary}");
        assert_eq!(summary["resumed"], round > 0, "{summary}");
        came += counts(&summary, &["received"])[0];
    }
    assert_eq!((came, state(&bench)), (3000, state(&whole)));

    // One record a document: what was read is not read again.
    let documents = bench.beside();
    for name in 0..20 {
        write(&documents, &format!("d/{name}.ttl"), format!("<> <#p> {name} ."));
    }
    let pattern = documents.path().join("d/*.ttl").display().to_string();
    for due in [8, 8, 4, 0] {
        let summary = import(&documents, 0, &["--name", "t", &pattern, "--max-records", "8"]);
        assert_eq!(counts(&summary, &["created", "received"]), [due, due], "{summary}");
    }
    bench.run(&["verify"]).expect(0);
}

#[test]
fn a_killed_import_is_as_if_it_had_not_been() {
    let whole = Bench::at("");
    let file = write(&whole, "x.nt", terms(8000));
    let words = ["import", "--name", "t", "--split", "subject", &file, "--set-config", "harvest.page_records=100"];
    whole.run(&words).expect(0);
    let due = state(&whole);
    let bench = whole.beside();
    // At different places: before the first page, and after some.
    for pages in [0, 5, 30] {
        let mut child = bench.start(&words);
        let arrived = || {
            let log = rusqlite::Connection::open(bench.data().join("mirror.db")).ok()?;
            log.query_row("SELECT max(id) FROM page", [], |row| row.get::<_, Option<i64>>(0)).ok()?
        };
        while arrived().unwrap_or(0) < pages && child.try_wait().expect("a child").is_none() {
            std::thread::yield_now();
        }
        child.kill().expect("killed");
        child.wait().expect("ended");
    }
    bench.run(&words).expect(0);
    assert_eq!(state(&bench), due);
    bench.run(&["verify"]).expect(0);
    let left: Vec<String> = fs_err::read_dir(bench.data())
        .expect("readable")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    assert!(left.iter().all(|name| !name.starts_with(".tmp")), "{left:?}");
}

#[test]
fn a_document_that_is_what_it_was_before_an_import_that_ended_early_is_read_again() {
    let bench = Bench::at("");
    let text = |more: &str| {
        let term = |name: String| format!("<https://x.example/{name}> <https://x.example/p> \"{more}\" .\n");
        (0..20).map(|name| term(format!("{name:02}"))).chain((more != "one").then(|| term("001".into()))).collect::<String>()
    };
    let file = write(&bench, "x.nt", text("one"));
    let words = ["--name", "t", "--split", "subject", "--withdraw-all", &file];
    import(&bench, 0, &words);
    let before = bench.quads();
    write(&bench, "x.nt", text("two"));
    let summary = import(&bench, 0, &[&words[..], &["--max-records", "5"]].concat());
    assert_eq!(counts(&summary, &CAME), [1, 4, 0, 0], "{summary}");
    write(&bench, "x.nt", text("one"));
    assert_eq!(counts(&import(&bench, 0, &words), &CAME), [0, 4, 16, 1]);
    assert_eq!(bench.quads(), before);
    bench.run(&["verify"]).expect(0);
}

#[test]
fn a_server_that_is_down_withdraws_nothing() {
    let bench = Bench::at("");
    let words = |url: &str| ["import".to_owned(), "--name".into(), "t".into(), "--withdraw-all".into(), url.to_owned()];
    let url = {
        let server = Documents::start();
        let url = server.set("a.ttl", "text/turtle", "<> <#p> 1 .");
        let words = words(&url);
        bench.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).expect(0);
        url
    };
    let words = words(&url);
    let done = bench.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).expect(69);
    assert!(done.stderr.contains("cannot be reached"), "{}", done.stderr);
    assert_eq!(bench.quads().len(), 1);
    bench.run(&["verify"]).expect(0);
}
