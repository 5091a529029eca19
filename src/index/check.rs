//! The check of the index: its graphs, and those of the published snapshot, against what the records give, and its files against
//! their checksums.

use std::collections::HashSet;
use std::ops::ControlFlow;

use oxigraph::model::{NamedNode, Quad, Term, TermRef};

use super::NAME;
use super::error::IndexError;
use super::packed::Index;
use super::published::PublishedIndex;
use super::scan::{Pattern, Scan};
use crate::log::Log;
use crate::pipeline::{cores, in_order};
use crate::snapshots::Snapshots;
use crate::views::{Check, Faults, Home, ParsedChange, Readers, ViewError};

/// How the copy in the published snapshot is called.
const SNAPSHOT: &str = "published index";

/// A check that is under way.
pub(super) struct IndexCheck<'a> {
    writer: &'a Index,
    /// The copy in the published snapshot, if nothing changed since it was made.
    published: Option<PublishedIndex>,
    log: Log,
    readers: Readers,
    /// How many graphs the records give.
    due: u64,
}

/// How many records a thread compares at a time.
const RECORDS_AT_ONCE: usize = 16;

impl<'a> IndexCheck<'a> {
    pub(super) fn begin(writer: &'a Index, home: &Home<'_>) -> Result<Self, ViewError> {
        let log = Log::open_read_only(home.log.path())?;
        let snapshots = Snapshots::of(home.directory);
        let mut published = None;
        if let Some(info) = snapshots.current_info()
            && info.follows(&log)?
            && log.content_change_after(info.change(&log)?)?.is_none()
        {
            published = Some(PublishedIndex::open_current(&snapshots)?);
        }
        let readers = Readers::new(&log, home.config.harvest.depth)?;
        Ok(Self { writer, published, log, readers, due: 0 })
    }

    /// What is compared, by name.
    fn indexes(&self) -> Vec<(&'static str, &Index)> {
        let published = self.published.as_ref().map(|published| (SNAPSHOT, &published.index));
        [(NAME, self.writer)].into_iter().chain(published).collect()
    }

    /// Graphs that no record gives.
    fn extras(&self, name: &str, index: &Index, faults: &mut Faults) -> Result<(), ViewError> {
        let held = index.graphs();
        if held == self.due {
            return Ok(());
        }
        for graph in index.graph_names() {
            let graph = graph?;
            if !self.readers.gives_graph(&self.log, graph.as_str())? {
                faults.add(name, format!("<{}> is a graph that no record gives", graph.as_str()));
            }
        }
        if held < self.due {
            faults.add(name, format!("it holds {held} graphs, and the records give {}", self.due));
        }
        Ok(())
    }
}

impl Check for IndexCheck<'_> {
    fn compared(&self) -> Vec<&'static str> {
        self.indexes().into_iter().map(|(name, _)| name).collect()
    }

    fn records(&mut self, changes: &[ParsedChange], faults: &mut Faults) -> Result<(), ViewError> {
        let indexes = self.indexes();
        let mut due = 0;
        in_order(
            cores().min(changes.len().div_ceil(RECORDS_AT_ONCE)),
            |feed| {
                let _ = changes.chunks(RECORDS_AT_ONCE).all(feed);
                Ok::<_, ViewError>(())
            },
            |part| -> (u64, Faults) {
                let (mut given, mut faults) = (0, Faults::default());
                for change in part {
                    let quads = change.content.quads();
                    given += u64::from(!quads.is_empty());
                    for (name, index) in &indexes {
                        let wrong =
                            index.compare(&change.graph, quads).unwrap_or_else(|error| Some(format!("cannot be read: {error}")));
                        if let Some(wrong) = wrong {
                            faults.add(name, format!("<{}> {wrong}", change.graph.as_str()));
                        }
                    }
                }
                (given, faults)
            },
            |(given, found)| {
                due += given;
                faults.append(found);
                Ok::<_, ViewError>(ControlFlow::Continue(()))
            },
        )?;
        self.due += due;
        Ok(())
    }

    fn finish(self: Box<Self>, faults: &mut Faults) -> Result<u64, ViewError> {
        for (name, index) in self.indexes() {
            self.extras(name, index, faults)?;
            for layer in &index.layers {
                if let Err(error) = layer.segment.file.check_all() {
                    faults.add(name, error.to_string());
                }
            }
        }
        Ok(self.due)
    }
}

impl Index {
    /// The quads of a graph.
    pub fn quads(&self, graph: &NamedNode) -> Result<HashSet<Quad>, IndexError> {
        let Some(code) = self.code(TermRef::from(graph.as_ref()))? else { return Ok(HashSet::new()) };
        let scan = Scan::new(self, Pattern { graph: Some(code), ..Pattern::default() })?;
        let mut quads = HashSet::new();
        for found in scan {
            let found = found?;
            let (subject, predicate, object) = (self.node(found.subject)?, self.node(found.predicate)?, self.node(found.object)?);
            let quad = match (subject, predicate) {
                (Term::NamedNode(subject), Term::NamedNode(predicate)) => Quad::new(subject, predicate, object, graph.clone()),
                (Term::BlankNode(subject), Term::NamedNode(predicate)) => Quad::new(subject, predicate, object, graph.clone()),
                _ => return Err(self.broken("has a row whose subject or property is a literal")),
            };
            quads.insert(quad);
        }
        Ok(quads)
    }

    /// Compares a graph with the quads that it must have. Describes the difference.
    fn compare(&self, graph: &NamedNode, due: &[Quad]) -> Result<Option<String>, IndexError> {
        let held = self.quads(graph)?;
        if held.len() == due.len() && due.iter().all(|quad| held.contains(quad)) {
            return Ok(None);
        }
        let due: HashSet<Quad> = due.iter().cloned().collect();
        let (missing, extra) = (due.difference(&held).count(), held.difference(&due).count());
        Ok(Some(format!("lacks {missing} triples and has {extra} too many")))
    }
}
