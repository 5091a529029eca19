//! Whether a list goes on after its place was lost: a pure decision.

use super::fetch::Lost;
use crate::log::HarvestRow;
use crate::oai::{Datestamp, Record};

/// The order of a list by datestamps, as far as it was seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    newest: Option<Datestamp>,
    ascends: bool,
}

impl Default for Order {
    fn default() -> Self {
        Self { newest: None, ascends: true }
    }
}

impl Order {
    /// The next entry came.
    pub(super) fn came(&mut self, record: &Record) {
        let Some(datestamp) = record.header.datestamp else { return };
        self.ascends &= self.newest.is_none_or(|newest| newest <= datestamp);
        self.newest = self.newest.max(Some(datestamp));
    }

    /// The newest datestamp of a list that ascends: everything older has come.
    pub(super) fn reached(self) -> Option<Datestamp> {
        self.newest.filter(|_| self.ascends)
    }
}

/// How a list got along since it was last opened.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// Whether it was opened again before.
    reopened: bool,
    /// The newest datestamp when it was opened.
    newest: Option<Datestamp>,
    /// How many entries have come since it was opened.
    received: u64,
    /// The newest datestamp of these.
    reached: Option<Datestamp>,
    /// How many entries had come when its token was last refused.
    refused_at: Option<u64>,
    /// It was taken to have ended where no answer said so.
    pub(super) doubtful: bool,
}

/// What to do about a list whose place was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is opened again.
    Reopen,
    /// It has ended.
    End,
    /// The server neither goes on nor says that this was all.
    GiveUp,
}

impl Place {
    /// In a list of which an earlier run received so many entries.
    pub(super) fn resumed(received: u64) -> Self {
        Self { received, ..Self::default() }
    }

    /// The list was opened, with everything up to `newest` in the log.
    pub(super) fn opened(&mut self, newest: Option<Datestamp>) {
        (self.newest, self.received, self.reached) = (newest, 0, None);
    }

    /// Entries came: of the list, or `by_name`, which says nothing of how far it has come.
    pub(super) fn came(&mut self, records: &[Record], by_name: bool) {
        self.received += records.len() as u64;
        if !by_name {
            self.reached = records.iter().filter_map(|record| record.header.datestamp).max().max(self.reached);
        }
    }

    /// How many entries have come since the list was opened.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Whether the list got further since it was opened.
    pub(super) fn got_further(&self, list: &HarvestRow) -> bool {
        list.newest > self.newest
    }

    /// Decides.
    ///
    /// Some servers refuse the token of the last page. A list in the order of datestamps that is opened again from
    /// where it got to, comes to the same last record and is refused again has ended: its pages are cut elsewhere this
    /// time. Without that order only the very same place says anything, and only where the server says that nothing is
    /// left.
    pub(super) fn lost(&mut self, list: &HarvestRow, why: Lost) -> Verdict {
        let Lost::Refused { nothing_left } = why else {
            self.reopened = true;
            return Verdict::Reopen;
        };
        let again = self.refused_at.replace(self.received) == Some(self.received);
        let (stuck, there) = if list.ordered { (!self.got_further(list), self.reached >= list.newest) } else { (again, false) };
        if self.reopened && stuck {
            self.doubtful = !(nothing_left && list.ordered);
            return if nothing_left || there { Verdict::End } else { Verdict::GiveUp };
        }
        self.reopened = true;
        Verdict::Reopen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Counters, HarvestId, HarvestState};

    const REFUSED: Lost = Lost::Refused { nothing_left: false };
    const NOTHING: Lost = Lost::Refused { nothing_left: true };

    fn stamp(text: &str) -> Option<Datestamp> {
        Datestamp::parse(text).ok()
    }

    fn list(ordered: bool, newest: &str) -> HarvestRow {
        HarvestRow {
            id: HarvestId(1),
            state: HarvestState::Open,
            from: None,
            until: None,
            first_response: None,
            token: None,
            ordered,
            newest: stamp(newest),
            started_at: 0,
            finished_at: None,
            counters: Counters::default(),
        }
    }

    /// Twice a list is refused, after so many entries up to a day.
    fn refused_twice(first: &HarvestRow, second: &HarvestRow, why: Lost, came: [(u64, &str); 2]) -> (Verdict, bool) {
        let mut place = Place { received: came[0].0, reached: stamp(came[0].1), ..Place::default() };
        assert_eq!(place.lost(first, why), Verdict::Reopen, "the first time says nothing");
        place.opened(first.newest);
        (place.received, place.reached) = (came[1].0, stamp(came[1].1));
        (place.lost(second, why), place.doubtful)
    }

    #[test]
    fn an_ordered_list_that_ends_at_the_same_record_twice_has_ended() {
        let (end, further) = (list(true, "2026-05-05"), list(true, "2026-05-06"));
        let there = [(1000, "2026-05-05"), (7, "2026-05-05")];
        assert_eq!(refused_twice(&end, &end, NOTHING, there), (Verdict::End, false));
        assert_eq!(refused_twice(&end, &end, REFUSED, there), (Verdict::End, true));
        assert_eq!(refused_twice(&end, &further, REFUSED, [(1000, "2026-05-05"), (1000, "2026-05-06")]).0, Verdict::Reopen);
        let not_there = [(1000, "2026-05-05"), (1000, "2026-05-04")];
        assert_eq!(refused_twice(&end, &end, REFUSED, not_there).0, Verdict::GiveUp);
    }

    #[test]
    fn without_order_only_the_very_same_place_counts() {
        let (any, day) = (list(false, "2026-05-05"), "2026-05-05");
        assert_eq!(refused_twice(&any, &any, REFUSED, [(3000, day), (1000, day)]).0, Verdict::Reopen);
        assert_eq!(refused_twice(&any, &any, REFUSED, [(3000, day), (3000, day)]).0, Verdict::GiveUp);
        assert_eq!(refused_twice(&any, &any, NOTHING, [(3000, day), (3000, day)]), (Verdict::End, true));
    }

    #[test]
    fn an_answer_that_broke_off_is_always_asked_for_again() {
        let mut place = Place::default();
        let any = list(true, "2026-05-05");
        assert!((0..3).all(|_| place.lost(&any, Lost::Broken) == Verdict::Reopen));
    }
}
