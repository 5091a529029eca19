//! Stable names: the graph of a record, and 128-bit ids for its blank nodes.

use std::borrow::Cow;

use oxigraph::model::{BlankNode, NamedNode};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use rustc_hash::FxHashMap;

/// ASCII characters that an IRI's path holds only in their encoded form.
pub(crate) const NOT_IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'#')
    .add(b'?')
    .add(b'%');

/// Names that this program assigns; a source may not use them.
const OURS: &str = "urn:libris-mirror:";

/// What the graphs of records are called whose identifiers are no IRIs.
const RECORD: &str = "urn:libris-mirror:record:";

/// The named graph of a record: its identifier where that is an IRI, else a URN made of it.
#[must_use]
pub fn graph_name(identifier: &str) -> NamedNode {
    NamedNode::new(identifier)
        .ok()
        .filter(|_| !identifier.starts_with(OURS))
        .unwrap_or_else(|| NamedNode::new_unchecked(format!("{RECORD}{}", utf8_percent_encode(identifier, NOT_IN_PATH))))
}

/// The identifier of the record that has this named graph.
#[must_use]
pub fn record_identifier(graph: &str) -> Cow<'_, str> {
    match graph.strip_prefix(RECORD) {
        Some(encoded) => percent_decode_str(encoded).decode_utf8_lossy(),
        None => Cow::Borrowed(graph),
    }
}

/// Gives the blank nodes of one payload ids from a hash of (graph, order of first appearance).
///
/// The order of appearance stands in for the label: JSON-LD and Turtle have blank nodes without labels, and
/// where there are labels (`A0`, `A1` … of Jena) they are numbered by appearance as well.
pub struct NodeIds {
    /// The name of the graph and a zero byte; the number of the node follows.
    graph: Vec<u8>,
    known: FxHashMap<BlankNode, BlankNode>,
}

impl NodeIds {
    /// Ids for the blank nodes of one graph.
    #[must_use]
    pub fn new(graph: &NamedNode) -> Self {
        Self { graph: [graph.as_str().as_bytes(), &[0]].concat(), known: FxHashMap::default() }
    }

    /// The id for a node as the parser named it.
    pub fn id(&mut self, node: BlankNode) -> BlankNode {
        let place = self.known.len() as u64;
        self.known
            .entry(node)
            .or_insert_with(|| {
                let prefix = self.graph.len();
                self.graph.extend_from_slice(&place.to_le_bytes());
                let id = id_of(&self.graph);
                self.graph.truncate(prefix);
                BlankNode::new_from_unique_id(id)
            })
            .clone()
    }
}

fn id_of(place: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&blake3::hash(place).as_bytes()[..16]);
    u128::from_be_bytes(bytes)
}

/// The blank node that appears in a graph after `number` others, as [`NodeIds`] names it.
#[must_use]
pub fn nth_blank_node(graph: &NamedNode, number: u64) -> BlankNode {
    let place = [graph.as_str().as_bytes(), &[0], &number.to_le_bytes()].concat();
    BlankNode::new_from_unique_id(id_of(&place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_depend_on_the_graph_and_the_place_alone() {
        let (a, b) = (graph_name("https://libris.kb.se/a"), graph_name("https://libris.kb.se/b"));
        let node = |name: &str| BlankNode::new(name).expect("label");
        let (mut first, mut again, mut other) = (NodeIds::new(&a), NodeIds::new(&a), NodeIds::new(&b));
        assert_eq!(first.id(node("A0")), again.id(node("x")));
        assert_ne!(first.id(node("A1")), first.id(node("A0")));
        assert_eq!(first.id(node("A1")), again.id(node("y")));
        assert_ne!(first.id(node("A0")), other.id(node("A0")));
        assert_eq!([nth_blank_node(&a, 0), nth_blank_node(&a, 1)], [first.id(node("A0")), first.id(node("A1"))]);
    }

    #[test]
    fn an_identifier_that_is_no_iri_becomes_a_urn() {
        assert_eq!(graph_name("https://libris.kb.se/a").as_str(), "https://libris.kb.se/a");
        assert_eq!(graph_name("oai:example.org:1").as_str(), "oai:example.org:1");
        let made = graph_name("record <1> å");
        assert_eq!(made.as_str(), "urn:libris-mirror:record:record%20%3C1%3E%20%C3%A5");
        assert!(NamedNode::new(made.as_str()).is_ok());
    }

    #[test]
    fn the_name_of_a_graph_tells_its_record() {
        for identifier in
            ["https://libris.kb.se/x", "rec 1", "a%20b", "å:ä", "urn:libris-mirror:watermark", "oai:x:1", "100%", ""]
        {
            assert_eq!(record_identifier(graph_name(identifier).as_str()), identifier);
        }
    }
}
