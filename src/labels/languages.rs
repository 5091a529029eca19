//! The languages in which a reader wants names, the best first.

use serde::{Deserialize, Serialize};

/// The languages that a reader wants, the best first; in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Languages(Vec<String>);

/// Why a text names no languages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a list of languages\nhint: name them by their codes, the best first, such as `sv` or `sv,en`")]
pub struct LanguagesError(String);

/// How many languages a reader may name.
const MOST: usize = 8;

/// The longest tag of a language (BCP 47, 4.4.1).
pub(super) const LONGEST_TAG: usize = 35;

/// The languages of the names that most records have: they come next if there is no name in the reader's.
const USUAL: [&str; 2] = ["sv", "en"];

impl Default for Languages {
    fn default() -> Self {
        Self::one(USUAL[0])
    }
}

impl Languages {
    /// One language.
    #[must_use]
    pub fn one(code: &str) -> Self {
        Self(vec![code.to_ascii_lowercase()])
    }

    /// Their tags, the best first.
    #[must_use]
    pub fn tags(&self) -> &[String] {
        &self.0
    }

    /// How far from what the reader wants a language is: 0 is the best. The order is the first language that the reader
    /// named, names without a language, the reader's other languages, Swedish and English, all others.
    #[must_use]
    pub(super) fn distance(&self, language: &str) -> usize {
        let primary = language.split('-').next().unwrap_or_default();
        // A name in "sv" is better than one in "sv-fi" for who asks for "sv".
        let found = |wanted: &str| {
            if wanted == language { Some(0) } else { (wanted == primary).then_some(1) }
        };
        if language.is_empty() {
            return 2;
        }
        let wanted = self.0.iter().map(String::as_str).chain(USUAL);
        let place = wanted.enumerate().find_map(|(place, wanted)| Some((place, found(wanted)?)));
        match place {
            Some((0, exact)) => exact,
            Some((place, exact)) => 1 + 2 * place + exact,
            None => usize::MAX,
        }
    }
}

impl std::str::FromStr for Languages {
    type Err = LanguagesError;

    fn from_str(text: &str) -> Result<Self, LanguagesError> {
        let tags: Vec<String> = text.split(',').map(|tag| tag.trim().to_ascii_lowercase()).collect();
        let sound = |tag: &String| {
            tag.len() <= LONGEST_TAG
                && tag
                    .split('-')
                    .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        };
        if tags.len() <= MOST && tags.iter().all(sound) { Ok(Self(tags)) } else { Err(LanguagesError(text.to_owned())) }
    }
}

impl TryFrom<String> for Languages {
    type Error = LanguagesError;

    fn try_from(text: String) -> Result<Self, LanguagesError> {
        text.parse()
    }
}

impl From<Languages> for String {
    fn from(languages: Languages) -> Self {
        languages.to_string()
    }
}

impl std::fmt::Display for Languages {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(wanted: &str) -> Vec<&'static str> {
        let wanted: Languages = wanted.parse().expect("languages");
        let mut all = ["fi", "", "en", "sv-fi", "sv", "de", "en-gb"];
        all.sort_by_key(|language| wanted.distance(language));
        all.to_vec()
    }

    #[test]
    fn the_readers_language_comes_first_and_names_without_one_next() {
        assert_eq!(ordered("sv"), ["sv", "sv-fi", "", "en", "en-gb", "fi", "de"]);
        assert_eq!(ordered("en"), ["en", "en-gb", "", "sv", "sv-fi", "fi", "de"]);
        assert_eq!(ordered("de,fi"), ["de", "", "fi", "sv", "sv-fi", "en", "en-gb"]);
        assert_eq!(ordered("sv-FI,en"), ["sv-fi", "", "en", "en-gb", "sv", "fi", "de"]);
    }

    #[test]
    fn what_is_no_list_of_languages_is_refused() {
        assert_eq!(" SV , en-GB".parse::<Languages>().map(|languages| languages.to_string()), Ok("sv,en-gb".to_owned()));
        for text in ["", "sv,", "svenska språket", "sv;en", "toolongtag", "a,b,c,d,e,f,g,h,i", "sv\u{0}"] {
            assert!(text.parse::<Languages>().is_err(), "{text}");
        }
    }
}
