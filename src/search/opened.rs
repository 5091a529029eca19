//! One state of the index, open for readers.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustc_hash::FxHashMap;
use tantivy::{ReloadPolicy, Searcher, TantivyError};

use super::counting::FacetCounts;
use super::directory;
use super::error::SearchError;
use super::fields::Fields;
use super::segment::Segment;

/// From this number of documents on more than one thread searches.
const MANY: u32 = 50_000;

/// The most threads that one search uses.
const MOST_THREADS: usize = 4;

/// Does some work with the index at a path, whose library panics on some damage. What the work was doing is dropped then.
pub(super) fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, SearchError>) -> Result<T, SearchError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(SearchError::Damaged(path.to_owned())))
}

/// One state of the index, for readers.
pub struct Finder {
    pub(super) path: PathBuf,
    pub(super) searcher: Searcher,
    pub(super) fields: Fields,
    pub(super) segments: Vec<Segment>,
    /// The facets of all records, which are what everybody sees first.
    pub(super) of_all: OnceLock<(usize, Vec<FacetCounts>)>,
    /// How many records refer to each work, by the hash of its IRI.
    pub(super) editions: OnceLock<FxHashMap<u64, u32>>,
}

impl Finder {
    /// Opens the index of a data directory as it is now.
    pub fn open(data: &Path) -> Result<Self, SearchError> {
        guarded(&directory::folder(data), || Self::open_as_it_is(data))
    }

    fn open_as_it_is(data: &Path) -> Result<Self, SearchError> {
        let path = directory::folder(data);
        let (index, fields) = directory::open(data)?;
        let open = || {
            let searcher = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?.searcher();
            let segments = searcher.segment_readers().iter().map(Segment::new).collect::<tantivy::Result<_>>()?;
            Ok((searcher, segments))
        };
        let (searcher, segments) =
            open().map_err(|source: TantivyError| SearchError::Index { path: path.clone(), cause: source })?;
        Ok(Self { path, searcher, fields, segments, of_all: OnceLock::new(), editions: OnceLock::new() })
    }

    /// How many documents there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.searcher.num_docs()
    }

    /// Does some tasks, on several threads if the index is large, and answers in their order.
    pub(super) fn in_parallel<T: Send>(
        &self,
        tasks: usize,
        work: impl Fn(usize) -> tantivy::Result<T> + Sync,
    ) -> tantivy::Result<Vec<T>> {
        let large = self.segments.iter().map(|segment| segment.size).sum::<u32>() >= MANY;
        let threads =
            if large { std::thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS).min(tasks) } else { 1 };
        if threads <= 1 {
            return (0..tasks).map(work).collect();
        }
        let next = AtomicUsize::new(0);
        let some = || {
            let mut done = Vec::new();
            loop {
                let task = next.fetch_add(1, Ordering::Relaxed);
                if task >= tasks {
                    return done;
                }
                done.push((task, work(task)));
            }
        };
        let mut done = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(some)).collect();
            let mut done = some();
            for other in others {
                done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            done
        });
        done.sort_by_key(|(task, _)| *task);
        done.into_iter().map(|(_, result)| result).collect()
    }
}
