//! From a record's payload to quads: RDF/XML, Turtle and JSON-LD give the same triples in the record's graph.
//!
//! Pure: bytes in, quads out, and by the table of [`shapes`] what they say. Blank nodes get ids that depend on nothing but the record and the place of the
//! node in its payload, so that every rebuild and every export of the same log agree.

mod canonical;
mod context;
mod document;
mod framed;
mod graph;
mod json_ld;
mod nesting;
mod nodes;
mod payload;
mod prefixes;
pub mod shapes;
mod stable;
pub mod vocab;

pub use canonical::{CanonicalError, canonical_nquads, isomorphic};
pub use context::{Context, ContextError};
pub use document::{DocumentFormat, DocumentLimits, DocumentReader, UnreadableDocument};
pub use framed::framed;
pub use graph::{Graph, Node, last_part, node, short};
pub use json_ld::json_ld;
pub(crate) use nodes::NOT_IN_PATH;
pub use nodes::{NodeIds, graph_name, nth_blank_node, record_identifier};
pub use payload::{PayloadError, PayloadFormat, Reader, check_properties, try_context};
pub use prefixes::{PREFIXES, compact};
pub use shapes::{Description, Shapes, Thing};
pub use stable::stable_ntriples;
