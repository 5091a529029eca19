//! The index, and its copy in the published snapshot, as what `verify` compares with the records; its files against their checksums.

use std::collections::HashSet;

use oxigraph::model::{NamedNode, Quad, Term, TermRef};

use super::NAME;
use super::error::IndexError;
use super::packed::{Index, Layer};
use super::published::PublishedIndex;
use super::scan::{Pattern, Scan};
use super::soundness::unsound;
use crate::snapshots::Snapshots;
use crate::views::{Check, GraphCheck, Graphs, Home, ViewError};

/// How the copy in the published snapshot is called.
const PUBLISHED: &str = "published index";

/// Begins to check an index, and its published copy if that has all that the log has.
pub(super) fn check<'a>(writer: &'a Index, home: &Home<'a>) -> Result<Box<dyn Check + 'a>, ViewError> {
    let mut held: Vec<(_, Box<dyn Graphs + 'a>)> = vec![(NAME, Box::new(Held::Writer(writer)))];
    let mut unreadable = None;
    if let Some(snapshot) = Snapshots::of(home.directory).complete_of(home.log).map_err(IndexError::from)? {
        match PublishedIndex::of(snapshot) {
            Ok(published) => held.push((PUBLISHED, Box::new(Held::Published(Box::new(published))))),
            Err(error) => unreadable = Some((PUBLISHED, error.to_string())),
        }
    }
    Ok(Box::new(GraphCheck::begin(held, unreadable, home)?))
}

enum Held<'a> {
    Writer(&'a Index),
    Published(Box<PublishedIndex>),
}

impl Held<'_> {
    fn index(&self) -> &Index {
        match self {
            Self::Writer(index) => index,
            Self::Published(published) => &published.index,
        }
    }
}

impl Graphs for Held<'_> {
    /// A part that is damaged is a fault of each graph that is there, and the others are compared all the same.
    fn compare(&self, graph: &NamedNode, due: &[Quad]) -> Result<Option<String>, ViewError> {
        Ok(self.index().difference(graph, due).unwrap_or_else(|error| Some(format!("cannot be read: {error}"))))
    }

    fn count(&self) -> Result<u64, ViewError> {
        Ok(self.index().graphs())
    }

    fn names(&self, each: &mut dyn FnMut(&str) -> Result<(), ViewError>) -> Result<(), ViewError> {
        self.index().graph_names().try_for_each(|graph| each(graph?.as_str()))
    }

    fn rest(&self) -> Result<Vec<String>, ViewError> {
        let mut wrong = Vec::new();
        for Layer { segment, .. } in &self.index().layers {
            let found = segment.file.check_all().and_then(|()| unsound(segment));
            match found {
                Ok(found) => wrong.extend(found.iter().map(|found| segment.file.damaged(*found).to_string())),
                Err(error) => wrong.push(error.to_string()),
            }
        }
        Ok(wrong)
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
    fn difference(&self, graph: &NamedNode, due: &[Quad]) -> Result<Option<String>, IndexError> {
        let held = self.quads(graph)?;
        if held.len() == due.len() && due.iter().all(|quad| held.contains(quad)) {
            return Ok(None);
        }
        let due: HashSet<Quad> = due.iter().cloned().collect();
        let (missing, extra) = (due.difference(&held).count(), held.difference(&due).count());
        Ok(Some(format!("lacks {missing} triples and has {extra} too many")))
    }
}
