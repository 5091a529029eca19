//! Citations: what a reference manager needs of a record, and the formats that they read.
//!
//! A [`Citation`] is read from what a record says ([`Citation::of`]), whatever its vocabulary, and written as RIS, BibTeX, CSL-JSON,
//! schema.org JSON-LD, or the `citation_*` elements of a web page. Names that the record
//! does not have are looked up in the view of names.

mod bibtex;
mod csl;
mod format;
mod meta;
mod model;
mod reading;
mod ris;
mod schema_org;

pub use format::CitationFormat;
pub use meta::meta;
pub use model::{Citation, Creator, Genus, Name, Role};
pub use schema_org::schema_org;
