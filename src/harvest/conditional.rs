//! Documents that are asked for only if they are other versions than the known ones (RFC 9110 section 13).

use reqwest::header::{ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};

/// What a server says of the version of a document (RFC 9110 section 8.8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Validators {
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
}

impl Validators {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self { etag: text(ETAG), last_modified: text(LAST_MODIFIED) }
    }

    /// The headers of a request that asks for another version only.
    pub(super) fn conditions(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [(IF_NONE_MATCH, &self.etag), (IF_MODIFIED_SINCE, &self.last_modified)] {
            if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        }
        headers
    }
}

/// The first bytes of a hash, as the log keeps them.
pub(super) fn first_16(hasher: &blake3::Hasher) -> [u8; 16] {
    let mut hash = [0; 16];
    hasher.finalize_xof().fill(&mut hash);
    hash
}

/// A document that was to be downloaded.
pub(super) enum Download {
    /// It is the version that is known.
    NotModified,
    /// Another version, which is in the file now.
    New {
        /// The hash of its bytes.
        hash: [u8; 16],
        /// The media type that the server gives it.
        media_type: Option<String>,
        /// What the server says of the version.
        validators: Validators,
    },
}

/// A document that was asked for.
pub(super) enum FetchedDocument {
    /// It is the version that is known.
    NotModified,
    /// Another version.
    New {
        /// Its bytes.
        body: Vec<u8>,
        /// What the server says of it.
        validators: Validators,
    },
}
