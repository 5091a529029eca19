//! Why an answer cannot be used.

/// Why an answer is not what the protocol promises.
#[derive(Debug, thiserror::Error)]
pub enum EmmError {
    /// The bytes could not be read: the connection broke, or the answer was cut.
    #[error("the answer broke off after {position} bytes: {source}")]
    Read {
        /// Bytes read until then.
        position: u64,
        /// The cause.
        source: std::io::Error,
    },
    /// The answer is not JSON.
    #[error("the answer is not JSON of the protocol: {reason}; it begins with {begins:?}")]
    NotJson {
        /// The message of the parser.
        reason: String,
        /// The first characters.
        begins: String,
    },
    /// The answer ended before its object was closed.
    #[error("the answer ends at byte {position} before its object is closed: it was cut short")]
    Cut {
        /// Its length in bytes.
        position: u64,
    },
    /// A part that must be there is missing or makes no sense.
    #[error("the answer makes no sense: {0}")]
    Invalid(String),
    /// A part of the answer exceeds its limit.
    #[error("the answer exceeds a limit: {what} is over {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The server is making a dump for longer than this program waits.
    #[error("the server is still making the dump of {0}")]
    Generating(String),
    /// The server kept regenerating the dump while it was being read.
    #[error("the server made the dump of {0} anew again and again while it was read")]
    Restless(String),
}

impl EmmError {
    /// Whether it shows that something else than the service is at the address, and not that an answer broke off.
    #[must_use]
    pub fn is_of_another_server(&self) -> bool {
        match self {
            Self::Invalid(_) => true,
            Self::NotJson { begins, .. } => !begins.trim_start().is_empty() && !begins.trim_start().starts_with(['{', '[']),
            _ => false,
        }
    }
}

/// The first characters of an answer, for messages.
pub(super) fn beginning(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(120)]).chars().take(60).collect()
}
