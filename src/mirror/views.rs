//! The views of a mirror that is open for writing, and what readers are shown of them.

use std::time::{Duration, Instant};

use super::MirrorError;
use super::catch_up::{CaughtUp, Until, catch_up};
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::log::Log;
use crate::store::{Snapshots, StoreView};
use crate::views::{Sealed, Tables};

/// All views of one log.
pub(super) struct Views {
    pub(super) store: StoreView,
    pub(super) tables: Tables,
    pub(super) snapshots: Snapshots,
    /// The log, to read beside its writer.
    pub(super) log: Log,
    pub(super) depth: usize,
    keep_snapshots: usize,
    publish_every: Duration,
    published: Instant,
}

impl Views {
    pub(super) fn open(directory: &DataDir, log: &Log, config: &Config) -> Result<Self, MirrorError> {
        Ok(Self {
            store: StoreView::open(&directory.store(), log, &config.store)?,
            tables: Tables::open(log)?,
            snapshots: directory.snapshots(),
            log: Log::open_read_only(log.path())?,
            depth: config.harvest.depth,
            keep_snapshots: config.store.keep_snapshots,
            publish_every: Duration::from_secs(config.store.publish_s),
            published: Instant::now(),
        })
    }

    /// Brings every view to the end of the log; `progress` may stop it after a page.
    pub(super) fn catch_up(&mut self, progress: impl FnMut(&CaughtUp) -> bool) -> Result<CaughtUp, MirrorError> {
        catch_up(self, Until { grown: || false, time: None }, progress)
    }

    /// Follows a log that grows. `grown` waits until it has, and says `false` if it will not any more. Whenever readers
    /// have not seen all for as long as the configuration lets them wait, it is published.
    pub(super) fn keep_up(
        &mut self,
        mut grown: impl FnMut() -> bool + Send,
        mut progress: impl FnMut(&CaughtUp) -> bool,
    ) -> Result<CaughtUp, MirrorError> {
        let (mut all, mut more, mut wanted) = (CaughtUp::default(), true, true);
        while more && wanted {
            let time = self.published.checked_add(self.publish_every);
            let waits = || {
                more = grown();
                more
            };
            let done = catch_up(self, Until { grown: waits, time }, |done| {
                let mut so_far = all;
                so_far.add(done);
                wanted = progress(&so_far);
                wanted
            })?;
            all.add(&done);
            if more && wanted && self.published.elapsed() >= self.publish_every {
                self.published = Instant::now();
                if !self.is_current()? {
                    let snapshot = self.publish()?;
                    tracing::info!(snapshot, "published");
                }
            }
        }
        Ok(all)
    }

    /// Publishes the store as it is.
    pub(super) fn publish(&mut self) -> Result<u64, MirrorError> {
        self.published = Instant::now();
        let page = self.store.page();
        let sealed = Sealed { page, link: self.log.link(page)? };
        Ok(self.snapshots.publish(self.store.store(), sealed, self.keep_snapshots)?)
    }

    /// Whether readers see everything that the store holds.
    pub(super) fn is_current(&self) -> Result<bool, MirrorError> {
        let Some(info) = self.snapshots.current_info() else { return Ok(false) };
        let shown = info.page;
        Ok(info.follows(&self.log)? && self.log.next_changed_page(shown)?.is_none_or(|page| page > self.store.page()))
    }
}
