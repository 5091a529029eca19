//! The fake Libris: a catalogue of made-up records, and an OAI-PMH server for it on 127.0.0.1, for the tour and the tests.
//!
//! The server speaks OAI-PMH as Libris does, departures from the specification included, so that what works here works there.
//! [`Faults`] makes it fail as real servers do.

mod answers;
mod catalogue;
mod faults;
mod generator;
mod node;
mod render;
mod server;

pub use catalogue::{Catalogue, Entry, ServedCounts};
pub use faults::{Fault, Faults};
pub use generator::{identifier, record};
pub use node::{Node, Value};
pub use render::{CONTEXT, jsonld, rdfxml, turtle};
pub use server::{FakeLibris, ServerState, router};
