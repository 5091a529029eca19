//! Merging on a thread of its own, while the index is written on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use super::error::IndexError;
use super::mask::Mask;
use super::merge::{Ordinals, merge};
use super::packed::Layer;

/// Segments that are merged. Dropping it ends that.
pub(super) struct Merging {
    /// The place of the first.
    from: usize,
    /// The file of the merged segment, and where it is.
    file: String,
    path: PathBuf,
    /// Their masks when it began.
    masks: Vec<Mask>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Ordinals, IndexError>>>,
    ended: Receiver<()>,
}

/// A merged segment.
pub(super) struct Merged {
    /// The place of the first of its segments.
    pub(super) from: usize,
    pub(super) file: String,
    /// The masks of the segments when it began.
    pub(super) masks: Vec<Mask>,
    /// The numbers that their graphs have in it.
    pub(super) ordinals: Ordinals,
}

impl Merging {
    /// Begins to merge some segments, of which the first has a place, into a file.
    pub(super) fn begin(layers: &[Layer], from: usize, file: String, directory: &Path) -> Result<Self, IndexError> {
        let layers: Vec<Layer> = layers.iter().map(Layer::shared).collect();
        let masks = layers.iter().map(|layer| layer.mask.clone()).collect();
        let (stop, path, directory) = (Arc::new(AtomicBool::new(false)), directory.join(&file), directory.to_owned());
        let (stopped, written) = (Arc::clone(&stop), path.clone());
        let (end, ended) = channel();
        let thread = std::thread::Builder::new().name("merge".to_owned()).spawn(move || {
            // Dropped at the end, also of a panic.
            let _end = end;
            merge(&layers, None, &written, &directory, &stopped)
        })?;
        Ok(Self { from, file, path, masks, stop, thread: Some(thread), ended })
    }

    pub(super) fn is_done(&self) -> bool {
        self.ended.try_recv() == Err(TryRecvError::Disconnected)
    }

    /// Waits until it is done, no longer than until a time. Answers whether it is.
    pub(super) fn wait(&self, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        self.ended.recv_timeout(left) == Err(RecvTimeoutError::Disconnected)
    }

    /// Waits for the merged segment.
    pub(super) fn finish(mut self) -> Result<Merged, IndexError> {
        let Some(thread) = self.thread.take() else { return Err(IndexError::Stopped) };
        let ordinals = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(Merged { from: self.from, file: std::mem::take(&mut self.file), masks: std::mem::take(&mut self.masks), ordinals })
    }
}

impl Drop for Merging {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // What it wrote is a leftover: it removes it, unless it was done before it was told to stop.
            if matches!(thread.join(), Ok(Ok(_))) {
                let _ = fs_err::remove_file(&self.path);
            }
        }
    }
}
