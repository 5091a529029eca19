//! Views that may lag: each follows the log on a thread of its own, and neither delays a run nor fails it.
//!
//! Such a view may wait for a network. Nobody waits for its thread, not even the end of the program: a batch that was
//! being applied comes again, as after a crash. A lock file keeps a second thread, or another process, from following for
//! the same view meanwhile.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

use crate::config::Config;
use crate::log::Log;
use crate::views::{Home, Registered, Until, ViewError, follow};

/// A view that follows on its own, until this is dropped.
pub(super) struct Lagging(SyncSender<()>);

impl Lagging {
    /// Begins to follow the log of a data directory.
    pub(super) fn begin(view: Registered, directory: PathBuf, log: PathBuf, config: Config) -> Self {
        let (wake, woken) = sync_channel(1);
        std::thread::spawn(move || {
            let Some(_alone) = lock(&directory.join(format!("{}.lock", view.name))) else {
                tracing::warn!("the view {} is still busy with what an earlier run sent it", view.name);
                return;
            };
            loop {
                if let Err(error) = follow_to_the_end(&view, &directory, &log, &config, &woken) {
                    tracing::warn!("the view {} is behind, and tries again when the log grows: {error}", view.name);
                }
                if woken.recv().is_err() {
                    return;
                }
            }
        });
        Self(wake)
    }

    /// Says that the log has grown.
    pub(super) fn wake(&self) {
        // If the view was woken already and has not noticed yet, it need not be told twice.
        let _ = self.0.try_send(());
    }
}

/// The right to follow for a view, if nobody else has it.
fn lock(path: &Path) -> Option<File> {
    let file = File::create(path).ok()?;
    file.try_lock().ok()?;
    Some(file)
}

fn follow_to_the_end(
    view: &Registered,
    directory: &Path,
    log: &Path,
    config: &Config,
    woken: &Receiver<()>,
) -> Result<(), ViewError> {
    let mut log = Log::open_read_only(log)?;
    let mut views = [(view.open)(&Home { directory, log: &log, config })?];
    // The end of the run ends this as well, after the page in work.
    let goes_on = |_: &_| !matches!(woken.try_recv(), Err(TryRecvError::Disconnected));
    follow(&mut views, &mut log, config, Until { grown: || false, time: None }, goes_on)?;
    views.iter_mut().try_for_each(|view| view.finish())
}
