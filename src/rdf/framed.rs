//! The graph of a record as nested JSON-LD: what it describes, with all that is said of that inside, and the record as `meta`. Pure.

use oxigraph::model::{NamedOrBlankNode, Quad, Term};
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::{Map, Value};

use super::json_ld::member;
use super::vocab::KBV;

/// How deep nodes are nested; what is deeper is named only.
const DEEPEST: usize = 24;

/// The node of what a record describes, or of the record if it describes nothing. Each node is inside of the first that refers to it;
/// others name it. Properties are those of [`json_ld`](fn@super::json_ld), whose context it needs.
#[must_use]
pub fn framed(identifier: &str, quads: &[Quad]) -> Value {
    let mut frame = Frame::of(quads);
    let main = format!("{KBV}mainEntity");
    let is_main = |quad: &&Quad| quad.predicate.as_str() == main && name(&quad.subject) == identifier;
    let Some(Term::NamedNode(entity)) = quads.iter().find(is_main).map(|quad| &quad.object) else {
        return frame.node(identifier, 0);
    };
    // The record stands at the end, and does not repeat what it describes.
    frame.placed.insert(identifier.to_owned());
    frame.placed.insert(entity.as_str().to_owned());
    let mut node = frame.members(entity.as_str(), 0);
    node.insert("meta".to_owned(), Value::Object(frame.members(identifier, 1)));
    Value::Object(node)
}

/// The name of a node: its IRI, or its label.
fn name(node: &NamedOrBlankNode) -> String {
    match node {
        NamedOrBlankNode::NamedNode(node) => node.as_str().to_owned(),
        NamedOrBlankNode::BlankNode(node) => node.to_string(),
    }
}

struct Frame<'a> {
    said: FxHashMap<String, Vec<&'a Quad>>,
    /// Blank nodes that several refer to: they need their labels.
    shared: FxHashSet<String>,
    placed: FxHashSet<String>,
}

impl<'a> Frame<'a> {
    fn of(quads: &'a [Quad]) -> Self {
        let (mut seen, mut shared) = (FxHashSet::default(), FxHashSet::default());
        let mut said: FxHashMap<String, Vec<&Quad>> = FxHashMap::default();
        for quad in quads {
            said.entry(name(&quad.subject)).or_default().push(quad);
            if let Term::BlankNode(node) = &quad.object
                && !seen.insert(node.to_string())
            {
                shared.insert(node.to_string());
            }
        }
        Self { said, shared, placed: FxHashSet::default() }
    }

    fn node(&mut self, name: &str, depth: usize) -> Value {
        let blank = name.starts_with("_:");
        if depth < DEEPEST && self.said.contains_key(name) && self.placed.insert(name.to_owned()) {
            return Value::Object(self.members(name, depth));
        }
        let known = !blank || self.said.contains_key(name);
        Value::Object(Map::from_iter(known.then(|| ("@id".to_owned(), Value::from(name)))))
    }

    fn members(&mut self, name: &str, depth: usize) -> Map<String, Value> {
        let mut members: Map<String, Value> = Map::new();
        if !name.starts_with("_:") || self.shared.contains(name) {
            members.insert("@id".to_owned(), name.into());
        }
        for quad in self.said.get(name).cloned().unwrap_or_default() {
            let (key, value) = match (member(quad), &quad.object) {
                ((key, _), Term::NamedNode(node)) if key != "@type" => (key, self.node(node.as_str(), depth + 1)),
                ((key, _), Term::BlankNode(node)) if key != "@type" => (key, self.node(&node.to_string(), depth + 1)),
                (pair, _) => pair,
            };
            match members.get_mut(&key) {
                Some(Value::Array(values)) => values.push(value),
                Some(one) => *one = Value::Array(vec![one.take(), value]),
                None => {
                    members.insert(key, value);
                }
            }
        }
        // What the record describes stands around it.
        if depth == 1
            && let Some(Value::Object(main)) = members.get("mainEntity")
            && main.len() == 1
        {
            members.shift_remove("mainEntity");
        }
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxigraph::io::{RdfFormat, RdfParser};
    use serde_json::json;

    fn framed_of(turtle: &str) -> Value {
        let text = format!("@prefix : <{KBV}> . @base <https://x.se/r> . {turtle}");
        let quads: Vec<Quad> =
            RdfParser::from_format(RdfFormat::Turtle).for_slice(&text).collect::<Result<_, _>>().expect("valid Turtle");
        framed("https://x.se/r", &quads)
    }

    #[test]
    fn what_is_described_has_its_nodes_inside_and_the_record_as_meta() {
        let seen = framed_of(
            r#"<> a :Record ; :mainEntity <#it> ; :status "x" .
            <#it> a :Print ; :hasTitle [ a :Title ; :mainTitle "T"@sv ] ; :instanceOf <#work> ; :language <https://l/a>, <https://l/b> .
            <#work> :translationOf <#it> ; :year 1906 ."#,
        );
        assert_eq!(
            seen,
            json!({
                "@id": "https://x.se/r#it",
                "@type": format!("{KBV}Print"),
                "hasTitle": {"@type": format!("{KBV}Title"), "mainTitle": {"@value": "T", "@language": "sv"}},
                "instanceOf": {"@id": "https://x.se/r#work", "translationOf": {"@id": "https://x.se/r#it"}, "year": {"@value": "1906", "@type": "http://www.w3.org/2001/XMLSchema#integer"}},
                "language": [{"@id": "https://l/a"}, {"@id": "https://l/b"}],
                "meta": {"@id": "https://x.se/r", "@type": format!("{KBV}Record"), "status": "x"},
            })
        );
    }

    #[test]
    fn cycles_and_depths_end() {
        let seen = framed_of("<> :mainEntity <#it> . <#it> :part _:a . _:a :part _:b . _:b :part _:a .");
        assert_eq!(seen["part"]["part"]["part"], json!({"@id": seen["part"]["@id"]}));
        let chain: String = (0..100).map(|number| format!("_:n{number} :part _:n{} .", number + 1)).collect();
        let deep = framed_of(&format!("<> :mainEntity <#it> . <#it> :part _:n0 . {chain}"));
        assert!(deep.to_string().len() < 4000);
        assert_eq!(framed_of("<> :status \"y\" ."), json!({"@id": "https://x.se/r", "status": "y"}));
    }
}
