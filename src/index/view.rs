//! The index as a view of the log.
//!
//! What was applied waits in a [`Builder`](super::build::Builder), and becomes a segment when that has as much memory as it may have, or at a flush. Graphs
//! that came again are masked in older segments. Writing the manifest is the commit of both. Segments are merged meanwhile, on a thread
//! of their own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fs_err as fs;

use super::check::check;
use super::error::IndexError;
use super::held::Held;
use super::manifest::Manifest;
use super::part::Part;
use super::{FOLDER, NAME, VERSION};
use crate::config::{self, Config};
use crate::log::{ChangeId, Log};
use crate::snapshots::Snapshots;
use crate::views::{Batch, Check, Home, LocalView, ParsedChange, View, ViewError};

/// The writer's index.
pub struct IndexView {
    directory: PathBuf,
    held: Held,
    memory: usize,
    /// How long the end of a run waits for what is merged.
    patience: Duration,
    /// Why the files could not be read again after something failed: until they can, nothing is done.
    lost: Option<String>,
}

impl IndexView {
    pub(super) fn open_at(directory: &Path, log: &Log, config: &config::Index) -> Result<Self, ViewError> {
        fs::create_dir_all(directory).map_err(IndexError::from)?;
        let found = Manifest::read(directory)?.unwrap_or_default();
        let followed = found.follows(log, VERSION)?;
        if !followed && !found.segments.is_empty() {
            tracing::warn!(
                "the index in {} did not follow this log, or is of another version: it is rebuilt",
                directory.display()
            );
            // Before the files go that the other names.
            found.clone().emptied().write(directory)?;
        }
        let manifest = if followed { found } else { found.emptied() };
        let held = Held::of(directory, manifest)?;
        let patience = Duration::from_secs(config.merge_s);
        Ok(Self { directory: directory.to_owned(), held, memory: config.memory_mb << 20, patience, lost: None })
    }

    /// Does some work. If that fails, what is on the disk counts, and what was applied since comes again.
    fn guarded(&mut self, work: impl FnOnce(&mut Held, &Path) -> Result<(), IndexError>) -> Result<(), IndexError> {
        if let Some(lost) = &self.lost {
            return Err(IndexError::Lost(lost.clone()));
        }
        let failed = match work(&mut self.held, &self.directory) {
            Ok(()) => return Ok(()),
            Err(failed) => failed,
        };
        // It writes into the same directory.
        self.held.stop_merging();
        let again = Manifest::read(&self.directory).and_then(|manifest| Held::of(&self.directory, manifest.unwrap_or_default()));
        match again {
            Ok(held) => self.held = held,
            Err(error) => self.lost = Some(error.to_string()),
        }
        Err(failed)
    }
}

impl View for IndexView {
    type Part = Part;

    fn name(&self) -> &str {
        NAME
    }

    fn part(change: &ParsedChange) -> Part {
        Part::of(change)
    }

    fn watermark(&self) -> ChangeId {
        self.held.manifest.change()
    }

    fn apply(&mut self, batches: Vec<Batch<Part>>) -> Result<(), ViewError> {
        let memory = self.memory;
        self.guarded(|held, directory| {
            for Batch { parts, mark } in batches {
                parts.iter().try_for_each(|part| held.apply(part, directory, memory))?;
                held.reached = mark.or(held.reached);
            }
            Ok(())
        })?;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ViewError> {
        if self.held.has_changes() {
            self.guarded(Held::commit)?;
        }
        Ok(())
    }
}

impl LocalView for IndexView {
    const NAME: &'static str = NAME;
    const VERSION: u32 = VERSION;
    const GRAPHS: bool = true;

    fn is_published(_config: &Config) -> bool {
        true
    }

    fn open(home: &Home<'_>) -> Result<Self, ViewError> {
        Self::open_at(&home.directory.join(FOLDER), home.log, &home.config.index)
    }

    /// Readers see what is published.
    fn reached(home: &Home<'_>) -> Result<ChangeId, ViewError> {
        Ok(Snapshots::of(home.directory).reached(home.log)?)
    }

    fn reset(home: &Home<'_>) -> Result<(), ViewError> {
        let path = home.directory.join(FOLDER);
        if path.exists() {
            fs::remove_dir_all(path).map_err(IndexError::from)?;
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<bool, ViewError> {
        let (until, mut changed) = (Instant::now().checked_add(self.patience), false);
        let until = until.unwrap_or_else(|| Instant::now() + Duration::from_secs(1 << 20));
        self.guarded(|held, directory| {
            changed = held.settle(directory, until)?;
            Ok(())
        })?;
        Ok(changed)
    }

    /// Makes it one segment.
    fn optimize(&mut self) -> Result<(), ViewError> {
        Ok(self.guarded(Held::optimize)?)
    }

    fn publish(&self, directory: &Path) -> Result<(), ViewError> {
        match &self.lost {
            Some(lost) => Err(IndexError::Lost(lost.clone()).into()),
            None => Ok(self.held.manifest.copy(&self.directory, directory)?),
        }
    }

    fn check<'a>(&'a self, home: &Home<'a>) -> Result<Box<dyn Check + 'a>, ViewError> {
        check(&self.held.index, home)
    }
}
