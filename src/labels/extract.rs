//! Finding names in a record's quads: of what it describes, of the aliases of that, and of what else it names. Pure.

use std::collections::BTreeMap;

use oxigraph::model::{NamedOrBlankNodeRef, Quad, Term};

use super::languages::LONGEST_TAG;
use crate::rdf::{Graph, Node};

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

/// The rank of names that another IRI of the same thing gives.
pub(super) const ALIAS: i64 = 100;

/// The rank of names of what a record only mentions. They count if no record describes it.
pub(super) const MENTION: i64 = 200;

/// The longest name, in characters.
const LONGEST_NAME: usize = 300;

/// The longest IRI whose names are kept, in bytes.
const LONGEST_IRI: usize = 2000;

/// In how many languages an IRI has names.
const MOST_LANGUAGES: usize = 64;

/// How many aliases of an IRI have its names.
const MOST_ALIASES: usize = 16;

/// How many names a record gives.
const MOST_NAMES: usize = 50_000;

/// The rank of a name that is made of several values: a title, or a family name and a given name.
const COMPOSED: i64 = 0;

/// The properties whose values are names, the best first.
const NAMES: [&str; 14] = [
    "prefLabel",
    "http://www.w3.org/2004/02/skos/core#prefLabel",
    "name",
    "http://schema.org/name",
    "https://schema.org/name",
    "http://xmlns.com/foaf/0.1/name",
    "label",
    "http://www.w3.org/2000/01/rdf-schema#label",
    "http://www.loc.gov/mads/rdf/v1#authoritativeLabel",
    "http://id.loc.gov/ontologies/bibframe/mainTitle",
    "mainTitle",
    "http://purl.org/dc/terms/title",
    "http://purl.org/dc/elements/1.1/title",
    "http://xmlns.com/foaf/0.1/title",
];

/// The numbers of old Libris, which are nobody's names.
const OLD_NUMBERS: &str = "http://libris.kb.se/";

/// The names that a record gives, each IRI once in each language, in a fixed order.
#[must_use]
pub fn labels_of(record: &str, quads: &[Quad]) -> Vec<Label> {
    let graph = Graph::new(quads);
    let main = graph.main_entity(record);
    let mut labels = Vec::new();
    let mut before: Option<Node<'_>> = None;
    let mut subjects: Vec<&str> = Vec::new();
    for quad in quads {
        let subject = quad.subject.as_ref();
        if before != Some(subject)
            && let NamedOrBlankNodeRef::NamedNode(name) = subject
        {
            subjects.push(name.as_str());
        }
        before = Some(subject);
    }
    subjects.sort_unstable();
    subjects.dedup();
    for iri in subjects.into_iter().filter(|iri| iri.len() <= LONGEST_IRI) {
        let node = Node::from(oxigraph::model::NamedNodeRef::new_unchecked(iri));
        let own = match main {
            Some(main) => main == node || iri.strip_prefix(record).is_some_and(|rest| rest.is_empty() || rest.starts_with('#')),
            // It says of none of its subjects that it describes only that one.
            None => true,
        };
        let names = names(&graph, node);
        if names.is_empty() {
            continue;
        }
        let aliases = if own { aliases(&graph, node, iri) } else { Vec::new() };
        let level = if own { 0 } else { MENTION };
        for (iri, level) in std::iter::once((iri, level)).chain(aliases.into_iter().map(|alias| (alias, ALIAS))) {
            if labels.len() + names.len() > MOST_NAMES {
                return labels;
            }
            labels.extend(names.iter().map(|(language, (rank, text))| Label {
                iri: iri.to_owned(),
                language: language.clone(),
                text: text.clone(),
                rank: level + rank,
            }));
        }
    }
    labels
}

/// The names of a node, the best one in each language.
fn names(graph: &Graph<'_>, node: Node<'_>) -> BTreeMap<String, (i64, String)> {
    let mut names: BTreeMap<String, (i64, String)> = BTreeMap::new();
    let mut add = |language: &str, rank: i64, text: &str| {
        let text = clean(text);
        if text.is_empty() || language.len() > LONGEST_TAG {
            return;
        }
        let room = names.len() < MOST_LANGUAGES;
        match names.get_mut(language) {
            Some(known) if rank < known.0 => *known = (rank, text),
            None if room => drop(names.insert(language.to_owned(), (rank, text))),
            Some(_) | None => {}
        }
    };
    let (mut titled, mut composed, mut listed) = (false, false, false);
    for (property, value) in graph.properties(node) {
        match property {
            "hasTitle" => titled = true,
            "familyName" | "givenName" => composed = true,
            "termComponentList" => listed = true,
            _ => {}
        }
        if let Term::Literal(literal) = value
            && let Some(place) = NAMES.iter().position(|name| *name == property)
        {
            let language = literal.language().map(str::to_ascii_lowercase).unwrap_or_default();
            add(&language, 1 + i64::try_from(place).unwrap_or_default(), literal.value());
        }
    }
    if titled && let Some(title) = graph.title(node) {
        add("", COMPOSED, &title);
    }
    if composed && let Some(name) = graph.name(node) {
        add("", COMPOSED, &name);
    }
    if listed
        && names.is_empty()
        && let Some(label) = graph.label(node)
    {
        names.insert(String::new(), (COMPOSED, clean(&label)));
    }
    names
}

/// Other IRIs of the same thing. A record document is the same as an older document, which has no name.
fn aliases<'a>(graph: &Graph<'a>, node: Node<'a>, iri: &str) -> Vec<&'a str> {
    if graph.class(node) == Some("Record") {
        return Vec::new();
    }
    let same = graph.values(node, "sameAs").chain(graph.values(node, "http://www.w3.org/2002/07/owl#sameAs"));
    let mut aliases: Vec<&str> = same
        .filter_map(|value| match value {
            Term::NamedNode(name) => Some(name.as_str()),
            _ => None,
        })
        .filter(|alias| *alias != iri && alias.len() <= LONGEST_IRI && !alias.starts_with(OLD_NUMBERS))
        .take(MOST_ALIASES)
        .collect();
    aliases.sort_unstable();
    aliases.dedup();
    aliases
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
        let labels = labels_of(record, &quads).into_iter();
        labels.map(|label| format!("{} {:?} {} {}", label.iri, label.language, label.text, label.rank / 100)).collect()
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
                "https://id.kb.se/relator/author \"en\" Author 0",
                "https://id.kb.se/relator/author \"sv\" Författare 0",
                "https://id.kb.se/relator/aut \"en\" Author 1",
                "https://id.kb.se/relator/aut \"sv\" Författare 1",
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
                "https://x.example/1 \"en-gb\" One 0",
                "https://x.example/1 \"sv\" Ett 0",
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
        assert_eq!(names.len(), MOST_LANGUAGES * (1 + MOST_ALIASES));
        assert!(names.iter().all(|name| name.chars().count() < 350));
    }
}
