//! What is said of a mistake: a sentence, the line with a caret under the place, and a hint.

use std::fmt;

use super::excerpt::{self, Place};

/// A mistake in a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// What is wrong.
    pub sentence: String,
    /// Its line, from 1.
    pub line: usize,
    /// Its character in that line, from 1.
    pub column: usize,
    /// The line with its number, and below it a caret under the place.
    pub excerpt: String,
    /// The hint.
    pub hint: Option<String>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sentence, line, column, excerpt, hint } = self;
        write!(f, "{sentence} (line {line}, column {column})\n{excerpt}")?;
        hint.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

impl std::error::Error for Mistake {}

impl Mistake {
    /// Returns a mistake at a byte of a query.
    pub(in crate::query) fn at(text: &str, at: usize, sentence: impl Into<String>, hint: Option<String>) -> Self {
        let Place { line, column, excerpt } = excerpt::place(text, at);
        Self { sentence: sentence.into(), line, column, excerpt, hint }
    }
}
