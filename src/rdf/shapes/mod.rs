//! Shapes: what says a record's kind, title, names, subjects and the rest, in any vocabulary, by one table.
//!
//! The table is `[describe]` of the configuration (`config/describe.toml`): paths of properties for each [`Aspect`], and
//! a list of kinds with the signs that decide them. [`Shapes`] is that table, read and checked; [`Description`] is what a
//! record says by it. Nothing else in the program knows which property gives a title, so that a record of another vocabulary
//! or of another shape is a line of the table and no code.

mod aspect;
mod description;
mod kinds;
mod names;
mod path;
mod subjects;
mod table;
#[cfg(test)]
mod tests;
mod thing;
mod walk;

pub use aspect::Aspect;
pub use description::{Contributor, Description, Identifier, Publication, SeriesPart};
pub use kinds::{Kind, KindSettings};
pub use subjects::Subject;
pub use table::{Describe, Ends, Shapes, ShapesError};
pub use thing::{Name, Thing, choose};
