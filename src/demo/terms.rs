//! The names that the fake's records use: what each is in full, and the JSON-LD context that says so to readers.

use crate::rdf::vocab::KBV;

pub(super) const MARC: &str = "https://id.kb.se/marc/";
pub(super) const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
pub(super) const RDFS: &str = "http://www.w3.org/2000/01/rdf-schema#";
pub(super) const OWL: &str = "http://www.w3.org/2002/07/owl#";
pub(super) const XSD: &str = "http://www.w3.org/2001/XMLSchema#";

/// The context of the fake: the terms that its records need, and one of the kind that strict parsers reject.
pub const CONTEXT: &str = r#"{
  "@context": {
    "@vocab": "https://id.kb.se/vocab/",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "marc": "https://id.kb.se/marc/",
    "shelf": "https://id.kb.se/ns/shelf/",
    "Ontology": "owl:Ontology",
    "Class": "owl:Class",
    "ObjectProperty": "owl:ObjectProperty",
    "DatatypeProperty": "owl:DatatypeProperty",
    "subClassOf": {"@id": "rdfs:subClassOf", "@container": "@set"},
    "subPropertyOf": {"@id": "rdfs:subPropertyOf", "@container": "@set"},
    "equivalentClass": {"@id": "owl:equivalentClass", "@container": "@set"},
    "equivalentProperty": {"@id": "owl:equivalentProperty", "@container": "@set"},
    "created": {"@type": "xsd:dateTime"},
    "modified": {"@type": "xsd:dateTime"},
    "uri": {"@id": "uri", "@container": "@set", "@type": "xsd:anyURI"},
    "termComponentList": {"@container": "@list"},
    "sameAs": {"@container": "@set"},
    "category": {"@container": "@set"},
    "identifiedBy": {"@container": "@set"},
    "labelByLang": {"@id": "label", "@container": "@language"},
    "prefLabelByLang": {"@id": "prefLabel", "@container": "@language"},
    "shelf:nameByLang": {"@id": "shelf:name", "@container": "@language"}
  }
}
"#;

/// The prefix, namespace and local part of a name.
pub(super) fn expand(name: &str) -> (&'static str, &'static str, &str) {
    match name {
        "subClassOf" | "subPropertyOf" => ("rdfs", RDFS, name),
        "Ontology" | "Class" | "ObjectProperty" | "DatatypeProperty" | "equivalentClass" | "equivalentProperty" => {
            ("owl", OWL, name)
        }
        _ => match name.strip_prefix("marc:") {
            Some(local) => ("marc", MARC, local),
            None => ("kbv", KBV, name),
        },
    }
}

/// The IRI of a term: `saogf/Romaner`.
pub(super) fn in_term(path: &str) -> String {
    format!("https://id.kb.se/term/{}", encode(path))
}

/// The IRI of a Swedish subject heading.
pub(super) fn in_sao(heading: &str) -> String {
    in_term(&format!("sao/{heading}"))
}

/// A path as IRIs have it.
pub(super) fn encode(path: &str) -> String {
    percent_encoding::utf8_percent_encode(path, UNSAFE).to_string()
}

/// What an IRI cannot hold as it is, besides all that is not ASCII.
const UNSAFE: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>');
