//! The names of things in the visitor's language, for the pages.

use std::cell::Cell;

use super::kinds::kind_name;
use super::words::Language;
use crate::labels::{Labels, Languages};
use crate::log::{Log, LogError};
use crate::rdf::Shapes;
use crate::rdf::vocab::KBV;

/// Looks up names for a page.
pub struct Names<'a> {
    labels: Labels<'a>,
    shapes: &'a Shapes,
    language: Language,
    wanted: Languages,
    missing: Cell<bool>,
}

/// Where the definitions have their IRIs that `harvest definitions` brings; subjects come with the authority records.
const DEFINITIONS: [&str; 9] = [
    "https://id.kb.se/language/",
    "https://id.kb.se/relator/",
    "https://id.kb.se/country/",
    "https://id.kb.se/nationality/",
    "https://id.kb.se/marc/",
    "https://id.kb.se/term/rda/",
    "https://id.kb.se/term/saogf/",
    "https://id.kb.se/term/saobf/",
    "https://id.kb.se/term/ktg/",
];

impl<'a> Names<'a> {
    /// Names in a language.
    #[must_use]
    pub fn new(log: &'a Log, shapes: &'a Shapes, language: Language) -> Self {
        Self { labels: Labels(log), shapes, language, wanted: Languages::one(language.code()), missing: Cell::new(false) }
    }

    /// Returns the name of an IRI, if a record gives it one; `needed` says that there is no other name for it.
    pub fn of(&self, iri: &str, needed: bool) -> Result<Option<String>, LogError> {
        let name = self.labels.name(iri, &self.wanted)?;
        if needed && name.is_none() && DEFINITIONS.iter().any(|start| iri.starts_with(start)) {
            self.missing.set(true);
        }
        Ok(name.map(|name| name.text))
    }

    /// Returns the record that describes an IRI.
    pub fn record(&self, iri: &str) -> Result<Option<String>, LogError> {
        self.labels.record(iri)
    }

    /// Returns the name of a kind: by the table; of a class that no kind fits, as its vocabulary says, if the mirror has it,
    /// else made of the name of the class.
    pub fn kind(&self, kind: &str) -> Result<String, LogError> {
        if self.shapes.kind(kind).is_some() {
            return Ok(kind_name(self.shapes, kind, self.language));
        }
        // In KBV, names of classes begin with a capital, and those of properties do not.
        let class = if kind.contains(':') {
            Some(kind.to_owned())
        } else {
            kind.starts_with(char::is_uppercase).then(|| format!("{KBV}{kind}"))
        };
        let name = class.map(|class| self.labels.name(&class, &self.wanted)).transpose()?.flatten();
        Ok(name.map_or_else(|| kind_name(self.shapes, kind, self.language), |name| name.text))
    }

    /// Returns whether the name of a definition is needed, and missing.
    #[must_use]
    pub fn missing(&self) -> bool {
        self.missing.get()
    }
}
