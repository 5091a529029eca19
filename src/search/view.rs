//! The search view: the table of entries, and the index of the same records.
//!
//! The table is committed first, so that it says of each record whether the index has a document of it. After a crash it cannot
//! know: it may be ahead of the index, and have part of the page after its watermark. So what changed since the watermark of the
//! index, up to the end of that page, is noted when both are opened, and of these records the document is always replaced, whenever
//! they come: one that changed again meanwhile comes only with its last change.

use std::hash::BuildHasher as _;
use std::time::{Duration, Instant};

use rustc_hash::{FxBuildHasher, FxHashSet};
use tantivy::indexer::IndexWriterOptions;
use tantivy::schema::Term;
use tantivy::{Index, IndexWriter, TantivyError};

use super::check::SearchCheck;
use super::directory::{self, Reached};
use super::error::SearchError;
use super::fields::Fields;
use super::table::{EntryOf, EntryTable, Fate};
use crate::log::{ChangeId, Mark};
use crate::rdf::graph_name;
use crate::views::{Batch, Check, Home, LocalView, ParsedChange, Table as _, TableView, View, ViewError};

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
    /// Hashes of the graphs of which the table may not know what the index has. A collision costs time, but nothing is lost.
    uneven: FxHashSet<u64>,
    /// A batch failed half-way: it may not know of any.
    failed: bool,
    watermark: ChangeId,
    /// The last mark that was applied but is not committed.
    reached: Option<Mark>,
    documents: usize,
    committed: Instant,
}

impl SearchView {
    fn error(&self, source: TantivyError) -> SearchError {
        SearchError::Index { path: self.path.clone(), cause: source }
    }

    fn write(&mut self, row: &EntryOf) -> Result<(), SearchError> {
        let uneven = self.failed || (!self.uneven.is_empty() && self.uneven.contains(&hash(&row.graph)));
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
        added.map(|_| ()).map_err(|source| self.error(source))
    }

    fn begin(&self) -> Result<IndexWriter, SearchError> {
        let options = IndexWriterOptions::builder().num_worker_threads(1).memory_budget_per_thread(MEMORY).num_merge_threads(1);
        let begin = || {
            let writer = self.index.writer_with_options(options.build())?;
            // A program that was killed in a commit left files that no commit names, and a commit that begins where that one did
            // gives them the same names.
            writer.garbage_collect_files().wait()?;
            Ok(writer)
        };
        begin().map_err(|source| self.error(source))
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
        commit().map_err(|source| self.error(source))?;
        self.writer = Some(writer);
        (self.watermark, self.documents, self.committed) = (mark.change, 0, Instant::now());
        Ok(())
    }
}

fn hash(graph: &str) -> u64 {
    FxBuildHasher.hash_one(graph)
}

impl View for SearchView {
    type Part = EntryOf;

    fn name(&self) -> &str {
        EntryTable::NAME
    }

    fn part(change: &ParsedChange) -> EntryOf {
        EntryTable::row(change)
    }

    fn watermark(&self) -> ChangeId {
        self.watermark
    }

    fn apply(&mut self, batches: Vec<Batch<EntryOf>>) -> Result<(), ViewError> {
        // If this fails half-way, the table knows of documents that are not there.
        let failed = std::mem::replace(&mut self.failed, true);
        self.table.apply_all(&batches)?;
        self.failed = failed;
        for Batch { parts, mark } in batches {
            for row in &parts {
                if let Err(error) = self.write(row) {
                    self.failed = true;
                    return Err(error.into());
                }
            }
            self.reached = mark.or(self.reached);
        }
        if self.documents >= MOST_DOCUMENTS || (self.documents > 0 && self.committed.elapsed() >= LONGEST) {
            self.commit()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ViewError> {
        self.table.flush()?;
        Ok(self.commit()?)
    }

    fn finish(&mut self) -> Result<(), ViewError> {
        self.flush()?;
        self.table.finish()?;
        // Merges that a commit began would end with the writer, and begin again with the next. What is not committed, part of a
        // page, would go with it.
        if self.documents == 0
            && let Some(writer) = self.writer.take()
        {
            writer.wait_merging_threads().map_err(|source| self.error(source))?;
        }
        Ok(())
    }
}

impl LocalView for SearchView {
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
        let mut uneven = FxHashSet::default();
        home.log.identifiers_changed(watermark, watermark.max(table.watermark()), &mut |identifier| {
            uneven.insert(hash(graph_name(identifier).as_str()));
        })?;
        let path = directory::folder(home.directory);
        let (reached, committed) = (None, Instant::now());
        let watermark = watermark.min(table.watermark());
        Ok(Self { table, index, fields, path, writer: None, uneven, failed: false, watermark, reached, documents: 0, committed })
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

    /// Merges all segments into one.
    fn optimize(&mut self) -> Result<(), ViewError> {
        self.finish()?;
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
        Ok(merge().map_err(|source| self.error(source))?)
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
    use crate::log::{Log, PageId};
    use crate::rdf::{Shapes, graph_name};
    use crate::search::Finder;
    use crate::views::{Content, log_of_two};

    const IRI: &str = "https://libris.kb.se/x";

    fn change(record: i64, title: Option<&str>) -> ParsedChange {
        change_of(IRI, record, title)
    }

    fn change_of(iri: &str, record: i64, title: Option<&str>) -> ParsedChange {
        let content = title.map_or(Content::Deleted, |title| {
            let turtle = format!("<{iri}#it> <https://id.kb.se/vocab/prefLabel> \"{title}\" .");
            let quads = RdfParser::from_format(RdfFormat::Turtle).for_slice(&turtle).collect::<Result<_, _>>();
            Content::Quads(Arc::new(quads.expect("valid Turtle")))
        });
        ParsedChange::new(record, PageId(1), graph_name(iri), content, false, Shapes::standard())
    }

    fn enter(log: &Log, id: i64, record: i64, kind: i64) {
        let sql = "INSERT INTO change (id, record_id, kind, page_id) VALUES (?1, ?2, ?3, ?1)";
        log.connection.execute(sql, [id, record, kind]).expect("entered");
    }

    /// The table is committed before the index, and may have part of a page when the program is killed.
    #[test]
    fn what_only_the_table_has_after_a_crash_comes_into_the_index() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = log_of_two(directory.path(), IRI);
        let config = crate::config::Config::new(None, std::collections::HashMap::new(), &[]).expect("the defaults");
        let home = Home { directory: directory.path(), log: &log, config: &config };
        let batch = |record, title, change_id: Option<i64>| {
            let mark = change_id.map(|id| Mark { change: ChangeId(id), page: PageId(id), link: None });
            vec![Batch { parts: vec![SearchView::part(&change(record, title))], mark }]
        };
        enter(&log, 7, 1, 1);
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
    /// A record that changes again after a crash, and says the same as before, comes with its last change only.
    #[test]
    fn what_changes_again_after_a_crash_comes_into_the_index_whenever_it_does() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = log_of_two(directory.path(), IRI);
        enter(&log, 1, 2, 1);
        enter(&log, 2, 1, 1);
        let config = crate::config::Config::new(None, std::collections::HashMap::new(), &[]).expect("the defaults");
        let home = Home { directory: directory.path(), log: &log, config: &config };
        let batch = |title, id: i64| {
            let mark = Some(Mark { change: ChangeId(id), page: PageId(id), link: None });
            vec![Batch { parts: vec![SearchView::part(&change(1, title))], mark }]
        };
        let mut view = SearchView::open(&home).expect("open");
        view.apply(vec![Batch { parts: Vec::new(), mark: Some(Mark { change: ChangeId(1), page: PageId(1), link: None }) }])
            .expect("applied");
        view.flush().expect("flushed");
        // The table has the record, and the program ends before the index does.
        view.apply(batch(Some("Nils"), 2)).expect("applied");
        drop(view);
        let held = || Finder::open(directory.path()).expect("an index").count();
        // Many pages later it comes again as it was; after another crash it has gone, and comes again.
        for (id, titles) in [(900, vec![Some("Nils")]), (1900, vec![None]), (2900, vec![Some("Nils")])] {
            enter(&log, id, 1, 2);
            let mut view = SearchView::open(&home).expect("open again");
            // Pages of other records come first.
            let mark = Some(Mark { change: ChangeId(id - 1), page: PageId(id - 1), link: None });
            view.apply(vec![Batch { parts: Vec::new(), mark }]).expect("applied");
            for title in &titles {
                view.apply(batch(*title, id)).expect("applied");
            }
            view.flush().expect("flushed");
            assert_eq!(held(), u64::from(titles.last().is_some_and(Option::is_some)), "{id}");
            // What the next crash undoes in the index, and not in the table.
            view.apply(batch(if id == 900 { None } else { Some("Nils") }, id + 1)).expect("applied");
            enter(&log, id + 1, 1, 2);
        }
    }

    /// A commit names its lists of deleted documents by the number of what was done before: the same work has the same names.
    #[test]
    fn the_files_of_a_commit_that_never_was_are_in_nobodys_way() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = log_of_two(directory.path(), IRI);
        let config = crate::config::Config::new(None, std::collections::HashMap::new(), &[]).expect("the defaults");
        let home = Home { directory: directory.path(), log: &log, config: &config };
        let mark = |id| Some(Mark { change: ChangeId(id), page: PageId(id), link: None });
        enter(&log, 1, 1, 1);
        enter(&log, 2, 2, 1);
        let mut view = SearchView::open(&home).expect("open");
        let other = change_of("https://libris.kb.se/y", 2, Some("Akka"));
        let sql = "UPDATE record SET identifier = 'https://libris.kb.se/y' WHERE id = 2";
        log.connection.execute(sql, []).expect("another record");
        let parts = vec![SearchView::part(&change(1, Some("Nils"))), SearchView::part(&other)];
        view.apply(vec![Batch { parts, mark: mark(2) }]).expect("applied");
        view.flush().expect("committed");
        drop(view);
        let committed = directory::committed(directory.path());
        let before = fs_err::read(&committed).expect("a commit");
        let held = || Finder::open(directory.path()).expect("an index").count();
        assert_eq!(held(), 2);
        enter(&log, 3, 1, 2);
        for round in 0..2 {
            let mut view = SearchView::open(&home).expect("open again");
            view.apply(vec![Batch { parts: vec![SearchView::part(&change(1, Some("Nisse")))], mark: mark(3) }]).expect("applied");
            view.flush().expect("committed, whatever lies there");
            assert_eq!(held(), 2, "in round {round}");
            drop(view);
            // As if the program had been killed before the commit was in place, with its files on the disk.
            fs_err::write(&committed, &before).expect("as before");
        }
    }

    /// What the table had before a crash, it has after the next one too, however far the program came in between.
    #[test]
    fn the_table_never_forgets_how_far_it_came() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = log_of_two(directory.path(), IRI);
        for (id, record) in [(1, 2), (500, 2), (900, 1)] {
            enter(&log, id, record, 1);
        }
        let config = crate::config::Config::new(None, std::collections::HashMap::new(), &[]).expect("the defaults");
        let home = Home { directory: directory.path(), log: &log, config: &config };
        let batch = |parts: Vec<EntryOf>, id: i64| {
            vec![Batch { parts, mark: Some(Mark { change: ChangeId(id), page: PageId(id), link: None }) }]
        };
        let mut view = SearchView::open(&home).expect("open");
        view.apply(batch(Vec::new(), 1)).expect("applied");
        view.flush().expect("flushed");
        view.apply(batch(vec![SearchView::part(&change(1, Some("Nils")))], 900)).expect("applied");
        drop(view);
        let mut view = SearchView::open(&home).expect("open again");
        view.apply(batch(Vec::new(), 500)).expect("applied");
        drop(view);
        // It comes again as it was, after pages that have others.
        enter(&log, 2000, 1, 2);
        let mut view = SearchView::open(&home).expect("open once more");
        assert_eq!(view.table.watermark(), ChangeId(900));
        view.apply(batch(Vec::new(), 1999)).expect("applied");
        view.apply(batch(vec![SearchView::part(&change(1, Some("Nils")))], 2000)).expect("applied");
        view.flush().expect("flushed");
        assert_eq!(Finder::open(directory.path()).expect("an index").count(), 1);
    }
}
