//! Documents that records rely on, such as JSON-LD contexts: every version that was fetched.

use rusqlite::{OptionalExtension, params};

use super::change::ChangeKind;
use super::ids::SourceId;
use super::without_network::{for_each_record, page_without_body, set_last_change};
use super::{Log, LogError};

/// The newest version of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its bytes, as they came.
    pub body: Vec<u8>,
    /// The `ETag` that the server gave it.
    pub etag: Option<String>,
    /// The `Last-Modified` that the server gave it.
    pub last_modified: Option<String>,
}

/// A document that was fetched.
#[derive(Debug, Clone, Copy)]
pub struct NewDocument<'a> {
    /// Its address.
    pub url: &'a str,
    /// Its bytes.
    pub body: &'a [u8],
    /// The `ETag` of the answer.
    pub etag: Option<&'a str>,
    /// The `Last-Modified` of the answer.
    pub last_modified: Option<&'a str>,
}

/// The context of each source: source, URL, and id of the newest version.
pub type Contexts = Vec<(i64, Option<String>, Option<i64>)>;

impl Log {
    /// The contexts that the sources are read with. [`Readers`](crate::views::Readers) that were made with others are out of date.
    pub fn contexts(&self) -> Result<Contexts, LogError> {
        self.rows(
            "SELECT id, context_url, (SELECT max(id) FROM document_version WHERE url = context_url) FROM source ORDER BY id",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
    }

    /// The newest version of a document.
    pub fn document(&self, url: &str) -> Result<Option<Document>, LogError> {
        self.connection
            .prepare_cached("SELECT body, etag, last_modified FROM document_version WHERE url = ?1 ORDER BY id DESC LIMIT 1")
            .and_then(|mut statement| {
                let row = statement
                    .query_row([url], |row| Ok(Document { body: row.get(0)?, etag: row.get(1)?, last_modified: row.get(2)? }));
                row.optional()
            })
            .map_err(|source| self.failed(source))
    }

    /// Makes a document that was fetched the JSON-LD context of a source, and lets views read again what depends on it: if its
    /// bytes are new, the records of every source that uses it; if only its address is new to this source, the records of
    /// this source. Answers how many records those are.
    pub fn accept_context(&mut self, source: SourceId, document: NewDocument<'_>, now: i64) -> Result<u64, LogError> {
        let known = self.document(document.url)?;
        let new_body = known.as_ref().is_none_or(|known| known.body != document.body);
        let context = self.source(source)?.and_then(|row| row.context);
        let new_address = context.as_deref() != Some(document.url);
        let (url, body, etag, modified) = (document.url, document.body, document.etag, document.last_modified);
        if !new_body {
            let update = "UPDATE document_version SET checked_at = ?2, etag = ?3, last_modified = ?4
                          WHERE id = (SELECT max(id) FROM document_version WHERE url = ?1)";
            self.connection.execute(update, params![url, now, etag, modified]).map_err(|error| self.failed(error))?;
            if !new_address {
                return Ok(0);
            }
        }
        let users: Vec<SourceId> = if new_body {
            let others = self.sources()?.into_iter().filter(|row| row.context.as_deref() == Some(url)).map(|row| row.id);
            others.filter(|id| *id != source).chain([source]).collect()
        } else {
            vec![source]
        };
        let turn = self.turn();
        let _mine = turn.lock();
        let accept = || -> rusqlite::Result<u64> {
            let mut transaction = self.connection.transaction()?;
            if new_body {
                transaction.execute(
                    "INSERT INTO document_version (url, fetched_at, checked_at, etag, last_modified, since_page, body)
                     VALUES (?1, ?2, ?2, ?3, ?4, (SELECT coalesce(max(id), 0) FROM page), ?5)",
                    params![url, now, etag, modified, body],
                )?;
            }
            transaction.execute("UPDATE source SET context_url = ?2 WHERE id = ?1", params![source.0, url])?;
            let count = page_without_body(&mut transaction, source, now, |connection, numbering, _| {
                let mut count = 0;
                for user in users {
                    count += for_each_record(connection, "source_id = ?1 AND NOT deleted AND NOT withdrawn", user, |record| {
                        let change = numbering.enter(connection, record, ChangeKind::Context, None)?;
                        set_last_change(connection, record, change)
                    })?;
                }
                Ok(count)
            })?;
            transaction.commit()?;
            Ok(count)
        };
        accept().map_err(|source| LogError::sqlite(&self.path, source))
    }
}
