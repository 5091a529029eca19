//! What a run of any kind of source works with.

use chrono::Utc;
use tokio::runtime::Runtime;
use tokio::time::Instant;

use super::outcome::RunOptions;
use crate::config::Config;
use crate::stop::Stop;

/// The settings and the limits of a run.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) config: &'a Config,
    pub(super) options: &'a RunOptions,
    pub(super) stop: &'a Stop,
    /// The runtime of the network side.
    pub(super) runtime: &'a Runtime,
    /// When the run ends, at a checkpoint.
    pub(super) deadline: Option<Instant>,
}

/// The clock of this machine, milliseconds since 1970.
pub(super) fn now() -> i64 {
    Utc::now().timestamp_millis()
}
