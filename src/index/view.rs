//! The index as a view of the log.
//!
//! What was applied waits in a [`Builder`], and becomes a segment when that has as much memory as it may have, or at a flush. Graphs
//! that came again are masked in older segments. Writing the manifest is the commit of both.

use std::ops::Range;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::build::Builder;
use super::check::check;
use super::error::IndexError;
use super::manifest::{Manifest, Named};
use super::merge::merge;
use super::packed::{Index, Layer};
use super::part::Part;
use super::{FOLDER, NAME, VERSION};
use crate::config::Config;
use crate::log::{ChangeId, Log, Mark};
use crate::snapshots::Snapshots;
use crate::views::{Batch, Check, Home, ParsedChange, View, ViewError};

/// The writer's index.
pub struct IndexView {
    directory: PathBuf,
    manifest: Manifest,
    index: Index,
    builder: Builder,
    /// Layers whose masks changed.
    masked: Vec<bool>,
    watermark: ChangeId,
    reached: Option<Mark>,
    memory: usize,
}

/// A segment stays as it is if those after it have less than this part of its rows together.
const SMALLER: u64 = 1;

/// More segments than this are not left.
const MOST_LAYERS: usize = 12;

impl IndexView {
    pub(super) fn open_at(directory: &Path, log: &Log, memory_mb: usize) -> Result<Self, ViewError> {
        fs::create_dir_all(directory).map_err(IndexError::from)?;
        let found = Manifest::read(directory)?.unwrap_or_default();
        let followed = found.follows(log, VERSION)?;
        if !followed && !found.segments.is_empty() {
            tracing::warn!(
                "the index in {} did not follow this log, or is of another version: it is rebuilt",
                directory.display()
            );
        }
        let manifest = if followed { found } else { found.emptied() };
        manifest.remove_others(directory).map_err(IndexError::from)?;
        let index = Index::of(directory, &manifest)?;
        let (term, blank) = index.next_codes();
        Ok(Self {
            directory: directory.to_owned(),
            masked: vec![false; index.layers.len()],
            watermark: manifest.change(),
            builder: Builder::new(term, blank),
            index,
            manifest,
            reached: None,
            memory: memory_mb << 20,
        })
    }

    fn apply_part(&mut self, part: &Part) -> Result<(), IndexError> {
        let Self { index, builder, masked, .. } = self;
        if let Some(name) = builder.name(part, index)?
            && !builder.remove(name)
            && let Some((layer, ordinal)) = index.graph(name)?
        {
            index.layers[layer].mask.add(ordinal);
            masked[layer] = true;
        }
        if !part.rows.is_empty() {
            builder.add(part, index)?;
        }
        if self.builder.bytes() >= self.memory { self.commit() } else { Ok(()) }
    }

    /// Makes all that was applied safe.
    fn commit(&mut self) -> Result<(), IndexError> {
        let mut old = Vec::new();
        if !self.builder.is_empty() {
            let file = self.manifest.new_file("segment");
            let builder = std::mem::take(&mut self.builder);
            builder.write(&self.directory.join(&file), &self.directory)?;
            self.add_layer(Named { file, mask: None, mask_sum: 0, masked: 0 })?;
        }
        self.merge_some(&mut old)?;
        for (place, changed) in self.masked.iter_mut().enumerate().filter(|(_, changed)| **changed) {
            let file = self.manifest.new_file("mask");
            let named = &mut self.manifest.segments[place];
            let mask = &self.index.layers[place].mask;
            named.mask_sum = mask.write(&self.directory.join(&file))?;
            named.masked = mask.count();
            old.extend(named.mask.replace(file));
            *changed = false;
        }
        if let Some(reached) = self.reached.take() {
            self.manifest.reach(reached, VERSION);
        }
        self.manifest.write(&self.directory)?;
        self.watermark = self.manifest.change();
        // Readers have links of their own.
        for file in old {
            fs::remove_file(self.directory.join(file))?;
        }
        let (term, blank) = self.index.next_codes();
        self.builder = Builder::new(term, blank);
        Ok(())
    }

    fn add_layer(&mut self, named: Named) -> Result<(), IndexError> {
        self.index.layers.push(Layer::open(&self.directory, &named)?);
        self.manifest.segments.push(named);
        self.masked.push(false);
        Ok(())
    }

    /// Merges the newest segments, if they are too many or too small to stay alone. The files that are merged go to `old`.
    fn merge_some(&mut self, old: &mut Vec<String>) -> Result<(), IndexError> {
        let rows: Vec<u64> = self.index.layers.iter().map(|layer| u64::from(layer.segment.rows)).collect();
        let from = first_to_merge(&rows);
        if rows.len() - from > 1 { self.merge(from..rows.len(), old) } else { Ok(()) }
    }

    /// Merges some segments.
    fn merge(&mut self, layers: Range<usize>, old: &mut Vec<String>) -> Result<(), IndexError> {
        let file = self.manifest.new_file("segment");
        merge(&self.index.layers[layers.clone()], &self.directory.join(&file), &self.directory)?;
        let named = Named { file, mask: None, mask_sum: 0, masked: 0 };
        let layer = Layer::open(&self.directory, &named)?;
        for gone in self.manifest.segments.splice(layers.clone(), [named]) {
            old.push(gone.file);
            old.extend(gone.mask);
        }
        self.index.layers.splice(layers.clone(), [layer]);
        self.masked.splice(layers, [false]);
        Ok(())
    }
}

/// From which segment on all are merged into one, by their rows.
fn first_to_merge(rows: &[u64]) -> usize {
    let (mut from, mut after) = (rows.len(), 0);
    for (place, rows) in rows.iter().enumerate().rev() {
        if after > 0 && (*rows < after * SMALLER || place >= MOST_LAYERS) {
            from = place;
        }
        after += rows;
    }
    from
}

impl View for IndexView {
    type Part = Part;
    const NAME: &'static str = NAME;
    const VERSION: u32 = VERSION;
    const GRAPHS: bool = true;

    fn is_published(_config: &Config) -> bool {
        true
    }

    fn open(home: &Home<'_>) -> Result<Self, ViewError> {
        Self::open_at(&home.directory.join(FOLDER), home.log, home.config.index.memory_mb)
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

    fn part(change: &ParsedChange) -> Part {
        Part::of(change)
    }

    fn watermark(&self) -> ChangeId {
        self.watermark
    }

    fn apply(&mut self, batches: Vec<Batch<Part>>) -> Result<(), ViewError> {
        for Batch { parts, mark } in batches {
            for part in parts {
                self.apply_part(&part)?;
            }
            self.reached = mark.or(self.reached);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ViewError> {
        if self.builder.is_empty() && self.reached.is_none() && !self.masked.contains(&true) {
            return Ok(());
        }
        Ok(self.commit()?)
    }

    /// Makes it one segment.
    fn optimize(&mut self) -> Result<(), ViewError> {
        self.flush()?;
        let masked = self.index.layers.iter().any(|layer| layer.mask.count() > 0);
        if self.index.layers.len() > 1 || masked {
            let mut old = Vec::new();
            self.merge(0..self.index.layers.len(), &mut old)?;
            self.manifest.write(&self.directory)?;
            for file in old {
                fs::remove_file(self.directory.join(file)).map_err(IndexError::from)?;
            }
        }
        Ok(())
    }

    fn publish(&self, directory: &Path) -> Result<(), ViewError> {
        Ok(self.manifest.copy(&self.directory, directory)?)
    }

    fn check<'a>(&'a self, home: &Home<'a>) -> Result<Box<dyn Check + 'a>, ViewError> {
        check(&self.index, home)
    }
}
