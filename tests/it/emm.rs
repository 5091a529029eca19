//! Sources of kind `emm`: dumps, the changes since, and audits.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use chrono::Utc;
use libris_mirror::demo::{Fault, Faults, defined, definitions, identifier};
use libris_mirror::rdf::canonical_nquads;
use oxigraph::io::{RdfFormat, RdfParser};
use oxigraph::model::Quad;
use serde_json::Value;

use crate::crashes::Numbers;
use crate::harness::Bench;

/// The address of the service of a fake.
pub fn service(bench: &Bench) -> String {
    bench.url.replace("oaipmh", "emm")
}

/// Adds a source with these selections and more settings.
pub fn configure(bench: &Bench, name: &str, selections: &str, more: &str) {
    let url = service(bench);
    bench.configure(name, &format!("kind = \"emm\"\nurl = \"{url}\"\nselections = [{selections}]\n{more}\n"));
}

/// A bench with a source `all` that mirrors everything.
fn everything(records: u64, more: &str) -> Bench {
    let bench = Bench::new(records);
    configure(&bench, "all", "\"all\"", more);
    bench
}

/// Harvests and answers the summary.
pub fn harvest(bench: &Bench, name: &str, more: &[&str]) -> Value {
    let words: Vec<&str> = ["harvest", "--json", name].iter().chain(more).copied().collect();
    bench.run(&words).json()[0].clone()
}

fn complete(bench: &Bench, name: &str) -> Value {
    let summary = harvest(bench, name, &[]);
    assert_eq!(summary["outcome"], "complete", "{summary}");
    summary
}

/// How many live records everything of the fake has.
fn served(bench: &Bench) -> u64 {
    bench.state().with_catalogue(|catalogue| catalogue.counts(None)).live + definitions("all").len() as u64
}

/// The canonical graph of each live record, by its name.
fn graphs(bench: &Bench) -> BTreeMap<String, String> {
    let text = bench.run(&["export", "--format", "nq"]).ok();
    let mut found: BTreeMap<String, Vec<Quad>> = BTreeMap::new();
    for quad in RdfParser::from_format(RdfFormat::NQuads).for_slice(&text) {
        let quad = quad.expect("valid");
        found.entry(quad.graph_name.to_string()).or_default().push(quad);
    }
    found.into_iter().map(|(name, quads)| (name, canonical_nquads(&quads).expect("canonical"))).collect()
}

fn change_some(bench: &Bench) {
    bench.state().with_catalogue(|catalogue| {
        let live = catalogue.live(150);
        catalogue.update(&live[..120], Utc::now());
        catalogue.delete(&live[120..130], Utc::now());
        catalogue.add(7, Utc::now());
    });
}

/// Asserts that a mirror has what a new one would have.
fn assert_current(bench: &Bench) {
    let report = bench.run(&["verify", "--json"]).json();
    assert_eq!((&report["fault_count"], &report["quarantined"]), (&0.into(), &0.into()), "{report}");
    bench.state().emm.remake();
    let other = bench.beside();
    configure(&other, "all", "\"all\"", "");
    complete(&other, "all");
    let (here, there) = (graphs(bench), graphs(&other));
    assert_eq!(here.keys().collect::<Vec<_>>(), there.keys().collect::<Vec<_>>());
    assert!(here == there, "the records are the same, their graphs are not");
    assert_eq!(here.len() as u64, served(bench));
}

#[test]
fn a_dump_is_mirrored_page_by_page() {
    let bench = everything(450, "");
    let live = served(&bench);
    let summary = complete(&bench, "all");
    assert_eq!(summary["created"], live, "{summary}");
    let report = bench.run(&["verify", "--json"]).json();
    assert_eq!((&report["fault_count"], &report["quarantined"], &report["records"]), (&0.into(), &0.into(), &live.into()));
    let before = bench.contents();
    for view in ["store", "links", "search"] {
        bench.run(&["rebuild", view]).expect(0);
    }
    assert_eq!(bench.contents(), before);
    // Nothing happened since: the entry, and one page of the feed.
    let asked = bench.state().emm.requests();
    let summary = complete(&bench, "all");
    assert_eq!((&summary["received"], &summary["requests"]), (&0.into(), &2.into()), "{summary}");
    assert_eq!(bench.state().emm.requests() - asked, 2);
    assert_eq!(bench.contents(), before);
}

#[test]
fn changes_are_fetched_one_by_one_and_nothing_else_is() {
    let bench = everything(450, "");
    complete(&bench, "all");
    change_some(&bench);
    let (role, language) = ("https://id.kb.se/relator/author", "https://id.kb.se/language/swe");
    assert!(defined(role).is_some() && defined(language).is_some());
    bench.state().emm.redefine(&[role], false);
    bench.state().emm.redefine(&[language], true);
    let summary = complete(&bench, "all");
    let counts = [&summary["changed"], &summary["deleted"], &summary["created"], &summary["undelivered"]];
    assert_eq!(counts, [&121.into(), &11.into(), &7.into(), &Value::from(0)], "{summary}");
    assert_eq!(summary["received"], 139);
    // The entry, three pages of the feed, the entities that are not deleted.
    let asked = summary["requests"].as_u64().expect("a number");
    assert!((128 + 3..=128 + 5).contains(&asked), "{summary}");
    assert!(bench.run(&["record", &defined(language).expect("known").identifier]).ok().contains("deleted at the source"));
    assert_eq!(complete(&bench, "all")["received"], 0);
    let report = bench.run(&["verify", "--json"]).json();
    assert_eq!((&report["fault_count"], &report["records"]), (&0.into(), &(served(&bench) - 1).into()), "{report}");
}

#[test]
fn a_selection_follows_its_classes_and_subclasses_and_what_it_has() {
    let bench = Bench::new(300);
    configure(&bench, "some", "\"type:Role\", \"type:ConceptScheme\", \"type:Person\"", "");
    let (roles, schemes) = (definitions("Role"), definitions("ConceptScheme"));
    assert!(schemes.iter().any(|one| one.class == "TopicScheme"), "a subclass");
    complete(&bench, "some");
    let persons = bench.count("SELECT (COUNT(DISTINCT ?r) AS ?n) { ?r kbv:mainEntity/a kbv:Person }");
    let all = bench.count("SELECT (COUNT(DISTINCT ?g) AS ?n) { GRAPH ?g { ?s a kbv:Record } }");
    assert_eq!(all, persons + (roles.len() + schemes.len()) as u64);
    assert!(persons > 20, "{persons}");
    let scheme = schemes.iter().find(|one| one.class == "TopicScheme").expect("one");
    bench.state().emm.redefine(&[&scheme.iri, &roles[0].iri, "https://id.kb.se/language/swe"], false);
    bench.state().emm.redefine(&[&roles[1].iri], true);
    // A book, and a person.
    bench.state().with_catalogue(|catalogue| catalogue.update(&[1, 10], Utc::now()));
    let summary = complete(&bench, "some");
    assert_eq!((&summary["received"], &summary["changed"], &summary["deleted"]), (&4.into(), &3.into(), &1.into()), "{summary}");
    assert!(bench.run(&["record", &scheme.identifier]).ok().contains("Ändrad"));
    bench.run(&["record", &identifier(1)]).expect(1);
    bench.run(&["verify"]).expect(0);
}

#[test]
fn the_same_catalogue_by_emm_and_by_oai_pmh_gives_the_same_graphs() {
    let kinds =
        [Fault::Busy, Fault::BadGateway, Fault::Html, Fault::Cut, Fault::Short, Fault::GzipCut, Fault::Empty, Fault::Reset];
    let faults = Faults::new(kinds.to_vec(), 6);
    let bench = Bench::faulty(500, 100, &faults);
    configure(&bench, "all", "\"all\"", "");
    let other = bench.beside();
    let context = bench.context.clone();
    let both = |round: &str| {
        let mut tries = 0;
        for (mirror, by_oai) in [(&bench, false), (&other, true)] {
            let oai = mirror.harvest_words("rows", None, &["--prefix", "jsonld", "--context", &context]);
            let words = if by_oai { oai } else { vec!["harvest", "--json", "all"] };
            while mirror.run(&words).code != Some(0) {
                tries += 1;
                assert!(tries < 30, "{round}: it never ends");
            }
        }
        let (emm, oai) = (graphs(&bench), graphs(&other));
        assert!(oai.len() > 400, "{round}");
        for (name, graph) in &oai {
            assert_eq!(emm.get(name), Some(graph), "{round}: {name}");
        }
        assert_eq!(emm.len() - oai.len(), definitions("all").len(), "{round}");
    };
    both("a dump");
    change_some(&bench);
    both("changes");
    assert!(faults.tally().values().sum::<u64>() > 5, "{:?}", faults.tally());
    faults.end();
    bench.run(&["verify"]).expect(0);
    assert_eq!(bench.run(&["audit", "--json"]).json()[0]["found"]["stale"], 0);
}

#[test]
fn a_dump_that_is_made_or_made_anew_meanwhile_loses_nothing() {
    let bench = everything(450, "");
    bench.state().emm.generating.store(3, Ordering::SeqCst);
    bench.state().emm.failing.store(1, Ordering::SeqCst);
    let summary = harvest(&bench, "all", &["--max-records", "250"]);
    assert_eq!(summary["outcome"], "max-records", "{summary}");
    assert_eq!(summary["retries"], 1, "one answer was an error: {summary}");
    let received = summary["received"].as_u64().expect("a number");
    assert!((250..400).contains(&received), "{summary}");
    // It continues behind what came.
    let summary = harvest(&bench, "all", &["--max-records", "100"]);
    assert_eq!((&summary["resumed"], &summary["unchanged"]), (&true.into(), &0.into()), "{summary}");
    // The dump is made anew, and something left it.
    change_some(&bench);
    bench.state().emm.remake();
    let summary = complete(&bench, "all");
    assert_eq!(summary["resumed"], true, "{summary}");
    assert!(summary["unchanged"].as_u64() > Some(200), "{summary}");
    assert_current(&bench);
}

#[test]
fn a_download_is_whole_or_is_completed_in_pages() {
    for silently in [false, true] {
        let bench = everything(450, "download = true");
        bench.state().emm.silent_cuts.store(u64::from(silently), Ordering::SeqCst);
        let summary = complete(&bench, "all");
        assert_eq!(summary["created"], served(&bench), "{summary}");
        // The entry, the first page while the dump is made and again, the download, the page behind it, a page of the feed.
        let asked = summary["requests"].as_u64().expect("a number");
        assert!(if silently { (7..=10).contains(&asked) } else { asked <= 7 }, "{summary}");
        change_some(&bench);
        complete(&bench, "all");
        assert_current(&bench);
    }
    let faults = Faults::new(vec![Fault::Cut, Fault::Short, Fault::GzipCut, Fault::Empty, Fault::Busy], 4);
    let bench = Bench::faulty(450, 100, &faults);
    configure(&bench, "all", "\"all\"", "download = true");
    let runs = (0..30).take_while(|_| bench.run(&["harvest", "all"]).code != Some(0)).count();
    assert!(runs < 30, "it ends");
    faults.end();
    assert_current(&bench);
}

#[test]
fn bursts_of_more_than_a_page_in_one_moment_are_no_loop() {
    let bench = everything(450, "");
    complete(&bench, "all");
    bench.state().emm.page_items.store(20, Ordering::SeqCst);
    // A hundred in each millisecond.
    let live = bench.state().with_catalogue(|catalogue| catalogue.live(130));
    bench.state().with_catalogue(|catalogue| catalogue.update(&live, Utc::now()));
    let summary = complete(&bench, "all");
    assert_eq!((&summary["changed"], &summary["received"]), (&130.into(), &130.into()), "no dump was needed: {summary}");
    assert_current(&bench);
}

#[test]
fn too_many_changes_are_replaced_by_a_dump() {
    let bench = everything(450, "");
    complete(&bench, "all");
    change_some(&bench);
    bench.state().emm.remake();
    let done = bench.run(&["harvest", "all", "--set-config", "harvest.feed_pages=1"]).expect(0);
    assert!(done.stderr.contains("a dump takes its place"), "{}", done.stderr);
    assert!(done.stderr.contains("all: ") && !done.stderr.contains("all since"), "{}", done.stderr);
    let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
    let withdrawn: u64 = log.query_row("SELECT withdrawn FROM source", [], |row| row.get(0)).expect("a source");
    assert_eq!(withdrawn, 10, "what was deleted is not in the dump");
    drop(log);
    assert_current(&bench);
}

#[test]
fn what_left_a_selection_is_withdrawn_unless_it_is_suspiciously_much() {
    let bench = Bench::new(60);
    configure(&bench, "some", "\"type:Role\", \"type:Language\"", "");
    complete(&bench, "some");
    let languages = definitions("Language").len() as u64;
    let fewer = ["--set-config", "sources.some.selections=type:Language"];
    let all = definitions("Role").len() as u64 + languages;
    let count = || bench.count("SELECT (COUNT(DISTINCT ?g) AS ?n) { GRAPH ?g { ?s a kbv:Record } }");
    let summary = |more: &[&str], code: i32| {
        let done = bench.run(&[&["harvest", "some", "--json"], more, &fewer[..]].concat()).expect(code);
        let summary: Value = serde_json::from_str(&done.stdout).expect("JSON");
        (summary[0]["withdrawn"].clone(), summary[0]["brake_percent"].clone(), done.stderr)
    };
    let (withdrawn, percent, said) = summary(&[], 65);
    assert!((withdrawn, percent.as_f64() > Some(5.0)) == (0.into(), true), "{percent} {said}");
    assert!(
        said.contains("nothing was withdrawn")
            && said.contains("run `libris-mirror harvest some --full --set-config harvest.withdraw_max_percent=100`"),
        "{said}"
    );
    assert!(said.contains("a harvest that reads only the changes does not report this again"), "{said}");
    assert_eq!(count(), all);
    let quiet = bench.run(&[&["harvest", "some", "--full", "-q"], &fewer[..]].concat()).expect(65);
    assert!(quiet.stderr.contains("nothing was withdrawn"), "{}", quiet.stderr);
    let (withdrawn, percent, said) = summary(&["--full", "--set-config", "harvest.withdraw_max_percent=100"], 0);
    assert_eq!((withdrawn, percent), ((all - languages).into(), Value::Null), "{said}");
    assert!(said.contains(&format!("{} withdrawn", all - languages)), "{said}");
    assert_eq!(count(), languages);
    bench.run(&["verify"]).expect(0);
    assert_eq!(bench.run(&["audit", "some", "--json"]).json()[0]["found"]["listed"], languages);
}

#[test]
fn an_audit_reads_the_dump_and_repairs_what_differs() {
    let bench = everything(300, "");
    complete(&bench, "all");
    bench.run(&["audit", "all"]).expect(0);
    // Nobody announces these.
    let backdated: Vec<u64> = bench.state().with_catalogue(|catalogue| catalogue.live(200)).split_off(197);
    bench.state().with_catalogue(|catalogue| catalogue.backdate(&backdated));
    assert_eq!(complete(&bench, "all")["received"], 0, "the feed does not show it");
    let found = bench.run(&["audit", "all", "--json"]).expect(1);
    let found: Value = serde_json::from_str(&found.stdout).expect("JSON");
    let stale = &found[0]["found"]["stale"];
    assert_eq!((stale, &found[0]["found"]["missing"], &found[0]["found"]["gone"]), (&3.into(), &0.into(), &0.into()), "{found}");
    assert_eq!(bench.run(&["audit", "all", "--list"]).expect(1).stdout.lines().count(), 3);
    let repaired = bench.run(&["audit", "all", "--repair", "--json"]).json();
    assert_eq!((&repaired[0]["fetched"], &repaired[0]["left"]["stale"]), (&3.into(), &0.into()), "{repaired}");
    assert_current(&bench);
}

#[test]
fn an_entry_that_kills_its_pages_is_read_around() {
    let bench = everything(450, "");
    let poisoned: Vec<String> = [150, 320].map(identifier).to_vec();
    bench.state().emm.poisoned.lock().expect("free").extend(poisoned.clone());
    let done = bench.run(&["harvest", "all", "--json"]).expect(65);
    let summary: Value = serde_json::from_str(&done.stdout).expect("JSON");
    assert_eq!((&summary[0]["created"], &summary[0]["undelivered"]), (&(served(&bench) - 2).into(), &2.into()), "{summary}");
    assert!(bench.run(&["quarantine"]).ok().contains("selection=all"), "they are named as entries of the dump");
    bench.run(&["record", &poisoned[0]]).expect(1);
    // They are not taken for records that left.
    bench.state().emm.poisoned.lock().expect("free").clear();
    harvest(&bench, "all", &["--full"]);
    bench.state().emm.poisoned.lock().expect("free").extend(poisoned.clone());
    let done = bench.run(&["harvest", "all", "--full"]).expect(65);
    assert!(done.stderr.contains("nothing is withdrawn"), "{}", done.stderr);
    bench.run(&["record", &poisoned[0]]).expect(0);
    bench.state().emm.poisoned.lock().expect("free").clear();
    harvest(&bench, "all", &["--full"]);
    assert!(!bench.run(&["quarantine"]).ok().contains("selection=all"));
    assert_current(&bench);
}

#[test]
fn kills_at_any_moment_end_in_the_same_state() {
    let bench = everything(900, "");
    bench.state().emm.page_items.store(40, Ordering::SeqCst);
    let mut numbers = Numbers(20_261_126);
    let (mut killed, mut finished) = (0, 0);
    while killed < 12 || finished < 2 {
        let until = bench.state().emm.requests() + 2 + numbers.below(25);
        let mut child = bench.start(&["harvest", "all"]);
        let done = loop {
            if let Some(status) = child.try_wait().expect("a child") {
                break Some(status);
            }
            if killed < 12 && bench.state().emm.requests() >= until {
                child.kill().expect("alive or ended");
                child.wait().expect("it ends");
                break None;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        };
        match done {
            Some(status) => {
                assert!(status.success() || killed < 12, "{status}");
                finished += 1;
                if killed < 12 {
                    change_some(&bench);
                }
            }
            None => killed += 1,
        }
        if killed % 5 == 4 {
            bench.state().emm.remake();
        }
    }
    complete(&bench, "all");
    assert_current(&bench);
}

#[test]
fn a_source_that_is_not_due_is_not_asked() {
    let bench = Bench::new(30);
    configure(&bench, "definitions", "\"type:Language\"", "every = \"7d\"");
    let off = ["--set-config", "sources.nb.enabled=false", "--set-config", "sources.auth.enabled=false"];
    let words: Vec<&str> = ["harvest", "--json"].into_iter().chain(off).collect();
    let context = format!("sources.definitions.context={}", bench.context);
    let words: Vec<&str> = words.into_iter().chain(["--set-config", &context]).collect();
    assert_eq!(bench.run(&words).json()[0]["outcome"], "complete");
    let asked = bench.state().emm.requests();
    assert_eq!(bench.run(&words).json()[0]["outcome"], "not-due");
    assert_eq!(bench.state().emm.requests(), asked);
}

#[test]
fn options_of_a_list_do_not_fit_a_source_of_another_kind() {
    let bench = Bench::new(30);
    configure(&bench, "some", "\"type:Language\"", "");
    for (option, value) in [
        ("--from", "2026-01-01"),
        ("--until", "2026-01-01"),
        ("--prefix", "ttl"),
        ("--context", "http://127.0.0.1:1/context.jsonld"),
    ] {
        let wrong = bench.run(&["harvest", "some", option, value]).expect(2);
        assert!(wrong.stderr.contains(option) && wrong.stderr.contains("of kind \"emm\""), "{}", wrong.stderr);
    }
    assert_eq!(bench.state().emm.requests(), 0);
    // Where none is named, only those that have a list are asked.
    bench.configure("books", &format!("url = \"{}\"", bench.url));
    let off = ["nb", "auth", "definitions"].map(|name| format!("sources.{name}.enabled=false"));
    let off: Vec<&str> = off.iter().flat_map(|off| ["--set-config", off]).collect();
    let done = bench.run(&[&["harvest", "--json", "--from", "2020-01-01"], &off[..]].concat()).expect(0);
    let summary: Value = serde_json::from_str(&done.stdout).expect("JSON");
    assert_eq!((&summary[0]["source"], &summary[1]), (&"books".into(), &Value::Null), "{summary}");
    assert!(done.stderr.contains("some: skipped"), "{}", done.stderr);
    let none = [&["harvest", "--until", "2020-01-01", "--set-config", "sources.books.enabled=false"], &off[..]].concat();
    let done = bench.run(&none).expect(2);
    assert!(done.stderr.contains("no enabled source takes --until"), "{}", done.stderr);
    let help = bench.run(&["harvest", "--help"]).ok().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("nb, auth and definitions of Libris by default"), "{help}");
}

#[test]
fn a_selection_without_anything_is_named_once() {
    let bench = Bench::new(30);
    configure(&bench, "some", "\"type:Nonsense\", \"type:Language\"", "");
    let done = bench.run(&["harvest", "some"]).expect(0);
    assert_eq!(done.stderr.matches("the dump of type:Nonsense holds nothing").count(), 1, "{}", done.stderr);
    assert!(!done.stderr.contains("the dump of type:Language"), "{}", done.stderr);
}
