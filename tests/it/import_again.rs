//! What an import that failed in part leaves to the next run: nothing is lost, and what cannot be healed is named.

use std::io::Write;
use std::process::Stdio;

use crate::harness::{Bench, Done};
use crate::import::{CAME, Documents, counts, import, rows, write};

/// Triples of one subject.
fn say(values: &[&str]) -> String {
    values.iter().map(|value| format!("<https://x.example/s> <https://x.example/p> \"{value}\" .\n")).collect()
}

/// What the mirror has of that subject.
fn said(bench: &Bench) -> Vec<String> {
    let quads = bench.quads();
    let quads = quads.iter().filter(|quad| quad.starts_with("<https://x.example/s>"));
    quads.map(|quad| quad.split('"').nth(1).expect("a literal").to_owned()).collect()
}

/// So many subjects.
fn terms(names: std::ops::Range<usize>) -> String {
    names.map(|name| format!("<https://x.example/{name}> <https://x.example/p> \"{name}\" .\n")).collect()
}

/// Runs the binary with this standard input.
fn piped(bench: &Bench, words: &[&str], text: &str) -> Done {
    let mut command = bench.command(words);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("taken");
    Done::of(words.join(" "), &child.wait_with_output().expect("ends"))
}

const AGAIN: &str = "standard input cannot be read again: import it again";

#[test]
fn a_change_beside_a_document_that_fails_comes_with_the_next_harvest() {
    let (server, bench) = (Documents::start(), Bench::at(""));
    let set = |name: &str, text: &str| server.set(name, "application/n-triples", text);
    let (a, b) = (set("a", &say(&["A0", "A1"])), set("b", &say(&["B1"])));
    import(&bench, 0, &["--name", "t", "--split", "subject", &a, &b]);
    // It gains and drops a triple; then it drops the subject.
    for (text, meanwhile, due) in
        [(say(&["A1", "A2"]), vec!["A0", "A1", "B1"], vec!["A1", "A2", "B1"]), (terms(0..1), vec!["A1", "A2", "B1"], vec!["B1"])]
    {
        set("a", &text);
        for broken in [false, true] {
            if broken {
                set("b", "broken");
            } else {
                server.served.lock().expect("no panic").remove("b");
            }
            bench.run(&["harvest", "t"]).expect(65);
            assert_eq!(said(&bench), meanwhile, "nothing is known of the other document");
        }
        // The other document is what it was.
        set("b", &say(&["B1"]));
        bench.run(&["harvest", "t"]).expect(0);
        assert_eq!(said(&bench), due);
        assert_eq!(rows(&bench, "SELECT identifier FROM undelivered"), Vec::<String>::new());
    }
    assert_eq!(counts(&bench.run(&["harvest", "--json", "t"]).json()[0], &["received"]), [0]);
    bench.run(&["verify"]).expect(0);
}

#[test]
fn documents_that_cannot_be_listed_keep_what_they_said() {
    let bench = Bench::at("");
    let a = write(&bench, "a.nt", say(&["A1"]));
    write(&bench, "d/b.nt", say(&["B1"]));
    let pattern = bench.path().join("d/*.nt").display().to_string();
    import(&bench, 0, &["--name", "t", "--split", "subject", &a, &pattern]);
    write(&bench, "a.nt", say(&["A2"]));
    fs_err::rename(bench.path().join("d"), bench.path().join("away")).expect("moved");
    bench.run(&["harvest", "t"]).expect(65);
    assert_eq!(said(&bench), ["A1", "B1"]);
    let listed = bench.run(&["quarantine"]).stdout;
    assert!(listed.contains("d/*.nt of t") && !listed.contains("//"), "{listed}");
    fs_err::rename(bench.path().join("away"), bench.path().join("d")).expect("moved");
    bench.run(&["harvest", "t"]).expect(0);
    assert_eq!(said(&bench), ["A2", "B1"]);
    assert_eq!(rows(&bench, "SELECT identifier FROM undelivered"), Vec::<String>::new());
    bench.run(&["verify"]).expect(0);
}

#[test]
fn standard_input_that_was_not_read_to_its_end_is_never_complete() {
    let bench = Bench::at("");
    let words = ["import", "--name", "t", "--split", "subject", "--format", "nt", "-"];
    let done = piped(&bench, &[&words[..], &["--max-records", "2"]].concat(), &terms(0..6)).expect(0);
    assert!(done.stderr.contains("import standard input again to continue"), "{}", done.stderr);
    assert!(!done.stderr.contains("the next harvest continues"), "{}", done.stderr);
    for _ in 0..2 {
        let done = bench.run(&["harvest", "t"]).expect(65);
        assert!(done.stderr.contains(AGAIN), "{}", done.stderr);
    }
    assert!(bench.run(&["quarantine"]).stdout.contains(AGAIN));
    assert_eq!(bench.quads().len(), 2);
    piped(&bench, &words, &terms(0..6)).expect(0);
    bench.run(&["harvest", "t"]).expect(0);
    bench.run(&["harvest", "t", "--full"]).expect(0);
    assert_eq!(bench.quads().len(), 6);
    assert_eq!(rows(&bench, "SELECT identifier FROM undelivered"), Vec::<String>::new());

    // One that is broken stays so.
    piped(&bench, &words, "broken").expect(65);
    assert!(bench.run(&["harvest", "t"]).expect(65).stderr.contains(AGAIN));
    piped(&bench, &words, &terms(0..6)).expect(0);
    bench.run(&["harvest", "t"]).expect(0);
    bench.run(&["verify"]).expect(0);
}

#[test]
fn standard_input_that_shares_a_record_is_asked_for_when_the_record_changes() {
    let bench = Bench::at("");
    let words = ["import", "--name", "t", "--split", "subject", "--add", "--format", "nt", "-"];
    piped(&bench, &words, &say(&["in"])).expect(0);
    let more = write(&bench, "more.nt", say(&["more"]));
    let added = bench.run(&["import", "--name", "t", "--add", &more]).expect(65);
    assert!(added.stderr.contains(AGAIN), "{}", added.stderr);
    assert!(bench.run(&["harvest", "t"]).expect(65).stderr.contains(AGAIN));
    assert!(bench.run(&["quarantine"]).stdout.contains(AGAIN));
    assert_eq!(said(&bench), ["in"]);
    piped(&bench, &words, &say(&["in"])).expect(0);
    assert_eq!(said(&bench), ["in", "more"]);

    // What does not change its records leaves it alone.
    write(&bench, "other.nt", terms(0..1));
    import(&bench, 0, &["--name", "t", "--add", "other.nt"]);
    write(&bench, "other.nt", terms(0..2));
    bench.run(&["harvest", "t"]).expect(0);
    bench.run(&["harvest", "t", "--full"]).expect(0);
    bench.run(&["audit", "t", "--repair"]).expect(0);
    assert_eq!((said(&bench), bench.quads().len()), (vec!["in".to_owned(), "more".to_owned()], 4));
    bench.run(&["verify"]).expect(0);
}

#[test]
fn iris_that_have_the_same_identifier_are_one_record() {
    let bench = Bench::at("");
    let s = |iri: &str, node: &str| {
        format!("<http://x.example/{iri}> <http://x.example/p> _:{node} .\n_:{node} <http://x.example/q> \"{node}\" .\n")
    };
    // Another IRI is between the two in the order of bytes.
    let text = s("a\u{a0}b", "one") + &s("a%D0", "two") + &s("a%C2%A0b", "three");
    let file = write(&bench, "x.nt", text);
    assert_eq!(counts(&import(&bench, 0, &["--name", "t", "--split", "subject", &file]), &CAME), [2, 0, 0, 0]);
    assert_eq!(bench.quads().len(), 6);
    assert_eq!(bench.quads().iter().filter(|quad| quad.ends_with("<http://x.example/a%C2%A0b> .")).count(), 4);
    bench.run(&["verify"]).expect(0);
}

#[test]
fn a_document_that_failed_is_due_at_once_and_not_by_a_retry() {
    let bench = Bench::at("");
    bench.configure("t", "kind = \"documents\"\nfiles = [\"d/*.nt\"]\nevery = \"7d\"\nsplit = \"subject\"");
    for other in ["nb", "auth", "definitions"] {
        bench.configure(other, "enabled = false");
    }
    write(&bench, "d/a.nt", terms(0..1));
    write(&bench, "d/b.nt", "broken");
    bench.run(&["harvest", "t"]).expect(65);
    let retried = bench.run(&["quarantine", "--retry"]).expect(65);
    assert!(retried.stderr.contains("0 retried, 1 left"), "{}", retried.stderr);
    assert!(retried.stderr.contains("hint: `libris-mirror harvest t`"), "{}", retried.stderr);
    write(&bench, "d/b.nt", terms(1..2));
    assert_eq!(counts(&bench.run(&["harvest", "--json"]).json()[0], &["created"]), [1]);
    assert_eq!(bench.run(&["harvest", "--json"]).json()[0]["outcome"], "not-due");
    bench.run(&["quarantine", "--retry"]).expect(0);
}

#[test]
fn a_first_import_that_fails_says_why_once_and_what_to_do() {
    let bench = Bench::at("");
    let once = |done: &Done, text: &str| assert_eq!(done.stderr.matches(text).count(), 1, "{text}: {}", done.stderr);
    let done = bench.run(&["import", "--name", "t", &write(&bench, "what.bin", "?")]).expect(1);
    once(&done, "does not tell its format");
    once(&done, "--format");
    assert!(!done.stderr.contains("repair it"), "{}", done.stderr);
    let done = bench.run(&["import", "--name", "t", &write(&bench, "bad.ttl", "bad")]).expect(1);
    once(&done, "bad.ttl cannot be read");
    once(&done, "repair it");
    // The line is longer than what the parser keeps.
    let line = format!("<https://x.example/s> <https://x.example/p> \"{}\" .", "x".repeat(17 << 20));
    let done = bench.run(&["import", "--name", "t", &write(&bench, "line.nt", line)]).expect(1);
    once(&done, "harvest.record_bytes");
    let all = bench.path().join("*.*").display().to_string();
    let done = bench.run(&["import", "--name", "t", &all]).expect(1);
    for name in ["what.bin", "bad.ttl", "line.nt"] {
        once(&done, &format!("/{name} cannot be read"));
    }
}
