//! The store as a view of the log.
//!
//! Graphs that are new to the store wait in a bulk load, which is committed as a whole. Known graphs are replaced by
//! difference, in one transaction a batch. The watermark is written last: `RocksDB` syncs the files of a bulk load when it is
//! committed, but not every commit. So after a power cut the store may have lost a watermark together with changes before
//! it, never the changes alone. Applying changes again then leaves the same state.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxigraph::model::{NamedNode, Quad};
use oxigraph::store::{StorageError, Store, StoreOptions};
use rustc_hash::{FxBuildHasher, FxHashSet};

use super::check::check;
use super::difference::{Difference, differences};
use super::graph::RecordGraph;
use super::load::Load;
use super::watermark::{find_watermark, note, noted, watermark_graph};
use super::{FOLDER, NAME, StoreError, VERSION};
use crate::config::{self, Config};
use crate::log::{ChangeId, Log, Mark};
use crate::views::{Batch, Check, Home, LocalView, ParsedChange, Policy, View, ViewError};

/// The writer's store.
pub struct StoreView {
    store: Store,
    path: PathBuf,
    watermark: ChangeId,
    /// The graph that names the watermark.
    mark: Option<NamedNode>,
    bulk_memory_mb: usize,
    /// The store never had a graph, so that all are new.
    empty: bool,
    waiting: Waiting,
}

/// What was applied but is not in the store yet.
#[derive(Default)]
struct Waiting {
    /// New graphs, while they are few.
    few: Vec<Vec<Quad>>,
    quads: usize,
    /// New graphs, once they are many.
    load: Option<Load>,
    /// Hashes of the names of both. A collision costs time, but nothing is lost.
    graphs: FxHashSet<u64>,
    /// The last mark that was applied.
    reached: Option<Mark>,
}

/// From this number of quads on a bulk load is faster than a transaction: its tables take milliseconds however small they are.
const MANY: usize = 30_000;

/// The most quads in one load, so that its tables can be merged in bounded memory.
const MOST: usize = 64_000_000;

fn hash(graph: &NamedNode) -> u64 {
    use std::hash::BuildHasher;
    FxBuildHasher.hash_one(graph.as_str())
}

impl StoreView {
    /// Opens or creates the store that follows a log. One that followed another log, or of which this cannot be
    /// determined, such as one next to an older copy of the log, is emptied.
    fn open_at(path: &Path, log: &Log, config: &config::Store) -> Result<Self, ViewError> {
        remove_leftovers(path)?;
        let failed = |source| StoreError::storage(path, source);
        let options = StoreOptions::default().with_max_open_files(config.open_tables);
        let mut store = Store::open_with_options(path, options.clone()).map_err(failed)?;
        let found = find_watermark(&store, path, log)?;
        if found.is_none() && !store.is_empty().map_err(failed)? {
            tracing::warn!("the store in {} did not follow this log to any page: it is rebuilt", path.display());
            drop(store);
            fs_err::remove_dir_all(path).map_err(StoreError::from)?;
            store = Store::open_with_options(path, options).map_err(failed)?;
        }
        let empty = found.is_none();
        // The watermark of an older program is written again in today's form.
        let older = found
            .as_ref()
            .filter(|(graph, mark)| mark.change > ChangeId(0) && *graph != watermark_graph(*mark))
            .map(|(_, mark)| *mark);
        note(path, found.as_ref().map_or(ChangeId(0), |(_, mark)| mark.change))?;
        let (mark, watermark) = found.map_or((None, ChangeId(0)), |(graph, mark)| (Some(graph), mark.change));
        let (path, bulk_memory_mb, waiting) =
            (path.to_owned(), config.bulk_memory_mb, Waiting { reached: older, ..Waiting::default() });
        Ok(Self { store, path, watermark, mark, bulk_memory_mb, empty, waiting })
    }

    fn failed(&self, source: StorageError) -> StoreError {
        StoreError::storage(&self.path, source)
    }

    /// Brings the graphs of records up to date. New ones may wait for a flush.
    fn apply_graphs(&mut self, records: Vec<RecordGraph>) -> Result<(), StorageError> {
        let mut known = Vec::new();
        for record in records {
            let name = hash(&record.graph);
            if self.waiting.graphs.contains(&name) {
                self.load_waiting()?;
            }
            if !self.empty && self.store.contains_named_graph(&record.graph)? {
                known.push(record);
            } else if !record.quads.is_empty() {
                self.waiting.graphs.insert(name);
                self.wait(Arc::unwrap_or_clone(record.quads))?;
            }
        }
        self.replace(&known)
    }

    fn apply_batch(&mut self, batch: Batch<RecordGraph>) -> Result<(), StoreError> {
        self.apply_graphs(batch.parts).map_err(|source| self.failed(source))?;
        self.waiting.reached = batch.mark.or(self.waiting.reached);
        if self.waiting.quads >= MOST { self.flush_waiting() } else { Ok(()) }
    }

    /// Brings all that was applied into the store, and moves the watermark to the last mark.
    fn flush_waiting(&mut self) -> Result<(), StoreError> {
        self.load_waiting().map_err(|source| self.failed(source))?;
        let Some(reached) = self.waiting.reached.take() else { return Ok(()) };
        let mark = watermark_graph(reached);
        let commit = || {
            let mut transaction = self.store.start_transaction()?;
            transaction.insert_named_graph(&mark);
            if let Some(before) = self.mark.as_ref().filter(|before| **before != mark) {
                transaction.remove_named_graph(before)?;
            }
            transaction.commit()
        };
        commit().map_err(|source| self.failed(source))?;
        note(&self.path, reached.change)?;
        self.watermark = reached.change;
        self.mark = Some(mark);
        Ok(())
    }

    /// Adds the quads of a new graph to those that wait.
    fn wait(&mut self, quads: Vec<Quad>) -> Result<(), StorageError> {
        let waiting = &mut self.waiting;
        waiting.quads += quads.len();
        waiting.few.push(quads);
        if waiting.quads < MANY {
            return Ok(());
        }
        let load = waiting.load.get_or_insert_with(|| Load::begin(&self.store, self.bulk_memory_mb));
        // A load that failed says why when it is committed.
        if waiting.few.drain(..).all(|quads| load.add(quads)) { Ok(()) } else { self.load_waiting() }
    }

    /// Loads all that waits.
    fn load_waiting(&mut self) -> Result<(), StorageError> {
        let Waiting { few, load, reached, .. } = std::mem::take(&mut self.waiting);
        self.empty = self.empty && few.is_empty() && load.is_none();
        if let Some(load) = load {
            load.commit()?;
        }
        if !few.is_empty() {
            let mut transaction = self.store.start_transaction()?;
            for quad in few.iter().flatten() {
                transaction.insert(quad);
            }
            transaction.commit()?;
        }
        // Only now: a mark whose records failed was not reached.
        self.waiting.reached = reached;
        Ok(())
    }

    /// Brings graphs that the store has up to date, writing only what differs.
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

impl View for StoreView {
    type Part = RecordGraph;

    fn name(&self) -> &str {
        NAME
    }

    fn part(change: &ParsedChange) -> RecordGraph {
        RecordGraph::of(change)
    }

    fn watermark(&self) -> ChangeId {
        self.watermark
    }

    fn apply(&mut self, batches: Vec<Batch<RecordGraph>>) -> Result<(), ViewError> {
        for batch in batches {
            self.apply_batch(batch)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ViewError> {
        Ok(self.flush_waiting()?)
    }
}

impl LocalView for StoreView {
    const NAME: &'static str = NAME;
    const VERSION: u32 = VERSION;
    const GRAPHS: bool = true;

    fn is_enabled(config: &Config) -> bool {
        config.store.enabled
    }

    fn policy(config: &Config) -> Policy {
        if config.store.publish { Policy::KeepUp } else { Policy::Afterwards }
    }

    fn is_published(config: &Config) -> bool {
        config.store.publish
    }

    fn open(home: &Home<'_>) -> Result<Self, ViewError> {
        Self::open_at(&home.directory.join(FOLDER), home.log, &home.config.store)
    }

    /// The store is not to be opened while another process may write it.
    fn reached(home: &Home<'_>) -> Result<ChangeId, ViewError> {
        Ok(noted(&home.directory.join(FOLDER)))
    }

    fn reset(home: &Home<'_>) -> Result<(), ViewError> {
        let path = home.directory.join(FOLDER);
        if path.exists() {
            fs_err::remove_dir_all(path).map_err(StoreError::from)?;
        }
        Ok(())
    }

    /// Takes, while it works, as much disk again.
    fn optimize(&mut self) -> Result<(), ViewError> {
        Ok(self.store.optimize().map_err(|source| self.failed(source))?)
    }

    fn publish(&self, directory: &Path) -> Result<(), ViewError> {
        Ok(self.store.backup(directory).map_err(|source| StoreError::storage(directory, source))?)
    }

    fn check<'a>(&'a self, home: &Home<'a>) -> Result<Box<dyn Check + 'a>, ViewError> {
        check(&self.store, home)
    }
}

/// Removes files that nothing needs: of bulk loads that a crash interrupted, and the logs that `RocksDB` leaves each time it is
/// opened, 120 kB each. Nobody else has the store open.
fn remove_leftovers(path: &Path) -> Result<(), StoreError> {
    if !path.exists() {
        return Ok(());
    }
    for entry in fs_err::read_dir(path)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_leftover) {
            fs_err::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn is_leftover(name: &str) -> bool {
    let is_table = Path::new(name).extension().is_some_and(|ending| ending == "sst");
    name.starts_with("LOG.old.") || (name.starts_with("bulk-") && is_table)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use oxigraph::model::Literal;

    use super::*;
    use crate::log::PageId;

    fn graph(name: usize, texts: impl IntoIterator<Item = String>) -> RecordGraph {
        let graph = NamedNode::new_unchecked(format!("https://libris.kb.se/{name}"));
        let quad = |text: String| Quad::new(graph.clone(), graph.clone(), Literal::from(text), graph.clone());
        let quads = texts.into_iter().map(quad).collect();
        RecordGraph { graph, quads: Arc::new(quads) }
    }

    const MARK: Mark = Mark { change: ChangeId(7), page: PageId(1), link: None };

    fn apply(view: &mut StoreView, parts: Vec<RecordGraph>) -> Result<(), ViewError> {
        view.apply(vec![Batch { parts, mark: None }])
    }

    fn held(view: &StoreView) -> HashSet<Quad> {
        view.store.iter().collect::<Result<_, _>>().expect("readable")
    }

    /// A store that follows an empty log, and the directory that both are in.
    fn view() -> (tempfile::TempDir, StoreView) {
        let directory = tempfile::tempdir().expect("a directory");
        let log = Log::open(&directory.path().join("mirror.db")).expect("a log");
        let config = crate::config::Config::new(None, std::collections::HashMap::new(), &[]).expect("the defaults");
        let view = StoreView::open_at(&directory.path().join("store"), &log, &config.store).expect("a store");
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
            apply(&mut view, first).expect("applied");
            apply(&mut view, vec![graph(1, text("b")), graph(2, []), filler(1)]).expect("applied");
            apply(&mut view, vec![graph(2, text("c")), graph(4, []), graph(1, text("b"))]).expect("applied");
            assert_eq!(view.watermark, ChangeId(0), "no mark was reached");
            view.apply(vec![Batch { parts: Vec::new(), mark: Some(MARK) }]).expect("noted");
            view.flush().expect("flushed");
            assert_eq!(view.watermark, ChangeId(7));
            let due = [graph(1, text("b")), graph(2, text("c")), graph(3, text("a")), filler(0), filler(1)];
            assert!(
                held(&view) == due.into_iter().flat_map(|record| Arc::unwrap_or_clone(record.quads)).collect(),
                "with {fillers} fillers"
            );
        }
    }

    #[test]
    fn a_load_that_fails_moves_no_watermark_later() {
        let (directory, mut view) = view();
        let (store, away) = (directory.path().join("store"), directory.path().join("away"));
        apply(&mut view, vec![graph(1, (0..MANY + 1000).map(|n| n.to_string()))]).expect("applied");
        view.apply(vec![Batch { parts: Vec::new(), mark: Some(MARK) }]).expect("noted");
        fs_err::rename(&store, &away).expect("renamed");
        assert!(view.flush().is_err(), "no table can be made");
        fs_err::rename(&away, &store).expect("renamed");
        view.flush().expect("nothing waits");
        assert_eq!(view.watermark, ChangeId(0), "what failed is not in the store");
    }

    #[test]
    fn what_waits_when_the_store_is_closed_leaves_no_trace() {
        let (directory, mut view) = view();
        apply(&mut view, vec![graph(1, (0..MANY + 1000).map(|n| n.to_string()))]).expect("applied");
        drop(view);
        let store = directory.path().join("store");
        let files = fs_err::read_dir(&store).expect("there").flatten().map(|entry| entry.file_name());
        assert_eq!(files.filter(|name| name.to_string_lossy().starts_with("bulk-")).count(), 0);
        assert!(Store::open(&store).expect("a store").is_empty().expect("readable"));
    }

    #[test]
    fn logs_of_the_engine_do_not_pile_up() {
        let (directory, view) = view();
        let store = directory.path().join("store");
        drop(view);
        for _ in 0..3 {
            remove_leftovers(&store).expect("removed");
            drop(Store::open(&store).expect("a store"));
        }
        let files = fs_err::read_dir(&store).expect("there").flatten().map(|entry| entry.file_name());
        assert!(files.filter(|name| name.to_string_lossy().starts_with("LOG.old.")).count() <= 1);
    }
}
