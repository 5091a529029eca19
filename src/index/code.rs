//! Codes: what stands for a node in the index.

/// A node: a term of the dictionary from 1 on, a blank node from [`BLANK`] on, or, within a query only, a term that it computed,
/// from [`COMPUTED`] on.
pub(super) type Code = u32;

/// The first blank node.
pub(super) const BLANK: Code = 0x8000_0000;

/// The first computed term.
pub(super) const COMPUTED: Code = 0xe000_0000;

/// The first term.
pub(super) const FIRST_TERM: Code = 1;

pub(super) const fn is_blank(code: Code) -> bool {
    code >= BLANK && code < COMPUTED
}
