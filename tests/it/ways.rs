//! The ways in which a query can be answered: the same quads in an index of one segment, in one of five with masks, and in the
//! store; with the joins ordered by the planner, with runs of patterns answered in one go, and as the engine orders them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use libris_mirror::config::Config;
use libris_mirror::index::{Index, IndexView};
use libris_mirror::log::{ChangeId, Log, Mark, PageId};
use libris_mirror::query::{Limits, QueryError, Queryable, Question, run_ordered};
use libris_mirror::views::{Batch, Content, Home, LocalView, ParsedChange, View};
use oxigraph::model::{GraphName, Literal, NamedNode, Quad, Term, Triple};
use oxigraph::sparql::{QueryEvaluationError, QueryResults, QuerySolution};
use oxigraph::store::Store;

/// What holds the quads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// An index of one segment.
    One,
    /// An index of five segments, in which graphs were replaced and deleted.
    Five,
    /// oxigraph's store.
    Store,
}

/// Who decides what is evaluated when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// The engine.
    Engine,
    /// The planner, by the counts of what holds the quads.
    Planned,
    /// The planner, and runs of patterns are answered within the dataset.
    Fused,
}

/// A way to answer a query.
pub type Way = (Engine, Order);

/// All of them.
pub const WAYS: [Way; 8] = [
    (Engine::One, Order::Engine),
    (Engine::One, Order::Planned),
    (Engine::One, Order::Fused),
    (Engine::Five, Order::Engine),
    (Engine::Five, Order::Planned),
    (Engine::Five, Order::Fused),
    (Engine::Store, Order::Engine),
    (Engine::Store, Order::Planned),
];

/// Nothing here takes long.
const LIMITS: Limits = Limits { timeout_s: 120, query_bytes: 1 << 24, fuse: false };

/// What is needed to make indexes: a log that says nothing, and the configuration.
pub struct Maker {
    directory: tempfile::TempDir,
    log: Log,
    config: Config,
}

impl Maker {
    pub fn new() -> Self {
        // In memory, where the system has a place for files there: hundreds of indexes are made, and each would wait for the disk.
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let directory = tempfile::tempdir_in(place).expect("a directory");
        let log = Log::open(&directory.path().join("mirror.db")).expect("a log");
        Self { directory, log, config: Config::new(None, HashMap::new(), &[]).expect("the defaults") }
    }

    fn index(&self, directory: &Path, segments: &[Vec<Record>]) -> Index {
        let home = Home { directory, log: &self.log, config: &self.config };
        let mut view = IndexView::open(&home).expect("an index");
        for records in segments {
            let parts = records.iter().map(|(graph, quads)| IndexView::part(&self.change(graph, quads))).collect();
            let mark = Mark { change: ChangeId(0), page: PageId(0), link: None };
            view.apply(vec![Batch { parts, mark: Some(mark) }]).expect("applied");
            View::flush(&mut view).expect("flushed");
        }
        Index::open(&directory.join("index")).expect("an index")
    }

    fn change(&self, graph: &NamedNode, quads: &[Quad]) -> ParsedChange {
        let content = if quads.is_empty() { Content::Deleted } else { Content::Quads(Arc::new(quads.to_vec())) };
        ParsedChange::new(1, PageId(1), graph.clone(), content, false, Arc::clone(&self.config.shapes))
    }
}

/// A graph, and its quads; deleted if there are none.
type Record = (NamedNode, Vec<Quad>);

/// The same quads, held in all ways.
pub struct Held {
    one: Index,
    five: Index,
    /// The store, for who asks it in other ways.
    pub store: Store,
    _directory: tempfile::TempDir,
}

impl Held {
    /// Holds some quads, each in a named graph. `seed` says which of them are in which segment, and what was there before.
    pub fn of(maker: &Maker, quads: &[Quad], seed: u64) -> Self {
        let directory = tempfile::tempdir_in(maker.directory.path()).expect("a directory");
        let graphs = graphs(quads);
        let place = |name: &str| directory.path().join(name);
        let one: Vec<Record> = graphs.clone().into_iter().collect();
        let one = maker.index(&place("one"), &[one]);
        let five = maker.index(&place("five"), &five_segments(&graphs, seed));
        let names = fs_err::read_dir(place("five/index")).expect("an index").flatten();
        let names: Vec<String> = names.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
        let count = |ending: &str| names.iter().filter(|name| name.ends_with(ending)).count();
        assert_eq!((count(".segment"), count(".mask")), (5, 5), "five segments, all with masks: {names:?}");
        let store = Store::new().expect("memory");
        store.extend(quads.iter().cloned()).expect("memory");
        Self { one, five, store, _directory: directory }
    }

    /// Answers a question in some way. `read` reads the results, from which an error may still come.
    pub fn ask<T>(
        &self,
        (engine, order): Way,
        question: &Question,
        read: impl FnOnce(QueryResults<'_>) -> Result<T, String>,
    ) -> Result<T, String> {
        match engine {
            Engine::One => ask(&self.one, order, question, read),
            Engine::Five => ask(&self.five, order, question, read),
            Engine::Store => ask(&self.store, order, question, read),
        }
    }
}

fn ask<T>(
    dataset: &impl Queryable,
    order: Order,
    question: &Question,
    read: impl FnOnce(QueryResults<'_>) -> Result<T, String>,
) -> Result<T, String> {
    let counts = (order != Order::Engine).then(|| dataset.counts().expect("it counts"));
    let limits = Limits { fuse: order == Order::Fused, ..LIMITS };
    let running = run_ordered(dataset, question, limits, counts.as_deref(), |_: QueryError| {});
    read(running.map_err(|error| error.to_string())?.results)
}

/// Results as text: in their order, or sorted. Nothing if they are more than `most`.
pub fn lines(results: QueryResults<'_>, ordered: bool, most: usize) -> Result<Option<Vec<String>>, String> {
    let failed = |error: QueryEvaluationError| error.to_string();
    let mut lines: Vec<String> = match results {
        QueryResults::Boolean(value) => vec![value.to_string()],
        QueryResults::Graph(triples) => {
            let show = |Triple { subject, predicate, object }| format!("{subject} {predicate} {}", shown(&object));
            triples.take(most + 1).map(|triple| triple.map(show).map_err(failed)).collect::<Result<_, _>>()?
        }
        QueryResults::Solutions(solutions) => {
            let show = |solution: QuerySolution| {
                let mut values: Vec<String> = solution.iter().map(|(name, value)| format!("{name}={}", shown(value))).collect();
                values.sort();
                values.join(" ")
            };
            solutions.take(most + 1).map(|solution| solution.map(show).map_err(failed)).collect::<Result<_, _>>()?
        }
    };
    if !ordered {
        lines.sort();
    }
    Ok((lines.len() <= most).then_some(lines))
}

/// A term; of a long text, its length and its hash.
fn shown(term: &Term) -> String {
    match term {
        Term::Literal(literal) if literal.value().len() > 1000 => {
            format!("{} bytes {}", literal.value().len(), blake3::hash(literal.value().as_bytes()))
        }
        term => term.to_string(),
    }
}

/// The quads by their graphs.
fn graphs(quads: &[Quad]) -> BTreeMap<NamedNode, Vec<Quad>> {
    let (mut graphs, mut seen): (BTreeMap<NamedNode, Vec<Quad>>, _) = (BTreeMap::new(), HashSet::new());
    // A record says nothing twice.
    for quad in quads.iter().filter(|quad| seen.insert(*quad)) {
        let GraphName::NamedNode(graph) = &quad.graph_name else { panic!("{quad} is in no named graph") };
        graphs.entry(graph.clone()).or_default().push(quad.clone());
    }
    graphs
}

/// What comes with each flush, so that five segments stay, all of them with graphs that count no more.
///
/// Each graph has its last version in one of the segments, and others in some before it. Segments whose rows are fewer than those after
/// them are merged; so each has a graph that makes it large enough. At the end these graphs are deleted, and some that never were.
fn five_segments(graphs: &BTreeMap<NamedNode, Vec<Quad>>, seed: u64) -> Vec<Vec<Record>> {
    let mut segments: Vec<Vec<Record>> = vec![Vec::new(); 5];
    let mut state = seed | 1;
    let mut next = |below: u64| {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from((state >> 8) % below).expect("small")
    };
    let all: Vec<&Quad> = graphs.values().flatten().collect();
    // Of many graphs half are in the first segment, a quarter in the second, and so on.
    let spread: &[usize] = if graphs.len() < 50 { &[0, 1, 2, 3, 4] } else { &[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 4] };
    for (graph, quads) in graphs {
        let last = spread[next(spread.len() as u64)];
        for segment in &mut segments[..last] {
            if next(3) == 0 {
                // Some of what it says now, and something else.
                let mut before: Vec<Quad> = quads.iter().skip(next(4)).step_by(1 + next(3)).cloned().collect();
                before.push(Quad::new(graph.clone(), graph.clone(), Literal::from("before"), graph.clone()));
                segment.push((graph.clone(), before));
            }
        }
        segments[last].push((graph.clone(), quads.clone()));
    }
    let mut after = 0_usize;
    let mut gone = vec![(NamedNode::new_unchecked("urn:never"), Vec::new())];
    for (number, segment) in segments.iter_mut().enumerate().rev() {
        let graph = NamedNode::new_unchecked(format!("urn:gone:{number}"));
        let own: usize = segment.iter().map(|(_, quads)| quads.len()).sum();
        let mut quads: Vec<Quad> = (0..=after.saturating_sub(own))
            .map(|row| {
                let node = NamedNode::new_unchecked(format!("urn:node:{row}"));
                Quad::new(node.clone(), node, Literal::from(i64::try_from(row).expect("small")), graph.clone())
            })
            .collect();
        // What others say as well, but for their blank nodes.
        let said = all.iter().filter(|quad| !quad.subject.is_blank_node() && !quad.object.is_blank_node()).take(100);
        let said: HashSet<Quad> = said.map(|quad| Quad { graph_name: graph.clone().into(), ..(*quad).clone() }).collect();
        quads.extend(said);
        after += own + quads.len();
        gone.push((graph.clone(), Vec::new()));
        segment.push((graph, quads));
    }
    segments.push(gone);
    segments
}
