//! A run of a source of kind `documents`.

use rustc_hash::{FxHashMap, FxHashSet};

use super::arrival::input_is_over;
use super::batch::{Batch, Part, is_said_by_any};
use super::begun::Begun;
use super::ended::Ended;
use super::failure::DocumentFailure;
use super::found::{Found, Listing, Place, list};
use crate::config::{DocumentsSource, Source, Split};
use crate::harvest::error::FetchError;
use crate::harvest::outcome::{HarvestError, HarvestReport, Outcome, Progress, percent};
use crate::harvest::scope::{Run, now};
use crate::log::{
    DocumentId, HarvestId, HarvestKind, HarvestState, KnownDocument, Log, NewPage, Origin, ReadDocument, SourceId, SourceRow,
};
use crate::mirror::{Growth, Mirror};
use crate::oai::{Datestamp, ResumptionToken};

/// Reads what changed. Answers the source in the log.
pub(in crate::harvest) fn harvest(
    mirror: &mut Mirror,
    source: &Source,
    documents: &DocumentsSource,
    run: Run<'_>,
    report: &mut HarvestReport,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Option<SourceId>, HarvestError> {
    let window = &run.options.window;
    if window.from.is_some() || window.until.is_some() {
        return Err(HarvestError::Kind(source.kind().name()));
    }
    let begun = Begun::new(mirror, source, documents, run)?;
    let source_id = begun.row.id;
    report.reads_input = documents.stdin.is_some();
    read_all(mirror, &begun, now() / 1000 * 1000, report, progress)?;
    Ok(Some(source_id))
}

/// Reads what changed, while the views follow. `stamp` is the datestamp of what comes.
pub(super) fn read_all(
    mirror: &mut Mirror,
    begun: &Begun<'_>,
    stamp: i64,
    report: &mut HarvestReport,
    progress: &mut dyn FnMut(&Progress),
) -> Result<(), HarvestError> {
    let stop = begun.reading.run.stop;
    let SourceRow { live, deleted, withdrawn, .. } = begun.row;
    let work = |log: &mut Log, growth: &Growth| {
        let known = log.known_documents(begun.row.id)?.into_iter().map(|known| (known.name.clone(), known)).collect();
        let mut reader = Reader {
            log,
            growth,
            begun,
            known,
            report: &mut *report,
            progress,
            done: Progress::default(),
            stamp,
            harvest: None,
            unchanged: Vec::new(),
            failed: FxHashSet::default(),
            failures: Vec::new(),
            holds: live + deleted + withdrawn == 0,
            silent: FxHashSet::default(),
        };
        let ended = reader.all();
        let counters = reader.done.counters;
        report.counters = counters;
        match ended {
            Ok(outcome) | Err(Ended::Run(outcome)) => {
                report.outcome = outcome;
                Ok(())
            }
            Err(Ended::Failed(error)) => Err(error),
            Err(Ended::Document(failure)) => Err(HarvestError::Document { name: begun.source.name.clone(), failure }),
        }
    };
    let ((), followed) = mirror.grow(|| stop.is_stopped(), work)?;
    report.followed(&followed);
    report.traffic = begun.client.traffic();
    Ok(())
}

/// A run.
struct Reader<'a> {
    log: &'a mut Log,
    growth: &'a Growth,
    begun: &'a Begun<'a>,
    known: FxHashMap<String, KnownDocument>,
    report: &'a mut HarvestReport,
    progress: &'a mut dyn FnMut(&Progress),
    done: Progress,
    stamp: i64,
    /// The harvest, once something is to be kept.
    harvest: Option<HarvestId>,
    /// Documents that are what they were.
    unchanged: Vec<(DocumentId, Found)>,
    /// Documents that cannot be read, and why.
    failed: FxHashSet<DocumentId>,
    failures: Vec<(String, DocumentFailure)>,
    /// Whether the first failure waits to be told: it is the error of a run that reads nothing.
    holds: bool,
    /// Hosts that do not answer.
    silent: FxHashSet<String>,
}

impl Reader<'_> {
    fn all(&mut self) -> Result<Outcome, Ended> {
        let (reading, source) = (&self.begun.reading, self.begun.row.id);
        let Listing { found, broken } = list(reading.source);
        // Where something cannot be listed, nothing is known of what is not listed.
        let names: FxHashSet<&str> = found.iter().map(|found| found.name.as_str()).collect();
        let left = self.known.values().filter(|known| broken.is_empty() && !names.contains(known.name.as_str()));
        let gone: Vec<DocumentId> = left.map(|known| known.id).collect();
        if !broken.is_empty() {
            let unlisted = self.known.values().filter(|known| !names.contains(known.name.as_str()));
            self.failed = unlisted.map(|known| known.id).collect();
            self.log.mark_failed(&self.failed)?;
        }
        for (pattern, failure) in broken {
            let name = reading.source.name_of_file(pattern.trim_start_matches('/'));
            let id = self.log.enter_document(source, &name)?;
            self.fail(id, pattern, failure)?;
        }
        let mut batch = reading.batch();
        let alone = reading.source.split == Split::Document;
        for (place, document) in found.iter().enumerate() {
            reading.check_time()?;
            // A record that a document shares with one that failed lacks what changed meanwhile: the one that failed, which
            // has this mark until it is read, brings the others along.
            let failed = self.known.get(&document.name).is_some_and(|known| known.failed);
            self.take(&mut batch, document, failed || reading.run.options.window.full)?;
            if alone && self.is_full(&batch) {
                self.commit(&mut batch)?;
                batch = reading.batch();
                if self.remaining() == Some(0) && place + 1 < found.len() {
                    return Ok(Outcome::Enough);
                }
            }
        }
        let nothing = self.harvest.is_none() && self.unchanged.is_empty() && batch.documents.iter().flatten().next().is_none();
        if nothing && self.holds && !self.failures.is_empty() {
            self.log.forget_documents_of_empty_source(source)?;
            let (name, failure) = self.failures.swap_remove(0);
            return Err(Ended::Failed(match failure {
                DocumentFailure::Fetch(error) if error.is_transient() => HarvestError::Unavailable(error),
                failure => HarvestError::Document { name, failure },
            }));
        }
        if std::mem::take(&mut self.holds) {
            self.failures.iter().take(1).for_each(|(name, failure)| warn(name, failure));
        }
        if !alone {
            self.take_what_is_shared(&mut batch, &gone)?;
        }
        self.commit(&mut batch)?;
        self.end(&gone)
    }

    /// How many records the run may still bring.
    fn remaining(&self) -> Option<u64> {
        self.begun.reading.run.options.max_records.map(|most| most.saturating_sub(self.done.counters.received))
    }

    fn is_full(&self, batch: &Batch) -> bool {
        let settings = &self.begun.reading.run.config.harvest;
        let (documents, bytes) = (batch.documents.iter().flatten().count(), batch.sorter.bytes());
        documents >= settings.page_records
            || bytes >= settings.page_bytes
            || self.remaining().is_some_and(|remaining| documents as u64 >= remaining)
    }

    /// Reads a document into a batch if it changed, or in any case.
    fn take(&mut self, batch: &mut Batch, document: &Found, again: bool) -> Result<(), Ended> {
        let known = self.known.get(&document.name);
        let id = known.map_or_else(|| self.log.enter_document(self.begun.row.id, &document.name), |known| Ok(known.id))?;
        let host = match &document.place {
            Place::Web(url) => url.host_str().unwrap_or_default(),
            _ => "",
        };
        if self.silent.contains(host) {
            let failure = DocumentFailure::Unusable(format!("{host} did not answer before"));
            return self.fail(id, document.name.clone(), failure);
        }
        let arrived = self.begun.arrivals().arrive(document, known, again);
        let read = arrived.and_then(|arrived| match arrived {
            Some(arrived) => self.begun.reading.read(batch, document, id, &arrived).map(|()| true),
            None => Ok(false),
        });
        match read {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.unchanged.push((id, document.clone()));
                Ok(())
            }
            Err(Ended::Document(failure)) => {
                if let DocumentFailure::Fetch(FetchError::Transport { .. } | FetchError::Timeout { .. }) = &failure {
                    self.silent.insert(host.to_owned());
                }
                self.fail(id, document.name.clone(), failure)
            }
            Err(ended) => Err(ended),
        }
    }

    /// Notes a document that cannot be read: its records stay as they are.
    fn fail(&mut self, id: DocumentId, name: String, failure: DocumentFailure) -> Result<(), Ended> {
        self.log.note_failed(self.begun.row.id, id, &failure.to_string(), now())?;
        self.failed.insert(id);
        if !(self.holds && self.failures.is_empty()) {
            warn(&name, &failure);
        }
        self.failures.push((name, failure));
        self.done.counters.undelivered += 1;
        Ok(())
    }

    /// A record that changed documents share with others needs what those say: then all are read.
    fn take_what_is_shared(&mut self, batch: &mut Batch, gone: &[DocumentId]) -> Result<(), Ended> {
        let (inputs, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.unchanged)
            .into_iter()
            .partition(|(_, document)| matches!(document.place, Place::Input(None)));
        if !others.is_empty() && self.is_shared(batch, gone, &others, |_| true)? {
            for (_, document) in others {
                self.begun.reading.check_time()?;
                self.take(batch, &document, true)?;
            }
        } else {
            self.unchanged = others;
        }
        let before: FxHashMap<DocumentId, _> =
            self.known.values().map(|known| (known.id, (known.hash, known.settings))).collect();
        let changed = |read: &ReadDocument| before.get(&read.id) != Some(&(read.hash, Some(read.settings)));
        for input in inputs {
            if self.is_shared(batch, gone, std::slice::from_ref(&input), changed)? {
                self.fail(input.0, input.1.name, input_is_over())?;
            } else {
                // Its records stay as they are, also those that it shares with documents that are read again.
                self.failed.insert(input.0);
                self.unchanged.push(input);
            }
        }
        Ok(())
    }

    /// Whether one of these documents says a record of documents that are read and count, or of some that are gone.
    fn is_shared(
        &self,
        batch: &mut Batch,
        gone: &[DocumentId],
        with: &[(DocumentId, Found)],
        counts: impl Fn(&ReadDocument) -> bool,
    ) -> Result<bool, Ended> {
        let with: FxHashSet<DocumentId> = with.iter().map(|(id, _)| *id).collect();
        for document in gone {
            if self.log.shares(*document, |other| with.contains(&other))? {
                return Ok(true);
            }
        }
        batch.shares(self.log, self.begun.row.id, &with, counts)
    }

    /// The harvest that a batch belongs to, and the record after which it continues.
    fn begin(&mut self, fingerprint: &str) -> Result<(HarvestId, Option<String>), Ended> {
        if let Some(harvest) = self.harvest {
            return Ok((harvest, None));
        }
        let source = self.begun.row.id;
        self.begun.acceptance.accept(self.log, source)?;
        self.log.keep_settings(source, &self.begun.reading.source.settings())?;
        let newest = self.log.harvests(source, HarvestKind::Regular, 1)?;
        let open = newest.first().filter(|harvest| harvest.state == HarvestState::Open);
        let token = open.and_then(|harvest| harvest.token.as_ref()).and_then(|token| token.as_str().split_once(' '));
        let (harvest, after) = match (open, token) {
            // The same documents with the same bytes.
            (Some(open), Some((same, after))) if same == fingerprint => {
                self.report.resumed = true;
                (open.id, Some(after.to_owned()))
            }
            _ => (self.log.begin_harvest(source, HarvestKind::Regular, None, None, now())?, None),
        };
        self.harvest = Some(harvest);
        Ok((harvest, after))
    }

    /// Brings what a batch says to the log.
    fn commit(&mut self, batch: &mut Batch) -> Result<(), Ended> {
        let read: Vec<ReadDocument> = batch.documents.iter().flatten().cloned().collect();
        if read.is_empty() {
            return Ok(());
        }
        let settings = &self.begun.reading.run.config.harvest;
        let fingerprint = batch.fingerprint(&self.failed);
        let (harvest, after) = self.begin(&fingerprint)?;
        self.log.begin_documents(&read)?;
        let stamp = Datestamp::from_millis(self.stamp).ok_or_else(|| DocumentFailure::Unusable("the clock is wrong".into()));
        let stamp = stamp.map_err(Ended::Document)?;
        let (mut groups, mut part) = (batch.groups(settings.record_bytes)?, Part::default());
        while let Some(group) = groups.next()? {
            if after.as_deref().is_some_and(|after| group.name.as_str() <= after) {
                continue;
            }
            let sayers = groups.sayers(&group);
            if is_said_by_any(self.log, self.begun.row.id, &group.name, &self.failed)? {
                // What the other document says is in the log, and nowhere else now.
                part.said.push((group.name.clone(), sayers));
            } else {
                part.add(&group, sayers, stamp, settings.record_bytes);
            }
            let enough = self.remaining().is_some_and(|remaining| part.records.len() as u64 >= remaining);
            if enough || part.is_full(settings) {
                let token = ResumptionToken::new(&format!("{fingerprint} {}", group.name)).ok();
                self.append(harvest, &std::mem::take(&mut part), token.as_ref())?;
                self.begun.reading.check_time()?;
                if enough && self.begun.reading.source.split != Split::Document {
                    return Err(Ended::Run(Outcome::Enough));
                }
            }
        }
        if !part.is_empty() {
            self.append(harvest, &part, None)?;
        }
        Ok(self.log.finish_documents(harvest, &read)?)
    }

    fn append(&mut self, harvest: HarvestId, part: &Part, token: Option<&ResumptionToken>) -> Result<(), Ended> {
        let page = NewPage {
            source: self.begun.row.id,
            harvest,
            response_date: None,
            records: &part.records,
            undelivered: &part.undelivered,
            origin: Origin::Documents,
            token,
            whole: true,
            last: false,
            doubtful: false,
            now: now(),
        };
        let report = self.log.append_said(&page, &part.said)?;
        self.done.counters.add(&report.counters);
        (self.progress)(&self.done);
        // The views report their error themselves.
        if self.growth.page() { Ok(()) } else { Err(Ended::Run(Outcome::Interrupted)) }
    }

    /// Withdraws what left, after all documents were read.
    fn end(&mut self, gone: &[DocumentId]) -> Result<Outcome, Ended> {
        let source = self.begun.row.id;
        let (harvest, _) = self.begin("")?;
        let settings = self.begun.reading.settings;
        let left = |id: &DocumentId| ReadDocument { id: *id, etag: None, last_modified: None, hash: None, settings };
        self.log.finish_documents(harvest, &gone.iter().map(left).collect::<Vec<_>>())?;
        if self.failures.is_empty() {
            self.withdraw(source)?;
            if self.unchanged.is_empty() {
                self.log.forget_undelivered_before(source, self.stamp)?;
            }
        }
        let unavailable = self.failures.iter().position(|(_, failure)| match failure {
            DocumentFailure::Fetch(error) => error.is_transient(),
            _ => false,
        });
        if let Some((_, DocumentFailure::Fetch(error))) = unavailable.map(|place| self.failures.swap_remove(place)) {
            return Ok(Outcome::Unavailable(error));
        }
        self.log.end_repair(harvest, now())?;
        Ok(Outcome::Complete { promised: None, received: self.done.counters.received, doubtful: false })
    }

    fn withdraw(&mut self, source: SourceId) -> Result<(), Ended> {
        let unsaid = self.log.unsaid(source)?;
        if unsaid > 0 {
            let live = self.log.sources()?.iter().find(|row| row.id == source).map_or(0, |row| row.live);
            let percent = percent(unsaid, live);
            if percent > self.begun.reading.run.config.harvest.withdraw_max_percent {
                self.report.brake = Some((unsaid, percent));
                return Ok(());
            }
            self.report.withdrawn = self.log.withdraw_unsaid(source, now())?;
            if !self.growth.page() {
                return Err(Ended::Run(Outcome::Interrupted));
            }
        }
        Ok(self.log.forget_unsaid(source)?)
    }
}

fn warn(name: &str, failure: &DocumentFailure) {
    tracing::warn!("{name} cannot be read: {failure}");
}
