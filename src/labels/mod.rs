//! Labels: what every IRI is called, in each language, so that people read "Svenska" and not `swe`.
//!
//! [`labels_of`] finds the names in a record's quads, [`LabelsTable`] keeps them in a table of the log's file as a view, and
//! [`Labels`] looks them up for a reader's [`Languages`].

mod extract;
mod index;
mod languages;
mod table;

pub use extract::{Label, labels_of};
pub use index::{Labels, Name};
pub use languages::{Languages, LanguagesError};
pub use table::LabelsTable;
