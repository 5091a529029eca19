//! Conditions on records, joined as their author wants: for APIs that have operators of their own.

use std::ops::RangeInclusive;

use super::facets::Facet;
use super::question::Clause;
use super::words::{as_word, forms_of_isbn, words as words_of};

/// A condition on records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// None: all records.
    All,
    /// Words in a part of a record.
    Words(Part, Clause),
    /// An identifier: a part of an IRI, an ISBN in any form.
    Identifier(String),
    /// A value of a facet, which may be given as the last part of an IRI.
    Value(Facet, String),
    /// A thing that it refers to, by its IRI.
    RefersTo(String),
    /// A year of publication.
    Years(RangeInclusive<i64>),
    /// It came to this mirror after the record with this id of the log.
    AddedAfter(i64),
    /// All of these.
    And(Vec<Self>),
    /// Any of these.
    Or(Vec<Self>),
    /// Not this.
    Not(Box<Self>),
}

/// Where words are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Everywhere: titles, names, subjects, identifiers, and the names of what the record refers to.
    Any,
    /// In titles and headings.
    Title,
    /// In the names of those who made it.
    Name,
}

/// The most words of one text that count.
const MOST_WORDS: usize = 12;

impl Condition {
    /// All words of a text, in any order; none, if the text has none.
    #[must_use]
    pub fn words(part: Part, text: &str) -> Option<Self> {
        let words = words_of(text).into_iter().take(MOST_WORDS).map(|word| Self::Words(part, Clause::Word(word)));
        Self::all(words.collect())
    }

    /// The words of a text one after the other; none, if the text has none.
    #[must_use]
    pub fn phrase(part: Part, text: &str) -> Option<Self> {
        let mut words: Vec<String> = words_of(text).into_iter().take(MOST_WORDS).collect();
        match words.len() {
            0 => None,
            1 => words.pop().map(|word| Self::Words(part, Clause::Word(word))),
            _ => Some(Self::Words(part, Clause::Phrase(words))),
        }
    }

    /// Words that begin so: of several, the last; none, if the text has none.
    #[must_use]
    pub fn beginning(part: Part, text: &str) -> Option<Self> {
        let mut words: Vec<String> = words_of(text).into_iter().take(MOST_WORDS).collect();
        let last = words.pop()?;
        let whole = words.into_iter().map(|word| Self::Words(part, Clause::Word(word)));
        Self::all(whole.chain([Self::Words(part, Clause::Beginning(last))]).collect())
    }

    /// An identifier as the index has it; none, if the text has no letter or digit.
    #[must_use]
    pub fn identifier(text: &str) -> Option<Self> {
        let word = forms_of_isbn(text.trim()).map_or_else(|| as_word(text), |(_, thirteen)| thirteen);
        (!word.is_empty()).then_some(Self::Identifier(word))
    }

    /// All of some conditions; none of none.
    #[must_use]
    pub fn all(mut conditions: Vec<Self>) -> Option<Self> {
        if conditions.len() > 1 { Some(Self::And(conditions)) } else { conditions.pop() }
    }

    /// Calls `each` with every clause in it, in their order.
    pub(super) fn clauses<'a>(&'a self, each: &mut impl FnMut(Part, &'a Clause)) {
        match self {
            Self::Words(part, clause) => each(*part, clause),
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.clauses(each)),
            Self::Not(not) => not.clauses(each),
            Self::All | Self::Identifier(_) | Self::Value(..) | Self::RefersTo(_) | Self::Years(_) | Self::AddedAfter(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_conditions_of_folded_words() {
        let word = |word: &str| Condition::Words(Part::Title, Clause::Word(word.into()));
        assert_eq!(
            Condition::words(Part::Title, "Gösta  BERLINGS!"),
            Some(Condition::And(vec![word("gösta"), word("berlings")]))
        );
        assert_eq!(Condition::words(Part::Title, "saga"), Some(word("saga")));
        assert_eq!(Condition::words(Part::Title, " -- "), None);
        assert_eq!(Condition::phrase(Part::Title, "saga"), Some(word("saga")));
        let beginning = Condition::Words(Part::Title, Clause::Beginning("berl".into()));
        assert_eq!(Condition::beginning(Part::Title, "gösta berl"), Some(Condition::And(vec![word("gösta"), beginning])));
        assert_eq!(Condition::identifier("91-7000-059-X"), Some(Condition::Identifier("9789170000591".into())));
        assert_eq!(Condition::identifier("—"), None);
    }
}
