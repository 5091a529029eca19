//! The index against a set of quads that is changed in the same way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use oxigraph::model::{BlankNode, GraphName, Literal, NamedNode, NamedOrBlankNode, Quad, Term};
use proptest::collection::vec;
use proptest::prelude::*;

use super::Index;
use super::scan::{Pattern, Scan};
use super::view::IndexView;
use crate::config;
use crate::log::{ChangeId, Log, Mark, PageId};
use crate::rdf::{Shapes, graph_name, nth_blank_node};
use crate::views::{Batch, Content, LocalView as _, ParsedChange, View as _};

/// A triple of a graph, by small numbers.
type Small = (u8, u8, u8);

fn subject(graph: &NamedNode, number: u8) -> NamedOrBlankNode {
    match number {
        0 => graph.clone().into(),
        1..=3 => NamedNode::new_unchecked(format!("https://id.kb.se/term/{number}")).into(),
        // One whose id is none that this program gives.
        4 => BlankNode::new_unchecked(format!("x{}", graph.as_str().len())).into(),
        _ => nth_blank_node(graph, u64::from(number - 5)).into(),
    }
}

fn object(graph: &NamedNode, number: u8) -> Term {
    match number {
        0..=6 => subject(graph, number).into(),
        7 => Literal::new_typed_literal("01", NamedNode::new_unchecked("http://www.w3.org/2001/XMLSchema#integer")).into(),
        8 => Literal::new_language_tagged_literal_unchecked("räv", "sv").into(),
        _ => Literal::from(format!("text {number}")).into(),
    }
}

fn predicate(number: u8) -> NamedNode {
    NamedNode::new_unchecked(format!("https://id.kb.se/vocab/p{number}"))
}

fn quads(graph: &NamedNode, triples: &[Small]) -> Vec<Quad> {
    let all: BTreeSet<&Small> = triples.iter().collect();
    let quad = |(s, p, o): &&Small| Quad::new(subject(graph, *s), predicate(*p), object(graph, *o), graph.clone());
    all.iter().map(quad).collect()
}

fn change(record: u8, triples: &[Small]) -> ParsedChange {
    let graph = graph_name(&format!("https://libris.kb.se/{record}"));
    let content = if triples.is_empty() { Content::Deleted } else { Content::Quads(Arc::new(quads(&graph, triples))) };
    ParsedChange::new(i64::from(record), PageId(1), graph, content, false, Shapes::standard())
}

/// All quads that match.
fn matching(
    index: &Index,
    subject: Option<&Term>,
    predicate: Option<&Term>,
    object: Option<&Term>,
    graph: Option<&Term>,
) -> Vec<Quad> {
    let code = |term: Option<&Term>| match term {
        None => Some(None),
        Some(term @ Term::BlankNode(_)) => index.blank_code(term).expect("readable").map(Some),
        Some(term) => index.code(term.as_ref()).expect("readable").map(Some),
    };
    // A term that nothing has matches nothing.
    let (Some(subject), Some(predicate), Some(object), Some(graph)) = (code(subject), code(predicate), code(object), code(graph))
    else {
        return Vec::new();
    };
    let scan = Scan::new(index, Pattern { subject, predicate, object, graph }).expect("readable");
    let mut quads: Vec<Quad> = scan
        .map(|found| {
            let found = found.expect("readable");
            let node = |code| index.node(code).expect("a node");
            let subject = match node(found.subject) {
                Term::NamedNode(node) => NamedOrBlankNode::from(node),
                Term::BlankNode(node) => node.into(),
                Term::Literal(_) => panic!("a literal is a subject"),
            };
            let (Term::NamedNode(predicate), Term::NamedNode(graph)) = (node(found.predicate), node(found.graph)) else {
                panic!("a predicate or a graph has no IRI")
            };
            Quad::new(subject, predicate, node(found.object), graph)
        })
        .collect();
    quads.sort_by_key(ToString::to_string);
    quads
}

fn sorted(quads: impl Iterator<Item = Quad>) -> Vec<Quad> {
    let mut quads: Vec<Quad> = quads.collect();
    quads.sort_by_key(ToString::to_string);
    quads
}

/// Compares every pattern that some quads of the index, and some others, give.
fn compare(index: &Index, held: &[Quad]) {
    let mut probes: Vec<(Term, Term, Term, Term)> = held
        .iter()
        .step_by(held.len() / 8 + 1)
        .map(|quad| {
            let GraphName::NamedNode(graph) = &quad.graph_name else { panic!("no graph") };
            (quad.subject.clone().into(), quad.predicate.clone().into(), quad.object.clone(), graph.clone().into())
        })
        .collect();
    let graph = graph_name("https://libris.kb.se/1");
    probes.push((subject(&graph, 2).into(), predicate(1).into(), object(&graph, 8), graph.clone().into()));
    probes.push((subject(&graph, 5).into(), predicate(9).into(), object(&graph, 200), graph_name("urn:none").into()));
    for (s, p, o, g) in &probes {
        for which in 0..16_u8 {
            let wanted = |bit: u8, term| (which >> bit & 1 == 1).then_some(term);
            let (s, p, o, g) = (wanted(0, s), wanted(1, p), wanted(2, o), wanted(3, g));
            let due = held.iter().filter(|quad| {
                s.is_none_or(|s| *s == Term::from(quad.subject.clone()))
                    && p.is_none_or(|p| *p == Term::from(quad.predicate.clone()))
                    && o.is_none_or(|o| *o == quad.object)
                    && g.is_none_or(|g| g.to_string() == quad.graph_name.to_string())
            });
            assert_eq!(matching(index, s, p, o, g), sorted(due.cloned()), "{s:?} {p:?} {o:?} {g:?}");
        }
    }
    compare_listed(index.predicates().expect("readable"), held.iter().map(|quad| quad.predicate.clone().into()));
    for number in 0..5 {
        let of = held.iter().filter(|quad| quad.predicate == predicate(number)).map(|quad| quad.object.clone());
        compare_listed(index.objects(&predicate(number), usize::MAX).expect("readable"), of);
    }
}

/// Compares the terms that are listed with those that there are. Rows of masked graphs are counted, too.
fn compare_listed(listed: Vec<(Term, u64)>, held: impl Iterator<Item = Term>) {
    let mut due: BTreeMap<String, u64> = BTreeMap::new();
    for term in held.filter(|term| !term.is_blank_node()) {
        *due.entry(term.to_string()).or_default() += 1;
    }
    let named = listed.into_iter().filter(|(term, _)| !term.is_blank_node());
    let listed: BTreeMap<String, u64> = named.map(|(term, rows)| (term.to_string(), rows)).collect();
    assert_eq!(listed.keys().collect::<Vec<_>>(), due.keys().collect::<Vec<_>>());
    assert!(due.iter().all(|(term, rows)| listed[term] >= *rows), "{listed:?}, {due:?}");
}

fn log(directory: &std::path::Path) -> Log {
    Log::open(&directory.join("mirror.db")).expect("a log")
}

const SETTINGS: config::Index = config::Index { memory_mb: 64, merge_s: 600 };

const MARK: Mark = Mark { change: ChangeId(0), page: PageId(0), link: None };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// However records come, come again and go, in however many segments they are, before and after a crash, a merge and a copy.
    #[test]
    fn the_index_holds_what_the_records_were_last(
        changes in vec((0_u8..12, vec((0_u8..9, 0_u8..4, 0_u8..14), 0..12), 0_u8..9), 1..60),
    ) {
        let directory = tempfile::tempdir()?;
        let (log, path) = (log(directory.path()), directory.path().join("index"));
        let mut view = IndexView::open_at(&path, &log, &SETTINGS).expect("open");
        let mut held: BTreeMap<u8, Vec<Small>> = BTreeMap::new();
        for (record, triples, what) in &changes {
            let part = IndexView::part(&change(*record, triples));
            view.apply(vec![Batch { parts: vec![part], mark: Some(MARK) }]).expect("applied");
            held.insert(*record, triples.clone());
            match what {
                0 | 1 => view.flush().expect("flushed"),
                2 => {
                    view.flush().expect("flushed");
                    view = IndexView::open_at(&path, &log, &SETTINGS).expect("open again");
                }
                3 => view.optimize().expect("merged"),
                4 => {
                    view.settle().expect("merged");
                }
                _ => {}
            }
        }
        view.flush().expect("flushed");
        let of = |(record, triples): (&u8, &Vec<Small>)| quads(&graph_name(&format!("https://libris.kb.se/{record}")), triples);
        let held: Vec<Quad> = held.iter().flat_map(of).collect();
        let copy = directory.path().join("copy");
        view.publish(&copy).expect("copied");
        let index = Index::open(&copy).expect("an index");
        compare(&index, &held);
        view.optimize().expect("merged");
        let merged = directory.path().join("merged");
        view.publish(&merged).expect("copied");
        let one = Index::open(&merged).expect("an index");
        prop_assert!(one.layers.len() <= 1);
        compare(&one, &held);
        // What is read is not what is written now.
        compare(&index, &held);
        for layer in index.layers.iter().chain(&one.layers) {
            layer.segment.file.check_all().expect("whole");
        }
    }
}

/// Forty triples of a record, others for each number.
fn forty(more: u8) -> Vec<Small> {
    (0..40).map(|number| (number % 9, number % 4, (number + more) % 14)).collect()
}

fn part(record: u8, more: u8) -> super::Part {
    IndexView::part(&change(record, &forty(more)))
}

fn batch(records: std::ops::Range<u8>, more: u8) -> Vec<Batch<super::Part>> {
    vec![Batch { parts: records.map(|record| part(record, more)).collect(), mark: Some(MARK) }]
}

fn published(view: &IndexView, to: &std::path::Path) -> Index {
    view.publish(to).expect("copied");
    Index::open(to).expect("an index")
}

fn held(records: std::ops::Range<u8>, more: u8) -> Vec<Quad> {
    records.flat_map(|record| quads(&graph_name(&format!("https://libris.kb.se/{record}")), &forty(more))).collect()
}

/// A commit that failed is as if nothing had been applied since the last, whatever comes next.
#[test]
fn after_a_commit_that_failed_what_is_on_the_disk_counts() {
    let directory = tempfile::tempdir().expect("a directory");
    let (log, path) = (log(directory.path()), directory.path().join("index"));
    let mut view = IndexView::open_at(&path, &log, &SETTINGS).expect("open");
    view.apply(batch(0..5, 0)).expect("applied");
    view.flush().expect("flushed");
    for name in ["00000002.segment", "manifest.new"] {
        // Nothing can be written to this name.
        fs_err::create_dir(path.join(name)).expect("made");
        view.apply(batch(0..8, 1)).expect("applied");
        view.flush().expect_err("it cannot be written");
        fs_err::remove_dir(path.join(name)).expect("removed");
        compare(&published(&view, &directory.path().join(format!("copy {name}"))), &held(0..5, 0));
    }
    view.apply(batch(0..8, 1)).expect("applied");
    view.flush().expect("flushed");
    compare(&published(&view, &directory.path().join("copy")), &held(0..8, 1));
}

/// Merging is for speed: what cannot be merged stays divided.
#[test]
fn a_merge_that_fails_costs_nothing_but_speed() {
    let directory = tempfile::tempdir().expect("a directory");
    let (log, path) = (log(directory.path()), directory.path().join("index"));
    let mut view = IndexView::open_at(&path, &log, &SETTINGS).expect("open");
    view.apply(batch(0..5, 0)).expect("applied");
    view.flush().expect("flushed");
    // Where the merged segment would be.
    fs_err::create_dir(path.join("00000003.segment")).expect("made");
    view.apply(batch(5..40, 0)).expect("applied");
    view.flush().expect("flushed");
    assert!(!view.settle().expect("settled"), "nothing was merged");
    let index = published(&view, &directory.path().join("copy"));
    assert_eq!(index.layers.len(), 2);
    compare(&index, &held(0..40, 0));
    // A folder that is none of the index's files is left alone, such as a file system has.
    drop(view);
    let mut view = IndexView::open_at(&path, &log, &SETTINGS).expect("open again");
    view.optimize().expect("merged");
    assert!(path.join("00000003.segment").is_dir());
    compare(&published(&view, &directory.path().join("merged")), &held(0..40, 0));
}

/// What only records said that are gone takes no room.
#[test]
fn terms_that_nothing_has_any_more_are_dropped_when_it_becomes_one_segment() {
    drop_terms(false);
}

/// Those of masked graphs, which are gone after that, and their masks too.
#[test]
fn terms_are_dropped_after_segments_were_merged_meanwhile() {
    drop_terms(true);
}

fn drop_terms(merged_meanwhile: bool) {
    let directory = tempfile::tempdir().expect("a directory");
    let (log, path) = (log(directory.path()), directory.path().join("index"));
    let mut view = IndexView::open_at(&path, &log, &SETTINGS).expect("open");
    let mut apply = |record: u8, texts: &[&str]| {
        let graph = graph_name(&format!("https://libris.kb.se/{record}"));
        let quad = |text: &&str| Quad::new(graph.clone(), predicate(1), Literal::from(text.repeat(1000)), graph.clone());
        let quads: Vec<Quad> = texts.iter().map(quad).collect();
        let content = if quads.is_empty() { Content::Deleted } else { Content::Quads(Arc::new(quads.clone())) };
        let change = ParsedChange::new(i64::from(record), PageId(1), graph, content, false, Shapes::standard());
        view.apply(vec![Batch { parts: vec![IndexView::part(&change)], mark: Some(MARK) }]).expect("applied");
        view.flush().expect("flushed");
        quads
    };
    apply(1, &["lost", "kept"]);
    apply(2, &["gone"]);
    apply(2, &[]);
    let mut due = apply(1, &["kept"]);
    if merged_meanwhile {
        view.settle().expect("merged");
    }
    view.optimize().expect("merged");
    let text = |text: &str| Term::from(Literal::from(text.repeat(1000)));
    let index = published(&view, &directory.path().join("copy"));
    let code = |word: &str| index.code(text(word).as_ref()).expect("readable");
    assert_eq!(["lost", "kept", "gone"].map(|word| code(word).is_some()), [false, true, false]);
    assert!(index.layers[0].segment.file.bytes() < 7000, "{}", index.layers[0].segment.file.bytes());
    assert_eq!(super::soundness::unsound(&index.layers[0].segment).expect("readable"), Vec::<&str>::new());
    // A term that comes again is a new one, also after the next merge.
    let graph = graph_name("https://libris.kb.se/3");
    let quad = Quad::new(graph.clone(), predicate(1), text("lost"), graph.clone());
    let content = Content::Quads(Arc::new(vec![quad.clone()]));
    let change = ParsedChange::new(3, PageId(1), graph, content, false, Shapes::standard());
    view.apply(vec![Batch { parts: vec![IndexView::part(&change)], mark: Some(MARK) }]).expect("applied");
    due.push(quad);
    view.flush().expect("flushed");
    compare(&published(&view, &directory.path().join("again")), &due);
    view.optimize().expect("merged");
    let merged = published(&view, &directory.path().join("merged"));
    compare(&merged, &due);
    assert_eq!(super::soundness::unsound(&merged.layers[0].segment).expect("readable"), Vec::<&str>::new());
}

/// Records go on to come, and come again, while segments are merged.
#[test]
fn what_is_replaced_meanwhile_counts_no_more_in_what_was_merged() {
    let directory = tempfile::tempdir().expect("a directory");
    let (log, path) = (log(directory.path()), directory.path().join("index"));
    let mut view = IndexView::open_at(&path, &log, &SETTINGS).expect("open");
    for records in [0..5, 5..40] {
        view.apply(batch(records, 0)).expect("applied");
        view.flush().expect("flushed");
    }
    // The merge has begun; records of both segments are replaced.
    view.apply(batch(3..8, 1)).expect("applied");
    assert!(view.settle().expect("settled"), "it was merged");
    let mut due = held(0..3, 0);
    due.extend(held(3..8, 1));
    due.extend(held(8..40, 0));
    compare(&published(&view, &directory.path().join("copy")), &due);
    let again = IndexView::open_at(&path, &log, &SETTINGS).expect("open again");
    compare(&published(&again, &directory.path().join("again")), &due);
}

/// Who has no time for it reads the segments as they are, and the merged file is gone.
#[test]
fn the_end_of_a_run_does_not_wait_longer_than_it_may() {
    let directory = tempfile::tempdir().expect("a directory");
    let (log, path) = (log(directory.path()), directory.path().join("index"));
    let mut view = IndexView::open_at(&path, &log, &config::Index { merge_s: 0, ..SETTINGS }).expect("open");
    for records in [0..5, 5..40] {
        view.apply(batch(records, 0)).expect("applied");
        view.flush().expect("flushed");
    }
    let merged = view.settle().expect("settled");
    let files = fs_err::read_dir(&path).expect("a directory").count();
    assert_eq!(files, if merged { 2 } else { 3 }, "segments and a manifest");
    compare(&published(&view, &directory.path().join("copy")), &held(0..40, 0));
}

/// A merge that is done is dropped as well as one that is not: nobody reads its file.
#[test]
fn what_was_merged_and_is_not_taken_leaves_no_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let (log, path) = (log(directory.path()), directory.path().join("index"));
    let mut view = IndexView::open_at(&path, &log, &SETTINGS).expect("open");
    view.apply(batch(0..5, 0)).expect("applied");
    view.flush().expect("flushed");
    let index = published(&view, &directory.path().join("copy"));
    let merging = super::merging::Merging::begin(&index.layers, 0, "merged".to_owned(), &path).expect("begun");
    assert!(merging.wait(std::time::Instant::now() + std::time::Duration::from_mins(1)), "it is done");
    assert!(path.join("merged").exists());
    drop(merging);
    assert!(!path.join("merged").exists());
}

/// A segment tells 65 535 predicates apart: more of them need more segments.
#[test]
fn predicates_that_one_segment_cannot_hold_divide_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let (log, path) = (log(directory.path()), directory.path().join("index"));
    let mut view = IndexView::open_at(&path, &log, &SETTINGS).expect("open");
    let graph = |record: u32| graph_name(&format!("https://libris.kb.se/{record}"));
    for record in 0..4 {
        let quad = |number: u32| {
            let predicate = NamedNode::new_unchecked(format!("urn:p{}", number + record * 20_000));
            Quad::new(graph(record), predicate, Literal::from("x"), graph(record))
        };
        let content = Content::Quads(Arc::new((0..40_000).map(quad).collect()));
        let change = ParsedChange::new(i64::from(record), PageId(1), graph(record), content, false, Shapes::standard());
        view.apply(vec![Batch { parts: vec![IndexView::part(&change)], mark: Some(MARK) }]).expect("applied");
        if record == 2 {
            view.flush().expect("flushed");
        }
    }
    view.flush().expect("flushed");
    view.optimize().expect("left divided");
    let index = published(&view, &directory.path().join("copy"));
    assert!(index.layers.len() > 1);
    for record in 0..4 {
        assert_eq!(index.quads(&graph(record)).expect("readable").len(), 40_000);
    }
}

mod damage;
