//! Why a remote store cannot be brought up to date.

use std::path::PathBuf;

/// What failed. Neither a message nor a cause holds the password.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The server cannot be reached, or says that it cannot work now.
    #[error(
        "the remote store {name} is not available: {url} {reason}\nhint: nothing is lost; `libris-mirror remote sync {name}` goes on from what is there"
    )]
    Unavailable {
        /// Its name in this mirror.
        name: String,
        /// What was asked.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The server did not answer in the time that it had.
    #[error("the remote store {name} did not answer in time: {url}")]
    Late {
        /// Its name in this mirror.
        name: String,
        /// What was asked.
        url: String,
    },
    /// The server refused a request.
    #[error("the remote store {name} refused a request: {url} answered HTTP {status}: {reason}{}", login_hint(*status, name))]
    Refused {
        /// Its name in this mirror.
        name: String,
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
        /// The beginning of what the server said.
        reason: String,
    },
    /// The answer is not what SPARQL 1.1 says it is.
    #[error("the remote store {name} sent an answer that cannot be read: {reason}")]
    Answer {
        /// Its name in this mirror.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The password cannot be read.
    #[error("the password of the remote store {name} cannot be read: {}: {source}\nhint: the first line of remote.{name}.password_file is the password", file.display())]
    Password {
        /// Its name in this mirror.
        name: String,
        /// The file.
        file: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// What lies there was written from another log.
    #[error(
        "the remote store {name} was fed from another log than this: it has followed it to change {change} of page {page}, and this log has another page there\nhint: `libris-mirror remote reset {name}` lets it follow this one; with --clear it is emptied first"
    )]
    Foreign {
        /// Its name in this mirror.
        name: String,
        /// The change.
        change: i64,
        /// The page.
        page: i64,
    },
    /// Another process brings it up to date.
    #[error(
        "another run brings the remote store {0} up to date\nhint: wait until it has ended; `libris-mirror remote status` shows how far it is"
    )]
    Busy(String),
    /// Files for bulk loading have named graphs, and blank nodes without names.
    #[error(
        "the remote store {0} has no named graphs, and files for its bulk loader have\nhint: let it follow from the beginning, with `libris-mirror remote sync {0}`"
    )]
    WithoutGraphs(String),
    /// It does not have what the mirror holds.
    #[error(
        "the remote store {0} has not followed this mirror yet, or was emptied\nhint: `libris-mirror remote sync {0}` brings it up to date"
    )]
    Empty(String),
    /// The HTTP client cannot be made.
    #[error("the remote store {name} cannot be asked: {reason}")]
    Setup {
        /// Its name in this mirror.
        name: String,
        /// The cause.
        reason: String,
    },
    /// A file of this mirror failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The log failed.
    #[error(transparent)]
    Log(#[from] crate::log::LogError),
    /// Following the log failed.
    #[error(transparent)]
    View(#[from] crate::views::ViewError),
    /// Writing files failed.
    #[error("the files cannot be written: {0}")]
    Export(Box<dyn std::error::Error + Send + Sync>),
    /// The user stopped it.
    #[error("stopped")]
    Stopped,
}

impl RemoteError {
    /// Wraps an error of writing files.
    pub(super) fn export(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Export(Box::new(error))
    }

    /// Whether the same may succeed later, without a change of the configuration.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Busy(_) | Self::Stopped)
    }
}

/// What to do about a login that is missing or wrong.
fn login_hint(status: u16, name: &str) -> String {
    match status {
        401 | 403 => format!(
            "\nhint: are remote.{name}.user and the password in remote.{name}.password_file those of someone who may do that?"
        ),
        404 => format!("\nhint: are the addresses of [remote.{name}] right?"),
        _ => String::new(),
    }
}
