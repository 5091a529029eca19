//! The store of a published snapshot, opened for reading.

use std::path::Path;

use oxigraph::store::Store;

use super::watermark::noted;
use super::{FOLDER, StoreError, published_path};
use crate::log::ChangeId;
use crate::snapshots::{PublishedSnapshot, Snapshots};

/// Opens the writer's store in a data directory for reading, if it has followed the log up to a change. The caller holds the lock of
/// the directory: `RocksDB` does not allow a reader beside a writer.
pub fn open_alone(data: &Path, least: ChangeId) -> Result<Store, StoreError> {
    let path = data.join(FOLDER);
    if !path.exists() {
        return Err(StoreError::Missing(path));
    }
    let reached = noted(&path);
    if reached < least {
        return Err(StoreError::Behind { path, reached: reached.0, least: least.0 });
    }
    Store::open_read_only(&path).map_err(|source| StoreError::storage(&path, source))
}

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

    /// Opens the store of a snapshot.
    pub fn of(snapshot: PublishedSnapshot) -> Result<Self, StoreError> {
        let path = published_path(&snapshot)?;
        let store = Store::open_read_only(&path).map_err(|source| StoreError::storage(&path, source))?;
        Ok(Self { store, snapshot })
    }
}
