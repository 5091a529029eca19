//! Sources of the configuration: when they are due, and settings that do not fit.

use crate::harness::{Bench, Done};

/// Harvests without naming a source; `books` is the only one that is enabled.
fn harvest(bench: &Bench, more: &[&str], settings: &[(&str, &str)]) -> Done {
    let mut words = vec!["harvest", "--json"];
    words.extend(more);
    let mut command = bench.command(&words);
    for (name, value) in [
        ("NB__ENABLED", "false"),
        ("AUTH__ENABLED", "false"),
        ("DEFINITIONS__ENABLED", "false"),
        ("BOOKS__URL", bench.url.as_str()),
    ] {
        command.env(format!("LIBRIS_MIRROR_SOURCES__{name}"), value);
    }
    for (name, value) in settings {
        command.env(format!("LIBRIS_MIRROR_SOURCES__BOOKS__{name}"), value);
    }
    Done::of(format!("libris-mirror {}", words.join(" ")), &command.output().expect("the binary starts"))
}

#[test]
fn a_source_is_asked_no_more_often_than_its_configuration_says() {
    let bench = Bench::new(60);
    bench.state().page_rows.store(20, std::sync::atomic::Ordering::Relaxed);
    let weekly = [("EVERY", "7d")];
    let part = harvest(&bench, &["--max-records", "20"], &weekly).json();
    assert_eq!(part[0]["outcome"], "max-records", "{part}");
    let rest = harvest(&bench, &[], &weekly).json();
    assert_eq!(rest[0]["outcome"], "complete", "an open list is continued: {rest}");
    let asked = bench.state().requests();
    let early = harvest(&bench, &[], &weekly).json();
    assert_eq!((&early[0]["outcome"], &early[0]["requests"]), (&"not-due".into(), &0.into()), "{early}");
    assert_eq!(bench.state().requests(), asked);
    for (more, settings) in [(&["books"][..], &weekly[..]), (&["--full"], &weekly), (&[], &[("EVERY", "1ms")]), (&[], &[])] {
        let done = harvest(&bench, more, settings).json();
        assert_eq!(done[0]["outcome"], "complete", "{more:?} {settings:?}: {done}");
    }
}

#[test]
fn settings_that_do_not_fit_the_kind_of_a_source_are_named() {
    let bench = Bench::new(1);
    for (settings, due) in [
        (&[("EVERY", "weekly")][..], "sources.books.every = \"weekly\" is not valid: it must be a time such as 7d"),
        (&[("SELECTIONS", "all")], "sources.books.selections = \"all\" is not valid: a source of kind \"oai-pmh\" has no such"),
        (&[("KIND", "emm")], "sources.books.selections = \"[]\" is not valid: name what is dumped"),
        (&[("KIND", "emm"), ("SELECTIONS", "type:")], "it is all, type:CLASS or itemAndInstance:SIGEL"),
        (&[("KIND", "emm"), ("SELECTIONS", "all,type:Language"), ("SET", "nb")], "a source of kind \"emm\" has no such setting"),
        (&[("KIND", "documents")], "a source of kind \"documents\" has no such setting"),
        (&[("KIND", "oai")], "oai"),
        (&[("SELECTIONS", "[\"all\"]")], "it must be a list, which is written here without brackets and quotation marks: a,b"),
    ] {
        let done = harvest(&bench, &[], settings);
        assert!(matches!(done.code, Some(1 | 2)) && done.stderr.contains(due), "{settings:?}: {:?} {}", done.code, done.stderr);
    }
}

#[test]
fn a_list_on_the_command_line_has_no_brackets() {
    let bench = Bench::new(1);
    for list in ["[\"all\"]", "['all', 'type:Language']"] {
        let done = bench.run(&["harvest", "x", "--set-config", &format!("sources.x.selections={list}")]).expect(2);
        let due = "it must be a list, which is written here without brackets and quotation marks: a,b";
        assert!(done.stderr.contains(due), "{}", done.stderr);
    }
}
