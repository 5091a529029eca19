//! Harvesting: from a plan to pages in the log and views that follow.
//!
//! [`plan`](plan()) decides what to ask for, from the log alone. [`Client`] asks, politely and with patience.
//! [`run`](run()) joins them: one thread fetches and parses while another commits pages and brings the views up.

mod answer;
mod client;
mod fetch;
mod list;
mod plan;
mod probe;
mod run;

pub use client::{Client, FetchError, Stop};
pub use plan::{Facts, Options, Step, plan, reopen};
pub use probe::ProbeError;
pub use run::{HarvestError, HarvestReport, Outcome, Progress, RunOptions, run};
