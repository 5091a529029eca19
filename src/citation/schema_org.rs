//! schema.org: a citation as the JSON-LD that search engines and reference managers read in a web page.

use serde_json::{Map, Value, json};

use super::model::{Citation, Genus, Name, Role};

/// A citation as JSON-LD in schema.org. `address` is that of the page.
#[must_use]
pub fn schema_org(citation: &Citation, address: &str) -> Value {
    let mut item = Map::new();
    item.insert("@context".into(), "https://schema.org".into());
    item.insert("@type".into(), kind(citation.kind).into());
    item.insert("@id".into(), citation.record.clone().into());
    item.insert("name".into(), citation.title.clone().into());
    item.insert("url".into(), address.into());
    for (property, role) in
        [("author", Role::Author), ("editor", Role::Editor), ("translator", Role::Translator), ("contributor", Role::Contributor)]
    {
        let names: Vec<Value> =
            citation.creators.iter().filter(|creator| creator.role == role).map(|creator| agent(&creator.name)).collect();
        if !names.is_empty() {
            item.insert(property.into(), names.into());
        }
    }
    if let Some(year) = citation.year {
        item.insert("datePublished".into(), year.to_string().into());
    }
    if let Some(publisher) = &citation.publisher {
        let mut publisher = json!({"@type": "Organization", "name": publisher});
        if let Some(place) = &citation.place {
            publisher["location"] = place.clone().into();
        }
        item.insert("publisher".into(), publisher);
    }
    let mut add = |property: &str, value: Value| {
        if value.as_array().is_none_or(|list| !list.is_empty()) && !value.is_null() {
            item.insert(property.to_owned(), value);
        }
    };
    add("bookEdition", citation.edition.clone().filter(|_| citation.kind == Genus::Book).into());
    add("isbn", citation.isbn.clone().into());
    add("issn", citation.issn.clone().into());
    add("inLanguage", citation.languages.clone().into());
    add("keywords", citation.keywords.clone().into());
    add("abstract", citation.summary.clone().into());
    add("isPartOf", citation.container.as_ref().map(|title| json!({"@type": "CreativeWork", "name": title})).into());
    Value::Object(item)
}

fn agent(name: &Name) -> Value {
    match name {
        Name::Person { family, given } => {
            json!({"@type": "Person", "name": format!("{given} {family}"), "familyName": family, "givenName": given})
        }
        Name::Whole(name) => json!({"@type": "Thing", "name": name}),
    }
}

fn kind(kind: Genus) -> &'static str {
    match kind {
        Genus::Book => "Book",
        Genus::Serial => "Periodical",
        Genus::Part => "Chapter",
        Genus::Map => "Map",
        Genus::Score => "SheetMusic",
        Genus::Sound => "AudioObject",
        Genus::Film => "Movie",
        Genus::Picture => "VisualArtwork",
        Genus::Manuscript => "Manuscript",
        Genus::Software => "SoftwareApplication",
        Genus::Other => "CreativeWork",
        Genus::Person => "Person",
        Genus::Organization => "Organization",
        Genus::Place => "Place",
        Genus::Term => "DefinedTerm",
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::example;
    use super::*;

    #[test]
    fn a_book_is_a_book_with_its_people() {
        let item = schema_org(&example(), "http://127.0.0.1/abc");
        assert_eq!(
            (&item["@type"], &item["url"], &item["datePublished"]),
            (&"Book".into(), &"http://127.0.0.1/abc".into(), &"1906".into())
        );
        assert_eq!(item["author"][0]["name"], "Selma Lagerlöf");
        assert_eq!(item["publisher"]["location"], "Stockholm");
        assert!(item.get("isPartOf").is_none() && item.get("issn").is_none(), "{item}");
    }
}
