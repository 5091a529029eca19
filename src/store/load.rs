//! A bulk load that is fed while it runs, on threads of its own.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use oxigraph::model::Quad;
use oxigraph::store::{StorageError, Store};

/// Batches of quads that wait to be loaded.
const WAITING: usize = 2;

/// A message to the thread of a load.
enum Message {
    Quads(Vec<Quad>),
    /// The load is complete, and is to be committed.
    Commit,
}

/// A bulk load that is under way. The store has nothing of it before [`Load::commit`], and then all of it; one that is
/// dropped leaves nothing behind.
pub(super) struct Load {
    sender: Option<SyncSender<Message>>,
    thread: Option<JoinHandle<Result<(), StorageError>>>,
}

impl Load {
    /// Begins a load that needs about `memory_mb` of memory. Tables are written from as many quads as fit there, on all
    /// cores. Small tables sort faster, since their keys stay in the processor's cache.
    pub(super) fn begin(store: &Store, memory_mb: usize) -> Self {
        let (sender, messages) = sync_channel(WAITING);
        let store = store.clone();
        let thread = thread::spawn(move || {
            let mut loader = store.bulk_loader().with_max_memory_size_in_megabytes(memory_mb);
            let mut whole = false;
            let parts = messages.into_iter().map_while(|message| match message {
                Message::Quads(quads) => Some(quads),
                Message::Commit => {
                    whole = true;
                    None
                }
            });
            loader.load_quads(parts.flatten())?;
            if whole { loader.commit() } else { Ok(()) }
        });
        Self { sender: Some(sender), thread: Some(thread) }
    }

    /// Adds quads; `false` if the load has failed, and [`Load::commit`] says why.
    pub(super) fn add(&self, quads: Vec<Quad>) -> bool {
        self.tell(Message::Quads(quads))
    }

    /// Commits the load.
    pub(super) fn commit(mut self) -> Result<(), StorageError> {
        self.tell(Message::Commit);
        self.end()
    }

    fn tell(&self, message: Message) -> bool {
        self.sender.as_ref().is_some_and(|sender| sender.send(message).is_ok())
    }

    /// Waits for the threads: none may work in the store when the program ends.
    fn end(&mut self) -> Result<(), StorageError> {
        drop(self.sender.take());
        self.thread.take().map_or(Ok(()), |thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        if !thread::panicking() {
            // The caller already has an error to report.
            let _ = self.end();
        }
    }
}
