//! A record's quads as a graph to walk: from what it describes, along KBV's properties, to what people read.

use oxigraph::model::{NamedOrBlankNodeRef, Quad, Term, TermRef};
use rustc_hash::FxHashMap;

use super::vocab::{KBV, MAIN_ENTITY, RDF_TYPE};

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

    /// What the record describes: the object of `kbv:mainEntity`, else `<record#it>`, else nothing.
    #[must_use]
    pub fn main_entity(&self, record: &str) -> Option<Node<'a>> {
        let named = self.quads.iter().find(|quad| quad.predicate.as_ref() == MAIN_ENTITY).and_then(|quad| node(&quad.object));
        named.or_else(|| {
            let it = |subject: &Node<'a>| matches!(subject, Node::NamedNode(name) if name.as_str().strip_prefix(record) == Some("#it"));
            self.by_subject.keys().copied().find(it)
        })
    }

    /// The properties of a node, by name and value, as they came.
    pub fn properties(&self, of: Node<'a>) -> impl Iterator<Item = (&'a str, &'a Term)> + use<'a, '_> {
        self.by_subject.get(&of).into_iter().flatten().map(|quad| (short(quad.predicate.as_str()), &quad.object))
    }

    /// The values of one property.
    pub fn values<'s>(&'s self, of: Node<'a>, property: &'s str) -> impl Iterator<Item = &'a Term> + use<'a, 's> {
        self.properties(of).filter(move |(name, _)| *name == property).map(|(_, value)| value)
    }

    /// The nodes that one property leads to.
    pub fn nodes<'s>(&'s self, of: Node<'a>, property: &'s str) -> impl Iterator<Item = Node<'a>> + use<'a, 's> {
        self.values(of, property).filter_map(node)
    }

    /// The first literal of one property.
    #[must_use]
    pub fn text(&self, of: Node<'a>, property: &str) -> Option<&'a str> {
        self.values(of, property).find_map(|value| match value {
            Term::Literal(literal) => Some(literal.value().trim()).filter(|text| !text.is_empty()),
            _ => None,
        })
    }

    /// The first class of a node, without KBV's namespace.
    #[must_use]
    pub fn class(&self, of: Node<'a>) -> Option<&'a str> {
        self.values(of, RDF_TYPE.as_str()).find_map(|class| match class {
            Term::NamedNode(class) => Some(short(class.as_str())),
            _ => None,
        })
    }

    /// Whether a node has any property.
    #[must_use]
    pub fn describes(&self, of: Node<'a>) -> bool {
        self.by_subject.contains_key(&of)
    }

    /// The title of a node in `kbv:hasTitle`: main title, number and name of a part, and what follows.
    #[must_use]
    pub fn title(&self, of: Node<'a>) -> Option<String> {
        let own = self.nodes(of, "hasTitle").find(|title| self.class(*title) == Some("Title"));
        let title = own.or_else(|| self.nodes(of, "hasTitle").find(|title| self.text(*title, "mainTitle").is_some()))?;
        let mut text = self.text(title, "mainTitle")?.to_owned();
        for (property, between) in [("partNumber", ". "), ("partName", ". "), ("subtitle", " : "), ("titleRemainder", " : ")] {
            if let Some(more) = self.text(title, property) {
                text.push_str(between);
                text.push_str(more);
            }
        }
        Some(text)
    }

    /// The name of an agent: family name first.
    #[must_use]
    pub fn name(&self, of: Node<'a>) -> Option<String> {
        match (self.text(of, "familyName"), self.text(of, "givenName")) {
            (Some(family), Some(given)) => Some(format!("{family}, {given}")),
            (family, given) => self.text(of, "name").or(family).or(given).map(str::to_owned),
        }
    }

    /// The name of a node for people, if this record has one: a title, a name, a heading, a label.
    #[must_use]
    pub fn label(&self, of: Node<'a>) -> Option<String> {
        let plain = || ["prefLabel", "label", "mainTitle", "value", "code"].iter().find_map(|property| self.text(of, property));
        self.title(of).or_else(|| self.name(of)).or_else(|| plain().map(str::to_owned)).or_else(|| self.components(of))
    }

    /// The parts of a complex subject, `Historia -- Sverige -- 1900-talet`, if this record names them.
    fn components(&self, of: Node<'a>) -> Option<String> {
        let mut parts = Vec::new();
        let mut cell = self.nodes(of, "termComponentList").next();
        while let Some(at) = cell.filter(|_| parts.len() < LONGEST_LIST) {
            let part = self.values(at, FIRST).next().and_then(node);
            parts.extend(part.and_then(|part| match part {
                Node::NamedNode(name) if !self.describes(part) => Some(last_part(name.as_str())),
                part => ["prefLabel", "label"].iter().find_map(|property| self.text(part, property)).map(str::to_owned),
            }));
            cell = self.values(at, REST).next().and_then(node);
        }
        (!parts.is_empty()).then(|| parts.join(" -- "))
    }
}

const FIRST: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#first";
const REST: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#rest";
/// Lists in records have a handful of members; one with a cycle has no end.
const LONGEST_LIST: usize = 16;

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
    use oxigraph::io::{RdfFormat, RdfParser};

    fn label(turtle: &str) -> Option<String> {
        let document = format!("@prefix : <https://id.kb.se/vocab/> . @base <https://libris.kb.se/abc> . {turtle}");
        let parser = RdfParser::from_format(RdfFormat::Turtle).for_slice(&document);
        let quads: Vec<Quad> = parser.collect::<Result<_, _>>().expect("valid Turtle");
        let graph = Graph::new(&quads);
        graph.label(graph.main_entity("https://libris.kb.se/abc")?)
    }

    #[test]
    fn everything_has_a_name_for_people() {
        assert_eq!(
            label(r#"<> :mainEntity <#it> . <#it> :hasTitle [a :VariantTitle; :mainTitle "B"], [a :Title; :mainTitle "A"; :subtitle "a"; :partNumber "2"] ."#).as_deref(),
            Some("A. 2 : a")
        );
        assert_eq!(label(r#"<#it> :familyName "Ågren"; :givenName "Åsa" ."#).as_deref(), Some("Ågren, Åsa"));
        assert_eq!(label(r#"<#it> :name "Elagabalus" ."#).as_deref(), Some("Elagabalus"));
        assert_eq!(label(r#"<#it> :prefLabel "Fjärilar" ."#).as_deref(), Some("Fjärilar"));
        assert_eq!(
            label(r#"<#it> :termComponentList (<https://id.kb.se/term/sao/Historia> [:prefLabel "Sverige"]) ."#).as_deref(),
            Some("Historia -- Sverige")
        );
        assert_eq!(label("<> :mainEntity <#it> ."), None);
        assert_eq!(last_part("https://id.kb.se/term/saogf/Fackb%C3%B6cker"), "Fackböcker");
    }

    #[test]
    fn a_list_with_a_cycle_ends() {
        let rdf = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#";
        let text = label(&format!("<#it> :termComponentList _:a . _:a {rdf}first> <https://x.se/A>; {rdf}rest> _:a ."));
        assert_eq!(text.map(|text| text.matches('A').count()), Some(LONGEST_LIST));
    }
}
