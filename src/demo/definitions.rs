//! The definitions of the fake Libris, in the shapes of id.kb.se: the vocabulary, languages, roles, countries, schemes, RDA
//! terms, genres, subjects. The table is `definitions.txt`; here each line becomes a record.

use super::node::{Node, Value, iri, lang};
use super::numbering::identifier;
use super::terms::encode;

/// A record of the dataset `definitions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The IRI of the record, below `https://libris.kb.se/`, as that of any record.
    pub identifier: String,
    /// The IRI of what it defines, such as `https://id.kb.se/language/swe`.
    pub iri: String,
    /// The class of that, such as `Language`.
    pub class: &'static str,
    /// When it was changed, as the document says it: `2026-02-03T10:20:30.5+01:00`.
    pub modified: String,
    /// The document, and what it defines.
    pub nodes: Vec<Node>,
}

const TABLE: &str = include_str!("definitions.txt");
const BASE: &str = "https://id.kb.se/";

/// A line of the table.
struct Row {
    path: &'static str,
    class: &'static str,
    swedish: &'static str,
    english: &'static str,
    code: &'static str,
    more: Vec<(&'static str, &'static str)>,
}

fn rows() -> impl Iterator<Item = Row> {
    TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
        let mut cells = line.split('|').map(str::trim);
        let mut cell = || cells.next().unwrap_or_default();
        Row {
            path: cell(),
            class: cell(),
            swedish: cell(),
            english: cell(),
            code: cell(),
            more: cell().split_whitespace().filter_map(|pair| pair.split_once('=')).collect(),
        }
    })
}

/// A class and its subclasses.
pub(super) fn with_subclasses(kind: &str) -> Vec<&str> {
    let mut classes = vec![kind];
    // The table names a class after the classes above it, except for a few that a second pass finds.
    for _ in 0..2 {
        for row in rows().filter(|row| row.class == "Class") {
            let Some(name) = row.path.strip_prefix("vocab/") else { continue };
            let above = row.more.iter().filter(|(property, _)| *property == "subClassOf");
            let mut above = above.filter_map(|(_, path)| path.strip_prefix("vocab/"));
            if !classes.contains(&name) && above.any(|class| classes.contains(&class)) {
                classes.push(name);
            }
        }
    }
    classes
}

/// The definitions of a class and of its subclasses; those of `all` classes.
#[must_use]
pub fn definitions(kind: &str) -> Vec<Definition> {
    let classes = with_subclasses(kind);
    rows().filter(|row| kind == "all" || classes.contains(&row.class)).map(|row| definition(&row)).collect()
}

/// The definition of an IRI.
#[must_use]
pub fn defined(iri: &str) -> Option<Definition> {
    let path = iri.strip_prefix(BASE)?;
    rows().find(|row| encode(row.path) == path).map(|row| definition(&row))
}

fn reference(target: &str) -> Value {
    iri(if target.starts_with("http") { target.to_owned() } else { format!("{BASE}{}", encode(target)) })
}

fn definition(row: &Row) -> Definition {
    let subject = format!("{BASE}{}", encode(row.path));
    let hash = u64::from_le_bytes(*blake3::hash(subject.as_bytes()).as_bytes().first_chunk().unwrap_or(&[0; 8]));
    let identifier = identifier(hash);
    let modified = format!("2026-0{}-{:02}T10:{:02}:30.5+01:00", 1 + hash % 3, 1 + hash / 3 % 28, hash / 84 % 60);
    let record = Node::named(identifier.clone(), "Record")
        .with("mainEntity", iri(subject.clone()))
        .with("created", Value::Typed("2019-10-01T12:00:00+02:00".into(), "dateTime"))
        .with("modified", Value::Typed(modified.clone(), "dateTime"))
        .with("recordStatus", iri(format!("{BASE}marc/New")))
        .with("inDataset", iri(format!("{BASE}dataset/definitions")));
    let of_vocabulary = row.path.starts_with("vocab/");
    let name = if of_vocabulary { "label" } else { "prefLabel" };
    let mut entity = Node::named(subject.clone(), row.class);
    for (text, language) in [(row.swedish, "sv"), (row.english, "en")] {
        entity = entity.with(name, lang(text, language));
    }
    if !row.code.is_empty() {
        entity = entity.with("code", row.code);
    }
    if let Some((scheme, _)) = row.path.strip_prefix("term/").and_then(|term| term.split_once('/')) {
        entity = entity.with("inScheme", iri(format!("{BASE}term/{scheme}")));
    }
    for (property, target) in &row.more {
        entity = entity.with(property, reference(target));
    }
    Definition { identifier, iri: subject, class: row.class, modified, nodes: vec![record, entity] }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_definition_is_whole_and_named_once() {
        let all = definitions("all");
        assert!(all.len() > 200, "{}", all.len());
        let (iris, identifiers): (HashSet<&str>, HashSet<&str>) =
            all.iter().map(|one| (one.iri.as_str(), one.identifier.as_str())).unzip();
        assert_eq!((iris.len(), identifiers.len()), (all.len(), all.len()));
        for one in &all {
            assert!(oxigraph::model::NamedNode::new(&one.iri).is_ok(), "{}", one.iri);
            assert_eq!(defined(&one.iri).as_ref(), Some(one));
            assert!(chrono::DateTime::parse_from_rfc3339(&one.modified).is_ok(), "{}", one.modified);
            // What they refer to within the vocabulary and the terms is defined as well.
            for (property, value) in &one.nodes[1].properties {
                let Value::Iri(target) = value else { continue };
                let known = *property == "sameAs" || !target.starts_with(BASE) || iris.contains(target.as_str());
                assert!(known, "{} {property} {target}", one.iri);
            }
        }
    }

    #[test]
    fn a_kind_holds_its_subclasses() {
        let classes = |kind: &str| definitions(kind).iter().map(|one| one.class).collect::<HashSet<_>>();
        assert_eq!(classes("Language"), HashSet::from(["Language"]));
        assert!(classes("Concept").is_superset(&HashSet::from([
            "Topic",
            "GenreForm",
            "CarrierType",
            "Country",
            "IntendedAudience"
        ])));
        assert_eq!(classes("ConceptScheme"), HashSet::from(["ConceptScheme", "TopicScheme"]));
        assert!(definitions("Nothing").is_empty());
        assert!(definitions("GenreForm").iter().any(|one| one.iri == "https://id.kb.se/term/saogf/Fackb%C3%B6cker"));
    }
}
