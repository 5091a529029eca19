//! Documents that are read together: what they say is sorted by record, and goes to the log.

use std::path::PathBuf;
use std::sync::Arc;

use rustc_hash::FxHashSet;
use tokio::time::Instant;

use super::arrival::Arrived;
use super::ended::{Ended, of_disk};
use super::found::Found;
use super::groups::{Group, Groups};
use super::sort::Sorter;
use super::split::Splitter;
use crate::config::{DocumentsSource, Harvest};
use crate::harvest::outcome::Outcome;
use crate::harvest::scope::Run;
use crate::log::{DocumentId, Log, LogError, ReadDocument, SourceId, Undelivered};
use crate::oai::{Datestamp, Record};
use crate::rdf::{Context, DocumentLimits, DocumentReader, UnreadableDocument};

/// Documents that were read together.
pub(super) struct Batch {
    pub(super) sorter: Sorter,
    /// The documents, by their numbers in the sorter. One that failed does not count.
    pub(super) documents: Vec<Option<ReadDocument>>,
}

/// What batches are read with.
pub(super) struct Reading<'a> {
    pub(super) source: &'a DocumentsSource,
    pub(super) run: Run<'a>,
    pub(super) directory: PathBuf,
    pub(super) context: Option<Arc<Context>>,
    pub(super) settings: [u8; 16],
}

/// How many quads are read between two looks at the clock.
const QUADS_AT_ONCE: u64 = 4096;

impl Reading<'_> {
    fn limits(&self) -> &Harvest {
        &self.run.config.harvest
    }

    pub(super) fn batch(&self) -> Batch {
        Batch { sorter: Sorter::new(&self.directory, self.limits().sort_memory_mb << 20), documents: Vec::new() }
    }

    /// Reads a document into a batch.
    pub(super) fn read(&self, batch: &mut Batch, found: &Found, id: DocumentId, arrived: &Arrived) -> Result<(), Ended> {
        let settings = self.limits();
        let number = u32::try_from(batch.documents.len()).unwrap_or(u32::MAX);
        batch.documents.push(None);
        let reader = DocumentReader {
            format: arrived.format,
            base: found.name.clone(),
            context: self.context.clone(),
            limits: DocumentLimits {
                statement_bytes: settings.record_bytes,
                whole_bytes: settings.document_bytes,
                depth: settings.depth,
            },
        };
        let split = self.source.split;
        let text = arrived.text(settings.gzip_ratio).map_err(UnreadableDocument::Read)?;
        let mut splitter = Splitter::new(split, &found.name, number, &mut batch.sorter, &self.directory, settings.blank_nodes);
        let mut quads = 0;
        reader.read(text, |quad| {
            quads += 1;
            if quads % QUADS_AT_ONCE == 0 {
                self.check_time()?;
            }
            splitter.quad(&quad)
        })?;
        splitter.finish()?;
        tracing::info!(document = found.name, quads, "read");
        batch.documents[number as usize] = Some(ReadDocument {
            id,
            etag: arrived.validators.etag.clone(),
            last_modified: arrived.validators.last_modified.clone(),
            hash: Some(arrived.hash),
            settings: self.settings,
        });
        Ok(())
    }

    /// Ends the run if its time is up.
    pub(super) fn check_time(&self) -> Result<(), Ended> {
        if self.run.stop.is_stopped() {
            return Err(Ended::Run(Outcome::Interrupted));
        }
        if self.run.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Ended::Run(Outcome::TimeUp));
        }
        Ok(())
    }
}

impl Batch {
    /// What tells this batch from another: the documents and their bytes, and the documents that failed, whose records wait.
    pub(super) fn fingerprint(&self, failed: &FxHashSet<DocumentId>) -> String {
        let mut hasher = blake3::Hasher::new();
        for document in self.documents.iter().flatten() {
            hasher.update(format!("{:?} {:?} {:?}\n", document.id, document.hash, document.settings).as_bytes());
        }
        let mut failed: Vec<&DocumentId> = failed.iter().collect();
        failed.sort_unstable();
        hasher.update(format!("{failed:?}").as_bytes());
        hasher.finalize().to_hex()[..32].to_owned()
    }

    /// Its records in order.
    pub(super) fn groups(&mut self, limit: usize) -> Result<BatchGroups<'_>, Ended> {
        let Self { sorter, documents } = self;
        Ok(BatchGroups { groups: Groups::new(sorter.sorted().map_err(of_disk)?, limit)?, documents })
    }

    /// Whether any record of its documents that count is said by one of these documents too.
    pub(super) fn shares(
        &mut self,
        log: &Log,
        source: SourceId,
        with: &FxHashSet<DocumentId>,
        counts: impl Fn(&ReadDocument) -> bool,
    ) -> Result<bool, Ended> {
        let counted: FxHashSet<DocumentId> =
            self.documents.iter().flatten().filter(|read| counts(read)).map(|read| read.id).collect();
        for document in &counted {
            if log.shares(*document, |other| with.contains(&other))? {
                return Ok(true);
            }
        }
        let mut groups = self.groups(0)?;
        while let Some(group) = groups.next()? {
            let sayers = groups.sayers(&group);
            if sayers.iter().any(|sayer| counted.contains(sayer))
                && log.said_by(source, &group.name)?.iter().any(|other| with.contains(other))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The records of a batch.
pub(super) struct BatchGroups<'a> {
    groups: Groups<'a>,
    documents: &'a [Option<ReadDocument>],
}

impl BatchGroups<'_> {
    /// The next record.
    pub(super) fn next(&mut self) -> Result<Option<Group>, Ended> {
        let documents = self.documents;
        self.groups.next(|number| documents.get(number as usize).is_some_and(Option::is_some))
    }

    /// The documents that say a record.
    pub(super) fn sayers(&self, group: &Group) -> Vec<DocumentId> {
        group.documents.iter().filter_map(|number| self.documents.get(*number as usize)?.as_ref().map(|read| read.id)).collect()
    }
}

/// What goes to the log in one page.
#[derive(Default)]
pub(super) struct Part {
    pub(super) records: Vec<Record>,
    pub(super) undelivered: Vec<Undelivered>,
    /// Which documents say which records.
    pub(super) said: Vec<(String, Vec<DocumentId>)>,
    bytes: usize,
}

impl Part {
    /// Adds a record, or the reason why it cannot be kept.
    pub(super) fn add(&mut self, group: &Group, sayers: Vec<DocumentId>, stamp: Datestamp, limit: usize) {
        let identifier = match group.record(stamp, limit) {
            Ok(record) => {
                self.bytes += record.xml.len();
                let identifier = record.header.identifier.to_string();
                self.records.push(record);
                identifier
            }
            Err(unkept) => {
                let identifier = unkept.identifier.clone();
                self.undelivered.push(unkept);
                identifier
            }
        };
        self.said.push((identifier, sayers));
    }

    /// Whether it has enough for a page.
    pub(super) fn is_full(&self, settings: &Harvest) -> bool {
        self.said.len() >= settings.page_records || self.bytes >= settings.page_bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.said.is_empty()
    }
}

/// Whether the log has the record of a group from a document that is not read now and cannot be.
pub(super) fn is_said_by_any(
    log: &Log,
    source: SourceId,
    identifier: &str,
    by: &FxHashSet<DocumentId>,
) -> Result<bool, LogError> {
    Ok(!by.is_empty() && log.said_by(source, identifier)?.iter().any(|other| by.contains(other)))
}
