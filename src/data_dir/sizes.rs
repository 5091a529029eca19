//! How many bytes a mirror and its parts have on disk.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use fs_err as fs;
use serde::Serialize;

use super::layout::{DataDir, LOG, LOG_COMPANIONS};
use crate::snapshots::FOLDER as SNAPSHOTS;

impl DataDir {
    /// Returns the bytes on disk of the mirror and of its parts. Files that the store and its snapshots share as hard links count
    /// once.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        let mut seen = HashSet::new();
        let mut below = |path: &Path| bytes_below(path, &mut seen);
        let log = [LOG].into_iter().chain(LOG_COMPANIONS).map(|name| below(&self.0.join(name))).sum();
        let (index, store) = (below(&self.index()), below(&self.store()));
        let snapshots = below(&self.0.join(SNAPSHOTS));
        Sizes { log, index, store, snapshots, total: log + index + store + snapshots + below(&self.0) }
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
    /// The writer's index.
    pub index: u64,
    /// The writer's store.
    pub store: u64,
    /// The snapshots, without the files that they share with the index and the store.
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
