//! The fake Libris: a catalogue of made-up records, and servers for it on 127.0.0.1 that speak OAI-PMH and EMM, for the tour and the tests.
//!
//! The server speaks OAI-PMH as Libris does, departures from the specification included, so that what works here works there.
//! [`Faults`] makes it fail as real servers do.

mod answers;
mod authorities;
mod catalogue;
mod definitions;
mod dice;
mod dumps;
mod emm;
mod faults;
mod generator;
mod instances;
mod linked_data;
mod node;
mod numbering;
mod render;
mod server;
mod shape;
mod state;
mod terms;
mod words;
mod works;

pub use catalogue::{Catalogue, Entry, ServedCounts};
pub use definitions::{Definition, defined, definitions};
pub use dumps::EmmService;
pub use faults::{Fault, Faults};
pub use generator::{record, record_in};
pub use node::{Node, Value};
pub use numbering::{identifier, is_authority, is_work};
pub use render::{json_graph, jsonld, rdfxml, turtle};
pub use server::{FakeLibris, router};
pub use shape::{Shape, Shapes};
pub use state::ServerState;
pub use terms::CONTEXT;
