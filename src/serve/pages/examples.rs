//! The example queries of config/queries, as the SPARQL page offers them.

/// A query with its description.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// The name of its file.
    pub name: &'static str,
    /// In English.
    pub english: &'static str,
    /// In Swedish.
    pub swedish: &'static str,
    /// The query, without these lines.
    pub query: &'static str,
}

/// Reads a file, whose first two lines are the descriptions in English and Swedish.
const fn split(text: &'static str) -> (&'static str, &'static str) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() && bytes[at] != b'\n' {
        at += 1;
    }
    let (line, rest) = text.split_at(at);
    (line.split_at(LABEL).1, if rest.is_empty() { rest } else { rest.split_at(1).1 })
}

/// `# en: `
const LABEL: usize = 6;

macro_rules! examples {
    ($($name:literal,)*) => {
        /// The examples, in the order of the page.
        pub static EXAMPLES: &[Example] = &[$({
            const FILE: (&str, &str) = split(include_str!(concat!("../../../config/queries/", $name, ".rq")));
            const REST: (&str, &str) = split(FILE.1);
            Example { name: $name, english: FILE.0, swedish: REST.0, query: REST.1 }
        },)*];
    };
}

examples! {
    "novels-by-year",
    "books-by-decade",
    "languages",
    "translations",
    "translated-authors",
    "childrens-books",
    "audio-books",
    "serials",
    "genres",
    "work-types",
    "contents",
    "carriers",
    "kinds",
    "countries",
    "places",
    "publishers",
    "prolific-authors",
    "roles",
    "subjects",
    "books-on-a-subject",
    "series",
    "viaf-without-wikidata",
    "wikidata",
    "identifiers",
    "recently-changed",
    "one-record",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_valid_and_says_what_it_asks() {
        assert!(EXAMPLES.len() >= 12);
        let mut parser = spargebra::SparqlParser::new();
        for (prefix, namespace) in crate::query::PREFIXES {
            parser = parser.with_prefix(prefix, namespace).expect("a namespace");
        }
        for example in EXAMPLES {
            assert!(example.english.len() > 5 && example.swedish.len() > 5, "{example:?}");
            assert!(example.query.starts_with("# Relies on: "), "{example:?}");
            parser.clone().parse_query(example.query).unwrap_or_else(|error| panic!("{}: {error}", example.name));
        }
    }
}
