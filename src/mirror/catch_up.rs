//! Bringing the views from their watermarks to the end of the log.
//!
//! One thread reads the log, all cores parse, one thread feeds the store and one the tables. What is in flight is a few
//! pieces of a page, and rows of a few pages; all are applied in the order of the log.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use super::MirrorError;
use super::views::Views;
use crate::links::LinksTable;
use crate::log::{Log, PageBodies, PageId};
use crate::pipeline::{Feed, cores, in_order};
use crate::quarantine::QuarantineTable;
use crate::search::SearchTable;
use crate::store::RecordGraph;
use crate::views::{Content, Piece, Readers, Sealed, Table, Tables, ViewError, Writing};

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

impl CaughtUp {
    /// Adds another's figures to these.
    pub fn add(&mut self, other: &Self) {
        let Self { pages, records, quarantined, repaired } = other;
        self.pages += pages;
        self.records += records;
        self.quarantined += quarantined;
        self.repaired += repaired;
    }
}

/// What the records of a piece come to.
struct Parsed {
    page: Sealed,
    last: bool,
    graphs: Vec<RecordGraph>,
    rows: Rows,
    done: CaughtUp,
}

type RowOf<T> = <T as Table>::Row;

#[derive(Default)]
struct Rows {
    links: Vec<RowOf<LinksTable>>,
    quarantine: Vec<RowOf<QuarantineTable>>,
    search: Vec<RowOf<SearchTable>>,
}

impl Rows {
    fn add(&mut self, more: Self) {
        self.links.extend(more.links);
        self.quarantine.extend(more.quarantine);
        self.search.extend(more.search);
    }
}

/// Pieces that wait for the store.
const WAITING: usize = 2;

/// Pages whose rows wait for the tables; they are small.
const PAGES_WAITING: usize = 8;

/// The log waits while the tables are written. A transaction of theirs takes in no further page after this time.
const LONGEST: Duration = Duration::from_secs(2);

/// Until when the views follow a log.
pub(super) struct Until<W> {
    /// Waits until the log has grown; `false` if it will not.
    pub(super) grown: W,
    /// At the end of a page after this time.
    pub(super) time: Option<Instant>,
}

/// Brings all views up to the log; `progress` hears of each page, and may stop after it.
pub(super) fn catch_up(
    views: &mut Views,
    until: Until<impl FnMut() -> bool + Send>,
    mut progress: impl FnMut(&CaughtUp) -> bool,
) -> Result<CaughtUp, MirrorError> {
    let readers = Readers::new(&views.log, views.depth)?;
    let Views { store, tables, log, .. } = views;
    let stored = store.page();
    let marks = Marks::of(tables)?;
    let from = marks.lowest().min(stored);
    let mut done = CaughtUp::default();
    std::thread::scope(|scope| {
        let (to_store, coming) = sync_channel::<(Sealed, bool, Vec<RecordGraph>)>(WAITING);
        let storing = scope.spawn(move || {
            for (page, last, graphs) in coming {
                store.apply(graphs)?;
                if last {
                    store.reached(page)?;
                }
            }
            store.flush()
        });
        let (to_tables, pages) = sync_channel::<(PageId, Rows)>(PAGES_WAITING);
        let tabling = scope.spawn(move || follow(tables, marks, &pages));
        let mut rows_of_page = Rows::default();
        let applied = in_order(
            cores(),
            move |feed| read(log, from, until, feed),
            |(page, piece)| parse(&readers, page, piece),
            |Parsed { page, last, graphs, rows, done: piece }| {
                if page.page > stored && to_store.send((page, last, graphs)).is_err() {
                    // It failed, and says why below.
                    return Ok(ControlFlow::Break(()));
                }
                done.add(&piece);
                rows_of_page.add(rows);
                if last {
                    let taken = to_tables.send((page.page, std::mem::take(&mut rows_of_page))).is_ok();
                    if !taken || !progress(&done) {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Ok(ControlFlow::Continue(()))
            },
        );
        drop((to_store, to_tables));
        let stored = storing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let rows_applied = tabling.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        applied?;
        rows_applied?;
        Ok::<_, MirrorError>(stored?)
    })?;
    Ok(done)
}

/// Reads what changed after a page, in pieces.
fn read(
    log: &Log,
    after: PageId,
    until: Until<impl FnMut() -> bool>,
    feed: Feed<'_, (Sealed, Piece)>,
) -> Result<(), MirrorError> {
    let Until { mut grown, time } = until;
    let (mut bodies, mut at) = (PageBodies::default(), after);
    loop {
        let end = log.last_page()?;
        while at < end {
            // Pages that changed nothing are passed over in one step.
            at = log.next_changed_page(at)?.filter(|page| *page <= end).unwrap_or(end);
            let page = Sealed { page: at, link: log.link(at)? };
            if !Piece::of_page(log, &mut bodies, at, log.changes_of(at)?, &mut |piece| feed((page, piece)))? {
                return Ok(());
            }
            if time.is_some_and(|time| Instant::now() >= time) {
                return Ok(());
            }
        }
        if !grown() {
            return Ok(());
        }
    }
}

fn parse(readers: &Readers, page: Sealed, Piece { records, last, .. }: Piece) -> Parsed {
    let (mut graphs, mut rows, mut done) = (Vec::with_capacity(records.len()), Rows::default(), CaughtUp::default());
    done.pages = u64::from(last && !records.is_empty());
    for (change, record) in records {
        let change = readers.parsed(&change, record.as_deref());
        done.records += 1;
        done.quarantined += u64::from(matches!(change.content, Content::Quarantined(_)));
        done.repaired += u64::from(change.repaired);
        rows.links.push(LinksTable::row(&change));
        rows.quarantine.push(QuarantineTable::row(&change));
        rows.search.push(SearchTable::row(&change));
        graphs.push(RecordGraph { graph: change.graph, quads: change.content.into_quads() });
    }
    Parsed { page, last, graphs, rows, done }
}

/// How far the views in the log's file are.
#[derive(Clone, Copy)]
struct Marks {
    links: PageId,
    quarantine: PageId,
    search: PageId,
}

impl Marks {
    fn of(tables: &Tables) -> Result<Self, ViewError> {
        Ok(Self {
            links: tables.watermark::<LinksTable>()?,
            quarantine: tables.watermark::<QuarantineTable>()?,
            search: tables.watermark::<SearchTable>()?,
        })
    }

    fn lowest(&self) -> PageId {
        self.links.min(self.quarantine).min(self.search)
    }

    /// Applies a page to the views that have not applied it.
    fn apply(&mut self, writing: &Writing<'_>, page: PageId, rows: &Rows) -> Result<(), ViewError> {
        apply::<LinksTable>(writing, &mut self.links, page, &rows.links)?;
        apply::<QuarantineTable>(writing, &mut self.quarantine, page, &rows.quarantine)?;
        apply::<SearchTable>(writing, &mut self.search, page, &rows.search)
    }
}

/// Applies pages as they come. Those that wait already go into one transaction: where tables are large, most of the work
/// is for each leaf of an index that is written, however many rows go there. Empty tables are filled without the indexes
/// that only readers need, and get them in the end.
fn follow(tables: &mut Tables, mut marks: Marks, pages: &Receiver<(PageId, Rows)>) -> Result<(), ViewError> {
    let mut reached = None;
    for first in pages {
        if marks.links == PageId(0) {
            tables.drop_indexes::<LinksTable>()?;
        }
        if marks.search == PageId(0) {
            tables.drop_indexes::<SearchTable>()?;
        }
        let began = Instant::now();
        marks = tables.write(|writing| {
            let (mut marks, mut next) = (marks, Some(first));
            while let Some((page, rows)) = next {
                reached = Some(page);
                if !rows.links.is_empty() {
                    marks.apply(writing, page, &rows)?;
                }
                next = if began.elapsed() < LONGEST { pages.try_recv().ok() } else { None };
            }
            Ok(marks)
        })?;
    }
    if let Some(reached) = reached {
        // Past pages that changed nothing, too.
        tables.write(|writing| marks.apply(writing, reached, &Rows::default()))?;
    }
    tables.make_indexes()
}

/// Applies a page to a view that has not applied it.
fn apply<T: Table>(writing: &Writing<'_>, at: &mut PageId, page: PageId, rows: &[T::Row]) -> Result<(), ViewError> {
    if *at < page {
        writing.apply::<T>(page, rows)?;
        *at = page;
    }
    Ok(())
}
