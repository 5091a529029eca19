//! Publishing dumps to an object store (S3, Google Cloud Storage, Azure), or to a directory: `publish --to`.
//!
//! Each state of the log that is published is a generation, a folder of files with a name of its own. A manifest at the top names the
//! generations, and is written last: who reads it finds everything that it names. Files are made from the log while they are sent, in
//! parts of a fixed size, so that neither memory nor disk grows with them. The same log gives the same bytes; so what was interrupted
//! goes on where it was, with the parts that arrived (`journal.rs`).

mod error;
mod journal;
mod manifest;
mod run;
mod target;
mod upload;

pub use error::PublishError;
pub use manifest::{Generation, Manifest, PublishedFile};
pub use run::{Asked, Format, PublishReport, publish_to};
pub use target::Target;
