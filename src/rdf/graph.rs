//! A record's quads as a graph to walk. Which properties to walk along is the table's ([`super::shapes`]).

use oxigraph::model::{NamedOrBlankNodeRef, Quad, Term, TermRef};
use rustc_hash::FxHashMap;

use super::vocab::KBV;

/// A node that can have properties.
pub type Node<'a> = NamedOrBlankNodeRef<'a>;

/// The quads of one record by subject.
pub struct Graph<'a> {
    by_subject: FxHashMap<Node<'a>, Vec<&'a Quad>>,
    quads: &'a [Quad],
}

/// The node of a term, unless it is a literal.
#[must_use]
pub fn node(term: &Term) -> Option<Node<'_>> {
    match term.as_ref() {
        TermRef::NamedNode(node) => Some(node.into()),
        TermRef::BlankNode(node) => Some(node.into()),
        TermRef::Literal(_) => None,
    }
}

/// The name of a property or class without KBV's namespace; others stay whole.
#[must_use]
pub fn short(iri: &str) -> &str {
    iri.strip_prefix(KBV).unwrap_or(iri)
}

impl<'a> Graph<'a> {
    /// Sorts quads by subject.
    #[must_use]
    pub fn new(quads: &'a [Quad]) -> Self {
        let mut by_subject: FxHashMap<Node<'a>, Vec<&'a Quad>> = FxHashMap::default();
        for quad in quads {
            by_subject.entry(quad.subject.as_ref()).or_default().push(quad);
        }
        Self { by_subject, quads }
    }

    /// What is said of a node.
    #[must_use]
    pub fn quads(&self, of: Node<'a>) -> &[&'a Quad] {
        self.by_subject.get(&of).map(Vec::as_slice).unwrap_or_default()
    }

    /// All quads, as they came.
    #[must_use]
    pub fn all(&self) -> &'a [Quad] {
        self.quads
    }

    /// The nodes of which something is said, in no order.
    pub fn subjects(&self) -> impl Iterator<Item = Node<'a>> + use<'a, '_> {
        self.by_subject.keys().copied()
    }

    /// The node of an IRI, if something is said of it.
    #[must_use]
    pub fn named(&self, iri: &str) -> Option<Node<'a>> {
        self.subjects().find(|subject| matches!(subject, Node::NamedNode(name) if name.as_str() == iri))
    }

    /// The nodes that one property leads to.
    pub fn nodes<'s>(&'s self, of: Node<'a>, property: &'s str) -> impl Iterator<Item = Node<'a>> + use<'a, 's> {
        self.quads(of).iter().filter(move |quad| quad.predicate.as_str() == property).filter_map(|quad| node(&quad.object))
    }

    /// Whether a node has any property.
    #[must_use]
    pub fn describes(&self, of: Node<'a>) -> bool {
        self.by_subject.contains_key(&of)
    }
}

/// The last part of an IRI, for people: `https://id.kb.se/term/saogf/Fackb%C3%B6cker` is `Fackböcker`.
#[must_use]
pub fn last_part(iri: &str) -> String {
    let iri = iri.strip_suffix("#it").unwrap_or(iri);
    let last = iri.trim_end_matches('/').rsplit(['/', '#']).next().unwrap_or(iri);
    percent_encoding::percent_decode_str(last).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iri_ends_in_something_readable() {
        assert_eq!(last_part("https://id.kb.se/term/saogf/Fackb%C3%B6cker"), "Fackböcker");
        assert_eq!(last_part("https://libris.kb.se/abc#it"), "abc");
        assert_eq!(last_part("https://id.kb.se/term/sao/"), "sao");
    }
}
