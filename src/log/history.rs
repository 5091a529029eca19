//! The history of a record: every version that the log holds.

use super::{Log, LogError};

/// A version of a record.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct VersionRow {
    /// The page that it came with.
    pub page: i64,
    /// When, milliseconds since 1970, this machine's clock.
    pub received_at: i64,
    /// Its datestamp as it came.
    pub datestamp: String,
    /// Whether it says that the record is deleted.
    pub deleted: bool,
}

/// The most versions that are listed.
const MOST: u32 = 200;

impl Log {
    /// The versions of a record, the newest first.
    pub fn history(&self, record: i64) -> Result<Vec<VersionRow>, LogError> {
        self.rows(
            "SELECT page_id, received_at, datestamp_text, deleted FROM (
                 SELECT page_id, datestamp_text, deleted FROM record WHERE id = ?1
                 UNION ALL SELECT page_id, datestamp_text, deleted FROM superseded WHERE record_id = ?1
             ) JOIN page ON page.id = page_id ORDER BY page_id DESC LIMIT ?2",
            [record, i64::from(MOST)],
            |row| Ok(VersionRow { page: row.get(0)?, received_at: row.get(1)?, datestamp: row.get(2)?, deleted: row.get(3)? }),
        )
    }
}
