//! The fake Libris: a catalogue of made-up records, and servers for it on 127.0.0.1 that speak OAI-PMH and EMM, for the tour and the tests.
//!
//! The server speaks OAI-PMH as Libris does, departures from the specification included, so that what works here works there.
//! [`Faults`] makes it fail as real servers do.

mod answers;
mod catalogue;
mod definitions;
mod dumps;
mod emm;
mod faults;
mod generator;
mod node;
mod render;
mod server;
mod state;
mod terms;

pub use catalogue::{Catalogue, Entry, ServedCounts};
pub use definitions::{Definition, defined, definitions};
pub use dumps::EmmService;
pub use faults::{Fault, Faults};
pub use generator::{identifier, record};
pub use node::{Node, Value};
pub use render::{json_graph, jsonld, rdfxml, turtle};
pub use server::{FakeLibris, router};
pub use state::ServerState;
pub use terms::CONTEXT;
