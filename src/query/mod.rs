//! SPARQL 1.1 Query over a store: KB's prefixes predefined, the union of all graphs as the default graph, limits, and
//! network access only to hosts that the user listed (`SERVICE`).
//!
//! A server runs queries in processes of their own ([`worker`]), because the engine can neither be stopped within a join
//! in memory, nor limited in its use of memory and stack.

pub(crate) mod answer;
mod dataset;
mod depth;
mod elsewhere;
mod error;
mod federation;
mod graph_writer;
mod mistake;
mod names;
pub mod plan;
mod prefixes;
mod question;
mod results;
mod run;
mod running;
mod vocabulary;
mod watched;
mod wire;
pub mod worker;

pub use dataset::{Evaluated, Hints, Queryable};
pub use elsewhere::{Elsewhere, Received, Sent};
pub use error::{QueryError, ResultsError};
pub(crate) use graph_writer::with_prefixes;
pub use graph_writer::{GraphFormat, GraphWriter};
pub use mistake::Mistake;
pub use names::{NAMES_FIT, Names};
pub use prefixes::{PREFIXES, compact};
pub use question::{Limits, Question};
pub use results::{Bounds, Output, SolutionFormat, write};
pub use run::{explain, run, run_ordered, with_stack};
pub use running::{Explained, Faults, Running, Written};
pub use vocabulary::{Vocabulary, Word};
pub use wire::{Ended, Frame, HEAD, Head, On, Refusal, RefusalKind, Task, Work, read_head};
