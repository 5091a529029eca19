//! BibTeX, with the braces and escapes of the `biblatex` library.

use biblatex::{Chunk, Chunks, Entry, EntryType, Spanned};

use rustc_hash::FxHashMap;

use super::model::{Citation, Genus, Name, Role};
use crate::rdf::last_part;

/// The keys of a document, of which no two may be the same.
#[derive(Default)]
pub(super) struct Keys(FxHashMap<String, usize>);

impl Keys {
    /// The last part of the IRI, of letters and digits; with a number behind it, if another record has the same.
    fn of(&mut self, record: &str) -> String {
        let key: String = last_part(record).chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let key = if key.is_empty() { "record".to_owned() } else { key };
        let times = self.0.entry(key.clone()).or_default();
        *times += 1;
        let times = *times;
        if times == 1 { key } else { self.of(&format!("{key}-{times}")) }
    }
}

/// A citation in BibTeX.
pub(super) fn bibtex(citation: &Citation, keys: &mut Keys) -> String {
    let mut entry = Entry::new(keys.of(&citation.record), kind(citation));
    let mut set = |field: &str, chunk: Chunk| {
        if !chunk.get().is_empty() {
            entry.set(field, vec![Spanned::detached(chunk)]);
        }
    };
    let text = |text: &Option<String>| text.as_deref().map(one_line).unwrap_or_default();
    // Styles put titles into lower case, which is wrong for names: braces keep them as they are.
    set("title", Chunk::Verbatim(one_line(&citation.title)));
    set("year", Chunk::Normal(citation.year.map(|year| year.to_string()).unwrap_or_default()));
    set("publisher", Chunk::Verbatim(text(&citation.publisher)));
    set("address", Chunk::Normal(text(&citation.place)));
    set("edition", Chunk::Normal(text(&citation.edition)));
    set("booktitle", Chunk::Verbatim(text(&citation.container)));
    if let Some((series, number)) = &citation.series {
        set("series", Chunk::Verbatim(one_line(series)));
        set("number", Chunk::Normal(text(number)));
    }
    set("isbn", Chunk::Normal(citation.isbn.join(", ")));
    set("issn", Chunk::Normal(citation.issn.join(", ")));
    set("doi", Chunk::Normal(text(&citation.doi)));
    set("language", Chunk::Normal(citation.languages.join(", ")));
    set("keywords", Chunk::Normal(one_line(&citation.keywords.join(", "))));
    set("abstract", Chunk::Normal(text(&citation.summary)));
    set("url", Chunk::Normal(citation.address.clone().unwrap_or_else(|| citation.record.clone())));
    for (field, role) in [("author", Role::Author), ("editor", Role::Editor), ("translator", Role::Translator)] {
        let names: Vec<&Name> =
            citation.creators.iter().filter(|creator| creator.role == role).map(|creator| &creator.name).collect();
        if !names.is_empty() {
            entry.set(field, names_of(&names));
        }
    }
    in_tex(&entry.to_bibtex_string().unwrap_or_else(|_| entry.to_biblatex_string())) + "\n"
}

/// The text with TeX's names for characters that a backslash before them makes accents or line breaks.
fn in_tex(text: &str) -> String {
    let (mut written, mut letters) = (String::with_capacity(text.len()), text.chars());
    while let Some(letter) = letters.next() {
        match (letter, letters.clone().next()) {
            ('\\', Some(next @ ('\\' | '~' | '^'))) => {
                letters.next();
                written.push_str(match next {
                    '~' => "\\textasciitilde{}",
                    '^' => "\\textasciicircum{}",
                    _ => "\\textbackslash{}",
                });
            }
            _ => written.push(letter),
        }
    }
    written
}

/// Names with ` and ` between them. One that is not told apart is in braces, so that no part of it is taken for a family name.
fn names_of(names: &[&Name]) -> Chunks {
    let mut chunks = Vec::new();
    for (place, name) in names.iter().enumerate() {
        if place > 0 {
            chunks.push(Chunk::Normal(" and ".to_owned()));
        }
        match name {
            Name::Person { family, given } => {
                // ` and ` would part it.
                let part = |text: &str| {
                    if text.contains(" and ") { Chunk::Verbatim(one_line(text)) } else { Chunk::Normal(one_line(text)) }
                };
                chunks.extend([part(family), Chunk::Normal(", ".to_owned()), part(given)]);
            }
            Name::Whole(whole) => chunks.push(Chunk::Verbatim(one_line(whole))),
        }
    }
    chunks.into_iter().map(Spanned::detached).collect()
}

fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.trim().to_owned()
}

fn kind(citation: &Citation) -> EntryType {
    match citation.kind {
        Genus::Book | Genus::Score if !citation.creators.is_empty() => EntryType::Book,
        Genus::Part => EntryType::InCollection,
        Genus::Manuscript => EntryType::Unpublished,
        _ => EntryType::Misc,
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::example;
    use super::*;

    #[test]
    fn no_two_records_have_one_key() {
        let mut keys = Keys::default();
        let all = ["x:a/1", "x:b/1", "x:c/1-2", "x:d/1", "x:e/å"].map(|record| keys.of(record));
        assert_eq!(all, ["1", "1-2", "1-2-2", "1-3", "record"]);
    }

    #[test]
    fn what_is_written_is_read_again_as_it_was() {
        let citation = example();
        let text = bibtex(&citation, &mut Keys::default());
        let read = biblatex::Bibliography::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let entry = read.get("abc").expect("the key");
        let field = |name: &str| biblatex::ChunksExt::format_verbatim(entry.get(name).unwrap_or_default());
        assert_eq!(field("title"), citation.title);
        assert_eq!((field("year"), field("isbn"), field("series")), ("1906".into(), "9789170000591".into(), "Skrifter".into()));
        let authors = entry.author().expect("authors");
        assert_eq!((authors[0].name.as_str(), authors[0].given_name.as_str()), ("Lagerlöf", "Selma"));
        assert!(text.starts_with("@book{abc,\n") && text.contains("editor = {Ågren, Åsa}"), "{text}");
        assert_eq!(in_tex(r"a \~ \^ \\ \& \{"), r"a \textasciitilde{} \textasciicircum{} \textbackslash{} \& \{");
        let two = Citation {
            creators: vec![super::super::model::Creator {
                role: Role::Author,
                name: Name::Person { family: "Berg and Dal".into(), given: "Eva".into() },
            }],
            ..citation.clone()
        };
        let text = bibtex(&two, &mut Keys::default());
        let read = biblatex::Bibliography::parse(&text).expect("valid");
        assert_eq!(read.get("abc").and_then(|entry| entry.author().ok()).map(|authors| authors.len()), Some(1), "{text}");
        let club = Citation {
            creators: vec![super::super::model::Creator { role: Role::Author, name: Name::Whole("Gräs and söner".into()) }],
            ..citation
        };
        let text = bibtex(&club, &mut Keys::default());
        let read = biblatex::Bibliography::parse(&text).expect("valid");
        assert_eq!(read.get("abc").and_then(|entry| entry.author().ok()).map(|authors| authors.len()), Some(1), "{text}");
    }
}
