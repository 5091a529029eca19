//! What a record is called, and the words that find it. Pure: a record in, an entry out. Which
//! property says what is the table's ([`crate::rdf::shapes`]).

use oxigraph::model::{Quad, Term};
use rustc_hash::FxHashSet;

use super::words::{as_word, fold, forms_of_isbn, words as words_of};
use crate::rdf::last_part;
use crate::rdf::shapes::{Aspect, Description, Shapes};
use crate::views::{Content, ParsedChange};

/// A record for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The IRI of what it describes, usually `<record#it>`.
    pub entity: String,
    /// The code of its kind, such as `book`; its class where no kind fits; empty where it has none.
    pub kind: String,
    /// Title, name or heading.
    pub label: String,
    /// A second line: who, where published, life span.
    pub detail: String,
    /// The year of publication.
    pub year: Option<i64>,
    /// The words that find it.
    pub words: Words,
}

/// Words, folded, by what they are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words {
    /// Of titles and headings, variants too.
    pub title: String,
    /// Of people and organisations.
    pub name: String,
    /// Of subjects.
    pub subject: String,
    /// Identifiers, each one word.
    pub identifier: String,
}

impl Words {
    /// Tells words from others.
    #[must_use]
    pub fn hash(&self) -> i64 {
        let Self { title, name, subject, identifier } = self;
        let mut hasher = blake3::Hasher::new();
        for words in [title, name, subject, identifier] {
            hasher.update(words.as_bytes()).update(b"\0");
        }
        let mut hash = [0; 8];
        hasher.finalize_xof().fill(&mut hash);
        i64::from_le_bytes(hash)
    }
}

/// The longest label and detail, in characters.
const LONGEST: usize = 300;

impl Entry {
    /// The entry of a record; none if it is gone or cannot be read.
    #[must_use]
    pub fn of(change: &ParsedChange) -> Option<Self> {
        let Content::Quads(quads) = &change.content else { return None };
        let (record, languages) = (change.graph.as_str(), change.shapes.languages());
        let said = change.description();
        let label = said.and_then(|said| said.label(languages)).map_or_else(|| last_part(record), str::to_owned);
        Some(Self {
            entity: said.and_then(|said| said.entity.clone()).unwrap_or_else(|| record.to_owned()),
            kind: said.map(|said| said.kind.clone()).unwrap_or_default(),
            label: cut(&label),
            detail: cut(&said.map(|said| said.detail(languages)).unwrap_or_default()),
            year: said.and_then(|said| said.year),
            words: words(record, said, &change.shapes, quads),
        })
    }
}

fn cut(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
    text.trim().to_owned()
}

/// Texts of one column, without those whose words it has.
#[derive(Default)]
struct Column {
    texts: Vec<String>,
    words: FxHashSet<String>,
}

impl Column {
    fn add(&mut self, text: &str) {
        self.texts.push(fold(text));
        self.words.extend(words_of(text));
    }

    fn holds(&self, word: &String) -> bool {
        self.words.contains(word)
    }

    fn text(self) -> String {
        self.texts.join(" ")
    }
}

/// Titles are found wherever they stand in the record, of its work and of its parts too.
const TITLES: [Aspect; 4] = [Aspect::Title, Aspect::MainTitle, Aspect::TitlePart, Aspect::TitleRest];
const NAMES: [Aspect; 4] = [Aspect::FamilyName, Aspect::GivenName, Aspect::Name, Aspect::Responsibility];
const IDENTIFIERS: [Aspect; 2] = [Aspect::Identifier, Aspect::IdentifierValue];

/// The words of a record, by what its properties say that they are.
fn words(record: &str, said: Option<&Description>, shapes: &Shapes, quads: &[Quad]) -> Words {
    let (mut title, mut name, mut subject) = (Column::default(), Column::default(), Column::default());
    let mut identifier = vec![as_word(&last_part(record))];
    for quad in quads {
        let ends = shapes.ends(quad.predicate.as_str());
        match &quad.object {
            Term::Literal(literal) => {
                let text = literal.value();
                if ends.any(&TITLES) {
                    title.add(text);
                } else if ends.any(&NAMES) {
                    name.add(text);
                } else if ends.any(&IDENTIFIERS) {
                    identifier.extend(identifiers(text));
                }
            }
            Term::NamedNode(object) if ends.is(Aspect::Same) => identifier.push(as_word(&last_part(object.as_str()))),
            _ => {}
        }
    }
    if let Some(said) = said {
        for called in said.names.iter().chain(&said.variants) {
            // The parts of a composed name are there already.
            if words_of(&called.text).iter().any(|word| !title.holds(word) && !name.holds(word)) {
                title.add(&called.text);
            }
        }
        let about = [&said.subjects, &said.genres, &said.broader, &said.classifications];
        for thing in about.into_iter().flatten() {
            if thing.names.is_empty() {
                subject.add(&thing.label_or_iri(shapes.languages()));
            }
            thing.names.iter().for_each(|called| subject.add(&called.text));
        }
    }
    identifier.sort_unstable();
    identifier.dedup();
    Words { title: title.text(), name: name.text(), subject: subject.text(), identifier: identifier.join(" ") }
}

fn identifiers(text: &str) -> Vec<String> {
    match forms_of_isbn(text.trim()) {
        Some((ten, thirteen)) => ten.into_iter().chain([thirteen]).collect(),
        None => Some(as_word(text)).filter(|word| !word.is_empty() && word.len() <= 64).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::log::PageId;
    use crate::rdf::graph_name;
    use oxigraph::io::{RdfFormat, RdfParser};

    const IRI: &str = "https://libris.kb.se/fcrtpljz1qp2bdv";

    fn entry(turtle: &str) -> Entry {
        let document = format!("@prefix : <https://id.kb.se/vocab/> . @base <{IRI}> . {turtle}");
        let parser = RdfParser::from_format(RdfFormat::Turtle).for_slice(&document);
        of(IRI, parser.collect::<Result<Vec<_>, _>>().expect("valid Turtle"))
    }

    fn of(record: &str, quads: Vec<Quad>) -> Entry {
        let content = Content::Quads(Arc::new(quads));
        let change = ParsedChange::new(1, PageId(1), graph_name(record), content, false, Shapes::standard());
        Entry::of(&change).expect("an entry")
    }

    #[test]
    fn a_book_is_called_by_its_title_and_found_by_all_that_it_says() {
        let book = entry(
            r#"<> :mainEntity <#it>; :controlNumber "8369159"; :sameAs <http://libris.kb.se/bib/8369159> .
            <#it> a :PhysicalResource; :hasTitle [a :Title; :mainTitle "Isbrytare i Umeå"; :subtitle "en krönika"];
              :responsibilityStatement "redaktör: Åsa Ågren"; :identifiedBy [a :ISBN; :value "91-7000-059-X"];
              :publication [:place [:label "Umeå"]; :agent [:label "Åsnan"]; :year "[1938]"];
              :instanceOf [:subject <https://id.kb.se/term/sao/Sj%C3%B6fart>, [:prefLabel "Norrland"]] ."#,
        );
        assert_eq!((book.kind.as_str(), book.entity), ("resource", format!("{IRI}#it")));
        assert_eq!(book.label, "Isbrytare i Umeå : en krönika");
        assert_eq!(book.detail, "redaktör: Åsa Ågren · Umeå, Åsnan, [1938]");
        assert_eq!(book.year, Some(1938));
        assert_eq!(book.words.title, "isbrytare i umeå en krönika");
        assert_eq!(book.words.name, "redaktör: åsa ågren");
        assert!(book.words.subject.contains("sjöfart") && book.words.subject.contains("norrland"), "{:?}", book.words);
        assert_eq!(book.words.identifier, "8369159 917000059x 9789170000591 fcrtpljz1qp2bdv");
    }

    #[test]
    fn a_person_is_called_by_family_name_first() {
        let person = entry(
            r#"<#it> a :Person; :givenName "Åsa"; :familyName "Ågren"; :lifeSpan "1903-1970";
              :exactMatch <http://www.wikidata.org/entity/Q1762>; :hasVariant [a :Person; :name "Ågren, Å."] ."#,
        );
        assert_eq!((person.kind.as_str(), person.label.as_str(), person.year), ("person", "Ågren, Åsa", None));
        assert_eq!(person.detail, "1903-1970");
        assert_eq!(person.words.name, "åsa ågren ågren, å.");
        assert!(person.words.identifier.contains("q1762"), "{:?}", person.words);
    }

    #[test]
    fn a_record_that_says_nothing_is_called_by_its_identifier() {
        let entry = of("https://libris.kb.se/abc", Vec::new());
        assert_eq!((entry.label.as_str(), entry.kind.as_str(), entry.words.identifier.as_str()), ("abc", "", "abc"));
    }
}
