//! A segment of the index that was altered and sealed again: what can be read of it is read, or an error says which file it is.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use libris_mirror::config::Config;
use libris_mirror::index::{Index, IndexView};
use libris_mirror::log::{ChangeId, Log, Mark, PageId};
use libris_mirror::query::{Limits, Question, run};
use libris_mirror::views::{Batch, Content, Home, LocalView, ParsedChange, View};
use oxigraph::model::{BlankNode, Literal, NamedNode, Quad};
use oxigraph::sparql::QueryResults;

/// Bytes with one checksum.
const BLOCK: usize = 16 << 10;

/// What every way to the rows is asked with.
const QUERIES: [&str; 5] = [
    "SELECT * { ?s ?p ?o }",
    "SELECT * { GRAPH ?g { ?s ?p ?o } }",
    "SELECT ?o (COUNT(DISTINCT ?s) AS ?n) { ?s <urn:p1> ?o FILTER NOT EXISTS { ?o <urn:p2> ?s } } GROUP BY ?o",
    "SELECT * { ?s <urn:p0>|(<urn:p1>/<urn:p2>) ?o . ?o <urn:p3> ?z }",
    "SELECT * { ?s <urn:p1> ?o } ORDER BY DESC(?o) LIMIT 3",
];

/// A directory with an index, whose segment is written anew for each input, and the bytes of that segment.
static MADE: LazyLock<(PathBuf, PathBuf, Vec<u8>)> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("a directory").keep();
    let config = Config::new(None, Default::default(), &[]).expect("the defaults");
    let log = Log::open(&directory.join("mirror.db")).expect("a log");
    let mut view = IndexView::open(&Home { directory: &directory, log: &log, config: &config }).expect("an index");
    let name = |text: String| NamedNode::new_unchecked(format!("urn:{text}"));
    let part = |record: usize| {
        let graph = name(format!("g{record}"));
        let quad = |number: usize| {
            let (subject, predicate) = (name(format!("s{}", (record + number) % 7)), name(format!("p{}", number % 4)));
            match number % 5 {
                0 => Quad::new(subject, predicate, BlankNode::new_unchecked(format!("b{number}")), graph.clone()),
                1 => Quad::new(BlankNode::new_unchecked("b"), predicate, subject, graph.clone()),
                2 => Quad::new(subject, predicate, name(format!("s{number}")), graph.clone()),
                _ => Quad::new(subject, predicate, Literal::from("text ".repeat(number)), graph.clone()),
            }
        };
        let content = Content::Quads(Arc::new((0..20).map(quad).collect()));
        IndexView::part(&ParsedChange::new(1, PageId(1), graph.clone(), content, false, Arc::clone(&config.shapes)))
    };
    let mark = Mark { change: ChangeId(0), page: PageId(0), link: None };
    view.apply(vec![Batch { parts: (0..20).map(part).collect(), mark: Some(mark) }]).expect("applied");
    view.flush().expect("flushed");
    let files = std::fs::read_dir(directory.join("index")).expect("a directory");
    let mut paths = files.map(|file| file.expect("a file").path());
    let segment = paths.find(|path| path.extension().is_some_and(|ending| ending == "segment")).expect("a segment");
    let bytes = std::fs::read(&segment).expect("a segment");
    (directory.join("index"), segment, bytes)
});

/// Alters bytes of a segment, four for each five of the input, and makes its checksums fit.
fn altered(bytes: &[u8], input: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let number = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
    let numbers = bytes.len() - 16;
    let footer = numbers - number(&bytes, numbers + 4)..numbers;
    let blocks = footer.start.div_ceil(BLOCK + 4);
    let columns = footer.start - blocks * 4;
    for change in input.chunks_exact(5) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]]));
        // The columns, or the footer, whose digits are a place in the file.
        if change[2].is_multiple_of(8) {
            let at = footer.start + place % footer.len();
            if bytes[at].is_ascii_digit() {
                bytes[at] = b'0' + change[3] % 10;
            }
        } else {
            let at = 8 + place * 4 % (columns - 12);
            bytes[at] ^= change[3];
            bytes[at + 1] ^= change[4];
        }
    }
    for block in 0..blocks {
        let sum = crc32fast::hash(&bytes[block * BLOCK..((block + 1) * BLOCK).min(columns)]);
        bytes[columns + block * 4..columns + block * 4 + 4].copy_from_slice(&sum.to_le_bytes());
    }
    let sum = crc32fast::hash(&bytes[footer]);
    bytes[numbers..numbers + 4].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn read(directory: &Path) -> Result<(), String> {
    let index = Index::open(directory).map_err(|error| error.to_string())?;
    index.predicates().map_err(|error| error.to_string())?;
    for text in QUERIES {
        let limits = Limits { timeout_s: 20, query_bytes: 1000, fuse: true };
        let running = run(&index, &Question::from(text.to_owned()), limits, |_| {}).map_err(|error| error.to_string())?;
        if let QueryResults::Solutions(solutions) = running.results {
            // Damage may lead in circles, but not to more than this in the time.
            solutions.take(100_000).try_for_each(|solution| solution.map(drop)).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

fuzz_target!(|input: &[u8]| {
    let (directory, segment, bytes) = &*MADE;
    std::fs::remove_file(segment).expect("removed");
    std::fs::write(segment, altered(bytes, input)).expect("written");
    let read = read(directory);
    if input.len() < 5 {
        assert_eq!(read, Ok(()));
    }
});
