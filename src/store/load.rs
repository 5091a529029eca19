//! A bulk load that takes quads as they come, on threads of its own.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use oxigraph::model::Quad;
use oxigraph::store::{StorageError, Store};

/// Parts that wait to be loaded.
const WAITING: usize = 2;

/// A bulk load that is under way. Nothing of it is in the store before [`Load::commit`], and then all of it.
pub(super) struct Load {
    parts: SyncSender<Vec<Quad>>,
    thread: JoinHandle<Result<(), StorageError>>,
}

impl Load {
    /// Begins a load that takes about `memory_mb` of memory. Tables are made from so many quads as fit there, on all
    /// cores: in small ones the keys that are sorted stay in the processor's cache.
    pub(super) fn begin(store: &Store, memory_mb: usize) -> Self {
        let (parts, coming) = sync_channel::<Vec<Quad>>(WAITING);
        let store = store.clone();
        let thread = thread::spawn(move || {
            let mut loader = store.bulk_loader().with_max_memory_size_in_megabytes(memory_mb);
            loader.load_quads(coming.into_iter().flatten())?;
            loader.commit()
        });
        Self { parts, thread }
    }

    /// Adds quads; `false` if the load has failed, and [`Load::commit`] says why.
    pub(super) fn add(&self, quads: Vec<Quad>) -> bool {
        self.parts.send(quads).is_ok()
    }

    /// Takes all of it into the store.
    pub(super) fn commit(self) -> Result<(), StorageError> {
        drop(self.parts);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}
