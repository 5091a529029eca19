//! Errors of the protocol: those that a server reports, and those of its answers themselves.

use std::fmt;

/// The error codes of OAI-PMH section 3.6, and what servers invent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorCode {
    /// An argument is unknown, missing, repeated or malformed.
    BadArgument,
    /// The token is invalid or has expired.
    BadResumptionToken,
    /// The verb is missing, repeated or unknown.
    BadVerb,
    /// The prefix is not offered, for this item or at all.
    CannotDisseminateFormat,
    /// The identifier is unknown.
    IdDoesNotExist,
    /// The list is empty. Libris answers this for an unknown identifier as well.
    NoRecordsMatch,
    /// The item has no metadata formats.
    NoMetadataFormats,
    /// The repository has no sets.
    NoSetHierarchy,
    /// A code that is not in the specification.
    Other(String),
}

impl ErrorCode {
    /// Reads the `code` attribute.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "badArgument" => Self::BadArgument,
            "badResumptionToken" => Self::BadResumptionToken,
            "badVerb" => Self::BadVerb,
            "cannotDisseminateFormat" => Self::CannotDisseminateFormat,
            "idDoesNotExist" => Self::IdDoesNotExist,
            "noRecordsMatch" => Self::NoRecordsMatch,
            "noMetadataFormats" => Self::NoMetadataFormats,
            "noSetHierarchy" => Self::NoSetHierarchy,
            other => Self::Other(other.chars().take(80).collect()),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadArgument => "badArgument",
            Self::BadResumptionToken => "badResumptionToken",
            Self::BadVerb => "badVerb",
            Self::CannotDisseminateFormat => "cannotDisseminateFormat",
            Self::IdDoesNotExist => "idDoesNotExist",
            Self::NoRecordsMatch => "noRecordsMatch",
            Self::NoMetadataFormats => "noMetadataFormats",
            Self::NoSetHierarchy => "noSetHierarchy",
            Self::Other(name) => name,
        })
    }
}

/// An `<error>` of an answer, with the message of the server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the server answered {code}: {message}")]
pub struct ProtocolError {
    /// The code.
    pub code: ErrorCode,
    /// The message, shortened to 500 characters.
    pub message: String,
}

/// Why an answer is not a valid document. None of these ends a list.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The bytes could not be read: the connection broke, or the answer was cut.
    #[error("the answer broke off after {position} bytes: {source}")]
    Read {
        /// Bytes read until then.
        position: u64,
        /// The cause.
        source: std::io::Error,
    },
    /// The answer is not well-formed XML.
    #[error("the answer is not well-formed XML at byte {position}: {reason}")]
    Syntax {
        /// Where, in bytes from the start.
        position: u64,
        /// The message of the parser.
        reason: String,
    },
    /// The document ended before its root element was closed.
    #[error("the answer ends at byte {position} before its root element is closed: it was cut short")]
    Cut {
        /// Its length in bytes.
        position: u64,
    },
    /// The root is not `OAI-PMH` in the namespace of the protocol.
    #[error("the answer is not OAI-PMH: its root element is <{root}> in namespace {namespace:?}")]
    NotOai {
        /// The root's local name.
        root: String,
        /// Its namespace.
        namespace: String,
    },
    /// A part that must be there is missing or makes no sense.
    #[error("the answer is not valid OAI-PMH at byte {position}: {problem}")]
    Invalid {
        /// Where, in bytes from the start.
        position: u64,
        /// What is missing or wrong, with the value.
        problem: String,
    },
    /// A document type declaration, which OAI-PMH never needs and attacks use.
    #[error("the answer contains a document type declaration at byte {position}, which is refused")]
    Doctype {
        /// Where, in bytes from the start.
        position: u64,
    },
    /// A record or the nesting of elements exceeds its limit.
    #[error("the answer exceeds a limit at byte {position}: {what} is over {limit}")]
    TooLarge {
        /// Where, in bytes from the start.
        position: u64,
        /// What is too large.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}
