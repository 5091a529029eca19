//! The fields of a record as a librarian reads them, in that order. Pure: what it says in, fields out.

use super::words::Words;
use crate::rdf::shapes::{Contributor, Description, Name, Publication, SeriesPart, Thing};

/// A field with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its values, each once.
    pub values: Vec<Piece>,
}

/// A value: a text, and the IRI of what it names, if there is one. If the text is missing, the IRI must be looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Piece {
    /// The text.
    pub text: Option<String>,
    /// The IRI.
    pub iri: Option<String>,
    /// What its bearer did: roles, to be shown in brackets.
    pub roles: Vec<Piece>,
    /// What follows the text, such as a number in a series.
    pub after: String,
}

/// Returns the fields of what a record describes. Names are in the first of these languages that they have.
#[must_use]
pub fn fields(said: &Description, languages: &[String], words: &Words) -> Vec<Field> {
    let texts = |texts: &[String]| texts.iter().map(text).collect();
    let names = |names: &[Name]| names.iter().map(|name| text(&name.text)).collect();
    let things = |things: &[Thing]| things.iter().filter_map(|thing| piece(thing, languages)).collect();
    let all: [(&'static str, Vec<Piece>); 25] = [
        (words.responsibility, texts(&said.responsibility)),
        (words.contributors, said.contributors.iter().filter_map(|contributor| contributor_of(contributor, languages)).collect()),
        (words.publication, said.publications.iter().filter_map(|publication| publication_of(publication, languages)).collect()),
        (words.life_span, said.life_span.iter().map(text).collect()),
        (words.description, in_one_language(&said.descriptions, languages)),
        (words.extent, things(&said.extents)),
        (words.series, said.series.iter().filter_map(|series| series_of(series, languages)).collect()),
        (words.part_of, things(&said.part_of)),
        (words.work, things(&said.works)),
        (words.language, things(&said.languages)),
        (words.genre, things(&said.genres)),
        (words.content, things(&said.contents)),
        (words.carrier, things(&said.carriers)),
        (words.subjects, things(&said.subjects)),
        (words.classification, things(&said.classifications)),
        (words.summary, things(&said.summaries)),
        (words.notes, things(&said.notes)),
        (words.nationality, things(&said.nationalities)),
        (words.variants, names(&said.variants)),
        (words.scope_note, in_one_language(&said.scope_notes, languages)),
        (words.broader, things(&said.broader)),
        (words.narrower, things(&said.narrower)),
        (words.related, things(&said.related)),
        (words.scheme, things(&said.schemes)),
        (words.identifiers, said.identifiers.iter().map(|id| text(format!("{} {}", id.kind, id.value).trim())).collect()),
    ];
    let mut fields = Vec::new();
    for (name, mut values) in all {
        let mut seen = rustc_hash::FxHashSet::default();
        values.retain(|value| seen.insert(value.clone()));
        if !values.is_empty() {
            fields.push(Field { name, values });
        }
    }
    fields
}

fn text(text: impl Into<String>) -> Piece {
    Piece { text: Some(text.into()), ..Piece::default() }
}

/// Returns the name of a thing: the name in this record, or its IRI, which may be looked up.
fn piece(thing: &Thing, languages: &[String]) -> Option<Piece> {
    let text = thing.label(languages).map(str::to_owned);
    let something = text.is_some() || thing.iri.is_some();
    something.then(|| Piece { text, iri: thing.iri.clone(), ..Piece::default() })
}

/// Returns texts in the first language that has any, since the others say the same.
fn in_one_language(texts: &[Name], languages: &[String]) -> Vec<Piece> {
    let chosen = crate::rdf::shapes::choose(texts, languages);
    let language = texts.iter().find(|name| Some(name.text.as_str()) == chosen).map(|name| &name.language);
    texts.iter().filter(|name| Some(&name.language) == language).map(|name| text(&name.text)).collect()
}

fn contributor_of(contributor: &Contributor, languages: &[String]) -> Option<Piece> {
    let roles = contributor.roles.iter().filter_map(|role| piece(role, languages)).collect();
    piece(&contributor.agent, languages).map(|agent| Piece { roles, ..agent })
}

fn publication_of(publication: &Publication, languages: &[String]) -> Option<Piece> {
    let Publication { place, publisher, date } = publication;
    let named = |thing: &Option<Thing>| thing.as_ref().and_then(|thing| thing.label(languages)).map(str::to_owned);
    let before = [named(place), named(publisher)].into_iter().flatten().collect::<Vec<_>>().join(" : ");
    let parts = [Some(before).filter(|text| !text.is_empty()), date.clone()];
    let whole = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    (!whole.is_empty()).then(|| text(whole))
}

fn series_of(series: &SeriesPart, languages: &[String]) -> Option<Piece> {
    let after = series.number.as_ref().map_or(String::new(), |number| format!(" ; {number}"));
    piece(&series.series, languages).map(|piece| Piece { after, ..piece })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rdf::{Graph, Shapes};
    use crate::serve::pages::words::Language;
    use oxigraph::io::{RdfFormat, RdfParser};
    use oxigraph::model::Quad;

    fn told(turtle: &str) -> Vec<String> {
        let document = format!("@prefix : <https://id.kb.se/vocab/> . @base <https://libris.kb.se/abc> . {turtle}");
        let quads: Vec<Quad> =
            RdfParser::from_format(RdfFormat::Turtle).for_slice(&document).collect::<Result<_, _>>().expect("valid Turtle");
        let said = Description::of(&Shapes::standard(), "https://libris.kb.se/abc", &Graph::new(&quads)).expect("something");
        let shown = |piece: &Piece| piece.text.clone().or_else(|| piece.iri.clone()).unwrap_or_default();
        let of_field = |field: &Field| {
            let values = field.values.iter().map(|piece| {
                let roles: Vec<String> = piece.roles.iter().map(|role| format!(" ({})", shown(role))).collect();
                format!("{}{}{}", shown(piece), roles.concat(), piece.after)
            });
            format!("{}: {}", field.name, values.collect::<Vec<_>>().join(" | "))
        };
        fields(&said, &["en".to_owned()], Language::English.words()).iter().map(of_field).collect()
    }

    #[test]
    fn a_book_shows_what_a_catalogue_card_shows_in_either_shape() {
        let book = |class: &str, instance: &str, work: &str| {
            told(&format!(
                r#"<> :mainEntity <#it> .
            <#it> a :{class}; {instance} :hasTitle [a :Title; :mainTitle "Fröken Julie"; :subtitle "ett naturalistiskt sorgespel"];
              :instanceOf [{work} :contribution [a :PrimaryContribution; :agent <https://libris.kb.se/x#it>; :role <https://id.kb.se/relator/author>];
                :subject <https://id.kb.se/term/sao/Historiker>];
              :seriesMembership [:seriesStatement "Dramatik"; :seriesEnumeration "3"];
              :publication [:place [:label "Stockholm"]; :agent [:label "Seelig"]; :year "1888"];
              :identifiedBy [a :ISBN; :value "91"], [a :Identifier; :typeNote "isni"; :value "7"]."#
            ))
        };
        let text = "<https://id.kb.se/term/rda/Text>";
        let old = "a :Text; :genreForm <https://id.kb.se/term/saogf/Dramatik>; :contentType";
        let new = "a :Monograph; :category <https://id.kb.se/term/saogf/Dramatik>,";
        let volume = "<https://id.kb.se/term/rda/Volume>;";
        let due = [
            "Contributors: https://libris.kb.se/x#it (https://id.kb.se/relator/author)",
            "Published: Stockholm : Seelig, 1888",
            "Series: Dramatik ; 3",
            "Genre and form: https://id.kb.se/term/saogf/Dramatik",
            "Content: https://id.kb.se/term/rda/Text",
            "Carrier: https://id.kb.se/term/rda/Volume",
            "Subjects: https://id.kb.se/term/sao/Historiker",
            "Identifiers: ISBN 91 | isni 7",
        ];
        assert_eq!(book("Print", &format!(":carrierType {volume}"), &format!("{old} {text};")), due);
        assert_eq!(book("PhysicalResource", &format!(":category {volume}"), &format!("{new} {text};")), due);
    }

    #[test]
    fn a_term_is_described_in_one_language() {
        let term = told(
            r#"@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
            <> a skos:Concept; skos:prefLabel "Ett"@sv, "One"@en; skos:definition "Ett tal"@sv, "A number"@en; skos:broader <https://x.example/Tal> ."#,
        );
        assert_eq!(term, ["Description: A number", "Broader: https://x.example/Tal"]);
    }
}
