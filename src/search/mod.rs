//! Search: what a record is called, and finding it by words, names, identifiers and facets.
//!
//! A view of the log in two parts. [`entry`](Entry::of) says what a record is called and which words find it, [`facets`](Facets::of)
//! what it can be narrowed by and what it refers to. `table` keeps the entries for display in the log's file; `fields` and
//! [`view`](SearchView) keep the rest in an index of its own folder, of postings and columns, by tantivy. Readers open a [`Finder`]
//! of one state of it: `matching` finds sets of documents, `references` what they are found by beside their own words, `order` the
//! first of them, `counting` their facets. [`fold`] decides which letters are the same.

mod bits;
mod check;
mod condition;
mod counting;
mod current;
mod directory;
mod entries;
mod entry;
mod error;
mod facets;
mod fields;
mod find;
mod matching;
mod opened;
mod order;
mod question;
mod references;
mod segment;
mod selecting;
mod sought;
mod suggest;
mod table;
mod view;
mod words;

pub use condition::{Condition, Part};
pub use counting::{FacetCounts, Value};
pub use current::Current;
pub use directory::{FOLDER, copy};
pub use entries::{EntryRow, SearchIndex};
pub use entry::{Entry, Words};
pub use error::SearchError;
pub use facets::{Facet, Facets};
pub use find::{DEEPEST, Found};
pub use opened::Finder;
pub use question::{Clause, Question, Sort};
pub use selecting::Window;
pub use table::EntryOf;
pub use view::SearchView;
pub use words::{fold, forms_of_isbn};
