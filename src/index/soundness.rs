//! Whether the parts of a segment say the same: what `verify` cannot see by reading its graphs. In time that grows with the
//! segment, and memory that does not.

use super::code::Code;
use super::error::IndexError;
use super::segment::{GraphOf, Segment};
use super::terms;

/// What rows are together, in whatever order: how many there are, and the sum of their hashes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    hashes: u64,
}

impl Sum {
    fn add(&mut self, row: &[u32]) {
        self.rows += 1;
        let bytes: Vec<u8> = row.iter().flat_map(|code| code.to_le_bytes()).collect();
        self.hashes = self.hashes.wrapping_add(xxhash_rust::xxh3::xxh3_64(&bytes));
    }
}

/// Describes what is wrong between the parts of a segment; nothing if they fit.
pub(super) fn unsound(segment: &Segment) -> Result<Vec<&'static str>, IndexError> {
    let mut wrong = Vec::new();
    let (spo, ordered) = subjects(segment)?;
    if !ordered {
        wrong.push("its rows by subject are not in order, or are there twice");
    }
    let Objects { all, of_predicates, ordered } = objects(segment)?;
    if !ordered {
        wrong.push("its rows by object are not in order, or are there twice");
    }
    if all != spo {
        wrong.push("its rows by object are others than those by subject");
    }
    if listed(segment)? != of_predicates {
        wrong.push("the objects that its properties have are others than its rows say");
    }
    if !finds_terms(segment)? {
        wrong.push("a term is not found by its text");
    }
    if !finds_graphs(segment)? {
        wrong.push("a graph is not found by its name, or a subject leads to another graph");
    }
    Ok(wrong)
}

/// The rows by subject, and whether they are in order.
fn subjects(segment: &Segment) -> Result<(Sum, bool), IndexError> {
    let Segment { file, subjects, .. } = segment;
    let (mut sum, mut ordered, mut keys, mut rank, mut last) = (Sum::default(), true, subjects.keys.walk(), 0, None);
    while let Some(subject) = keys.next(file)? {
        let (rows, graph) = (subjects.rows_of(file, rank)?, segment.graph_of(subject)?);
        let first = rows.start;
        for row in rows {
            let (predicate, object) = segment.spo(row)?;
            let ordinal = segment.graph_at(graph, row.wrapping_sub(first))?;
            let here = [subject, u32::from(predicate), object, ordinal];
            ordered &= last.is_none_or(|last| last < here);
            last = Some(here);
            sum.add(&here);
        }
        rank += 1;
    }
    Ok((sum, ordered && rank == subjects.keys.count()))
}

struct Objects {
    all: Sum,
    of_predicates: Sum,
    ordered: bool,
}

/// The rows by object.
fn objects(segment: &Segment) -> Result<Objects, IndexError> {
    let Segment { file, objects, .. } = segment;
    let mut found = Objects { all: Sum::default(), of_predicates: Sum::default(), ordered: true };
    let (mut keys, mut rank, mut last): (_, u32, Option<[u32; 4]>) = (objects.keys.walk(), 0, None);
    while let Some(object) = keys.next(file)? {
        for row in objects.rows_of(file, rank)? {
            let (predicate, subject) = segment.ops(row)?;
            let ordinal = segment.graph_of_ops(row, object, predicate, subject)?;
            let predicate = u32::from(predicate);
            let here = [object, predicate, subject, ordinal];
            found.ordered &= last.is_none_or(|last| last < here);
            if last.is_none_or(|[of, by, ..]| (of, by) != (object, predicate)) {
                found.of_predicates.add(&[predicate, object]);
            }
            last = Some(here);
            found.all.add(&[subject, predicate, object, ordinal]);
        }
        rank += 1;
    }
    Ok(found)
}

/// The objects that the properties are listed with.
fn listed(segment: &Segment) -> Result<Sum, IndexError> {
    let mut sum = Sum::default();
    for (number, _) in (0_u16..).zip(&segment.predicates) {
        for place in segment.objects_of(number)? {
            sum.add(&[u32::from(number), segment.object_at(place)?]);
        }
    }
    Ok(sum)
}

fn finds_terms(segment: &Segment) -> Result<bool, IndexError> {
    let Segment { file, dictionary, .. } = segment;
    for code in dictionary.first..dictionary.first + dictionary.count {
        let bytes = dictionary.bytes(file, code)?;
        let dropped = bytes.is_empty();
        if !dropped && dictionary.find(file, terms::hash(bytes), bytes)? != Some(code) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether graphs are found by their names, and their blank nodes lead to them.
fn finds_graphs(segment: &Segment) -> Result<bool, IndexError> {
    for ordinal in 0..segment.graphs {
        let graph = segment.graph(ordinal)?;
        let leads = |code: Code| Ok::<_, IndexError>(segment.graph_of(code)? == GraphOf::One(ordinal));
        let ends = [graph.blanks.start, graph.blanks.end.wrapping_sub(1)];
        let nodes = graph.blanks.is_empty() || (leads(ends[0])? && leads(ends[1])?);
        if !nodes || segment.find_graph(graph.name)? != Some(ordinal) {
            return Ok(false);
        }
    }
    Ok(true)
}
