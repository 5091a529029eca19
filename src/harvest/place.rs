//! Whether a list goes on after its place was lost: a pure decision.

use super::fetch::Lost;
use crate::log::HarvestRow;
use crate::oai::Datestamp;

/// How a list got along since it was last opened.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// Whether it was opened again before.
    reopened: bool,
    /// The newest datestamp when it was opened.
    newest: Option<Datestamp>,
    /// How often it was lost without getting any further.
    stuck: u32,
    /// It was taken to have ended where no answer said so.
    pub(super) doubtful: bool,
}

impl Place {
    /// The list was opened, with everything up to `newest` in the log.
    pub(super) fn opened(&mut self, newest: Option<Datestamp>) {
        self.newest = newest;
    }

    /// Whether the list got further since it was opened.
    pub(super) fn got_further(&self, list: &HarvestRow) -> bool {
        list.newest > self.newest
    }

    /// Decides whether the list is opened again. Some servers refuse the token of the last page: one that is refused
    /// again, after a list that got no further than the one before, has ended.
    pub(super) fn goes_on(&mut self, list: &HarvestRow, why: Lost) -> bool {
        if let Lost::Refused { nothing_left } = why {
            self.stuck = if self.got_further(list) { 0 } else { self.stuck + 1 };
            // Without the order of datestamps it takes the whole list to get there again.
            if self.reopened && self.stuck > u32::from(!list.ordered) {
                self.doubtful = !(nothing_left && list.ordered);
                return false;
            }
        }
        self.reopened = true;
        true
    }
}
