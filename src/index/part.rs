//! A record as the index takes it: its terms as bytes, each once, and its rows by their places. Made on all cores.

use oxigraph::model::{BlankNode, NamedNode, NamedOrBlankNodeRef, TermRef};
use rustc_hash::FxHashMap;

use super::code::BLANK;
use super::terms;
use crate::rdf::nth_blank_node;
use crate::views::ParsedChange;

/// The graph of a record, as the index must hold it.
#[derive(Debug, Default)]
pub struct Part {
    /// The terms behind one another; the first is the name of the graph.
    text: Vec<u8>,
    ends: Vec<u32>,
    pub(super) hashes: Vec<u64>,
    /// Subject, predicate and object: places of terms, or blank nodes from [`BLANK`] on, in their order.
    pub(super) rows: Vec<[u32; 3]>,
    /// Terms that are subjects.
    pub(super) subjects: Vec<u32>,
    /// Terms that are predicates.
    pub(super) predicates: Vec<u32>,
    pub(super) blanks: u32,
}

impl Part {
    /// The bytes of a term.
    pub(super) fn term(&self, place: usize) -> &[u8] {
        let start = place.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        let end = self.ends.get(place).copied().unwrap_or(start);
        &self.text[start as usize..end as usize]
    }

    pub(super) fn terms(&self) -> usize {
        self.ends.len()
    }

    /// The graph that a change leaves; without rows for a record that has none.
    pub(super) fn of(change: &ParsedChange) -> Self {
        let quads = change.content.quads();
        let mut part = Self::default();
        let (mut known, mut buffer): (FxHashMap<TermRef<'_>, u32>, _) = (FxHashMap::default(), Vec::new());
        let graph = TermRef::from(change.graph.as_ref());
        part.place(graph, &mut known, &mut buffer);
        let mut nodes = Nodes::new(&change.graph);
        for quad in quads {
            if let NamedOrBlankNodeRef::BlankNode(node) = quad.subject.as_ref() {
                nodes.see(node.into_owned());
            }
            if let TermRef::BlankNode(node) = quad.object.as_ref() {
                nodes.see(node.into_owned());
            }
        }
        part.blanks = nodes.number();
        part.rows.reserve(quads.len());
        for quad in quads {
            let place = |term: TermRef<'_>| match term {
                TermRef::BlankNode(node) => nodes.place(&node.into_owned()),
                _ => None,
            };
            let subject = TermRef::from(quad.subject.as_ref());
            let object = quad.object.as_ref();
            let (at_subject, at_object) = (place(subject), place(object));
            let subject = at_subject.unwrap_or_else(|| part.place(subject, &mut known, &mut buffer));
            let predicate = part.place(quad.predicate.as_ref().into(), &mut known, &mut buffer);
            let object = at_object.unwrap_or_else(|| part.place(object, &mut known, &mut buffer));
            part.rows.push([subject, predicate, object]);
        }
        part.subjects = distinct(part.rows.iter().map(|row| row[0]).filter(|subject| *subject < BLANK));
        part.predicates = distinct(part.rows.iter().map(|row| row[1]));
        part
    }

    fn place<'a>(&mut self, term: TermRef<'a>, known: &mut FxHashMap<TermRef<'a>, u32>, buffer: &mut Vec<u8>) -> u32 {
        *known.entry(term).or_insert_with(|| {
            buffer.clear();
            terms::encode(term, buffer);
            self.text.extend_from_slice(buffer);
            // A payload is shorter than four gigabytes.
            self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
            self.hashes.push(terms::hash(buffer));
            u32::try_from(self.ends.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

fn distinct(places: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut places: Vec<u32> = places.collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// The blank nodes of a graph. Their ids are made of the graph and a number ([`nth_blank_node`]), so that the number is enough.
struct Nodes<'a> {
    graph: &'a NamedNode,
    seen: FxHashMap<BlankNode, Option<u32>>,
    numbered: u32,
}

impl<'a> Nodes<'a> {
    fn new(graph: &'a NamedNode) -> Self {
        Self { graph, seen: FxHashMap::default(), numbered: 0 }
    }

    fn see(&mut self, node: BlankNode) {
        self.seen.entry(node).or_insert(None);
    }

    /// Numbers those that have such an id. Answers how many numbers there are.
    fn number(&mut self) -> u32 {
        // Nodes may be missing in between, but not many.
        let (mut left, mut number) = (self.seen.len(), 0);
        let most = u32::try_from(left).unwrap_or(u32::MAX).saturating_add(MISSING).min(BLANK - 1);
        while left > 0 && number < most {
            if let Some(place) = self.seen.get_mut(&nth_blank_node(self.graph, u64::from(number))) {
                *place = Some(BLANK + number);
                self.numbered = number + 1;
                left -= 1;
            }
            number += 1;
        }
        self.numbered
    }

    /// The place of a node; none if it is kept as a term.
    fn place(&self, node: &BlankNode) -> Option<u32> {
        self.seen.get(node).copied().flatten()
    }
}

/// How many numbers of blank nodes may lead to none.
const MISSING: u32 = 64;
