//! The index of a published snapshot, opened for reading.

use super::error::IndexError;
use super::packed::Index;
use super::{NAME, VERSION};
use crate::snapshots::{PublishedSnapshot, Snapshots};

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
