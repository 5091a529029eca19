//! What people ask for, and what of it is looked up.

use super::facets::Facet;
use super::words::{as_word, forms_of_isbn, sort_key, words as words_of};
use crate::rdf::last_part;

/// A search.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Question {
    /// Words, phrases in quotes, identifiers. Empty for all records.
    pub text: String,
    /// The chosen values of facets. Of one facet any must hold, of several facets all.
    pub chosen: Vec<(Facet, String)>,
    /// The order of what is found.
    pub sort: Sort,
    /// How many are skipped.
    pub offset: usize,
    /// How many are returned.
    pub limit: usize,
    /// How many values of each facet are counted out; 0 for no facets.
    pub values: usize,
}

/// An order of what is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// The best match first.
    #[default]
    Relevance,
    /// The newest first.
    Newest,
    /// The oldest first.
    Oldest,
    /// By title, or heading.
    Title,
    /// What came to this mirror last first.
    Added,
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Relevance, Self::Newest, Self::Oldest, Self::Title, Self::Added];

    /// Its name, in addresses and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Relevance => "relevance",
            Self::Newest => "year",
            Self::Oldest => "oldest",
            Self::Title => "title",
            Self::Added => "added",
        }
    }

    /// The order of a name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.name() == name)
    }
}

/// The most words of a question that count.
const MOST_WORDS: usize = 12;

/// The longest text of a question that counts, in characters.
const LONGEST: usize = 1000;

/// If what people type is an identifier of at least this length, and it exists, nothing else is searched.
const LONG_IDENTIFIER: usize = 7;

/// What must match. Words are folded: see [`fold`](super::fold).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clause {
    /// A word.
    Word(String),
    /// The beginning of a word.
    Beginning(String),
    /// Words that follow one another.
    Phrase(Vec<String>),
}

/// A text as it is looked up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Wanted {
    /// All must match.
    pub(super) clauses: Vec<Clause>,
    /// Each word as it was typed.
    pub(super) words: Vec<String>,
    /// The text as an identifier.
    pub(super) identifier: Option<String>,
    /// The text as the beginning of a heading, as these are sorted.
    pub(super) heading: String,
}

impl Wanted {
    pub(super) fn of(text: &str) -> Self {
        let text: String = text.trim().chars().take(LONGEST).collect();
        // An address is looked up by its last part, which is the identifier.
        let text = if text.starts_with("http") { last_part(&text) } else { text };
        let (mut clauses, mut words): (Vec<Clause>, Vec<String>) = (Vec::new(), Vec::new());
        let pieces: Vec<&str> = text.split('"').collect();
        for (place, piece) in pieces.iter().enumerate() {
            let mut here = words_of(piece);
            here.truncate(MOST_WORDS - words.len());
            words.extend(here.iter().cloned());
            // A quote that nothing closes quotes nothing.
            let quoted = place % 2 == 1 && place + 1 < pieces.len();
            match here.len() {
                0 => {}
                2.. if quoted => clauses.push(Clause::Phrase(here)),
                _ => clauses.extend(here.into_iter().map(Clause::Word)),
            }
        }
        // A single letter would begin half of all words.
        if !text.ends_with('"')
            && let Some(Clause::Word(last)) = clauses.last()
            && last.chars().count() > 1
        {
            let last = Clause::Beginning(last.clone());
            clauses.pop();
            clauses.push(last);
        }
        let identifier = text.chars().any(|c| c.is_ascii_digit()).then(|| {
            let text = text.trim().trim_matches('"');
            forms_of_isbn(text).map_or_else(|| as_word(text), |(_, thirteen)| thirteen)
        });
        let identifier = identifier.filter(|identifier| !identifier.is_empty());
        Self { heading: sort_key(&words.join(" ")), clauses, words, identifier }
    }

    /// Whether nothing else is searched if the identifier exists.
    pub(super) fn is_long_identifier(&self) -> bool {
        self.identifier.as_ref().is_some_and(|identifier| identifier.len() >= LONG_IDENTIFIER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn the_last_word_may_be_a_beginning_and_quotes_make_phrases() {
        let wanted = Wanted::of("Selma Lag");
        assert_eq!(wanted.clauses, [Clause::Word("selma".into()), Clause::Beginning("lag".into())]);
        assert_eq!((wanted.heading.as_str(), wanted.identifier), ("selma lag", None));
        assert_eq!(Wanted::of("a b").clauses, [Clause::Word("a".into()), Clause::Word("b".into())]);
        let wanted = Wanted::of("\"Gösta Berlings\" saga \"x\"");
        let phrase = Clause::Phrase(words(&["gösta", "berlings"]));
        assert_eq!(wanted.clauses, [phrase, Clause::Word("saga".into()), Clause::Word("x".into())]);
        assert_eq!(Wanted::of("saga \"Gösta Ber").clauses.len(), 3, "a quote that nothing closes");
        assert_eq!(Wanted::of("\"saga\"").clauses, [Clause::Word("saga".into())], "a quoted word is whole");
    }

    #[test]
    fn identifiers_and_addresses_are_one_word() {
        assert_eq!(Wanted::of("91-7000-059-X").identifier.as_deref(), Some("9789170000591"));
        assert_eq!(Wanted::of("https://libris.kb.se/fcrtpljz1qp2bdv#it").identifier.as_deref(), Some("fcrtpljz1qp2bdv"));
        assert!(Wanted::of("12345678").is_long_identifier() && !Wanted::of("1234").is_long_identifier());
        assert_eq!(Wanted::of(" -- \"* "), Wanted::default());
        assert_eq!(Wanted::of(&"ord ".repeat(10_000)).clauses.len(), MOST_WORDS);
        for sort in Sort::ALL {
            assert_eq!(Sort::of_name(sort.name()), Some(sort));
        }
    }
}
