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
use super::merge::{fits, merge};
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
    held: Held,
    memory: usize,
    /// Why the files could not be read again after something failed: until they can, nothing is done.
    lost: Option<String>,
}

/// What is on the disk, and what waits to go there.
struct Held {
    manifest: Manifest,
    index: Index,
    builder: Builder,
    /// Layers whose masks changed.
    masked: Vec<bool>,
    reached: Option<Mark>,
}

/// A segment stays as it is unless those after it have more than so many times its rows together. More means that each row is written
/// fewer times as the index grows, and that there are more segments to read.
const TIMES: u64 = 4;

/// Where this many graphs were, it is worth while to drop those that count no more.
const MANY: u32 = 1000;

/// With more segments than this, those after one need only have more rows together than it; twice as many are never left.
const MOST_LAYERS: usize = 12;

impl Held {
    fn of(directory: &Path, manifest: Manifest) -> Result<Self, IndexError> {
        manifest.remove_others(directory)?;
        let index = Index::of(directory, &manifest)?;
        let (term, blank) = index.next_codes();
        Ok(Self { masked: vec![false; index.layers.len()], builder: Builder::new(term, blank), index, manifest, reached: None })
    }

    fn apply(&mut self, part: &Part, directory: &Path, memory: usize) -> Result<(), IndexError> {
        if self.builder.is_full_for(part) {
            self.commit(directory)?;
        }
        let Self { index, builder, masked, .. } = self;
        if let Some(name) = builder.name(part, index)?
            && !builder.remove(name)
            && let Some((layer, ordinal)) = index.graph(name)?
        {
            index.layers[layer].hide(ordinal);
            masked[layer] = true;
        }
        if !part.rows.is_empty() {
            builder.add(part, index)?;
        }
        if self.builder.bytes() >= memory { self.commit(directory) } else { Ok(()) }
    }

    fn has_changes(&self) -> bool {
        !self.builder.is_empty() || self.reached.is_some() || self.masked.contains(&true)
    }

    /// Makes all that was applied safe.
    fn commit(&mut self, directory: &Path) -> Result<(), IndexError> {
        let mut old = Vec::new();
        if !self.builder.is_empty() {
            let file = self.manifest.new_file("segment");
            std::mem::take(&mut self.builder).write(&directory.join(&file), directory)?;
            let named = Named { file, mask: None, mask_sum: 0, masked: 0 };
            self.index.layers.push(Layer::open(directory, &named)?);
            self.manifest.segments.push(named);
            self.masked.push(false);
        }
        let from = first_to_merge(&self.index.layers);
        if from < self.index.layers.len()
            && let Err(error) = self.merge(from..self.index.layers.len(), directory, &mut old)
        {
            if matches!(error, IndexError::Damaged { .. }) {
                return Err(error);
            }
            // They are read as they are, and merged later.
            tracing::warn!("segments of the index could not be merged: {error}");
        }
        self.write(directory, old)?;
        let (term, blank) = self.index.next_codes();
        self.builder = Builder::new(term, blank);
        Ok(())
    }

    /// Writes the masks that changed, and the manifest; then removes files that it no longer names.
    fn write(&mut self, directory: &Path, mut old: Vec<String>) -> Result<(), IndexError> {
        for (place, changed) in self.masked.iter_mut().enumerate().filter(|(_, changed)| **changed) {
            let file = self.manifest.new_file("mask");
            let named = &mut self.manifest.segments[place];
            let mask = &self.index.layers[place].mask;
            named.mask_sum = mask.write(&directory.join(&file))?;
            named.masked = mask.count();
            old.extend(named.mask.replace(file));
            *changed = false;
        }
        if let Some(reached) = self.reached.take() {
            self.manifest.reach(reached, VERSION);
        }
        self.manifest.write(directory)?;
        // Readers have links of their own. One that stays is a leftover, which the next writer removes.
        for file in old {
            let _ = fs::remove_file(directory.join(file));
        }
        Ok(())
    }

    /// Merges some segments into one. The files that were merged go to `old`.
    fn merge(&mut self, layers: Range<usize>, directory: &Path, old: &mut Vec<String>) -> Result<(), IndexError> {
        let file = self.manifest.new_file("segment");
        merge(&self.index.layers[layers.clone()], &directory.join(&file), directory)?;
        let named = Named { file, mask: None, mask_sum: 0, masked: 0 };
        let layer = Layer::open(directory, &named)?;
        for gone in self.manifest.segments.splice(layers.clone(), [named]) {
            old.push(gone.file);
            old.extend(gone.mask);
        }
        self.index.layers.splice(layers.clone(), [layer]);
        self.masked.splice(layers, [false]);
        Ok(())
    }

    /// Makes it one segment.
    fn optimize(&mut self, directory: &Path) -> Result<(), IndexError> {
        self.commit(directory)?;
        let layers = &self.index.layers;
        if layers.len() > 1 && !fits(layers) {
            tracing::warn!("the index is more than one segment can hold, and stays divided");
            return Ok(());
        }
        if layers.len() > 1 || layers.iter().any(|layer| layer.mask.count() > 0) {
            let mut old = Vec::new();
            self.merge(0..layers.len(), directory, &mut old)?;
            self.write(directory, old)?;
        }
        Ok(())
    }
}

/// From which segment on all are merged into one: smaller ones together, and a large one of which most graphs count no more.
fn first_to_merge(layers: &[Layer]) -> usize {
    let stale = |layer: &Layer| layer.segment.graphs >= MANY && layer.live() < layer.segment.graphs / 2;
    let sizes: Vec<(u64, bool)> = layers.iter().map(|layer| (u64::from(layer.segment.rows), stale(layer))).collect();
    let mut from = first_by_size(&sizes);
    while from < layers.len() && !fits(&layers[from..]) {
        from += 1;
    }
    let useful = layers.len() - from > 1 || sizes.get(from).is_some_and(|(_, stale)| *stale);
    if useful { from } else { layers.len() }
}

/// The same, by the rows of each segment and whether it is mostly masked.
fn first_by_size(sizes: &[(u64, bool)]) -> usize {
    let times = if sizes.len() > MOST_LAYERS { 1 } else { TIMES };
    let (mut from, mut after) = (sizes.len(), 0);
    for (place, (rows, stale)) in sizes.iter().enumerate().rev() {
        if *stale || (after > 0 && (rows * times < after || place >= 2 * MOST_LAYERS)) {
            from = place;
        }
        after += rows;
    }
    from
}

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
            // Before the files go that the other names.
            found.clone().emptied().write(directory)?;
        }
        let manifest = if followed { found } else { found.emptied() };
        let held = Held::of(directory, manifest)?;
        Ok(Self { directory: directory.to_owned(), held, memory: memory_mb << 20, lost: None })
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

#[cfg(test)]
mod tests {
    use super::*;

    /// However segments come, few are left, and each row is written few times.
    #[test]
    fn segments_stay_few_and_rows_are_written_a_few_times() {
        for sizes in [vec![100; 1000], (0..1000).map(|n| 1 + n % 17 * 50).collect(), vec![1_000_000, 1, 1, 1, 5000, 1, 1, 1, 1]] {
            let (mut layers, mut written, mut most): (Vec<(u64, bool)>, u64, usize) = (Vec::new(), 0, 0);
            for rows in &sizes {
                layers.push((*rows, false));
                let from = first_by_size(&layers);
                if layers.len() - from > 1 {
                    let merged: u64 = layers.drain(from..).map(|(rows, _)| rows).sum();
                    layers.push((merged, false));
                    written += merged;
                }
                most = most.max(layers.len());
            }
            let all: u64 = sizes.iter().sum();
            assert!(most <= MOST_LAYERS + 4 && written <= 8 * all, "{most} segments, {written} rows for {all}");
        }
        assert_eq!(first_by_size(&[(100, false), (100, true), (100, false)]), 1, "what is mostly masked is merged");
    }
}
