//! Strings of the protocol that must not be mixed up: each type has one validator and a private field.
//!
//! ```compile_fail
//! use libris_mirror::oai::{RecordId, SetSpec};
//! let set = SetSpec::new("nb").unwrap();
//! let record: RecordId = set; // a set is not a record
//! ```

use std::fmt;

/// Why a string is not a name of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value:?} {problem}")]
pub struct NameError {
    what: &'static str,
    value: String,
    problem: &'static str,
}

/// The longest identifier or token that is accepted, in bytes; longer ones are a sign of a broken server.
const LONGEST: usize = 16 * 1024;

fn checked(what: &'static str, value: &str, allowed: fn(char) -> bool) -> Result<String, NameError> {
    let value = value.trim();
    let problem = if value.is_empty() {
        "is empty"
    } else if value.len() > LONGEST {
        "is longer than 16 KiB"
    } else if !value.chars().all(allowed) {
        "holds a character that is not allowed there"
    } else {
        return Ok(value.to_owned());
    };
    Err(NameError { what, value: value.chars().take(80).collect(), problem })
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Accepts the trimmed value, or says what is wrong with it.
            pub fn new(value: &str) -> Result<Self, NameError> {
                checked($what, value, $allowed).map(Self)
            }

            /// The value as it came, without the white space around it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// The unique identifier of an item (OAI-PMH section 2.4): for Libris the URI of the record.
    RecordId, "record identifier", |c| !c.is_control() && !c.is_whitespace()
);
name!(
    /// A `setSpec` (OAI-PMH section 2.6), such as `nb` or `bib:S`.
    SetSpec, "setSpec", |c| !c.is_control() && !c.is_whitespace()
);
name!(
    /// A `metadataPrefix` (OAI-PMH section 3.4), such as `rdfxml`.
    MetadataPrefix, "metadataPrefix", |c| !c.is_control() && !c.is_whitespace() && c != '&'
);
name!(
    /// A `resumptionToken` (OAI-PMH section 3.5): opaque, sent back as it came, without the white space around it.
    ResumptionToken, "resumptionToken", |c| !c.is_control()
);

impl RecordId {
    /// A name that this program made, which needs no check.
    pub(super) fn of(name: String) -> Self {
        Self(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_trimmed_and_otherwise_kept() {
        let token = ResumptionToken::new("\n  a+b/c=&  d \t").expect("valid");
        assert_eq!(token.as_str(), "a+b/c=&  d");
    }

    #[test]
    fn empty_and_oversized_names_are_refused_with_the_value() {
        assert!(RecordId::new("  ").is_err());
        let error = SetSpec::new(&"x".repeat(20_000)).expect_err("too long");
        assert!(error.to_string().contains("longer than 16 KiB"), "{error}");
        let error = RecordId::new("a b").expect_err("white space");
        assert_eq!(error.to_string(), "record identifier \"a b\" holds a character that is not allowed there");
    }
}
