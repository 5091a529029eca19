//! Paths over properties: `kbv:hasTitle[kbv:Title]/kbv:mainTitle`, and the terms in them as small numbers.

use rustc_hash::FxHashMap;

use super::super::prefixes::expand;

/// The number of a property or class that the table names.
pub(super) type TermId = u16;

/// The terms that the table names.
#[derive(Debug, Default)]
pub(super) struct Terms {
    numbers: FxHashMap<String, TermId>,
    iris: Vec<String>,
}

/// One property of a path, and which of its values count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) property: TermId,
    pub(super) only: Only,
}

/// Which values of a property count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Only {
    All,
    /// Nodes of this class.
    Class(TermId),
    /// IRIs that begin so.
    Beginning(String),
}

/// A path: at least one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path(pub(super) Vec<Step>);

/// The longest path. Records nest a few levels; each step multiplies the work.
const LONGEST: usize = 6;

impl Terms {
    /// The number of an IRI of the table.
    pub(super) fn add(&mut self, iri: &str) -> Result<TermId, String> {
        if let Some(known) = self.get(iri) {
            return Ok(known);
        }
        let next = TermId::try_from(self.iris.len()).map_err(|_| "the table names more than 65 536 terms".to_owned())?;
        let iri = of_schema(iri).map_or_else(|| iri.to_owned(), |local| format!("{}{local}", SCHEMA[1]));
        self.iris.push(iri.clone());
        self.numbers.insert(iri, next);
        Ok(next)
    }

    /// The number of an IRI in a record, if the table names it.
    pub(super) fn get(&self, iri: &str) -> Option<TermId> {
        match of_schema(iri) {
            Some(local) => self.numbers.get(format!("{}{local}", SCHEMA[1]).as_str()).copied(),
            None => self.numbers.get(iri).copied(),
        }
    }

    /// The IRI of a number.
    pub(super) fn iri(&self, term: TermId) -> &str {
        self.iris.get(usize::from(term)).map(String::as_str).unwrap_or_default()
    }
}

/// schema.org is written with both schemes, and means the same.
const SCHEMA: [&str; 2] = ["https://schema.org/", "http://schema.org/"];

/// The local name of a term of schema.org, if it is written with the scheme that the table does not use.
fn of_schema(iri: &str) -> Option<&str> {
    iri.strip_prefix(SCHEMA[0])
}

impl Path {
    /// Reads a path.
    pub(super) fn parse(text: &str, terms: &mut Terms) -> Result<Self, String> {
        if text.contains("://") && !text.contains('<') {
            return Err(format!("write the IRI as <{text}>"));
        }
        let mut steps = Vec::new();
        for part in split(text) {
            let (property, only) = match part.strip_suffix(']').and_then(|part| part.split_once('[')) {
                Some((property, only)) => (property, Some(only)),
                None => (part, None),
            };
            let property = terms.add(&expand(property.trim())?)?;
            let only = match only.map(|only| (only, only.strip_suffix('*'))) {
                None => Only::All,
                Some((_, Some(beginning))) => Only::Beginning(expand(beginning.trim())?),
                Some((class, None)) => Only::Class(terms.add(&expand(class.trim())?)?),
            };
            steps.push(Step { property, only });
        }
        if steps.len() > LONGEST {
            return Err(format!("a path has at most {LONGEST} properties"));
        }
        Ok(Self(steps))
    }
}

/// Splits a path at its slashes, except those within `<>`.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut inside) = (Vec::new(), 0, false);
    for (place, c) in text.char_indices() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            '/' if !inside => {
                parts.push(text[begin..place].trim());
                begin = place + 1;
            }
            _ => {}
        }
    }
    parts.push(text[begin..].trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_and_mistakes_are_named() {
        let mut terms = Terms::default();
        let path = Path::parse("kbv:hasTitle[kbv:Title]/<https://x.example/a/b>", &mut terms).expect("valid");
        let title = terms.get("https://id.kb.se/vocab/Title").expect("known");
        let steps = [("https://id.kb.se/vocab/hasTitle", Only::Class(title)), ("https://x.example/a/b", Only::All)];
        assert_eq!(path.0.len(), 2);
        for (step, (property, only)) in path.0.iter().zip(steps) {
            assert_eq!((Some(step.property), &step.only), (terms.get(property), &only));
        }
        let genre = Path::parse("kbv:category[saogf:*]", &mut terms).expect("valid");
        assert_eq!(genre.0[0].only, Only::Beginning("https://id.kb.se/term/saogf/".into()));
        for (wrong, said) in [
            ("title", "neither a prefixed name"),
            ("xyz:title", "the prefix \"xyz\" is unknown"),
            ("http://x.example/a", "<http://x.example/a>"),
            ("", "neither a prefixed name"),
            ("kbv:a//kbv:b", "neither a prefixed name"),
            ("kbv:a/kbv:b/kbv:c/kbv:d/kbv:e/kbv:f/kbv:g", "at most 6"),
            ("<a b>", "is no IRI"),
        ] {
            let error = Path::parse(wrong, &mut terms).expect_err(wrong);
            assert!(error.contains(said), "{wrong}: {error}");
        }
    }

    #[test]
    fn both_forms_of_schema_org_are_one_vocabulary() {
        let mut terms = Terms::default();
        let name = terms.add("http://schema.org/name").expect("room");
        assert_eq!(terms.get("https://schema.org/name"), Some(name));
        assert_eq!(terms.get("https://schema.org/other"), None);
    }
}
