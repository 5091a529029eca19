//! Chains of look-ups that are under way.
//!
//! Rows go from look-up to look-up in batches, so that the processor waits for many places of the files at once. The first batches
//! are small: who wants a few answers does not wait for many.

use spareval::CancellationToken;

use super::batch::Batch;
use super::error::IndexError;
use super::packed::Index;
use super::plan::Plan;
use super::rows::Slot;
use super::stage::Stage;

/// Rows of the first batch, and the most.
const FIRST: usize = 8;
/// See [`FIRST`].
const MOST: usize = 1024;

/// What a chain reads, and whether its query is still wanted.
pub(super) struct Watch<'a> {
    pub(super) index: &'a Index,
    token: CancellationToken,
}

impl<'a> Watch<'a> {
    pub(super) fn new(index: &'a Index, token: CancellationToken) -> Self {
        Self { index, token }
    }
}

/// What is not wanted of a chain.
#[derive(Clone, Copy)]
pub(super) enum Skip<'a> {
    Nothing,
    /// More of a row, whose place is in a slot, that something was found for. `once`: nor more than one in a list.
    Found {
        origin: Slot,
        found: &'a [bool],
        once: bool,
    },
}

impl Skip<'_> {
    #[inline]
    pub(super) fn skips(self, row: &[u32]) -> bool {
        match self {
            Self::Nothing => false,
            Self::Found { origin, found, .. } => found.get(row[origin] as usize).is_some_and(|found| *found),
        }
    }

    pub(super) fn is_once(self) -> bool {
        matches!(self, Self::Found { once: true, .. })
    }
}

/// The look-ups of a plan that are under way. Finds nothing more when the query is cancelled.
pub(super) struct Chain<'a> {
    stages: Vec<Stage<'a>>,
    /// How many rows the next batch may have.
    size: usize,
}

impl<'a> Chain<'a> {
    /// One whose rows have so many slots.
    pub(super) fn new(plan: &Plan, slots: usize) -> Self {
        Self { stages: plan.steps.iter().map(|step| Stage::new(step, slots)).collect(), size: FIRST }
    }

    /// Begins with the rows that `fill` adds.
    pub(super) fn begin(&mut self, plan: &Plan, watch: &Watch<'a>, fill: impl FnOnce(&mut Batch)) -> Result<(), IndexError> {
        self.size = FIRST;
        for stage in &mut self.stages {
            stage.end();
        }
        let (Some(first), Some(step)) = (self.stages.first_mut(), plan.steps.first()) else { return Ok(()) };
        fill(&mut first.input);
        first.begin(step, watch)
    }

    /// Finds more ways in which all match: none in `out` means that there are no more.
    pub(super) fn next(&mut self, plan: &Plan, watch: &Watch<'a>, out: &mut Batch) -> Result<(), IndexError> {
        out.clear();
        while out.len() == 0 && self.advance(plan, watch, Skip::Nothing, out)? {}
        Ok(())
    }

    /// Notes for which of the rows that it began with all match, by their places in the slot `origin`.
    pub(super) fn mark(&mut self, plan: &Plan, watch: &Watch<'a>, origin: Slot, found: &mut [bool]) -> Result<(), IndexError> {
        let mut out = Batch::new(self.stages.first().map_or(1, |stage| stage.slots));
        loop {
            out.clear();
            let goes_on = self.advance(plan, watch, Skip::Found { origin, found, once: false }, &mut out)?;
            for at in 0..out.len() {
                if let Some(found) = found.get_mut(out.row(at)[origin] as usize) {
                    *found = true;
                }
            }
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// Lets the last look-up that has something to do go on. Answers whether there was one.
    fn advance(&mut self, plan: &Plan, watch: &Watch<'a>, skip: Skip<'_>, out: &mut Batch) -> Result<bool, IndexError> {
        let Some(at) = self.stages.iter().rposition(|stage| !stage.is_done()) else { return Ok(false) };
        if watch.token.is_cancelled() {
            return Ok(false);
        }
        let (before, after) = self.stages.split_at_mut(at + 1);
        let (Some(stage), Some(step)) = (before.last_mut(), plan.steps.get(at)) else { return Ok(false) };
        match (after.first_mut(), plan.steps.get(at + 1)) {
            (Some(next), Some(next_step)) => {
                next.input.clear();
                stage.produce(step, watch, self.size, skip, &mut next.input)?;
                next.begin(next_step, watch)?;
            }
            _ => {
                let skip = match skip {
                    Skip::Found { origin, found, .. } => Skip::Found { origin, found, once: true },
                    Skip::Nothing => Skip::Nothing,
                };
                stage.produce(step, watch, self.size, skip, out)?;
            }
        }
        self.size = (self.size * 2).min(MOST);
        Ok(true)
    }
}
