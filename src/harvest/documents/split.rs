//! What a document says, split into records: each triple goes to the record that it belongs to, as a line of N-Triples.
//!
//! A blank node belongs to the IRIs that lead to it, wherever in the document that is said. So the triples of blank nodes
//! wait on disk for the end of the document; in memory are only the ways from node to node.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{BufReader, Read, Seek, SeekFrom, Write as _};
use std::path::Path;

use oxigraph::model::{BlankNode, GraphName, NamedOrBlankNode, Quad, Term};
use rustc_hash::FxHashMap;
use tempfile::SpooledTempFile;

use super::ended::{Ended, of_disk};
use super::sort::Sorter;
use crate::config::Split;
use crate::rdf::UnreadableDocument;

/// Splits one document.
pub(super) struct Splitter<'a> {
    split: Split,
    /// The name of the document, which is that of its own record.
    name: &'a str,
    document: u32,
    sorter: &'a mut Sorter,
    line: String,
    nodes: Nodes,
}

/// The blank nodes of a document.
struct Nodes {
    limit: usize,
    numbers: FxHashMap<u128, u32>,
    /// IRIs that lead to blank nodes.
    owners: Vec<Box<str>>,
    owner_numbers: FxHashMap<Box<str>, u32>,
    /// From an IRI to a blank node.
    roots: Vec<(u32, u32)>,
    /// From a blank node to another.
    ways: Vec<(u32, u32)>,
    /// The triples of blank nodes: number of the node, length, line.
    waiting: SpooledTempFile,
}

/// This much of the triples of blank nodes waits in memory.
const WAITING_BYTES: usize = 8 << 20;

/// The key of a blank node.
fn key(node: &BlankNode) -> u128 {
    node.as_ref().unique_id().unwrap_or_else(|| {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&blake3::hash(node.as_str().as_bytes()).as_bytes()[..16]);
        u128::from_le_bytes(bytes)
    })
}

/// The identifier that an IRI names: what it may not have is encoded. IRIs that have the same one are one record, so this
/// comes before the sorting.
fn identifier(iri: &str) -> Cow<'_, str> {
    let foreign = |character: char| character.is_whitespace() || character.is_control();
    if !iri.contains(foreign) {
        return iri.into();
    }
    let mut encoded = String::new();
    let mut bytes = [0; 4];
    for character in iri.chars() {
        if foreign(character) {
            for byte in character.encode_utf8(&mut bytes).bytes() {
                // Writing to a string cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        } else {
            encoded.push(character);
        }
    }
    encoded.into()
}

impl<'a> Splitter<'a> {
    /// A splitter of a document, into a sorter. At most `limit` blank nodes may wait for the document's end.
    pub(super) fn new(
        split: Split,
        name: &'a str,
        document: u32,
        sorter: &'a mut Sorter,
        directory: &Path,
        limit: usize,
    ) -> Self {
        let nodes = Nodes {
            limit,
            numbers: FxHashMap::default(),
            owners: Vec::new(),
            owner_numbers: FxHashMap::default(),
            roots: Vec::new(),
            ways: Vec::new(),
            waiting: tempfile::spooled_tempfile_in(WAITING_BYTES, directory),
        };
        Self { split, name, document, sorter, line: String::new(), nodes }
    }

    /// Takes a quad.
    pub(super) fn quad(&mut self, quad: &Quad) -> Result<(), Ended> {
        self.write(quad);
        let record = match (self.split, &quad.graph_name, &quad.subject) {
            (Split::Graph, GraphName::NamedNode(graph), _) => identifier(graph.as_str()),
            (Split::Subject, _, subject) => return self.of_subject(subject, &quad.object),
            _ => self.name.into(),
        };
        self.sorter.push(&record, &self.line, self.document).map_err(of_disk)
    }

    /// Writes the line of a quad. Labels of blank nodes are of the document, and none is that of another document.
    fn write(&mut self, quad: &Quad) {
        let Self { line, document, .. } = self;
        line.clear();
        // Writing to a string cannot fail.
        let _ = match &quad.subject {
            NamedOrBlankNode::NamedNode(subject) => write!(line, "{subject}"),
            NamedOrBlankNode::BlankNode(node) => write!(line, "_:{document}n{:x}", key(node)),
        };
        let _ = write!(line, " {} ", quad.predicate);
        let _ = match &quad.object {
            Term::BlankNode(node) => write!(line, "_:{document}n{:x} .", key(node)),
            object => write!(line, "{object} ."),
        };
    }

    fn of_subject(&mut self, subject: &NamedOrBlankNode, object: &Term) -> Result<(), Ended> {
        let object = match object {
            Term::BlankNode(node) => Some(self.nodes.number(node)?),
            _ => None,
        };
        match subject {
            NamedOrBlankNode::NamedNode(name) => {
                let name = identifier(name.as_str());
                if let Some(node) = object {
                    let owner = self.nodes.owner(&name)?;
                    self.nodes.roots.push((owner, node));
                }
                self.sorter.push(&name, &self.line, self.document).map_err(of_disk)
            }
            NamedOrBlankNode::BlankNode(node) => {
                let node = self.nodes.number(node)?;
                self.nodes.ways.extend(object.map(|object| (node, object)));
                self.nodes.wait(node, &self.line)
            }
        }
    }

    /// Ends the document: blank nodes go to the records that lead to them, and to that of the document if none does.
    pub(super) fn finish(mut self) -> Result<(), Ended> {
        let owned = self.nodes.owned()?;
        let Nodes { waiting, owners, .. } = &mut self.nodes;
        waiting.seek(SeekFrom::Start(0)).map_err(of_disk)?;
        let mut input = BufReader::with_capacity(1 << 16, waiting);
        let mut head = [0; 8];
        let mut line = Vec::new();
        loop {
            match input.read_exact(&mut head) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(of_disk(error)),
            }
            let [a, b, c, d, length @ ..] = head;
            let node = u32::from_le_bytes([a, b, c, d]);
            line.resize(u32::from_le_bytes(length) as usize, 0);
            input.read_exact(&mut line).map_err(of_disk)?;
            let text = String::from_utf8_lossy(&line);
            let begin = owned.partition_point(|(other, _)| *other < node);
            let mut its = owned[begin..].iter().take_while(|(other, _)| *other == node).peekable();
            if its.peek().is_none() {
                self.sorter.push(self.name, &text, self.document).map_err(of_disk)?;
            }
            for (_, owner) in its {
                self.sorter.push(&owners[*owner as usize], &text, self.document).map_err(of_disk)?;
            }
        }
    }
}

impl Nodes {
    fn check(&self, count: usize, what: &str) -> Result<(), Ended> {
        if count <= self.limit {
            return Ok(());
        }
        let reason = format!("it has more than {} {what} (harvest.blank_nodes)", self.limit);
        Err(UnreadableDocument::OverLimit(reason).into())
    }

    fn number(&mut self, node: &BlankNode) -> Result<u32, Ended> {
        let next = self.numbers.len();
        self.check(next + 1, "blank nodes")?;
        Ok(*self.numbers.entry(key(node)).or_insert(u32::try_from(next).unwrap_or(u32::MAX)))
    }

    fn owner(&mut self, name: &str) -> Result<u32, Ended> {
        if let Some(owner) = self.owner_numbers.get(name) {
            return Ok(*owner);
        }
        let next = self.owners.len();
        self.check(next + 1, "subjects with blank nodes")?;
        let number = u32::try_from(next).unwrap_or(u32::MAX);
        self.owners.push(name.into());
        self.owner_numbers.insert(name.into(), number);
        Ok(number)
    }

    fn wait(&mut self, node: u32, line: &str) -> Result<(), Ended> {
        let length = u32::try_from(line.len()).unwrap_or(u32::MAX);
        let waiting = &mut self.waiting;
        waiting
            .write_all(&node.to_le_bytes())
            .and_then(|()| waiting.write_all(&length.to_le_bytes()))
            .and_then(|()| waiting.write_all(line.as_bytes()))
            .map_err(of_disk)
    }

    /// Each blank node with the IRIs that lead to it, sorted.
    fn owned(&mut self) -> Result<Vec<(u32, u32)>, Ended> {
        self.numbers = FxHashMap::default();
        self.owner_numbers = FxHashMap::default();
        for pairs in [&mut self.roots, &mut self.ways] {
            pairs.sort_unstable();
            pairs.dedup();
        }
        let ways = |node: u32| {
            let begin = self.ways.partition_point(|(from, _)| *from < node);
            self.ways[begin..].iter().take_while(move |(from, _)| *from == node).map(|(_, to)| *to)
        };
        let mut owned = Vec::with_capacity(self.roots.len());
        let mut seen: FxHashMap<u32, u32> = FxHashMap::default();
        let mut open = Vec::new();
        for (owner, root) in &self.roots {
            open.push(*root);
            while let Some(node) = open.pop() {
                // The roots are sorted by their owners.
                if seen.insert(node, *owner) == Some(*owner) {
                    continue;
                }
                owned.push((node, *owner));
                open.extend(ways(node));
            }
            self.check(owned.len(), "blank nodes, each counted for every subject that leads to it")?;
        }
        owned.sort_unstable();
        Ok(owned)
    }
}
