//! Facets: what a result can be narrowed by, and what of that a record says.

use crate::links::{Authority, extract};
use crate::rdf::Thing;
use crate::views::ParsedChange;

/// What a result can be narrowed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Facet {
    /// The kind of thing.
    Kind,
    /// Categories and genres: IRIs.
    Category,
    /// Languages: IRIs.
    Language,
    /// The decade of publication, by its first year.
    Decade,
    /// Subjects: IRIs.
    Subject,
    /// The source that the record comes from.
    Source,
    /// The authorities that the record links to.
    Link,
}

impl Facet {
    /// All of them, in the order in which people see them.
    pub const ALL: [Self; 7] =
        [Self::Kind, Self::Category, Self::Language, Self::Decade, Self::Subject, Self::Source, Self::Link];

    /// Its name, in addresses and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Category => "category",
            Self::Language => "language",
            Self::Decade => "decade",
            Self::Subject => "subject",
            Self::Source => "source",
            Self::Link => "link",
        }
    }

    /// The facet of a name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|facet| facet.name() == name)
    }

    /// Its name in the index.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::Kind => "facet_kind",
            Self::Category => "facet_category",
            Self::Language => "facet_language",
            Self::Decade => "facet_decade",
            Self::Subject => "facet_subject",
            Self::Source => "facet_source",
            Self::Link => "facet_link",
        }
    }

    pub(super) fn place(self) -> usize {
        self as usize
    }
}

/// The most values of one facet, and the most references, that count for a record.
const MOST_VALUES: usize = 200;

/// The longest IRI that counts.
const LONGEST_IRI: usize = 1000;

/// What a record says beside its words: the values of its facets, and the things that it refers to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facets {
    /// Categories, genres, types of content, medium and carrier.
    pub categories: Vec<String>,
    /// Languages of it and its work.
    pub languages: Vec<String>,
    /// Subjects of it and its work.
    pub subjects: Vec<String>,
    /// Names of the authorities that it links to.
    pub links: Vec<String>,
    /// The other IRIs of what it describes.
    pub aliases: Vec<String>,
    /// The things whose names find it: agents, subjects, categories, works.
    pub refers: Vec<String>,
    /// Those who made it, or its work.
    pub agents: Vec<String>,
    /// The broader terms of what it describes.
    pub broader: Vec<String>,
    /// Whether others may refer to it: it is no instance of a work.
    pub authority: bool,
}

impl Facets {
    /// What a record says, by the table of shapes.
    #[must_use]
    pub fn of(change: &ParsedChange) -> Self {
        let outside = extract(&change.shapes, change.content.quads()).into_iter().map(|link| link.reference.authority);
        let mut links: Vec<String> =
            outside.filter(|to| *to != Authority::Libris).map(|authority| authority.name().to_owned()).collect();
        normalize(&mut links);
        let Some(said) = change.description() else { return Self { links, authority: true, ..Self::default() } };
        let mut found = Self {
            categories: said.categories.clone(),
            languages: iris(&said.languages),
            subjects: iris(&said.subjects),
            links,
            aliases: said.same.clone(),
            refers: said.refers.clone(),
            agents: said.contributors.iter().filter_map(|contributor| contributor.agent.iri.clone()).collect(),
            broader: iris(&said.broader),
            authority: !said.is_instance,
        };
        let Self { categories, languages, subjects, refers, agents, broader, aliases, .. } = &mut found;
        refers.extend(categories.iter().chain(subjects.iter()).cloned());
        [categories, languages, subjects, refers, agents, broader, aliases].into_iter().for_each(normalize);
        found
    }

    pub(super) fn hash_into(&self, hasher: &mut blake3::Hasher) {
        let Self { categories, languages, subjects, links, aliases, refers, agents, broader, authority } = self;
        for values in [categories, languages, subjects, links, aliases, refers, agents, broader] {
            for value in values {
                hasher.update(value.as_bytes()).update(b"\0");
            }
            hasher.update(b"\x01");
        }
        hasher.update(&[u8::from(*authority)]);
    }
}

fn normalize(values: &mut Vec<String>) {
    values.retain(|value| value.len() <= LONGEST_IRI);
    values.sort_unstable();
    values.dedup();
    values.truncate(MOST_VALUES);
}

fn iris(things: &[Thing]) -> Vec<String> {
    things.iter().filter_map(|thing| thing.iri.clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use oxigraph::io::{RdfFormat, RdfParser};

    use super::*;
    use crate::log::PageId;
    use crate::rdf::{Shapes, graph_name};
    use crate::views::Content;

    const IRI: &str = "https://libris.kb.se/fcrtpljz1qp2bdv";

    fn facets(turtle: &str) -> Facets {
        let document =
            format!("@prefix : <https://id.kb.se/vocab/> . @prefix t: <https://id.kb.se/term/> . @base <{IRI}> . {turtle}");
        let parser = RdfParser::from_format(RdfFormat::Turtle).for_slice(&document);
        let content = Content::Quads(Arc::new(parser.collect::<Result<Vec<_>, _>>().expect("valid Turtle")));
        Facets::of(&ParsedChange::new(1, PageId(1), graph_name(IRI), content, false, Shapes::standard()))
    }

    #[test]
    fn a_book_has_facets_of_its_own_and_of_its_work() {
        let book = facets(
            r#"<> :mainEntity <#it> . <#it> a :PhysicalResource; :category <https://id.kb.se/term/rda/Volume>;
              :exactMatch <http://www.wikidata.org/entity/Q1>;
              :instanceOf [ a :Text; :language <https://id.kb.se/language/swe>; :genreForm <https://id.kb.se/term/saogf/Romaner>;
                :contribution [ :agent <https://libris.kb.se/a#it> ], [ :agent [ :name "B" ] ];
                :subject <https://id.kb.se/term/sao/Natur>, [ a :ComplexSubject; :termComponentList (<https://id.kb.se/term/sao/Historia> [ :prefLabel "x" ]) ] ] ."#,
        );
        assert_eq!(book.categories, ["https://id.kb.se/term/rda/Volume", "https://id.kb.se/term/saogf/Romaner"]);
        assert_eq!(book.languages, ["https://id.kb.se/language/swe"]);
        assert_eq!(book.subjects, ["https://id.kb.se/term/sao/Natur"]);
        assert_eq!(book.links, ["wikidata"]);
        assert!(!book.authority);
        assert_eq!(book.agents, ["https://libris.kb.se/a#it"]);
        for referred in ["https://libris.kb.se/a#it", "https://id.kb.se/term/sao/Historia", "https://id.kb.se/term/sao/Natur"] {
            assert!(book.refers.iter().any(|refers| refers == referred), "{referred}: {:?}", book.refers);
        }
    }

    #[test]
    fn a_term_has_broader_terms_and_is_an_authority() {
        let term = facets(r#"<#it> a :Topic; :prefLabel "Fjärilar"; :broader t:Insekter; :broadMatch t:Djur ."#);
        assert_eq!(term.broader, ["https://id.kb.se/term/Djur", "https://id.kb.se/term/Insekter"]);
        assert!(term.authority && term.refers.is_empty());
        assert_eq!(facets(""), Facets { authority: true, ..Facets::default() });
    }
}
