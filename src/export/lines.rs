//! A serializer of N-Triples and N-Quads in the canonical form of lines (RDF 1.1 N-Triples, section 4).

use oxigraph::model::vocab::xsd;
use oxigraph::model::{GraphName, Literal, NamedOrBlankNode, Quad, Term};

/// Writes a statement, with its graph or without.
pub(super) fn write(quad: &Quad, graph: bool, out: &mut Vec<u8>) {
    match &quad.subject {
        NamedOrBlankNode::NamedNode(node) => iri(node.as_str(), out),
        NamedOrBlankNode::BlankNode(node) => blank(node.as_str(), out),
    }
    out.push(b' ');
    iri(quad.predicate.as_str(), out);
    out.push(b' ');
    match &quad.object {
        Term::NamedNode(node) => iri(node.as_str(), out),
        Term::BlankNode(node) => blank(node.as_str(), out),
        Term::Literal(value) => literal(value, out),
    }
    match &quad.graph_name {
        GraphName::NamedNode(node) if graph => {
            out.push(b' ');
            iri(node.as_str(), out);
        }
        GraphName::BlankNode(node) if graph => {
            out.push(b' ');
            blank(node.as_str(), out);
        }
        _ => {}
    }
    out.extend_from_slice(b" .\n");
}

fn iri(text: &str, out: &mut Vec<u8>) {
    out.push(b'<');
    out.extend_from_slice(text.as_bytes());
    out.push(b'>');
}

fn blank(label: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"_:");
    out.extend_from_slice(label.as_bytes());
}

fn literal(value: &Literal, out: &mut Vec<u8>) {
    out.push(b'"');
    escaped(value.value(), out);
    out.push(b'"');
    if let Some(language) = value.language() {
        out.push(b'@');
        out.extend_from_slice(language.as_bytes());
    } else if value.datatype() != xsd::STRING {
        out.extend_from_slice(b"^^");
        iri(value.datatype().as_str(), out);
    }
}

/// The first byte of U+FFFE and U+FFFF, and of a few characters that need no escape.
const MAYBE_NO_CHARACTER: u8 = 0xef;

fn escaped(text: &str, out: &mut Vec<u8>) {
    let special = |byte: u8| byte < 0x20 || matches!(byte, b'"' | b'\\' | 0x7f | MAYBE_NO_CHARACTER);
    let mut left = text;
    while let Some(at) = left.bytes().position(special) {
        let (plain, rest) = left.split_at(at);
        out.extend_from_slice(plain.as_bytes());
        let mut characters = rest.chars();
        match characters.next() {
            Some('\u{8}') => out.extend_from_slice(b"\\b"),
            Some('\t') => out.extend_from_slice(b"\\t"),
            Some('\n') => out.extend_from_slice(b"\\n"),
            Some('\u{c}') => out.extend_from_slice(b"\\f"),
            Some('\r') => out.extend_from_slice(b"\\r"),
            Some('"') => out.extend_from_slice(b"\\\""),
            Some('\\') => out.extend_from_slice(b"\\\\"),
            Some(c @ ('\0'..='\u{1f}' | '\u{7f}' | '\u{fffe}' | '\u{ffff}')) => {
                out.extend_from_slice(format!("\\u{:04X}", u32::from(c)).as_bytes());
            }
            Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            None => {}
        }
        left = characters.as_str();
    }
    out.extend_from_slice(left.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxigraph::model::{BlankNode, NamedNode};
    use proptest::prelude::*;

    fn same_as_the_engine(object: impl Into<Term>) {
        let name = NamedNode::new("https://libris.kb.se/å").expect("an IRI");
        let quad = Quad::new(BlankNode::new_from_unique_id(0xa1), name.clone(), object, name);
        let (mut with, mut without) = (Vec::new(), Vec::new());
        write(&quad, true, &mut with);
        write(&quad, false, &mut without);
        assert_eq!(String::from_utf8(with).expect("text"), format!("{quad} .\n"));
        let triple = oxigraph::model::Triple::from(quad);
        assert_eq!(String::from_utf8(without).expect("text"), format!("{triple} .\n"));
    }

    #[test]
    fn every_kind_of_term_is_written_as_the_engine_does() {
        same_as_the_engine(BlankNode::new("b1").expect("a label"));
        same_as_the_engine(NamedNode::new("https://example.org/?q=%22#it").expect("an IRI"));
        same_as_the_engine(Literal::new_language_tagged_literal("å", "sv-SE").expect("a tag"));
        same_as_the_engine(Literal::new_typed_literal("0.500", xsd::DECIMAL));
        let all: String = (0..=0xffff).filter_map(char::from_u32).chain(['\u{1f600}']).collect();
        same_as_the_engine(Literal::new_simple_literal(all));
    }

    proptest! {
        #[test]
        fn every_text_is_written_as_the_engine_does(text in any::<String>()) {
            same_as_the_engine(Literal::new_simple_literal(text));
        }
    }
}
