//! A run of a source of kind `documents`: what came or changed is read, what left is withdrawn.
//!
//! The files from the top down; each uses only those below it:
//!
//! - `audit`: compares what the documents say with the log
//! - `reading`: a run: which documents are read, and what is done about those that left
//! - `begun`: what a run or an audit begins with
//! - `batch`: documents that are read together, and the records that they give, which go to the log
//! - `groups`, `split`, `sort`: from quads to the records that they belong to
//! - `arrival`, `found`: where documents are, and their bytes
//! - `ended`, `failure`
//!
//! A record may be said by several documents: then they are read together, since its payload is all that they say. Memory
//! does not grow with the documents: what they say is sorted on disk.

mod arrival;
mod audit;
mod batch;
mod begun;
mod ended;
mod failure;
mod found;
mod groups;
mod reading;
mod sort;
mod split;

pub(super) use audit::audit;
pub use failure::DocumentFailure;
pub(super) use reading::harvest;
