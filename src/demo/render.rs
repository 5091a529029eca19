//! The three payload formats of a description: RDF/XML as Jena's plain writer has it, Turtle, and JSON-LD with a
//! context by reference.

use std::fmt::Write;

use serde_json::{Map, json};

use super::node::{Node, Value};
use crate::rdf::vocab::KBV;

const MARC: &str = "https://id.kb.se/marc/";
const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const XSD: &str = "http://www.w3.org/2001/XMLSchema#";

/// The context of the fake: the terms that its records need, and one of the kind that strict parsers reject.
pub const CONTEXT: &str = r#"{
  "@context": {
    "@vocab": "https://id.kb.se/vocab/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "marc": "https://id.kb.se/marc/",
    "shelf": "https://id.kb.se/ns/shelf/",
    "created": {"@type": "xsd:dateTime"},
    "modified": {"@type": "xsd:dateTime"},
    "uri": {"@id": "uri", "@container": "@set", "@type": "xsd:anyURI"},
    "termComponentList": {"@container": "@list"},
    "sameAs": {"@container": "@set"},
    "identifiedBy": {"@container": "@set"},
    "shelf:nameByLang": {"@id": "shelf:name", "@container": "@language"}
  }
}
"#;

fn expand(name: &str) -> (&'static str, &str) {
    name.strip_prefix("marc:").map_or((KBV, name), |local| (MARC, local))
}

fn escape(text: &str) -> std::borrow::Cow<'_, str> {
    quick_xml::escape::escape(text)
}

/// RDF/XML in flat `rdf:Description` blocks, blank nodes `A0`, `A1` … numbered from zero in every record.
#[must_use]
pub fn rdfxml(nodes: &[Node]) -> String {
    let mut writer = RdfXml { blocks: Vec::new(), labels: 0 };
    for node in nodes {
        writer.block(node);
    }
    format!("<rdf:RDF xmlns:rdf=\"{RDF}\" xmlns:kbv=\"{KBV}\" xmlns:j.0=\"{MARC}\">\n{}</rdf:RDF>", writer.blocks.concat())
}

struct RdfXml {
    blocks: Vec<String>,
    labels: usize,
}

impl RdfXml {
    /// Writes a node's block and answers the attribute value by which others refer to it.
    fn block(&mut self, node: &Node) -> String {
        let label = node.id.clone().unwrap_or_else(|| self.label());
        let about = if node.id.is_some() { "about" } else { "nodeID" };
        let mut text = format!(
            "  <rdf:Description rdf:{about}=\"{}\">\n    <rdf:type rdf:resource=\"{}\"/>\n",
            escape(&label),
            class_iri(&node.class)
        );
        let place = self.blocks.len();
        self.blocks.push(String::new());
        for (property, value) in &node.properties {
            self.property(&mut text, property, value);
        }
        text.push_str("  </rdf:Description>\n");
        self.blocks[place] = text;
        label
    }

    fn label(&mut self) -> String {
        self.labels += 1;
        format!("A{}", self.labels - 1)
    }

    fn property(&mut self, text: &mut String, property: &str, value: &Value) {
        let (namespace, local) = expand(property);
        let prefix = if namespace == MARC { "j.0" } else { "kbv" };
        let name = format!("{prefix}:{local}");
        let (attribute, content) = self.object(value);
        match content {
            Some(content) => text.push_str(&format!("    <{name}{attribute}>{content}</{name}>\n")),
            None => text.push_str(&format!("    <{name}{attribute}/>\n")),
        }
    }

    fn object(&mut self, value: &Value) -> (String, Option<String>) {
        match value {
            Value::Node(node) => {
                let kind = if node.id.is_some() { "resource" } else { "nodeID" };
                let label = self.block(node);
                (format!(" rdf:{kind}=\"{}\"", escape(&label)), None)
            }
            Value::Iri(iri) => (format!(" rdf:resource=\"{}\"", escape(iri)), None),
            Value::Text(text) => (String::new(), Some(escape(text).into_owned())),
            Value::Typed(text, datatype) => (format!(" rdf:datatype=\"{XSD}{datatype}\""), Some(escape(text).into_owned())),
            Value::List(members) => {
                let mut rest = format!(" rdf:resource=\"{RDF}nil\"");
                for member in members.iter().rev() {
                    let cell = self.label();
                    let (attribute, content) = self.object(member);
                    let first = content.map_or_else(
                        || format!("<rdf:first{attribute}/>"),
                        |content| format!("<rdf:first{attribute}>{content}</rdf:first>"),
                    );
                    self.blocks.push(format!(
                        "  <rdf:Description rdf:nodeID=\"{cell}\">\n    {first}\n    <rdf:rest{rest}/>\n  </rdf:Description>\n"
                    ));
                    rest = format!(" rdf:nodeID=\"{cell}\"");
                }
                (rest, None)
            }
        }
    }
}

fn class_iri(class: &str) -> String {
    let (namespace, local) = expand(class);
    format!("{namespace}{local}")
}

/// Turtle with nested blank nodes.
#[must_use]
pub fn turtle(nodes: &[Node]) -> String {
    let mut text = format!("@prefix : <{KBV}> .\n@prefix marc: <{MARC}> .\n@prefix xsd: <{XSD}> .\n\n");
    for node in nodes {
        // Writing to a string cannot fail.
        let _ = write!(text, "<{}> ", node.id.as_deref().unwrap_or_default());
        turtle_properties(&mut text, node);
        text.push_str(" .\n\n");
    }
    text
}

fn turtle_properties(text: &mut String, node: &Node) {
    let name = |name: &str| if name.contains(':') { name.to_owned() } else { format!(":{name}") };
    text.push_str("a ");
    text.push_str(&name(&node.class));
    for (property, value) in &node.properties {
        text.push_str(" ;\n  ");
        text.push_str(&name(property));
        text.push(' ');
        turtle_value(text, value);
    }
}

fn turtle_value(text: &mut String, value: &Value) {
    match value {
        Value::Node(node) if node.id.is_none() => {
            text.push_str("[ ");
            turtle_properties(text, node);
            text.push_str(" ]");
        }
        Value::Node(node) => text.push_str(&format!("<{}>", node.id.as_deref().unwrap_or_default())),
        Value::Iri(iri) => text.push_str(&format!("<{iri}>")),
        Value::Text(string) => text.push_str(&oxigraph::model::Literal::from(string.as_str()).to_string()),
        Value::Typed(string, datatype) => {
            text.push_str(&format!("{}^^xsd:{datatype}", oxigraph::model::Literal::from(string.as_str())));
        }
        Value::List(members) => {
            text.push_str("( ");
            for member in members {
                turtle_value(text, member);
                text.push(' ');
            }
            text.push(')');
        }
    }
}

/// JSON-LD as Libris stores it: a graph of nested nodes, the context by reference.
#[must_use]
pub fn jsonld(nodes: &[Node]) -> String {
    let graph: Vec<_> = nodes.iter().map(json_node).collect();
    json!({"@context": "/context.jsonld", "@graph": graph}).to_string()
}

fn json_node(node: &Node) -> serde_json::Value {
    let mut members = Map::new();
    if let Some(id) = &node.id {
        members.insert("@id".into(), id.as_str().into());
    }
    members.insert("@type".into(), node.class.as_str().into());
    for (property, value) in &node.properties {
        let value = json_value(value);
        match members.get_mut(*property) {
            None => {
                members.insert((*property).to_owned(), value);
            }
            Some(serde_json::Value::Array(values)) => values.push(value),
            Some(single) => *single = vec![single.take(), value].into(),
        }
    }
    members.into()
}

fn json_value(value: &Value) -> serde_json::Value {
    match value {
        Value::Node(node) => json_node(node),
        Value::Iri(iri) => json!({"@id": iri}),
        Value::Text(text) | Value::Typed(text, _) => text.as_str().into(),
        Value::List(members) => members.iter().map(json_value).collect::<Vec<_>>().into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::demo::record;
    use crate::rdf::{Context, PayloadFormat, Reader, canonical_nquads, isomorphic};

    #[test]
    fn the_three_formats_say_the_same() {
        let context = Arc::new(Context::new("http://127.0.0.1/context.jsonld", CONTEXT.as_bytes()).expect("a context"));
        assert_eq!(context.dropped(), ["shelf:nameByLang"]);
        let mut triples = Vec::new();
        for number in 0..60 {
            let nodes = record(number, 0, "2026-01-01T00:00:00.5+01:00");
            let quads = |format, payload: &str| {
                let record = format!("<record><metadata>{payload}</metadata></record>");
                let reader = Reader::new(format, Some(Arc::clone(&context)), 256);
                reader.quads("https://libris.kb.se/x", record.as_bytes()).expect("valid")
            };
            let xml = quads(PayloadFormat::RdfXml, &rdfxml(&nodes));
            let turtle = quads(PayloadFormat::Turtle, &format!("<![CDATA[{}]]>", turtle(&nodes)));
            let json = quads(PayloadFormat::JsonLd, &format!("<![CDATA[{}]]>", jsonld(&nodes)));
            assert!(isomorphic(&xml, &turtle).expect("comparable"), "record {number}");
            assert!(isomorphic(&xml, &json).expect("comparable"), "record {number}");
            assert_eq!(
                canonical_nquads(&xml).expect("canonical"),
                canonical_nquads(&json).expect("canonical"),
                "record {number}"
            );
            assert!(!isomorphic(&xml, &xml[1..]).expect("comparable"), "one triple less is another graph");
            if number % 5 != 0 {
                triples.push(xml.len());
            }
        }
        assert!(triples.iter().all(|count| (50..=70).contains(count)), "a book has 50 to 70 triples: {triples:?}");
    }
}
