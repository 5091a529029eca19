//! The graph of a record as JSON-LD 1.1: flat, with a context of its own that says no more than KBV's vocabulary, so that whoever reads
//! it needs nothing else. Pure.

use oxigraph::model::vocab::{rdf, xsd};
use oxigraph::model::{NamedOrBlankNode, Quad, Term};
use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};

use super::vocab::KBV;

/// A property that has something of its own in the order of nodes: what a record is about.
const MAIN_ENTITY: &str = "mainEntity";

/// The graph of a record: `@id`, `@context` and `@graph`. The node of the record comes first, then that of what it describes, then the
/// others in the order of their first statements.
#[must_use]
pub fn json_ld(identifier: &str, quads: &[Quad]) -> Value {
    let mut places: FxHashMap<String, usize> = FxHashMap::default();
    let mut nodes: Vec<Map<String, Value>> = Vec::new();
    let mut node = |id: String, nodes: &mut Vec<Map<String, Value>>| {
        *places.entry(id).or_insert_with_key(|id| {
            nodes.push(Map::from_iter([("@id".to_owned(), Value::from(id.as_str()))]));
            nodes.len() - 1
        })
    };
    node(identifier.to_owned(), &mut nodes);
    let is_main = |quad: &&Quad| {
        matches!(&quad.subject, NamedOrBlankNode::NamedNode(subject) if subject.as_str() == identifier)
            && key(quad.predicate.as_str()) == MAIN_ENTITY
    };
    if let Some(Term::NamedNode(main)) = quads.iter().find(is_main).map(|quad| &quad.object) {
        node(main.as_str().to_owned(), &mut nodes);
    }
    for quad in quads {
        let at = node(id(&quad.subject), &mut nodes);
        let Some(members) = nodes.get_mut(at) else { continue };
        let (name, value) = member(quad);
        match members.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
            Value::Array(values) => values.push(value),
            other => *other = value,
        }
    }
    // A node that nothing is said of says nothing, but for the record's own, which is first.
    let graph: Vec<Map<String, Value>> =
        nodes.into_iter().enumerate().filter(|(at, node)| *at == 0 || node.len() > 1).map(|(_, node)| single(node)).collect();
    json!({"@id": identifier, "@context": {"@vocab": KBV}, "@graph": graph})
}

/// Members with one value have it without a list.
fn single(node: Map<String, Value>) -> Map<String, Value> {
    let one = |value: Value| match value {
        Value::Array(mut values) if values.len() == 1 => values.pop().unwrap_or_default(),
        other => other,
    };
    node.into_iter().map(|(name, value)| (name, one(value))).collect()
}

fn id(node: &NamedOrBlankNode) -> String {
    match node {
        NamedOrBlankNode::NamedNode(node) => node.as_str().to_owned(),
        NamedOrBlankNode::BlankNode(node) => node.to_string(),
    }
}

/// The name of a property: without the namespace where the context adds it, and nothing else is meant.
fn key(iri: &str) -> &str {
    let is_plain = |name: &&str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    iri.strip_prefix(KBV).filter(is_plain).unwrap_or(iri)
}

/// The name of a property, and the value of a triple.
pub(super) fn member(quad: &Quad) -> (String, Value) {
    let is_type = quad.predicate == rdf::TYPE;
    match &quad.object {
        Term::NamedNode(class) if is_type => ("@type".to_owned(), class.as_str().into()),
        Term::BlankNode(class) if is_type => ("@type".to_owned(), class.to_string().into()),
        object => (key(quad.predicate.as_str()).to_owned(), term(object)),
    }
}

fn term(term: &Term) -> Value {
    match term {
        Term::NamedNode(node) => json!({"@id": node.as_str()}),
        Term::BlankNode(node) => json!({"@id": node.to_string()}),
        Term::Literal(literal) => match literal.language() {
            Some(language) => json!({"@value": literal.value(), "@language": language}),
            None if literal.datatype() == xsd::STRING => literal.value().into(),
            None => json!({"@value": literal.value(), "@type": literal.datatype().as_str()}),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rdf::isomorphic;
    use oxigraph::io::{JsonLdProfileSet, RdfFormat, RdfParser};

    fn read(text: &str, format: RdfFormat) -> Vec<Quad> {
        RdfParser::from_format(format).without_named_graphs().for_slice(text).collect::<Result<_, _>>().expect("valid")
    }

    #[test]
    fn it_says_what_the_graph_says_and_begins_with_the_record() {
        let text = r#"
            _:b <https://id.kb.se/vocab/value> "01"^^<http://www.w3.org/2001/XMLSchema#integer> .
            <https://x/r#it> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://id.kb.se/vocab/Person> .
            <https://x/r#it> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://id.kb.se/vocab/Agent> .
            <https://x/r#it> <https://id.kb.se/vocab/name> "Åsa"@sv .
            <https://x/r#it> <https://id.kb.se/vocab/name> "Asa" .
            <https://x/r#it> <https://id.kb.se/vocab/name> "" .
            <https://x/r#it> <https://id.kb.se/vocab/odd:name> <urn:a> .
            <https://x/r#it> <urn:p> _:b .
            <https://x/r#it> <https://id.kb.se/vocab/1st> "2026-01-01T00:00:00.100Z"^^<http://www.w3.org/2001/XMLSchema#dateTime> .
            <https://x/r> <https://id.kb.se/vocab/mainEntity> <https://x/r#it> .
            <https://x/r> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> "no class" .
            <https://x/r> <https://id.kb.se/vocab/flag> "true"^^<http://www.w3.org/2001/XMLSchema#boolean> .
        "#;
        let quads = read(text, RdfFormat::NTriples);
        let document = json_ld("https://x/r", &quads);
        let nodes = document["@graph"].as_array().expect("a list");
        assert_eq!((&nodes[0]["@id"], &nodes[0]["mainEntity"]["@id"]), (&"https://x/r".into(), &"https://x/r#it".into()));
        assert_eq!(
            (&nodes[1]["@id"], &nodes[1]["@type"][0]),
            (&"https://x/r#it".into(), &"https://id.kb.se/vocab/Person".into())
        );
        let mut own = document.clone();
        own.as_object_mut().expect("an object").remove("@id");
        let back = read(&own.to_string(), RdfFormat::JsonLd { profile: JsonLdProfileSet::empty() });
        assert!(isomorphic(&quads, &back).expect("small"), "{document:#}");
    }
}
