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

    /// Another whose rows have as many.
    pub(super) fn alike(&self) -> Self {
        Self::new(self.stride)
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

/// What is wanted of a look-up: rows, but not too many.
pub(super) struct Request<'b> {
    pub(super) out: &'b mut Batch,
    pub(super) limit: usize,
    /// Where rows are only marked, those that something was found for, by their places in a slot: more of them are not wanted.
    pub(super) found: Option<(usize, &'b [bool])>,
    /// Whether one row of a list is enough.
    pub(super) once: bool,
}

impl Request<'_> {
    pub(super) fn is_open(&self) -> bool {
        self.out.len() < self.limit
    }

    #[inline]
    pub(super) fn skips(&self, row: &[Code]) -> bool {
        self.found.is_some_and(|(origin, found)| found.get(row[origin] as usize).is_some_and(|found| *found))
    }
}
