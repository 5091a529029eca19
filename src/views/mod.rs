//! Views: functions of the log, each with its own watermark.
//!
//! A view commits how far it has followed the log together with its data. On start, after a crash, and during a
//! harvest alike, [`catch_up`] brings every view from its watermark to the end of the log. There is no other
//! recovery code: applying a page twice leaves the same state as applying it once.

mod table;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use oxigraph::model::{NamedNode, Quad};

use crate::log::{Change, Log, LogError, PageBodies, PageId, PageProof, SourceId};
use crate::oai::readable;
use crate::rdf::{Context, PayloadError, Reader, graph_name};

pub use table::{Table, TableView};

/// What a record is now.
#[derive(Debug)]
pub enum Content {
    /// Its quads, all in its graph, none twice.
    Quads(Vec<Quad>),
    /// Deleted at the source.
    Deleted,
    /// Kept in the log, but it gives no quads.
    Quarantined(PayloadError),
}

/// A record that changed, parsed once for all views.
#[derive(Debug)]
pub struct ParsedChange {
    /// The record's id in the log.
    pub record: i64,
    /// Its graph.
    pub graph: NamedNode,
    /// What it is now.
    pub content: Content,
    /// Whether bytes of it that are no text had to be replaced to read it.
    pub repaired: bool,
}

/// All that changed with one page.
#[derive(Debug)]
pub struct Batch {
    /// The page.
    pub page: PageId,
    /// The link of the log's chain that seals the page.
    pub link: PageProof,
    /// The records, each once.
    pub changes: Vec<ParsedChange>,
}

/// A fault of a view; the cause says where.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A view in the log's file failed.
    #[error("the view {view} failed: {source}\nhint: `libris-mirror rebuild {view}` makes it anew from the log")]
    Sqlite {
        /// Its name.
        view: &'static str,
        /// The cause.
        source: rusqlite::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The context in the log is no context.
    #[error(transparent)]
    Context(#[from] crate::rdf::ContextError),
}

/// A function of the log that is kept up to date.
pub trait View {
    /// Its name.
    fn name(&self) -> &'static str;
    /// The last page that was applied.
    fn watermark(&self) -> Result<PageId, ViewError>;
    /// Applies what changed with a page and commits the watermark with it. Idempotent.
    fn apply(&mut self, batch: &Batch) -> Result<(), ViewError>;
    /// Forgets everything, so that the next catching up begins at the log's first page.
    fn reset(&mut self) -> Result<(), ViewError>;
}

/// Readers of payloads, one a source, with the contexts that the log holds.
#[derive(Debug)]
pub struct Readers(HashMap<SourceId, Reader>);

impl Readers {
    /// The readers for all sources of a log. XML may be nested `depth` elements deep.
    pub fn new(log: &Log, depth: usize) -> Result<Self, ViewError> {
        let mut readers = HashMap::new();
        for source in log.sources()? {
            let context = match &source.context {
                Some(url) => log.document(url)?.map(|body| Context::new(url, &body)).transpose()?.map(Arc::new),
                None => None,
            };
            readers.insert(source.id, Reader::new(source.format, context, depth));
        }
        Ok(Self(readers))
    }

    /// What a record of the log is now.
    pub fn content(&self, log: &Log, bodies: &mut PageBodies, change: &Change) -> Result<Content, LogError> {
        if change.deleted {
            return Ok(Content::Deleted);
        }
        Ok(self.parse(change, bodies.record(log, change)?))
    }

    fn parse(&self, change: &Change, record: &[u8]) -> Content {
        let parsed = match self.0.get(&change.source) {
            Some(reader) => reader.quads(&change.identifier, record),
            None => Err(PayloadError::NoContext),
        };
        parsed.map_or_else(Content::Quarantined, Content::Quads)
    }

    fn batch(&self, log: &Log, bodies: &mut PageBodies, page: PageId) -> Result<Batch, LogError> {
        Ok(Batch { page, link: log.link(page)?, changes: self.parsed(log, bodies, log.changes_of(page)?)? })
    }

    /// What these records are now, parsed on all cores.
    pub fn parsed(&self, log: &Log, bodies: &mut PageBodies, changes: Vec<Change>) -> Result<Vec<ParsedChange>, LogError> {
        let records = changes
            .into_iter()
            .map(|change| {
                let record = if change.deleted { None } else { Some(bodies.record(log, &change)?.to_vec()) };
                Ok((change, record))
            })
            .collect::<Result<Vec<_>, LogError>>()?;
        let parse = |part: &[(Change, Option<Vec<u8>>)]| -> Vec<ParsedChange> {
            let each = part.iter().map(|(change, record)| ParsedChange {
                record: change.record,
                graph: graph_name(&change.identifier),
                content: record.as_ref().map_or(Content::Deleted, |record| self.parse(change, record)),
                repaired: record.as_ref().is_some_and(|record| matches!(readable(record), Cow::Owned(_))),
            });
            each.collect()
        };
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let size = records.len().div_ceil(cores).max(SMALLEST_PART);
        let changes = std::thread::scope(|scope| {
            let parts: Vec<_> = records.chunks(size).skip(1).map(|part| scope.spawn(move || parse(part))).collect();
            let mut changes = records.chunks(size).next().map(parse).unwrap_or_default();
            for part in parts {
                match part.join() {
                    Ok(parsed) => changes.extend(parsed),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            changes
        });
        Ok(changes)
    }
}

/// Fewer records than this are not worth a thread of their own.
const SMALLEST_PART: usize = 100;

/// What catching up did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CaughtUp {
    /// Pages that changed something.
    pub pages: u64,
    /// Records applied, for the view that was furthest behind.
    pub records: u64,
    /// Of these, the quarantined ones.
    pub quarantined: u64,
    /// Of these, the ones with bytes that are no text.
    pub repaired: u64,
}

/// Brings all views to the end of the log, page by page; `progress` hears of each page, and may stop after it.
pub fn catch_up(
    log: &Log,
    depth: usize,
    views: &mut [&mut dyn View],
    mut progress: impl FnMut(&CaughtUp) -> bool,
) -> Result<CaughtUp, ViewError> {
    let readers = Readers::new(log, depth)?;
    let mut bodies = PageBodies::default();
    let mut done = CaughtUp::default();
    let mut watermarks = views.iter().map(|view| view.watermark()).collect::<Result<Vec<_>, _>>()?;
    let end = log.last_page()?;
    loop {
        let Some(lowest) = watermarks.iter().min().copied().filter(|lowest| *lowest < end) else { return Ok(done) };
        // Pages that changed nothing are passed over in one step.
        let page = log.next_changed_page(lowest)?.filter(|page| *page <= end).unwrap_or(end);
        let batch = readers.batch(log, &mut bodies, page)?;
        let quarantined = batch.changes.iter().filter(|change| matches!(change.content, Content::Quarantined(_))).count();
        done.quarantined += quarantined as u64;
        done.repaired += batch.changes.iter().filter(|change| change.repaired).count() as u64;
        for (view, watermark) in views.iter_mut().zip(&mut watermarks) {
            if *watermark < page {
                view.apply(&batch)?;
                *watermark = page;
            }
        }
        done.pages += u64::from(!batch.changes.is_empty());
        done.records += batch.changes.len() as u64;
        if !progress(&done) {
            return Ok(done);
        }
    }
}
