//! A mirror that is open for writing: the log, its views, and what readers are shown.

use std::time::{Duration, Instant};

use crate::config::Config;
use crate::data_dir::{DataDir, DataDirError, WriteLock};
use crate::links::LinksView;
use crate::log::{Log, LogError};
use crate::quarantine::QuarantineView;
use crate::search::SearchView;
use crate::store::{Snapshots, StoreError, StoreView};
use crate::views::{CaughtUp, View, ViewError, catch_up};

/// The log and its views, under the lock of the data directory.
pub struct Mirror {
    /// The log.
    pub log: Log,
    store: StoreView,
    links: LinksView,
    quarantine: QuarantineView,
    search: SearchView,
    snapshots: Snapshots,
    keep_snapshots: usize,
    publish_every: Duration,
    published: Instant,
    depth: usize,
    _lock: WriteLock,
}

/// Stores of fewer records than this are fast as they are.
const LARGE: u64 = 50_000;

/// One record in so many must be new.
const PART: u64 = 20;

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

impl Mirror {
    /// Opens the mirror in a directory for writing; `who` is told to others that want to.
    pub fn open(directory: &DataDir, config: &Config, who: &str) -> Result<Self, MirrorError> {
        let lock = directory.lock(who)?;
        let log = Log::open(&directory.log())?;
        let store = StoreView::open(&directory.store(), &log, &config.store)?;
        let (links, quarantine, search) = (LinksView::open(&log)?, QuarantineView::open(&log)?, SearchView::open(&log)?);
        Ok(Self {
            log,
            store,
            links,
            quarantine,
            search,
            snapshots: directory.snapshots(),
            keep_snapshots: config.store.keep_snapshots,
            publish_every: Duration::from_secs(config.store.publish_s),
            published: Instant::now(),
            depth: config.harvest.depth,
            _lock: lock,
        })
    }

    /// Brings every view to the end of the log; `progress` may stop it after a page.
    pub fn catch_up(&mut self, progress: impl FnMut(&CaughtUp) -> bool) -> Result<CaughtUp, MirrorError> {
        let views: &mut [&mut dyn View] = &mut [&mut self.store, &mut self.links, &mut self.quarantine, &mut self.search];
        Ok(catch_up(&self.log, self.depth, views, progress)?)
    }

    /// The store as a view.
    #[must_use]
    pub fn store(&self) -> &StoreView {
        &self.store
    }

    /// The published snapshots.
    #[must_use]
    pub fn snapshots(&self) -> &Snapshots {
        &self.snapshots
    }

    /// How deep the XML of a record may be nested.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Puts the store in order after so many of its records came anew, if that is a part of a large store that matters: it
    /// is read two to three times as fast then. Where there is no room for it, it stays as it is.
    pub fn put_in_order(&self, created: u64) -> Result<(), MirrorError> {
        let live: u64 = self.log.sources()?.iter().map(|source| source.live).sum();
        if live < LARGE || created * PART < live {
            return Ok(());
        }
        tracing::info!("the store is put in order");
        if let Err(error) = self.store.optimize() {
            tracing::warn!("the store could not be put in order, and stays as it is: {error}");
        }
        Ok(())
    }

    /// Publishes the store as it is.
    pub fn publish(&mut self) -> Result<u64, MirrorError> {
        self.published = Instant::now();
        Ok(self.snapshots.publish(self.store.store(), self.store.watermark()?, self.keep_snapshots)?)
    }

    /// Publishes the store if its readers have not seen all of it for as long as the configuration lets them wait.
    pub fn publish_if_due(&mut self) -> Result<Option<u64>, MirrorError> {
        if self.published.elapsed() < self.publish_every || self.is_current()? { Ok(None) } else { self.publish().map(Some) }
    }

    /// Whether readers see everything that the store holds.
    pub fn is_current(&self) -> Result<bool, MirrorError> {
        let Some(shown) = self.snapshots.current_page() else { return Ok(false) };
        Ok(self.log.next_changed_page(shown)?.is_none_or(|page| page > self.store.page()))
    }

    /// Forgets the links and the quarantine, so that catching up makes them anew.
    pub fn reset_links(&mut self) -> Result<(), MirrorError> {
        self.links.reset()?;
        Ok(self.quarantine.reset()?)
    }

    /// Forgets the entries of the search, so that catching up makes them anew.
    pub fn reset_search(&mut self) -> Result<(), MirrorError> {
        Ok(self.search.reset()?)
    }
}
