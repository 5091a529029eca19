//! What the rows of the log are called.

/// A source in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub(crate) i64);

/// A harvest in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HarvestId(pub(crate) i64);

/// A page of the log. Pages are numbered as they were committed, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PageId(pub i64);

/// The number of a change, from 1. A log without changes is at number 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize)]
pub struct ChangeId(pub i64);
