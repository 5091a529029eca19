//! The index of a published snapshot, opened for reading.

use std::path::Path;

use super::error::IndexError;
use super::manifest::Manifest;
use super::packed::Index;
use super::{FOLDER, NAME, VERSION};
use crate::snapshots::{PublishedSnapshot, Snapshots};

/// Copies the index of a snapshot into a data directory; nothing if it has none of today's format.
pub fn copy_published(snapshot: &PublishedSnapshot, data: &Path) -> Result<(), IndexError> {
    snapshot.artefact(NAME, VERSION).map_or(Ok(()), |from| copy_folder(&from, data))
}

/// Copies the index of a data directory that has no writer into another; nothing if it has none.
pub fn copy(from: &Path, to: &Path) -> Result<(), IndexError> {
    copy_folder(&from.join(FOLDER), to)
}

fn copy_folder(from: &Path, data: &Path) -> Result<(), IndexError> {
    Manifest::read(from)?.map_or(Ok(()), |manifest| manifest.copy(from, &data.join(FOLDER)))
}

/// The index of a published snapshot. The snapshot is not removed while this lives.
pub struct PublishedIndex {
    /// The index.
    pub index: Index,
    /// The snapshot.
    pub snapshot: PublishedSnapshot,
}

impl PublishedIndex {
    /// Opens the index of the current snapshot.
    pub fn open_current(snapshots: &Snapshots) -> Result<Self, IndexError> {
        Self::of(snapshots.open_current()?)
    }

    /// Opens the index of a snapshot.
    pub fn of(snapshot: PublishedSnapshot) -> Result<Self, IndexError> {
        let index = Index::open(&snapshot.artefact(NAME, VERSION)?)?;
        Ok(Self { index, snapshot })
    }
}
