//! How fast the two parsers are: an OAI-PMH page of a thousand records, and payloads to quads in each format, and what
//! records say.
//! `cargo bench --profile release`; the ratios between the formats are from one run.

use std::collections::HashMap;
use std::hint::black_box;
use std::io::BufReader;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use libris_mirror::config::Config;
use libris_mirror::demo::{CONTEXT, Node, identifier, jsonld, rdfxml, record, turtle};
use libris_mirror::oai::{Document, Limits};
use libris_mirror::rdf::{Context, Description, Graph, PayloadFormat, Reader};
use oxigraph::model::Quad;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const RECORDS: u64 = 1000;

/// Writes a description as a payload.
type Render = fn(&[Node]) -> String;

fn described(number: u64) -> Vec<Node> {
    record(number, 0, "2026-01-01T00:00:00.5+01:00")
}

fn page() -> String {
    let records: String = (0..RECORDS)
        .map(|number| {
            let payload = rdfxml(&described(number));
            format!("<record><header><identifier>{}</identifier><datestamp>2026-01-01</datestamp></header><metadata>{payload}</metadata></record>", identifier(number))
        })
        .collect();
    format!("<OAI-PMH xmlns=\"http://www.openarchives.org/OAI/2.0/\"><ListRecords>{records}</ListRecords></OAI-PMH>")
}

fn oai_page(criterion: &mut Criterion) {
    let page = page();
    let mut group = criterion.benchmark_group("oai");
    group.throughput(Throughput::Bytes(page.len() as u64));
    group.bench_function("page of 1000 records", |bencher| {
        bencher.iter(|| {
            let mut document = Document::new(BufReader::with_capacity(1 << 16, page.as_bytes()), Limits::default());
            let mut items = 0u64;
            while let Some(item) = document.next_item().expect("valid") {
                black_box(item);
                items += 1;
            }
            assert_eq!(items, RECORDS);
        });
    });
    group.finish();
}

fn payloads(criterion: &mut Criterion) {
    let context = Arc::new(Context::new("https://example.org/context.jsonld", CONTEXT.as_bytes()).expect("a context"));
    let mut group = criterion.benchmark_group("payload");
    group.throughput(Throughput::Elements(100));
    let formats: [(&str, PayloadFormat, Render); 3] = [
        ("rdfxml", PayloadFormat::RdfXml, rdfxml),
        ("ttl", PayloadFormat::Turtle, |nodes| format!("<![CDATA[{}]]>", turtle(nodes))),
        ("jsonld", PayloadFormat::JsonLd, |nodes| format!("<![CDATA[{}]]>", jsonld(nodes))),
    ];
    for (name, format, render) in formats {
        let reader = Reader::new(format, Some(Arc::clone(&context)), 256);
        let records: Vec<(String, String)> = (0..100)
            .map(|number| (identifier(number), format!("<record><metadata>{}</metadata></record>", render(&described(number)))))
            .collect();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for (identifier, record) in &records {
                    black_box(reader.quads(identifier, record.as_bytes()).expect("valid"));
                }
            });
        });
    }
    group.finish();
}

/// What a hundred records say, by the table of shapes: once for all views, after parsing.
fn descriptions(criterion: &mut Criterion) {
    let shapes = Config::new(None, HashMap::new(), &[]).expect("the defaults").shapes;
    let reader = Reader::new(PayloadFormat::RdfXml, None, 256);
    let records: Vec<(String, Vec<Quad>)> = (0..100)
        .map(|number| {
            let record = format!("<record><metadata>{}</metadata></record>", rdfxml(&described(number)));
            (identifier(number), reader.quads(&identifier(number), record.as_bytes()).expect("valid"))
        })
        .collect();
    let mut group = criterion.benchmark_group("description");
    group.throughput(Throughput::Elements(100));
    group.bench_function("of 100 records", |bencher| {
        bencher.iter(|| {
            for (identifier, quads) in &records {
                black_box(Description::of(&shapes, identifier, &Graph::new(quads)));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, oai_page, payloads, descriptions);
criterion_main!(benches);
