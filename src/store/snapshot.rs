//! Published snapshots: `snapshots/NNNNNN/`, and the file `snapshots/current` that names the newest.
//!
//! A snapshot is a checkpoint of hard links, made in a directory that no reader looks at, synced, renamed into
//! place, and made current by an atomic rename. A reader holds a shared lock on the snapshot's `in-use` file; one
//! that is held is not removed. Neither side ever waits for the other: an old snapshot is renamed out of the readers'
//! sight under an exclusive lock, and a reader that finds it locked or gone looks for the current one again.

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fs_err as fs;
use oxigraph::store::Store;

use super::StoreError;
use crate::log::{Log, LogError, PageId, PageProof};
use crate::views::Sealed;

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
    held: File,
}

/// What is known of a snapshot without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// Its number.
    pub number: u64,
    /// The page of the log that it has followed to.
    pub page: PageId,
    /// The link of the log's chain that seals this page, which tells one log from another. Snapshots of older programs
    /// have none.
    pub link: PageProof,
    /// When it was published.
    pub published: SystemTime,
}

impl SnapshotInfo {
    /// Whether it follows this log, as far as it says.
    pub fn follows(&self, log: &Log) -> Result<bool, LogError> {
        Ok(self.link.is_none() || self.link == log.link(self.page)?)
    }
}

const CURRENT: &str = "current";
const IN_USE: &str = "in-use";
const STORE: &str = "store";
/// How often a reader looks again for the current snapshot, if the one that it found went.
const TRIES: u32 = 20;
const PAGE: &str = "page";
const GOING: &str = "going-";

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

    /// What is known of a snapshot; `None` if it went.
    #[must_use]
    pub fn info(&self, number: u64) -> Option<SnapshotInfo> {
        let path = self.path(number).join(PAGE);
        let text = fs::read_to_string(&path).ok()?;
        let mut words = text.split_whitespace();
        let page = PageId(words.next()?.parse().ok()?);
        let link = words.next().and_then(parse_link);
        Some(SnapshotInfo { number, page, link, published: fs::metadata(&path).ok()?.modified().ok()? })
    }

    /// What is known of the current snapshot.
    #[must_use]
    pub fn current_info(&self) -> Option<SnapshotInfo> {
        let mut number = self.current()?;
        loop {
            match (self.info(number), self.current()?) {
                (None, current) if current != number => number = current,
                (info, _) => return info,
            }
        }
    }

    /// The bytes on disk that would be free if this snapshot went: those of files that neither another snapshot nor the
    /// store beside them (`writer`) has.
    #[must_use]
    pub fn alone(&self, number: u64, writer: &Path) -> u64 {
        let mut shared = HashSet::new();
        let others = self.all().into_iter().filter(|other| *other != number).map(|other| self.path(other));
        for place in others.chain([writer.to_owned()]) {
            files(&place, &mut |metadata| {
                shared.insert((metadata.dev(), metadata.ino()));
            });
        }
        let mut bytes = 0;
        files(&self.path(number), &mut |metadata| {
            if !shared.contains(&(metadata.dev(), metadata.ino())) {
                bytes += metadata.len();
            }
        });
        bytes
    }

    /// Publishes the store as it is, having followed the log to a page, and removes old snapshots that nobody reads, keeping `keep` in all.
    pub fn publish(&self, store: &Store, sealed: Sealed, keep: usize) -> Result<u64, StoreError> {
        fs::create_dir_all(&self.directory)?;
        let number = self.all().last().copied().max(self.current()).unwrap_or(0) + 1;
        let making = self.directory.join("making");
        if making.exists() {
            fs::remove_dir_all(&making)?;
        }
        fs::create_dir(&making)?;
        store.backup(making.join(STORE)).map_err(|source| StoreError::storage(&making, source))?;
        fs::write(making.join(IN_USE), "Readers of this snapshot hold a shared lock on this file.\n")?;
        fs::write(making.join(PAGE), format!("{} {}\n", sealed.page.0, link_text(sealed.link)))?;
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
        for number in numbers.into_iter().take(old) {
            self.hide(number)?;
        }
        self.remove_hidden()
    }

    /// Removes a snapshot that is not the current one, if nobody reads it.
    pub fn remove(&self, number: u64) -> Result<(), StoreError> {
        self.hide(number)?;
        self.remove_hidden()
    }

    fn hide(&self, number: u64) -> Result<(), StoreError> {
        let path = self.path(number);
        if Some(number) == self.current() || !path.exists() {
            return Ok(());
        }
        let held = File::open(path.join(IN_USE));
        if held.as_ref().map_or(true, |file| file.try_lock().is_ok()) {
            // Out of sight while the lock is held: no reader that comes now can take it for whole.
            fs::rename(&path, self.directory.join(format!("{GOING}{number:06}")))?;
        }
        Ok(())
    }

    fn remove_hidden(&self) -> Result<(), StoreError> {
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(GOING)) {
                fs::remove_dir_all(entry.path())?;
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
                Err(error) if tries >= TRIES || self.current() == Some(number) => return Err(error),
                Err(_) => tries += 1,
            }
        }
    }

    /// Opens one snapshot.
    pub fn open(&self, number: u64) -> Result<PublishedSnapshot, StoreError> {
        let path = self.path(number);
        let held = File::open(path.join(IN_USE))?;
        held.try_lock_shared().map_err(std::io::Error::from)?;
        let store = Store::open_read_only(path.join(STORE)).map_err(|source| StoreError::storage(&path, source))?;
        Ok(PublishedSnapshot { store, number, held })
    }

    /// Whether an open snapshot is the one that has its number now: after a restore, numbers begin again.
    #[must_use]
    pub fn has(&self, snapshot: &PublishedSnapshot) -> bool {
        let there = fs::metadata(self.path(snapshot.number).join(IN_USE));
        let same = |there: std::fs::Metadata| {
            snapshot.held.metadata().is_ok_and(|held| (held.dev(), held.ino()) == (there.dev(), there.ino()))
        };
        there.is_ok_and(same)
    }

    /// Where they are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

/// A link in hexadecimal digits; nothing for a page that has none.
#[must_use]
pub fn link_text(link: PageProof) -> String {
    link.iter().flatten().map(|byte| format!("{byte:02x}")).collect()
}

fn parse_link(text: &str) -> PageProof {
    let mut link = [0; 16];
    if text.len() != 2 * link.len() || !text.is_ascii() {
        return None;
    }
    for (place, byte) in link.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(link)
}

fn files(place: &Path, see: &mut dyn FnMut(&std::fs::Metadata)) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => files(&entry.path(), see),
            Ok(metadata) => see(&metadata),
            Err(_) => {}
        }
    }
}

/// Brings a file, or the names in a folder, to the disk.
pub fn sync(path: &Path) -> std::io::Result<()> {
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
