//! Figures about the mirror, for the front page and the description of the dataset. They are counted once for each state
//! of the log, and at most every few seconds while the log grows.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::problem::Problem;
use super::reading::{LogPool, Reading};
use crate::links::LinksIndex;
use crate::log::{HarvestKind, HarvestRow, PageId, SourceRow};
use crate::quarantine;
use crate::search::SearchIndex;
use crate::views::ViewError;

/// A source with its newest harvests, and how many of its records are in quarantine.
#[derive(Debug)]
pub struct SourceOverview {
    /// The source.
    pub row: SourceRow,
    /// Its newest harvests, the newest first.
    pub harvests: Vec<HarvestRow>,
    /// Its last complete harvest.
    pub complete: Option<HarvestRow>,
    /// The last one that ended without doubt.
    pub undoubted: Option<HarvestRow>,
    /// Records in quarantine.
    pub quarantined: u64,
    /// Records that were not delivered.
    pub undelivered: u64,
}

/// The figures.
#[derive(Debug)]
pub struct Overview {
    /// The last page of the log.
    pub page: PageId,
    /// What the figures depend on: the last page, and how far each view has followed.
    state: Vec<i64>,
    /// The sources.
    pub sources: Vec<SourceOverview>,
    /// Records and triples by the class of what they describe.
    pub kinds: Vec<(String, u64, u64)>,
    /// Records by decade of publication.
    pub decades: Vec<(i64, u64)>,
    /// Links by authority.
    pub links: Vec<(String, u64)>,
}

impl Overview {
    /// Returns the number of records that have a graph.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.kinds.iter().map(|(_, records, _)| records).sum()
    }

    /// Returns the number of triples.
    #[must_use]
    pub fn triples(&self) -> u64 {
        self.kinds.iter().map(|(_, _, triples)| triples).sum()
    }

    /// Returns when the last complete harvest of any source ended, milliseconds since 1970.
    #[must_use]
    pub fn harvested(&self) -> Option<i64> {
        self.sources.iter().filter_map(|source| source.complete.as_ref()?.finished_at).max()
    }
}

/// Harvests of each source that are shown.
const HARVESTS: u32 = 30;

/// The age of figures at which a change of the log makes them stale.
const OLDEST: Duration = Duration::from_secs(15);

/// The newest figures.
#[derive(Default)]
pub struct Overviews {
    known: Mutex<Option<(Instant, Arc<Overview>)>>,
    counting: tokio::sync::Mutex<()>,
}

impl Overviews {
    /// Returns the figures, and counts them again if they are stale. One request counts; the others get the old figures
    /// meanwhile, and wait only if there are none.
    pub async fn get(&self, log: &LogPool) -> Result<Arc<Overview>, Problem> {
        let known = self.known();
        let _counting = match &known {
            Some((counted, overview)) if counted.elapsed() < OLDEST => return Ok(overview.clone()),
            Some((_, overview)) => match self.counting.try_lock() {
                Ok(counting) => counting,
                Err(_) => return Ok(overview.clone()),
            },
            None => self.counting.lock().await,
        };
        if let Some((counted, overview)) = self.known() {
            let state = overview.state.clone();
            if counted.elapsed() < OLDEST || log.read(move |reading| Ok(reading.log.seen_by_readers()? == state)).await? {
                self.keep(overview.clone());
                return Ok(overview);
            }
        }
        let overview = Arc::new(log.read(count).await?);
        self.keep(overview.clone());
        Ok(overview)
    }

    fn known(&self) -> Option<(Instant, Arc<Overview>)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, overview: Arc<Overview>) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), overview));
    }
}

fn count(reading: &mut Reading) -> Result<Overview, ViewError> {
    let log = &reading.log;
    let mut sources = Vec::new();
    for row in log.sources()? {
        sources.push(SourceOverview {
            harvests: log.harvests(row.id, HarvestKind::Regular, HARVESTS)?,
            complete: log.last_complete(row.id)?,
            undoubted: log.last_undoubted(row.id)?,
            quarantined: quarantine::count(log, &row.name)?,
            undelivered: log.undelivered(Some(&row.name))?.len() as u64,
            row,
        });
    }
    let search = SearchIndex(log);
    Ok(Overview {
        state: log.seen_by_readers()?,
        page: log.last_page()?,
        sources,
        kinds: search.kinds()?,
        decades: search.decades()?,
        links: LinksIndex(log).by_authority()?,
    })
}
