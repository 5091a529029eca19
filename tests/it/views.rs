//! A view that the program does not know.

use std::sync::atomic::Ordering;

use libris_mirror::config::Config;
use libris_mirror::data_dir::DataDir;
use libris_mirror::mirror::{Mirror, VIEWS};
use libris_mirror::verify::verify;
use libris_mirror::views::{LocalView as _, Registered};

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
