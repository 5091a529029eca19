//! Hashes: of payloads, of records, and of the pages that are chained by them.

/// A hash of 128 bits, as the log keeps them.
pub(crate) type Hash = [u8; 16];

pub(super) fn hash_of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Hash {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    let mut hash = [0; 16];
    hasher.finalize_xof().fill(&mut hash);
    hash
}

/// The hash that identifies a payload: of whether the record is deleted, and of all that its graph is parsed from.
pub(super) fn payload_hash(deleted: bool, [start_tag, metadata]: [&[u8]; 2]) -> Hash {
    hash_of([&[u8::from(deleted)], start_tag, &[0], metadata])
}

/// The link of the chain that seals a page; none for one from before there were chains.
pub type PageProof = Option<Hash>;

/// The link of the chain for a page: a hash of the previous link and of everything in the page.
pub(crate) fn link_of(before: &[u8], received_at: i64, token: Option<&str>, body: &[u8]) -> Hash {
    hash_of([before, &received_at.to_le_bytes(), token.unwrap_or_default().as_bytes(), &[0], body])
}
