//! The writer's index: what is on the disk, and what waits to go there.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use fs_err as fs;

use super::VERSION;
use super::build::Builder;
use super::error::IndexError;
use super::live::Live;
use super::manifest::{Manifest, Named};
use super::merge::{are_clean, fits, merge};
use super::merging::{Merged, Merging};
use super::packed::{Index, Layer};
use super::part::Part;
use super::tiers::first_to_merge;
use crate::log::Mark;

/// What is on the disk, and what waits to go there.
pub(super) struct Held {
    pub(super) manifest: Manifest,
    pub(super) index: Index,
    builder: Builder,
    /// Layers whose masks changed.
    masked: Vec<bool>,
    pub(super) reached: Option<Mark>,
    /// Segments that are merged meanwhile.
    merging: Option<Merging>,
}

impl Held {
    pub(super) fn of(directory: &Path, manifest: Manifest) -> Result<Self, IndexError> {
        manifest.remove_others(directory)?;
        let index = Index::of(directory, &manifest)?;
        let (term, blank) = index.next_codes();
        Ok(Self {
            masked: vec![false; index.layers.len()],
            builder: Builder::new(term, blank),
            index,
            manifest,
            reached: None,
            merging: None,
        })
    }

    pub(super) fn apply(&mut self, part: &Part, directory: &Path, memory: usize) -> Result<(), IndexError> {
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

    pub(super) fn has_changes(&self) -> bool {
        !self.builder.is_empty() || self.reached.is_some() || self.masked.contains(&true)
    }

    /// Makes all that was applied safe.
    pub(super) fn commit(&mut self, directory: &Path) -> Result<(), IndexError> {
        let mut old = Vec::new();
        if !self.builder.is_empty() {
            let file = self.manifest.new_file("segment");
            std::mem::take(&mut self.builder).write(&directory.join(&file), directory)?;
            let named = Named { file, mask: None, mask_sum: 0, masked: 0 };
            self.index.layers.push(Layer::open(directory, &named)?);
            self.manifest.segments.push(named);
            self.masked.push(false);
        }
        self.take_merged(directory, &mut old)?;
        self.begin_merging(directory)?;
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

    /// Begins to merge segments on another thread, where that is worth while and there is room on the disk.
    fn begin_merging(&mut self, directory: &Path) -> Result<(), IndexError> {
        if self.merging.is_some() {
            return Ok(());
        }
        let from = first_to_merge(&self.index.layers, |layers| has_room(layers, directory).unwrap_or(false));
        if from < self.index.layers.len() {
            let file = self.manifest.new_file("segment");
            self.merging = Some(Merging::begin(&self.index.layers[from..], from, file, directory)?);
        }
        Ok(())
    }

    /// Takes what was merged in place of its segments, if it is there. Their files go to `old`. Answers whether it is.
    fn take_merged(&mut self, directory: &Path, old: &mut Vec<String>) -> Result<bool, IndexError> {
        let Some(merging) = self.merging.take_if(|merging| merging.is_done()) else { return Ok(false) };
        let Merged { from, file, masks, ordinals } = match merging.finish() {
            Ok(merged) => merged,
            Err(error @ IndexError::Damaged { .. }) => return Err(error),
            Err(error) => {
                // They are read as they are, and merged later.
                tracing::warn!("segments of the index could not be merged: {error}");
                return Ok(false);
            }
        };
        let layers = from..from + masks.len();
        let hidden =
            self.index.layers[layers.clone()].iter().zip(&masks).zip(&ordinals).flat_map(|((layer, before), ordinals)| {
                let since = (0_u32..).zip(ordinals).filter(|(graph, _)| layer.mask.has(*graph) && !before.has(*graph));
                since.map(|(_, ordinal)| *ordinal)
            });
        let hidden: Vec<u32> = hidden.collect();
        self.replace(layers, file, directory, old)?;
        for graph in &hidden {
            self.index.layers[from].hide(*graph);
        }
        self.masked[from] = !hidden.is_empty();
        Ok(true)
    }

    /// Takes the segment in a file in place of others. Their files go to `old`.
    fn replace(&mut self, layers: Range<usize>, file: String, directory: &Path, old: &mut Vec<String>) -> Result<(), IndexError> {
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

    /// Waits for what is merged, no longer than until a time. Answers whether something was.
    pub(super) fn settle(&mut self, directory: &Path, until: Instant) -> Result<bool, IndexError> {
        let mut changed = self.has_changes();
        if changed {
            self.commit(directory)?;
        }
        while let Some(merging) = &self.merging {
            if !merging.wait(until) {
                self.stop_merging();
                tracing::warn!(
                    "segments of the index could not be merged within index.merge_s, and are read as they are; `compact` merges them"
                );
                break;
            }
            let mut old = Vec::new();
            if !self.take_merged(directory, &mut old)? {
                break;
            }
            changed = true;
            self.begin_merging(directory)?;
            self.write(directory, old)?;
        }
        Ok(changed)
    }

    /// Ends what is merged, without a result.
    pub(super) fn stop_merging(&mut self) {
        self.merging = None;
    }

    /// Makes it one segment, without the terms that nothing has any more.
    pub(super) fn optimize(&mut self, directory: &Path) -> Result<(), IndexError> {
        self.commit(directory)?;
        self.stop_merging();
        let layers = &self.index.layers;
        if layers.len() > 1 && !fits(layers) {
            tracing::warn!("the index is more than one segment can hold, and stays divided");
            return Ok(());
        }
        let clean = are_clean(layers);
        if layers.len() <= 1 && clean {
            // It stays as it is, and is not published again unread.
            return layers.iter().try_for_each(|layer| layer.segment.file.check_all());
        }
        if !has_room(layers, directory)? {
            tracing::warn!("the disk has no room to merge the segments of the index, which stay divided");
            return Ok(());
        }
        let mut old = Vec::new();
        let (all, file) = (0..layers.len(), self.manifest.new_file("segment"));
        // Nothing else is written meanwhile, so that nothing takes up a term that is dropped.
        let live = if clean { None } else { Some(Live::of(layers)?) };
        merge(layers, live.as_ref(), &directory.join(&file), directory, &AtomicBool::new(false))?;
        self.replace(all, file, directory, &mut old)?;
        self.write(directory, old)
    }
}

/// Whether the disk can hold what some segments become beside them. Their columns grow in files of their own before they are put together.
fn has_room(layers: &[Layer], directory: &Path) -> std::io::Result<bool> {
    let bytes: u64 = layers.iter().map(|layer| layer.segment.file.bytes()).sum();
    Ok(bytes.saturating_mul(2) < fs4::available_space(directory)?)
}
