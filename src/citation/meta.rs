//! The `<meta>` elements with which web pages tell reference managers what they describe: those of Highwire Press, which Zotero
//! and Google Scholar read.

use super::model::{Citation, Role};

/// Names and contents of the elements, in their order; none for what cannot be cited.
#[must_use]
pub fn meta(citation: &Citation) -> Vec<(&'static str, String)> {
    if !citation.kind.is_resource() {
        return Vec::new();
    }
    let mut elements = vec![("citation_title", citation.title.clone())];
    for creator in &citation.creators {
        match creator.role {
            Role::Author => elements.push(("citation_author", creator.name.inverted())),
            Role::Editor => elements.push(("citation_editor", creator.name.inverted())),
            Role::Translator | Role::Contributor => {}
        }
    }
    elements.extend(citation.year.map(|year| ("citation_publication_date", year.to_string())));
    elements.extend(citation.publisher.clone().map(|publisher| ("citation_publisher", publisher)));
    elements.extend(citation.container.clone().map(|title| ("citation_inbook_title", title)));
    elements.extend(citation.series.clone().map(|(title, _)| ("citation_series_title", title)));
    elements.extend(citation.isbn.iter().map(|isbn| ("citation_isbn", isbn.clone())));
    elements.extend(citation.issn.iter().map(|issn| ("citation_issn", issn.clone())));
    elements.extend(citation.doi.clone().map(|doi| ("citation_doi", doi)));
    elements.extend(citation.languages.iter().map(|language| ("citation_language", language.clone())));
    elements.extend(citation.keywords.iter().map(|keyword| ("citation_keywords", keyword.clone())));
    elements
}

#[cfg(test)]
mod tests {
    use super::super::model::example;
    use super::*;

    #[test]
    fn an_author_is_told_from_an_editor() {
        let elements = meta(&example());
        let content = |name: &str| elements.iter().find(|(known, _)| *known == name).map(|(_, content)| content.as_str());
        assert_eq!((content("citation_author"), content("citation_editor")), (Some("Lagerlöf, Selma"), Some("Ågren, Åsa")));
        assert_eq!((content("citation_publication_date"), content("citation_doi")), (Some("1906"), None));
    }
}
