//! Names with their languages, and things that have them.

use serde::Serialize;

use crate::rdf::graph::last_part;

/// A name, and the language that it is in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Name {
    /// The name.
    pub text: String,
    /// The tag of its language in lower case; empty where it has none.
    pub language: String,
}

/// Something that a record refers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Thing {
    /// Its IRI, if it has one.
    pub iri: Option<String>,
    /// Its names in this record, a language each; none if only other records name it.
    pub names: Vec<Name>,
    /// What this record has in place of a name: a code, a notation.
    pub code: Option<String>,
}

impl Thing {
    /// Its name in this record: in the first of these languages, else without one, else any, else its code.
    #[must_use]
    pub fn label(&self, languages: &[String]) -> Option<&str> {
        choose(&self.names, languages).or(self.code.as_deref())
    }

    /// The same, or the last part of its IRI.
    #[must_use]
    pub fn label_or_iri(&self, languages: &[String]) -> String {
        self.label(languages).map(str::to_owned).or_else(|| self.iri.as_deref().map(last_part)).unwrap_or_default()
    }
}

/// The name in the first of these languages that has one; else a name without a language; else the first.
#[must_use]
pub fn choose<'n>(names: &'n [Name], languages: &[String]) -> Option<&'n str> {
    let of = |wanted: &str| {
        let dialect = |tag: &str| tag.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('-'));
        names.iter().find(|name| name.language == wanted).or_else(|| names.iter().find(|name| dialect(&name.language)))
    };
    let chosen = languages.iter().find_map(|language| of(language)).or_else(|| of("")).or_else(|| names.first());
    chosen.map(|name| name.text.as_str())
}
