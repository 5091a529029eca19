//! What of a record a citation needs.

use oxigraph::model::Quad;

use super::model::{Citation, Creator, Genus, Name, Role};
use crate::labels::{Labels, Languages};
use crate::log::{Log, LogError};
use crate::rdf::{Description, Graph, Shapes, Thing, last_part};
use crate::search::SearchIndex;

impl Citation {
    /// The citation of a record, with names in the reader's languages: those in the record itself, else those that other records
    /// of the mirror give. `None` if the record describes nothing.
    ///
    /// # Errors
    /// If names cannot be looked up.
    pub fn of(log: &Log, shapes: &Shapes, record: &str, quads: &[Quad], wanted: &Languages) -> Result<Option<Self>, LogError> {
        let Some(description) = Description::of(shapes, record, &Graph::new(quads)) else { return Ok(None) };
        let (names, entries) = (Labels(log), SearchIndex(log));
        let look_up = |iri: &str| Ok(names.name(iri, wanted)?.map(|name| name.text));
        let kind = |iri: &str| Ok(entries.entry_about(iri)?.map(|entry| entry.kind));
        of_description(record, &description, wanted.tags(), look_up, kind).map(Some)
    }
}

/// The citation of what a record says. `look_up` finds the names of IRIs that the record itself does not name, and `kind_of` the
/// kinds of agents that it does not describe.
fn of_description<E>(
    record: &str,
    description: &Description,
    languages: &[String],
    look_up: impl Fn(&str) -> Result<Option<String>, E>,
    kind_of: impl Fn(&str) -> Result<Option<String>, E>,
) -> Result<Citation, E> {
    let name = |thing: &Thing| -> Result<Option<String>, E> {
        match (thing.label(languages), thing.iri.as_deref()) {
            (Some(own), _) => Ok(Some(own.to_owned())),
            (None, Some(iri)) => Ok(Some(look_up(iri)?.unwrap_or_else(|| last_part(iri)))),
            (None, None) => Ok(None),
        }
    };
    let first = |things: &[Thing]| things.first().map_or(Ok(None), name);
    let all =
        |things: &[Thing]| -> Result<Vec<String>, E> { things.iter().filter_map(|thing| name(thing).transpose()).collect() };
    let of_kind = |kinds: &[&str]| -> Vec<String> {
        let mut values: Vec<String> = Vec::new();
        for identifier in &description.identifiers {
            let value = compact(&identifier.value);
            if kinds.iter().any(|kind| identifier.kind.eq_ignore_ascii_case(kind))
                && !value.is_empty()
                && !values.contains(&value)
            {
                values.push(value);
            }
        }
        values
    };
    let mut creators = Vec::new();
    for contributor in &description.contributors {
        let roles: Vec<Role> =
            contributor.roles.iter().filter_map(|role| role.iri.as_deref()).map(|iri| role_of(&last_part(iri))).collect();
        let best = [Role::Author, Role::Editor, Role::Translator].into_iter().find(|role| roles.contains(role));
        let unsaid = if contributor.primary && roles.is_empty() { Role::Author } else { Role::Contributor };
        if let Some(heading) = name(&contributor.agent)? {
            let kind = match (contributor.agent_kind.as_str(), contributor.agent.iri.as_deref()) {
                ("", Some(iri)) => kind_of(iri)?.unwrap_or_default(),
                (kind, _) => kind.to_owned(),
            };
            let name =
                if matches!(kind.as_str(), "" | "person" | "family") { told_apart(&heading) } else { Name::Whole(heading) };
            creators.push(Creator { role: best.unwrap_or(unsaid), name });
        }
    }
    let (place, publisher) = match description.publications.first() {
        Some(publication) => {
            (publication.place.as_ref().map_or(Ok(None), name)?, publication.publisher.as_ref().map_or(Ok(None), name)?)
        }
        None => (None, None),
    };
    let series = match description.series.first() {
        Some(part) => name(&part.series)?.map(|title| (title, part.number.clone())),
        None => None,
    };
    Ok(Citation {
        record: record.to_owned(),
        kind: genus(&description.kind),
        title: description.label(languages).map_or_else(|| last_part(record), str::to_owned),
        creators,
        year: description.year,
        place,
        publisher,
        edition: first(&description.editions)?,
        extent: first(&description.extents)?,
        series,
        container: first(&description.part_of)?,
        isbn: of_kind(&["ISBN", "isbn10", "isbn13"]),
        issn: of_kind(&["ISSN"]),
        doi: of_kind(&["DOI"]).into_iter().next(),
        languages: description.languages.iter().filter_map(code).collect(),
        keywords: [all(&description.subjects)?, all(&description.genres)?].concat(),
        summary: first(&description.summaries)?,
        address: description.online.first().cloned(),
    })
}

/// The code of a language: the end of its IRI, else the code or the name that the record has.
fn code(language: &Thing) -> Option<String> {
    language.iri.as_deref().map(last_part).or_else(|| language.label(&[]).map(str::to_owned))
}

/// An identifier up to its first space, which a qualifier may follow; an ISBN without hyphens.
fn compact(value: &str) -> String {
    let first = value.split_whitespace().next().unwrap_or_default();
    let resolvers = ["https://doi.org/", "http://doi.org/", "https://dx.doi.org/", "http://dx.doi.org/", "doi:"];
    let first = resolvers.iter().find_map(|resolver| first.strip_prefix(resolver)).unwrap_or(first);
    let plain = first.replace('-', "");
    if plain.len() >= 10 && !first.starts_with("10.") { plain } else { first.to_owned() }
}

/// A role by the end of its IRI: a name or a code of the relators of MARC, or a property.
fn role_of(name: &str) -> Role {
    match name {
        "author" | "aut" | "creator" | "cre" | "composer" | "cmp" | "artist" | "art" | "photographer" | "pht"
        | "cartographer" | "ctg" | "librettist" | "lbt" | "lyricist" | "lyr" | "director" | "drt" | "firstAuthor" | "maker" => {
            Role::Author
        }
        "editor" | "edt" | "compiler" | "com" => Role::Editor,
        "translator" | "trl" => Role::Translator,
        _ => Role::Contributor,
    }
}

/// The name of a person, if it has one comma and few words after it, as `Lagerlöf, Selma`: names come as headings.
fn told_apart(heading: &str) -> Name {
    let is_given =
        |text: &str| !text.contains([',', '(']) && text.split(' ').count() <= 4 && !text.contains(|c: char| c.is_ascii_digit());
    match heading.split_once(", ") {
        Some((family, given)) if is_given(given) => Name::Person { family: family.to_owned(), given: given.to_owned() },
        _ => Name::Whole(heading.to_owned()),
    }
}

fn genus(kind: &str) -> Genus {
    match kind {
        "book" | "ebook" | "text" => Genus::Book,
        "serial" => Genus::Serial,
        "article" => Genus::Part,
        "map" => Genus::Map,
        "music" => Genus::Score,
        "sound" => Genus::Sound,
        "film" => Genus::Film,
        "picture" => Genus::Picture,
        "manuscript" => Genus::Manuscript,
        "software" | "dataset" => Genus::Software,
        "person" | "family" => Genus::Person,
        "organisation" | "library" | "meeting" | "jurisdiction" => Genus::Organization,
        "place" | "country" => Genus::Place,
        "work" | "collection" | "kit" | "object" | "integrating" | "digital" | "print" | "resource" => Genus::Other,
        _ => Genus::Term,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use oxigraph::io::{RdfFormat, RdfParser};

    use super::*;

    const IRI: &str = "https://libris.kb.se/abc";

    fn citation(turtle: &str) -> Citation {
        let document = format!(
            "@prefix : <https://id.kb.se/vocab/> . @prefix bf: <http://id.loc.gov/ontologies/bibframe/> . @base <{IRI}> . {turtle}"
        );
        let quads: Vec<Quad> =
            RdfParser::from_format(RdfFormat::Turtle).for_slice(&document).collect::<Result<_, _>>().expect("valid Turtle");
        let description = Description::of(&Shapes::standard(), IRI, &Graph::new(&quads)).expect("described");
        let known = |iri: &str| {
            let name = match iri {
                "https://libris.kb.se/x#it" => Some("Lagerlöf, Selma"),
                "https://libris.kb.se/y#it" => Some("Svea, AB"),
                "https://id.kb.se/term/sao/G%C3%A4ss" => Some("Gäss"),
                _ => None,
            };
            Ok::<_, Infallible>(name.map(str::to_owned))
        };
        let kind = |iri: &str| Ok(iri.ends_with("/y#it").then(|| "organisation".to_owned()));
        let Ok(citation) = of_description(IRI, &description, &["sv".to_owned()], known, kind);
        citation
    }

    const COMMON: &str = r#"<> :mainEntity <#it> . <#it> :hasTitle [a :Title; :mainTitle "Nils Holgersson"; :subtitle "en resa"];
        :publication [a :PrimaryPublication; :place [:label "Stockholm"]; :agent [:label "Bonniers"]; :year "1906"];
        :editionStatement "2. uppl."; :extent [:label "245 s."]; :identifiedBy [a :ISBN; :value "91-7000-059-X (inb.)"];
        :seriesMembership [:inSeries [:label "Skrifter"]; :seriesEnumeration "7"]; :instanceOf _:work .
        _:work :language <https://id.kb.se/language/swe>; :subject <https://id.kb.se/term/sao/G%C3%A4ss>;
        :contribution [a :PrimaryContribution; :agent <https://libris.kb.se/x#it>; :role <https://id.kb.se/relator/author>],
          [a :Contribution; :agent [a :Person; :familyName "Ek"; :givenName "Åsa"]; :role <https://id.kb.se/relator/translator>],
          [a :Contribution; :agent [a :Organization; :name "Geologiska undersökningen, Uppsala"]],
          [a :Contribution; :agent <https://libris.kb.se/y#it>] ."#;

    #[test]
    fn both_shapes_of_a_book_give_the_same_citation() {
        let old = citation(&format!(
            "{COMMON} <#it> a :Print; :issuanceType :Monograph . _:work a :Text; :genreForm <https://id.kb.se/term/saogf/Romaner> ."
        ));
        let new = citation(&format!(
            "{COMMON} <#it> a :PhysicalResource; :category <https://id.kb.se/term/saobf/Print>, <https://id.kb.se/term/rda/Volume> . \
             _:work a :Monograph; :category <https://id.kb.se/term/rda/Text>, <https://id.kb.se/term/saogf/Romaner> ."
        ));
        assert_eq!(old, new);
        let person = |family: &str, given: &str| Name::Person { family: family.into(), given: given.into() };
        assert_eq!(
            old.creators,
            [
                Creator { role: Role::Author, name: person("Lagerlöf", "Selma") },
                Creator { role: Role::Translator, name: person("Ek", "Åsa") },
                Creator { role: Role::Contributor, name: Name::Whole("Geologiska undersökningen, Uppsala".into()) },
                Creator { role: Role::Contributor, name: Name::Whole("Svea, AB".into()) },
            ]
        );
        assert_eq!((old.kind, old.title.as_str(), old.year), (Genus::Book, "Nils Holgersson : en resa", Some(1906)));
        assert_eq!((old.isbn, old.keywords), (vec!["917000059X".to_owned()], vec!["Gäss".to_owned(), "Romaner".to_owned()]));
        assert_eq!((old.edition.as_deref(), old.extent.as_deref()), (Some("2. uppl."), Some("245 s.")));
        assert_eq!((old.series, old.languages), (Some(("Skrifter".into(), Some("7".into()))), vec!["swe".to_owned()]));
    }

    #[test]
    fn a_record_that_says_little_has_a_title() {
        let citation = citation(r#"<#it> a :Person; :familyName "Ek"; :givenName "Åsa" ."#);
        assert_eq!((citation.title.as_str(), citation.kind, citation.creators.len()), ("Ek, Åsa", Genus::Person, 0));
    }
}
