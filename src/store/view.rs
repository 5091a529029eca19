//! The store as a view of the log.
//!
//! A page is applied in two steps. Graphs that the store does not know go in by bulk load; then one transaction
//! replaces known graphs by difference, removes those of deleted records, and moves the watermark. The watermark
//! comes last, in the write-ahead log: `RocksDB` syncs the files of a bulk load when it takes them in but not
//! every commit, so after a power cut the store may have lost a watermark together with the changes before it in
//! that log, never the changes alone. Applying the page again then leaves the same state.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use oxigraph::model::{GraphNameRef, NamedNode, NamedNodeRef, Quad};
use oxigraph::store::{StorageError, Store, StoreOptions, Transaction};

use super::StoreError;
use crate::config;
use crate::log::{Log, PageId, PageProof};
use crate::views::{Batch, Content, View, ViewError};

/// The watermark is the name of a graph without triples, so that no query over triples can see it.
const WATERMARK: &str = "urn:libris-mirror:watermark:";

/// The page and its link in the chain of the log, so that a store which followed another log is told from one that
/// followed this one.
fn watermark_graph(page: PageId, link: PageProof) -> NamedNode {
    let link: String = link.iter().flatten().map(|byte| format!("{byte:02x}")).collect();
    let colon = if link.is_empty() { "" } else { ":" };
    NamedNode::new_unchecked(format!("{WATERMARK}{}{colon}{link}", page.0))
}

/// Whether a graph of a store is a record's: all are, but for the watermark.
#[must_use]
pub fn is_record_graph(graph: &str) -> bool {
    !graph.starts_with(WATERMARK)
}

/// The writer's store.
pub struct StoreView {
    store: Store,
    path: PathBuf,
    watermark: PageId,
    mark: Option<NamedNode>,
    bulk_memory_mb: usize,
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
        Ok(Self { store, path: path.to_owned(), watermark, mark, bulk_memory_mb: config.bulk_memory_mb })
    }

    /// The store itself.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The last page that was applied.
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

    fn apply_batch(&self, batch: &Batch, mark: &NamedNode) -> Result<(), StorageError> {
        let mut known = Vec::with_capacity(batch.changes.len());
        let mut fresh = Vec::new();
        for change in &batch.changes {
            if self.store.contains_named_graph(&change.graph)? {
                known.push(change);
            } else if let Content::Quads(quads) = &change.content {
                fresh.push(quads);
            }
        }
        if !fresh.is_empty() {
            let mut loader = self.store.bulk_loader().with_max_memory_size_in_megabytes(self.bulk_memory_mb);
            loader.load_quads(fresh.into_iter().flatten().cloned())?;
            loader.commit()?;
        }
        let mut transaction = self.store.start_transaction()?;
        for change in known {
            let quads = if let Content::Quads(quads) = &change.content { quads.as_slice() } else { &[] };
            replace(&mut transaction, change.graph.as_ref(), quads)?;
        }
        transaction.insert_named_graph(mark);
        if let Some(before) = self.mark.as_ref().filter(|before| *before != mark) {
            transaction.remove_named_graph(before)?;
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

/// Makes a graph consist of `quads`, writing only what differs.
fn replace(transaction: &mut Transaction<'_>, graph: NamedNodeRef<'_>, quads: &[Quad]) -> Result<(), StorageError> {
    if quads.is_empty() {
        return transaction.remove_named_graph(graph);
    }
    let old = transaction
        .quads_for_pattern(None, None, None, Some(GraphNameRef::NamedNode(graph)))
        .collect::<Result<HashSet<_>, _>>()?;
    let new: HashSet<&Quad> = quads.iter().collect();
    for quad in old.iter().filter(|quad| !new.contains(quad)) {
        transaction.remove(quad);
    }
    for quad in quads.iter().filter(|quad| !old.contains(quad)) {
        transaction.insert(quad);
    }
    Ok(())
}

impl View for StoreView {
    fn name(&self) -> &'static str {
        "store"
    }

    fn watermark(&self) -> Result<PageId, ViewError> {
        Ok(self.watermark)
    }

    fn apply(&mut self, batch: &Batch) -> Result<(), ViewError> {
        let mark = watermark_graph(batch.page, batch.link);
        self.apply_batch(batch, &mark).map_err(|source| self.failed(source))?;
        self.watermark = batch.page;
        self.mark = Some(mark);
        Ok(())
    }

    fn reset(&mut self) -> Result<(), ViewError> {
        self.store.clear().map_err(|source| self.failed(source))?;
        self.watermark = PageId(0);
        self.mark = None;
        Ok(())
    }
}
