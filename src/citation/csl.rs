//! CSL-JSON, the items of the Citation Style Language 1.0.2.

use serde_json::{Map, Value, json};

use super::model::{Citation, Genus, Name, Role};

/// A citation as an item of CSL-JSON.
pub(super) fn csl(citation: &Citation) -> Value {
    let mut item = Map::new();
    item.insert("id".into(), citation.record.clone().into());
    item.insert("type".into(), kind(citation.kind).into());
    item.insert("title".into(), citation.title.clone().into());
    for (variable, role) in
        [("author", Role::Author), ("editor", Role::Editor), ("translator", Role::Translator), ("contributor", Role::Contributor)]
    {
        let names: Vec<Value> =
            citation.creators.iter().filter(|creator| creator.role == role).map(|creator| name(&creator.name)).collect();
        if !names.is_empty() {
            item.insert(variable.into(), names.into());
        }
    }
    if let Some(year) = citation.year {
        item.insert("issued".into(), json!({"date-parts": [[year]]}));
    }
    let mut add = |variable: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            item.insert(variable.to_owned(), value.into());
        }
    };
    add("publisher", citation.publisher.as_deref());
    add("publisher-place", citation.place.as_deref());
    add("edition", citation.edition.as_deref());
    add("number-of-pages", citation.extent.as_deref().and_then(pages));
    add("container-title", citation.container.as_deref());
    add("collection-title", citation.series.as_ref().map(|(title, _)| title.as_str()));
    add("collection-number", citation.series.as_ref().and_then(|(_, number)| number.as_deref()));
    add("ISBN", Some(&citation.isbn.join(" ")));
    add("ISSN", Some(&citation.issn.join(" ")));
    add("DOI", citation.doi.as_deref());
    add("language", citation.languages.first().map(String::as_str));
    add("keyword", Some(&citation.keywords.join(", ")));
    add("abstract", citation.summary.as_deref());
    add("URL", citation.address.as_deref().or(Some(&citation.record)));
    Value::Object(item)
}

/// The number of pages in an extent such as `xii, 438 s.`: CSL counts pages.
fn pages(extent: &str) -> Option<&str> {
    let words: Vec<&str> = extent.split([' ', '\u{a0}']).collect();
    words.windows(2).find_map(|pair| {
        let is_pages = ["s", "s.", "p", "p.", "sidor", "pages"].contains(&pair[1].trim_end_matches([',', ';', ':']));
        (is_pages && !pair[0].is_empty() && pair[0].bytes().all(|byte| byte.is_ascii_digit())).then_some(pair[0])
    })
}

fn name(name: &Name) -> Value {
    match name {
        Name::Person { family, given } => json!({"family": family, "given": given}),
        Name::Whole(name) => json!({"literal": name}),
    }
}

fn kind(kind: Genus) -> &'static str {
    match kind {
        Genus::Book => "book",
        Genus::Serial => "periodical",
        Genus::Part => "chapter",
        Genus::Map => "map",
        Genus::Score => "musical_score",
        Genus::Sound => "song",
        Genus::Film => "motion_picture",
        Genus::Picture => "graphic",
        Genus::Manuscript => "manuscript",
        Genus::Software => "software",
        Genus::Other | Genus::Person | Genus::Organization | Genus::Place | Genus::Term => "document",
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::example;
    use super::*;

    #[test]
    fn an_item_has_what_the_record_says_and_nothing_empty() {
        let item = csl(&example());
        assert_eq!(item["author"], json!([{"family": "Lagerlöf", "given": "Selma"}]));
        assert_eq!(item["contributor"], json!([{"literal": "Sällskapet och vänner"}]));
        assert_eq!(item["issued"], json!({"date-parts": [[1906]]}));
        assert_eq!(
            (&item["type"], &item["collection-number"], &item["ISBN"]),
            (&"book".into(), &"7".into(), &"9789170000591".into())
        );
        assert_eq!(item["number-of-pages"], "245");
        assert_eq!((pages("xii, 438 s., 4 pl."), pages("1 karta"), pages("s.")), (Some("438"), None, None));
        assert!(item.get("ISSN").is_none() && item.get("DOI").is_none(), "{item}");
    }
}
