//! Bringing views from their watermarks to the end of the log.
//!
//! One thread reads the log, all cores parse and make each view's parts, and every view applies its own on a thread of its
//! own, in the order of changes. What is in flight is a few pieces of some hundred records for each view.

use std::any::Any;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;

use super::view::{AnyBatch, Follower, PartsOf};
use super::{Content, ParsedChange, Piece, Readers, ViewError};
use crate::config::Config;
use crate::log::{ChangeId, Log, Mark, PageBodies};
use crate::pipeline::{Feed, cores, in_order};
use crate::rdf::Shapes;

/// What catching up did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CaughtUp {
    /// Pages that changed something.
    pub pages: u64,
    /// Records applied, for the view that was furthest behind.
    pub records: u64,
    /// Of these, the quarantined ones.
    pub quarantined: u64,
    /// Of these, the ones with bytes that are not valid text.
    pub repaired: u64,
}

impl CaughtUp {
    /// Adds another's figures to these.
    pub fn add(&mut self, other: &Self) {
        let Self { pages, records, quarantined, repaired } = other;
        self.pages += pages;
        self.records += records;
        self.quarantined += quarantined;
        self.repaired += repaired;
    }

    /// Counts a record.
    fn count(&mut self, change: &ParsedChange) {
        self.records += 1;
        self.quarantined += u64::from(matches!(change.content, Content::Quarantined(_)));
        self.repaired += u64::from(change.repaired);
    }
}

/// Until when views follow a log.
pub struct Until<W> {
    /// Waits until the log has grown; `false` if it will not.
    pub grown: W,
    /// If set, following ends with the first page that ends after this time.
    pub time: Option<Instant>,
}

/// Batches that wait for a view. What waits is applied together: where tables are large, most of the work is for each
/// leaf of an index that is written, however many rows go there.
const WAITING: usize = 12;

/// How many changes are read from the log at a time.
const READ_AT_ONCE: usize = 500;

/// Some changes of one page, to be parsed.
struct Task {
    readers: Arc<Readers>,
    piece: Piece,
    /// The last change in it.
    last: ChangeId,
    mark: Option<Mark>,
}

/// The parts of a task for each view that needs them, in the order of the views.
struct Parsed {
    parts: Vec<Option<Box<dyn Any + Send>>>,
    mark: Option<Mark>,
    figures: CaughtUp,
}

/// Brings views to the end of the log. `progress` is called after each page, and may end it there.
///
/// # Errors
/// The first of a view, else that of reading the log. The other views are flushed all the same.
pub fn follow<V: Follower + ?Sized>(
    views: &mut [Box<V>],
    log: &mut Log,
    config: &Config,
    until: Until<impl FnMut() -> bool + Send>,
    mut progress: impl FnMut(&CaughtUp) -> bool,
) -> Result<CaughtUp, ViewError> {
    let Some(from) = views.iter().map(|view| view.watermark()).min() else { return Ok(CaughtUp::default()) };
    let parts_of: Vec<(ChangeId, PartsOf)> = views.iter().map(|view| (view.watermark(), view.parts())).collect();
    let mut done = CaughtUp::default();
    let (depth, shapes) = (config.harvest.depth, &config.shapes);
    std::thread::scope(|scope| {
        let (mut inputs, mut threads) = (Vec::new(), Vec::new());
        for view in views {
            let (input, batches) = sync_channel(WAITING);
            inputs.push(input);
            threads.push(scope.spawn(move || keep_applying(view.as_mut(), &batches)));
        }
        let read = in_order(
            cores(),
            move |feed| read(log, depth, from, until, feed),
            |task| parse(&parts_of, shapes, task),
            |Parsed { parts, mark, figures }| {
                done.add(&figures);
                for (input, parts) in inputs.iter().zip(parts) {
                    if parts.is_some_and(|parts| input.send((parts, mark)).is_err()) {
                        // This view failed, and says why below.
                        return Ok(ControlFlow::Break(()));
                    }
                }
                let goes_on = mark.is_none() || progress(&done);
                Ok(if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
            },
        );
        drop(inputs);
        let mut results =
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        let first_fault = results.by_ref().find(Result::is_err);
        // The others come to their end as well.
        results.for_each(drop);
        first_fault.unwrap_or(Ok(())).and(read)
    })?;
    Ok(done)
}

/// Applies batches as they come, all that wait at once, and makes them safe in the end.
fn keep_applying<V: Follower + ?Sized>(view: &mut V, batches: &Receiver<AnyBatch>) -> Result<(), ViewError> {
    for first in batches {
        let waiting = batches.try_iter().take(WAITING);
        view.apply_any(std::iter::once(first).chain(waiting).collect())?;
    }
    view.flush()
}

/// Reads what changed after a number, in pieces.
fn read(
    log: &Log,
    depth: usize,
    after: ChangeId,
    until: Until<impl FnMut() -> bool>,
    feed: Feed<'_, Task>,
) -> Result<(), ViewError> {
    let Until { mut grown, time } = until;
    let (mut contexts, mut readers) = (log.contexts()?, Arc::new(Readers::new(log, depth)?));
    let (mut bodies, mut at, mut piece) = (PageBodies::default(), after, Piece::default());
    loop {
        let changes = log.changes_after(at, READ_AT_ONCE)?;
        // A context that changed is in the log before the records that are to be read with it.
        let now = log.contexts()?;
        if now != contexts {
            (contexts, readers) = (now, Arc::new(Readers::new(log, depth)?));
        }
        for (change, next) in changes.iter().zip(changes.iter().skip(1).map(Some).chain([None])) {
            at = change.id;
            if let Some(version) = log.left_by(change)? {
                piece.add(log, &mut bodies, version)?;
            }
            // The last change that was read may not be the last of its page.
            let ends = match next {
                Some(next) => next.page != change.page,
                None => log.changes_after(at, 1)?.first().is_none_or(|next| next.page != change.page),
            };
            if !ends && !piece.is_full() {
                continue;
            }
            let mark = if ends { Some(Mark { change: at, page: change.page, link: log.link(change.page)? }) } else { None };
            let task = Task { readers: Arc::clone(&readers), piece: std::mem::take(&mut piece), last: at, mark };
            if !feed(task) || (ends && time.is_some_and(|time| Instant::now() >= time)) {
                return Ok(());
            }
        }
        if changes.is_empty() && !grown() {
            return Ok(());
        }
    }
}

fn parse(parts_of: &[(ChangeId, PartsOf)], shapes: &Arc<Shapes>, Task { readers, piece, last, mark }: Task) -> Parsed {
    let changes = piece.records.iter().map(|(version, record)| readers.parsed(version, record.as_deref(), shapes));
    let changes: Vec<ParsedChange> = changes.collect();
    drop(piece);
    let mut figures = CaughtUp { pages: u64::from(mark.is_some() && !changes.is_empty()), ..CaughtUp::default() };
    for change in &changes {
        figures.count(change);
    }
    // A view that has these changes already needs no parts of them.
    let parts = parts_of.iter().map(|(watermark, parts)| (last > *watermark).then(|| parts(&changes))).collect();
    Parsed { parts, mark, figures }
}
