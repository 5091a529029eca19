//! Several sources with the same identifiers, through the binary; `model` tries all orders.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::response::IntoResponse;

use crate::harness::Bench;
use crate::scripted::{document, identifiers, record, scripted};

/// Three sets that describe the same record as something else each; one of them stops listing it.
#[test]
fn when_the_newest_of_three_sources_withdraws_the_one_before_it_counts() {
    let withdrawn = Arc::new(AtomicBool::new(false));
    let gone = Arc::clone(&withdrawn);
    let server = scripted(move |query, _| {
        let from = if gone.load(Ordering::SeqCst) && query.contains("set=c") { 2 } else { 1 };
        if query.contains("verb=ListIdentifiers") {
            return identifiers(from..3, "").into_response();
        }
        let set = ["a", "b", "c"].into_iter().find(|set| query.contains(&format!("set={set}"))).unwrap_or("x");
        let records = (from..3).map(|number| record(number).replace("vocab/Record", &format!("vocab/{set}")));
        document(&format!("<ListRecords>{}</ListRecords>", records.collect::<String>())).into_response()
    });
    let bench = Bench::at(&server.url);
    let described_as = |kind: &str| {
        let about = "<https://libris.kb.se/r1> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type>";
        let quads = bench.quads();
        let types: Vec<&String> = quads.iter().filter(|quad| quad.starts_with(about)).collect();
        assert!(types.len() == 1 && types[0].contains(&format!("vocab/{kind}>")), "{kind}: {types:?}");
        let count = format!("SELECT (COUNT(*) AS ?n) {{ <https://libris.kb.se/r1> a <https://id.kb.se/vocab/{kind}> }}");
        assert_eq!(bench.count(&count), 1, "the store says {kind} as well");
        bench.run(&["verify"]).expect(0);
    };
    for set in ["a", "b", "c"] {
        bench.harvest(set, Some(set), &[]);
        described_as(set);
    }
    withdrawn.store(true, Ordering::SeqCst);
    bench.run(&["audit", "c", "--repair", "--set-config", "harvest.withdraw_max_percent=100"]).expect(0);
    described_as("b");
    bench.run(&["audit", "c", "--reinstate"]).expect(0);
    described_as("c");
}
