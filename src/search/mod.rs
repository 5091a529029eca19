//! Search: what a record is called, and finding it by title, name, subject or identifier.
//!
//! A view of the log, in `SQLite` (FTS5), in the log's file: [`entry`](Entry::of) says what a record is called and which words
//! find it, `table` keeps that, `index` looks it up, [`fold`] decides which letters are the same.

mod entry;
mod index;
mod table;
mod words;

pub use entry::{Entry, Words};
pub use index::{COUNTED, EntryRow, Found, SearchIndex};
pub use table::SearchTable;
pub use words::{fold, forms_of_isbn};
