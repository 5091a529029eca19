//! The store as a view of the log.
//!
//! Graphs that the store does not know wait in a bulk load, which is taken in as a whole; known graphs are replaced by
//! difference, in a transaction a piece. The watermark comes last, when all pages before it are in: `RocksDB` syncs
//! the files of a bulk load when it takes them in but not every commit, so after a power cut the store may have lost
//! a watermark together with the changes before it in its write-ahead log, never the changes alone. Applying pages
//! again then leaves the same state.

use std::path::{Path, PathBuf};

use oxigraph::model::{NamedNode, Quad};
use oxigraph::store::{StorageError, Store, StoreOptions};
use rustc_hash::{FxBuildHasher, FxHashSet};

use super::StoreError;
use super::difference::{Difference, differences};
use super::load::Load;
use super::snapshot::link_text;
use crate::config;
use crate::log::{Log, PageId, PageProof};
use crate::views::{Sealed, ViewError};

/// The watermark is the name of a graph without triples, so that no query over triples can see it.
const WATERMARK: &str = "urn:libris-mirror:watermark:";

/// The page and its link in the chain of the log, so that a store which followed another log is told from one that
/// followed this one.
fn watermark_graph(page: PageId, link: PageProof) -> NamedNode {
    let link = link_text(link);
    let colon = if link.is_empty() { "" } else { ":" };
    NamedNode::new_unchecked(format!("{WATERMARK}{}{colon}{link}", page.0))
}

/// Whether a graph of a store is a record's: all are, but for the watermark.
#[must_use]
pub fn is_record_graph(graph: &str) -> bool {
    !graph.starts_with(WATERMARK)
}

/// A record as the store is to hold it.
#[derive(Debug)]
pub struct RecordGraph {
    /// Its graph.
    pub graph: NamedNode,
    /// All that the graph consists of; nothing for a record that has none.
    pub quads: Vec<Quad>,
}

/// The writer's store.
pub struct StoreView {
    store: Store,
    path: PathBuf,
    watermark: PageId,
    mark: Option<NamedNode>,
    bulk_memory_mb: usize,
    /// Nothing was ever taken in, so that no graph is known.
    empty: bool,
    waiting: Waiting,
}

/// What was applied and is not in the store yet.
#[derive(Default)]
struct Waiting {
    /// New graphs, while they are few.
    few: Vec<Vec<Quad>>,
    quads: usize,
    /// New graphs, once they are many.
    load: Option<Load>,
    /// Hashes of the names of both. One that another graph has as well costs some time and nothing else.
    graphs: FxHashSet<u64>,
    /// The last page whose records were all applied.
    reached: Option<Sealed>,
}

/// So many quads are worth a bulk load, whose tables cost some milliseconds however small they are.
const MANY: usize = 30_000;

/// After so many quads they are taken in, so that the tables of one load can be merged in bounded memory.
const MOST: usize = 64_000_000;

fn hash(graph: &NamedNode) -> u64 {
    use std::hash::BuildHasher;
    FxBuildHasher.hash_one(graph.as_str())
}

impl StoreView {
    /// Opens or makes the store that follows a log. One that followed another log, or none that can be told, such as
    /// one beside an older copy of the log, begins anew.
    pub fn open(path: &Path, log: &Log, config: &config::Store) -> Result<Self, ViewError> {
        remove_leftovers(path)?;
        let failed = |source| StoreError::storage(path, source);
        let options = StoreOptions::default().with_max_open_files(config.open_tables);
        let mut store = Store::open_with_options(path, options.clone()).map_err(failed)?;
        let mut watermark = log.last_page()?;
        let mut mark = None;
        while watermark.0 > 0 {
            let graph = watermark_graph(watermark, log.link(watermark)?);
            if store.contains_named_graph(&graph).map_err(failed)? {
                mark = Some(graph);
                break;
            }
            watermark.0 -= 1;
        }
        if mark.is_none() && !store.is_empty().map_err(failed)? {
            tracing::warn!("the store in {} did not follow this log to any page: it is made anew", path.display());
            drop(store);
            fs_err::remove_dir_all(path).map_err(StoreError::from)?;
            store = Store::open_with_options(path, options).map_err(failed)?;
        }
        let empty = mark.is_none();
        let (path, bulk_memory_mb, waiting) = (path.to_owned(), config.bulk_memory_mb, Waiting::default());
        Ok(Self { store, path, watermark, mark, bulk_memory_mb, empty, waiting })
    }

    /// The store itself.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The last page whose changes are all in the store.
    #[must_use]
    pub fn page(&self) -> PageId {
        self.watermark
    }

    /// Brings the store into the form that is read fastest and is smallest, which takes a while and, for that while, as
    /// much disk again.
    pub fn optimize(&self) -> Result<(), StoreError> {
        self.store.optimize().map_err(|source| self.failed(source))
    }

    fn failed(&self, source: StorageError) -> StoreError {
        StoreError::storage(&self.path, source)
    }

    /// Makes the graphs of records what they are to be. New ones may wait for [`StoreView::flush`].
    pub fn apply(&mut self, records: Vec<RecordGraph>) -> Result<(), StoreError> {
        let apply = |view: &mut Self| -> Result<(), StorageError> {
            let mut known = Vec::new();
            for record in records {
                let name = hash(&record.graph);
                if view.waiting.graphs.contains(&name) {
                    view.take_in()?;
                }
                if !view.empty && view.store.contains_named_graph(&record.graph)? {
                    known.push(record);
                } else if !record.quads.is_empty() {
                    view.waiting.graphs.insert(name);
                    view.wait(record.quads)?;
                }
            }
            view.replace(&known)
        };
        apply(self).map_err(|source| self.failed(source))
    }

    /// Notes that all records of a page were applied. It becomes the watermark with the next [`StoreView::flush`].
    pub fn reached(&mut self, page: Sealed) -> Result<(), StoreError> {
        self.waiting.reached = Some(page);
        if self.waiting.quads >= MOST { self.flush() } else { Ok(()) }
    }

    /// Brings all that was applied into the store, and moves the watermark to the last page that was reached.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        self.take_in().map_err(|source| self.failed(source))?;
        let Some(Sealed { page, link }) = self.waiting.reached.take() else { return Ok(()) };
        let mark = watermark_graph(page, link);
        let commit = || {
            let mut transaction = self.store.start_transaction()?;
            transaction.insert_named_graph(&mark);
            if let Some(before) = self.mark.as_ref().filter(|before| **before != mark) {
                transaction.remove_named_graph(before)?;
            }
            transaction.commit()
        };
        commit().map_err(|source| self.failed(source))?;
        self.watermark = page;
        self.mark = Some(mark);
        Ok(())
    }

    /// Forgets everything, so that the next catching up begins at the log's first page.
    pub fn reset(&mut self) -> Result<(), StoreError> {
        self.store.clear().map_err(|source| self.failed(source))?;
        (self.watermark, self.mark, self.waiting, self.empty) = (PageId(0), None, Waiting::default(), true);
        Ok(())
    }

    /// Lets the quads of a new graph wait.
    fn wait(&mut self, quads: Vec<Quad>) -> Result<(), StorageError> {
        let waiting = &mut self.waiting;
        waiting.quads += quads.len();
        waiting.few.push(quads);
        if waiting.quads < MANY {
            return Ok(());
        }
        let load = waiting.load.get_or_insert_with(|| Load::begin(&self.store, self.bulk_memory_mb));
        // A load that failed says why when it is taken in.
        if waiting.few.drain(..).all(|quads| load.add(quads)) { Ok(()) } else { self.take_in() }
    }

    /// Takes in all that waits.
    fn take_in(&mut self) -> Result<(), StorageError> {
        let Waiting { few, load, reached, .. } = std::mem::take(&mut self.waiting);
        self.empty = self.empty && few.is_empty() && load.is_none();
        if let Some(load) = load {
            load.take_in()?;
        }
        if !few.is_empty() {
            let mut transaction = self.store.start_transaction()?;
            for quad in few.iter().flatten() {
                transaction.insert(quad);
            }
            transaction.commit()?;
        }
        // Only now: a page whose records failed was not reached.
        self.waiting.reached = reached;
        Ok(())
    }

    /// Makes graphs that the store knows what they are to be, writing only what differs.
    fn replace(&self, records: &[RecordGraph]) -> Result<(), StorageError> {
        if records.is_empty() {
            return Ok(());
        }
        let differences = differences(&self.store, records)?;
        let mut transaction = self.store.start_transaction()?;
        for (record, Difference { gone, new }) in records.iter().zip(&differences) {
            if record.quads.is_empty() {
                transaction.remove_named_graph(&record.graph)?;
            }
            for quad in gone {
                transaction.remove(quad);
            }
            for quad in new {
                transaction.insert(*quad);
            }
        }
        transaction.commit()
    }
}

/// Removes the files of bulk loads that a crash cut off before `RocksDB` took them in. Nobody else has the store open.
fn remove_leftovers(path: &Path) -> Result<(), StoreError> {
    if !path.exists() {
        return Ok(());
    }
    for entry in fs_err::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        if name
            .to_str()
            .and_then(|name| name.strip_prefix("bulk-"))
            .is_some_and(|rest| rest.rsplit_once('.').is_some_and(|(_, ending)| ending == "sst"))
        {
            fs_err::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use oxigraph::model::Literal;

    use super::*;

    fn graph(name: usize, texts: impl IntoIterator<Item = String>) -> RecordGraph {
        let graph = NamedNode::new_unchecked(format!("https://libris.kb.se/{name}"));
        let quad = |text: String| Quad::new(graph.clone(), graph.clone(), Literal::from(text), graph.clone());
        let quads = texts.into_iter().map(quad).collect();
        RecordGraph { graph, quads }
    }

    fn held(view: &StoreView) -> HashSet<Quad> {
        view.store().iter().collect::<Result<_, _>>().expect("readable")
    }

    /// A store that follows an empty log, and the directory that both are in.
    fn view() -> (tempfile::TempDir, StoreView) {
        let directory = tempfile::tempdir().expect("a directory");
        let log = Log::open(&directory.path().join("mirror.db")).expect("a log");
        let config = crate::config::Config::new(None, std::collections::HashMap::new(), &[]).expect("the defaults");
        let view = StoreView::open(&directory.path().join("store"), &log, &config.store).expect("a store");
        (directory, view)
    }

    /// What a record was last is what it is, whether it waited in the meantime, in which way, and however it changed.
    #[test]
    fn a_record_that_changes_while_it_waits_is_what_it_was_last() {
        for fillers in [0, MANY + 1000] {
            let (_directory, mut view) = view();
            let filler = |page: usize| graph(99 + page, (0..fillers).map(|n| n.to_string()));
            let text = |text: &str| [text.to_owned(), "both".to_owned()];
            let first = vec![graph(1, text("a")), graph(2, text("a")), graph(3, text("a")), filler(0)];
            view.apply(first).expect("applied");
            view.apply(vec![graph(1, text("b")), graph(2, []), filler(1)]).expect("applied");
            view.apply(vec![graph(2, text("c")), graph(4, []), graph(1, text("b"))]).expect("applied");
            assert_eq!(view.page(), PageId(0), "no page was reached");
            view.reached(Sealed { page: PageId(7), link: None }).expect("noted");
            view.flush().expect("flushed");
            assert_eq!(view.page(), PageId(7));
            let due = [graph(1, text("b")), graph(2, text("c")), graph(3, text("a")), filler(0), filler(1)];
            assert!(held(&view) == due.into_iter().flat_map(|record| record.quads).collect(), "with {fillers} fillers");
        }
    }

    #[test]
    fn a_load_that_fails_moves_no_watermark_later() {
        let (directory, mut view) = view();
        let (store, away) = (directory.path().join("store"), directory.path().join("away"));
        view.apply(vec![graph(1, (0..MANY + 1000).map(|n| n.to_string()))]).expect("applied");
        view.reached(Sealed { page: PageId(7), link: None }).expect("noted");
        fs_err::rename(&store, &away).expect("renamed");
        assert!(view.flush().is_err(), "no table can be made");
        fs_err::rename(&away, &store).expect("renamed");
        view.flush().expect("nothing waits");
        assert_eq!(view.page(), PageId(0), "what failed is not in the store");
    }

    #[test]
    fn what_waits_when_the_store_is_closed_leaves_no_trace() {
        let (directory, mut view) = view();
        view.apply(vec![graph(1, (0..MANY + 1000).map(|n| n.to_string()))]).expect("applied");
        drop(view);
        let store = directory.path().join("store");
        let files = fs_err::read_dir(&store).expect("there").flatten().map(|entry| entry.file_name());
        assert_eq!(files.filter(|name| name.to_string_lossy().starts_with("bulk-")).count(), 0);
        assert!(Store::open(&store).expect("a store").is_empty().expect("readable"));
    }
}
