//! Harvesting: the plan (pure), the client (politeness, retries), the fetching and the committing side of a run, and audits
//! against the source.
//!
//! The files from the top down; each uses only those below it:
//!
//! - `run`, `audit`, `repair`: a harvest of any source, an audit, and records that are fetched by their identifiers
//! - `list_run`: a harvest of an OAI-PMH list
//! - `documents`: a run and an audit of documents
//! - `emm`: a harvest of dumps and changes
//! - `audit_list`, `commit`: the committing side: each part of an answer goes to the log
//! - `isolate`, `records`, `fetch`: the fetching side: lists around records that kill their pages, single records, pages
//! - `messages`: what the two sides say to each other
//! - `resume`, `plan`: where a list continues, and what a run asks for first (pure)
//! - `connect`, `probe`, `list`, `client`, `answer`, `conditional`: requests and their answers
//! - `scope`, `audit_report`, `outcome`, `error`, `stop`
//!
//! At most one part of an answer waits between the two sides, so memory does not grow with the list. Whatever stops either side,
//! the log is consistent and the next run resumes.

mod answer;
mod audit;
mod audit_list;
mod audit_report;
mod client;
mod commit;
mod conditional;
mod connect;
mod context;
mod documents;
mod emm;
mod error;
mod fetch;
mod isolate;
mod list;
mod list_run;
mod messages;
mod outcome;
mod plan;
mod probe;
mod records;
mod repair;
mod resume;
mod run;
mod scope;

pub use audit::audit;
pub use audit_report::{AuditOptions, AuditReport, Hear};
pub use client::{Client, Traffic};
pub use documents::DocumentFailure;
pub use error::{FetchError, TransportCause};
pub use outcome::{HarvestError, HarvestReport, Outcome, Progress, RunOptions};
pub use plan::{Bounds, Facts, Options, Step, due_at, next_from, plan};
pub use probe::ProbeError;
pub use repair::{RetryReport, retry};
pub use run::run;
