//! A bulk load that takes quads as they come, on threads of its own.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use oxigraph::model::Quad;
use oxigraph::store::{StorageError, Store};

/// Parts that wait to be loaded.
const WAITING: usize = 2;

/// What a load is told.
enum Told {
    Quads(Vec<Quad>),
    /// That was all: the load is to be committed.
    Commit,
}

/// A bulk load that is under way. Nothing of it is in the store before [`Load::commit`], and then all of it; one that is
/// dropped leaves no trace.
pub(super) struct Load {
    told: Option<SyncSender<Told>>,
    thread: Option<JoinHandle<Result<(), StorageError>>>,
}

impl Load {
    /// Begins a load that takes about `memory_mb` of memory. Tables are made from so many quads as fit there, on all
    /// cores: in small ones the keys that are sorted stay in the processor's cache.
    pub(super) fn begin(store: &Store, memory_mb: usize) -> Self {
        let (told, hears) = sync_channel(WAITING);
        let store = store.clone();
        let thread = thread::spawn(move || {
            let mut loader = store.bulk_loader().with_max_memory_size_in_megabytes(memory_mb);
            let mut whole = false;
            let parts = hears.into_iter().map_while(|told| match told {
                Told::Quads(quads) => Some(quads),
                Told::Commit => {
                    whole = true;
                    None
                }
            });
            loader.load_quads(parts.flatten())?;
            if whole { loader.commit() } else { Ok(()) }
        });
        Self { told: Some(told), thread: Some(thread) }
    }

    /// Adds quads; `false` if the load has failed, and [`Load::commit`] says why.
    pub(super) fn add(&self, quads: Vec<Quad>) -> bool {
        self.tell(Told::Quads(quads))
    }

    /// Makes all of it part of the store.
    pub(super) fn commit(mut self) -> Result<(), StorageError> {
        self.tell(Told::Commit);
        self.end()
    }

    fn tell(&self, what: Told) -> bool {
        self.told.as_ref().is_some_and(|told| told.send(what).is_ok())
    }

    /// Waits for the threads: none may be at work in the store when the program ends.
    fn end(&mut self) -> Result<(), StorageError> {
        drop(self.told.take());
        self.thread.take().map_or(Ok(()), |thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        if !thread::panicking() {
            // Whoever dropped it has an error to report already.
            let _ = self.end();
        }
    }
}
