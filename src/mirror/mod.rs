//! A mirror that is open for writing: the log, its views, and what readers are shown.

mod catch_up;
mod views;

use std::sync::mpsc::{SyncSender, sync_channel};

use crate::config::Config;
use crate::data_dir::{DataDir, DataDirError, WriteLock};
use crate::links::LinksTable;
use crate::log::{Log, LogError};
use crate::quarantine::QuarantineTable;
use crate::search::SearchTable;
use crate::store::{Snapshots, StoreError, StoreView};
use crate::views::ViewError;

pub use catch_up::CaughtUp;
use views::Views;

/// The log and its views, under the lock of the data directory.
pub struct Mirror {
    /// The log.
    pub log: Log,
    views: Views,
    _lock: WriteLock,
}

/// Stores of fewer records than this are fast as they are.
const LARGE: u64 = 10_000;

/// One record in so many must be new.
const PART: u64 = 20;

/// So many pages the log may be ahead of the views before it waits for them.
const AHEAD: usize = 8;

/// Why a mirror cannot be opened or brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// The directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A view.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The store or its snapshots.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A log that grows while its views follow on other threads.
pub struct Growth(SyncSender<()>);

impl Growth {
    /// Says that a page was committed; waits while the views are far behind. `false` if they cannot follow any more.
    #[must_use]
    pub fn page(&self) -> bool {
        self.0.send(()).is_ok()
    }
}

impl Mirror {
    /// Opens the mirror in a directory for writing; `who` is told to others that want to.
    pub fn open(directory: &DataDir, config: &Config, who: &str) -> Result<Self, MirrorError> {
        let lock = directory.lock(who)?;
        let log = Log::open(&directory.log())?;
        let views = Views::open(directory, &log, config)?;
        Ok(Self { log, views, _lock: lock })
    }

    /// Brings every view to the end of the log; `progress` may stop it after a page.
    pub fn catch_up(&mut self, progress: impl FnMut(&CaughtUp) -> bool) -> Result<CaughtUp, MirrorError> {
        self.views.catch_up(progress)
    }

    /// Lets `work` write the log while the views follow it, and waits for them to reach its end, or, where `stopped` says
    /// so, the end of a page. In between, readers are shown what there is.
    ///
    /// # Errors
    /// Those of `work`, else those of the views.
    pub fn grow<T, E: From<MirrorError>>(
        &mut self,
        stopped: impl Fn() -> bool + Sync,
        work: impl FnOnce(&mut Log, &Growth) -> Result<T, E>,
    ) -> Result<(T, CaughtUp), E> {
        let Self { log, views, .. } = self;
        let (pages, committed) = sync_channel(AHEAD);
        std::thread::scope(|scope| {
            let following = scope.spawn(|| views.keep_up(move || committed.recv().is_ok(), |_| !stopped()));
            let growth = Growth(pages);
            let worked = work(log, &growth);
            drop(growth);
            let followed = following.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            Ok((worked?, followed?))
        })
    }

    /// The store as a view.
    #[must_use]
    pub fn store(&self) -> &StoreView {
        &self.views.store
    }

    /// The published snapshots.
    #[must_use]
    pub fn snapshots(&self) -> &Snapshots {
        &self.views.snapshots
    }

    /// How deep the XML of a record may be nested.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.views.depth
    }

    /// Publishes the store. If so many of its records came anew that it matters, it is then put in order, and published
    /// again in the place of the first: a large store is read two to three times as fast then. Where there is no room for
    /// that, it stays as it is.
    pub fn publish_in_order(&mut self, created: u64) -> Result<u64, MirrorError> {
        let number = self.publish()?;
        let live: u64 = self.log.sources()?.iter().map(|source| source.live).sum();
        if live < LARGE || created * PART < live {
            return Ok(number);
        }
        tracing::info!(number, "published; the store is put in order");
        if let Err(error) = self.views.store.optimize() {
            tracing::warn!("the store could not be put in order, and stays as it is: {error}");
            return Ok(number);
        }
        let ordered = self.publish()?;
        self.views.snapshots.remove(number)?;
        Ok(ordered)
    }

    /// Gives back the disk that the store, the search and the log's file hold and need no more, and publishes. Snapshots
    /// that nobody reads go.
    pub fn compact(&mut self) -> Result<u64, MirrorError> {
        self.catch_up(|_| true)?;
        self.views.store.optimize()?;
        let number = self.publish()?;
        for old in self.snapshots().all() {
            self.snapshots().remove(old)?;
        }
        self.views.tables.compact::<SearchTable>()?;
        self.log.vacuum()?;
        Ok(number)
    }

    /// Publishes the store as it is.
    pub fn publish(&mut self) -> Result<u64, MirrorError> {
        self.views.publish()
    }

    /// Whether readers see everything that the store holds.
    pub fn is_current(&self) -> Result<bool, MirrorError> {
        self.views.is_current()
    }

    /// Forgets the links and the quarantine, so that catching up makes them anew.
    pub fn reset_links(&mut self) -> Result<(), MirrorError> {
        self.views.tables.reset::<LinksTable>()?;
        Ok(self.views.tables.reset::<QuarantineTable>()?)
    }

    /// Forgets the entries of the search, so that catching up makes them anew.
    pub fn reset_search(&mut self) -> Result<(), MirrorError> {
        Ok(self.views.tables.reset::<SearchTable>()?)
    }
}
