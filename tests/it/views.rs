//! Views that the program does not know: one that keeps up, and one over a network that never answers.

use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex};

use libris_mirror::config::Config;
use libris_mirror::data_dir::DataDir;
use libris_mirror::log::ChangeId;
use libris_mirror::mirror::{Mirror, VIEWS};
use libris_mirror::verify::verify;
use libris_mirror::views::{Batch, Check, Home, ParsedChange, Policy, Registered, View, ViewError};

use crate::counting_view::CountingView;
use crate::harness::Bench;

fn config() -> Config {
    Config::new(None, std::collections::HashMap::new(), &[]).expect("the defaults")
}

fn with(view: Registered) -> Vec<Registered> {
    VIEWS.iter().copied().chain([view]).collect()
}

#[test]
fn a_view_is_its_own_room_and_one_line_of_the_registry() {
    let bench = Bench::new(900);
    bench.state().page_rows.store(200, Ordering::Relaxed);
    bench.harvest("all", None, &["--max-records", "400"]);
    let (data, config, views) = (DataDir::new(bench.data()), config(), with(Registered::of::<CountingView>()));
    let mut mirror = Mirror::open_with(&views, &data, &config, "a test").expect("a mirror");
    mirror.catch_up(|_| true).expect("caught up");
    let report = verify(&mut mirror, |_| true).expect("verified");
    assert!(report.fault_count == 0 && report.compared.contains(&"counting"), "{:?}", report.compared);
    let rows = |mirror: &mut Mirror| verify(mirror, |_| true).expect("verified").records;
    let before = rows(&mut mirror);
    drop(mirror);
    // It is behind the others after a harvest by the program that does not know it, and catches up alone.
    bench.state().with_catalogue(|catalogue| catalogue.delete(&[1, 2, 3], chrono::Utc::now()));
    bench.harvest("all", None, &[]);
    let mut mirror = Mirror::open_with(&views, &data, &config, "a test").expect("a mirror");
    let done = mirror.catch_up(|_| true).expect("caught up");
    assert!(done.records > 400, "{done:?}");
    assert!(rows(&mut mirror) > before);
    let home = mirror.home();
    assert_eq!(CountingView::reached(&home).expect("read"), mirror.log.last_change().expect("read"));
    // What it holds is wrong: its own check finds it, and a reset mends it.
    let text = fs_err::read_to_string(bench.data().join("counting.txt")).expect("there");
    let without_last = text.lines().count() - 1;
    let shorter = text.lines().take(without_last).collect::<Vec<_>>().join("\n");
    drop(mirror);
    fs_err::write(bench.data().join("counting.txt"), shorter).expect("written");
    let mut mirror = Mirror::open_with(&views, &data, &config, "a test").expect("a mirror");
    let faults = verify(&mut mirror, |_| true).expect("verified").faults;
    assert_eq!(
        faults.iter().map(|fault| fault.part.as_str()).collect::<Vec<_>>(),
        ["counting", "counting"],
        "a graph and the sum"
    );
    drop(mirror);
    Mirror::reset(&[Registered::of::<CountingView>()], &data, &config, "a test").expect("reset");
    let mut mirror = Mirror::open_with(&views, &data, &config, "a test").expect("a mirror");
    assert_eq!(verify(&mut mirror, |_| true).expect("verified").fault_count, 0);
}

/// Says that the view that never ends has begun to apply something.
static BEGUN: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

/// A view over a network that takes what it is sent and never answers.
struct Endless;

impl View for Endless {
    type Part = ();
    const NAME: &'static str = "endless";

    fn policy(_config: &Config) -> Policy {
        Policy::MayLag
    }

    fn open(_: &Home<'_>) -> Result<Self, ViewError> {
        Ok(Self)
    }

    fn reached(_: &Home<'_>) -> Result<ChangeId, ViewError> {
        Ok(ChangeId(0))
    }

    fn reset(_: &Home<'_>) -> Result<(), ViewError> {
        Ok(())
    }

    fn part(_: &ParsedChange) {}

    fn watermark(&self) -> ChangeId {
        ChangeId(0)
    }

    fn apply(&mut self, _: Vec<Batch<()>>) -> Result<(), ViewError> {
        *BEGUN.0.lock().expect("not poisoned") = true;
        BEGUN.1.notify_all();
        loop {
            std::thread::park();
        }
    }

    fn flush(&mut self) -> Result<(), ViewError> {
        Ok(())
    }

    fn check<'a>(&'a self, _: &Home<'a>) -> Result<Box<dyn Check + 'a>, ViewError> {
        Err(ViewError::own(std::io::Error::other("nobody checks it")))
    }
}

#[test]
fn a_view_that_never_ends_stalls_no_run_and_fails_none() {
    let bench = Bench::new(900);
    bench.harvest("all", None, &[]);
    let (data, config) = (DataDir::new(bench.data()), config());
    let mut mirror = Mirror::open_with(&with(Registered::of::<Endless>()), &data, &config, "a test").expect("a mirror");
    let begun = BEGUN.0.lock().expect("not poisoned");
    drop(BEGUN.1.wait_while(begun, |begun| !*begun).expect("it begins"));
    // The others are rebuilt meanwhile, verified and published.
    assert_eq!(verify(&mut mirror, |_| true).expect("verified").fault_count, 0);
    mirror.publish().expect("published");
    assert!(mirror.is_current().expect("read"));
    drop(mirror);
    // And the next run begins while its thread still waits, without a second one.
    let mirror = Mirror::open_with(&with(Registered::of::<Endless>()), &data, &config, "a test").expect("the lock is free");
    let lock = fs_err::File::open(bench.data().join("endless.lock")).expect("there");
    assert!(lock.file().try_lock().is_err(), "the first thread still has it");
    assert!(mirror.is_current().expect("read"));
}

#[test]
fn a_view_of_another_version_is_rebuilt_by_the_next_command_that_writes() {
    let bench = Bench::new(300);
    bench.harvest("all", None, &[]);
    let whole = bench.contents();
    let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
    log.execute_batch("DELETE FROM link; DELETE FROM entry; UPDATE view SET version = 99 WHERE name = 'links'").expect("written");
    bench.run(&["publish"]).expect(0);
    let damaged = bench.run(&["verify"]).expect(1);
    assert!(!damaged.stderr.contains("links:") && damaged.stderr.contains("search:"), "{}", damaged.stderr);
    bench.run(&["rebuild", "search"]).expect(0);
    bench.run(&["verify"]).expect(0);
    assert_eq!(bench.contents(), whole);
}
