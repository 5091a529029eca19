//! Proof without the network that the log is what was written, and that every view is what the log says.
//!
//! One thread reads the log, all cores parse, and every view compares what it holds on a thread of its own.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use crate::log::{Log, PageId};
use crate::mirror::{Mirror, MirrorError};
use crate::pipeline::{cores, in_order};
use crate::views::{Check, Content, Fault, Faults, ParsedChange, Piece, Readers, ViewError};

/// What was checked, and what is wrong.
#[derive(Debug, Default, serde::Serialize)]
pub struct VerifyReport {
    /// Pages of the log whose checksum fits.
    pub pages: u64,
    /// Pages from before there were checksums.
    pub unsealed_pages: u64,
    /// Live records whose graphs were compared.
    pub records: u64,
    /// Their quads.
    pub quads: u64,
    /// Their links.
    pub links: u64,
    /// Records in quarantine.
    pub quarantined: u64,
    /// What was compared with the records: the views, and published copies of them that are as new.
    pub compared: Vec<&'static str>,
    /// What holds triples and was compared: the writer's index and store, and the published ones if they are as new.
    pub stores: Vec<&'static str>,
    /// How many faults there are.
    pub fault_count: u64,
    /// The first faults, described.
    pub faults: Vec<Fault>,
}

/// Parsed pieces that wait for a view's check.
const WAITING: usize = 4;

/// Checks the log, and every view against it. The views are brought up to the log first; `progress` is called
/// with the page of each piece, and may stop the check.
pub fn verify(mirror: &mut Mirror, mut progress: impl FnMut(PageId) -> bool) -> Result<VerifyReport, MirrorError> {
    mirror.catch_up(|_| true)?;
    mirror.follow_afterwards(|| true)?;
    let log = &mirror.log;
    let (mut report, mut faults) = (VerifyReport::default(), Faults::default());
    for problem in log.integrity()? {
        faults.add("log", problem);
    }
    let proof = log.prove(|_| {})?;
    (report.pages, report.unsealed_pages) = (proof.pages, proof.unsealed);
    for problem in proof.faults {
        faults.add("log", problem);
    }
    if let Some(snapshot) = mirror.snapshots().current_info()
        && !snapshot.follows(log)?
    {
        faults.add("snapshot", format!("snapshot {} was made of another log than this", snapshot.number));
    }
    let home = mirror.home();
    let mut checks = Vec::new();
    for view in mirror.views() {
        let check = view.check(&home)?;
        report.compared.extend(check.compared());
        if view.has_graphs() {
            report.stores.extend(check.compared());
        }
        checks.push((view.name(), check));
    }
    let readers = Readers::new(log, home.config.harvest.depth)?;
    let reader = Log::open_read_only(log.path())?;
    let rows = std::thread::scope(|scope| {
        let (mut inputs, mut threads) = (Vec::new(), Vec::new());
        for (name, check) in checks {
            let (input, pieces) = sync_channel::<Arc<Vec<ParsedChange>>>(WAITING);
            inputs.push(input);
            threads.push((name, scope.spawn(move || compare(check, &pieces))));
        }
        let read = in_order(
            cores(),
            move |feed| Ok::<_, MirrorError>(Piece::of_all(&reader, |page, piece| Ok(feed((page, piece))))?),
            |(page, Piece { records, .. })| {
                let parsed =
                    records.iter().map(|(version, record)| readers.parsed(version, record.as_deref(), &home.config.shapes));
                (page, Arc::new(parsed.collect::<Vec<_>>()))
            },
            |(page, changes)| {
                changes.iter().for_each(|change| report.count(change));
                // A check that failed says why below.
                let compared = inputs.iter().all(|input| input.send(Arc::clone(&changes)).is_ok());
                Ok(if compared && progress(page) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
            },
        );
        drop(inputs);
        let joined: Vec<_> = threads
            .into_iter()
            .map(|(name, thread)| (name, thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))))
            .collect();
        read?;
        let mut rows = Vec::new();
        for (name, result) in joined {
            let (count, found) = result?;
            faults.append(found);
            rows.push((name, count));
        }
        Ok::<_, MirrorError>(rows)
    })?;
    report.links = rows.iter().find(|(name, _)| *name == "links").map_or(0, |(_, count)| *count);
    (report.fault_count, report.faults) = (faults.count, faults.told);
    Ok(report)
}

/// Compares what a view holds with all records, and then the rest of it. Answers how many rows the records give.
fn compare(mut check: Box<dyn Check + '_>, pieces: &Receiver<Arc<Vec<ParsedChange>>>) -> Result<(u64, Faults), ViewError> {
    let mut faults = Faults::default();
    for changes in pieces {
        check.records(&changes, &mut faults)?;
    }
    let rows = check.finish(&mut faults)?;
    Ok((rows, faults))
}

impl VerifyReport {
    fn count(&mut self, change: &ParsedChange) {
        match &change.content {
            Content::Quads(quads) => {
                self.records += 1;
                self.quads += quads.len() as u64;
            }
            Content::Quarantined(_) => self.quarantined += 1,
            Content::Deleted => {}
        }
    }
}
