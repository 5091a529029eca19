//! A writer of graphs: with KB's prefixes, and blank node labels that are valid in every format.

use std::io::{self, Write};

use oxigraph::io::{JsonLdProfileSet, RdfFormat, RdfSerializer, WriterQuadSerializer};
use oxigraph::model::{BlankNode, BlankNodeRef, NamedOrBlankNode, NamedOrBlankNodeRef, Quad, QuadRef, Term, TermRef};

use super::prefixes::PREFIXES;

/// The formats of graphs (`CONSTRUCT`, `DESCRIBE`, records).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum GraphFormat {
    /// N-Triples.
    NTriples,
    /// Turtle.
    Turtle,
    /// RDF/XML.
    RdfXml,
    /// JSON-LD.
    JsonLd,
    /// `TriG`.
    TriG,
    /// N-Quads.
    NQuads,
}

impl GraphFormat {
    fn rdf(self) -> RdfFormat {
        match self {
            Self::NTriples => RdfFormat::NTriples,
            Self::Turtle => RdfFormat::Turtle,
            Self::RdfXml => RdfFormat::RdfXml,
            Self::JsonLd => RdfFormat::JsonLd { profile: JsonLdProfileSet::empty() },
            Self::TriG => RdfFormat::TriG,
            Self::NQuads => RdfFormat::NQuads,
        }
    }

    /// Returns whether the format has named graphs.
    #[must_use]
    pub fn has_graphs(self) -> bool {
        matches!(self, Self::TriG | Self::NQuads)
    }

    /// Returns a writer, with KB's prefixes if the format has prefixes.
    pub fn writer<W: Write>(self, out: W) -> GraphWriter<W> {
        GraphWriter { writer: with_prefixes(RdfSerializer::from_format(self.rdf())).for_writer(out), format: self }
    }

    /// Writes these quads, with only those of KB's prefixes that they use.
    pub fn write<W: Write>(self, quads: &[Quad], out: W) -> io::Result<W> {
        let needed = |namespace: &str| quads.iter().any(|quad| iris(quad).any(|iri| iri.starts_with(namespace)));
        let serializer = with_some_prefixes(RdfSerializer::from_format(self.rdf()), needed);
        let mut writer = GraphWriter { writer: serializer.for_writer(out), format: self };
        quads.iter().try_for_each(|quad| writer.write(quad))?;
        writer.finish()
    }
}

/// Returns every IRI of a quad.
fn iris(quad: &Quad) -> impl Iterator<Item = &str> {
    let subject = if let NamedOrBlankNode::NamedNode(name) = &quad.subject { Some(name.as_str()) } else { None };
    let object = match &quad.object {
        Term::NamedNode(name) => Some(name.as_str()),
        Term::Literal(literal) => Some(literal.datatype().as_str()),
        Term::BlankNode(_) => None,
    };
    [subject, Some(quad.predicate.as_str()), object].into_iter().flatten()
}

/// Adds KB's prefixes to a serializer.
pub(crate) fn with_prefixes(serializer: RdfSerializer) -> RdfSerializer {
    with_some_prefixes(serializer, |_| true)
}

fn with_some_prefixes(serializer: RdfSerializer, needed: impl Fn(&str) -> bool) -> RdfSerializer {
    let wanted = PREFIXES.iter().filter(|(prefix, iri)| !prefix.is_empty() && *prefix != "dcterms" && needed(iri));
    wanted.fold(serializer, |serializer, (prefix, iri)| {
        let before = serializer.clone();
        serializer.with_prefix(*prefix, *iri).unwrap_or(before)
    })
}

/// A writer of one or more graphs.
pub struct GraphWriter<W: Write> {
    writer: WriterQuadSerializer<W>,
    format: GraphFormat,
}

impl<W: Write> GraphWriter<W> {
    /// Writes a quad; formats without named graphs omit the graph.
    pub fn write<'a>(&mut self, quad: impl Into<QuadRef<'a>>) -> io::Result<()> {
        let QuadRef { subject, predicate, object, graph_name } = quad.into();
        if self.format != GraphFormat::RdfXml {
            let quad = QuadRef { subject, predicate, object, graph_name };
            return if self.format.has_graphs() { self.writer.serialize_quad(quad) } else { self.writer.serialize_triple(quad) };
        }
        // A name in XML must begin with a letter.
        let (named_subject, named_object);
        let subject = match subject {
            NamedOrBlankNodeRef::BlankNode(node) => {
                named_subject = in_xml(node);
                named_subject.as_ref().into()
            }
            named @ NamedOrBlankNodeRef::NamedNode(_) => named,
        };
        let object: TermRef<'_> = match object {
            TermRef::BlankNode(node) => {
                named_object = in_xml(node);
                named_object.as_ref().into()
            }
            other => other,
        };
        self.writer.serialize_triple(QuadRef { subject, predicate, object, graph_name })
    }

    /// Ends the document.
    pub fn finish(self) -> io::Result<W> {
        self.writer.finish()
    }
}

/// The prefix of labels. Blank nodes of the mirror have hexadecimal labels, so no other label begins with this letter.
fn in_xml(node: BlankNodeRef<'_>) -> BlankNode {
    let id = node.as_str();
    if id.starts_with(|c: char| c.is_ascii_digit()) { BlankNode::new_unchecked(format!("n{id}")) } else { node.into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxigraph::io::RdfParser;
    use oxigraph::model::GraphName;

    #[test]
    fn rdf_xml_names_every_blank_node_by_a_name_of_xml() {
        let quads: Vec<Quad> = RdfParser::from_format(RdfFormat::NTriples)
            .for_slice("_:8a <https://id.kb.se/vocab/x> _:9b .\n_:9b <https://id.kb.se/vocab/x> _:a1 .\n")
            .collect::<Result<_, _>>()
            .expect("valid");
        let xml = String::from_utf8(GraphFormat::RdfXml.write(&quads, Vec::new()).expect("memory")).expect("text");
        assert!(xml.contains("xmlns:kbv=") && !xml.contains("xmlns:skos="), "only what it needs: {xml}");
        let read: Vec<Quad> = RdfParser::from_format(RdfFormat::RdfXml).for_slice(&xml).collect::<Result<_, _>>().expect("valid");
        assert!(crate::rdf::isomorphic(&quads, &read).expect("small"), "{xml}");
        assert!(read.iter().all(|quad| quad.graph_name == GraphName::DefaultGraph));
    }
}
