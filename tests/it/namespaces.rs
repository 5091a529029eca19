//! Records whose payload needs a declaration from outside of it.

use axum::response::IntoResponse;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::scripted::{NAMESPACE, harvest, scripted};

/// A list of one record that leaves the declaration of a prefix to the root element, where it is or is not.
fn answer(declared: bool) -> String {
    let declaration = if declared { " xmlns:k=\"https://id.kb.se/vocab/\"" } else { "" };
    format!(
        "<OAI-PMH xmlns=\"{NAMESPACE}\"{declaration}><responseDate>2026-07-01T12:00:00Z</responseDate><ListRecords><record>\
         <header><identifier>https://libris.kb.se/r1</identifier><datestamp>2026-01-01T00:00:00Z</datestamp></header>\
         <metadata><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><k:Record rdf:about=\"https://libris.kb.se/r1\">\
         <k:title>t</k:title></k:Record></rdf:RDF></metadata></record></ListRecords></OAI-PMH>"
    )
}

#[test]
fn a_declaration_that_is_mended_outside_of_the_payload_is_another_payload() {
    let mended = Arc::new(AtomicBool::new(true));
    let now = Arc::clone(&mended);
    let server = scripted(move |_, _| answer(now.load(Ordering::SeqCst)).into_response());
    let (bench, _, _) = harvest(&server, 0, &[]);
    let whole = bench.quads();
    assert_eq!(whole.len(), 2);
    mended.store(false, Ordering::SeqCst);
    let words = bench.harvest_words("x", None, &["--full"]);
    bench.run(&words).expect(65);
    assert_eq!(bench.quads().len(), 0, "it is in quarantine now");
    mended.store(true, Ordering::SeqCst);
    bench.run(&words).expect(0);
    assert_eq!(bench.quads(), whole, "and out of it again");
    bench.run(&["verify"]).expect(0);
}
