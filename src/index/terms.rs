//! Terms as bytes: what the dictionary holds.
//!
//! The first byte is the kind: 0 an IRI; 1 a plain literal; 2 a literal with a language (a byte with the length of the tag, the
//! tag, the text), 6 one whose tag is longer (four bytes with its length); 3 one with a datatype (four bytes with the length of its IRI, the IRI, the text); 4 one with a datatype of XML Schema
//! (a byte with the length of the local name, the name, the text); 5 a blank node by its label; from 16 on an IRI that begins as one of
//! [`BEGINNINGS`]. A term has exactly one form.

use oxigraph::model::vocab::xsd;
use oxigraph::model::{BlankNode, Literal, NamedNode, Term, TermRef};

const IRI: u8 = 0;
const PLAIN: u8 = 1;
const LANGUAGE: u8 = 2;
const TYPED: u8 = 3;
const XSD_TYPED: u8 = 4;
const LABEL: u8 = 5;
const LONG_LANGUAGE: u8 = 6;
const BEGINNING: u8 = 16;

/// Beginnings of IRIs, of which no later one begins with an earlier. Part of the format: it may only grow at its end.
const BEGINNINGS: [&str; 18] = [
    "https://libris.kb.se/library/",
    "https://libris.kb.se/bib/",
    "https://libris.kb.se/auth/",
    "https://libris.kb.se/",
    "https://id.kb.se/vocab/",
    "https://id.kb.se/marc/",
    "https://id.kb.se/language/",
    "https://id.kb.se/term/sao/",
    "https://id.kb.se/term/",
    "https://id.kb.se/",
    "http://www.wikidata.org/entity/",
    "http://viaf.org/viaf/",
    "https://viaf.org/viaf/",
    "http://id.loc.gov/authorities/",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "http://www.w3.org/2000/01/rdf-schema#",
    "http://www.w3.org/2004/02/skos/core#",
    "http://purl.org/dc/terms/",
];

/// The namespace of XML Schema's datatypes.
const XSD: &str = "http://www.w3.org/2001/XMLSchema#";

/// Adds the bytes of a term.
pub(super) fn encode(term: TermRef<'_>, out: &mut Vec<u8>) {
    match term {
        TermRef::NamedNode(node) => encode_iri(node.as_str(), out),
        TermRef::BlankNode(node) => {
            out.push(LABEL);
            out.extend_from_slice(node.as_str().as_bytes());
        }
        TermRef::Literal(literal) => {
            let (text, datatype) = (literal.value(), literal.datatype());
            match literal.language().map(|tag| (tag, u8::try_from(tag.len()))) {
                Some((tag, Ok(length))) => {
                    out.extend_from_slice(&[LANGUAGE, length]);
                    out.extend_from_slice(tag.as_bytes());
                }
                Some((tag, Err(_))) => long(LONG_LANGUAGE, tag, out),
                None if datatype == xsd::STRING => out.push(PLAIN),
                None => encode_datatype(datatype.as_str(), out),
            }
            out.extend_from_slice(text.as_bytes());
        }
    }
}

pub(super) fn encode_iri(iri: &str, out: &mut Vec<u8>) {
    let found = (BEGINNING..).zip(BEGINNINGS).find_map(|(kind, beginning)| Some((kind, iri.strip_prefix(beginning)?)));
    let (kind, rest) = found.unwrap_or((IRI, iri));
    out.push(kind);
    out.extend_from_slice(rest.as_bytes());
}

fn encode_datatype(datatype: &str, out: &mut Vec<u8>) {
    let local = datatype.strip_prefix(XSD).and_then(|local| Some((local, u8::try_from(local.len()).ok()?)));
    if let Some((local, length)) = local {
        out.extend_from_slice(&[XSD_TYPED, length]);
        out.extend_from_slice(local.as_bytes());
    } else {
        long(TYPED, datatype, out);
    }
}

/// A kind, and a text with its length. A text is shorter than a payload, whose size is bounded far below four gigabytes.
fn long(kind: u8, text: &str, out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// The text with its length, and what follows it.
fn split_long(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_at_checked(4)?;
    let length = u32::from_le_bytes(length.try_into().ok()?);
    let (text, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

/// The term that some bytes are; `None` if they are none.
pub(super) fn decode(bytes: &[u8]) -> Option<Term> {
    let (kind, rest) = bytes.split_first()?;
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    Some(match *kind {
        IRI => NamedNode::new_unchecked(text(rest)?).into(),
        PLAIN => Literal::new_simple_literal(text(rest)?).into(),
        LANGUAGE => {
            let (length, rest) = rest.split_first()?;
            let (tag, value) = rest.split_at_checked(usize::from(*length))?;
            Literal::new_language_tagged_literal_unchecked(text(value)?, text(tag)?).into()
        }
        XSD_TYPED => {
            let (length, rest) = rest.split_first()?;
            let (local, value) = rest.split_at_checked(usize::from(*length))?;
            typed(format!("{XSD}{}", std::str::from_utf8(local).ok()?), text(value)?)
        }
        TYPED => {
            let (datatype, value) = split_long(rest)?;
            typed(datatype.to_owned(), text(value)?)
        }
        LONG_LANGUAGE => {
            let (tag, value) = split_long(rest)?;
            Literal::new_language_tagged_literal_unchecked(text(value)?, tag).into()
        }
        LABEL => BlankNode::new(text(rest)?).ok()?.into(),
        kind => {
            let beginning = BEGINNINGS.get(usize::from(kind.checked_sub(BEGINNING)?))?;
            NamedNode::new_unchecked(format!("{beginning}{}", std::str::from_utf8(rest).ok()?)).into()
        }
    })
}

/// The text of a plain literal's bytes.
pub(super) fn plain(bytes: &[u8]) -> Option<&[u8]> {
    bytes.split_first().filter(|(kind, _)| **kind == PLAIN).map(|(_, text)| text)
}

/// The text of the bytes of an `xsd:dateTime`.
pub(super) fn date_time(bytes: &[u8]) -> Option<&str> {
    const NAME: &[u8] = b"dateTime";
    let name = bytes.strip_prefix(&[XSD_TYPED, 8])?;
    std::str::from_utf8(name.strip_prefix(NAME)?).ok()
}

fn typed(datatype: String, value: String) -> Term {
    Literal::new_typed_literal(value, NamedNode::new_unchecked(datatype)).into()
}

/// The hash of a term's bytes: the place of a term in the dictionary depends on it, so that it is part of the format.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_comes_back_as_it_was() {
        let literal = |text: &str, datatype: &str| Literal::new_typed_literal(text, NamedNode::new_unchecked(datatype)).into();
        let mut terms: Vec<Term> = vec![
            NamedNode::new_unchecked("https://libris.kb.se/bcdf#it").into(),
            NamedNode::new_unchecked("https://libris.kb.se").into(),
            NamedNode::new_unchecked("urn:x").into(),
            BlankNode::new_from_unique_id(77).into(),
            Literal::new_simple_literal("").into(),
            Literal::new_simple_literal("Åsa \u{10ffff}").into(),
            Literal::new_language_tagged_literal_unchecked("räv", "sv-SE").into(),
            Literal::new_language_tagged_literal_unchecked("x", "x-".to_owned() + &"y".repeat(300)).into(),
            literal("01", "http://www.w3.org/2001/XMLSchema#integer"),
            literal("2026-01-01T24:00:00Z", "http://www.w3.org/2001/XMLSchema#dateTime"),
            literal("NaN", "http://www.w3.org/2001/XMLSchema#double"),
            literal("x", "https://id.kb.se/datatype/édtf"),
            literal("x", &format!("http://www.w3.org/2001/XMLSchema#{}", "y".repeat(300))),
            Literal::new_simple_literal("z".repeat(1 << 20)).into(),
        ];
        terms.extend(BEGINNINGS.map(|beginning| Term::from(NamedNode::new_unchecked(beginning))));
        let mut seen = std::collections::HashSet::new();
        for term in terms {
            let mut bytes = Vec::new();
            encode(term.as_ref(), &mut bytes);
            assert_eq!(decode(&bytes), Some(term.clone()), "{term}");
            assert!(seen.insert(bytes), "{term}");
        }
    }

    #[test]
    fn bytes_that_are_no_term_are_none() {
        for bytes in [
            &[][..],
            &[LANGUAGE],
            &[LANGUAGE, 9, b's'],
            &[TYPED, 1, 0],
            &[TYPED, 255, 255, 255, 255, 1],
            &[9],
            &[255],
            &[IRI, 0xff],
        ] {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
    }
}
