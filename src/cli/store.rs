//! The store, for `query --engine store`.

use oxigraph::store::Store;

use super::settings::Settings;
use crate::data_dir::WriteLock;
use crate::snapshots::PublishedSnapshot;
use crate::store::{PublishedStore, open_alone, published_path};

/// What the store is held by while it is read: its snapshot, or the lock of the data directory.
pub(super) enum StoreHeld {
    Snapshot { _snapshot: PublishedSnapshot },
    Lock { _lock: WriteLock },
}

/// The store of a snapshot that has one, else the writer's own.
pub(super) fn open(settings: &Settings, snapshot: PublishedSnapshot) -> anyhow::Result<(Store, StoreHeld)> {
    if published_path(&snapshot).is_ok() {
        let PublishedStore { store, snapshot } = PublishedStore::of(snapshot)?;
        return Ok((store, StoreHeld::Snapshot { _snapshot: snapshot }));
    }
    let lock = settings.data.lock(&Settings::who("query --engine store"))?;
    let shown = snapshot.info.change(&settings.read_log()?)?;
    Ok((open_alone(settings.data.path(), shown)?, StoreHeld::Lock { _lock: lock }))
}
