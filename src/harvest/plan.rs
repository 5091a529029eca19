//! What to ask the source for next: a pure function of the log and of the window that the user asks for.

use std::time::Duration;

use chrono::Days;

use crate::log::{HarvestId, HarvestKind, HarvestRow, HarvestState};
use crate::oai::{Datestamp, Granularity, ListArguments, ListVerb, MetadataPrefix, Request, ResumptionToken};

/// How a datestamp becomes a bound of a request.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The granularity that `Identify` names.
    pub granularity: Granularity,
    /// How far a list reaches back before what came already, in seconds.
    pub overlap_s: u32,
}

impl Bounds {
    /// The datestamp at the granularity of the source.
    #[must_use]
    pub fn at(self, stamp: Datestamp) -> String {
        stamp.at(self.granularity)
    }

    fn before(self, stamp: Datestamp) -> Datestamp {
        stamp.earlier_by(self.overlap_s)
    }
}

/// When a source is due whose last harvest ended at `finished`, if that is later than `now`; all in milliseconds since 1970. A
/// clock that was set back does not keep a source waiting for longer than `every`.
#[must_use]
pub fn due_at(finished: Option<i64>, every: Duration, now: i64) -> Option<i64> {
    let every = i64::try_from(every.as_millis()).unwrap_or(i64::MAX);
    let finished = finished.filter(|finished| *finished <= now)?;
    Some(finished.saturating_add(every)).filter(|due| *due > now)
}

/// The harvests that a plan depends on.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The newest harvest of the kind that is wanted.
    pub newest: Option<&'a HarvestRow>,
    /// The last regular harvest whose list ended.
    pub complete: Option<&'a HarvestRow>,
    /// The last regular harvest whose list ended without doubt.
    pub undoubted: Option<&'a HarvestRow>,
    /// How the bounds of a request are written.
    pub bounds: Bounds,
}

/// The window that the user asks for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// The whole list, whatever the log holds.
    pub full: bool,
    /// A lower bound by hand.
    pub from: Option<Datestamp>,
    /// An upper bound by hand.
    pub until: Option<Datestamp>,
}

impl Options {
    /// Bounds by hand make a window, which later harvests do not follow on from.
    #[must_use]
    pub fn kind(&self) -> HarvestKind {
        if self.from.is_some() || self.until.is_some() { HarvestKind::Window } else { HarvestKind::Regular }
    }
}

/// The first request of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Resume an open list by its token.
    Resume {
        /// The harvest.
        harvest: HarvestId,
        /// Its token.
        token: ResumptionToken,
    },
    /// Re-open an open list without its token.
    Reopen {
        /// The harvest.
        harvest: HarvestId,
        /// Lower bound, at the source's granularity.
        from: Option<String>,
        /// Upper bound, at the source's granularity.
        until: Option<String>,
        /// Whether it begins at the newest datestamp that came, on the assumption that the list is in order, and not at the
        /// list's own start.
        by_date: bool,
    },
    /// Begin a list.
    Begin {
        /// Whether later harvests follow on from it.
        kind: HarvestKind,
        /// Lower bound, at the source's granularity.
        from: Option<String>,
        /// Upper bound, at the source's granularity.
        until: Option<String>,
    },
}

impl Step {
    /// The datestamp up to which the list is assumed to have come, if this re-opens it by date.
    pub(super) fn assumed_from(&self) -> Option<Datestamp> {
        match self {
            Self::Reopen { from: Some(from), by_date: true, .. } => Datestamp::parse(from).ok(),
            _ => None,
        }
    }
}

/// Decides the first request of a run.
///
/// An open list is finished before another begins, unless other bounds or `--full` are asked for. For a new regular window see
/// [`next_from`].
#[must_use]
pub fn plan(facts: &Facts<'_>, options: &Options) -> Step {
    let at = |stamp: Datestamp| facts.bounds.at(stamp);
    let (from, until) = (options.from.map(at), options.until.map(at));
    let kind = options.kind();
    let open = facts.newest.filter(|harvest| harvest.state == HarvestState::Open);
    // `--full` resumes an interrupted full list, and replaces an interrupted update.
    let open = open.filter(|harvest| match kind {
        HarvestKind::Window => harvest.from == from && harvest.until == until,
        HarvestKind::Regular => !options.full || harvest.from.is_none(),
    });
    if let Some(harvest) = open {
        return match &harvest.token {
            Some(token) if !harvest.order_is_refuted() => Step::Resume { harvest: harvest.id, token: token.clone() },
            _ => reopen(harvest, facts.bounds),
        };
    }
    let follow = if kind == HarvestKind::Regular && !options.full { next_from(facts) } else { None };
    Step::Begin { kind, from: from.or(follow.map(at)), until }
}

/// Where the next regular window begins; nothing if it is to bring everything.
///
/// After a list that ended without doubt: where the *server's* clock stood at its first answer, less the overlap. A list that
/// ended in doubt may lack records, so the window reaches back to the latest of the points up to which nothing can be missing:
/// that of the last list without doubt, the start of the doubtful list itself, and, if that list was seen to come in the order
/// of datestamps, the newest one that came, less the overlap. A server that ends every list in doubt is thereby not harvested
/// in full each time, if it lists in order.
#[must_use]
pub fn next_from(facts: &Facts<'_>) -> Option<Datestamp> {
    let before = |stamp: Datestamp| facts.bounds.before(stamp);
    let last = facts.complete?;
    let undoubted = facts.undoubted.and_then(|harvest| harvest.first_response).map(before);
    if !last.doubtful {
        return undoubted;
    }
    // A datestamp in the future must not move the window there.
    let newest = last.newest.filter(|_| last.order_is_known()).map(|newest| newest.min(last.first_response.unwrap_or(newest)));
    let start = last.from.as_deref().and_then(|from| Datestamp::parse(from).ok());
    undoubted.max(newest.map(before)).max(start)
}

/// Re-opens a list without its token: from the newest datestamp that came, less the overlap, if the list is in that order; else
/// from its own start, which costs at most what came.
///
/// Order is proof only of what was seen. It counts as known once a page came after another and reached further
/// ([`HarvestRow::order_is_known`]). What follows may still be out of order, and then a list that begins at a datestamp lacks the
/// older records of the rest: so the log notes that the list was re-opened by date, in this run or an earlier one, and a page
/// that descends later refutes the order ([`HarvestRow::order_is_refuted`]). The list is then re-opened from its own start, and
/// not by date again. What remains is a list whose order changes at the very page where its token is lost, and of which
/// nothing newer descends: an audit finds what it lacks.
#[must_use]
pub fn reopen(list: &HarvestRow, bounds: Bounds) -> Step {
    let relied_on = list.ordered && (list.ascended || list.reopened_from.is_some());
    if relied_on { reopen_by_date(list, bounds) } else { reopen_from_start(list) }
}

/// Re-opens a list from the newest datestamp that came, less the overlap, or from its own start if that is later.
pub(super) fn reopen_by_date(list: &HarvestRow, bounds: Bounds) -> Step {
    let start = list.from.as_deref().and_then(|from| Datestamp::parse(from).ok());
    let reached = list.newest.map(|newest| bounds.before(newest)).filter(|reached| start.is_none_or(|start| *reached > start));
    match reached {
        Some(reached) => {
            Step::Reopen { harvest: list.id, from: Some(bounds.at(reached)), until: list.until.clone(), by_date: true }
        }
        None => reopen_from_start(list),
    }
}

/// Re-opens a list from its own start.
pub(super) fn reopen_from_start(list: &HarvestRow) -> Step {
    Step::Reopen { harvest: list.id, from: list.from.clone(), until: list.until.clone(), by_date: false }
}

/// Other forms of a request, for a server that rejects the form of the specification: bounds of the other granularity, then no
/// lower bound, which asks for more; a token with the metadata prefix, or unencoded.
#[must_use]
pub(super) fn other_forms(request: &Request, prefix: &MetadataPrefix) -> Vec<Request> {
    let (verb, arguments) = match request {
        Request::ListRecords(arguments) => (ListVerb::Records, arguments),
        Request::ListIdentifiers(arguments) => (ListVerb::Identifiers, arguments),
        Request::ResumeRecords(token) => return other_tokens(ListVerb::Records, token, prefix),
        Request::ResumeIdentifiers(token) => return other_tokens(ListVerb::Identifiers, token, prefix),
        _ => return Vec::new(),
    };
    let other = |bound: &str, later: Days| {
        let day = Datestamp::parse(bound).ok()?.time().date_naive().checked_add_days(later)?;
        Some(if bound.len() > 10 { format!("{day}") } else { format!("{day}T00:00:00Z") })
    };
    let mut forms = Vec::new();
    if arguments.from.is_some() || arguments.until.is_some() {
        let from = arguments.from.as_deref().and_then(|from| other(from, Days::new(0)));
        // Some servers take a day as its last moment, some as its first; a fraction after 23:59:59 is in neither second.
        let until = arguments.until.as_deref().and_then(|until| other(until, Days::new(1)));
        forms.push(verb.begin(ListArguments { from, until, ..arguments.clone() }));
    }
    if arguments.from.is_some() {
        forms.push(verb.begin(ListArguments { from: None, ..arguments.clone() }));
    }
    forms
}

fn other_tokens(verb: ListVerb, token: &ResumptionToken, prefix: &MetadataPrefix) -> Vec<Request> {
    let mut forms = vec![Request::ResumeWithPrefix(verb, token.clone(), prefix.clone())];
    if token.as_str().contains(|c: char| !c.is_ascii_alphanumeric() && !"-_.~".contains(c)) {
        forms.push(Request::ResumeUnencoded(verb, token.clone()));
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Counters;

    fn stamp(text: &str) -> Datestamp {
        Datestamp::parse(text).expect("a datestamp")
    }

    fn harvest(state: HarvestState) -> HarvestRow {
        HarvestRow {
            id: HarvestId(7),
            state,
            from: None,
            until: None,
            first_response: Some(stamp("2026-07-01T12:00:00.5Z")),
            token: None,
            ordered: true,
            ascended: true,
            reopened_from: None,
            since_opened: 0,
            doubtful: false,
            newest: None,
            started_at: 0,
            finished_at: None,
            counters: Counters::default(),
        }
    }

    fn facts<'a>(newest: Option<&'a HarvestRow>, complete: Option<&'a HarvestRow>) -> Facts<'a> {
        let undoubted = complete.filter(|harvest| !harvest.doubtful);
        Facts { newest, complete, undoubted, bounds: Bounds { granularity: Granularity::Second, overlap_s: 600 } }
    }

    #[test]
    fn the_first_harvest_asks_for_everything() {
        let step = plan(&facts(None, None), &Options::default());
        assert_eq!(step, Step::Begin { kind: HarvestKind::Regular, from: None, until: None });
    }

    #[test]
    fn the_next_window_begins_at_the_servers_clock_less_the_overlap() {
        let last = harvest(HarvestState::Complete);
        let step = plan(&facts(Some(&last), Some(&last)), &Options::default());
        assert_eq!(step, Step::Begin { kind: HarvestKind::Regular, from: Some("2026-07-01T11:50:00Z".into()), until: None });
        let days = Bounds { granularity: Granularity::Day, overlap_s: 600 };
        let daily = Facts { bounds: days, ..facts(Some(&last), Some(&last)) };
        assert_eq!(
            plan(&daily, &Options::default()),
            Step::Begin { kind: HarvestKind::Regular, from: Some("2026-07-01".into()), until: None }
        );
        let full = plan(&facts(Some(&last), Some(&last)), &Options { full: true, ..Options::default() });
        assert_eq!(full, Step::Begin { kind: HarvestKind::Regular, from: None, until: None });
    }

    #[test]
    fn an_open_list_resumes_from_its_token() {
        let token = ResumptionToken::new("abc").expect("valid");
        let open =
            HarvestRow { token: Some(token.clone()), from: Some("2026-06-01T00:00:00Z".into()), ..harvest(HarvestState::Open) };
        assert_eq!(plan(&facts(Some(&open), None), &Options::default()), Step::Resume { harvest: HarvestId(7), token });
        let full = plan(&facts(Some(&open), None), &Options { full: true, ..Options::default() });
        assert_eq!(full, Step::Begin { kind: HarvestKind::Regular, from: None, until: None });
    }

    #[test]
    fn a_list_without_a_token_reopens_by_date_where_its_order_is_known() {
        let mut open = HarvestRow { newest: Some(stamp("2026-05-05T10:00:00Z")), ..harvest(HarvestState::Open) };
        let from = |open: &HarvestRow| match plan(&facts(Some(open), None), &Options::default()) {
            Step::Reopen { from, by_date, .. } => (from, by_date),
            other => panic!("{other:?}"),
        };
        assert_eq!(from(&open), (Some("2026-05-05T09:50:00Z".into()), true));
        open.from = Some("2026-05-05T09:55:00Z".into());
        assert_eq!(from(&open), (open.from.clone(), false), "never before the window's own start");
        open.from = None;
        open.ascended = false;
        assert_eq!(from(&open), (None, false), "a single page is no proof of order");
        open.reopened_from = Some(stamp("2026-05-05T09:00:00Z"));
        assert_eq!(from(&open), (Some("2026-05-05T09:50:00Z".into()), true), "it was relied on before, and nothing refuted it");
        open.ordered = false;
        open.token = ResumptionToken::new("of the list that began too late").ok();
        assert_eq!(from(&open), (None, false), "out of order: from the start, whatever the token is for");
        open.reopened_from = None;
        assert!(matches!(plan(&facts(Some(&open), None), &Options::default()), Step::Resume { .. }));
    }

    #[test]
    fn after_a_doubtful_list_the_window_reaches_back_no_further_than_it_must() {
        let undoubted = harvest(HarvestState::Complete);
        let mut last = HarvestRow {
            doubtful: true,
            first_response: Some(stamp("2026-07-20T12:00:00Z")),
            newest: Some(stamp("2026-07-10T00:10:00Z")),
            ..harvest(HarvestState::Complete)
        };
        let from = |last: &HarvestRow, undoubted: Option<&HarvestRow>| {
            next_from(&Facts { undoubted, ..facts(Some(last), Some(last)) }).map(|from| from.to_string())
        };
        assert_eq!(from(&last, Some(&undoubted)).as_deref(), Some("2026-07-10T00:00:00Z"), "the newest of a list in order");
        last.ascended = false;
        assert_eq!(from(&last, Some(&undoubted)).as_deref(), Some("2026-07-01T11:50:00Z"), "the last list without doubt");
        assert_eq!(from(&last, None), None, "everything");
        last.from = Some("2026-07-05T00:00:00Z".into());
        assert_eq!(from(&last, Some(&undoubted)).as_deref(), Some("2026-07-05T00:00:00Z"), "its own start");
        (last.ascended, last.newest) = (true, Some(stamp("2199-01-01")));
        assert_eq!(from(&last, None).as_deref(), Some("2026-07-20T11:50:00Z"), "never into the future");
        assert_eq!(from(&undoubted, Some(&undoubted)).as_deref(), Some("2026-07-01T11:50:00Z"));
    }

    #[test]
    fn a_refused_request_has_other_forms_that_ask_for_no_less() {
        let prefix = MetadataPrefix::new("ttl").expect("valid");
        let list = |from: Option<&str>, until: Option<&str>| {
            ListVerb::Records.begin(ListArguments {
                prefix: prefix.clone(),
                from: from.map(str::to_owned),
                until: until.map(str::to_owned),
                set: None,
            })
        };
        assert_eq!(
            other_forms(&list(Some("2026-01-02T03:04:05Z"), None), &prefix),
            [list(Some("2026-01-02"), None), list(None, None)]
        );
        assert_eq!(
            other_forms(&list(None, Some("2026-01-03T03:04:05Z")), &prefix),
            [list(None, Some("2026-01-04"))],
            "all of that day"
        );
        assert_eq!(
            other_forms(&list(Some("2026-01-02"), Some("2026-01-03")), &prefix)[0],
            list(Some("2026-01-02T00:00:00Z"), Some("2026-01-04T00:00:00Z"))
        );
        assert!(other_forms(&list(None, None), &prefix).is_empty());
        let token = ResumptionToken::new("a+b").expect("valid");
        assert_eq!(
            other_forms(&ListVerb::Records.resume(token.clone()), &prefix),
            [
                Request::ResumeWithPrefix(ListVerb::Records, token.clone(), prefix),
                Request::ResumeUnencoded(ListVerb::Records, token)
            ]
        );
    }

    #[test]
    fn bounds_by_hand_make_a_window_of_their_own() {
        let last = harvest(HarvestState::Complete);
        let options = Options { from: Some(stamp("2020-01-01")), until: Some(stamp("2020-02-01")), full: false };
        let step = plan(&facts(None, Some(&last)), &options);
        let (from, until) = (Some("2020-01-01T00:00:00Z".to_owned()), Some("2020-02-01T00:00:00Z".to_owned()));
        assert_eq!(step, Step::Begin { kind: HarvestKind::Window, from, until });
        let only_until = plan(&facts(None, Some(&last)), &Options { until: Some(stamp("2020-02-01")), ..Options::default() });
        assert_eq!(only_until, Step::Begin { kind: HarvestKind::Window, from: None, until: Some("2020-02-01T00:00:00Z".into()) });
    }
}
