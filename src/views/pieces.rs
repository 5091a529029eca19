//! Records of the log with their bytes, in pieces that are parsed at once.

use crate::log::{CurrentVersion, Log, LogError, PageBodies, PageId};

/// Some records of the log: of those that are gone, without their bytes.
#[derive(Debug, Default)]
pub struct Piece {
    /// The records.
    pub records: Vec<(CurrentVersion, Option<Vec<u8>>)>,
    bytes: usize,
}

/// How many records a piece has at most.
const MOST_RECORDS: usize = 200;

/// How many bytes of records make a piece, however few records they are.
const MOST_BYTES: usize = 4 << 20;

impl Piece {
    /// Adds a record.
    pub(super) fn add(&mut self, log: &Log, bodies: &mut PageBodies, version: CurrentVersion) -> Result<(), LogError> {
        let record = if version.gone { None } else { Some(bodies.record(log, &version)?.to_vec()) };
        self.bytes += record.as_ref().map_or(0, Vec::len);
        self.records.push((version, record));
        Ok(())
    }

    /// Whether it has enough to be parsed.
    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= MOST_RECORDS || self.bytes >= MOST_BYTES
    }

    /// Hands over the version that counts of every record, with the page that it lies in, in the order in which these
    /// arrived. A piece may reach over several pages, and is full except for the last, so that the same log gives the same
    /// pieces. `feed` says whether it wants more.
    pub fn of_all(log: &Log, mut feed: impl FnMut(PageId, Self) -> Result<bool, LogError>) -> Result<(), LogError> {
        let (mut bodies, mut page, mut piece) = (PageBodies::one_by_one(), PageId(0), Self::default());
        while let Some(next) = log.next_page_in_use(page)? {
            page = next;
            for version in log.versions_in(page)? {
                piece.add(log, &mut bodies, version)?;
                if piece.is_full() && !feed(page, std::mem::take(&mut piece))? {
                    return Ok(());
                }
            }
        }
        feed(page, piece).map(|_| ())
    }
}
