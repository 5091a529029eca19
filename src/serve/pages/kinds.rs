//! Kinds of things, and languages of names, for visitors.

use super::words::Language;
use crate::rdf::Shapes;

/// Returns the name of a kind for people: by the table, or, of a class that no kind fits, the class, split into words.
pub(super) fn kind_name(shapes: &Shapes, kind: &str, language: Language) -> String {
    if let Some(known) = shapes.kind(kind) {
        return if language == Language::Swedish { known.sv.clone() } else { known.en.clone() };
    }
    if kind.is_empty() {
        return language.words().record.to_owned();
    }
    let mut name = String::new();
    for (place, c) in crate::rdf::last_part(kind).chars().enumerate() {
        if place > 0 && c.is_uppercase() {
            name.push(' ');
            name.extend(c.to_lowercase());
        } else {
            name.push(c);
        }
    }
    name
}

/// Returns the languages of names for a visitor: the visitor's own before those of the table.
pub(super) fn languages(shapes: &Shapes, language: Language) -> Vec<String> {
    let own = if language == Language::Swedish { "sv" } else { "en" };
    std::iter::once(own).chain(shapes.languages().iter().map(String::as_str)).map(str::to_owned).collect()
}
