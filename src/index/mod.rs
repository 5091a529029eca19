//! The index: every record's triples in immutable, memory-mapped segments, made for reading.

mod answer;
mod answers;
mod batch;
mod build;
mod chain;
mod check;
mod code;
mod compose;
mod counts;
mod dataset;
mod dictionary;
mod directory;
mod error;
mod filter;
mod first;
mod held;
mod live;
mod manifest;
mod mapped;
mod mask;
mod merge;
mod merging;
mod packed;
mod part;
mod plan;
mod published;
mod rows;
mod run;
mod scan;
mod segment;
mod soundness;
mod terms;
#[cfg(test)]
mod tests;
mod tiers;
mod view;
mod walk;
mod writer;

pub use counts::PredicateRows;
pub use dataset::{Fault, Reading, ReadingError};
pub use error::IndexError;
pub use packed::Index;
pub use part::Part;
pub use published::{PublishedIndex, copy, copy_published};
pub use run::{Gathered, Run, RunEdge, RunEnd, RunPattern, RunPlace, RunStep};
pub use view::IndexView;

/// The name of the view, and of its artefact in a snapshot.
const NAME: &str = "index";

/// The version of what the index holds, and of its artefact.
const VERSION: u32 = 2;

/// Where the writer's index is in a data directory.
pub const FOLDER: &str = "index";
