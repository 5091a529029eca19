//! Finding names in a record's quads: of what it describes, of the aliases of that, and of what else it names. Pure.

use oxigraph::model::Quad;

use super::languages::LONGEST_TAG;
use crate::rdf::Graph;
use crate::rdf::shapes::{Shapes, Subject};

/// A name of an IRI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Of what.
    pub iri: String,
    /// Its language, in lower case; empty if it has none.
    pub language: String,
    /// The name.
    pub text: String,
    /// Names of a lower rank come first.
    pub rank: i64,
}

/// The rank of names of what a record describes.
const DESCRIBED: i64 = 0;

/// The rank of the same names for other IRIs of it.
const ALIAS: i64 = 1;

/// The rank of names of what a record only mentions. They count if no record describes it.
pub(super) const MENTION: i64 = 2;

/// The longest name, in characters.
const LONGEST_NAME: usize = 300;

/// The longest IRI whose names are kept, in bytes.
const LONGEST_IRI: usize = 2000;

/// How many aliases of an IRI have its names.
const MOST_ALIASES: usize = 16;

/// How many names a record gives.
const MOST_NAMES: usize = 50_000;

/// The numbers of old Libris, which are nobody's names.
const OLD_NUMBERS: &str = "http://libris.kb.se/";

/// The names that a record gives, each IRI once in each language, in a fixed order.
#[must_use]
pub fn labels_of(shapes: &Shapes, record: &str, quads: &[Quad]) -> Vec<Label> {
    let mut labels = Vec::new();
    for Subject { iri, names, aliases, described } in Subject::all(shapes, record, &Graph::new(quads)) {
        let level = if described { DESCRIBED } else { MENTION };
        let mut aliases: Vec<&str> =
            aliases.into_iter().filter(|alias| *alias != iri && !alias.starts_with(OLD_NUMBERS)).collect();
        aliases.sort_unstable();
        aliases.dedup();
        let aliases = aliases.into_iter().take(MOST_ALIASES).map(|alias| (alias, ALIAS));
        for (iri, rank) in std::iter::once((iri, level)).chain(aliases).filter(|(iri, _)| iri.len() <= LONGEST_IRI) {
            let cleaned = names.iter().filter(|name| name.language.len() <= LONGEST_TAG).map(|name| (name, clean(&name.text)));
            for (name, text) in cleaned.filter(|(_, text)| !text.is_empty()) {
                if labels.len() == MOST_NAMES {
                    return labels;
                }
                labels.push(Label { iri: iri.to_owned(), language: name.language.clone(), text, rank });
            }
        }
    }
    labels
}

fn clean(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_NAME).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxigraph::io::{RdfFormat, RdfParser};

    const PREFIXES: &str = "@prefix : <https://id.kb.se/vocab/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        @prefix skos: <http://www.w3.org/2004/02/skos/core#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
        @prefix foaf: <http://xmlns.com/foaf/0.1/> . @prefix schema: <http://schema.org/> . @base <https://libris.kb.se/abc> .";

    fn told(record: &str, turtle: &str) -> Vec<String> {
        let document = format!("{PREFIXES} {turtle}");
        let parser = RdfParser::from_format(RdfFormat::Turtle).for_slice(&document);
        let quads: Vec<Quad> = parser.collect::<Result<_, _>>().expect("valid Turtle");
        let labels = labels_of(&Shapes::standard(), record, &quads).into_iter();
        labels.map(|label| format!("{} {:?} {} {}", label.iri, label.language, label.text, label.rank)).collect()
    }

    #[test]
    fn a_term_has_its_names_in_each_language_and_so_have_its_aliases() {
        let names = told(
            "https://libris.kb.se/abc",
            r#"<> a :Record; :mainEntity <https://id.kb.se/relator/author>; :sameAs <http://libris.kb.se/resource/auth/1>.
            <https://id.kb.se/relator/author> a :Role; :prefLabel "Författare"@sv, "Author"@en; :label "f"@sv; :code "aut";
              :sameAs <https://id.kb.se/relator/aut>, <http://libris.kb.se/auth/7>; owl:sameAs <https://id.kb.se/relator/author> .
            <https://id.kb.se/language/swe> :label "swe" ."#,
        );
        assert_eq!(
            names,
            [
                "https://id.kb.se/language/swe \"\" swe 2",
                "https://id.kb.se/relator/author \"sv\" Författare 0",
                "https://id.kb.se/relator/author \"en\" Author 0",
                "https://id.kb.se/relator/aut \"sv\" Författare 1",
                "https://id.kb.se/relator/aut \"en\" Author 1",
            ]
        );
    }

    #[test]
    fn books_and_people_have_one_name_without_a_language() {
        let book = r#"<> a :Record; :mainEntity <#it> . <#it> :hasTitle [a :Title; :mainTitle "Nils"; :subtitle "resa"]; :instanceOf <#work> .
            <#work> :hasTitle [a :Title; :mainTitle "Verket"] ."#;
        assert_eq!(
            told("https://libris.kb.se/abc", book),
            ["https://libris.kb.se/abc#it \"\" Nils : resa 0", "https://libris.kb.se/abc#work \"\" Verket 0"]
        );
        let person = r#"<> a :Record; :mainEntity <#it> . <#it> :familyName "Lagerlöf"; :givenName "Selma"; :name "S. L." ."#;
        assert_eq!(told("https://libris.kb.se/abc", person), ["https://libris.kb.se/abc#it \"\" Lagerlöf, Selma 0"]);
        let subject = r#"<> :mainEntity <#it> . <#it> :termComponentList ([:prefLabel "Historia"] [:prefLabel "Sverige"]) ."#;
        assert_eq!(told("https://libris.kb.se/abc", subject), ["https://libris.kb.se/abc#it \"\" Historia -- Sverige 0"]);
    }

    #[test]
    fn names_in_other_vocabularies_count_and_every_subject_of_such_a_record_is_its_own() {
        let names = told(
            "https://x.example/terms.ttl",
            r#"<https://x.example/1> skos:prefLabel "Ett"@sv, "One"@EN-gb; rdfs:label "ett"@sv .
            <https://x.example/2> rdfs:label "Två  "@sv . <https://x.example/3> foaf:name "Tre" . <https://x.example/4> schema:name "Four\nor 4"@en .
            [] rdfs:label "nobody" . <https://x.example/5> rdfs:comment "no name"; rdfs:label " " ."#,
        );
        assert_eq!(
            names,
            [
                "https://x.example/1 \"sv\" Ett 0",
                "https://x.example/1 \"en-gb\" One 0",
                "https://x.example/2 \"sv\" Två 0",
                "https://x.example/3 \"\" Tre 0",
                "https://x.example/4 \"en\" Four or 4 0",
            ]
        );
    }

    #[test]
    fn what_a_hostile_record_gives_is_bounded() {
        let languages: Vec<String> = (0..200).map(|n| format!("\"{}\"@sv-x-{n}", "å".repeat(1000))).collect();
        let aliases: Vec<String> = (0..200).map(|n| format!("<https://x.example/{n}>")).collect();
        let turtle = format!("<> rdfs:label {} ; owl:sameAs {} .", languages.join(", "), aliases.join(", "));
        let names = told("https://libris.kb.se/abc", &turtle);
        assert_eq!(names.len(), 64 * (1 + MOST_ALIASES));
        assert!(names.iter().all(|name| name.chars().count() < 350));
    }
}
