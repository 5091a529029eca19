//! The check of a view that holds the graphs of records, and of its published copy: each graph against what its record gives, and
//! no graph that no record gives.

use std::ops::ControlFlow;

use oxigraph::model::{NamedNode, Quad};

use super::{Check, Faults, Home, ParsedChange, Readers, ViewError};
use crate::log::Log;
use crate::pipeline::{cores, in_order};

/// What holds graphs of records.
pub trait Graphs: Sync + Send {
    /// Compares a graph with the quads that it must have. Describes the difference.
    fn compare(&self, graph: &NamedNode, due: &[Quad]) -> Result<Option<String>, ViewError>;

    /// How many graphs of records there are.
    fn count(&self) -> Result<u64, ViewError>;

    /// Calls with the name of each.
    fn names(&self, each: &mut dyn FnMut(&str) -> Result<(), ViewError>) -> Result<(), ViewError>;

    /// What is wrong with the rest of it, described.
    fn rest(&self) -> Result<Vec<String>, ViewError>;
}

/// A check that is under way.
pub struct GraphCheck<'a> {
    held: Vec<(&'static str, Box<dyn Graphs + 'a>)>,
    /// What cannot be read, and why.
    unreadable: Option<(&'static str, String)>,
    log: Log,
    readers: Readers,
    /// How many graphs the records give.
    due: u64,
}

/// How many records a thread compares at a time.
const RECORDS_AT_ONCE: usize = 8;

impl<'a> GraphCheck<'a> {
    /// Begins a check of what holds the same graphs, by name. What cannot be read is a fault.
    pub fn begin(
        held: Vec<(&'static str, Box<dyn Graphs + 'a>)>,
        unreadable: Option<(&'static str, String)>,
        home: &Home<'_>,
    ) -> Result<Self, ViewError> {
        let log = Log::open_read_only(home.log.path())?;
        let readers = Readers::new(&log, home.config.harvest.depth)?;
        Ok(Self { held, unreadable, log, readers, due: 0 })
    }

    /// Graphs that no record gives, and those that are not there.
    fn compare_names(&self, name: &str, graphs: &dyn Graphs, faults: &mut Faults) -> Result<(), ViewError> {
        let held = graphs.count()?;
        if held == self.due {
            return Ok(());
        }
        let mut others = 0;
        graphs.names(&mut |graph| {
            if !self.readers.gives_graph(&self.log, graph)? {
                others += 1;
                faults.add(name, format!("<{graph}> is a graph that no record gives"));
            }
            Ok(())
        })?;
        // One may be there twice.
        if held - others != self.due {
            faults.add(name, format!("it holds {held} graphs, and the records give {}", self.due));
        }
        Ok(())
    }
}

impl Check for GraphCheck<'_> {
    fn compared(&self) -> Vec<&'static str> {
        self.held.iter().map(|(name, _)| *name).collect()
    }

    fn records(&mut self, changes: &[ParsedChange], faults: &mut Faults) -> Result<(), ViewError> {
        let (held, mut due) = (&self.held, 0);
        in_order(
            cores().min(changes.len().div_ceil(RECORDS_AT_ONCE)),
            |feed| {
                let _ = changes.chunks(RECORDS_AT_ONCE).all(feed);
                Ok::<_, ViewError>(())
            },
            |part| {
                let (mut given, mut faults) = (0, Faults::default());
                for change in part {
                    let quads = change.content.quads();
                    given += u64::from(!quads.is_empty());
                    for (name, graphs) in held {
                        if let Some(wrong) = graphs.compare(&change.graph, quads)? {
                            faults.add(name, format!("<{}> {wrong}", change.graph.as_str()));
                        }
                    }
                }
                Ok::<_, ViewError>((given, faults))
            },
            |part| {
                let (given, found) = part?;
                due += given;
                faults.append(found);
                Ok(ControlFlow::Continue(()))
            },
        )?;
        self.due += due;
        Ok(())
    }

    fn finish(self: Box<Self>, faults: &mut Faults) -> Result<u64, ViewError> {
        if let Some((name, reason)) = &self.unreadable {
            faults.add(name, reason);
        }
        for (name, graphs) in &self.held {
            self.compare_names(name, graphs.as_ref(), faults)?;
            for wrong in graphs.rest()? {
                faults.add(name, wrong);
            }
        }
        Ok(self.due)
    }
}
