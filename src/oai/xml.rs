//! Namespaces in scope, text of elements, and the payload inside a record as the log keeps it.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::PrefixDeclaration;

use super::skim::end_of_content;

/// The namespace declarations in scope at an element: raw attribute text by prefix (empty for the default).
#[derive(Debug, Clone, Default)]
pub struct Scope(Vec<(String, String)>);

impl Scope {
    /// Adds what an element declares; inner declarations win.
    pub fn enter(&mut self, element: &BytesStart<'_>) {
        for attribute in element.attributes().with_checks(false).flatten() {
            let prefix = match attribute.key.as_namespace_binding() {
                Some(PrefixDeclaration::Default) => "",
                Some(PrefixDeclaration::Named(prefix)) => prefix,
                None => continue,
            };
            let value = attribute.value.to_string();
            match self.0.iter_mut().find(|(known, _)| known == prefix) {
                Some(known) => known.1 = value,
                None => self.0.push((prefix.to_owned(), value)),
            }
        }
    }

    /// The declarations that an element needs to stand alone: those in scope that it does not have itself.
    #[must_use]
    pub fn missing_in(&self, element: &BytesStart<'_>) -> String {
        let mut own = Self::default();
        own.enter(element);
        let mut attributes = String::new();
        for (prefix, value) in &self.0 {
            if !own.0.iter().any(|(known, _)| known == prefix) {
                let colon = if prefix.is_empty() { "" } else { ":" };
                // The raw value may hold either quote, never both: it came from one attribute.
                let quote = if value.contains('"') { '\'' } else { '"' };
                attributes.push_str(&format!(" xmlns{colon}{prefix}={quote}{value}{quote}"));
            }
        }
        attributes
    }

    /// The namespace that a prefix stands for, or the empty string.
    #[must_use]
    pub fn namespace(&self, prefix: &str) -> &str {
        self.0.iter().find(|(known, _)| known == prefix).map_or("", |(_, value)| value)
    }
}

/// The text of a character or predefined entity reference, or the name of an unknown one.
pub(super) fn resolve(reference: &BytesRef<'_>) -> Result<char, String> {
    let name: &str = reference;
    match name {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => match reference.resolve_char_ref() {
            Ok(Some(character)) => Ok(character),
            _ => Err(format!("unknown entity &{};", name.chars().take(40).collect::<String>())),
        },
    }
}

/// The content of a record's `<metadata>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload<'a> {
    /// There is no `<metadata>`, or nothing in it.
    None,
    /// An XML element, with every namespace declaration that it needs; repaired as [`super::repair`] does.
    Element(Cow<'a, str>),
    /// Text, as Libris delivers Turtle and JSON-LD; references resolved.
    Text(String),
}

/// Extracts the payload of a self-contained `<record>`.
///
/// # Errors
/// The message of the parser and the byte position in the record, if its XML is broken, nested deeper than `depth`, or contains a
/// document type declaration.
pub fn payload_of(record: &str, depth: usize) -> Result<Payload<'_>, (u64, String)> {
    let deepest = depth;
    let mut reader = Reader::from_str(record);
    let mut scope = Scope::default();
    let mut depth = 0;
    loop {
        let event = reader.read_event().map_err(|error| (reader.error_position(), error.to_string()))?;
        match event {
            Event::Start(element) => {
                depth += 1;
                if depth == 1 {
                    scope.enter(&element);
                } else if depth == 2 && element.local_name().into_inner() == "metadata" {
                    scope.enter(&element);
                    return inside_metadata(reader, record, &scope, deepest);
                }
            }
            Event::End(_) => depth -= 1,
            Event::Eof => return Ok(Payload::None),
            _ => {}
        }
    }
}

/// Where the content of a record's first `<metadata>` is, if it has any.
///
/// # Errors
/// Those of [`payload_of`], for a record whose XML is broken.
pub(super) fn metadata_of(record: &str) -> Result<Option<Range<usize>>, (u64, String)> {
    let mut reader = Reader::from_str(record);
    let mut depth = 0;
    loop {
        match reader.read_event().map_err(|error| (reader.error_position(), error.to_string()))? {
            Event::Start(element) => {
                depth += 1;
                if depth == 2 && element.local_name().into_inner() == "metadata" {
                    let start = position(&reader);
                    read_to_end(&mut reader, usize::MAX)?;
                    let end_tag = record.get(..position(&reader)).and_then(|before| before.rfind("</"));
                    return Ok(end_tag.map(|end| start..end).filter(|inner| !inner.is_empty()));
                }
            }
            Event::End(_) => depth -= 1,
            Event::Eof => return Ok(None),
            _ => {}
        }
    }
}

/// The position after the end tag of the element whose start tag was read last.
fn end_of_element(reader: &mut Reader<&[u8]>, record: &str, name: &str, deepest: usize) -> Result<usize, (u64, String)> {
    let begin = position(reader);
    let rest = &record.as_bytes()[begin..];
    let closed = end_of_content(rest, deepest).and_then(|end| {
        let tag = rest[end..].strip_prefix(b"</")?.strip_prefix(name.as_bytes())?;
        let space = tag.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        (tag.get(space) == Some(&b'>')).then(|| begin + end + 2 + name.len() + space + 1)
    });
    if let Some(end) = closed {
        return Ok(end);
    }
    read_to_end(reader, deepest)?;
    Ok(position(reader))
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

/// Reads to the end of the current element.
fn read_to_end(reader: &mut Reader<&[u8]>, deepest: usize) -> Result<(), (u64, String)> {
    let mut depth = 0;
    loop {
        let before = reader.buffer_position();
        match reader.read_event().map_err(|error| (reader.error_position(), error.to_string()))? {
            Event::Start(_) if depth == deepest => return Err((before, format!("elements are nested deeper than {deepest}"))),
            Event::Start(_) => depth += 1,
            Event::End(_) if depth == 0 => return Ok(()),
            Event::End(_) => depth -= 1,
            Event::DocType(_) => return Err((before, "it holds a document type declaration, which is refused".into())),
            Event::Eof => return Err((before, "it ends before its elements are closed".into())),
            _ => {}
        }
    }
}

fn inside_metadata<'a>(
    mut reader: Reader<&'a [u8]>,
    record: &'a str,
    scope: &Scope,
    deepest: usize,
) -> Result<Payload<'a>, (u64, String)> {
    let mut text = String::new();
    loop {
        let before = position(&reader);
        let event = reader.read_event().map_err(|error| (reader.error_position(), error.to_string()))?;
        match event {
            Event::Start(element) => {
                let missing = scope.missing_in(&element);
                let name = element.name().into_inner();
                let after_name = before + 1 + name.len();
                let end = end_of_element(&mut reader, record, name, deepest)?;
                let body = record.get(before..end).unwrap_or_default();
                if missing.is_empty() {
                    return Ok(Payload::Element(Cow::Borrowed(body)));
                }
                let name_length = after_name - before;
                return Ok(Payload::Element(Cow::Owned(format!("{}{missing}{}", &body[..name_length], &body[name_length..]))));
            }
            Event::Empty(element) => {
                let missing = scope.missing_in(&element);
                return Ok(Payload::Element(Cow::Owned(format!(
                    "<{}{missing}{}/>",
                    element.name().into_inner(),
                    element.attributes_raw()
                ))));
            }
            Event::Text(part) => text.push_str(&part.xml10_content()),
            Event::CData(part) => text.push_str(&part.xml10_content()),
            Event::GeneralRef(reference) => text.push(resolve(&reference).map_err(|problem| (before as u64, problem))?),
            Event::End(_) | Event::Eof => break,
            Event::DocType(_) => return Err((before as u64, "it holds a document type declaration, which is refused".into())),
            _ => {}
        }
    }
    Ok(if text.trim().is_empty() { Payload::None } else { Payload::Text(text) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_element_takes_the_declarations_of_its_ancestors_along() {
        let record = r#"<r:record xmlns:r="http://oai" xmlns:a='x"y'><r:header/><r:metadata xmlns:b="b"><a:x b:y="1"><b:z/></a:x></r:metadata></r:record>"#;
        let expected = r#"<a:x xmlns:r="http://oai" xmlns:a='x"y' xmlns:b="b" b:y="1"><b:z/></a:x>"#;
        assert_eq!(payload_of(record, 256), Ok(Payload::Element(Cow::Borrowed(expected))));
    }

    #[test]
    fn an_element_that_declares_everything_is_not_copied() {
        let record = r#"<record xmlns="o"><metadata> <x xmlns="y"><z/></x> </metadata></record>"#;
        assert!(matches!(payload_of(record, 256), Ok(Payload::Element(Cow::Borrowed(r#"<x xmlns="y"><z/></x>"#)))));
    }

    #[test]
    fn text_comes_from_cdata_and_references_alike() {
        let record = "<record><metadata><![CDATA[<a> ]]>&lt;b&gt; &#229;</metadata></record>";
        assert_eq!(payload_of(record, 256), Ok(Payload::Text("<a> <b> å".into())));
        assert_eq!(payload_of("<record><header/></record>", 256), Ok(Payload::None));
        assert_eq!(payload_of("<record><metadata/></record>", 256), Ok(Payload::None));
        assert!(payload_of("<record><metadata>&evil;</metadata></record>", 256).is_err());
    }

    proptest! {
        #[test]
        fn an_element_ends_where_a_parser_says_that_it_does(
            parts in prop::collection::vec(
                prop::sample::select(&[
                    "<a>", "</a>", "<a\n b='>'>", "</a\t>", "<x>", "</x>", "</x \n>", "<a/>", "<b c=\"'</x>\"/>", "å &amp; b", "&", ";",
                    "<![CDATA[</x>]]>", "]]>", "<!-- </x> -->", "<?p </x>?>", "<!DOCTYPE a>", "< a>", "</ x>", "</xx>", "</>", "<", ">",
                ][..]),
                0..12,
            ),
        ) {
            let record = format!("<x>{}</x></metadata>", parts.concat());
            let reader = || {
                let mut reader = Reader::from_str(&record);
                assert!(matches!(reader.read_event(), Ok(Event::Start(_))));
                reader
            };
            let (mut one, mut other) = (reader(), reader());
            let parsed = read_to_end(&mut other, 3).map(|()| position(&other));
            prop_assert_eq!(end_of_element(&mut one, &record, "x", 3), parsed);
        }
    }
}
