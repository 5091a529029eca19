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

/// Which rows are not wanted.
#[derive(Clone, Copy)]
pub(super) enum Skip<'a> {
    Nothing,
    /// More of a row, whose place is in a slot, that something was found for. `once`: nor more than one in a list.
    Found {
        origin: usize,
        found: &'a [bool],
        once: bool,
    },
}

impl Skip<'_> {
    #[inline]
    pub(super) fn skips(self, row: &[Code]) -> bool {
        match self {
            Self::Nothing => false,
            Self::Found { origin, found, .. } => found.get(row[origin] as usize).is_some_and(|found| *found),
        }
    }

    pub(super) fn is_once(self) -> bool {
        matches!(self, Self::Found { once: true, .. })
    }
}
