//! The data directory: its layout, its version, and the lock that allows one writer.
//!
//! `mirror.db` the log and the `SQLite` views · `store/` the writer's oxigraph · `snapshots/` what readers open ·
//! `lock` · `version` · `incoming/` a backup that is being restored.

mod incoming;

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::Serialize;

use crate::log::{Log, LogError};
use crate::snapshots::{FOLDER as SNAPSHOTS, Snapshots};
use crate::store::FOLDER as STORE;

pub use incoming::{Exchange, Incoming};

/// The layout that this program writes.
const VERSION: u32 = 1;

const LOG: &str = "mirror.db";

/// A directory that holds a mirror, or will hold one.
#[derive(Debug, Clone)]
pub struct DataDir(PathBuf);

/// The write lock, held until it is dropped or the process ends.
#[derive(Debug)]
pub struct WriteLock {
    _file: File,
}

/// Why the directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// The file system failed.
    #[error("{0}\nhint: name a directory that you may write to with --data")]
    Io(#[from] std::io::Error),
    /// Another run holds the lock.
    #[error("{path} is in use by another run: {holder}\nhint: wait for it, or look for that process")]
    Locked {
        /// The directory.
        path: PathBuf,
        /// Its process id, host and start.
        holder: String,
    },
    /// A newer program wrote it.
    #[error(
        "{path} has layout version {found}, this program knows up to {VERSION}\nhint: upgrade libris-mirror; nothing was changed"
    )]
    TooNew {
        /// The directory.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// The mirror is empty.
    #[error(
        "the mirror in {0} is empty: nothing was harvested yet\nhint: run `libris-mirror harvest` first, or name the right directory with --data"
    )]
    Empty(PathBuf),
    /// A restore was killed.
    #[error(
        "a restore into {0} was interrupted\nhint: run it again; a harvest, or any other command that writes, completes it as well"
    )]
    Interrupted(PathBuf),
    /// There is no mirror.
    #[error("there is no mirror in {0}\nhint: run `libris-mirror harvest` first, or name the right directory with --data")]
    Missing(PathBuf),
}

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

    /// Returns the published snapshots.
    #[must_use]
    pub fn snapshots(&self) -> Snapshots {
        Snapshots::of(&self.0)
    }

    /// Opens the log for reading.
    pub fn read_log(&self) -> Result<Log, LogError> {
        Log::open_read_only(&self.log())
    }

    /// Creates the directory if needed and takes the write lock; others that want it are shown `who`. Completes a restore that
    /// was interrupted.
    pub fn lock(&self, who: &str) -> Result<WriteLock, DataDirError> {
        self.lock_and_complete(who).map(|(lock, _)| lock)
    }

    /// Takes the write lock. Returns the restore that it completed, if one was interrupted.
    pub fn lock_and_complete(&self, who: &str) -> Result<(WriteLock, Option<Exchange>), DataDirError> {
        fs::create_dir_all(&self.0)?;
        self.check_version()?;
        let path = self.0.join("lock");
        let mut file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        match file.file().try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder)?;
                return Err(DataDirError::Locked { path: self.0.clone(), holder: holder.trim().to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{who}")?;
        if !self.0.join("version").exists() {
            self.write_version()?;
        }
        let completed = incoming::complete(self)?;
        if let Some(Exchange { from, .. }) = &completed {
            tracing::warn!("the interrupted restore from {} is now complete", from.display());
        }
        Ok((WriteLock { _file: file.into_parts().0 }, completed))
    }

    /// Checks that the directory has a mirror, in a layout that this program knows.
    pub fn check(&self) -> Result<(), DataDirError> {
        if incoming::is_pending(self) {
            return Err(DataDirError::Interrupted(self.0.clone()));
        }
        if !self.log().exists() {
            return Err(DataDirError::Missing(self.0.clone()));
        }
        self.check_version()
    }

    /// Checks the same for a writer: first completes a restore that was interrupted.
    pub fn check_to_write(&self, who: &str) -> Result<(), DataDirError> {
        if incoming::is_pending(self) {
            drop(self.lock(who)?);
        }
        self.check()
    }

    /// Replaces the mirror by the one that is ready in `incoming/`. Needs the lock.
    pub fn exchange(&self) -> Result<(), DataDirError> {
        incoming::complete(self)?;
        Ok(())
    }

    /// Writes the version of the layout.
    pub fn write_version(&self) -> std::io::Result<()> {
        fs::write(self.0.join("version"), format!("{VERSION}\n"))
    }

    fn check_version(&self) -> Result<(), DataDirError> {
        let found = fs::read_to_string(self.0.join("version")).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(VERSION);
        if found > VERSION { Err(DataDirError::TooNew { path: self.0.clone(), found }) } else { Ok(()) }
    }

    /// Returns the bytes on disk of the mirror and of its parts. Files that the store and its snapshots share as hard links count
    /// once.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        let mut seen = HashSet::new();
        let mut below = |path: &Path| bytes_below(path, &mut seen);
        let log = [LOG, "mirror.db-wal", "mirror.db-shm"].into_iter().map(|name| below(&self.0.join(name))).sum();
        let (store, snapshots) = (below(&self.0.join(STORE)), below(&self.0.join(SNAPSHOTS)));
        Sizes { log, store, snapshots, total: log + store + snapshots + below(&self.0) }
    }

    /// Returns the bytes on disk below a path; hard links count once.
    #[must_use]
    pub fn size(path: &Path) -> u64 {
        bytes_below(path, &mut HashSet::new())
    }
}

/// Bytes on disk of a mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// The log and the views in its file.
    pub log: u64,
    /// The writer's store.
    pub store: u64,
    /// The snapshots, without the files that they share with the store.
    pub snapshots: u64,
    /// All of it.
    pub total: u64,
}

/// Adds up the bytes of files that were not seen before, by device and inode.
fn bytes_below(path: &Path, seen: &mut HashSet<(u64, u64)>) -> u64 {
    let (mut bytes, mut open) = (0, vec![path.to_owned()]);
    while let Some(path) = open.pop() {
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {
                open.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
            }
            Ok(metadata) if seen.insert((metadata.dev(), metadata.ino())) => bytes += metadata.len(),
            _ => {}
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_is_told_who_the_first_is() {
        let directory = tempfile::tempdir().expect("a directory");
        let data = DataDir::new(directory.path().join("mirror"));
        let held = data.lock("process 1 on host a since noon").expect("free");
        let error = data.lock("process 2").expect_err("held");
        assert!(error.to_string().contains("process 1 on host a since noon"), "{error}");
        drop(held);
        data.lock("process 3").expect("free again");
    }

    #[test]
    fn a_newer_layout_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("version"), "99\n").expect("written");
        let error = DataDir::new(directory.path().to_owned()).lock("x").expect_err("newer");
        assert!(error.to_string().contains("layout version 99"), "{error}");
    }
}
