//! Records of the log with their bytes, in pieces that are parsed at once.

use crate::log::{Change, Log, LogError, PageBodies, PageId};
use crate::pipeline::Feed;

/// Some records of a page.
#[derive(Debug)]
pub struct Piece {
    /// The page.
    pub page: PageId,
    /// The records; of those that are gone, without their bytes.
    pub records: Vec<(Change, Option<Vec<u8>>)>,
    /// Whether the page has no more of what is asked for, as far as this piece tells.
    pub last: bool,
}

/// So many records are a piece.
const TOGETHER: usize = 200;

/// Or fewer, if they have so many bytes.
const MOST_BYTES: usize = 4 << 20;

/// Records that are gathered until they make a piece.
#[derive(Default)]
struct Gathered {
    records: Vec<(Change, Option<Vec<u8>>)>,
    bytes: usize,
}

impl Gathered {
    fn add(&mut self, log: &Log, bodies: &mut PageBodies, change: Change) -> Result<(), LogError> {
        let record = if change.deleted { None } else { Some(bodies.record(log, &change)?.to_vec()) };
        self.bytes += record.as_ref().map_or(0, Vec::len);
        self.records.push((change, record));
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.records.len() >= TOGETHER || self.bytes >= MOST_BYTES
    }

    fn piece(&mut self, page: PageId, last: bool) -> Piece {
        Piece { page, records: std::mem::take(self).records, last }
    }
}

impl Piece {
    /// Hands records of a page over in pieces, at least one; `false` if nobody wants more.
    pub fn of_page(
        log: &Log,
        bodies: &mut PageBodies,
        page: PageId,
        records: Vec<Change>,
        feed: Feed<'_, Self>,
    ) -> Result<bool, LogError> {
        let mut gathered = Gathered::default();
        for change in records {
            if gathered.is_full() && !feed(gathered.piece(page, false)) {
                return Ok(false);
            }
            gathered.add(log, bodies, change)?;
        }
        Ok(feed(gathered.piece(page, true)))
    }

    /// Hands over the newest version of every record, in the order in which these arrived. A piece may reach over several
    /// pages, and is full but for the last, so that the same log gives the same pieces. `feed` says whether it wants more.
    pub fn of_all(log: &Log, mut feed: impl FnMut(Self) -> Result<bool, LogError>) -> Result<(), LogError> {
        let (mut bodies, mut page, mut gathered) = (PageBodies::one_by_one(), PageId(0), Gathered::default());
        while let Some(next) = log.next_page_in_use(page)? {
            page = next;
            for change in log.records_in(page)? {
                gathered.add(log, &mut bodies, change)?;
                if gathered.is_full() && !feed(gathered.piece(page, true))? {
                    return Ok(());
                }
            }
        }
        feed(gathered.piece(page, true)).map(|_| ())
    }
}
