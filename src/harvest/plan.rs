//! What to ask the source for next: a pure function of the log and the user's wishes.

use chrono::Days;

use crate::log::{HarvestId, HarvestKind, HarvestRow, HarvestState};
use crate::oai::{Datestamp, Granularity, ListArguments, ListVerb, MetadataPrefix, Request, ResumptionToken};

/// What the log and the source say.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The newest harvest of the kind that is wanted.
    pub newest: Option<&'a HarvestRow>,
    /// The last regular harvest that reached the end of its list.
    pub complete: Option<&'a HarvestRow>,
    /// The granularity that `Identify` names.
    pub granularity: Granularity,
    /// How far a new window reaches back before the last one began, in seconds.
    pub overlap_s: u32,
}

/// What the user wishes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Everything, whatever the log has.
    pub full: bool,
    /// A lower bound by hand.
    pub from: Option<Datestamp>,
    /// An upper bound by hand.
    pub until: Option<Datestamp>,
}

impl Options {
    /// Bounds by hand make a window, which moves nothing.
    #[must_use]
    pub fn kind(&self) -> HarvestKind {
        if self.from.is_some() || self.until.is_some() { HarvestKind::Window } else { HarvestKind::Regular }
    }
}

/// The first request of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Go on with an open list where it stopped.
    Resume {
        /// The harvest.
        harvest: HarvestId,
        /// Its token.
        token: ResumptionToken,
    },
    /// Ask for the rest of an open list anew.
    Reopen {
        /// The harvest.
        harvest: HarvestId,
        /// Lower bound, at the source's granularity.
        from: Option<String>,
        /// Upper bound, at the source's granularity.
        until: Option<String>,
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

/// Decides the first request of a run.
///
/// An open list is finished before another begins, unless other bounds or `--full` are asked for. A new regular
/// window begins where the *server's* clock stood at the first answer of the last complete one, less an overlap.
#[must_use]
pub fn plan(facts: &Facts<'_>, options: &Options) -> Step {
    let at = |stamp: Datestamp| stamp.at(facts.granularity);
    let (from, until) = (options.from.map(at), options.until.map(at));
    let kind = options.kind();
    let open = facts.newest.filter(|harvest| harvest.state == HarvestState::Open);
    // `--full` goes on with an interrupted full list, and begins one in place of an interrupted update.
    let open = open.filter(|harvest| match kind {
        HarvestKind::Window => harvest.from == from && harvest.until == until,
        HarvestKind::Regular => !options.full || harvest.from.is_none(),
    });
    if let Some(harvest) = open {
        return match &harvest.token {
            Some(token) => Step::Resume { harvest: harvest.id, token: token.clone() },
            None => reopen(harvest, facts),
        };
    }
    let follow =
        facts.complete.and_then(|complete| complete.first_response).filter(|_| kind == HarvestKind::Regular && !options.full);
    let from = from.or_else(|| follow.map(|response| at(response.earlier_by(facts.overlap_s))));
    Step::Begin { kind, from, until }
}

/// Opens an interrupted list again without its token: from the newest datestamp seen, less the overlap, if the
/// list came in that order, else from its start. Nothing is skipped, and repeats cost nothing.
#[must_use]
pub fn reopen(harvest: &HarvestRow, facts: &Facts<'_>) -> Step {
    let reached = harvest.newest.filter(|_| harvest.ordered).map(|newest| newest.earlier_by(facts.overlap_s));
    let start = harvest.from.as_deref().and_then(|from| Datestamp::parse(from).ok());
    let from = reached.filter(|reached| start.is_none_or(|start| *reached > start)).map(|reached| reached.at(facts.granularity));
    Step::Reopen { harvest: harvest.id, from: from.or_else(|| harvest.from.clone()), until: harvest.until.clone() }
}

/// A request in other words, for a server that refuses those of the specification: with bounds of the other
/// granularity, then without the lower one, which asks for more; a token with the prefix beside it, or as it came.
#[must_use]
pub fn other_words(request: &Request, prefix: &MetadataPrefix) -> Vec<Request> {
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
    let mut words = Vec::new();
    if arguments.from.is_some() || arguments.until.is_some() {
        let from = arguments.from.as_deref().and_then(|from| other(from, Days::new(0)));
        // Some servers take a day as its last moment, some as its first; a fraction after 23:59:59 is in neither second.
        let until = arguments.until.as_deref().and_then(|until| other(until, Days::new(1)));
        words.push(verb.begin(ListArguments { from, until, ..arguments.clone() }));
    }
    if arguments.from.is_some() {
        words.push(verb.begin(ListArguments { from: None, ..arguments.clone() }));
    }
    words
}

fn other_tokens(verb: ListVerb, token: &ResumptionToken, prefix: &MetadataPrefix) -> Vec<Request> {
    let mut words = vec![Request::ResumeWithPrefix(verb, token.clone(), prefix.clone())];
    if token.as_str().contains(|c: char| !c.is_ascii_alphanumeric() && !"-_.~".contains(c)) {
        words.push(Request::ResumeUnencoded(verb, token.clone()));
    }
    words
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
            newest: None,
            started_at: 0,
            finished_at: None,
            counters: Counters::default(),
        }
    }

    fn facts<'a>(newest: Option<&'a HarvestRow>, complete: Option<&'a HarvestRow>) -> Facts<'a> {
        Facts { newest, complete, granularity: Granularity::Second, overlap_s: 600 }
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
        let daily = Facts { granularity: Granularity::Day, ..facts(Some(&last), Some(&last)) };
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
    fn a_list_without_a_token_reopens_where_its_order_allows() {
        let mut open = HarvestRow { newest: Some(stamp("2026-05-05T10:00:00Z")), ..harvest(HarvestState::Open) };
        let from = |open: &HarvestRow| match plan(&facts(Some(open), None), &Options::default()) {
            Step::Reopen { from, .. } => from,
            other => panic!("{other:?}"),
        };
        assert_eq!(from(&open), Some("2026-05-05T09:50:00Z".into()));
        open.from = Some("2026-05-05T09:55:00Z".into());
        assert_eq!(from(&open), open.from, "never before the window's own start");
        open.from = None;
        open.ordered = false;
        assert_eq!(from(&open), None, "out of order: from the start");
    }

    #[test]
    fn a_refused_request_has_other_words_that_ask_for_no_less() {
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
            other_words(&list(Some("2026-01-02T03:04:05Z"), None), &prefix),
            [list(Some("2026-01-02"), None), list(None, None)]
        );
        assert_eq!(
            other_words(&list(None, Some("2026-01-03T03:04:05Z")), &prefix),
            [list(None, Some("2026-01-04"))],
            "all of that day"
        );
        assert_eq!(
            other_words(&list(Some("2026-01-02"), Some("2026-01-03")), &prefix)[0],
            list(Some("2026-01-02T00:00:00Z"), Some("2026-01-04T00:00:00Z"))
        );
        assert!(other_words(&list(None, None), &prefix).is_empty());
        let token = ResumptionToken::new("a+b").expect("valid");
        assert_eq!(
            other_words(&ListVerb::Records.resume(token.clone()), &prefix),
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
