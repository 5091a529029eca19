//! The search view: the table of entries, and the index of the same records.
//!
//! The table is committed first, so that it says of each record whether the index has a document of it. After a crash it cannot
//! know: it may be ahead of the index, and have part of the page after its watermark. So after it is opened, until both have
//! passed that page, every document is replaced.

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
const LONGEST: Duration = Duration::from_mins(1);

/// The writer's side.
pub struct SearchView {
    table: TableView<EntryTable>,
    index: Index,
    fields: Fields,
    path: std::path::PathBuf,
    /// Only while there is something to write: it has threads of its own.
    writer: Option<IndexWriter>,
    /// The table may not know what the index has, until a mark after this change.
    uneven_until: Option<ChangeId>,
    watermark: ChangeId,
    /// The last mark that was applied but is not committed.
    reached: Option<Mark>,
    documents: usize,
    committed: Instant,
}

impl SearchView {
    fn failed(&self, source: TantivyError) -> SearchError {
        SearchError::Index { path: self.path.clone(), cause: source }
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
            let reached = Reached::read(&index).map_err(|source| SearchError::Index { path, cause: source })?;
            Ok((index, fields, reached))
        });
        let found = match opened {
            Ok((index, fields, Some(reached))) if reached.follows(home.log)? => Some((index, fields, reached.change())),
            Err(SearchError::Missing(path)) if TableView::<EntryTable>::reached(home)? > ChangeId(0) => {
                tracing::warn!("the search index {} is missing, and is rebuilt", path.display());
                None
            }
            Ok(_) | Err(SearchError::Missing(_)) => None,
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
        let uneven_until = Some(watermark.max(table.watermark()));
        let path = directory::folder(home.directory);
        let (reached, committed) = (None, Instant::now());
        let watermark = watermark.min(table.watermark());
        Ok(Self { table, index, fields, path, writer: None, uneven_until, watermark, reached, documents: 0, committed })
    }

    fn reached(home: &Home<'_>) -> Result<ChangeId, ViewError> {
        let table = TableView::<EntryTable>::reached(home)?;
        // Where nothing can be opened, there is nothing to read.
        let Ok((index, _)) = directory::open(home.directory) else { return Ok(ChangeId(0)) };
        let path = directory::folder(home.directory);
        let reached = Reached::read(&index).map_err(|source| SearchError::Index { path, cause: source })?;
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
        // If this fails half-way, the table knows of documents that are not there.
        let uneven_until = self.uneven_until.replace(ChangeId(i64::MAX));
        self.table.apply_all(&batches)?;
        let mut uneven = uneven_until;
        for Batch { parts, mark } in batches {
            for row in &parts {
                self.write(row, uneven.is_some())?;
            }
            self.reached = mark.or(self.reached);
            uneven = uneven.filter(|until| mark.is_none_or(|mark| mark.change <= *until));
        }
        self.uneven_until = uneven;
        if self.documents >= MOST_DOCUMENTS || (self.documents > 0 && self.committed.elapsed() >= LONGEST) {
            self.commit()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ViewError> {
        self.table.flush()?;
        self.commit()?;
        // Merges that a commit began would end with the writer, and begin again with the next. What is not committed, part of a
        // page, would go with it.
        if self.documents == 0
            && let Some(writer) = self.writer.take()
        {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use oxigraph::io::{RdfFormat, RdfParser};

    use super::*;
    use crate::log::PageId;
    use crate::rdf::{Shapes, graph_name};
    use crate::search::Finder;
    use crate::views::{Content, log_of_two};

    const IRI: &str = "https://libris.kb.se/x";

    fn change(record: i64, title: Option<&str>) -> ParsedChange {
        let content = title.map_or(Content::Deleted, |title| {
            let turtle = format!("<{IRI}#it> <https://id.kb.se/vocab/prefLabel> \"{title}\" .");
            let quads = RdfParser::from_format(RdfFormat::Turtle).for_slice(&turtle).collect::<Result<_, _>>();
            Content::Quads(Arc::new(quads.expect("valid Turtle")))
        });
        ParsedChange::new(record, PageId(1), graph_name(IRI), content, false, Shapes::standard())
    }

    /// The table is committed before the index, and may have part of a page when the program is killed.
    #[test]
    fn what_only_the_table_has_after_a_crash_comes_into_the_index() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = log_of_two(directory.path(), IRI);
        let config = crate::config::Config::new(None, std::collections::HashMap::new(), &[]).expect("the defaults");
        let home = Home { directory: directory.path(), log: &log, config: &config };
        let batch = |record, title, change_id: Option<i64>| {
            let mark = change_id.map(|id| Mark { change: ChangeId(id), page: PageId(1), link: None });
            vec![Batch { parts: vec![SearchView::part(&change(record, title))], mark }]
        };
        let mut view = SearchView::open(&home).expect("open");
        view.apply(batch(1, Some("Nils"), None)).expect("applied");
        drop(view);
        let mut view = SearchView::open(&home).expect("open again");
        assert_eq!((view.table.watermark(), view.watermark), (ChangeId(0), ChangeId(0)));
        view.apply(batch(1, Some("Nils"), Some(7))).expect("applied again");
        view.flush().expect("committed");
        let held = || Finder::open(directory.path()).expect("an index").count();
        assert_eq!((held(), view.watermark), (1, ChangeId(7)));
        // From here on the table knows: what is the same is not written, another source's record replaces it, and it goes.
        for (record, title, due) in [(1, Some("Nils"), 1), (1, Some("Akka"), 1), (2, Some("Akka"), 1), (2, None, 0), (2, None, 0)]
        {
            view.apply(batch(record, title, Some(8))).expect("applied");
            view.flush().expect("committed");
            assert_eq!(held(), due, "{title:?}");
        }
    }
}
