//! Help, exit codes, errors, configuration.

use std::io::Read;
use std::process::Stdio;

use crate::harness::Bench;

const VERBS: [&str; 19] = [
    "audit",
    "changes",
    "verify",
    "backup",
    "restore",
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
fn what_every_verb_takes_stands_apart_in_its_help() {
    let bench = Bench::at("http://127.0.0.1:1/");
    for verb in VERBS {
        let help = bench.run(&[verb, "--help"]).ok();
        let (own, of_all) = help.split_once("Options of every command:").expect("a heading");
        for option in ["--data <DIR>", "--config <FILE>", "--set-config", "--verbose", "--quiet"] {
            assert!(of_all.contains(option) && !own.contains(option), "{verb}: {option}\n{help}");
        }
    }
}

#[test]
fn json_is_asked_for_in_two_ways_by_every_verb() {
    let bench = Bench::new(60);
    bench.harvest("all", None, &[]);
    for (number, words) in [
        &["status"][..],
        &["search", "umeå"],
        &["quarantine"],
        &["audit"],
        &["verify"],
        &["publish"],
        &["compact"],
        &["rebuild", "links"],
        &["links", "--stats"],
        &["query", "SELECT * { ?s a kbv:Person } LIMIT 1"],
        &["record", &libris_mirror::demo::identifier(1)],
        &["harvest", "all"],
    ]
    .into_iter()
    .enumerate()
    {
        let plain = bench.run(&[words, &["--json"]].concat()).json();
        let named = bench.run(&[words, &["--format", "json"]].concat()).json();
        let kind = |value: &serde_json::Value| {
            (value.is_array(), value.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>()))
        };
        assert_eq!(kind(&plain), kind(&named), "{words:?}");
        let backup = format!("backup{number}");
        if words == ["status"] {
            assert!(bench.run(&["backup", &backup, "--format", "json"]).json()["page"].as_i64() > Some(0));
            assert!(bench.run(&["restore", &backup, "--force", "--json"]).json()["aside"].is_string());
        }
    }
    assert!(bench.run(&["export", "-o", "x.nt", "--json"]).json()["triples"].as_u64() > Some(1000));
    assert!(bench.run(&["export", "--json"]).expect(2).stderr.contains("--output"));
}

#[test]
fn an_empty_mirror_says_the_same_to_every_reader() {
    let bench = Bench::new(20);
    bench.run(&bench.harvest_words("x", Some("nonsense"), &[])).expect(1);
    for words in [
        &["query", "ASK {}"][..],
        &["export"],
        &["export", "-o", "x.nt"],
        &["links", "--stats"],
        &["search", "x"],
        &["changes"],
        &["record", "https://libris.kb.se/x"],
        &["quarantine"],
        &["quarantine", "--retry"],
        &["audit"],
    ] {
        let done = bench.run(words).expect(1);
        assert!(done.stderr.contains("is empty: nothing was harvested yet"), "{words:?}: {}", done.stderr);
        assert!(done.stderr.contains("hint: run `libris-mirror harvest` first") && done.stdout.is_empty(), "{words:?}");
    }
    assert!(bench.run(&["status"]).ok().contains("nothing was harvested yet"));
    assert!(!bench.path().join("x.nt").exists());
}

#[test]
fn an_unknown_source_is_an_error_in_every_verb() {
    let bench = Bench::new(20);
    bench.harvest("all", None, &[]);
    for words in [
        &["export", "--source", "al"][..],
        &["quarantine", "--source", "al"],
        &["quarantine", "--retry", "--source", "al"],
        &["audit", "al"],
    ] {
        let done = bench.run(words).expect(2);
        let told = "no source is called \"al\"; the mirror has all\nhint: did you mean `all`?";
        assert!(done.stderr.contains(told), "{words:?}: {}", done.stderr);
    }
    // A source that the configuration has, but the mirror not yet.
    let done = bench.run(&["export", "--source", "nb"]).expect(1);
    assert!(done.stderr.contains("run `libris-mirror harvest nb` first"), "{}", done.stderr);
    let done = bench.run(&["harvest", "--name", "nb"]).expect(2);
    assert!(done.stderr.contains("--url"), "{}", done.stderr);
    let done = bench.run(&["harvest", "nbb"]).expect(2);
    assert!(done.stderr.contains("no source is called \"nbb\"") && done.stderr.contains("did you mean `nb`?"), "{}", done.stderr);
}

#[test]
fn a_source_that_was_harvested_by_its_address_is_known_by_its_name() {
    let bench = Bench::new(40);
    bench.harvest("tried", Some("auth"), &[]);
    bench.harvest("all", None, &[]);
    let again = bench.run(&["harvest", "tried", "--json"]).json();
    assert_eq!((&again[0]["source"], &again[0]["outcome"]), (&"tried".into(), &"complete".into()));
    // If its source is gone, the others are still audited.
    let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    log.execute("UPDATE source SET base_url = ?1 WHERE name = 'all'", [format!("http://127.0.0.1:{port}/")]).expect("written");
    let done = bench.run(&["audit", "--json"]).expect(69);
    let reports: serde_json::Value = serde_json::from_str(&done.stdout).expect("JSON");
    assert_eq!((&reports[0]["source"], &reports[1]["source"]), (&"all".into(), &"tried".into()), "{reports}");
    assert!(reports[0]["error"].as_str().expect("words").contains("cannot be reached"), "{reports}");
    assert_eq!(reports[1]["found"]["missing"], 0, "{reports}");
}

#[test]
fn words_that_make_no_sense_are_told_before_anything_is_asked() {
    let server = crate::scripted::raw(|_, _| panic!("nobody is to be asked"));
    let bench = Bench::at(&server.url);
    let window = ["--from", "2026-02-01", "--until", "2026-01-01"];
    let done = bench.run(&bench.harvest_words("x", None, &window)).expect(2);
    assert!(done.stderr.contains("--from 2026-02-01T00:00:00Z is after --until 2026-01-01T00:00:00Z"), "{}", done.stderr);
    assert_eq!(server.asked(), 0);
    let done = bench.run(&["status", "--config", "nope.toml"]).expect(2);
    assert!(done.stderr.contains("nope.toml") && done.stderr.contains("hint:"), "{}", done.stderr);
    let little = bench.run(&["serve", "--listen", "127.0.0.1:0", "--set-config", "serve.memory_mb=256"]).expect(2);
    assert!(little.stderr.contains("serve.memory_mb") && little.stderr.contains("at least 512"), "{}", little.stderr);
    for path in ["a b", "/a?b", "//a", "/a/../b", "/å"] {
        let done = bench.run(&["serve", "--listen", "127.0.0.1:0", "--base-path", path]).expect(2);
        assert!(done.stderr.contains("serve.base_path") && done.stderr.contains("/libris"), "{path}: {}", done.stderr);
    }
    for (words, advice) in [
        (&["harvest", "--max-records", "abc"][..], "such as 5000"),
        (&["harvest", "--max-records", "0"], "such as 5000"),
        (&["harvest", "--max-duration", "abc"], "such as 45m"),
        (&["harvest", "--max-duration", "0s"], "such as 45m"),
        (&["harvest", "--name", "x", "--url", "x"], "such as https://libris.kb.se/api/oaipmh/"),
        (&["harvest", "--metrics", "/nosuch/libris.prom"], "there is no directory /nosuch"),
        (&["harvest", "--set-config", "harvest.pause_ms=-1"], "such as 500"),
        (&["audit", "--set-config", "harvest.withdraw_max_percent=101"], "from 0 to 100"),
        (&["serve", "--listen", "7878"], "such as 127.0.0.1:7878"),
        (&["serve", "--harvest-every", "59s"], "such as 6h"),
        (&["changes", "--limit", "x"], "whole number"),
    ] {
        let done = bench.run(words).expect(2);
        let value = words.last().expect("a value").rsplit('=').next().expect("a value");
        assert!(done.stderr.contains(advice) && done.stderr.contains(value), "{words:?}: {}", done.stderr);
    }
    assert!(!bench.data().exists());
}

#[test]
fn settings_that_there_are_not_are_told_with_the_nearest() {
    let bench = Bench::at("http://127.0.0.1:1/");
    let done = bench.run(&["status", "--set-config", "harvest.pause=1"]).expect(2);
    assert!(done.stderr.contains("\"harvest.pause\" in --set-config is no setting"), "{}", done.stderr);
    assert!(done.stderr.contains("did you mean `harvest.pause_ms`?") && done.stderr.lines().count() == 2, "{}", done.stderr);
    for (variable, nearest) in [
        ("LIBRIS_MIRROR_PAUSE_MS", "LIBRIS_MIRROR_HARVEST__PAUSE_MS"),
        ("LIBRIS_MIRROR_HARVEST__PAWSE_MS", "LIBRIS_MIRROR_HARVEST__PAUSE_MS"),
    ] {
        let output = bench.command(&["status"]).env(variable, "1").output().expect("the binary starts");
        let done = crate::harness::Done::of(variable.into(), &output).expect(2);
        assert!(done.stderr.contains(variable) && done.stderr.contains(&format!("did you mean `{nearest}`?")), "{}", done.stderr);
    }
    // A list, from the environment and from a flag.
    let mirror = Bench::new(20);
    mirror.harvest("all", None, &[]);
    let query = ["query", "SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }"];
    let mut command = mirror.command(&query);
    command.env("LIBRIS_MIRROR_QUERY__SERVICE_HOSTS", "x.example, 127.0.0.1:9");
    let by_environment = crate::harness::Done::of("query".into(), &command.output().expect("the binary starts")).expect(1);
    let flag = ["--set-config", "query.service_hosts=127.0.0.1:9"];
    for done in [by_environment, mirror.run(&[&query[..], &flag].concat()).expect(1)] {
        assert!(done.stderr.contains("could not be asked"), "{}", done.stderr);
    }
    let defaults = bench.run(&["generate", "config"]).ok();
    fs_err::write(bench.path().join("all.toml"), &defaults).expect("written");
    assert!(bench.run(&["status", "--config", "all.toml"]).expect(1).stderr.contains("there is no mirror"));
}

#[test]
fn a_source_whose_address_is_wrong_is_exit_1_with_advice() {
    use axum::http::StatusCode;
    use axum::response::IntoResponse;
    for (status, advice) in [(StatusCode::NOT_FOUND, "check the address"), (StatusCode::FORBIDDEN, "ask its operator")] {
        let server = crate::scripted::raw(move |_, _| status.into_response());
        let bench = Bench::at(&server.url);
        let done = bench.run(&bench.harvest_words("x", None, &[])).expect(1);
        assert!(done.stderr.contains(&format!("HTTP {}", status.as_u16())) && done.stderr.contains(advice), "{}", done.stderr);
        assert!(!done.stderr.contains("run the same command again"), "{}", done.stderr);
        assert_eq!(server.asked(), 1, "once is enough");
    }
}

#[test]
fn the_man_page_and_completions_are_generated() {
    let bench = Bench::at("http://127.0.0.1:1/");
    assert!(bench.run(&["generate", "man"]).ok().contains(".TH libris-mirror"));
    assert!(bench.run(&["generate", "completions", "bash"]).ok().contains("libris-mirror"));
    bench.run(&["generate", "man", "--all", "new/folder"]).ok();
    assert!(bench.path().join("new/folder/libris-mirror.1").exists());
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
        &["changes"],
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
    // It stored nothing, so the same name can be used with other settings.
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
    bench.run(&["backup", "backup"]).expect(0);
    for words in [&["restore", "backup", "--force"][..], &["audit"], &["compact"], &["verify"], &["publish"]] {
        assert!(bench.run(words).expect(75).stderr.contains("in use by another run"), "{words:?}");
    }
    let done = bench.run(&bench.harvest_words("all", None, &[])).expect(75);
    assert!(done.stderr.contains("in use by another run: process 42 on elsewhere"), "{}", done.stderr);
    assert_eq!(bench.count("SELECT (COUNT(*) AS ?n) { ?r kbv:mainEntity ?t }"), 20, "readers continue meanwhile");
    drop(file);
    bench.harvest("all", None, &[]);
}

#[test]
fn configuration_comes_from_file_environment_and_flags() {
    let bench = Bench::new(30);
    let file = bench.path().join("my.toml");
    let text = format!(
        "[sources.mine]\nurl = \"{}\"\nset = \"auth\"\n[sources.nb]\nenabled = false\n[sources.auth]\nenabled = false\n[sources.definitions]\nenabled = false\n",
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
        unknown.stderr.contains("no source is called \"nosuch\"; the configuration has auth, definitions, mine, nb"),
        "{}",
        unknown.stderr
    );
    fs_err::write(&file, "[harvest]\npawse_ms = 1\n").expect("written");
    let place = format!("error: {config}, line 2: ");
    assert!(bench.run(&["harvest", "--config", config]).expect(2).stderr.starts_with(&format!("{place}\"harvest.pawse_ms\"")));
    fs_err::write(&file, "[harvest]\n[harvest]\n").expect("written");
    let twice = bench.run(&["harvest", "--config", config]).expect(2).stderr;
    assert!(twice.starts_with(&format!("{place}it is not valid TOML: duplicate key")), "{twice}");
}

#[test]
fn quiet_is_silent_and_a_summary_is_one_line() {
    let bench = Bench::new(30);
    let words = ["harvest", "--name", "all", "--url", &bench.url];
    let first = bench.run(&words).expect(0);
    assert_eq!((first.stdout.as_str(), first.stderr.lines().count()), ("", 1), "{}", first.stderr);
    assert!(first.stderr.starts_with("all: 30 records in 1 page: 30 new"), "{}", first.stderr);
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

#[test]
fn options_of_every_command_count_on_both_sides_of_its_name() {
    let bench = Bench::new(20);
    for (before, after) in [("nonsense.key=1", "harvest.tries=1"), ("harvest.tries=1", "nonsense.key=1")] {
        let done = bench.run(&["--set-config", before, "status", "--set-config", after]).expect(2);
        assert!(done.stderr.contains("nonsense.key"), "{before} {after}: {}", done.stderr);
    }
    bench.harvest("x", None, &[]);
    // Both are in force, and the later one of two wins.
    let first = ["--set-config", "harvest.withdraw_max_percent=x", "--set-config", "harvest.tries=0"];
    let done = bench.run(&[&first[..2], &["status", "--set-config", "harvest.tries=2"]].concat()).expect(2);
    assert!(done.stderr.contains("withdraw_max_percent"), "{}", done.stderr);
    bench.run(&[&first[2..], &["status", "--set-config", "harvest.tries=2"]].concat()).expect(0);
    // What may be there once may be on one side.
    for (option, one, other) in [("--data", "a", "b"), ("--config", "a.toml", "b.toml")] {
        let done = bench.run(&[option, one, "status", option, other]).expect(2);
        assert!(done.stderr.contains(&format!("'{option} <")) && done.stderr.contains("multiple times"), "{}", done.stderr);
    }
    assert!(bench.run(&["-q", "status", "-v"]).expect(2).stderr.contains("--verbose"), "they contradict each other");
    let asked = |words: &[&str]| bench.run(&[words, &["--name", "x", "--url", &bench.url]].concat()).expect(0).stderr;
    assert!(asked(&["-v", "harvest", "-v"]).contains("asking"), "twice is twice");
    assert!(!asked(&["harvest", "-v"]).contains("asking"));
}
