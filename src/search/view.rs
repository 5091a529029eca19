//! The search view: the table of entries, and the index of the same records.
//!
//! The table is committed first, so that it says of each record whether the index has a document of it. Where the two are not
//! at the same change, as after a crash, the table cannot know: until they are level again every document is replaced.

use std::time::{Duration, Instant};

use tantivy::indexer::IndexWriterOptions;
use tantivy::schema::Term;
use tantivy::{Index, IndexWriter, TantivyError};

use super::check::SearchCheck;
use super::directory::{self, Reached};
use super::error::SearchError;
use super::fields::Fields;
use super::table::{EntryOf, EntryTable, Fate};
use crate::log::{ChangeId, Mark};
use crate::views::{Batch, Check, Home, ParsedChange, Table as _, TableView, View, ViewError};

/// The memory for documents that are not yet in a segment.
const MEMORY: usize = 60 << 20;

/// A commit is due after this many documents, or this time.
const MOST_DOCUMENTS: usize = 200_000;
/// See [`MOST_DOCUMENTS`].
const LONGEST: Duration = Duration::from_secs(60);

/// The writer's side.
pub struct SearchView {
    table: TableView<EntryTable>,
    index: Index,
    fields: Fields,
    path: std::path::PathBuf,
    /// Only while there is something to write: it has threads of its own.
    writer: Option<IndexWriter>,
    /// Up to here the index and the table are not at the same change.
    uneven_until: ChangeId,
    watermark: ChangeId,
    /// The last mark that was applied but is not committed.
    reached: Option<Mark>,
    documents: usize,
    committed: Instant,
}

impl SearchView {
    fn failed(&self, source: TantivyError) -> SearchError {
        SearchError::Index { path: self.path.clone(), source }
    }

    fn write(&mut self, row: &EntryOf, uneven: bool) -> Result<(), SearchError> {
        if !uneven && row.fate.get() == Fate::Stays {
            return Ok(());
        }
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.begin()?,
        };
        if uneven || row.fate.get() == Fate::Changes {
            writer.delete_term(Term::from_field_text(self.fields.graph, &row.graph));
            self.documents += 1;
        }
        let added = row.described.as_ref().map_or(Ok(0), |described| {
            writer.add_document(self.fields.document(row.record, &row.graph, &row.source.take(), described))
        });
        self.documents += usize::from(row.described.is_some());
        self.writer = Some(writer);
        added.map(|_| ()).map_err(|source| self.failed(source))
    }

    fn begin(&self) -> Result<IndexWriter, SearchError> {
        let options = IndexWriterOptions::builder().num_worker_threads(1).memory_budget_per_thread(MEMORY).num_merge_threads(1);
        self.index.writer_with_options(options.build()).map_err(|source| self.failed(source))
    }

    /// Commits what was applied together with the last mark.
    fn commit(&mut self) -> Result<(), SearchError> {
        let Some(mark) = self.reached.take() else { return Ok(()) };
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.begin()?,
        };
        let mut commit = || {
            let mut prepared = writer.prepare_commit()?;
            prepared.set_payload(&Reached::of(mark).text());
            prepared.commit()
        };
        commit().map_err(|source| self.failed(source))?;
        self.writer = Some(writer);
        (self.watermark, self.documents, self.committed) = (mark.change, 0, Instant::now());
        Ok(())
    }
}

impl View for SearchView {
    type Part = EntryOf;
    const NAME: &'static str = EntryTable::NAME;
    const VERSION: u32 = EntryTable::VERSION;
    const SHAPED: bool = EntryTable::SHAPED;

    fn open(home: &Home<'_>) -> Result<Self, ViewError> {
        let opened = directory::open(home.directory).and_then(|(index, fields)| {
            let path = directory::folder(home.directory);
            let reached = Reached::read(&index).map_err(|source| SearchError::Index { path, source })?;
            Ok((index, fields, reached))
        });
        let found = match opened {
            Ok((index, fields, Some(reached))) if reached.follows(home.log)? => Some((index, fields, reached.change())),
            Ok(_) => None,
            Err(SearchError::Missing(_)) => None,
            Err(error) => {
                tracing::warn!("the search index is rebuilt: {error}");
                None
            }
        };
        let mut table = TableView::<EntryTable>::open(home)?;
        // Either without the other begins again.
        let found = found.filter(|_| table.watermark() > ChangeId(0));
        let (index, fields, watermark) = if let Some(found) = found {
            found
        } else {
            if table.watermark() > ChangeId(0) {
                drop(table);
                TableView::<EntryTable>::reset(home)?;
                table = TableView::open(home)?;
            }
            let (index, fields) = directory::create(home.directory)?;
            (index, fields, ChangeId(0))
        };
        let uneven = watermark != table.watermark();
        let uneven_until = if uneven { watermark.max(table.watermark()) } else { ChangeId(0) };
        let path = directory::folder(home.directory);
        let (reached, committed) = (None, Instant::now());
        let watermark = watermark.min(table.watermark());
        Ok(Self { table, index, fields, path, writer: None, uneven_until, watermark, reached, documents: 0, committed })
    }

    fn reached(home: &Home<'_>) -> Result<ChangeId, ViewError> {
        let table = TableView::<EntryTable>::reached(home)?;
        let (index, _) = match directory::open(home.directory) {
            Ok(opened) => opened,
            // There is nothing to read.
            Err(_) => return Ok(ChangeId(0)),
        };
        let path = directory::folder(home.directory);
        let reached = Reached::read(&index).map_err(|source| SearchError::Index { path, source })?;
        Ok(reached.map_or(ChangeId(0), |reached| reached.change().min(table)))
    }

    fn reset(home: &Home<'_>) -> Result<(), ViewError> {
        directory::remove(home.directory)?;
        TableView::<EntryTable>::reset(home)
    }

    fn part(change: &ParsedChange) -> EntryOf {
        EntryTable::row(change)
    }

    fn watermark(&self) -> ChangeId {
        self.watermark
    }

    fn apply(&mut self, batches: Vec<Batch<EntryOf>>) -> Result<(), ViewError> {
        self.table.apply_all(&batches)?;
        for Batch { parts, mark } in batches {
            let uneven = self.uneven_until > ChangeId(0);
            for row in &parts {
                self.write(row, uneven)?;
            }
            self.reached = mark.or(self.reached);
            if mark.is_some_and(|mark| mark.change >= self.uneven_until) {
                self.uneven_until = ChangeId(0);
            }
        }
        if self.documents >= MOST_DOCUMENTS || (self.documents > 0 && self.committed.elapsed() >= LONGEST) {
            self.commit()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ViewError> {
        self.table.flush()?;
        self.commit()?;
        // Merges that a commit began would end with the writer, and begin again with the next.
        if let Some(writer) = self.writer.take() {
            writer.wait_merging_threads().map_err(|source| self.failed(source))?;
        }
        Ok(())
    }

    /// Merges all segments into one.
    fn optimize(&mut self) -> Result<(), ViewError> {
        self.flush()?;
        let merge = || -> tantivy::Result<()> {
            let segments = self.index.searchable_segment_ids()?;
            let mut writer: IndexWriter =
                self.index.writer_with_options(IndexWriterOptions::builder().num_worker_threads(1).build())?;
            if segments.len() > 1 {
                writer.merge(&segments).wait()?;
            }
            writer.garbage_collect_files().wait()?;
            writer.wait_merging_threads()
        };
        Ok(merge().map_err(|source| self.failed(source))?)
    }

    fn check<'a>(&'a self, home: &Home<'a>) -> Result<Box<dyn Check + 'a>, ViewError> {
        Ok(Box::new(SearchCheck::begin(self.table.check(home)?, home.directory)?))
    }
}
