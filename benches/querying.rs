//! How long questions take: the examples of the SPARQL page and the 24 questions of the tests, on the published index and on the
//! store of a mirror that nobody writes, with the joins ordered by counts, and fused, and as the engine orders them, in one process.
//!
//! `libris-mirror demo --records 25731 --keep DIR`, then `cargo bench --profile release --bench querying -- DIR [SECONDS]`: a question that
//! takes longer is given up. Medians of five, in milliseconds.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use libris_mirror::index::PublishedIndex;
use libris_mirror::log::ChangeId;
use libris_mirror::query::{Limits, Queryable, Question, run_ordered, with_stack};
use libris_mirror::serve::pages::EXAMPLES;
use libris_mirror::snapshots::Snapshots;
use libris_mirror::store::open_alone;
use oxigraph::sparql::QueryResults;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A question that took this long is not asked again, in milliseconds.
const SLOW: f64 = 2000.0;

/// How many solutions a question has, and how long it took; nothing if it took too long or failed.
fn ask(dataset: &impl Queryable, query: &str, (ordered, fuse): (bool, bool), limit: u64) -> Option<(usize, f64)> {
    let (mut times, mut found) = (Vec::new(), 0);
    for _ in 0..5 {
        let begun = Instant::now();
        let counts = ordered.then(|| dataset.counts()).flatten();
        let limits = Limits { timeout_s: limit, query_bytes: 1 << 20, fuse };
        let running = run_ordered(dataset, &Question::from(query.to_owned()), limits, counts.as_deref(), |_| {}).ok()?;
        found = match running.results {
            QueryResults::Solutions(solutions) => solutions.map(Result::ok).collect::<Option<Vec<_>>>()?.len(),
            QueryResults::Graph(triples) => triples.map(Result::ok).collect::<Option<Vec<_>>>()?.len(),
            QueryResults::Boolean(_) => 1,
        };
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        if times[0] > SLOW {
            break;
        }
    }
    times.sort_by(f64::total_cmp);
    Some((found, times[times.len() / 2]))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let directory = words.first().ok_or("name the directory of a mirror")?;
    let limit = words.get(1).and_then(|word| word.parse().ok()).unwrap_or(60);
    let snapshots = Snapshots::of(Path::new(directory));
    let (index, store) = (PublishedIndex::open_current(&snapshots)?.index, open_alone(Path::new(directory), ChangeId(0))?);
    let mut questions: Vec<(String, String)> =
        EXAMPLES.iter().map(|example| (example.name.to_owned(), example.query.to_owned())).collect();
    let mut files: Vec<_> =
        fs_err::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/questions"))?.flatten().collect();
    files.sort_by_key(fs_err::DirEntry::file_name);
    for file in files {
        questions.push((file.file_name().to_string_lossy().into_owned(), fs_err::read_to_string(file.path())?));
    }
    let isni = "SELECT (COUNT(*) AS ?n) { ?p a kbv:Person FILTER NOT EXISTS { ?p kbv:identifiedBy ?i . ?i a kbv:ISNI } }";
    questions.push(("persons without an ISNI".into(), isni.into()));
    let mut out = std::io::stdout();
    let names = ["fused", "index", "unordered", "store", "unordered"].map(|name| format!("{name:>10}")).join(" ");
    writeln!(out, "{:34} {:>8} {names}", "", "results")?;
    let mut sums = [0.0; 5];
    for (name, query) in &questions {
        let times = with_stack(|| {
            [
                ask(&index, query, (true, true), limit),
                ask(&index, query, (true, false), limit),
                ask(&index, query, (false, false), limit),
                ask(&store, query, (true, false), limit),
                ask(&store, query, (false, false), limit),
            ]
        })?;
        let found: Vec<usize> = times.iter().flatten().map(|(found, _)| *found).collect();
        let same = found.windows(2).all(|pair| pair[0] == pair[1]);
        write!(out, "{name:34} {:>8}", found.first().copied().unwrap_or_default())?;
        for (time, sum) in times.iter().zip(&mut sums) {
            #[expect(clippy::cast_precision_loss, reason = "seconds")]
            let spent = time.map_or(limit as f64 * 1e3, |(_, time)| time);
            *sum += spent;
            write!(out, " {:>9.2}{}", spent, if time.is_some() { " " } else { "+" })?;
        }
        writeln!(out, "{}", if same { "" } else { "  DIFFERENT" })?;
    }
    writeln!(out, "{:34} {:>8} {}", "together", "", sums.map(|sum| format!("{sum:>10.1}")).join(" "))?;
    Ok(())
}
