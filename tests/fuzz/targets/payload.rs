//! Any bytes as the payload of a record, in each format: quads in the record's graph, or an error that says where.
#![no_main]

use libfuzzer_sys::fuzz_target;
use libris_mirror::rdf::{PayloadFormat, Reader, graph_name};
use oxigraph::model::GraphName;

const IDENTIFIER: &str = "https://libris.kb.se/khw03jc347kgv4w";

fuzz_target!(|bytes: &[u8]| {
    let Some((first, payload)) = bytes.split_first() else { return };
    let (format, before, after): (_, &[u8], &[u8]) = match first % 4 {
        0 => (PayloadFormat::RdfXml, b"<record><metadata>", b"</metadata></record>"),
        1 => (PayloadFormat::Turtle, b"<record><metadata><![CDATA[", b"]]></metadata></record>"),
        2 => (PayloadFormat::JsonLd, b"<record><metadata><![CDATA[", b"]]></metadata></record>"),
        _ => (PayloadFormat::RdfXml, b"", b""),
    };
    let record = [before, payload, after].concat();
    match Reader::new(format, None, 32).quads(IDENTIFIER, &record) {
        Ok(quads) => {
            let graph = GraphName::NamedNode(graph_name(IDENTIFIER));
            assert!(quads.iter().all(|quad| quad.graph_name == graph));
        }
        Err(error) => {
            let _ = (error.to_string(), error.position(), error.excerpt().map(str::len));
        }
    }
});
