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

impl Piece {
    /// Hands records of a page over in pieces, at least one; `false` if nobody wants more.
    pub fn of_page(
        log: &Log,
        bodies: &mut PageBodies,
        page: PageId,
        records: Vec<Change>,
        feed: Feed<'_, Self>,
    ) -> Result<bool, LogError> {
        let mut left = records.into_iter().peekable();
        loop {
            let records = left.by_ref().take(TOGETHER).map(|change| {
                let record = if change.deleted { None } else { Some(bodies.record(log, &change)?.to_vec()) };
                Ok((change, record))
            });
            let records = records.collect::<Result<Vec<_>, LogError>>()?;
            let last = left.peek().is_none();
            if !feed(Self { page, records, last }) {
                return Ok(false);
            }
            if last {
                return Ok(true);
            }
        }
    }

    /// Hands over the newest version of every record, in the order in which these arrived. A piece may reach over several
    /// pages, and is full but for the last, so that the same log gives the same pieces.
    pub fn of_all(log: &Log, feed: Feed<'_, Self>) -> Result<(), LogError> {
        let (mut bodies, mut page) = (PageBodies::default(), PageId(0));
        let (mut records, mut bytes) = (Vec::new(), 0);
        while let Some(next) = log.next_page_in_use(page)? {
            page = next;
            for change in log.records_in(page)? {
                let record = if change.deleted { None } else { Some(bodies.record(log, &change)?.to_vec()) };
                bytes += record.as_ref().map_or(0, Vec::len);
                records.push((change, record));
                if records.len() >= TOGETHER || bytes >= MOST_BYTES {
                    bytes = 0;
                    if !feed(Self { page, records: std::mem::take(&mut records), last: true }) {
                        return Ok(());
                    }
                }
            }
        }
        feed(Self { page, records, last: true });
        Ok(())
    }
}
