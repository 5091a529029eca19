//! The three payload formats of a description: RDF/XML as Jena's plain writer has it, Turtle, and JSON-LD with a
//! context by reference.

use std::fmt::Write;

use serde_json::{Map, json};

use super::node::{Node, Value};
use super::terms::{MARC, OWL, RDF, RDFS, XSD, expand};
use crate::rdf::vocab::KBV;

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
    format!(
        "<rdf:RDF xmlns:rdf=\"{RDF}\" xmlns:kbv=\"{KBV}\" xmlns:j.0=\"{MARC}\" xmlns:rdfs=\"{RDFS}\" xmlns:owl=\"{OWL}\">\n{}</rdf:RDF>",
        writer.blocks.concat()
    )
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
        let (prefix, _, local) = expand(property);
        let prefix = if prefix == "marc" { "j.0" } else { prefix };
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
            Value::Lang(text, language) => (format!(" xml:lang=\"{language}\""), Some(escape(text).into_owned())),
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
    let (_, namespace, local) = expand(class);
    format!("{namespace}{local}")
}

/// Turtle with nested blank nodes. A nested node that has an IRI is a sentence of its own.
#[must_use]
pub fn turtle(nodes: &[Node]) -> String {
    let mut text = format!(
        "@prefix : <{KBV}> .\n@prefix marc: <{MARC}> .\n@prefix rdfs: <{RDFS}> .\n@prefix owl: <{OWL}> .\n@prefix xsd: <{XSD}> .\n\n"
    );
    let mut open: Vec<&Node> = nodes.iter().rev().collect();
    while let Some(node) = open.pop() {
        // Writing to a string cannot fail.
        let _ = write!(text, "<{}> ", node.id.as_deref().unwrap_or_default());
        turtle_properties(&mut text, node, &mut open);
        text.push_str(" .\n\n");
    }
    text
}

fn turtle_properties<'a>(text: &mut String, node: &'a Node, open: &mut Vec<&'a Node>) {
    let name = |name: &str| match expand(name) {
        ("kbv", _, local) => format!(":{local}"),
        (prefix, _, local) => format!("{prefix}:{local}"),
    };
    text.push_str("a ");
    text.push_str(&name(&node.class));
    for (property, value) in &node.properties {
        text.push_str(" ;\n  ");
        text.push_str(&name(property));
        text.push(' ');
        turtle_value(text, value, open);
    }
}

fn turtle_value<'a>(text: &mut String, value: &'a Value, open: &mut Vec<&'a Node>) {
    match value {
        Value::Node(node) => match &node.id {
            None => {
                text.push_str("[ ");
                turtle_properties(text, node, open);
                text.push_str(" ]");
            }
            Some(id) => {
                text.push_str(&format!("<{id}>"));
                open.push(node);
            }
        },
        Value::Iri(iri) => text.push_str(&format!("<{iri}>")),
        Value::Text(string) => text.push_str(&oxigraph::model::Literal::from(string.as_str()).to_string()),
        Value::Lang(string, language) => {
            text.push_str(&format!("{}@{language}", oxigraph::model::Literal::from(string.as_str())));
        }
        Value::Typed(string, datatype) => {
            text.push_str(&format!("{}^^xsd:{datatype}", oxigraph::model::Literal::from(string.as_str())));
        }
        Value::List(members) => {
            text.push_str("( ");
            for member in members {
                turtle_value(text, member, open);
                text.push(' ');
            }
            text.push(')');
        }
    }
}

/// JSON-LD as Libris stores it: a graph of nested nodes, the context by reference.
#[must_use]
pub fn jsonld(nodes: &[Node]) -> String {
    json!({"@context": "/context.jsonld", "@graph": json_graph(nodes)}).to_string()
}

/// The `@graph` of such JSON-LD alone.
#[must_use]
pub fn json_graph(nodes: &[Node]) -> serde_json::Value {
    nodes.iter().map(json_node).collect()
}

fn json_node(node: &Node) -> serde_json::Value {
    let mut members = Map::new();
    if let Some(id) = &node.id {
        members.insert("@id".into(), id.as_str().into());
    }
    members.insert("@type".into(), node.class.as_str().into());
    for (property, value) in &node.properties {
        if let Value::Lang(text, language) = value {
            let by_language = members.entry(format!("{property}ByLang")).or_insert_with(|| json!({}));
            by_language[*language] = text.as_str().into();
            continue;
        }
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
        Value::Text(text) | Value::Lang(text, _) | Value::Typed(text, _) => text.as_str().into(),
        Value::List(members) => members.iter().map(json_value).collect::<Vec<_>>().into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::demo::terms::CONTEXT;
    use crate::demo::{Shape, definitions, record_in};
    use crate::rdf::{Context, PayloadFormat, Reader, canonical_nquads, isomorphic};

    #[test]
    fn the_three_formats_say_the_same() {
        let context = Arc::new(Context::new("http://127.0.0.1/context.jsonld", CONTEXT.as_bytes()).expect("a context"));
        assert_eq!(context.dropped(), ["shelf:nameByLang"]);
        let mut triples = Vec::new();
        let both =
            |number| [Shape::Old, Shape::New].map(|shape| (number, record_in(shape, number, 0, "2026-01-01T00:00:00.5+01:00")));
        let records = (0..60).flat_map(both);
        // Zero is no book: the number of triples is that of books only.
        let defined = definitions("all").into_iter().step_by(7).map(|one| (0, one.nodes));
        for (number, nodes) in records.chain(defined) {
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
            // An edition of a work that has a record of its own is shorter.
            let shared = matches!(nodes[1].properties.iter().find(|(name, _)| *name == "instanceOf"), Some((_, Value::Iri(_))));
            if number % 5 != 0 && !shared {
                triples.push(xml.len());
            }
        }
        assert!(triples.iter().all(|count| (50..=70).contains(count)), "a book has 50 to 70 triples: {triples:?}");
    }
}
