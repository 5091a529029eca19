//! The check of the view: the table and the index, each against the log.

use std::path::Path;

use tantivy::schema::Term;

use super::error::SearchError;
use super::finder::Finder;
use super::table::Described;
use crate::views::{Check, Faults, ParsedChange, ViewError};

/// The name in messages.
const NAME: &str = "search";

/// A check.
pub(super) struct SearchCheck<'a> {
    table: Box<dyn Check + 'a>,
    finder: Finder,
    due: u64,
}

impl<'a> SearchCheck<'a> {
    pub(super) fn begin(table: Box<dyn Check + 'a>, data: &Path) -> Result<Self, SearchError> {
        Ok(Self { table, finder: Finder::open(data)?, due: 0 })
    }

    /// The record and the hash of each document of a graph.
    fn held(&self, graph: &str) -> tantivy::Result<Vec<(u64, i64)>> {
        let Finder { fields, segments, .. } = &self.finder;
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

    fn failed(&self, source: tantivy::TantivyError) -> SearchError {
        SearchError::Index { path: self.finder.path.clone(), source }
    }
}

impl Check for SearchCheck<'_> {
    fn compared(&self) -> Vec<&'static str> {
        self.table.compared()
    }

    fn records(&mut self, changes: &[ParsedChange], faults: &mut Faults) -> Result<(), ViewError> {
        self.table.records(changes, faults)?;
        for change in changes {
            let graph = change.graph.as_str();
            let record = u64::try_from(change.record).unwrap_or_default();
            let due: Vec<_> = Described::of(change).into_iter().map(|described| (record, described.hash)).collect();
            self.due += due.len() as u64;
            if self.held(graph).map_err(|source| self.failed(source))? != due {
                faults.add(NAME, format!("<{graph}> has another document in the index than its record gives"));
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>, faults: &mut Faults) -> Result<u64, ViewError> {
        let (held, due) = (self.finder.count(), self.due);
        if held != due {
            faults.add(NAME, format!("the index holds {held} documents, and the records give {due}"));
        }
        let damaged = self.finder.searcher.index().validate_checksum().map_err(|source| self.failed(source))?;
        for file in damaged {
            faults.add(NAME, format!("the file {} of the index is damaged", file.display()));
        }
        self.table.finish(faults)
    }
}
