//! The JSON-LD context of a source, without the terms that strict parsers reject.
//!
//! KB's context is not valid JSON-LD 1.1: a few terms written as compact IRIs (`bibdb:…ByLang`) expand to
//! something other than themselves, which section 4.2.2 of the API forbids ("invalid IRI mapping"). Such terms
//! are dropped, and named, when the context is loaded.

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

/// A context as it came, and as it is passed to the parser.
#[derive(Debug, Clone)]
pub struct Context {
    url: String,
    cleaned: Vec<u8>,
    dropped: Vec<String>,
}

/// Why a document cannot serve as a context.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// It is not JSON.
    #[error("the JSON-LD context {url} is not JSON: {source}")]
    Json {
        /// Its address.
        url: String,
        /// The message of the parser.
        source: serde_json::Error,
    },
    /// No payload can be parsed with it.
    #[error("the JSON-LD context {url} is not one that payloads can be parsed with: {reason}")]
    Unusable {
        /// Its address.
        url: String,
        /// The parser's words.
        reason: String,
    },
    /// It has no `@context`.
    #[error("the JSON-LD context {url} holds no \"@context\" object")]
    Missing {
        /// Its address.
        url: String,
    },
}

impl Context {
    /// Reads a context document, dropping the terms that no strict parser accepts.
    pub fn new(url: &str, document: &[u8]) -> Result<Self, ContextError> {
        let mut value: Value =
            serde_json::from_slice(document).map_err(|source| ContextError::Json { url: url.to_owned(), source })?;
        let mut dropped = Vec::new();
        match value.get_mut("@context") {
            Some(Value::Array(parts)) => parts.iter_mut().for_each(|part| dropped.extend(drop_invalid_terms(part))),
            Some(part @ Value::Object(_)) => dropped.extend(drop_invalid_terms(part)),
            _ => return Err(ContextError::Missing { url: url.to_owned() }),
        }
        Ok(Self { url: url.to_owned(), cleaned: value.to_string().into_bytes(), dropped })
    }

    /// Where it came from.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The document for the parser.
    #[must_use]
    pub fn document(&self) -> &[u8] {
        &self.cleaned
    }

    /// The terms that were dropped.
    #[must_use]
    pub fn dropped(&self) -> &[String] {
        &self.dropped
    }
}

fn drop_invalid_terms(context: &mut Value) -> Vec<String> {
    let Value::Object(terms) = context else { return Vec::new() };
    let prefixes: FxHashMap<String, String> = terms
        .iter()
        .filter_map(|(term, definition)| {
            let iri = definition.as_str().or_else(|| definition.get("@id")?.as_str())?;
            Some((term.clone(), iri.to_owned()))
        })
        .collect();
    let expand = |name: &str| -> String {
        let Some((prefix, rest)) = name.split_once(':') else { return name.to_owned() };
        prefixes.get(prefix).map_or_else(|| name.to_owned(), |iri| format!("{iri}{rest}"))
    };
    let invalid: Vec<String> = terms
        .iter()
        .filter(|(term, definition)| {
            let id = definition.as_str().or_else(|| definition.get("@id").and_then(Value::as_str));
            !term.starts_with('@') && term.contains(':') && id.is_some_and(|id| expand(id) != expand(term))
        })
        .map(|(term, _)| term.clone())
        .collect();
    let dropped: FxHashSet<&String> = invalid.iter().collect();
    terms.retain(|term, _| !dropped.contains(term));
    invalid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_terms_that_expand_to_something_else_are_dropped() {
        let document = br#"{"@context": {"@vocab": "https://v/", "p": "https://p/", "p:okay": {"@id": "p:okay"},
            "p:fine": {"@container": "@set"}, "p:labelByLang": {"@id": "p:label", "@container": "@language"}, "alias": {"@id": "p:x"}}}"#;
        let context = Context::new("https://c/", document).expect("a context");
        assert_eq!(context.dropped(), ["p:labelByLang"]);
        let text = String::from_utf8_lossy(context.document());
        assert!(text.contains("p:fine") && text.contains("alias") && !text.contains("labelByLang"), "{text}");
    }

    #[test]
    fn what_is_no_context_is_named() {
        assert!(Context::new("https://c/", b"<html>").expect_err("html").to_string().contains("https://c/ is not JSON"));
        assert!(Context::new("https://c/", b"{}").expect_err("empty").to_string().contains("no \"@context\""));
    }
}
