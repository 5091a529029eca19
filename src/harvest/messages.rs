//! The messages between the fetching side of a run and the committing side.

use tokio::sync::{mpsc, oneshot};

use super::error::FetchError;
use super::list::Part;
use super::probe::ProbeError;
use super::resume::{Continuation, Loss};
use crate::oai::Header;

/// A message to the committing side.
pub(super) enum FromFetcher {
    /// Records to commit.
    Part(Part),
    /// The position in the list is lost: where does it continue?
    Lost(Loss, oneshot::Sender<Continuation>),
    /// Which of these records does the log not hold in the version that the headers name? Of headers that the source has just
    /// listed (`listed`): which did not come in this harvest, since two versions may share a datestamp.
    Which { headers: Vec<Header>, listed: bool, reply: oneshot::Sender<Vec<Header>> },
    /// The list has ended.
    Done,
    /// The list cannot continue.
    Failed(FetchError),
    /// The records of the first page hold no descriptions.
    Useless(ProbeError),
}

/// How many messages may wait for the committing side: memory does not grow with the list.
const PARTS_AHEAD: usize = 1;

/// A channel from the fetching to the committing side.
pub(super) fn channel() -> (mpsc::Sender<FromFetcher>, mpsc::Receiver<FromFetcher>) {
    mpsc::channel(PARTS_AHEAD)
}
