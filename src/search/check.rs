//! The check of the view: the table and the index, each against the log.

use std::path::Path;

use tantivy::schema::Term;

use super::directory;
use super::error::SearchError;
use super::opened::Finder;
use super::table::Described;
use crate::views::{Check, Faults, ParsedChange, ViewError};

/// The name in messages.
const NAME: &str = "search";

/// A check.
pub(super) struct SearchCheck<'a> {
    table: Box<dyn Check + 'a>,
    /// Nothing if the index cannot be read.
    finder: Option<Finder>,
    /// What is wrong with its files.
    damaged: Vec<String>,
    due: u64,
}

impl<'a> SearchCheck<'a> {
    pub(super) fn begin(table: Box<dyn Check + 'a>, data: &Path) -> Result<Self, SearchError> {
        // First of all: to read what is damaged may fail in any way.
        let damaged = directory::damaged(data)?;
        let finder = if damaged.is_empty() { Some(Finder::open(data)?) } else { None };
        Ok(Self { table, finder, damaged, due: 0 })
    }

    /// The record and the hash of each document of a graph.
    fn held(finder: &Finder, graph: &str) -> tantivy::Result<Vec<(u64, i64)>> {
        let Finder { fields, segments, .. } = finder;
        let mut held = Vec::new();
        for segment in segments {
            let mut documents = Vec::new();
            segment.each(&Term::from_field_text(fields.graph, graph), |document| documents.push(document))?;
            documents.retain(|document| !segment.reader.is_deleted(*document));
            if documents.is_empty() {
                continue;
            }
            let fast = segment.reader.fast_fields();
            let (records, hashes) = (fast.u64("record")?, fast.i64("hash")?);
            held.extend(documents.into_iter().filter_map(|document| Some((records.first(document)?, hashes.first(document)?))));
        }
        Ok(held)
    }
}

impl Check for SearchCheck<'_> {
    fn compared(&self) -> Vec<&'static str> {
        self.table.compared()
    }

    fn records(&mut self, changes: &[ParsedChange], faults: &mut Faults) -> Result<(), ViewError> {
        self.table.records(changes, faults)?;
        let Some(finder) = &self.finder else { return Ok(()) };
        for change in changes {
            let graph = change.graph.as_str();
            let record = u64::try_from(change.record).unwrap_or_default();
            let due: Vec<_> = Described::of(change).into_iter().map(|described| (record, described.hash)).collect();
            self.due += due.len() as u64;
            let held = Self::held(finder, graph).map_err(|cause| SearchError::Index { path: finder.path.clone(), cause })?;
            if held != due {
                faults.add(NAME, format!("<{graph}> has another document in the index than its record gives"));
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>, faults: &mut Faults) -> Result<u64, ViewError> {
        for file in &self.damaged {
            faults.add(NAME, format!("the file {file} of the index is damaged"));
        }
        let (held, due) = (self.finder.as_ref().map(Finder::count), self.due);
        if let Some(held) = held.filter(|held| *held != due) {
            faults.add(NAME, format!("the index holds {held} documents, and the records give {due}"));
        }
        self.table.finish(faults)
    }
}
