//! Where a list continues after its position was lost: a pure decision.

use super::list::Part;
use super::plan::{Bounds, Step, reopen, reopen_by_date};
use crate::log::HarvestRow;
use crate::oai::Datestamp;

/// Why the position in a list is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// The server rejects the token, or answers that nothing matches it.
    Refused {
        /// It answers that nothing is left (`noRecordsMatch`).
        nothing_left: bool,
    },
    /// The answer broke off, or never comes.
    Broken,
}

/// How a list continues after its position was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Continuation {
    /// It is re-opened by this step.
    Reopen(Step),
    /// It has ended.
    End,
    /// It is given up: the server neither continues it nor says that this was all.
    GiveUp,
}

/// Where a list was last re-opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    Start,
    ByDate,
}

/// The progress of a list since it was last opened.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ListProgress {
    /// Where it was re-opened in this run, if it was.
    reopened: Option<Opening>,
    /// The newest datestamp in the log when it was opened.
    newest: Option<Datestamp>,
    /// How many entries came since then.
    received: u64,
    /// How many entries it named that the server did not deliver.
    undelivered: u64,
    /// The newest datestamp of what came.
    reached: Option<Datestamp>,
    /// How many entries it promised (`completeListSize`).
    promised: Option<u64>,
    /// How many entries had come when its token was last refused.
    refused_at: Option<u64>,
    /// It was taken to have ended, though no answer ended it.
    pub(super) doubtful: bool,
}

impl ListProgress {
    /// The progress of a list that earlier runs opened, and received some entries of since then.
    pub(super) fn resumed(received: u64) -> Self {
        Self { received, ..Self::default() }
    }

    /// The list was opened; `newest` is the newest datestamp that the log has of it.
    pub(super) fn opened(&mut self, newest: Option<Datestamp>) {
        let Self { reopened, refused_at, doubtful, .. } = *self;
        *self = Self { reopened, newest, refused_at, doubtful, ..Self::default() };
    }

    /// The list is re-opened from its own start, because its order was refuted.
    pub(super) fn restarted() -> Self {
        Self { reopened: Some(Opening::Start), ..Self::default() }
    }

    /// A part came. Records that were requested by identifier do not say how far the list has come.
    pub(super) fn came(&mut self, part: &Part) {
        self.received += part.records.len() as u64;
        self.undelivered += part.undelivered.len() as u64;
        self.promised = self.promised.or(part.end.as_ref().and_then(|end| end.complete_list_size));
        if !part.by_name {
            self.reached = part.records.iter().filter_map(|record| record.header.datestamp).max().max(self.reached);
        }
    }

    /// How many entries came since the list was opened.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// How many entries the list promised, if fewer came.
    pub(super) fn broken_promise(&self) -> Option<u64> {
        self.promised.filter(|promised| *promised > self.received + self.undelivered)
    }

    /// Whether the list reached a newer datestamp since it was opened.
    pub(super) fn got_further(&self, list: &HarvestRow) -> bool {
        list.newest > self.newest
    }

    /// Where a list that ended before it kept its promise is re-opened; nothing if that was tried and got no further.
    pub(super) fn short(&mut self, list: &HarvestRow, bounds: Bounds) -> Option<Step> {
        let step = self.next_opening(list, bounds)?;
        self.reopen(&step);
        Some(step)
    }

    /// Decides how the list continues.
    ///
    /// Some servers refuse the token of the last page. A list in the order of datestamps that is re-opened by date, reaches the
    /// same last record and is refused again has ended: its pages are cut elsewhere this time. Without that order only the very
    /// same position counts, and only if the server answers that nothing is left.
    pub(super) fn lost(&mut self, list: &HarvestRow, loss: Loss, bounds: Bounds) -> Continuation {
        let next = match loss {
            Loss::Broken => Some(reopen(list, bounds)),
            Loss::Refused { .. } => {
                let same_position = self.refused_at.replace(self.received) == Some(self.received);
                match list.ordered {
                    true => self.next_opening(list, bounds),
                    false if self.reopened.is_some() && same_position => None,
                    false => Some(reopen(list, bounds)),
                }
            }
        };
        if let Some(step) = next {
            self.reopen(&step);
            return Continuation::Reopen(step);
        }
        let nothing_left = loss == Loss::Refused { nothing_left: true };
        let reached_the_newest = list.ordered && self.reached >= list.newest;
        self.doubtful = !(nothing_left && list.ordered);
        if nothing_left || reached_the_newest { Continuation::End } else { Continuation::GiveUp }
    }

    /// The next opening to try; nothing if the last one of its kind got no further.
    ///
    /// A list whose order is not known is first re-opened from its start. If the server stops at the same record again, as one
    /// does whose tokens never work, the list continues by date all the same: a page out of order refutes that later.
    fn next_opening(&self, list: &HarvestRow, bounds: Bounds) -> Option<Step> {
        let stuck = !self.got_further(list);
        match self.reopened.filter(|_| stuck) {
            None => Some(reopen(list, bounds)),
            Some(Opening::Start) if list.ordered => {
                Some(reopen_by_date(list, bounds)).filter(|step| matches!(step, Step::Reopen { by_date: true, .. }))
            }
            Some(_) => None,
        }
    }

    fn reopen(&mut self, step: &Step) {
        let by_date = matches!(step, Step::Reopen { by_date: true, .. });
        self.reopened = Some(if by_date { Opening::ByDate } else { Opening::Start });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Counters, HarvestId, HarvestState};
    use crate::oai::Granularity;

    const REFUSED: Loss = Loss::Refused { nothing_left: false };
    const NOTHING: Loss = Loss::Refused { nothing_left: true };
    const BOUNDS: Bounds = Bounds { granularity: Granularity::Day, overlap_s: 0 };

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
            ascended: true,
            reopened_from: None,
            since_opened: 0,
            doubtful: false,
            newest: stamp(newest),
            started_at: 0,
            finished_at: None,
            counters: Counters::default(),
        }
    }

    /// Whether a continuation re-opens the list, and by date.
    fn reopens(continuation: &Continuation) -> Option<bool> {
        match continuation {
            Continuation::Reopen(Step::Reopen { by_date, .. }) => Some(*by_date),
            _ => None,
        }
    }

    /// Refuses a list twice, after a number of entries up to a day; answers how it continues the second time, and if that is in doubt.
    fn refused_twice(first: &HarvestRow, second: &HarvestRow, loss: Loss, came: [(u64, &str); 2]) -> (Continuation, bool) {
        let mut progress = ListProgress { received: came[0].0, reached: stamp(came[0].1), ..ListProgress::default() };
        assert!(reopens(&progress.lost(first, loss, BOUNDS)).is_some(), "a first refusal proves nothing");
        progress.opened(first.newest);
        (progress.received, progress.reached) = (came[1].0, stamp(came[1].1));
        (progress.lost(second, loss, BOUNDS), progress.doubtful)
    }

    #[test]
    fn an_ordered_list_that_ends_at_the_same_record_twice_has_ended() {
        let (end, further) = (list(true, "2026-05-05"), list(true, "2026-05-06"));
        let there = [(1000, "2026-05-05"), (7, "2026-05-05")];
        assert_eq!(refused_twice(&end, &end, NOTHING, there), (Continuation::End, false));
        assert_eq!(refused_twice(&end, &end, REFUSED, there), (Continuation::End, true));
        let goes_on = refused_twice(&end, &further, REFUSED, [(1000, "2026-05-05"), (1000, "2026-05-06")]).0;
        assert_eq!(reopens(&goes_on), Some(true));
        let not_there = [(1000, "2026-05-05"), (1000, "2026-05-04")];
        assert_eq!(refused_twice(&end, &end, REFUSED, not_there).0, Continuation::GiveUp);
    }

    #[test]
    fn without_order_only_the_very_same_position_counts() {
        let (any, day) = (list(false, "2026-05-05"), "2026-05-05");
        assert_eq!(reopens(&refused_twice(&any, &any, REFUSED, [(3000, day), (1000, day)]).0), Some(false));
        assert_eq!(refused_twice(&any, &any, REFUSED, [(3000, day), (3000, day)]).0, Continuation::GiveUp);
        assert_eq!(refused_twice(&any, &any, NOTHING, [(3000, day), (3000, day)]), (Continuation::End, true));
    }

    #[test]
    fn a_list_of_unknown_order_is_re_opened_from_its_start_and_then_by_date() {
        let one_page = HarvestRow { ascended: false, ..list(true, "2026-05-05") };
        let mut progress = ListProgress { received: 10, reached: one_page.newest, ..ListProgress::default() };
        for by_date in [false, true] {
            assert_eq!(reopens(&progress.lost(&one_page, REFUSED, BOUNDS)), Some(by_date));
            progress.opened(one_page.newest);
            progress.reached = one_page.newest;
        }
        assert_eq!((progress.lost(&one_page, REFUSED, BOUNDS), progress.doubtful), (Continuation::End, true));
        // A broken promise is followed by the same two attempts.
        let mut progress = ListProgress { received: 10, ..ListProgress::default() };
        for by_date in [Some(false), Some(true), None] {
            let step = progress.short(&one_page, BOUNDS);
            assert_eq!(step.map(Continuation::Reopen).as_ref().and_then(reopens), by_date);
            progress.opened(one_page.newest);
        }
    }

    #[test]
    fn an_answer_that_broke_off_is_always_asked_for_again() {
        let mut progress = ListProgress::default();
        let any = list(true, "2026-05-05");
        assert!((0..3).all(|_| reopens(&progress.lost(&any, Loss::Broken, BOUNDS)) == Some(true)));
    }
}
