//! The prefixes that queries predefine: those of the vocabularies that records use.

pub use crate::rdf::{PREFIXES, compact};
