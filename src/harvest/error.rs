//! Why a request has no answer, and whether a retry may help.

use std::io;
use std::time::Duration;

use crate::emm::EmmError;
use crate::oai::{DocumentError, ProtocolError};

/// Why a connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportCause {
    /// No server listens at the address.
    Refused,
    /// The server closed the connection.
    Reset,
    /// The host name does not resolve.
    Name,
    /// The certificate or the TLS handshake is invalid.
    Tls,
    /// Anything else.
    Other,
}

impl TransportCause {
    /// The cause in a chain of errors.
    pub(super) fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(cause) = next {
            if let Some(io) = cause.downcast_ref::<io::Error>() {
                match io.kind() {
                    io::ErrorKind::ConnectionRefused => return Self::Refused,
                    io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
                    | io::ErrorKind::UnexpectedEof => return Self::Reset,
                    _ => {}
                }
            }
            let text = cause.to_string();
            if text.contains("dns error") || text.contains("failed to lookup address") {
                return Self::Name;
            }
            if text.contains("certificate") || text.contains("handshake") {
                return Self::Tls;
            }
            if text.contains("connection closed before message completed") {
                return Self::Reset;
            }
            next = cause.source();
        }
        Self::Other
    }
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No connection, or it broke.
    #[error("{url} cannot be reached: {reason}")]
    Transport {
        /// What was asked for.
        url: String,
        /// The kind of cause.
        cause: TransportCause,
        /// The cause, down to its root.
        reason: String,
    },
    /// The server sent nothing, or next to nothing, for too long.
    #[error("{url} was silent for {seconds} s")]
    Timeout {
        /// What was asked for.
        url: String,
        /// The limit that passed.
        seconds: u64,
    },
    /// An HTTP error status, without an OAI-PMH error in the body.
    #[error("{url} answered HTTP {status}{}", retry_after.map(|wait| format!(", to be asked again in {} s", wait.as_secs())).unwrap_or_default())]
    Status {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
        /// How long the server asks to wait (`Retry-After`).
        retry_after: Option<Duration>,
    },
    /// A challenge page for browsers, in place of the answer.
    #[error(
        "{url} answered with a challenge for browsers (Cloudflare or similar) in place of data: the server's protection takes this program for a robot\nhint: set `contact` below [harvest], and ask the library to let this address and User-Agent pass"
    )]
    Challenge {
        /// What was asked for.
        url: String,
    },
    /// A redirection to another host or to plain HTTP, which is not followed.
    #[error("{url} redirects to {target}, which is {}: set the source's url to it if that is right", elsewhere(url, target))]
    Redirect {
        /// What was asked for.
        url: String,
        /// The target.
        target: String,
    },
    /// The body is not an OAI-PMH document, or was cut.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The server reports an error of the protocol.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The body is not what a service of dumps and changes answers.
    #[error("{url}: {source}")]
    Emm {
        /// What was asked for.
        url: String,
        /// What is wrong.
        source: EmmError,
    },
    /// A document is larger than allowed.
    #[error("{url} is over the limit of {limit}")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The limit.
        limit: usize,
    },
    /// The same token came again with the same page.
    #[error("the server is in a loop: the resumption token {0:?} leads back to itself")]
    Loop(String),
    /// A list ended before it had what it promised.
    #[error("the list ended after {received} entries, though it promised {promised} (completeListSize)")]
    Short {
        /// What came.
        received: u64,
        /// What was promised.
        promised: u64,
    },
    /// Too many records fail for single records to be the cause.
    #[error(
        "the list cannot be fetched in parts either, and {undelivered} of its records not one by one, the last because {cause}"
    )]
    Hopeless {
        /// Records that did not come.
        undelivered: usize,
        /// The error of the last one.
        cause: Box<FetchError>,
    },
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Setup(String),
    /// This program failed.
    #[error(
        "a fault of this program ended the fetching: {0}\nhint: what came is kept; please report this with the command and the address of the source"
    )]
    Fault(String),
    /// The record limit of the run was reached.
    #[error("the record limit of the run was reached")]
    Enough,
    /// The user stopped the run, or the other half of it ended.
    #[error("stopped")]
    Stopped,
}

/// Why a redirection is not followed.
fn elsewhere(url: &str, target: &str) -> &'static str {
    let host = |text: &str| url::Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned));
    match (host(url), host(target)) {
        (Some(from), Some(to)) if from == to && url.starts_with("https:") && target.starts_with("http:") => {
            "the same host without encryption"
        }
        (Some(from), Some(to)) if from == to => "one redirection too many",
        _ => "another host",
    }
}

impl FetchError {
    /// Whether a retry of the same request may succeed.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Transport { .. } | Self::Timeout { .. } | Self::Document(_) => true,
            Self::Status { status, .. } => *status == 408 || *status == 425 || *status == 429 || *status >= 500,
            Self::Emm { source, .. } => {
                !matches!(source, EmmError::Generating(_) | EmmError::Restless(_) | EmmError::TooLarge { .. })
            }
            Self::Challenge { .. }
            | Self::Redirect { .. }
            | Self::Protocol(_)
            | Self::TooLarge { .. }
            | Self::Loop(_)
            | Self::Short { .. }
            | Self::Hopeless { .. }
            | Self::Setup(_)
            | Self::Fault(_)
            | Self::Enough
            | Self::Stopped => false,
        }
    }

    /// Whether the same request fails until the configuration or the server changes.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Status { status: 400..=499, .. }) && !self.is_transient()
    }

    /// Whether a single record may keep the server from answering, while it answers other requests.
    pub(super) fn may_be_a_record(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Document(_) => true,
            Self::Emm { .. } => self.is_transient(),
            Self::Transport { cause, .. } => *cause == TransportCause::Reset,
            Self::Status { status, retry_after, .. } => *status >= 500 && retry_after.is_none(),
            _ => false,
        }
    }
}
