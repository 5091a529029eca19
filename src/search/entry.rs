//! What a record is called, and the words that find it. Pure: quads in, an entry out.

use oxigraph::model::{NamedOrBlankNodeRef, Quad, Term};

use super::words::{as_word, fold, forms_of_isbn};
use crate::rdf::{Graph, Node, last_part, short};

/// A record for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The IRI of what it describes, usually `<record#it>`.
    pub entity: String,
    /// The class of that, without KBV's namespace; empty where it has none.
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
    /// The entry of a record.
    #[must_use]
    pub fn of(record: &str, quads: &[Quad]) -> Self {
        let graph = Graph::new(quads);
        let main = graph.main_entity(record);
        let entity = match main {
            Some(NamedOrBlankNodeRef::NamedNode(name)) => name.as_str(),
            _ => record,
        };
        let label = main.and_then(|main| graph.label(main)).unwrap_or_else(|| last_part(record));
        Self {
            entity: entity.to_owned(),
            kind: main.and_then(|main| graph.class(main)).unwrap_or_default().to_owned(),
            label: cut(&label),
            detail: cut(&main.map(|main| detail(&graph, main)).unwrap_or_default()),
            year: main.and_then(|main| year(&graph, main)),
            words: words(record, main, quads),
        }
    }
}

fn cut(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
    text.trim().to_owned()
}

fn detail(graph: &Graph<'_>, main: Node<'_>) -> String {
    let responsible = graph.text(main, "responsibilityStatement").map(str::to_owned).or_else(|| {
        let works = graph.nodes(main, "instanceOf").chain([main]);
        works
            .flat_map(|work| graph.nodes(work, "contribution").collect::<Vec<_>>())
            .find_map(|contribution| graph.nodes(contribution, "agent").find_map(|agent| graph.name(agent)))
    });
    let published = graph.nodes(main, "publication").next().map(|publication| {
        let named = |property| graph.nodes(publication, property).find_map(|node| graph.label(node));
        let parts = [named("place"), named("agent"), graph.text(publication, "year").map(str::to_owned)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    });
    let parts = [
        responsible,
        published,
        graph.text(main, "lifeSpan").map(str::to_owned),
        graph.text(main, "description").or_else(|| graph.text(main, "scopeNote")).map(str::to_owned),
        graph.nodes(main, "inScheme").next().and_then(|scheme| match scheme {
            NamedOrBlankNodeRef::NamedNode(name) => Some(last_part(name.as_str())),
            NamedOrBlankNodeRef::BlankNode(_) => None,
        }),
    ];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// The first year of publication: four digits in a row.
fn year(graph: &Graph<'_>, main: Node<'_>) -> Option<i64> {
    let publications: Vec<_> = graph.nodes(main, "publication").collect();
    let stated = publications
        .iter()
        .find_map(|publication| graph.text(*publication, "year").or_else(|| graph.text(*publication, "date")))?;
    let digits = stated.as_bytes().windows(4).position(|window| window.iter().all(u8::is_ascii_digit))?;
    stated.get(digits..digits + 4)?.parse().ok().filter(|year| (1000..2100).contains(year))
}

/// Every literal of the record under the property that says what it is.
fn words(record: &str, main: Option<Node<'_>>, quads: &[Quad]) -> Words {
    let (mut title, mut name, mut subject, mut identifier) =
        (Vec::new(), Vec::new(), Vec::new(), vec![as_word(&last_part(record))]);
    for quad in quads {
        let property = short(quad.predicate.as_str());
        match &quad.object {
            Term::Literal(literal) => {
                let text = literal.value();
                let own = Some(quad.subject.as_ref()) == main;
                match property {
                    "mainTitle" | "subtitle" | "titleRemainder" | "partName" | "partNumber" => title.push(fold(text)),
                    "prefLabel" | "altLabel" | "hiddenLabel" if own => title.push(fold(text)),
                    "familyName" | "givenName" | "name" | "responsibilityStatement" => name.push(fold(text)),
                    "prefLabel" | "altLabel" => subject.push(fold(text)),
                    "value" | "controlNumber" => identifier.extend(identifiers(text)),
                    _ => {}
                }
            }
            Term::NamedNode(object)
                if matches!(property, "subject" | "genreForm") && object.as_str().starts_with("https://id.kb.se/term/") =>
            {
                subject.push(fold(&last_part(object.as_str())));
            }
            Term::NamedNode(object) if property == "sameAs" || property == "exactMatch" => {
                identifier.push(as_word(&last_part(object.as_str())));
            }
            _ => {}
        }
    }
    identifier.sort_unstable();
    identifier.dedup();
    Words { title: title.join(" "), name: name.join(" "), subject: subject.join(" "), identifier: identifier.join(" ") }
}

fn identifiers(text: &str) -> Vec<String> {
    match forms_of_isbn(text.trim()) {
        Some((ten, thirteen)) => ten.into_iter().chain([thirteen]).collect(),
        None => Some(as_word(text)).filter(|word| !word.is_empty() && word.len() <= 64).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxigraph::io::{RdfFormat, RdfParser};

    const IRI: &str = "https://libris.kb.se/fcrtpljz1qp2bdv";

    fn entry(turtle: &str) -> Entry {
        let document = format!("@prefix : <https://id.kb.se/vocab/> . @base <{IRI}> . {turtle}");
        let parser = RdfParser::from_format(RdfFormat::Turtle).for_slice(&document);
        Entry::of(IRI, &parser.collect::<Result<Vec<_>, _>>().expect("valid Turtle"))
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
        assert_eq!((book.kind.as_str(), book.entity), ("PhysicalResource", format!("{IRI}#it")));
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
        assert_eq!((person.kind.as_str(), person.label.as_str(), person.year), ("Person", "Ågren, Åsa", None));
        assert_eq!(person.detail, "1903-1970");
        assert_eq!(person.words.name, "åsa ågren ågren, å.");
        assert!(person.words.identifier.contains("q1762"), "{:?}", person.words);
    }

    #[test]
    fn a_record_that_says_nothing_is_called_by_its_identifier() {
        let entry = Entry::of("https://libris.kb.se/abc", &[]);
        assert_eq!((entry.label.as_str(), entry.kind.as_str(), entry.words.identifier.as_str()), ("abc", "", "abc"));
    }
}
