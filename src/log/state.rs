//! What tells one state of the log from another.

use super::{Log, LogError};

/// A state of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogState {
    /// A hash of all that a record is read from: the last page with the link that seals it and all before it, how the
    /// sources are read, and the documents that their records rely on.
    pub hash: [u8; 32],
    /// When the log became what it is, milliseconds since 1970, this machine's clock; none for an empty one.
    pub changed_at: Option<i64>,
}

impl Log {
    /// The state of the log. Two logs, or two states of one, that give other records have other hashes.
    pub fn state(&self) -> Result<LogState, LogError> {
        let (mut hasher, mut changed_at) = (blake3::Hasher::new(), None);
        for sql in [
            "SELECT received_at, id, chain, '' FROM page ORDER BY id DESC LIMIT 1",
            "SELECT fetched_at, id, body, url FROM document_version ORDER BY id",
        ] {
            self.rows(sql, [], |row| {
                let at: i64 = row.get(0)?;
                changed_at = changed_at.max(Some(at));
                let (id, bytes, text): (i64, Option<Vec<u8>>, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
                let bytes = bytes.unwrap_or_default();
                hasher.update(&at.to_le_bytes()).update(&id.to_le_bytes()).update(&bytes.len().to_le_bytes()).update(&bytes);
                hasher.update(text.as_bytes()).update(&[0]);
                Ok(())
            })?;
            hasher.update(&[0]);
        }
        self.rows("SELECT id, format, coalesce(context_url, '') FROM source ORDER BY id", [], |row| {
            let id: i64 = row.get(0)?;
            hasher.update(&id.to_le_bytes());
            for column in [1, 2] {
                hasher.update(row.get::<_, String>(column)?.as_bytes()).update(&[0]);
            }
            Ok(())
        })?;
        Ok(LogState { hash: *hasher.finalize().as_bytes(), changed_at })
    }
}
