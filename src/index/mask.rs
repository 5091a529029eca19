//! Masks: which graphs of a segment count no more, since they were replaced or are gone.

use std::path::Path;

use fs_err as fs;

use super::error::IndexError;
use crate::snapshots::sync;

/// A bit for each graph of a segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mask {
    words: Vec<u64>,
    count: u32,
}

impl Mask {
    pub(super) fn none(graphs: u32) -> Self {
        Self { words: vec![0; (graphs as usize).div_ceil(64)], count: 0 }
    }

    pub(super) fn read(path: &Path, sum: u32, graphs: u32) -> Result<Self, IndexError> {
        let bytes = fs::read(path)?;
        if crc32fast::hash(&bytes) != sum || bytes.len() != (graphs as usize).div_ceil(64) * 8 {
            return Err(IndexError::damaged(path, "its checksum is wrong"));
        }
        let (words, _) = bytes.as_chunks::<8>();
        let words: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let count = words.iter().map(|word| word.count_ones()).sum();
        Ok(Self { words, count })
    }

    /// Writes it to the disk. Answers its checksum.
    pub(super) fn write(&self, path: &Path) -> Result<u32, IndexError> {
        let bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        fs::write(path, &bytes)?;
        sync(path)?;
        Ok(crc32fast::hash(&bytes))
    }

    #[inline]
    pub(super) fn has(&self, graph: u32) -> bool {
        self.count > 0 && self.words.get(graph as usize / 64).is_some_and(|word| word >> (graph % 64) & 1 == 1)
    }

    /// Answers whether it is new.
    pub(super) fn add(&mut self, graph: u32) -> bool {
        let new = !self.has(graph);
        if let Some(word) = self.words.get_mut(graph as usize / 64).filter(|_| new) {
            *word |= 1 << (graph % 64);
            self.count += 1;
        }
        new
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }
}
