//! The names of things in the visitor's language, for the pages.

use std::cell::Cell;

use super::words::Language;
use crate::labels::{Labels, Languages};
use crate::log::{Log, LogError};

/// Looks up names for a page.
pub struct Names<'a> {
    labels: Labels<'a>,
    wanted: Languages,
    missing: Cell<bool>,
}

/// Where definitions have their IRIs: languages, roles, countries, terms.
const DEFINITIONS: &str = "https://id.kb.se/";

impl<'a> Names<'a> {
    /// Names in a language.
    #[must_use]
    pub fn new(log: &'a Log, language: Language) -> Self {
        Self { labels: Labels(log), wanted: Languages::one(language.code()), missing: Cell::new(false) }
    }

    /// Returns the name of an IRI, if a record gives it one; `needed` says that there is no other name for it.
    pub fn of(&self, iri: &str, needed: bool) -> Result<Option<String>, LogError> {
        let name = self.labels.name(iri, &self.wanted)?;
        if needed && name.is_none() && iri.starts_with(DEFINITIONS) {
            self.missing.set(true);
        }
        Ok(name.map(|name| name.text))
    }

    /// Returns the record that describes an IRI.
    pub fn record(&self, iri: &str) -> Result<Option<String>, LogError> {
        self.labels.record(iri)
    }

    /// Returns whether the name of a definition is needed, and missing.
    #[must_use]
    pub fn missing(&self) -> bool {
        self.missing.get()
    }
}
