//! Where the parts of a mirror lie in its directory, and the version of this layout.

use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::index::FOLDER as INDEX;
use crate::log::{Log, LogError};
use crate::snapshots::Snapshots;
use crate::store::FOLDER as STORE;

/// The layout that this program writes.
pub(super) const VERSION: u32 = 1;

/// The file of the log.
pub(super) const LOG: &str = "mirror.db";
/// The files that `SQLite` keeps next to it.
pub(super) const LOG_COMPANIONS: [&str; 2] = ["mirror.db-wal", "mirror.db-shm"];

/// The file with the version of the layout.
const VERSION_FILE: &str = "version";

/// A directory that holds a mirror, or will hold one.
#[derive(Debug, Clone)]
pub struct DataDir(pub(super) PathBuf);

impl DataDir {
    /// Returns the directory at this path, which need not exist yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Returns its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the file of the log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.0.join(LOG)
    }

    /// Returns the directory of the writer's store.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.0.join(STORE)
    }

    /// Returns the directory of the writer's index.
    #[must_use]
    pub fn index(&self) -> PathBuf {
        self.0.join(INDEX)
    }

    /// Returns the published snapshots.
    #[must_use]
    pub fn snapshots(&self) -> Snapshots {
        Snapshots::of(&self.0)
    }

    /// Opens the log for reading.
    pub fn read_log(&self) -> Result<Log, LogError> {
        Log::open_read_only(&self.log())
    }

    /// Writes the version of the layout.
    pub fn write_version(&self) -> std::io::Result<()> {
        fs::write(self.0.join(VERSION_FILE), format!("{VERSION}\n"))
    }

    /// Returns the version of the layout that the directory has, if it has one.
    pub(super) fn version(&self) -> Option<u32> {
        fs::read_to_string(self.0.join(VERSION_FILE)).ok().and_then(|text| text.trim().parse().ok())
    }

    /// Returns whether the directory has a version of the layout.
    pub(super) fn has_version(&self) -> bool {
        self.0.join(VERSION_FILE).exists()
    }
}
