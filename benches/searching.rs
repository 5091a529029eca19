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
use libris_mirror::search::{Facet, Finder, Question, SearchView, Sort};
use libris_mirror::views::{Batch, Content, Home, LocalView as _, ParsedChange, View as _};
use oxigraph::model::{BlankNode, GraphName, Literal, NamedNode, Quad};

const FAMILY: [&str; 8] = ["Lindström", "Ågren", "Öberg", "Hägg", "Kvist", "Wärn", "Sjöblom", "Tranströmare"];
const GIVEN: [&str; 8] = ["Åsa", "Selma", "Björn", "Märta", "Karin", "Nils", "Ebba", "Gösta"];
const SUBJECT: [&str; 8] = ["Fjärilar", "Sjöfart", "Mjölk", "Vävning", "Isbrytare", "Trädgårdar", "Räkenskaper", "Dialekter"];
const PLACE: [&str; 6] = ["Stockholm", "Göteborg", "Umeå", "Malmö", "Växjö", "Östersund"];

const LANGUAGE: [&str; 4] = ["swe", "eng", "fin", "sme"];
const GENRE: [&str; 6] = ["Romaner", "Noveller", "Lyrik", "Fackb%C3%B6cker", "Biografier", "Sagor"];

/// Words, chosen values and an order.
type Asked<'a> = (&'a str, Vec<(Facet, String)>, Sort);

/// Terms: every thousandth record is one, each below another.
const TERMS: usize = 1000;

/// The triples that a search looks at: a term, a person, or else a book.
fn quads(number: usize) -> (NamedNode, Vec<Quad>) {
    let kbv = |name: &str| NamedNode::new_unchecked(format!("https://id.kb.se/vocab/{name}"));
    let id = |number: usize| NamedNode::new_unchecked(format!("https://libris.kb.se/r{number}#it"));
    let record = NamedNode::new_unchecked(format!("https://libris.kb.se/r{number}"));
    let thing = id(number);
    let blank = |name: &str| BlankNode::new_unchecked(format!("{name}{number}"));
    let (title, isbn, work, by, issued) = (blank("t"), blank("i"), blank("w"), blank("c"), blank("p"));
    let graph = GraphName::from(record.clone());
    let spread = |salt: usize| number.wrapping_mul(0x9e37_79b9).wrapping_add(salt * 7919) / 64;
    let pick = |from: &[&'static str], salt: usize| from[spread(salt) % from.len()];
    let text = |text: String| Literal::new_simple_literal(text);
    let mut quads = vec![Quad::new(record.clone(), kbv("mainEntity"), thing.clone(), graph.clone())];
    let mut is = |class: &str| {
        quads.push(Quad::new(thing.clone(), oxigraph::model::vocab::rdf::TYPE, kbv(class), graph.clone()));
    };
    if number.is_multiple_of(TERMS) {
        is("Topic");
        quads.push(Quad::new(
            thing.clone(),
            kbv("prefLabel"),
            text(format!("{} {}", pick(&SUBJECT, 9), number / TERMS)),
            graph.clone(),
        ));
        quads.push(Quad::new(thing, kbv("broader"), id(number / (2 * TERMS) * TERMS), graph));
    } else if number.is_multiple_of(10) {
        is("Person");
        quads.push(Quad::new(thing.clone(), kbv("familyName"), text(pick(&FAMILY, 1).into()), graph.clone()));
        quads.push(Quad::new(thing.clone(), kbv("givenName"), text(format!("{} {number}", pick(&GIVEN, 2))), graph.clone()));
        quads.push(Quad::new(thing.clone(), kbv("hasVariant"), blank("v"), graph.clone()));
        quads.push(Quad::new(blank("v"), kbv("name"), text(format!("Pseudonym{number}")), graph.clone()));
        quads.push(Quad::new(
            thing,
            kbv("exactMatch"),
            NamedNode::new_unchecked(format!("http://www.wikidata.org/entity/Q{number}")),
            graph,
        ));
    } else {
        is("PhysicalResource");
        let main = format!("{} i {} {}", pick(&SUBJECT, 3), pick(&PLACE, 4), number / 1000);
        quads.push(Quad::new(thing.clone(), kbv("hasTitle"), title.clone(), graph.clone()));
        quads.push(Quad::new(title.clone(), kbv("mainTitle"), text(main), graph.clone()));
        quads.push(Quad::new(title, kbv("subtitle"), text(format!("en krönika om {}", pick(&SUBJECT, 5))), graph.clone()));
        let who = format!("{} {}", pick(&GIVEN, 6), pick(&FAMILY, 7));
        quads.push(Quad::new(thing.clone(), kbv("responsibilityStatement"), text(who), graph.clone()));
        quads.push(Quad::new(thing.clone(), kbv("identifiedBy"), isbn.clone(), graph.clone()));
        quads.push(Quad::new(isbn, kbv("value"), text(format!("91{number:07}X")), graph.clone()));
        quads.push(Quad::new(thing.clone(), kbv("publication"), issued.clone(), graph.clone()));
        quads.push(Quad::new(issued, kbv("year"), text(format!("{}", 1850 + spread(8) % 175)), graph.clone()));
        quads.push(Quad::new(thing, kbv("instanceOf"), work.clone(), graph.clone()));
        let named =
            |property: &str, iri: String| Quad::new(work.clone(), kbv(property), NamedNode::new_unchecked(iri), graph.clone());
        quads.push(named("language", format!("https://id.kb.se/language/{}", pick(&LANGUAGE, 10))));
        quads.push(named("genreForm", format!("https://id.kb.se/term/saogf/{}", pick(&GENRE, 11))));
        quads.push(named("contentType", "https://id.kb.se/term/rda/Text".into()));
        for salt in [12, 13] {
            quads.push(named("subject", format!("https://id.kb.se/term/sao/{}", spread(salt) % 30_000)));
        }
        quads.push(Quad::new(work.clone(), kbv("subject"), id(spread(14) % (number / TERMS + 1) * TERMS), graph.clone()));
        quads.push(Quad::new(work.clone(), kbv("contribution"), by.clone(), graph.clone()));
        quads.push(Quad::new(by, kbv("agent"), id(spread(15) % (number / 10 + 1) * 10), graph.clone()));
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
    let mut view = SearchView::open(&home)?;
    let mut spent = Duration::ZERO;
    for first in (0..records).step_by(1000) {
        let change = |number: usize| {
            let (graph, quads) = quads(number);
            let record = i64::try_from(number).unwrap_or_default() + 1;
            let content = Content::Quads(Arc::new(quads));
            ParsedChange::new(record, PageId(1), graph, content, false, Arc::clone(&config.shapes))
        };
        let changes: Vec<_> = (first..(first + 1000).min(records)).map(change).collect();
        let change = ChangeId(i64::try_from(first / 1000).unwrap_or_default() + 1);
        let mark = Some(Mark { change, page: PageId(1), link: None });
        let begun = Instant::now();
        let parts: Vec<_> = changes.iter().map(SearchView::part).collect();
        view.apply(vec![Batch { parts, mark }])?;
        spent += begun.elapsed();
    }
    let begun = Instant::now();
    view.flush()?;
    spent += begun.elapsed();
    let mut out = std::io::stdout();
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let rate = records as f64 / spent.as_secs_f64();
    let sizes = (
        fs_err::metadata(&path)?.len() / 1_000_000,
        libris_mirror::data_dir::DataDir::size(&directory.path().join("search")) / 1_000_000,
    );
    writeln!(out, "{records} records in {:.1} s ({rate:.0}/s), table {} MB, index {} MB", spent.as_secs_f64(), sizes.0, sizes.1)?;
    drop(view);
    ask(&log, directory.path(), &mut out)
}

/// Asks for pages of results with facets.
fn ask(log: &Log, directory: &std::path::Path, out: &mut impl std::io::Write) -> Result<(), Box<dyn std::error::Error>> {
    let finder = Finder::open(directory)?;
    let swedish = (Facet::Language, "swe".to_owned());
    let questions: [Asked<'_>; 16] = [
        ("Isbrytare i Göteborg", vec![], Sort::Relevance),
        ("lindström", vec![], Sort::Relevance),
        ("Åsa Ågren", vec![], Sort::Relevance),
        ("i", vec![], Sort::Relevance),
        ("is", vec![], Sort::Relevance),
        ("krönika", vec![], Sort::Title),
        ("fjärilar krönika", vec![], Sort::Newest),
        ("\"krönika om fjärilar\"", vec![], Sort::Relevance),
        ("91-0123457-X", vec![], Sort::Relevance),
        ("göteborg 77", vec![], Sort::Relevance),
        ("pseudonym12340", vec![], Sort::Relevance),
        ("mjölk 0", vec![], Sort::Relevance),
        ("nothing", vec![], Sort::Relevance),
        ("", vec![], Sort::Relevance),
        ("", vec![swedish.clone()], Sort::Title),
        ("krönika", vec![swedish, (Facet::Decade, "1890".into()), (Facet::Category, "Romaner".into())], Sort::Relevance),
    ];
    for (text, chosen, sort) in questions {
        let name = format!("{text} {}", chosen.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(" "));
        let question = Question { text: text.into(), chosen, sort, offset: 0, limit: 20, values: 12 };
        let mut matches = 0;
        measure(out, &name, || {
            matches = finder.find(log, &question)?.matches;
            Ok(matches)
        })?;
    }
    for text in ["i", "is", "lind", "isbrytare i gö", "åsa"] {
        measure(out, &format!("suggest {text}"), || Ok(finder.suggest(log, text, 10)?.len()))?;
    }
    Ok(())
}

fn measure(
    out: &mut impl std::io::Write,
    name: &str,
    mut work: impl FnMut() -> Result<usize, Box<dyn std::error::Error>>,
) -> Result<(), Box<dyn std::error::Error>> {
    let (mut times, mut matches): (Vec<Duration>, usize) = (Vec::new(), 0);
    for _ in 0..30 {
        let begun = Instant::now();
        matches = work()?;
        times.push(begun.elapsed());
    }
    let first = times[0];
    times.sort_unstable();
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let (median, most) = (times[times.len() / 2], times[times.len() - 1]);
    writeln!(
        out,
        "{name:34} {matches:7} matches  first {:7.2} ms  median {:7.2} ms  most {:7.2} ms",
        milliseconds(first),
        milliseconds(median),
        milliseconds(most)
    )?;
    Ok(())
}
