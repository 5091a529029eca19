//! The lines of `config/libris-mirror.crontab`, run as cron runs them.

use std::process::Command;

use crate::harness::{Bench, Done, binary, package};

/// Returns the command of each line, in the order of the file: harvest, audit, verify and backup.
fn lines() -> Vec<String> {
    let text = fs_err::read_to_string(package().join("config/libris-mirror.crontab")).expect("a crontab");
    let is_line = |line: &&str| line.starts_with(|c: char| c.is_ascii_digit());
    let command = |line: &str| {
        let (_, command) = line.split_once("  ").expect("two spaces before the command");
        command.trim_start().replace("\\%", "%")
    };
    let lines: Vec<String> = text.lines().filter(is_line).map(command).collect();
    assert_eq!(lines.len(), 3, "{text}");
    lines
}

/// Runs a line with the shell of cron. The sources are at `url`.
fn run(bench: &Bench, line: &str, url: &str, more: &[(&str, &str)]) -> Done {
    let line = line.replace("/backup", &bench.path().display().to_string());
    let own = bench.command(&[]);
    let directory = binary().parent().expect("a directory").display().to_string();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &line]).env_clear().envs(own.get_envs().filter_map(|(key, value)| Some((key, value?))));
    shell.env("PATH", format!("{directory}:/usr/bin:/bin")).current_dir(bench.path());
    for source in ["NB", "AUTH"] {
        shell.env(format!("LIBRIS_MIRROR_SOURCES__{source}__URL"), url);
    }
    shell.env("LIBRIS_MIRROR_SOURCES__DEFINITIONS__URL", url.replace("oaipmh", "emm"));
    shell.env("LIBRIS_MIRROR_SOURCES__DEFINITIONS__CONTEXT", &bench.context);
    shell.envs(more.iter().copied());
    Done::of(line, &shell.output().expect("a shell"))
}

/// Asserts that cron has nothing to mail.
fn is_quiet(done: Done) {
    let Done { command, stdout, stderr, .. } = done.expect(0);
    assert_eq!((stdout.as_str(), stderr.as_str()), ("", ""), "{command}");
}

/// Removes the backups, and returns how many there were.
fn remove_backups(bench: &Bench) -> usize {
    let found = fs_err::read_dir(bench.path()).expect("a directory").flatten();
    let backups = found.filter(|entry| entry.file_name().to_string_lossy().starts_with("libris-"));
    backups.map(|backup| fs_err::remove_dir_all(backup.path()).expect("removed")).count()
}

#[test]
fn cron_mails_only_what_needs_attention() {
    let bench = Bench::new(60);
    for line in lines() {
        is_quiet(run(&bench, &line, &bench.url, &[]));
    }
    assert_eq!(remove_backups(&bench), 1);
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    for line in lines() {
        is_quiet(run(&bench, &line, &format!("http://127.0.0.1:{port}/"), &[]));
    }
    assert_eq!(remove_backups(&bench), 1);
    let lock = std::fs::OpenOptions::new().write(true).open(bench.data().join("lock")).expect("the lock");
    lock.lock().expect("free");
    for line in lines() {
        is_quiet(run(&bench, &line, &bench.url, &[]));
    }
    assert_eq!(remove_backups(&bench), 1, "a backup waits for no harvest");
    drop(lock);
    for line in lines() {
        let done = run(&bench, &line, &bench.url, &[("LIBRIS_MIRROR_HARVEST__PAWSE_MS", "1")]);
        assert!(done.code != Some(0) && done.stdout.contains("PAWSE_MS"), "{}: {}{}", done.command, done.stdout, done.stderr);
    }
    // A mirror with a fault is reported, and backed up all the same.
    let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
    log.execute("DELETE FROM entry", []).expect("written");
    drop(log);
    let done = run(&bench, &lines()[2], &bench.url, &[]).expect(0);
    assert!(done.stdout.contains("search: "), "{}", done.stdout);
    assert_eq!(remove_backups(&bench), 1);
}

#[test]
fn the_pages_show_the_lines_of_the_crontab() {
    let lines = lines();
    for page in ["README.md", "src/guide/operations.md"] {
        let text = fs_err::read_to_string(package().join(page)).expect("a page");
        let shown = text.lines().filter(|line| line.contains(" * * ") && line.contains("libris-mirror"));
        let shown: Vec<String> = shown.map(|line| line.replace("\\%", "%")).collect();
        assert!(!shown.is_empty(), "{page}");
        for line in shown {
            assert!(lines.iter().any(|known| line.ends_with(known.as_str())), "{page}: {line}");
        }
    }
}
