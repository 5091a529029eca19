//! What goes to a store of triples only, which has no graphs: the union of all records (`named_graphs = false`).
//!
//! Blank nodes get names, so that they can be deleted. When a record changes, what its earlier versions said and it says no more is
//! deleted, unless another record says it: the published index tells. So such a store follows only as far as the index does, and
//! whatever is deleted in the end is said by no record there.

use std::collections::HashSet;

use oxigraph::model::{NamedOrBlankNode, Quad, QuadRef, Term};
use oxigraph::sparql::QueryResults;

use super::error::RemoteError;
use super::writing::{Graph, line};
use crate::config::{Config, Remote};
use crate::data_dir::DataDir;
use crate::index::PublishedIndex;
use crate::log::{ChangeId, Log, PageBodies};
use crate::query::{Limits, Question, run};
use crate::rdf::record_identifier;
use crate::views::{Content, Readers};

/// How many triples are looked up at once.
const AT_ONCE: usize = 500;

/// Finds what is to be deleted.
pub(super) struct Union {
    directory: DataDir,
    depth: usize,
    index: Option<(PublishedIndex, ChangeId)>,
}

impl Union {
    pub(super) fn new(directory: &DataDir, config: &Config) -> Self {
        Self { directory: directory.clone(), depth: config.harvest.depth, index: None }
    }

    /// Waits for nothing: if the published index is behind a change, it is an error that passes.
    pub(super) fn reaches(&mut self, change: ChangeId, log: &Log, remote: &Remote) -> Result<(), RemoteError> {
        if self.index.as_ref().is_some_and(|(_, known)| *known >= change) {
            return Ok(());
        }
        let behind = |reason: String| RemoteError::Unavailable {
            name: remote.name.clone(),
            url: remote.update.to_string(),
            reason: format!(
                "has no named graphs, so that it follows the published index, and {reason}: `libris-mirror publish`, or the end of the harvest, brings it further"
            ),
        };
        let index = PublishedIndex::open_current(&self.directory.snapshots()).map_err(|error| behind(error.to_string()))?;
        let known = index.snapshot.info.change(log)?;
        self.index = Some((index, known));
        if known < change && log.content_change_after(known)?.is_some() {
            return Err(behind(format!("that is at change {} of {}", known.0, change.0)));
        }
        Ok(())
    }

    /// Names what each graph said before, says no more, and no other record says.
    pub(super) fn name_gone(&self, graphs: &mut [&mut Graph], log: &Log) -> Result<(), RemoteError> {
        let readers = Readers::new(log, self.depth)?;
        let mut bodies = PageBodies::default();
        // Triples without blank nodes, which other records may say, with the place of their graph.
        let mut shared: Vec<(usize, Quad)> = Vec::new();
        for (place, graph) in graphs.iter_mut().enumerate() {
            let now: HashSet<&str> = graph.lines().collect();
            let mut gone: HashSet<String> = HashSet::new();
            let mut asked: HashSet<Quad> = HashSet::new();
            for version in log.versions_of(&record_identifier(graph.name.as_str()))? {
                if version.gone {
                    continue;
                }
                let Content::Quads(quads) = readers.parse(&version, bodies.record(log, &version)?) else { continue };
                for quad in quads.iter() {
                    let line = line(quad);
                    if now.contains(line.as_str()) {
                        continue;
                    }
                    if has_blank(quad) {
                        gone.insert(line);
                    } else {
                        asked.insert(quad.clone());
                    }
                }
            }
            shared.extend(asked.into_iter().map(|quad| (place, quad)));
            graph.gone = gone.into_iter().collect();
        }
        for some in shared.chunks(AT_ONCE) {
            let said = self.said_elsewhere(some)?;
            for (at, (place, quad)) in some.iter().enumerate() {
                if let Some(graph) = graphs.get_mut(*place).filter(|_| !said.contains(&at)) {
                    graph.gone.push(line(quad));
                }
            }
        }
        for graph in graphs {
            graph.gone.sort_unstable();
        }
        Ok(())
    }

    /// Which of some triples another record says than the one that their graph names.
    fn said_elsewhere(&self, some: &[(usize, Quad)]) -> Result<HashSet<usize>, RemoteError> {
        let value = |(at, (_, quad)): (usize, &(usize, Quad))| {
            let QuadRef { subject, predicate, object, graph_name } = quad.as_ref();
            format!("({at} {subject} {predicate} {object} {graph_name})")
        };
        let values = some.iter().enumerate().map(value).collect::<Vec<_>>().join("\n");
        let text = format!(
            "SELECT DISTINCT ?at {{ VALUES (?at ?s ?p ?o ?own) {{ {values} }} GRAPH ?g {{ ?s ?p ?o }} FILTER(?g != ?own) }}"
        );
        Ok(self.numbers(text)?.into_iter().collect())
    }

    /// How many triples all records say.
    pub(super) fn total(&self) -> Result<u64, RemoteError> {
        let found = self.numbers("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }".to_owned())?;
        Ok(found.first().map_or(0, |total| *total as u64))
    }

    /// The numbers in the first column of the answer to a query.
    fn numbers(&self, text: String) -> Result<Vec<usize>, RemoteError> {
        let Some((index, _)) = &self.index else { return Ok(Vec::new()) };
        let limits = Limits { timeout_s: 600, query_bytes: text.len(), fuse: true };
        let failed = |error: &dyn std::fmt::Display| RemoteError::Export(error.to_string().into());
        let running = run(&index.index, &Question::from(text), limits, |_| {}).map_err(|error| failed(&error))?;
        let mut numbers = Vec::new();
        if let QueryResults::Solutions(rows) = running.results {
            for row in rows {
                if let Some(Term::Literal(number)) = row.map_err(|error| failed(&error))?.get(0) {
                    numbers.extend(number.value().parse::<usize>());
                }
            }
        }
        Ok(numbers)
    }
}

fn has_blank(quad: &Quad) -> bool {
    matches!(quad.subject, NamedOrBlankNode::BlankNode(_)) || matches!(quad.object, Term::BlankNode(_))
}
