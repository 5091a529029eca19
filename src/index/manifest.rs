//! The manifest of the index: which segments it has, which of their graphs count no more, and how far it has followed which log.
//!
//! Writing it is the commit: it is written under another name, synced and renamed. Files that no manifest names are leftovers. The file is
//! JSON, and a last line with the CRC-32 of what is before it, in hexadecimal digits.

use std::io::ErrorKind;
use std::path::Path;

use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::error::IndexError;
use crate::log::{ChangeId, Log, LogError, Mark};
use crate::snapshots::{link_text, sync};

/// The file of the manifest.
pub(super) const MANIFEST: &str = "manifest";

/// Its name until it is whole.
const NEW: &str = "manifest.new";

/// The manifest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Manifest {
    version: u32,
    change: i64,
    page: i64,
    /// The seal of the page, so that an index which followed another log is noticed.
    link: String,
    /// From the oldest to the newest.
    pub(super) segments: Vec<Named>,
    /// The number of the next file.
    pub(super) next: u64,
}

/// Bytes of the last line, with the line break before it.
const SEAL: usize = 10; // "\n", eight digits, "\n"

fn seal_of(text: &[u8]) -> String {
    format!("\n{:08x}\n", crc32fast::hash(text))
}

/// A segment of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Named {
    pub(super) file: String,
    /// A file with a bit for each of its graphs: set if it counts no more.
    pub(super) mask: Option<String>,
    /// The CRC-32 of the mask.
    pub(super) mask_sum: u32,
    /// How many graphs are masked.
    pub(super) masked: u32,
}

impl Manifest {
    pub(super) fn read(directory: &Path) -> Result<Option<Self>, IndexError> {
        let path = directory.join(MANIFEST);
        match fs::read(&path) {
            Ok(bytes) => {
                let sealed = bytes.split_last_chunk::<SEAL>().filter(|(text, seal)| seal_of(text).as_bytes() == *seal);
                let (text, _) = sealed.ok_or_else(|| IndexError::damaged(&path, "its checksum is wrong"))?;
                let read = serde_json::from_slice(text);
                let read: Self = read.map_err(|error| IndexError::damaged(&path, format!("it cannot be read: {error}")))?;
                if let Some(file) = read.files().find(|file| !is_own(file)) {
                    return Err(IndexError::damaged(&path, format!("{file:?} is no name of a file of the index")));
                }
                Ok(Some(read))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// One without segments, whose files have new names.
    pub(super) fn emptied(self) -> Self {
        Self { next: self.next, ..Self::default() }
    }

    /// Makes it the manifest of a directory, whose files are on the disk.
    pub(super) fn write(&self, directory: &Path) -> Result<(), IndexError> {
        let (new, path) = (directory.join(NEW), directory.join(MANIFEST));
        let mut text = serde_json::to_string_pretty(self).map_err(std::io::Error::from)?;
        text.push_str(&seal_of(text.as_bytes()));
        fs::write(&new, text)?;
        sync(&new)?;
        // The names of what it names, before its own.
        sync(directory)?;
        fs::rename(&new, &path)?;
        Ok(sync(directory)?)
    }

    pub(super) fn change(&self) -> ChangeId {
        ChangeId(self.change)
    }

    /// Notes how far the log was followed.
    pub(super) fn reach(&mut self, mark: Mark, version: u32) {
        (self.version, self.change, self.page, self.link) = (version, mark.change.0, mark.page.0, link_text(mark.link));
    }

    /// Whether it is of today's format, and was made of this log.
    pub(super) fn follows(&self, log: &Log, version: u32) -> Result<bool, LogError> {
        let mark = log.mark_at(self.change())?;
        let same = (self.page, self.link.as_str()) == (mark.page.0, link_text(mark.link).as_str());
        Ok(self.version == version && (self.change == 0 || same))
    }

    /// The names of all its files.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().flat_map(|segment| [Some(segment.file.as_str()), segment.mask.as_deref()]).flatten()
    }

    /// The name of a new file.
    pub(super) fn new_file(&mut self, ending: &str) -> String {
        self.next += 1;
        format!("{:08}.{ending}", self.next)
    }

    /// Removes the files of an index in a directory that it does not name: those of a commit that never was.
    pub(super) fn remove_others(&self, directory: &Path) -> std::io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let leftover =
                name.to_str().is_some_and(|name| name == NEW || is_own(name) && !self.files().any(|file| file == name));
            if leftover && entry.file_type()?.is_file() {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Copies the index to another directory: its files never change, so they are shared as hard links where the file system
    /// allows.
    pub(super) fn copy(&self, from: &Path, to: &Path) -> Result<(), IndexError> {
        fs::create_dir_all(to)?;
        for file in self.files() {
            share(&from.join(file), &to.join(file))?;
        }
        self.write(to)
    }
}

/// Whether a file may be one of an index: its number, and what it is.
fn is_own(name: &str) -> bool {
    let (number, ending) = name.split_once('.').unwrap_or_default();
    number.len() >= 8 && number.bytes().all(|byte| byte.is_ascii_digit()) && ["segment", "mask"].contains(&ending)
}

/// Makes a file appear in a second place, where there is none: the same file, or a copy where the file system has no links.
fn share(from: &Path, to: &Path) -> std::io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if !matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound | ErrorKind::StorageFull) => {
            let mut copy = fs::OpenOptions::new().write(true).create_new(true).open(to)?;
            std::io::copy(&mut fs::File::open(from)?, &mut copy).map(|_| ())
        }
        linked => linked,
    }
}
