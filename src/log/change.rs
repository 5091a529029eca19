//! The order of changes: one growing number for everything that happens to a record.
//!
//! The order says *when* something happened, and nothing else. Which version of a record counts is decided in
//! [`winner`](super::winner). Views follow the order; a feed may list it without missing a change that arrived late; and the
//! versions of the log can be replayed in it.

use rusqlite::{Connection, OptionalExtension, params};

use super::hash::PageProof;
use super::ids::{ChangeId, PageId};
use super::{Log, LogError};

/// What happened to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// A source delivered it for the first time, or again after it was withdrawn.
    Came,
    /// A source delivered another payload.
    Changed,
    /// A source delivered the same payload under another header. It gives the same graph.
    Header,
    /// A source deleted it.
    Deleted,
    /// An audit found that it left its set. The log keeps it, the views do not.
    Withdrawn,
    /// It is back in the views, because the user said so.
    Reinstated,
    /// It was quarantined and is to be read again.
    Retried,
    /// The JSON-LD context that it is read with changed.
    Context,
}

impl ChangeKind {
    /// All kinds, by their numbers in the file, from 1.
    const ALL: [Self; 8] =
        [Self::Came, Self::Changed, Self::Header, Self::Deleted, Self::Withdrawn, Self::Reinstated, Self::Retried, Self::Context];

    /// Its number in the file.
    pub(super) fn number(self) -> i64 {
        Self::ALL.iter().zip(1..).find_map(|(kind, number)| (*kind == self).then_some(number)).unwrap_or_default()
    }

    fn from_number(number: i64) -> rusqlite::Result<Self> {
        let kind = usize::try_from(number - 1).ok().and_then(|index| Self::ALL.get(index).copied());
        kind.ok_or(rusqlite::Error::IntegralValueOutOfRange(0, number))
    }

    /// Whether the record may give another graph afterwards.
    #[must_use]
    pub fn is_content(self) -> bool {
        self != Self::Header
    }
}

/// A position in the log: the last change of a page, and the link of the chain that seals this page, which tells one log
/// from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// The last change.
    pub change: ChangeId,
    /// Its page.
    pub page: PageId,
    /// The seal of the page; none for pages that older programs wrote.
    pub link: PageProof,
}

/// A change, for listing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ChangeRow {
    /// Its number.
    pub change: ChangeId,
    /// What happened.
    pub kind: ChangeKind,
    /// The identifier of the record.
    pub identifier: String,
    /// The name of the source that the record belongs to.
    pub source: String,
    /// The page that it happened with.
    pub page: i64,
    /// When the page was committed, milliseconds since 1970, this machine's clock.
    pub at: i64,
    /// The datestamp of the version that it brought, as it came; none if it brought no version.
    pub datestamp: Option<String>,
}

/// A change, for views that follow the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) id: ChangeId,
    pub(crate) record: i64,
    pub(crate) kind: ChangeKind,
    pub(crate) page: PageId,
}

/// Numbers the changes of one transaction.
pub(super) struct Numbering {
    page: PageId,
    last: ChangeId,
}

impl Numbering {
    /// Continues after the last change of the log, for changes that happen with a page.
    pub(super) fn after_last(transaction: &Connection, page: PageId) -> rusqlite::Result<Self> {
        Ok(Self { page, last: last_change(transaction)? })
    }

    /// The number of the next change.
    pub(super) fn next(&self) -> ChangeId {
        ChangeId(self.last.0 + 1)
    }

    /// Inserts the next change. `offset` is where its version begins in the page's body, if it brought one.
    pub(super) fn enter(
        &mut self,
        transaction: &Connection,
        record: i64,
        kind: ChangeKind,
        offset: Option<usize>,
    ) -> rusqlite::Result<ChangeId> {
        self.last = self.next();
        transaction
            .prepare_cached("INSERT INTO change (id, record_id, kind, page_id, offset) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![self.last.0, record, kind.number(), self.page.0, offset])?;
        Ok(self.last)
    }
}

fn last_change(connection: &Connection) -> rusqlite::Result<ChangeId> {
    connection.prepare_cached("SELECT coalesce(max(id), 0) FROM change")?.query_row([], |row| row.get(0)).map(ChangeId)
}

impl Log {
    /// The number of the last change, or 0 in a log without any.
    pub fn last_change(&self) -> Result<ChangeId, LogError> {
        last_change(&self.connection).map_err(|source| self.failed(source))
    }

    /// The first change after a number that can give another graph.
    pub fn content_change_after(&self, change: ChangeId) -> Result<Option<ChangeId>, LogError> {
        self.connection
            .prepare_cached("SELECT id FROM change WHERE id > ?1 AND kind <> ?2 ORDER BY id LIMIT 1")
            .and_then(|mut statement| statement.query_row([change.0, ChangeKind::Header.number()], |row| row.get(0)).optional())
            .map(|id| id.map(ChangeId))
            .map_err(|source| self.failed(source))
    }

    /// The mark of the newest page before another mark that has changes; of the newest page, without one.
    #[cfg(feature = "rocksdb")]
    pub(crate) fn mark_before(&self, mark: Option<Mark>) -> Result<Option<Mark>, LogError> {
        let found = self
            .connection
            // Only the changes of one page are read: ids and pages grow together.
            .prepare_cached("SELECT id, page_id FROM change WHERE id <= ?1 AND page_id < ?2 ORDER BY id DESC LIMIT 1")
            .and_then(|mut statement| {
                let (change, page) = mark.map_or((i64::MAX, i64::MAX), |mark| (mark.change.0, mark.page.0));
                statement.query_row([change, page], |row| Ok((ChangeId(row.get(0)?), PageId(row.get(1)?)))).optional()
            })
            .map_err(|source| self.failed(source))?;
        found.map(|(change, page)| Ok(Mark { change, page, link: self.link(page)? })).transpose()
    }

    /// The mark of a change that is the last of its page.
    pub fn mark_at(&self, change: ChangeId) -> Result<Mark, LogError> {
        let page = self
            .connection
            .prepare_cached("SELECT page_id FROM change WHERE id = ?1")
            .and_then(|mut statement| statement.query_row([change.0], |row| row.get(0)).optional());
        let page = PageId(page.map_err(|source| self.failed(source))?.unwrap_or_default());
        Ok(Mark { change, page, link: self.link(page)? })
    }

    /// The last change that an older program had applied whose watermark was this page: without what a migration added.
    pub(crate) fn change_of_page(&self, page: PageId) -> Result<ChangeId, LogError> {
        let change = self
            .connection
            .prepare_cached(
                "SELECT coalesce((SELECT id FROM change WHERE page_id <= ?1 AND kind <> ?2 ORDER BY id DESC LIMIT 1), 0)",
            )
            .and_then(|mut statement| statement.query_row([page.0, ChangeKind::Retried.number()], |row| row.get(0)));
        change.map(ChangeId).map_err(|source| self.failed(source))
    }

    /// Calls `see` with the identifier of each record that changed after `after`, up to the end of the page that follows `until`. One
    /// may come several times.
    pub(crate) fn identifiers_changed(
        &self,
        after: ChangeId,
        until: ChangeId,
        see: &mut dyn FnMut(&str),
    ) -> Result<(), LogError> {
        let mut read = || {
            let mut statement = self.connection.prepare_cached(
                "SELECT identifier FROM change JOIN record ON record.id = record_id
                 WHERE change.id > ?1 AND change.id < coalesce((SELECT id FROM change WHERE id > ?2 AND page_id <>
                       (SELECT page_id FROM change WHERE id > ?2 ORDER BY id LIMIT 1) ORDER BY id LIMIT 1), 9223372036854775807)",
            )?;
            let mut rows = statement.query(params![after.0, until.0])?;
            while let Some(row) = rows.next()? {
                see(row.get_ref(0)?.as_str()?);
            }
            Ok(())
        };
        read().map_err(|source: rusqlite::Error| self.failed(source))
    }

    /// The first changes after a number, in their order; at most `most`.
    pub(crate) fn changes_after(&self, after: ChangeId, most: usize) -> Result<Vec<Change>, LogError> {
        self.rows(
            "SELECT id, record_id, kind, page_id FROM change WHERE id > ?1 ORDER BY id LIMIT ?2",
            params![after.0, most],
            |row| {
                Ok(Change {
                    id: ChangeId(row.get(0)?),
                    record: row.get(1)?,
                    kind: ChangeKind::from_number(row.get(2)?)?,
                    page: PageId(row.get(3)?),
                })
            },
        )
    }

    /// The first changes after a number, in their order, with what a listing shows; at most `most`.
    pub fn list_changes(&self, after: ChangeId, most: usize) -> Result<Vec<ChangeRow>, LogError> {
        self.rows(
            "SELECT change.id, change.kind, identifier, source.name, change.page_id, received_at,
                    CASE WHEN change.offset IS NULL THEN NULL
                         WHEN record.page_id = change.page_id AND record.offset = change.offset THEN record.datestamp_text
                         ELSE (SELECT datestamp_text FROM superseded WHERE record_id = record.id
                               AND superseded.page_id = change.page_id AND superseded.offset = change.offset) END
             FROM change JOIN record ON record.id = record_id JOIN source ON source.id = source_id
                  JOIN page ON page.id = change.page_id
             WHERE change.id > ?1 ORDER BY change.id LIMIT ?2",
            params![after.0, most],
            |row| {
                Ok(ChangeRow {
                    change: ChangeId(row.get(0)?),
                    kind: ChangeKind::from_number(row.get(1)?)?,
                    identifier: row.get(2)?,
                    source: row.get(3)?,
                    page: row.get(4)?,
                    at: row.get(5)?,
                    datestamp: row.get(6)?,
                })
            },
        )
    }
}
