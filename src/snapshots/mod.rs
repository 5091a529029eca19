//! Published snapshots: `snapshots/NNNNNN/`, and the file `snapshots/current` that names the newest.
//!
//! A snapshot is a manifest and the artefacts that it names, which views made: the index, and the store if that is asked for. It is made
//! in a directory that no reader looks at, synced, renamed into place, and made current by an atomic rename. A reader opens
//! what the manifest names, and holds a shared lock on the snapshot's `in-use` file; one that is held is not removed. Neither
//! side ever waits for the other: an old snapshot is renamed out of the readers' sight under an exclusive lock, and a reader
//! that finds it locked or gone looks for the current one again.

mod disk;
mod manifest;

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fs_err as fs;

use crate::log::{ChangeId, Log, LogError, Mark, PageId, PageProof};
use crate::views::Artefact;

pub use disk::{sync, sync_tree};
pub use manifest::{Manifest, link_text, parse_link};

/// Why a snapshot cannot be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file system failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Nothing was published yet.
    #[error(
        "nothing is published in {0} yet\nhint: a harvest publishes at its end and every `store.publish_s` seconds; `libris-mirror publish` publishes what has been harvested"
    )]
    Nothing(PathBuf),
    /// Its manifest cannot be read.
    #[error("the manifest of snapshot {0} is damaged\nhint: `libris-mirror publish` makes another snapshot")]
    Damaged(u64),
    /// The snapshot lacks what a reader needs.
    #[error(
        "snapshot {number} holds no {view} that this program can read\nhint: `libris-mirror rebuild {view}` makes one, and publishes it"
    )]
    NoArtefact {
        /// Its number.
        number: u64,
        /// The view whose artefact is missing.
        view: &'static str,
    },
}

/// The snapshots of a data directory.
#[derive(Debug, Clone)]
pub struct Snapshots {
    directory: PathBuf,
}

/// A snapshot that is being read. It is not removed while this lives.
pub struct PublishedSnapshot {
    /// Its number and manifest.
    pub info: SnapshotInfo,
    path: PathBuf,
    held: File,
}

impl PublishedSnapshot {
    /// Where the artefact of a view is, of the version that this program knows.
    pub fn artefact(&self, view: &'static str, version: u32) -> Result<PathBuf, SnapshotError> {
        let fits = |artefact: &&Artefact| artefact.view == view && artefact.version == version;
        let found = self.info.manifest.artefacts.iter().find(fits).map(|artefact| self.path.join(&artefact.path));
        found.ok_or(SnapshotError::NoArtefact { number: self.info.number, view })
    }
}

/// A snapshot that is not opened: its number and manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// Its number.
    pub number: u64,
    /// Its manifest.
    pub manifest: Manifest,
    /// When it was published.
    pub published: SystemTime,
}

impl SnapshotInfo {
    /// The page of the log that it has followed to.
    #[must_use]
    pub fn page(&self) -> PageId {
        self.manifest.page
    }

    /// The link of the log's chain that seals this page. Snapshots of older programs have none.
    #[must_use]
    pub fn link(&self) -> PageProof {
        self.manifest.link
    }

    /// Whether it was made of this log, as far as its manifest says.
    pub fn follows(&self, log: &Log) -> Result<bool, LogError> {
        Ok(self.link().is_none() || self.link() == log.link(self.page())?)
    }

    /// The last change of the log that it has.
    pub fn change(&self, log: &Log) -> Result<ChangeId, LogError> {
        self.manifest.change.map_or_else(|| log.change_of_page(self.page()), Ok)
    }
}

/// Where they are in a data directory.
pub const FOLDER: &str = "snapshots";

const CURRENT: &str = "current";
const IN_USE: &str = "in-use";
/// How often a reader looks for the current snapshot again, if the one that it found was removed.
const TRIES: u32 = 20;
const GOING: &str = "going-";

impl Snapshots {
    /// The snapshots in `directory`, which need not exist yet.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// The snapshots of a data directory.
    #[must_use]
    pub fn of(data: &Path) -> Self {
        Self::new(data.join(FOLDER))
    }

    fn path(&self, number: u64) -> PathBuf {
        self.directory.join(format!("{number:06}"))
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

    /// A snapshot by its number; `None` if it was removed.
    #[must_use]
    pub fn info(&self, number: u64) -> Option<SnapshotInfo> {
        let (manifest, published) = Manifest::read(&self.path(number))?;
        Some(SnapshotInfo { number, manifest, published })
    }

    /// The current snapshot.
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

    /// The last change of the log that the current snapshot has, which is what its readers see; 0 without one.
    pub fn reached(&self, log: &Log) -> Result<ChangeId, LogError> {
        Ok(self.current_info().map(|info| info.change(log)).transpose()?.unwrap_or_default())
    }

    /// The current snapshot, if it was made of this log and has all of it.
    pub fn complete_of(&self, log: &Log) -> Result<Option<PublishedSnapshot>, SnapshotError> {
        let Some(info) = self.current_info() else { return Ok(None) };
        let complete = info.follows(log)? && log.content_change_after(info.change(log)?)?.is_none();
        if complete { self.open(info.number).map(Some) } else { Ok(None) }
    }

    /// The bytes on disk that would be free if this snapshot were removed: those of files that neither another snapshot nor
    /// the folders of the writer (`writer`) have.
    #[must_use]
    pub fn alone(&self, number: u64, writer: &[PathBuf]) -> u64 {
        let mut shared = HashSet::new();
        let others = self.all().into_iter().filter(|other| *other != number).map(|other| self.path(other));
        for place in others.chain(writer.iter().cloned()) {
            disk::files(&place, &mut |metadata| {
                shared.insert((metadata.dev(), metadata.ino()));
            });
        }
        let mut bytes = 0;
        disk::files(&self.path(number), &mut |metadata| {
            if !shared.contains(&(metadata.dev(), metadata.ino())) {
                bytes += metadata.len();
            }
        });
        bytes
    }

    /// Publishes what `write` writes into a directory, which has followed the log up to `mark`, and removes old snapshots
    /// that nobody reads, keeping `keep` in all. Answers its number.
    pub fn publish<E: From<SnapshotError>>(
        &self,
        mark: Mark,
        keep: usize,
        write: impl FnOnce(&Path) -> Result<Vec<Artefact>, E>,
    ) -> Result<u64, E> {
        let making = self.begin()?;
        let artefacts = write(&making)?;
        Ok(self.complete(&making, mark, artefacts, keep)?)
    }

    /// An empty directory that no reader looks at.
    fn begin(&self) -> Result<PathBuf, SnapshotError> {
        fs::create_dir_all(&self.directory)?;
        let making = self.directory.join("making");
        if making.exists() {
            fs::remove_dir_all(&making)?;
        }
        fs::create_dir(&making)?;
        Ok(making)
    }

    fn complete(&self, making: &Path, mark: Mark, artefacts: Vec<Artefact>, keep: usize) -> Result<u64, SnapshotError> {
        let number = self.all().last().copied().max(self.current()).unwrap_or(0) + 1;
        fs::write(making.join(IN_USE), "Readers of this snapshot hold a shared lock on this file.\n")?;
        Manifest { change: Some(mark.change), page: mark.page, link: mark.link, artefacts }.write(making)?;
        sync_tree(making)?;
        fs::rename(making, self.path(number))?;
        let pointer = self.directory.join("current.new");
        fs::write(&pointer, format!("{number:06}\n"))?;
        File::open(&pointer)?.sync_all()?;
        fs::rename(&pointer, self.directory.join(CURRENT))?;
        sync(&self.directory)?;
        self.remove_old(keep)?;
        Ok(number)
    }

    fn remove_old(&self, keep: usize) -> Result<(), SnapshotError> {
        let numbers = self.all();
        let old = numbers.len().saturating_sub(keep.max(1));
        for number in numbers.into_iter().take(old) {
            self.hide(number)?;
        }
        self.remove_hidden()
    }

    /// Removes a snapshot that is not the current one, if nobody reads it.
    pub fn remove(&self, number: u64) -> Result<(), SnapshotError> {
        self.hide(number)?;
        self.remove_hidden()
    }

    fn hide(&self, number: u64) -> Result<(), SnapshotError> {
        let path = self.path(number);
        if Some(number) == self.current() || !path.exists() {
            return Ok(());
        }
        let held = File::open(path.join(IN_USE));
        if held.as_ref().map_or(true, |file| file.try_lock().is_ok()) {
            // Renamed while the lock is held, so that no reader opens a snapshot that is being removed.
            fs::rename(&path, self.directory.join(format!("{GOING}{number:06}")))?;
        }
        Ok(())
    }

    fn remove_hidden(&self) -> Result<(), SnapshotError> {
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(GOING)) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// Opens the current snapshot. One that is replaced and removed at this very moment is tried again.
    pub fn open_current(&self) -> Result<PublishedSnapshot, SnapshotError> {
        let mut tries = 0;
        loop {
            let number = self
                .current()
                .ok_or_else(|| SnapshotError::Nothing(self.directory.parent().unwrap_or(&self.directory).to_owned()))?;
            match self.open(number) {
                Ok(snapshot) => return Ok(snapshot),
                Err(error) if tries >= TRIES || self.current() == Some(number) => return Err(error),
                Err(_) => tries += 1,
            }
        }
    }

    /// Opens one snapshot.
    pub fn open(&self, number: u64) -> Result<PublishedSnapshot, SnapshotError> {
        let path = self.path(number);
        let held = File::open(path.join(IN_USE))?;
        held.try_lock_shared().map_err(std::io::Error::from)?;
        let info = self.info(number).ok_or(SnapshotError::Damaged(number))?;
        Ok(PublishedSnapshot { info, path, held })
    }

    /// Whether an open snapshot is the one that has its number now: after a restore, numbers begin again.
    #[must_use]
    pub fn has(&self, snapshot: &PublishedSnapshot) -> bool {
        let there = fs::metadata(self.path(snapshot.info.number).join(IN_USE));
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
