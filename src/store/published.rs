//! The store of a published snapshot, opened for reading.

use std::path::PathBuf;

use oxigraph::store::Store;

use super::{NAME, StoreError, VERSION};
use crate::snapshots::{PublishedSnapshot, SnapshotError, Snapshots};

/// The store of a published snapshot. The snapshot is not removed while this lives.
pub struct PublishedStore {
    /// The store, opened for reading.
    pub store: Store,
    /// The snapshot.
    pub snapshot: PublishedSnapshot,
}

impl PublishedStore {
    /// Opens the store of the current snapshot.
    pub fn open_current(snapshots: &Snapshots) -> Result<Self, StoreError> {
        Self::of(snapshots.open_current()?)
    }

    /// Where the store of a snapshot is.
    pub fn path(snapshot: &PublishedSnapshot) -> Result<PathBuf, SnapshotError> {
        snapshot.artefact(NAME, VERSION)
    }

    /// Opens the store of a snapshot.
    pub fn of(snapshot: PublishedSnapshot) -> Result<Self, StoreError> {
        let path = Self::path(&snapshot)?;
        let store = Store::open_read_only(&path).map_err(|source| StoreError::storage(&path, source))?;
        Ok(Self { store, snapshot })
    }
}
