//! Finding the links in a record's quads, and what each is about.
//!
//! Three shapes carry links: an IRI of an authority as the object of any property but a few structural ones, or the same as
//! a text where the property is one for links; an identifier whose class or note names an authority; and a node that
//! stands for an address. Which properties these are is the table's ([`crate::rdf::shapes`]). The node that bears a link is an entity with an IRI, or a blank node below one: then the link is attached to that
//! entity and its path says how far below.

use oxigraph::model::{NamedNode, NamedOrBlankNode, Quad, Term};
use rustc_hash::{FxHashMap, FxHashSet};

use super::authority::{Authority, Reference};
use crate::rdf::shapes::{Aspect, Ends, Shapes};
use crate::rdf::vocab::RDF_TYPE;
use crate::rdf::{last_part, short};

/// A link of an entity.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Link {
    /// What it is about: usually `<record#it>`.
    pub entity: String,
    /// The properties from the entity to the node that bears the link, `/` between them; empty for the entity itself.
    pub path: String,
    /// The property that links, without KBV's namespace.
    pub property: String,
    /// To whom.
    pub reference: Reference,
}

/// How far below an entity a blank node may be; real records go to six.
const DEEPEST: usize = 16;

struct Nodes<'a> {
    parents: FxHashMap<&'a NamedOrBlankNode, (&'a NamedOrBlankNode, &'a NamedNode)>,
    main_entity: FxHashMap<&'a str, &'a str>,
}

/// The links in the quads of one record.
#[must_use]
pub fn extract(shapes: &Shapes, quads: &[Quad]) -> Vec<Link> {
    let ends: Vec<Ends> = quads.iter().map(|quad| shapes.ends(quad.predicate.as_str())).collect();
    let mut by_subject: FxHashMap<&NamedOrBlankNode, Vec<&Quad>> = FxHashMap::default();
    let mut nodes = Nodes { parents: FxHashMap::default(), main_entity: FxHashMap::default() };
    let mut blank: FxHashMap<&str, &NamedOrBlankNode> = FxHashMap::default();
    for quad in quads {
        by_subject.entry(&quad.subject).or_default().push(quad);
        if let NamedOrBlankNode::BlankNode(node) = &quad.subject {
            blank.insert(node.as_str(), &quad.subject);
        }
    }
    for (quad, ends) in quads.iter().zip(&ends) {
        match (&quad.object, &quad.subject) {
            (Term::BlankNode(node), _) => {
                if let Some(node) = blank.get(node.as_str()) {
                    nodes.parents.entry(node).or_insert((&quad.subject, &quad.predicate));
                }
            }
            (Term::NamedNode(entity), NamedOrBlankNode::NamedNode(record)) if ends.is(Aspect::Main) => {
                nodes.main_entity.insert(record.as_str(), entity.as_str());
            }
            _ => {}
        }
    }
    let mut links = Vec::new();
    let mut seen = FxHashSet::default();
    for (quad, ends) in quads.iter().zip(&ends) {
        let references: Vec<Reference> = match &quad.object {
            Term::NamedNode(object) if !ends.is(Aspect::NoLink) => Authority::of_address(object.as_str()).into_iter().collect(),
            Term::Literal(text) if ends.any(&LINKS) => Authority::of_address(text.value()).into_iter().collect(),
            Term::BlankNode(node) => {
                let described =
                    blank.get(node.as_str()).and_then(|node| by_subject.get(node)).map(Vec::as_slice).unwrap_or_default();
                let said = Said { shapes, quads: described };
                if ends.is(Aspect::Identifier) { said.identifiers() } else { said.addresses() }
            }
            _ => continue,
        };
        for reference in references {
            let Some((entity, path)) = nodes.owner(&quad.subject) else { continue };
            let link = Link { entity, path, property: short(quad.predicate.as_str()).to_owned(), reference };
            if seen.insert(link.clone()) {
                links.push(link);
            }
        }
    }
    links
}

/// Properties whose values are links even where they are written as texts.
const LINKS: [Aspect; 3] = [Aspect::Same, Aspect::Close, Aspect::Identifier];

/// What is said of a blank node.
struct Said<'a> {
    shapes: &'a Shapes,
    quads: &'a [&'a Quad],
}

impl Said<'_> {
    /// The references in the node of an identifier. One whose kind is not known may be an address.
    fn identifiers(&self) -> Vec<Reference> {
        let kind = self.quads.iter().find_map(|quad| match &quad.object {
            Term::NamedNode(kind) if quad.predicate.as_ref() == RDF_TYPE || self.is(quad, Aspect::IdentifierType) => {
                Authority::of_identifier_type(&last_part(kind.as_str()))
            }
            Term::Literal(note) if self.is(quad, Aspect::IdentifierType) => Authority::of_identifier_type(note.value()),
            _ => None,
        });
        let values = self.texts(Aspect::IdentifierValue);
        values.filter_map(|value| kind.and_then(|kind| kind.reference(value)).or_else(|| Authority::of_address(value))).collect()
    }

    /// The references in a node that stands for an address, a literal or an IRI.
    fn addresses(&self) -> Vec<Reference> {
        self.texts(Aspect::Address).filter_map(Authority::of_address).collect()
    }

    fn texts(&self, aspect: Aspect) -> impl Iterator<Item = &str> {
        self.quads.iter().filter(move |quad| self.is(quad, aspect)).filter_map(move |quad| match &quad.object {
            Term::Literal(text) => Some(text.value()),
            Term::NamedNode(address) if aspect == Aspect::Address => Some(address.as_str()),
            _ => None,
        })
    }

    fn is(&self, quad: &Quad, aspect: Aspect) -> bool {
        self.shapes.ends(quad.predicate.as_str()).is(aspect)
    }
}

impl Nodes<'_> {
    /// The entity that a node belongs to, and the path from it: up through blank nodes, and from a record document
    /// to what it describes.
    fn owner(&self, node: &NamedOrBlankNode) -> Option<(String, String)> {
        let (mut node, mut path) = (node, Vec::new());
        loop {
            match node {
                NamedOrBlankNode::NamedNode(named) => {
                    let entity = self.main_entity.get(named.as_str()).copied().unwrap_or(named.as_str());
                    path.reverse();
                    return Some((entity.to_owned(), path.join("/")));
                }
                NamedOrBlankNode::BlankNode(_) if path.len() < DEEPEST => {
                    let (parent, property) = self.parents.get(node)?;
                    path.push(short(property.as_str()));
                    node = parent;
                }
                NamedOrBlankNode::BlankNode(_) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxigraph::io::{RdfFormat, RdfParser};

    fn links(turtle: &str) -> Vec<String> {
        let document = format!(
            "@prefix : <https://id.kb.se/vocab/> . @prefix owl: <http://www.w3.org/2002/07/owl#> . @base <https://libris.kb.se/abc> . {turtle}"
        );
        let quads: Vec<Quad> =
            RdfParser::from_format(RdfFormat::Turtle).for_slice(&document).collect::<Result<_, _>>().expect("valid Turtle");
        let mut found: Vec<String> = extract(&Shapes::standard(), &quads)
            .into_iter()
            .map(|link| {
                format!("{} [{}] {} {} {}", link.entity, link.path, link.property, link.reference.authority, link.reference.id)
            })
            .collect();
        found.sort();
        found
    }

    #[test]
    fn every_shape_is_found_and_belongs_to_the_entity() {
        let found = links(
            r#"<> a :Record; :mainEntity <#it>; :sameAs <http://libris.kb.se/auth/281943> .
            <#it> a :Person; :exactMatch <http://www.wikidata.org/entity/Q1762>; owl:sameAs <http://dbpedia.org/resource/Elagabalus>;
              :identifiedBy [a :VIAF; :value "24583475"], [a :Identifier; :typeNote "isni"; :value "0000 0001 0340 7488"], [a :ISBN; :value "24583475"];
              :isPrimaryTopicOf [a :Document; :uri "http://sv.wikipedia.org/wiki/Elagabalus"];
              :closeMatch <http://id.loc.gov/authorities/names/n79021164> ."#,
        );
        assert_eq!(
            found,
            [
                "https://libris.kb.se/abc#it [] closeMatch loc names/n79021164",
                "https://libris.kb.se/abc#it [] exactMatch wikidata Q1762",
                "https://libris.kb.se/abc#it [] http://www.w3.org/2002/07/owl#sameAs dbpedia Elagabalus",
                "https://libris.kb.se/abc#it [] identifiedBy isni 0000000103407488",
                "https://libris.kb.se/abc#it [] identifiedBy viaf 24583475",
                "https://libris.kb.se/abc#it [] isPrimaryTopicOf wikipedia sv:Elagabalus",
                "https://libris.kb.se/abc#it [] sameAs libris auth/281943",
            ]
        );
    }

    #[test]
    fn a_link_on_a_blank_node_says_how_far_below_the_entity_it_is() {
        let found = links(r#"<#it> :instanceOf [:contribution [:agent [a :Person; :identifiedBy [a :VIAF; :value "7"]]]] ."#);
        assert_eq!(found, ["https://libris.kb.se/abc#it [instanceOf/contribution/agent] identifiedBy viaf 7"]);
    }

    #[test]
    fn cycles_and_orphans_of_blank_nodes_end() {
        assert!(
            links(r#"_:a :x _:b . _:b :x _:a . _:a :identifiedBy [a :VIAF; :value "7"] . [] :sameAs <http://viaf.org/viaf/7> ."#)
                .is_empty()
        );
    }
}
