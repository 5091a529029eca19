//! The vocabulary of an index: the classes and properties that it holds, how often, and what they are called. Counted from the
//! index itself, without a query, so that it takes milliseconds on a mirror of any size.

use oxigraph::model::Term;
use oxigraph::model::vocab::rdf;
use serde::{Deserialize, Serialize};

use super::names::Names;
use crate::index::{Index, IndexError};
use crate::log::LogError;

/// The most classes, and the most properties, that are listed. A catalogue has some hundreds of each.
const MOST: usize = 2000;

/// The most classes that are looked at in each segment.
const MOST_COUNTED: usize = 20_000;

/// The words that a query can name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vocabulary {
    /// The classes, the most frequent first.
    pub classes: Vec<Word>,
    /// The properties, the most frequent first.
    pub properties: Vec<Word>,
    /// Whether these are all of them.
    pub complete: bool,
}

/// A class or a property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// Its IRI.
    pub iri: String,
    /// In how many triples it is. Those of replaced records count until the index is merged.
    pub count: u64,
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// Why there is no vocabulary.
#[derive(Debug, thiserror::Error)]
pub(super) enum VocabularyError {
    /// The index cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The names cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Returns the vocabulary of an index.
pub(super) fn vocabulary(index: &Index, mut names: Option<Names>) -> Result<Vocabulary, VocabularyError> {
    let (classes, properties) = (index.objects(&rdf::TYPE.into_owned(), MOST_COUNTED)?, index.predicates()?);
    let complete = classes.len() <= MOST && properties.len() <= MOST;
    let mut words = |terms: Vec<(Term, u64)>| -> Result<Vec<Word>, VocabularyError> {
        let mut words = Vec::new();
        for (term, count) in terms.into_iter().take(MOST) {
            // A class may be any term.
            let Term::NamedNode(node) = term else { continue };
            let name = names.as_mut().map(|names| names.name(node.as_str())).transpose()?.flatten();
            words.push(Word { iri: node.into_string(), count, label: name.map(|name| name.value().to_owned()) });
        }
        Ok(words)
    };
    Ok(Vocabulary { classes: words(classes)?, properties: words(properties)?, complete })
}
