//! How long a search takes among a million records, and what the view costs: made-up headings of realistic words, put
//! into a log of their own by the view itself.
//!
//! `cargo bench --profile release --bench searching -- [RECORDS]`

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use libris_mirror::config::Config;
use libris_mirror::log::{ChangeId, Log, Mark, PageId};
use libris_mirror::search::{SearchIndex, SearchTable};
use libris_mirror::views::{Batch, Content, Home, ParsedChange, Table as _, TableView, View as _};
use oxigraph::model::{BlankNode, GraphName, Literal, NamedNode, Quad};

const FAMILY: [&str; 8] = ["Lindström", "Ågren", "Öberg", "Hägg", "Kvist", "Wärn", "Sjöblom", "Tranströmare"];
const GIVEN: [&str; 8] = ["Åsa", "Selma", "Björn", "Märta", "Karin", "Nils", "Ebba", "Gösta"];
const SUBJECT: [&str; 8] = ["Fjärilar", "Sjöfart", "Mjölk", "Vävning", "Isbrytare", "Trädgårdar", "Räkenskaper", "Dialekter"];
const PLACE: [&str; 6] = ["Stockholm", "Göteborg", "Umeå", "Malmö", "Växjö", "Östersund"];

/// A few triples that a search looks at: a book, or every tenth a person.
fn quads(number: usize) -> (NamedNode, Vec<Quad>) {
    let kbv = |name: &str| NamedNode::new_unchecked(format!("https://id.kb.se/vocab/{name}"));
    let record = NamedNode::new_unchecked(format!("https://libris.kb.se/r{number}"));
    let thing = NamedNode::new_unchecked(format!("https://libris.kb.se/r{number}#it"));
    let title = BlankNode::new_unchecked(format!("t{number}"));
    let isbn = BlankNode::new_unchecked(format!("i{number}"));
    let graph = GraphName::from(record.clone());
    let pick =
        |from: &[&'static str], salt: usize| from[number.wrapping_mul(0x9e37_79b9).wrapping_add(salt * 7919) / 64 % from.len()];
    let text = |text: String| Literal::new_simple_literal(text);
    let mut quads = vec![Quad::new(record.clone(), kbv("mainEntity"), thing.clone(), graph.clone())];
    if number.is_multiple_of(10) {
        quads.push(Quad::new(thing.clone(), kbv("familyName"), text(pick(&FAMILY, 1).into()), graph.clone()));
        quads.push(Quad::new(thing, kbv("givenName"), text(format!("{} {number}", pick(&GIVEN, 2))), graph));
    } else {
        let main = format!("{} i {} {}", pick(&SUBJECT, 3), pick(&PLACE, 4), number / 1000);
        quads.push(Quad::new(thing.clone(), kbv("hasTitle"), title.clone(), graph.clone()));
        quads.push(Quad::new(title.clone(), kbv("mainTitle"), text(main), graph.clone()));
        quads.push(Quad::new(title, kbv("subtitle"), text(format!("en krönika om {}", pick(&SUBJECT, 5))), graph.clone()));
        let who = format!("{} {}", pick(&GIVEN, 6), pick(&FAMILY, 7));
        quads.push(Quad::new(thing.clone(), kbv("responsibilityStatement"), text(who), graph.clone()));
        quads.push(Quad::new(thing, kbv("identifiedBy"), isbn.clone(), graph.clone()));
        quads.push(Quad::new(isbn, kbv("value"), text(format!("91{number:07}X")), graph));
    }
    (record, quads)
}

fn prepare(path: &std::path::Path, records: usize) -> rusqlite::Result<()> {
    let connection = rusqlite::Connection::open(path)?;
    connection.execute_batch(
        "INSERT INTO source (id, name, base_url, prefix, format) VALUES (1, 'all', 'http://localhost/', 'rdfxml', 'rdfxml');
         INSERT INTO harvest (id, source_id, kind, state, started_at) VALUES (1, 1, 'regular', 'complete', 0);
         INSERT INTO page (id, harvest_id, received_at, whole, records, raw_bytes, body) VALUES (1, 1, 0, 1, 0, 0, x'');",
    )?;
    connection.execute(
        "WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < ?1)
         INSERT INTO record (id, source_id, identifier, datestamp_text, sets, deleted, hash, page_id, offset, length, first_page, delivered, last_change)
         SELECT n + 1, 1, 'https://libris.kb.se/r' || n, '', '', 0, x'', 1, 0, 0, 1, 1, 1 FROM number",
        [records],
    )?;
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let records = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(1_000_000);
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("mirror.db");
    let log = Log::open(&path)?;
    prepare(&path, records)?;
    let config = Config::new(None, HashMap::new(), &[])?;
    let home = Home { directory: directory.path(), log: &log, config: &config };
    let mut view = TableView::<SearchTable>::open(&home)?;
    let mut spent = Duration::ZERO;
    for first in (0..records).step_by(1000) {
        let change = |number: usize| {
            let (graph, quads) = quads(number);
            let record = i64::try_from(number).unwrap_or_default() + 1;
            ParsedChange::new(record, PageId(1), graph, Content::Quads(Arc::new(quads)), false, Arc::clone(&config.shapes))
        };
        let changes: Vec<_> = (first..(first + 1000).min(records)).map(change).collect();
        let change = ChangeId(i64::try_from(first / 1000).unwrap_or_default() + 1);
        let mark = Some(Mark { change, page: PageId(1), link: None });
        let begun = Instant::now();
        let parts: Vec<_> = changes.iter().map(SearchTable::row).collect();
        view.apply(vec![Batch { parts, mark }])?;
        spent += begun.elapsed();
    }
    let begun = Instant::now();
    view.flush()?;
    spent += begun.elapsed();
    let mut out = std::io::stdout();
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let rate = records as f64 / spent.as_secs_f64();
    let size = fs_err::metadata(&path)?.len() / 1_000_000;
    writeln!(out, "{records} records in {:.1} s ({rate:.0}/s), {size} MB", spent.as_secs_f64())?;
    let index = SearchIndex(&log);
    for text in [
        "Isbrytare i Göteborg",
        "lindström",
        "Åsa Ågren",
        "i",
        "is",
        "fjärilar krönika",
        "91-0123457-X",
        "göteborg 77",
        "nothing",
    ] {
        let mut times: Vec<Duration> = Vec::new();
        let mut matches = 0;
        for _ in 0..50 {
            let begun = Instant::now();
            matches = index.find(text, 0, 20)?.matches;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        let (median, most) = (times[times.len() / 2], times[times.len() - 1]);
        writeln!(
            out,
            "{text:24} {matches:6} matches  median {:7.2} ms  most {:7.2} ms",
            median.as_secs_f64() * 1e3,
            most.as_secs_f64() * 1e3
        )?;
    }
    Ok(())
}
