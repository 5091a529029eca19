//! An answer of a run.

use super::code::Code;

/// What stands at an end of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// A node.
    Node(Code),
    /// A count.
    Count(u64),
}

/// An answer; `None` for an end at which nothing is wanted.
pub(super) type Answer = [Option<End>; 3];
