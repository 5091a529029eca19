//! The metadata formats of the provider, by the names that Libris gives them.

use super::dublin_core::{self, oai_dc};
use crate::citation::Citation;
use crate::labels::Languages;
use crate::oai::{ErrorCode, Refused};
use crate::query::GraphFormat;
use crate::rdf::{Shapes, json_ld};
use crate::serve::reading::Reading;
use crate::serve::xml_text::{cdata, is_holdable};
use crate::views::ViewError;
use oxigraph::model::Quad;

/// A metadata format (OAI-PMH section 3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefix {
    DublinCore,
    RdfXml,
    Turtle,
    JsonLd,
}

impl Prefix {
    pub(super) const ALL: [Self; 4] = [Self::DublinCore, Self::RdfXml, Self::Turtle, Self::JsonLd];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::DublinCore => "oai_dc",
            Self::RdfXml => "rdfxml",
            Self::Turtle => "ttl",
            Self::JsonLd => "jsonld",
        }
    }

    pub(super) fn named(name: &str) -> Result<Self, Refused> {
        Self::ALL.into_iter().find(|prefix| prefix.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            let shown: String = name.chars().take(80).collect();
            Refused::new(
                ErrorCode::CannotDisseminateFormat,
                format!("there is no metadataPrefix {shown:?}: it is one of {names}"),
            )
        })
    }

    /// The schema, and the namespace. Turtle and JSON come as text, and have the document and the name of their format there.
    pub(super) fn schema(self) -> (&'static str, &'static str) {
        match self {
            Self::DublinCore => (dublin_core::SCHEMA, dublin_core::NAMESPACE),
            Self::RdfXml => ("http://www.openarchives.org/OAI/2.0/rdf.xsd", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
            Self::Turtle => ("https://www.w3.org/TR/turtle/", "http://www.w3.org/ns/formats/Turtle"),
            Self::JsonLd => ("https://www.w3.org/TR/json-ld11/", "http://www.w3.org/ns/formats/JSON-LD"),
        }
    }

    /// What `<metadata>` holds of a record; none if XML cannot hold it in this format.
    pub(super) fn metadata(
        self,
        reading: &mut Reading,
        shapes: &Shapes,
        record: &str,
        quads: &[Quad],
    ) -> Result<Option<String>, ViewError> {
        match self {
            Self::DublinCore => {
                let quads = reading.with_works(shapes, quads)?;
                let citation = Citation::of(&reading.log, shapes, record, &quads, &Languages::default())?;
                Ok(Some(oai_dc(record, citation.as_ref())))
            }
            Self::RdfXml => Ok(rdf_xml(quads)),
            Self::Turtle => Ok(Some(cdata(&written(quads, GraphFormat::Turtle)))),
            Self::JsonLd => {
                let mut document = json_ld(record, quads);
                // With a name, the graph would be a named one.
                if let Some(members) = document.as_object_mut() {
                    members.remove("@id");
                }
                Ok(Some(cdata(&document.to_string())))
            }
        }
    }
}

fn written(quads: &[Quad], format: GraphFormat) -> String {
    // Memory takes everything, and all formats are UTF-8.
    String::from_utf8(format.write(quads, Vec::new()).unwrap_or_default()).unwrap_or_default()
}

/// Whether an IRI ends with a name of XML, of which an element can be made (RDF/XML, section 5.1.1).
fn is_element(iri: &str) -> bool {
    let is_name_char = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
    let name = iri.trim_end_matches(is_name_char);
    iri.get(name.len()..).is_some_and(|end| end.contains(|c: char| c.is_alphabetic() || c == '_'))
}

/// A graph as RDF/XML, in the order of its triples, without the declaration of a document.
fn rdf_xml(quads: &[Quad]) -> Option<String> {
    if !quads.iter().all(|quad| is_element(quad.predicate.as_str())) {
        return None;
    }
    let document = written(quads, GraphFormat::RdfXml);
    let graph = document.find("<rdf:RDF").and_then(|begin| document.get(begin..))?;
    // A carriage return would be read as the end of a line.
    is_holdable(graph).then(|| graph.trim_end().replace('\r', "&#13;"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxigraph::io::{RdfFormat, RdfParser};
    use oxigraph::model::vocab::xsd;
    use oxigraph::model::{BlankNode, GraphName, Literal, NamedNode, Term};
    use proptest::prelude::*;

    fn read(xml: &str) -> Vec<Quad> {
        RdfParser::from_format(RdfFormat::RdfXml)
            .for_slice(xml)
            .collect::<Result<_, _>>()
            .unwrap_or_else(|error| panic!("{error}: {xml}"))
    }

    proptest! {
        #[test]
        fn a_graph_is_read_from_rdf_xml_in_its_own_order(
            triples in proptest::collection::vec((0..4u8, "[a-z/.:_0-9-]{1,8}#?[a-z_0-9]{0,3}", "\\PC{0,6}[\\r\\n\\t <&>\\]]{0,3}", 0..4u8), 1..12)
        ) {
            let node = |number: u8| BlankNode::new_unchecked(format!("{number}f"));
            let quads: Vec<Quad> = triples.iter().map(|(subject, predicate, text, kind)| {
                let object: Term = match kind {
                    0 => Literal::new_simple_literal(text).into(),
                    1 => Literal::new_language_tagged_literal_unchecked(text, "sv").into(),
                    2 => Literal::new_typed_literal(text, xsd::INTEGER).into(),
                    _ => node(*subject / 2).into(),
                };
                let subject = if *subject == 0 { NamedNode::new_unchecked("https://x.se/å?a=1&b").into() } else { node(*subject).into() };
                Quad { subject, predicate: NamedNode::new_unchecked(format!("https://x.se/{predicate}")), object, graph_name: GraphName::DefaultGraph }
            }).collect();
            let Some(xml) = rdf_xml(&quads) else { return Ok(()) };
            let names = |quads: &[Quad]| -> String {
                // Labels by the order in which they come.
                let mut known: Vec<String> = Vec::new();
                let mut text = String::new();
                for part in quads.iter().flat_map(|quad| [quad.subject.to_string(), quad.predicate.to_string(), quad.object.to_string()]) {
                    if part.starts_with("_:") {
                        let at = known.iter().position(|label| *label == part).unwrap_or_else(|| { known.push(part); known.len() - 1 });
                        text.push_str(&at.to_string());
                    } else {
                        text.push_str(&part);
                    }
                    text.push('\n');
                }
                text
            };
            prop_assert_eq!(names(&read(&xml)), names(&quads), "{}", xml);
        }
    }

    #[test]
    fn what_xml_cannot_hold_is_not_written() {
        let quad = |text: &str| {
            let predicate = NamedNode::new_unchecked("https://x.se/p");
            vec![Quad::new(predicate.clone(), predicate, Literal::new_simple_literal(text), GraphName::DefaultGraph)]
        };
        assert_eq!(rdf_xml(&quad("a\u{1}b")), None);
        for (iri, due) in [("https://x/a", true), ("https://x/_1", true), ("https://x/1", false), ("https://x/a#", false)] {
            assert_eq!(is_element(iri), due, "{iri}");
        }
        assert!(rdf_xml(&quad("a\r\n\tb")).is_some_and(|xml| read(&xml) == quad("a\r\n\tb")));
    }
}
