//! Search through the binary: by title, name, subject and identifier, and after records changed or went.

use libris_mirror::demo::identifier;
use serde_json::Value;

use crate::harness::Bench;

fn find(bench: &Bench, words: &str) -> Value {
    bench.run(&["search", "--json", "--limit", "1000", words]).json()
}

fn records(found: &Value) -> Vec<&str> {
    found["entries"].as_array().expect("entries").iter().map(|entry| entry["record"].as_str().expect("an IRI")).collect()
}

#[test]
fn records_are_found_by_everything_that_names_them() {
    let bench = Bench::new(600);
    bench.harvest("all", None, &[]);
    let live = bench.state().with_catalogue(|catalogue| catalogue.live(600));
    let book = live.iter().copied().find(|number| number % 5 == 2).expect("a book");
    let isbn = format!("91{book:07}X");
    for words in [
        isbn.clone(),
        format!("91-{}-X", &isbn[2..9]),
        format!("{}", 1_000_000 + book),
        identifier(book)[21..].to_owned(),
        format!("{}#it", identifier(book)),
    ] {
        assert_eq!(records(&find(&bench, &words)), [identifier(book)], "{words}");
    }
    let person = live.iter().copied().find(|number| number % 20 == 10 && number % 15 != 0 && number % 15 != 5).expect("a person");
    let found = find(&bench, &format!("Q{}", 1000 + person));
    assert_eq!((records(&found), &found["entries"][0]["kind"]), (vec![identifier(person).as_str()], &"person".into()));

    let found = find(&bench, "isbrytare i gö");
    let labels: Vec<&str> =
        found["entries"].as_array().expect("entries").iter().filter_map(|entry| entry["label"].as_str()).collect();
    assert!(labels.len() > 2 && labels[..2].iter().all(|label| label.starts_with("Isbrytare i Göteborg")), "{labels:?}");
    assert!(find(&bench, "isbrytare i go")["entries"].as_array().is_some_and(Vec::is_empty), "ö is no o");
    assert_eq!(find(&bench, "ISBRYTARE I GÖ"), found);
    // A heading that is just the word comes before the books that hold it.
    assert_eq!(find(&bench, "fjärilar")["entries"][0]["kind"], "topic");
    let table = bench.run(&["search", "fjärilar", "--limit", "2"]).expect(0);
    assert!(table.stdout.contains("Fjärilar") && table.stderr.contains(" found"), "{}{}", table.stdout, table.stderr);
    for odd in ["\"", "* OR NEAR(", "'; DROP TABLE entry; --", "å\u{30a}"] {
        find(&bench, odd);
    }
}

#[test]
fn the_search_follows_the_log_and_is_rebuilt_from_it() {
    let bench = Bench::new(300);
    bench.harvest("all", None, &[]);
    let book =
        bench.state().with_catalogue(|catalogue| catalogue.live(300)).into_iter().find(|number| number % 5 == 2).expect("a book");
    let words = format!("{}", 1_000_000 + book);
    assert!(find(&bench, &words)["entries"][0]["label"].as_str().is_some_and(|label| label.ends_with("upplaga 0)")));
    bench.state().with_catalogue(|catalogue| catalogue.update(&[book], chrono::Utc::now()));
    bench.harvest("all", None, &[]);
    assert!(find(&bench, &words)["entries"][0]["label"].as_str().is_some_and(|label| label.ends_with("upplaga 1)")));
    bench.state().with_catalogue(|catalogue| catalogue.delete(&[book], chrono::Utc::now()));
    bench.harvest("all", None, &[]);
    assert!(!records(&find(&bench, &words)).contains(&identifier(book).as_str()));

    let before = find(&bench, "i");
    bench.run(&["rebuild", "search"]).expect(0);
    assert_eq!(find(&bench, "i"), before);
    bench.run(&["verify"]).expect(0);
    let log = rusqlite::Connection::open(bench.data().join("mirror.db")).expect("a log");
    log.execute("UPDATE entry SET label = 'X' WHERE record_id = (SELECT min(record_id) FROM entry)", []).expect("spoiled");
    let verify = bench.run(&["verify"]).expect(1);
    assert!(verify.stdout.contains("search") || verify.stderr.contains("search"), "{}{}", verify.stdout, verify.stderr);
}
