//! `oai_dc`: a record in the fifteen elements of Dublin Core (OAI-PMH, "Dublin Core"; DCMI Metadata Terms, section 3). Pure.
//!
//! | element | of the record |
//! |---|---|
//! | `title` | title with subtitle; the name of a person, a subject, a place |
//! | `creator` | authors: family name first |
//! | `contributor` | editors, translators, and others |
//! | `subject` | names of subjects and genres |
//! | `description` | the summary |
//! | `publisher`, `date` | the first publication |
//! | `type` | a term of the DCMI Type Vocabulary |
//! | `format` | the extent |
//! | `identifier` | the IRI of the record, ISBN and ISSN as URNs, DOI |
//! | `language` | codes, such as `swe` |
//! | `relation` | what it is a part of, its series |

use std::fmt::Write as _;

use crate::citation::{Citation, Genus, Role};
use crate::serve::xml_text::escaped;

/// The namespace of the container.
pub(super) const NAMESPACE: &str = "http://www.openarchives.org/OAI/2.0/oai_dc/";

/// Where its schema is.
pub(super) const SCHEMA: &str = "http://www.openarchives.org/OAI/2.0/oai_dc.xsd";

/// What a record is in the DCMI Type Vocabulary, if it is a resource.
fn dcmi_type(kind: Genus) -> Option<&'static str> {
    match kind {
        Genus::Book | Genus::Serial | Genus::Part | Genus::Score | Genus::Manuscript => Some("Text"),
        Genus::Map | Genus::Picture => Some("StillImage"),
        Genus::Sound => Some("Sound"),
        Genus::Film => Some("MovingImage"),
        Genus::Software => Some("Software"),
        Genus::Other | Genus::Person | Genus::Organization | Genus::Place | Genus::Term => None,
    }
}

/// The container of a record; without a citation, one that has its identifier only.
pub(super) fn oai_dc(record: &str, citation: Option<&Citation>) -> String {
    let mut xml = format!(
        "<oai_dc:dc xmlns:oai_dc=\"{NAMESPACE}\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"{NAMESPACE} {SCHEMA}\">"
    );
    let mut say = |element: &str, text: &str| {
        if !text.trim().is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(xml, "<dc:{element}>{}</dc:{element}>", escaped(text));
        }
    };
    if let Some(citation) = citation {
        say("title", &citation.title);
        for creator in &citation.creators {
            let element = if creator.role == Role::Author { "creator" } else { "contributor" };
            say(element, &creator.name.inverted());
        }
        citation.keywords.iter().for_each(|keyword| say("subject", keyword));
        citation.summary.iter().for_each(|summary| say("description", summary));
        citation.publisher.iter().for_each(|publisher| say("publisher", publisher));
        citation.year.iter().for_each(|year| say("date", &year.to_string()));
        if let Some(name) = dcmi_type(citation.kind) {
            say("type", name);
        }
        citation.extent.iter().for_each(|extent| say("format", extent));
    }
    say("identifier", record);
    if let Some(citation) = citation {
        citation.isbn.iter().for_each(|isbn| say("identifier", &format!("urn:isbn:{isbn}")));
        citation.issn.iter().for_each(|issn| say("identifier", &format!("urn:issn:{issn}")));
        citation.doi.iter().for_each(|doi| say("identifier", &format!("https://doi.org/{doi}")));
        citation.languages.iter().for_each(|language| say("language", language));
        citation.container.iter().for_each(|container| say("relation", container));
        citation.series.iter().for_each(|(series, _)| say("relation", series));
    }
    xml.push_str("</oai_dc:dc>");
    xml
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::citation::{Creator, Name};

    #[test]
    fn a_book_has_its_elements_and_nothing_that_is_empty() {
        let person = |role, family: &str| Creator { role, name: Name::Person { family: family.into(), given: "Åsa".into() } };
        let book = Citation {
            kind: Genus::Book,
            title: "Gäss & <mer>".into(),
            creators: vec![person(Role::Author, "Öberg"), person(Role::Translator, "Ek")],
            year: Some(1906),
            isbn: vec!["9789170000591".into()],
            languages: vec!["swe".into()],
            ..Citation::default()
        };
        let xml = oai_dc("https://libris.kb.se/a", Some(&book));
        let inside = xml.split_once('>').expect("a start").1;
        assert_eq!(
            inside,
            "<dc:title>Gäss &amp; &lt;mer&gt;</dc:title><dc:creator>Öberg, Åsa</dc:creator><dc:contributor>Ek, Åsa</dc:contributor>\
             <dc:date>1906</dc:date><dc:type>Text</dc:type><dc:identifier>https://libris.kb.se/a</dc:identifier>\
             <dc:identifier>urn:isbn:9789170000591</dc:identifier><dc:language>swe</dc:language></oai_dc:dc>"
        );
    }
}
