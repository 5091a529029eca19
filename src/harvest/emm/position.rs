//! Where a dump continues, and what a run begins with: pure decisions.

use serde::{Deserialize, Serialize};

use crate::log::{HarvestId, HarvestRow, HarvestState};
use crate::oai::ResumptionToken;

/// Where a harvest by dumps continues: the token of the harvest in the log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Position {
    /// The audit whose list the dumps fill.
    pub(super) audit: i64,
    /// How many selections ended.
    pub(super) done: usize,
    /// The offset of the next page.
    pub(super) offset: u64,
    /// When the dump was made, as it came.
    pub(super) start: Option<String>,
    /// When the oldest of the dumps was made, milliseconds since 1970.
    pub(super) oldest: Option<i64>,
    /// Whether the dumps have entries that cannot be named: what a dump does not list may be one of them.
    #[serde(default)]
    pub(super) unnamed: bool,
}

impl Position {
    /// The token that the log keeps.
    pub(super) fn token(&self) -> Option<ResumptionToken> {
        ResumptionToken::new(&serde_json::to_string(self).ok()?).ok()
    }

    /// The position that a token stands for.
    pub(super) fn of_token(token: &ResumptionToken) -> Option<Self> {
        serde_json::from_str(token.as_str()).ok()
    }

    /// The position after a selection ended.
    pub(super) fn after_selection(&self) -> Self {
        Self { done: self.done + 1, offset: 0, start: None, ..self.clone() }
    }
}

/// What a run does first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Begin {
    /// It dumps everything, in a new harvest.
    Dump,
    /// It continues a dump.
    ResumeDump(HarvestId, Option<Position>),
    /// It reads the changes since a time, in a new harvest.
    Changes(i64),
    /// It reads them in the harvest of an earlier run.
    ResumeChanges(HarvestId, i64),
}

/// What a run knows before it decides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    /// The newest regular harvest.
    pub(super) newest: Option<&'a HarvestRow>,
    /// The time up to which the feed is known.
    pub(super) feed: Option<i64>,
    /// Whether the selections are those of the last run.
    pub(super) same_selections: bool,
    /// Whether the feed says all that happens to the selections.
    pub(super) feed_suffices: bool,
    /// The user asks for a dump.
    pub(super) full: bool,
}

/// Decides what a run does first. A dump that is open is finished before anything else.
pub(super) fn begin(known: Known<'_>) -> Begin {
    let open = known.newest.filter(|harvest| harvest.state == HarvestState::Open && known.same_selections);
    let since = known.feed.filter(|_| known.same_selections && known.feed_suffices && !known.full);
    match (open, since) {
        (Some(harvest), _) if harvest.from.is_none() => {
            Begin::ResumeDump(harvest.id, harvest.token.as_ref().and_then(Position::of_token))
        }
        (Some(harvest), Some(since)) => Begin::ResumeChanges(harvest.id, since),
        (None, Some(since)) => Begin::Changes(since),
        (_, None) => Begin::Dump,
    }
}
