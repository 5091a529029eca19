//! Audits of documents: all of them are read, and what they say is compared with the log, which stays as it is.

use rustc_hash::FxHashSet;
use tokio::runtime::Runtime;

use super::batch::{Reading, is_said_by_any};
use super::begun::Begun;
use super::ended::Ended;
use super::failure::DocumentFailure;
use super::found::{Listing, Place, list};
use super::reading::read_all;
use crate::config::{Config, DocumentsSource, Source};
use crate::harvest::audit_report::{AuditOptions, AuditReport, Hear};
use crate::harvest::error::FetchError;
use crate::harvest::outcome::{HarvestError, HarvestReport, Outcome, RunOptions};
use crate::harvest::plan::Options;
use crate::harvest::scope::{Run, now};
use crate::log::{AuditPage, HarvestId, Log, SourceId};
use crate::mirror::Mirror;
use crate::oai::{Datestamp, Header, RecordId};
use crate::stop::Stop;

/// Audits a source of documents.
pub(in crate::harvest) fn audit(
    mirror: &mut Mirror,
    (source, documents): (&Source, &DocumentsSource),
    config: &Config,
    options: AuditOptions,
    (runtime, stop): (&Runtime, &Stop),
    hear: &mut Hear<'_>,
) -> Result<AuditReport, HarvestError> {
    let caught_up = mirror.catch_up(|_| !stop.is_stopped())?;
    mirror.log.known_source(source)?;
    let all = RunOptions { window: Options { full: true, ..Options::default() }, anyway: true, ..RunOptions::default() };
    let run = Run { config, options: &all, stop, runtime, deadline: None };
    let begun = Begun::new(mirror, source, documents, run)?;
    let mut report = AuditReport::begun(&source.name);
    // No record was read then: what differs from the log has another datestamp, even if it was read a moment ago.
    let stamp = now() / 1000 * 1000 + 1000;
    let row = &begun.row;
    match list_all(&mut mirror.log, &begun, stamp, hear.progress) {
        Ok(()) => {}
        Err(Ended::Run(_)) => {
            report.unavailable = Some(FetchError::Stopped);
            return Ok(report);
        }
        Err(Ended::Failed(error)) => return Err(error),
        Err(Ended::Document(failure)) => return Err(HarvestError::Document { name: source.name.clone(), failure }),
    }
    report.found = Some(mirror.log.differences(row.id, None)?);
    // A repair would change the differences.
    (hear.found)(&mirror.log, &report);
    if options.repair {
        let mut repair = HarvestReport::begun(source);
        // What is repaired gets the datestamp that the audit gave it.
        read_all(mirror, &begun, stamp, &mut repair, &mut |_| {})?;
        (report.counters, report.withdrawn, report.brake) =
            (repair.counters, repair.withdrawn, repair.brake.map(|(_, percent)| percent));
        report.unavailable = match repair.outcome {
            Outcome::Unavailable(error) => Some(error),
            Outcome::Interrupted => Some(FetchError::Stopped),
            _ => None,
        };
        report.left = Some(mirror.log.differences(row.id, None)?);
    }
    report.traffic = begun.client.traffic();
    let changed = report.counters.changed_anything() || report.withdrawn > 0 || caught_up.records > 0;
    if changed && !stop.is_stopped() {
        report.snapshot = Some(mirror.publish()?);
    }
    Ok(report)
}

/// How many headers go to the log at once.
const HEADERS_AT_ONCE: usize = 1000;

/// Lists what all documents say: a record that the log has with the same payload, with the datestamp that it has there.
fn list_all(log: &mut Log, begun: &Begun<'_>, stamp: i64, progress: &mut dyn FnMut(u64)) -> Result<(), Ended> {
    let (reading, source): (&Reading<'_>, SourceId) = (&begun.reading, begun.row.id);
    let Listing { found, broken } = list(reading.source);
    if let Some((name, failure)) = broken.into_iter().next() {
        return Err(Ended::Failed(HarvestError::Document { name, failure }));
    }
    let (mut batch, mut inputs) = (reading.batch(), FxHashSet::default());
    for document in &found {
        reading.check_time()?;
        let id = log.enter_document(source, &document.name)?;
        if matches!(document.place, Place::Input(None)) {
            tracing::info!("standard input cannot be read again: what it said counts as it is in the log");
            inputs.insert(id);
            continue;
        }
        let arrived = begun.arrivals().arrive(document, None, true);
        let read = arrived.and_then(|arrived| match arrived {
            Some(arrived) => reading.read(&mut batch, document, id, &arrived),
            None => Ok(()),
        });
        read.map_err(|ended| match ended {
            Ended::Document(failure) => Ended::Failed(HarvestError::Document { name: document.name.clone(), failure }),
            ended => ended,
        })?;
    }
    let audit = log.begin_audit(source, now())?;
    for input in &inputs {
        log.list_said(source, *input)?;
    }
    let limit = reading.run.config.harvest.record_bytes;
    let stamp =
        Datestamp::from_millis(stamp).ok_or_else(|| Ended::Document(DocumentFailure::Unusable("the clock is wrong".into())))?;
    let (mut headers, mut listed) = (Vec::new(), 0);
    let mut groups = batch.groups(limit)?;
    while let Some(group) = groups.next()? {
        // The other documents are only a part of what it is made of.
        if is_said_by_any(log, source, &group.name, &inputs)? {
            continue;
        }
        let header = match group.record(stamp, limit) {
            Ok(mut record) => {
                if let Some(text) = log.datestamp_of_same(source, &record)? {
                    record.header.datestamp = Datestamp::parse(&text).ok();
                    record.header.datestamp_text = text;
                }
                Some(record.header)
            }
            Err(unkept) => RecordId::new(&unkept.identifier).ok().map(|identifier| Header {
                identifier,
                datestamp_text: unkept.datestamp_text,
                datestamp: Some(stamp),
                sets: Vec::new(),
                deleted: false,
            }),
        };
        headers.extend(header);
        if headers.len() >= HEADERS_AT_ONCE {
            listed += headers.len() as u64;
            append(log, audit, source, &std::mem::take(&mut headers), false)?;
            reading.check_time()?;
            progress(listed);
        }
    }
    progress(listed + headers.len() as u64);
    append(log, audit, source, &headers, true)
}

fn append(log: &mut Log, audit: HarvestId, source: SourceId, headers: &[Header], last: bool) -> Result<(), Ended> {
    let page = AuditPage {
        audit,
        source,
        headers: headers.iter().collect(),
        response_date: None,
        opens_list: false,
        token: None,
        whole: true,
        last,
        now: now(),
    };
    log.append_audit(&page)?;
    Ok(())
}
