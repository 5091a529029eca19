//! Batches: the ways in which the look-ups of a chain match so far, with the values that they have.

use super::code::Code;

/// Some rows of values, as many in each.
#[derive(Debug)]
pub(super) struct Batch {
    stride: usize,
    values: Vec<Code>,
}

impl Batch {
    /// One whose rows have `stride` values, at least one.
    pub(super) fn new(stride: usize) -> Self {
        Self { stride: stride.max(1), values: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.values.len() / self.stride
    }

    #[inline]
    pub(super) fn row(&self, at: usize) -> &[Code] {
        &self.values[at * self.stride..(at + 1) * self.stride]
    }

    pub(super) fn clear(&mut self) {
        self.values.clear();
    }

    /// Adds a row, to be changed.
    #[inline]
    pub(super) fn push(&mut self, row: &[Code]) -> &mut [Code] {
        let start = self.values.len();
        self.values.extend_from_slice(row);
        &mut self.values[start..]
    }
}
