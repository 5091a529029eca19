//! Harvesting: the plan (pure), the client (politeness, retries), the fetching and the committing side of a run, and
//! proof against the source.
//!
//! Between the two sides waits at most one page, so memory does not grow with the list. Whatever stops either side,
//! the log is whole and the next run goes on.

mod answer;
mod audit;
mod client;
mod context;
mod error;
mod fetch;
mod follow;
mod isolate;
mod list;
mod place;
mod plan;
mod probe;
mod repair;
mod run;
mod stop;
mod walk;

pub use audit::{AuditOptions, AuditReport, Hear, audit};
pub use client::{Client, Traffic};
pub use error::{FetchError, TransportCause};
pub use plan::{Facts, Options, Step, other_words, plan};
pub use probe::ProbeError;
pub use repair::{RetryReport, retry};
pub use run::{HarvestError, HarvestReport, Outcome, Progress, RunOptions, run};
pub use stop::Stop;
