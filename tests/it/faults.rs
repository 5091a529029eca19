//! Every way in which the fake Libris can spoil an answer.

use std::collections::BTreeSet;

use libris_mirror::demo::{Fault, Faults};

use crate::harness::Bench;

/// Short limits, so that silence takes seconds.
const IMPATIENT: [&str; 6] = [
    "--set-config",
    "harvest.idle_timeout_s=2",
    "--set-config",
    "harvest.tries=6",
    "--set-config",
    "harvest.retry_after_max_s=5",
];

#[test]
fn every_fault_is_named_and_leaves_the_mirror_as_if_it_had_never_been() {
    let faults = Faults::new(Fault::ALL.to_vec(), 2);
    let bench = Bench::faulty(1500, 40, &faults);
    let words = bench.harvest_words("all", None, &[&IMPATIENT[..], &["--full"]].concat());
    let mut said = String::new();
    let mut rounds = 0;
    let mut codes = BTreeSet::new();
    while !faults.idle().is_empty() {
        rounds += 1;
        assert!(rounds <= 60, "these faults never struck: {:?}\n{said}", faults.idle());
        // Now and then something changes, so that lists stay worth reading.
        bench.state().with_catalogue(|catalogue| catalogue.update(&[rounds, rounds + 100], chrono::Utc::now()));
        let done = bench.run(&words);
        codes.insert(done.code.expect("it ends by itself"));
        said.push_str(&done.stderr);
    }
    assert!(codes.iter().all(|code| [0, 65, 69].contains(code)), "{codes:?}\n{said}");
    for sign in [
        "HTTP 503, to be asked again in 0 s",
        "HTTP 503; trying again",
        "to be asked again in 999999999 s",
        "HTTP 429, to be asked again in 1 s",
        "HTTP 502",
        "its root element is <html>",
        "answered with a challenge for browsers",
        "broke off after",
        "bytes in 2 s",
        "refused as a bomb",
        "in namespace \"\"",
        "OAI/1.1/",
        "document type declaration",
        "badResumptionToken",
        "that it promised",
    ] {
        assert!(said.contains(sign), "nothing says {sign:?}:\n{said}");
    }

    faults.end();
    bench.run(&bench.harvest_words("all", None, &[])).expect(0);
    bench.run(&["quarantine", "--retry"]).expect(0);
    let calm = bench.beside();
    calm.harvest("all", None, &[]);
    assert_eq!(bench.contents(), calm.contents());
    bench.run(&["audit"]).expect(0);
    bench.run(&["verify"]).expect(0);
}

#[test]
fn repeats_and_expired_tokens_never_end_a_list_early() {
    // A repeat stands out of the order of datestamps, and a token that is refused now and then is not the end of a list.
    let faults = Faults::new(vec![Fault::Twice, Fault::Expired, Fault::Unprocessable], 3);
    let bench = Bench::faulty(3000, 50, &faults);
    let summary = bench.harvest("all", None, &[]);
    assert_eq!(summary["outcome"], "complete", "{summary}");
    let tally = faults.tally();
    assert!(tally.values().sum::<u64>() > 15 && faults.idle().is_empty(), "{tally:?}");
    faults.end();
    let calm = bench.beside();
    calm.harvest("all", None, &[]);
    assert_eq!(bench.contents(), calm.contents());
}
