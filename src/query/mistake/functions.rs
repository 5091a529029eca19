//! Explains calls of functions that the engine does not have, by an IRI.

use std::borrow::Cow;
use std::collections::HashMap;

use super::excerpt::brief;
use super::message::Mistake;
use super::near;
use super::tokens::{Kind, Tokens};
use crate::query::PREFIXES;

const XSD: &str = "http://www.w3.org/2001/XMLSchema#";
/// The functions that have an IRI: each casts one value to its datatype.
const CASTS: [&str; 17] = [
    "string",
    "boolean",
    "double",
    "float",
    "integer",
    "decimal",
    "date",
    "time",
    "dateTime",
    "duration",
    "yearMonthDuration",
    "dayTimeDuration",
    "gYear",
    "gYearMonth",
    "gMonth",
    "gMonthDay",
    "gDay",
];

/// Returns the mistake in the call of a function; with the number of its arguments, if that is wrong.
pub(super) fn mistake(text: &str, iri: &str, arguments: Option<usize>) -> Mistake {
    let (at, written) = place(text, iri);
    if let Some(count) = arguments {
        let sentence = format!("`{}` takes one argument, and has {count} here", brief(&written));
        return Mistake::at(text, at, sentence, Some(format!("write `{}(?x)`", brief(&written))));
    }
    let local = iri.rsplit(['#', '/', ':']).next().unwrap_or_default();
    let cast = if near::same(local, "int") { Some("integer") } else { near::nearest(local, &CASTS) };
    let hint =
        match (iri.starts_with(XSD), cast, near::function(local).map(|(name, ..)| name).or_else(|| near::near_function(local))) {
            (true, Some(cast), _) => format!("did you mean `xsd:{cast}`?"),
            (_, _, Some(function)) => format!("did you mean {function}, which is written without a prefix?"),
            _ => "by an IRI there are only casts, such as xsd:integer(?x) and xsd:date(?x)".to_owned(),
        };
    Mistake::at(text, at, format!("there is no function `{}` here", brief(&written)), Some(hint))
}

/// Returns where a function is called, and how it is written there.
fn place(text: &str, iri: &str) -> (usize, String) {
    let mut prefixes: HashMap<&str, Cow<'_, str>> = PREFIXES.iter().map(|(name, space)| (*name, Cow::Borrowed(*space))).collect();
    let mut tokens = Tokens::from(text, 0);
    let mut last = tokens.next(false);
    let mut declared = None;
    while last.kind != Kind::End {
        let written = last.of(text);
        let inner = written.get(1..written.len().saturating_sub(1)).unwrap_or_default();
        let next = tokens.next(false);
        let meant = match (last.kind, written.split_once(':')) {
            (Kind::Name, Some((prefix, local))) => {
                let namespace = prefixes.get(prefix).map(AsRef::as_ref).unwrap_or_default();
                declared = Some(prefix).filter(|_| local.is_empty());
                format!("{namespace}{}", local.replace('\\', ""))
            }
            (Kind::Iri, _) => {
                if let Some(prefix) = declared.take() {
                    prefixes.insert(prefix, Cow::Borrowed(inner));
                }
                inner.to_owned()
            }
            _ => String::new(),
        };
        if meant == iri && next.of(text) == "(" {
            return (last.start, written.to_owned());
        }
        last = next;
    }
    (0, format!("<{iri}>"))
}
