//! A mirror that is open for writing: the log, its views, and what is published for readers.

mod registry;

use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::data_dir::{DataDir, DataDirError, WriteLock};
use crate::log::{Log, LogError, Mark};
use crate::snapshots::{SnapshotError, Snapshots};
use crate::views::{AnyView, Follower, Home, Policy, Registered, Until, ViewError, follow};

pub use crate::views::CaughtUp;
pub use registry::VIEWS;

/// The log and its views, under the lock of the data directory.
pub struct Mirror {
    /// The log.
    pub log: Log,
    views: Views,
    /// The views that follow at the end of a run.
    afterwards: Vec<Box<dyn AnyView>>,
    _lock: WriteLock,
}

/// The views that keep up with the log, and what readers see of them.
struct Views {
    each: Vec<Box<dyn AnyView>>,
    /// The log, to read while another connection writes it.
    log: Log,
    snapshots: Snapshots,
    directory: PathBuf,
    config: Config,
    published: Instant,
}

/// A mirror with fewer records than this is fast enough without being optimized.
const LARGE: u64 = 10_000;

/// What is published is optimized if at least one of this many records is new.
const NEW_PART: u64 = 20;

/// How many pages the log may be ahead of the views before the harvest waits for them.
const PAGES_AHEAD: usize = 8;

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
    /// The snapshots.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// A log that grows while its views follow on other threads.
pub struct Growth {
    pages: SyncSender<()>,
}

impl Growth {
    /// Says that a page was committed; waits while the views are far behind. `false` if they cannot follow any more.
    #[must_use]
    pub fn page(&self) -> bool {
        self.pages.send(()).is_ok()
    }
}

impl Mirror {
    /// Opens the mirror in a directory for writing; `who` is shown to others that want to write.
    pub fn open(directory: &DataDir, config: &Config, who: &str) -> Result<Self, MirrorError> {
        Self::open_with(VIEWS, directory, config, who)
    }

    /// Opens a mirror that has these views.
    pub fn open_with(views: &[Registered], directory: &DataDir, config: &Config, who: &str) -> Result<Self, MirrorError> {
        let lock = directory.lock(who)?;
        let log = Log::open(&directory.log())?;
        let home = Home { directory: directory.path(), log: &log, config };
        let views: Vec<Registered> = views.iter().copied().filter(|view| (view.enabled)(config)).collect();
        let that_follow = |policy| views.iter().filter(move |view| (view.policy)(config) == policy);
        let opened = that_follow(Policy::KeepUp).map(|view| (view.open)(&home)).collect::<Result<_, _>>()?;
        let afterwards = that_follow(Policy::Afterwards).map(|view| (view.open)(&home)).collect::<Result<_, _>>()?;
        let views = Views {
            each: opened,
            log: Log::open_read_only(log.path())?,
            snapshots: directory.snapshots(),
            directory: directory.path().to_owned(),
            config: config.clone(),
            published: Instant::now(),
        };
        Ok(Self { log, views, afterwards, _lock: lock })
    }

    /// Lets views forget everything, so that the next mirror that is opened rebuilds them. Works for views that are damaged.
    pub fn reset(views: &[Registered], directory: &DataDir, config: &Config, who: &str) -> Result<(), MirrorError> {
        let _lock = directory.lock(who)?;
        let log = Log::open(&directory.log())?;
        let home = Home { directory: directory.path(), log: &log, config };
        Ok(views.iter().try_for_each(|view| (view.reset)(&home))?)
    }

    /// Brings every view that keeps up to the end of the log; `progress` may stop it after a page.
    pub fn catch_up(&mut self, mut progress: impl FnMut(&CaughtUp) -> bool) -> Result<CaughtUp, MirrorError> {
        let mut stopped = false;
        let done = self.follow(|done| {
            stopped = !progress(done);
            !stopped
        })?;
        if !stopped {
            self.finish()?;
        }
        Ok(done)
    }

    /// The same, before the log grows on: what views leave for the end is left.
    pub fn follow(&mut self, progress: impl FnMut(&CaughtUp) -> bool) -> Result<CaughtUp, MirrorError> {
        self.views.follow(Until { grown: || false, time: None }, progress)
    }

    /// Brings the views that no reader waits for to the end of the log. `goes_on` is asked before it begins and after each page.
    pub fn follow_afterwards(&mut self, mut goes_on: impl FnMut() -> bool) -> Result<CaughtUp, MirrorError> {
        if !goes_on() {
            return Ok(CaughtUp::default());
        }
        let Views { log, config, .. } = &mut self.views;
        let done = follow(&mut self.afterwards, log, config, Until { grown: || false, time: None }, |_| goes_on())?;
        self.afterwards.iter_mut().try_for_each(|view| view.finish())?;
        Ok(done)
    }

    /// Lets `work` write the log while the views follow it, and waits for them to reach its end, or, where `stopped` says
    /// so, the end of a page. In between, what there is is published.
    ///
    /// # Errors
    /// Those of `work`, else those of the views.
    pub fn grow<T, E: From<MirrorError>>(
        &mut self,
        stopped: impl Fn() -> bool + Sync,
        work: impl FnOnce(&mut Log, &Growth) -> Result<T, E>,
    ) -> Result<(T, CaughtUp), E> {
        let Self { log, views, .. } = self;
        let (pages, committed) = sync_channel(PAGES_AHEAD);
        std::thread::scope(|scope| {
            let following = scope.spawn(|| views.keep_up(move || committed.recv().is_ok(), |_| !stopped()));
            let growth = Growth { pages };
            let worked = work(log, &growth);
            drop(growth);
            let followed = following.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            Ok((worked?, followed?))
        })
    }

    /// The published snapshots.
    #[must_use]
    pub fn snapshots(&self) -> &Snapshots {
        &self.views.snapshots
    }

    /// Publishes what the views have. If enough of its records are new, the published views are then optimized, and published
    /// again in place of the first snapshot: a large store is then read two to three times as fast. If the disk has no room
    /// for that, they stay unoptimized.
    pub fn publish_in_order(&mut self, created: u64) -> Result<u64, MirrorError> {
        let number = self.publish()?;
        let live: u64 = self.log.sources()?.iter().map(|source| source.live).sum();
        let is_large = live >= LARGE && created * NEW_PART >= live;
        let Views { each, config, .. } = &mut self.views;
        let mut published = each.iter_mut().filter(|view| view.is_published(config));
        let changed = if is_large {
            tracing::info!(number, "published; now it is optimized");
            published.try_for_each(|view| view.optimize()).map(|()| true)
        } else {
            published.try_fold(false, |changed, view| Ok(view.settle()? || changed))
        };
        match changed {
            Ok(true) => {}
            Ok(false) => return Ok(number),
            Err(error) => {
                tracing::warn!("what is published could not be optimized, and is published unoptimized: {error}");
                return Ok(number);
            }
        }
        self.finish()?;
        // In place of the first, which is no earlier state of the mirror.
        let ordered = self.views.publish_beside(1)?;
        self.views.snapshots.remove(number)?;
        Ok(ordered)
    }

    /// Gives back the disk that the views and the log's file hold and no longer need, and publishes. Snapshots without
    /// readers are removed.
    pub fn compact(&mut self) -> Result<u64, MirrorError> {
        self.catch_up(|_| true)?;
        self.follow_afterwards(|| true)?;
        self.views.each.iter_mut().chain(&mut self.afterwards).try_for_each(|view| view.optimize())?;
        let number = self.publish()?;
        for old in self.snapshots().all() {
            self.snapshots().remove(old)?;
        }
        self.log.vacuum()?;
        Ok(number)
    }

    /// Publishes what the views have, at the end of a run.
    pub fn publish(&mut self) -> Result<u64, MirrorError> {
        self.finish()?;
        self.views.publish()
    }

    /// Does what views leave for the end of a run.
    pub fn finish(&mut self) -> Result<(), MirrorError> {
        Ok(self.views.each.iter_mut().try_for_each(|view| view.finish())?)
    }

    /// Whether readers see everything that the views hold.
    pub fn is_current(&self) -> Result<bool, MirrorError> {
        self.views.is_current()
    }

    /// How far the views that are published have followed the log.
    pub fn mark(&self) -> Result<Mark, MirrorError> {
        self.views.mark()
    }

    /// The views, for a check of them.
    pub fn views(&self) -> impl Iterator<Item = &dyn AnyView> {
        self.views.each.iter().chain(&self.afterwards).map(AsRef::as_ref)
    }

    /// Where the views live.
    #[must_use]
    pub fn home(&self) -> Home<'_> {
        Home { directory: &self.views.directory, log: &self.log, config: &self.views.config }
    }
}

impl Views {
    fn follow(
        &mut self,
        until: Until<impl FnMut() -> bool + Send>,
        progress: impl FnMut(&CaughtUp) -> bool,
    ) -> Result<CaughtUp, MirrorError> {
        Ok(follow(&mut self.each, &mut self.log, &self.config, until, progress)?)
    }

    /// Follows a log that grows. `grown` waits until it has, and says `false` if it will not any more. Whenever the last
    /// publication is older than the configuration allows, and there is more to see, it is published.
    fn keep_up(
        &mut self,
        mut grown: impl FnMut() -> bool + Send,
        mut progress: impl FnMut(&CaughtUp) -> bool,
    ) -> Result<CaughtUp, MirrorError> {
        let publish_every = Duration::from_secs(self.config.store.publish_s);
        let (mut all, mut more, mut wanted) = (CaughtUp::default(), true, true);
        while more && wanted {
            let time = self.published.checked_add(publish_every);
            let waits = || {
                more = grown();
                more
            };
            let done = self.follow(Until { grown: waits, time }, |done| {
                let mut so_far = all;
                so_far.add(done);
                wanted = progress(&so_far);
                wanted
            })?;
            all.add(&done);
            if more && wanted && self.published.elapsed() >= publish_every {
                self.published = Instant::now();
                if !self.is_current()? {
                    let snapshot = self.publish()?;
                    tracing::info!(snapshot, "published");
                }
            }
        }
        Ok(all)
    }

    fn published_views(&self) -> impl Iterator<Item = &dyn AnyView> {
        self.each.iter().map(AsRef::as_ref).filter(|view| view.is_published(&self.config))
    }

    fn mark(&self) -> Result<Mark, MirrorError> {
        let published = self.published_views().map(Follower::watermark);
        Ok(self.log.mark_at(published.min().unwrap_or_default())?)
    }

    fn publish(&mut self) -> Result<u64, MirrorError> {
        self.publish_beside(0)
    }

    /// Publishes, and keeps more snapshots than the configuration says.
    fn publish_beside(&mut self, more: usize) -> Result<u64, MirrorError> {
        self.published = Instant::now();
        let (mark, keep) = (self.mark()?, self.config.store.keep_snapshots.saturating_add(more));
        self.snapshots.publish(mark, keep, |directory| {
            let artefacts = self.published_views().map(|view| view.publish(directory));
            Ok(artefacts.collect::<Result<Vec<_>, ViewError>>()?)
        })
    }

    fn is_current(&self) -> Result<bool, MirrorError> {
        let Some(info) = self.snapshots.current_info() else { return Ok(false) };
        // What an older program published may lack a view, or have it in another form.
        let has = |view: &dyn AnyView| {
            info.manifest
                .artefacts
                .iter()
                .any(|artefact| (artefact.view.as_str(), artefact.version) == (view.name(), view.version()))
        };
        if !self.published_views().all(has) {
            return Ok(false);
        }
        let (shown, held) = (info.change(&self.log)?, self.mark()?.change);
        Ok(info.follows(&self.log)? && self.log.content_change_after(shown)?.is_none_or(|change| change > held))
    }
}
