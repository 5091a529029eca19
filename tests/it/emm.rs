//! Sources of kind `emm`: dumps, the changes since, and what servers do wrong.

use std::sync::atomic::Ordering;

use chrono::Utc;
use serde_json::Value;

use crate::harness::Bench;

/// The address of the service of a fake.
pub fn service(bench: &Bench) -> String {
    bench.url.replace("oaipmh", "emm")
}

/// Adds a source with these selections and more settings.
fn configure(bench: &Bench, name: &str, selections: &str, more: &str) {
    let url = service(bench);
    bench.configure(name, &format!("kind = \"emm\"\nurl = \"{url}\"\nselections = [{selections}]\n{more}\n"));
}

/// A bench with a source `all` that mirrors everything.
fn everything(records: u64) -> Bench {
    let bench = Bench::new(records);
    configure(&bench, "all", "\"all\"", "");
    bench
}

fn harvest(bench: &Bench, name: &str, more: &[&str]) -> Value {
    let words: Vec<&str> = ["harvest", "--json", name].iter().chain(more).copied().collect();
    bench.run(&words).json()[0].clone()
}

/// How many records everything of the fake has.
fn served(bench: &Bench) -> (u64, u64) {
    let counts = bench.state().with_catalogue(|catalogue| catalogue.counts(None));
    (counts.live + libris_mirror::demo::definitions("all").len() as u64, counts.deleted)
}

/// The canonical graph of each live record, as far as OAI-PMH has it.
fn graphs(bench: &Bench, source: &str) -> Vec<String> {
    let text = bench.run(&["export", "--canonical", "--format", "nq", "--source", source]).ok();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn a_dump_is_mirrored_page_by_page() {
    let bench = everything(450);
    let (live, _) = served(&bench);
    let summary = harvest(&bench, "all", &[]);
    assert_eq!((&summary["outcome"], &summary["created"]), (&"complete".into(), &live.into()), "{summary}");
    let report = bench.run(&["verify", "--json"]).json();
    assert_eq!((&report["fault_count"], &report["quarantined"], &report["records"]), (&0.into(), &0.into(), &live.into()));
    let before = bench.contents();
    for view in ["store", "links", "search"] {
        bench.run(&["rebuild", view]).expect(0);
    }
    assert_eq!(bench.contents(), before);
    // Nothing happened since: the entry, and one page of the feed.
    let asked = bench.state().emm.requests();
    let summary = harvest(&bench, "all", &[]);
    assert_eq!(
        (&summary["outcome"], &summary["received"], &summary["requests"]),
        (&"complete".into(), &0.into(), &2.into()),
        "{summary}"
    );
    assert_eq!(bench.state().emm.requests() - asked, 2);
    let _ = (Utc::now(), Ordering::SeqCst, graphs);
}
