//! The newest state of the index, opened once for all readers of a server.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::directory;
use super::error::SearchError;
use super::finder::Finder;

/// Tells one commit from another: a commit replaces the file.
type Stamp = (u64, i64, i64);

/// The newest state.
pub struct Current {
    data: PathBuf,
    known: Mutex<Option<(Stamp, Arc<Finder>)>>,
}

impl Current {
    /// The newest state of the index of a data directory, which may appear later.
    #[must_use]
    pub fn new(data: PathBuf) -> Self {
        Self { data, known: Mutex::default() }
    }

    /// Opens it, unless it is open.
    pub fn finder(&self) -> Result<Arc<Finder>, SearchError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = fs_err::metadata(directory::committed(&self.data))
            .map(|metadata| (metadata.ino(), metadata.mtime(), metadata.mtime_nsec()))
            .map_err(|_| SearchError::Missing(directory::folder(&self.data)))?;
        if let Some((_, finder)) = known.as_ref().filter(|(before, _)| *before == stamp) {
            return Ok(Arc::clone(finder));
        }
        let finder = Arc::new(Finder::open(&self.data)?);
        *known = Some((stamp, Arc::clone(&finder)));
        Ok(finder)
    }
}
