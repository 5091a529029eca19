//! What can be wrong with a request, each by a number of its own. Pure.

use axum::http::StatusCode;

/// A condition that ends a request. **Numbers are never used again**, also of conditions that are gone: programs read them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// 1001
    #[error("there is nothing at this path: the guide lists the paths")]
    Path,
    /// 1002
    #[error("{0} needs a value: write {0}/VALUE")]
    Value(&'static str),
    /// 1003
    #[error("{0:?} is no number")]
    Number(String),
    /// 1004
    #[error("{0:?} is no date: write MMDDYYYY, such as 12312025")]
    Date(String),
    /// 1005
    #[error("{0:?} is no format: use xml or json")]
    Format(String),
    /// 1006
    #[error("title and author cannot be searched for together: search for both words without naming their parts")]
    TitleWithAuthor,
    /// 1007
    #[error("{0:?} comes more than once")]
    Twice(&'static str),
    /// 1008
    #[error("{0:?} has no letter or digit to search for")]
    Words(String),
    /// 1009
    #[error("{0:?} is no ISBN: write 10 or 13 digits, with or without hyphens")]
    Isbn(String),
    /// 1010
    #[error("this address is read with GET")]
    Method,
    /// 2001
    #[error("a key is needed: add ?api_key=KEY")]
    NoKey,
    /// 2002
    #[error("this key is not known here")]
    UnknownKey,
    /// 2003
    #[error("this mirror has no users who could sign in: ask without a login")]
    Login,
    /// 3001
    #[error("this mirror has no such title")]
    Missing,
    /// 3002
    #[error("this title has no such version")]
    Version,
    /// 4001
    #[error("more than {0} requests a second: wait, and ask again")]
    TooFast(u32),
    /// 5001
    #[error("this mirror has nothing to search in yet: try again later")]
    NotReady,
    /// 5002
    #[error("something went wrong on this server; its log says what")]
    Internal,
}

impl Fault {
    /// Its number.
    pub(super) fn number(&self) -> u16 {
        match self {
            Self::Path => 1001,
            Self::Value(_) => 1002,
            Self::Number(_) => 1003,
            Self::Date(_) => 1004,
            Self::Format(_) => 1005,
            Self::TitleWithAuthor => 1006,
            Self::Twice(_) => 1007,
            Self::Words(_) => 1008,
            Self::Isbn(_) => 1009,
            Self::Method => 1010,
            Self::NoKey => 2001,
            Self::UnknownKey => 2002,
            Self::Login => 2003,
            Self::Missing => 3001,
            Self::Version => 3002,
            Self::TooFast(_) => 4001,
            Self::NotReady => 5001,
            Self::Internal => 5002,
        }
    }

    /// The status of its answer.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Path | Self::Missing | Self::Version => StatusCode::NOT_FOUND,
            Self::Value(_)
            | Self::Number(_)
            | Self::Date(_)
            | Self::Format(_)
            | Self::TitleWithAuthor
            | Self::Twice(_)
            | Self::Words(_)
            | Self::Isbn(_) => StatusCode::BAD_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoKey | Self::UnknownKey => StatusCode::UNAUTHORIZED,
            Self::Login => StatusCode::FORBIDDEN,
            Self::TooFast(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::NotReady => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}
