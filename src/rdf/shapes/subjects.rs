//! What a record calls its subjects that have IRIs.

use oxigraph::model::{NamedOrBlankNodeRef, Term};

use super::table::Shapes;
use super::thing::Name;
use super::walk::Walk;
use crate::rdf::graph::{Graph, Node};

/// A subject of a record, and what the record calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject<'a> {
    /// Its IRI.
    pub iri: &'a str,
    /// Its names, a language each.
    pub names: Vec<Name>,
    /// Other IRIs of the same thing, if the record describes it and is not about the record itself.
    pub aliases: Vec<&'a str>,
    /// Whether the record describes it. If not, the record only mentions it.
    pub described: bool,
}

/// The properties that lead to other IRIs of the same thing.
const SAME: [&str; 2] = ["https://id.kb.se/vocab/sameAs", "http://www.w3.org/2002/07/owl#sameAs"];

/// The class of a record's document.
const DOCUMENT: &str = "https://id.kb.se/vocab/Record";

impl<'a> Subject<'a> {
    /// The subjects of a record that have names, in the order of their IRIs.
    #[must_use]
    pub fn all(shapes: &Shapes, record: &str, graph: &Graph<'a>) -> Vec<Self> {
        let walk = Walk::new(shapes, graph);
        let main = walk.stated_main(record);
        let below = |iri: &str| iri.strip_prefix(record).is_some_and(|rest| rest.is_empty() || rest.starts_with('#'));
        // A record that does not say what it describes describes all of its subjects.
        let described = |node: Node<'_>, iri: &str| main.is_none_or(|main| main == node) || below(iri);
        let mut subjects: Vec<Self> = graph
            .subjects()
            .filter_map(|node| {
                let NamedOrBlankNodeRef::NamedNode(name) = node else { return None };
                let names = walk.names(node);
                let described = described(node, name.as_str());
                let has_aliases = described && !names.is_empty() && !walk.classes(node).any(|class| class == DOCUMENT);
                let aliases = if has_aliases { aliases(graph, node) } else { Vec::new() };
                (!names.is_empty()).then(|| Self { iri: name.as_str(), names, aliases, described })
            })
            .collect();
        subjects.sort_unstable_by_key(|subject| subject.iri);
        subjects
    }
}

fn aliases<'a>(graph: &Graph<'a>, node: Node<'a>) -> Vec<&'a str> {
    let same = graph.quads(node).iter().filter(|quad| SAME.contains(&quad.predicate.as_str()));
    same.filter_map(|quad| match &quad.object {
        Term::NamedNode(alias) => Some(alias.as_str()),
        _ => None,
    })
    .collect()
}
