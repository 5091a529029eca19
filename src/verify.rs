//! Proof without the network that the log is what was written, and that every view is what the log says.

use std::collections::HashSet;
use std::ops::ControlFlow;

use oxigraph::model::{GraphNameRef, NamedNode, Quad};
use oxigraph::store::{StorageError, Store};

use crate::links::{Link, LinkFilter, LinksIndex, extract};
use crate::log::{Log, LogError, PageBodies, PageId};
use crate::mirror::{Mirror, MirrorError};
use crate::pipeline::{cores, in_order};
use crate::quarantine;
use crate::rdf::isomorphic;
use crate::search::{Entry, EntryRow, SearchIndex};
use crate::store::{StoreError, is_record_graph};
use crate::views::{Content, ParsedChange, Piece, Readers, ViewError};

/// How many faults are told in words; the others are counted.
pub const TOLD: usize = 100;

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
    /// Stores that were compared: the writer's, and the published snapshot if it is as new.
    pub stores: Vec<String>,
    /// How much is wrong.
    pub fault_count: u64,
    /// What is wrong, the first of it in words.
    pub faults: Vec<Fault>,
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// Where: `log`, `store`, `snapshot`, `links`, `quarantine` or `search`.
    pub part: String,
    /// What.
    pub problem: String,
}

/// Why a check could not be made.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The mirror.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A view.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl VerifyReport {
    fn wrong(&mut self, part: &str, problem: impl Into<String>) {
        self.fault_count += 1;
        if self.faults.len() < TOLD {
            self.faults.push(Fault { part: part.to_owned(), problem: problem.into() });
        }
    }
}

/// A store that is compared with the log.
struct Compared<'a> {
    name: &'static str,
    store: &'a Store,
    graphs: u64,
}

/// Checks the log, and every view against it. The views are brought up to the log first; `progress` hears of each
/// page, and may stop the check after it.
pub fn verify(mirror: &mut Mirror, mut progress: impl FnMut(PageId) -> bool) -> Result<VerifyReport, VerifyError> {
    mirror.catch_up(|_| true)?;
    let log = &mirror.log;
    let mut report = VerifyReport::default();
    for problem in log.integrity()? {
        report.wrong("log", problem);
    }
    let proof = log.prove(|_| {})?;
    (report.pages, report.unsealed_pages) = (proof.pages, proof.unsealed);
    for problem in proof.faults {
        report.wrong("log", problem);
    }
    let snapshots = mirror.snapshots();
    // A snapshot since whose page nothing changed must be equal as well.
    let published = match snapshots.current_page() {
        Some(page) if log.next_changed_page(page)?.is_none() => Some(snapshots.open_current()?),
        _ => None,
    };
    let mut stores = vec![Compared { name: "store", store: mirror.store().store(), graphs: 0 }];
    stores.extend(published.as_ref().map(|snapshot| Compared { name: "snapshot", store: &snapshot.store, graphs: 0 }));
    report.stores = stores.iter().map(|store| store.name.to_owned()).collect();

    let readers = Readers::new(log, mirror.depth())?;
    let (reader, mut stopped) = (Log::open_read_only(log.path())?, false);
    in_order(
        cores(),
        move |feed| Ok(Piece::of_all(&reader, |piece| Ok(feed(piece)))?),
        |Piece { page, records, last }| {
            let changes = records.iter().map(|(change, record)| readers.parsed(change, record.as_deref()));
            (page, changes.collect::<Vec<_>>(), last)
        },
        |(page, changes, last)| {
            for change in changes {
                check_record(log, &mut stores, &change, &mut report)?;
            }
            stopped = last && !progress(page);
            Ok::<_, VerifyError>(if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        },
    )?;
    if stopped {
        return Ok(report);
    }
    for Compared { name, store, graphs } in &stores {
        check_extras(log, &readers, name, store, *graphs, &mut report)?;
    }
    let links = LinksIndex(log).count()?;
    if links != report.links {
        report.wrong("links", format!("the table holds {links} links, and the records give {}", report.links));
    }
    if let Some(problem) = SearchIndex(log).integrity()? {
        report.wrong("search", problem);
    }
    Ok(report)
}

fn check_record(
    log: &Log,
    stores: &mut [Compared<'_>],
    change: &ParsedChange,
    report: &mut VerifyReport,
) -> Result<(), VerifyError> {
    let graph = &change.graph;
    let due: &[Quad] = if let Content::Quads(quads) = &change.content { quads } else { &[] };
    for compared in stores {
        compared.graphs += u64::from(!due.is_empty());
        let wrong = compare(compared.store, graph, due).map_err(|source| storage(compared.name, source))?;
        if let Some(wrong) = wrong {
            report.wrong(compared.name, format!("<{}> {wrong}", graph.as_str()));
        }
    }
    if matches!(change.content, Content::Quads(_)) {
        report.records += 1;
        report.quads += due.len() as u64;
    }
    let mut due: Vec<[String; 6]> = extract(due)
        .into_iter()
        .map(|Link { entity, path, property, reference }| {
            [entity, path, property, reference.authority.name().to_owned(), reference.id, reference.iri]
        })
        .collect();
    let rows = LinksIndex(log).find(&LinkFilter::Record(graph.as_str().to_owned()))?;
    let mut held: Vec<[String; 6]> =
        rows.into_iter().map(|row| [row.entity, row.path, row.property, row.authority, row.id, row.iri]).collect();
    report.links += due.len() as u64;
    due.sort();
    held.sort();
    if due != held {
        report.wrong(
            "links",
            format!("<{}> has {} links, and its record gives {} or others", graph.as_str(), held.len(), due.len()),
        );
    }
    check_entry(log, change, report)?;
    let quarantined = matches!(change.content, Content::Quarantined(_));
    report.quarantined += u64::from(quarantined);
    if quarantine::holds(log, change.record)? != quarantined {
        let problem = if quarantined { "gives no triples and is not in quarantine" } else { "is in quarantine and parses" };
        report.wrong("quarantine", format!("<{}> {problem}", graph.as_str()));
    }
    Ok(())
}

fn check_entry(log: &Log, change: &ParsedChange, report: &mut VerifyReport) -> Result<(), VerifyError> {
    let graph = change.graph.as_str();
    let due = match &change.content {
        Content::Quads(quads) => Some(Entry::of(graph, quads)),
        Content::Deleted | Content::Quarantined(_) => None,
    };
    let due = due.map(|Entry { entity, kind, label, detail, year, .. }| EntryRow {
        record: graph.to_owned(),
        entity,
        kind,
        label,
        detail,
        year,
    });
    if SearchIndex(log).entry(graph)? != due {
        report.wrong("search", format!("<{graph}> has another entry than its record gives"));
    }
    Ok(())
}

fn storage(name: &str, source: StorageError) -> StoreError {
    StoreError::storage(std::path::Path::new(name), source)
}

/// What is wrong with a graph of a store.
fn compare(store: &Store, graph: &NamedNode, due: &[Quad]) -> Result<Option<String>, StorageError> {
    let held = store
        .quads_for_pattern(None, None, None, Some(GraphNameRef::NamedNode(graph.as_ref())))
        .collect::<Result<HashSet<Quad>, _>>()?;
    if held.len() == due.len() && due.iter().all(|quad| held.contains(quad)) {
        let named = store.contains_named_graph(graph)?;
        return Ok((named && due.is_empty()).then(|| "is an empty graph that no record gives".to_owned()));
    }
    // The store keeps numbers and times by their value: what it makes of a payload's spelling is right as well.
    let due = &through_a_store(due)?;
    if held == *due {
        return Ok(None);
    }
    // And so would be the same with other names for blank nodes, though this program names them alike every time.
    if held.len() == due.len() && isomorphic(&held, due).unwrap_or(false) {
        return Ok(None);
    }
    let missing = due.difference(&held).count();
    let extra = held.difference(due).count();
    Ok(Some(format!("lacks {missing} triples and has {extra} too many")))
}

/// What a store makes of quads: it has one spelling for each value of `xsd:dateTime`, `xsd:integer` and their like.
fn through_a_store(quads: &[Quad]) -> Result<HashSet<Quad>, StorageError> {
    let store = Store::new()?;
    store.extend(quads.iter().cloned())?;
    store.quads_for_pattern(None, None, None, None).collect()
}

/// Graphs and triples that no record gives.
fn check_extras(
    log: &Log,
    readers: &Readers,
    name: &str,
    store: &Store,
    due: u64,
    report: &mut VerifyReport,
) -> Result<(), VerifyError> {
    let failed = |source| storage(name, source);
    let unnamed = store.quads_for_pattern(None, None, None, Some(GraphNameRef::DefaultGraph)).count();
    if unnamed > 0 {
        report.wrong(name, format!("{unnamed} triples are in no graph"));
    }
    let mut held = 0;
    for graph in store.named_graphs() {
        held += u64::from(is_record_graph(graph.map_err(failed)?.to_string().trim_matches(['<', '>'])));
    }
    if held == due {
        return Ok(());
    }
    for graph in store.named_graphs() {
        let graph = graph.map_err(failed)?.to_string();
        let graph = graph.trim_matches(['<', '>']);
        if !is_record_graph(graph) {
            continue;
        }
        let row = log.record(graph)?;
        let live = match &row {
            Some(row) => matches!(readers.content(log, &mut PageBodies::default(), &row.change)?, Content::Quads(_)),
            None => false,
        };
        if !live {
            report.wrong(name, format!("<{graph}> is a graph that no record gives"));
        }
    }
    if held < due {
        report.wrong(name, format!("it holds {held} graphs, and the records give {due}"));
    }
    Ok(())
}
