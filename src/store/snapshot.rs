//! Published snapshots: `snapshots/NNNNNN/`, and the file `snapshots/current` that names the newest.
//!
//! A snapshot is a checkpoint of hard links, made in a directory that no reader looks at, synced, renamed into
//! place, and made current by an atomic rename. A reader holds a shared lock on the snapshot's `in-use` file; one
//! that is held is not removed.

use std::fs::File;
use std::path::{Path, PathBuf};

use fs_err as fs;
use oxigraph::store::Store;

use super::StoreError;
use crate::log::PageId;

/// The snapshots of a data directory.
#[derive(Debug, Clone)]
pub struct Snapshots {
    directory: PathBuf,
}

/// A snapshot that is being read. It is not removed while this lives.
pub struct PublishedSnapshot {
    /// Its store, opened for reading.
    pub store: Store,
    /// Its number.
    pub number: u64,
    _held: File,
}

const CURRENT: &str = "current";
const IN_USE: &str = "in-use";
const STORE: &str = "store";
const PAGE: &str = "page";

impl Snapshots {
    /// The snapshots in `directory`, which need not exist yet.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    fn path(&self, number: u64) -> PathBuf {
        self.directory.join(format!("{number:06}"))
    }

    /// Where the store of a snapshot is.
    #[must_use]
    pub fn store(&self, number: u64) -> PathBuf {
        self.path(number).join(STORE)
    }

    /// The number of the current snapshot.
    #[must_use]
    pub fn current(&self) -> Option<u64> {
        fs::read_to_string(self.directory.join(CURRENT)).ok()?.trim().parse().ok()
    }

    /// All snapshots, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<u64> {
        let Ok(entries) = fs::read_dir(&self.directory) else { return Vec::new() };
        let mut numbers: Vec<u64> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The page of the log that the current snapshot has followed to.
    #[must_use]
    pub fn current_page(&self) -> Option<PageId> {
        fs::read_to_string(self.path(self.current()?).join(PAGE)).ok()?.trim().parse().ok().map(PageId)
    }

    /// Publishes the store as it is, at `page`, and removes old snapshots that nobody reads, keeping `keep` in all.
    pub fn publish(&self, store: &Store, page: PageId, keep: usize) -> Result<u64, StoreError> {
        fs::create_dir_all(&self.directory)?;
        let number = self.all().last().copied().max(self.current()).unwrap_or(0) + 1;
        let making = self.directory.join("making");
        if making.exists() {
            fs::remove_dir_all(&making)?;
        }
        fs::create_dir(&making)?;
        store.backup(making.join(STORE)).map_err(|source| StoreError::storage(&making, source))?;
        fs::write(making.join(IN_USE), "Readers of this snapshot hold a shared lock on this file.\n")?;
        fs::write(making.join(PAGE), format!("{}\n", page.0))?;
        sync_tree(&making)?;
        fs::rename(&making, self.path(number))?;
        let pointer = self.directory.join("current.new");
        fs::write(&pointer, format!("{number:06}\n"))?;
        File::open(&pointer)?.sync_all()?;
        fs::rename(&pointer, self.directory.join(CURRENT))?;
        sync(&self.directory)?;
        self.remove_old(keep)?;
        Ok(number)
    }

    fn remove_old(&self, keep: usize) -> Result<(), StoreError> {
        let numbers = self.all();
        let old = numbers.len().saturating_sub(keep.max(1));
        for number in numbers.into_iter().take(old).filter(|number| Some(*number) != self.current()) {
            let path = self.path(number);
            let free = File::open(path.join(IN_USE)).map_or(true, |file| file.try_lock().is_ok());
            if free {
                fs::remove_dir_all(&path)?;
            }
        }
        Ok(())
    }

    /// Opens the current snapshot. One that is replaced and removed at this very moment is tried again.
    pub fn open_current(&self) -> Result<PublishedSnapshot, StoreError> {
        let mut tries = 0;
        loop {
            let number = self
                .current()
                .ok_or_else(|| StoreError::Nothing(self.directory.parent().unwrap_or(&self.directory).to_owned()))?;
            match self.open(number) {
                Ok(snapshot) => return Ok(snapshot),
                Err(error) if tries >= 5 || self.current() == Some(number) => return Err(error),
                Err(_) => tries += 1,
            }
        }
    }

    fn open(&self, number: u64) -> Result<PublishedSnapshot, StoreError> {
        let path = self.path(number);
        let held = File::open(path.join(IN_USE))?;
        held.lock_shared()?;
        let store = Store::open_read_only(path.join(STORE)).map_err(|source| StoreError::storage(&path, source))?;
        Ok(PublishedSnapshot { store, number, _held: held })
    }

    /// Where they are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

fn sync(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

/// Brings every file below a directory to the disk.
pub fn sync_tree(directory: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() { sync_tree(&path)? } else { sync(&path)? }
    }
    sync(directory)
}
