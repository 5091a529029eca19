//! Help, exit codes, errors, configuration.

use std::io::Read;
use std::process::Stdio;

use crate::harness::Bench;

const VERBS: [&str; 14] = [
    "harvest",
    "status",
    "query",
    "export",
    "links",
    "record",
    "search",
    "quarantine",
    "publish",
    "compact",
    "serve",
    "rebuild",
    "generate",
    "demo",
];

#[test]
fn every_verb_has_help_with_examples() {
    let bench = Bench::at("http://127.0.0.1:1/");
    let help = bench.run(&["--help"]).ok();
    assert!(help.contains("Exit codes:") && VERBS.iter().all(|verb| help.contains(verb)), "{help}");
    for verb in VERBS {
        let help = bench.run(&[verb, "--help"]).ok();
        assert!(help.contains("Examples:\n  libris-mirror"), "{help}");
    }
    assert!(bench.run(&["--version"]).ok().starts_with("libris-mirror 0."));
    assert!(bench.run(&[]).expect(2).stderr.contains("Usage:"));
    assert!(bench.run(&["harvest", "--nonsense"]).expect(2).stderr.contains("--nonsense"));
}

#[test]
fn the_man_page_and_completions_are_generated() {
    let bench = Bench::at("http://127.0.0.1:1/");
    assert!(bench.run(&["generate", "man"]).ok().contains(".TH libris-mirror"));
    assert!(bench.run(&["generate", "completions", "bash"]).ok().contains("libris-mirror"));
    bench.run(&["generate", "man", "--all", "."]).ok();
    assert!(bench.path().join("libris-mirror-harvest.1").exists());
}

#[test]
fn reading_without_a_mirror_says_how_to_get_one() {
    let bench = Bench::at("http://127.0.0.1:1/");
    for words in [
        ["status"].as_slice(),
        &["query", "ASK {}"],
        &["export"],
        &["links", "--stats"],
        &["record", "x"],
        &["quarantine"],
        &["rebuild", "store"],
    ] {
        let done = bench.run(words).expect(1);
        assert!(
            done.stderr.contains("there is no mirror in") && done.stderr.contains("libris-mirror harvest"),
            "{words:?}: {}",
            done.stderr
        );
    }
    assert!(!bench.data().exists(), "reading makes nothing");
}

#[test]
fn a_source_that_cannot_be_reached_is_exit_69_and_can_be_tried_again() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let bench = Bench::at(&format!("http://127.0.0.1:{port}/oai"));
    let done = bench.run(&bench.harvest_words("gone", None, &[])).expect(69);
    assert!(done.stderr.contains(&format!("http://127.0.0.1:{port}/oai?verb=Identify cannot be reached")), "{}", done.stderr);
    assert!(done.stderr.contains("trying again"), "{}", done.stderr);
}

#[test]
fn what_the_source_refuses_is_exit_1_with_its_own_words() {
    let bench = Bench::new(20);
    let done = bench.run(&bench.harvest_words("x", Some("nonsense"), &[])).expect(1);
    assert!(
        done.stderr.contains("badArgument: Not a supported set spec: nonsense") && done.stderr.contains("hint:"),
        "{}",
        done.stderr
    );
    let done = bench.run(&bench.harvest_words("x", None, &["--prefix", "marc21"])).expect(1);
    assert!(done.stderr.contains("cannotDisseminateFormat"), "{}", done.stderr);
    // Nothing came of it, so the same name can be used with better settings.
    assert_eq!(bench.harvest("x", None, &[])["outcome"], "complete");
    let done = bench.run(&bench.harvest_words("x", Some("auth"), &[])).expect(1);
    assert!(done.stderr.contains("the source \"x\" of this mirror has set \"\", not \"auth\""), "{}", done.stderr);
}

#[test]
fn a_second_writer_is_exit_75_and_is_told_who_the_first_is() {
    let bench = Bench::new(20);
    bench.harvest("all", None, &[]);
    let file = std::fs::OpenOptions::new().write(true).open(bench.data().join("lock")).expect("the lock");
    fs_err::write(bench.data().join("lock"), "process 42 on elsewhere runs `harvest`\n").expect("written");
    file.lock().expect("free");
    let done = bench.run(&bench.harvest_words("all", None, &[])).expect(75);
    assert!(done.stderr.contains("in use by another run: process 42 on elsewhere"), "{}", done.stderr);
    assert_eq!(bench.count("SELECT (COUNT(*) AS ?n) { ?r kbv:mainEntity ?t }"), 20, "readers go on meanwhile");
    drop(file);
    bench.harvest("all", None, &[]);
}

#[test]
fn configuration_comes_from_file_environment_and_flags() {
    let bench = Bench::new(30);
    let file = bench.path().join("my.toml");
    let text = format!(
        "[sources.mine]\nurl = \"{}\"\nset = \"auth\"\n[sources.nb]\nenabled = false\n[sources.auth]\nenabled = false\n",
        bench.url
    );
    fs_err::write(&file, text).expect("written");
    let config = file.to_str().expect("text");
    let summary = bench.run(&["harvest", "--json", "--config", config]).json();
    assert_eq!((summary.as_array().expect("sources").len(), &summary[0]["source"]), (1, &"mine".into()), "{summary}");
    let wrong = bench.run(&["harvest", "--config", config, "--set-config", "harvest.tries=0"]).expect(2);
    assert!(wrong.stderr.contains("harvest.tries = \"0\" is not valid"), "{}", wrong.stderr);
    let unknown = bench.run(&["harvest", "nosuch", "--config", config]).expect(2);
    assert!(
        unknown.stderr.contains("no source is called \"nosuch\"; the configuration has auth, mine, nb"),
        "{}",
        unknown.stderr
    );
    fs_err::write(&file, "[harvest]\npawse_ms = 1\n").expect("written");
    assert!(bench.run(&["harvest", "--config", config]).expect(2).stderr.contains("pawse_ms"));
}

#[test]
fn quiet_is_silent_and_a_summary_is_one_line() {
    let bench = Bench::new(30);
    let words = ["harvest", "--name", "all", "--url", &bench.url];
    let first = bench.run(&words).expect(0);
    assert_eq!((first.stdout.as_str(), first.stderr.lines().count()), ("", 1), "{}", first.stderr);
    assert!(first.stderr.starts_with("all: 30 records in 1 pages: 30 new"), "{}", first.stderr);
    let quiet = bench.run(&[words.as_slice(), &["-q"]].concat()).expect(0);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    let verbose = bench.run(&[words.as_slice(), &["-v", "--full"]].concat()).expect(0);
    assert!(verbose.stderr.contains("page page=3 records=30"), "{}", verbose.stderr);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let bench = Bench::new(1500);
    bench.harvest("all", None, &[]);
    let mut child = bench.command(&["export"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut first = [0; 10];
    child.stdout.take().expect("piped").read_exact(&mut first).expect("some output");
    let done = child.wait_with_output().expect("it ends");
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn the_demo_walks_the_whole_line() {
    let bench = Bench::at("http://127.0.0.1:1/");
    let text = bench.run(&["demo", "--records", "300", "--keep", "deep/kept"]).ok();
    for sign in [
        "$ libris-mirror harvest",
        "$ libris-mirror status",
        "$ libris-mirror query",
        "kbv:Person",
        "$ libris-mirror links",
        "wikidata",
        "$ libris-mirror export",
        "triples of",
    ] {
        assert!(text.contains(sign), "{sign}: {text}");
    }
    assert!(bench.run(&["status", "--data", "deep/kept"]).ok().contains("auth"));
    assert!(bench.run(&["demo", "--keep", "deep/kept"]).expect(1).stderr.contains("already holds a mirror"));
}
