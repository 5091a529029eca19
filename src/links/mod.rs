//! Links: who else describes the entities of a record, in Wikipedia, Wikidata, `DBpedia`, the Library of Congress,
//! VIAF and others.
//!
//! [`authority`](Authority) knows the addresses, [`extract()`] finds them in a record's quads, and [`LinksTable`]
//! keeps them in tables of the log's file as a view.

mod authority;
mod extract;
mod index;

pub use authority::{Authority, Reference};
pub use extract::{Link, extract};
pub use index::{LinkFilter, LinkRow, LinkStats, LinksIndex, LinksTable};
