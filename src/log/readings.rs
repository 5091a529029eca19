//! Documents of a source, and which document says which record.
//!
//! A record that every document stopped saying has left the source. The rows of `said` tell: they are written with the page
//! that brings the record, and a row that is older than the last reading of its document is out of date.

use rusqlite::{OptionalExtension, params};
use rustc_hash::FxHashSet;

use super::append::{NewPage, PageReport};
use super::hash::payload_hash;
use super::ids::{HarvestId, SourceId};
use super::{Log, LogError};
use crate::oai::Record;

/// A document in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentId(i64);

/// A document as it was last read.
#[derive(Debug, Clone)]
pub struct KnownDocument {
    /// Its id.
    pub id: DocumentId,
    /// Its name: a URL, or an IRI that is made of its path.
    pub name: String,
    /// The `ETag` that it came with.
    pub etag: Option<String>,
    /// The `Last-Modified` that it came with.
    pub last_modified: Option<String>,
    /// The hash of its bytes; none before it was read to its end, and while it is being read again.
    pub hash: Option<[u8; 16]>,
    /// The hash of the settings that they were read with.
    pub settings: Option<[u8; 16]>,
    /// Whether it could not be read the last time: records that it shares wait for it.
    pub failed: bool,
}

/// A document that was read to its end.
#[derive(Debug, Clone)]
pub struct ReadDocument {
    /// Its id.
    pub id: DocumentId,
    /// The `ETag` that it came with.
    pub etag: Option<String>,
    /// The `Last-Modified` that it came with.
    pub last_modified: Option<String>,
    /// The hash of its bytes; none if it is no document of the source any more.
    pub hash: Option<[u8; 16]>,
    /// The hash of the settings that they were read with.
    pub settings: [u8; 16],
}

/// A condition on a row `said` and its `source_document`: the document still says it.
const CURRENT: &str = "said.harvest_id >= coalesce(source_document.harvest_id, 0)";

/// A condition on a record: no document says it any more.
const UNSAID: &str = "NOT record.deleted AND NOT record.withdrawn AND NOT EXISTS (
    SELECT 1 FROM said AS other JOIN source_document AS its ON its.id = other.document_id
    WHERE other.record_id = record.id AND other.harvest_id >= coalesce(its.harvest_id, 0))";

impl Log {
    /// The documents of a source that the log knows, by name.
    pub fn known_documents(&self, source: SourceId) -> Result<Vec<KnownDocument>, LogError> {
        let sql = "SELECT id, name, etag, last_modified, hash, settings, failed FROM source_document WHERE source_id = ?1 ORDER BY name";
        self.rows(sql, [source.0], |row| {
            Ok(KnownDocument {
                id: DocumentId(row.get(0)?),
                name: row.get(1)?,
                etag: row.get(2)?,
                last_modified: row.get(3)?,
                hash: row.get(4)?,
                settings: row.get(5)?,
                failed: row.get(6)?,
            })
        })
    }

    /// The document of this name, inserted if it is new.
    pub fn enter_document(&self, source: SourceId, name: &str) -> Result<DocumentId, LogError> {
        let enter = || -> rusqlite::Result<DocumentId> {
            let insert = "INSERT INTO source_document (source_id, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            self.connection.prepare_cached(insert)?.execute(params![source.0, name])?;
            let select = "SELECT id FROM source_document WHERE source_id = ?1 AND name = ?2";
            self.connection.prepare_cached(select)?.query_row(params![source.0, name], |row| row.get(0)).map(DocumentId)
        };
        enter().map_err(|error| self.failed(error))
    }

    /// Commits a page of records, and which documents say which records: those of the page, and others that stay as they are.
    pub fn append_said(&mut self, page: &NewPage<'_>, said: &[(String, Vec<DocumentId>)]) -> Result<PageReport, LogError> {
        self.append_with(page, |transaction| {
            let mut find = transaction.prepare_cached("SELECT id FROM record WHERE identifier = ?1 AND source_id = ?2")?;
            let mut insert = transaction
                .prepare_cached("INSERT OR REPLACE INTO said (record_id, document_id, harvest_id) VALUES (?1, ?2, ?3)")?;
            for (identifier, documents) in said {
                // A record that is over a limit may not be there.
                let found: Option<i64> = find.query_row(params![identifier, page.source.0], |row| row.get(0)).optional()?;
                for (id, document) in found.into_iter().flat_map(|id| documents.iter().map(move |document| (id, document))) {
                    insert.execute(params![id, document.0, page.harvest.0])?;
                }
            }
            Ok(())
        })
    }

    /// The documents that say a record now.
    pub fn said_by(&self, source: SourceId, identifier: &str) -> Result<Vec<DocumentId>, LogError> {
        let sql = format!(
            "SELECT document_id FROM record JOIN said ON said.record_id = record.id
                JOIN source_document ON source_document.id = document_id
             WHERE identifier = ?1 AND record.source_id = ?2 AND {CURRENT}"
        );
        self.rows(&sql, params![identifier, source.0], |row| row.get(0).map(DocumentId))
    }

    /// Lists, in the audit of a source that was begun last, the records that a document says, as the log has them.
    pub fn list_said(&self, source: SourceId, document: DocumentId) -> Result<u64, LogError> {
        let sql = format!(
            "INSERT OR IGNORE INTO audit_header (source_id, identifier, datestamp_text, datestamp, deleted)
             SELECT record.source_id, identifier, datestamp_text, datestamp, deleted FROM record JOIN said ON said.record_id = record.id
                JOIN source_document ON source_document.id = document_id
             WHERE record.source_id = ?1 AND document_id = ?2 AND {CURRENT}"
        );
        let listed = self.connection.execute(&sql, params![source.0, document.0]).map_err(|source| self.failed(source))?;
        Ok(listed as u64)
    }

    /// Whether a record of this document is said by one of the others too.
    pub fn shares(&self, document: DocumentId, with: impl Fn(DocumentId) -> bool) -> Result<bool, LogError> {
        let shares = || -> rusqlite::Result<bool> {
            let mut statement = self.connection.prepare_cached(&format!(
                "SELECT DISTINCT said.document_id FROM said AS own JOIN said ON said.record_id = own.record_id
                    JOIN source_document ON source_document.id = said.document_id
                 WHERE own.document_id = ?1 AND said.document_id <> ?1 AND {CURRENT}"
            ))?;
            let mut rows = statement.query([document.0])?;
            while let Some(row) = rows.next()? {
                if with(DocumentId(row.get(0)?)) {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        shares().map_err(|error| self.failed(error))
    }

    /// Notes that documents are being read: if the run ends before them, the log is not what they were before.
    pub fn begin_documents(&mut self, read: &[ReadDocument]) -> Result<(), LogError> {
        let mut begin = || -> rusqlite::Result<()> {
            let transaction = self.connection.transaction()?;
            for document in read {
                transaction.execute("UPDATE source_document SET hash = NULL WHERE id = ?1", [document.id.0])?;
            }
            transaction.commit()
        };
        begin().map_err(|source| LogError::sqlite(&self.path, source))
    }

    /// Notes documents that were read to their end in a harvest: what they did not say in it has left them.
    pub fn finish_documents(&mut self, harvest: HarvestId, read: &[ReadDocument]) -> Result<(), LogError> {
        let mut finish = || -> rusqlite::Result<()> {
            let transaction = self.connection.transaction()?;
            let mut update = transaction.prepare_cached(
                "UPDATE source_document SET etag = ?2, last_modified = ?3, hash = ?4, settings = ?6, harvest_id = ?5, failed = 0 WHERE id = ?1",
            )?;
            let mut forget = transaction.prepare_cached(
                "DELETE FROM undelivered WHERE (source_id, identifier) =
                    (SELECT source_id, name FROM source_document WHERE id = ?1 AND failed) AND datestamp_text = '-'",
            )?;
            for document in read {
                let ReadDocument { id, etag, last_modified, hash, settings } = document;
                forget.execute([id.0])?;
                update.execute(params![id.0, etag, last_modified, hash, harvest.0, settings])?;
            }
            drop((update, forget));
            transaction.commit()
        };
        finish().map_err(|source| LogError::sqlite(&self.path, source))
    }

    /// Notes that a document failed, and why, until it is read.
    pub fn note_failed(&mut self, source: SourceId, document: DocumentId, reason: &str, now: i64) -> Result<(), LogError> {
        let mut note = || -> rusqlite::Result<()> {
            let transaction = self.connection.transaction()?;
            transaction.execute(
                "INSERT OR REPLACE INTO undelivered (source_id, identifier, datestamp_text, reason, noted_at)
                 SELECT ?1, name, '-', ?3, ?4 FROM source_document WHERE id = ?2",
                params![source.0, document.0, reason, now],
            )?;
            transaction.execute("UPDATE source_document SET failed = 1 WHERE id = ?1", [document.0])?;
            transaction.commit()
        };
        note().map_err(|source| LogError::sqlite(&self.path, source))
    }

    /// Marks documents that could not even be listed as failed.
    pub fn mark_failed(&mut self, documents: &FxHashSet<DocumentId>) -> Result<(), LogError> {
        let mut mark = || -> rusqlite::Result<()> {
            let transaction = self.connection.transaction()?;
            for document in documents {
                transaction.execute("UPDATE source_document SET failed = 1 WHERE id = ?1", [document.0])?;
            }
            transaction.commit()
        };
        mark().map_err(|source| LogError::sqlite(&self.path, source))
    }

    /// Whether a document of a source failed, and was not read since.
    pub fn has_failed_documents(&self, source: SourceId) -> Result<bool, LogError> {
        self.connection
            .query_row("SELECT EXISTS (SELECT 1 FROM source_document WHERE source_id = ?1 AND failed)", [source.0], |row| {
                row.get(0)
            })
            .map_err(|error| self.failed(error))
    }

    /// How many live records no document of a source says any more.
    pub fn unsaid(&self, source: SourceId) -> Result<u64, LogError> {
        let sql = format!(
            "SELECT count(DISTINCT record.id) FROM source_document JOIN said ON document_id = source_document.id
                AND said.harvest_id < source_document.harvest_id JOIN record ON record.id = said.record_id
             WHERE source_document.source_id = ?1 AND {UNSAID}"
        );
        let count =
            self.connection.prepare_cached(&sql).and_then(|mut statement| statement.query_row([source.0], |row| row.get(0)));
        count.map_err(|error| self.failed(error))
    }

    /// Withdraws them: they leave the views, and stay in the log. Answers how many there are.
    pub fn withdraw_unsaid(&mut self, source: SourceId, now: i64) -> Result<u64, LogError> {
        self.withdraw_where(&format!("source_id = ?1 AND {UNSAID}"), source, now)
    }

    /// Forgets what is out of date: rows of records that left their documents, and documents that left the source. Only
    /// after [`Log::withdraw_unsaid`], which goes by them.
    pub fn forget_unsaid(&mut self, source: SourceId) -> Result<(), LogError> {
        let mut forget = || -> rusqlite::Result<()> {
            let transaction = self.connection.transaction()?;
            transaction.execute(
                "DELETE FROM said WHERE (record_id, document_id) IN (SELECT said.record_id, said.document_id FROM source_document
                    JOIN said ON document_id = source_document.id AND said.harvest_id < source_document.harvest_id
                    WHERE source_id = ?1)",
                [source.0],
            )?;
            transaction.execute(
                "DELETE FROM source_document WHERE source_id = ?1 AND harvest_id IS NOT NULL AND hash IS NULL
                    AND NOT EXISTS (SELECT 1 FROM said WHERE document_id = source_document.id)",
                [source.0],
            )?;
            transaction.commit()
        };
        forget().map_err(|source| LogError::sqlite(&self.path, source))
    }

    /// Forgets records that were too large in an earlier reading, after one of all documents that began at `since`.
    pub fn forget_undelivered_before(&self, source: SourceId, since: i64) -> Result<(), LogError> {
        self.connection
            .execute("DELETE FROM undelivered WHERE source_id = ?1 AND noted_at < ?2", params![source.0, since])
            .map(|_| ())
            .map_err(|error| self.failed(error))
    }

    /// Forgets a source that never had a record, with its documents.
    pub fn forget_documents_of_empty_source(&mut self, source: SourceId) -> Result<(), LogError> {
        let empty = "NOT EXISTS (SELECT 1 FROM record WHERE source_id = ?1)";
        for table in ["undelivered", "source_document"] {
            self.connection
                .execute(&format!("DELETE FROM {table} WHERE source_id = ?1 AND {empty}"), [source.0])
                .map_err(|error| self.failed(error))?;
        }
        self.forget_empty_source(source)
    }

    /// The datestamp of the version that the log has of a record, if its payload is the same and it was not withdrawn.
    pub fn datestamp_of_same(&self, source: SourceId, record: &Record) -> Result<Option<String>, LogError> {
        let header = &record.header;
        self.connection
            .prepare_cached(
                "SELECT datestamp_text FROM record WHERE identifier = ?1 AND source_id = ?2 AND hash = ?3 AND NOT withdrawn",
            )
            .and_then(|mut statement| {
                let hash = payload_hash(header.deleted, record.parsed());
                statement.query_row(params![header.identifier.as_str(), source.0, hash], |row| row.get(0)).optional()
            })
            .map_err(|error| self.failed(error))
    }
}
