//! Harvests of sources of kind `emm`: a dump, and later the changes since.
//!
//! The files from the top down; each uses only those below it:
//!
//! - `audit`: a dump that is compared with the log, and records that are fetched again
//! - `harvest`: what a run begins with, and how a dump and its changes end
//! - `dump`: the pages of all selections, or a download and the pages behind it
//! - `isolate`: pages around an entry that keeps them from coming
//! - `pages`: single pages of a dump
//! - `changes`: entities that the feed names, one by one
//! - `walk`: the feed, backwards to what is known
//! - `exchange`: requests, commits and limits of a run
//! - `part`: what the reading side hands to the committing side
//! - `position`: where a dump continues, and what a run begins with (pure)

mod audit;
mod changes;
mod dump;
mod exchange;
mod harvest;
mod isolate;
mod pages;
mod part;
mod position;
mod walk;

pub(in crate::harvest) use audit::{audit, fetch_again};
pub(in crate::harvest) use harvest::harvest;
