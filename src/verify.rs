//! Proof without the network that the log is what was written, and that every view is what the log says.

use std::collections::HashSet;
use std::ops::ControlFlow;

use oxigraph::model::{GraphNameRef, NamedNode, Quad};
use oxigraph::store::{StorageError, Store};

use crate::links::{Link, LinkFilter, LinksIndex, extract};
use crate::log::{Log, PageBodies, PageId};
use crate::mirror::{Mirror, MirrorError};
use crate::pipeline::{cores, in_order};
use crate::quarantine;
use crate::rdf::isomorphic;
use crate::search::{Entry, EntryRow, SearchIndex};
use crate::store::{StoreError, is_record_graph};
use crate::views::{Content, ParsedChange, Piece, Readers};

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

impl VerifyReport {
    fn wrong(&mut self, part: &str, problem: impl Into<String>) {
        self.fault_count += 1;
        // Of each part at least the first, so that it is known what to do.
        if self.faults.len() < TOLD || !self.faults.iter().any(|fault| fault.part == part) {
            self.faults.push(Fault { part: part.to_owned(), problem: problem.into() });
        }
    }
}

/// Stores that are compared with the log, by name.
type Stores<'a> = [(&'static str, &'a Store)];

/// Checks the log, and every view against it. The views are brought up to the log first; `progress` hears of each
/// page, and may stop the check after it.
pub fn verify(mirror: &mut Mirror, mut progress: impl FnMut(PageId) -> bool) -> Result<VerifyReport, MirrorError> {
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
    let published = match snapshots.current_info() {
        Some(info) if !info.follows(log)? => {
            report.wrong("snapshot", format!("snapshot {} was made of another log than this", info.number));
            None
        }
        Some(info) if log.next_changed_page(info.page)?.is_none() => Some(snapshots.open_current()?),
        _ => None,
    };
    let mut stores = vec![("store", mirror.store().store())];
    stores.extend(published.as_ref().map(|snapshot| ("snapshot", &snapshot.store)));
    report.stores = stores.iter().map(|(name, _)| (*name).to_owned()).collect();

    let readers = Readers::new(log, mirror.depth())?;
    let (reader, mut graphs, mut stopped) = (Log::open_read_only(log.path())?, 0, false);
    in_order(
        cores(),
        move |feed| Ok(Piece::of_all(&reader, |piece| Ok(feed(piece)))?),
        |Piece { page, records, last }| {
            let parsed = records.iter().map(|(change, record)| readers.parsed(change, record.as_deref()));
            (page, parsed.map(|change| Due::of(&change, &stores)).collect::<Result<Vec<_>, _>>(), last)
        },
        |(page, records, last)| {
            for due in records? {
                graphs += u64::from(due.quads > 0);
                due.check(log, &mut report)?;
            }
            stopped = last && !progress(page);
            Ok::<_, MirrorError>(if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        },
    )?;
    if stopped {
        return Ok(report);
    }
    for (name, store) in &stores {
        check_extras(log, &readers, name, store, graphs, &mut report)?;
    }
    check_tables(log, &mut report)?;
    Ok(report)
}

/// What the views must hold of a record, and what is wrong with its graphs.
struct Due {
    record: i64,
    graph: NamedNode,
    quads: u64,
    links: Vec<[String; 6]>,
    entry: Option<EntryRow>,
    quarantined: bool,
    faults: Vec<Fault>,
}

impl Due {
    /// Compares the graphs of a record as well, since that takes the most time.
    fn of(change: &ParsedChange, stores: &Stores<'_>) -> Result<Self, StoreError> {
        let ParsedChange { record, graph, content, .. } = change;
        let quads: &[Quad] = if let Content::Quads(quads) = content { quads } else { &[] };
        let mut faults = Vec::new();
        for (name, store) in stores {
            if let Some(wrong) = compare(store, graph, quads).map_err(|source| storage(name, source))? {
                faults.push(Fault { part: (*name).to_owned(), problem: format!("<{}> {wrong}", graph.as_str()) });
            }
        }
        let links = extract(quads).into_iter().map(|Link { entity, path, property, reference }| {
            [entity, path, property, reference.authority.name().to_owned(), reference.id, reference.iri]
        });
        let mut links: Vec<_> = links.collect();
        links.sort();
        let entry = matches!(content, Content::Quads(_)).then(|| {
            let Entry { entity, kind, label, detail, year, .. } = Entry::of(graph.as_str(), quads);
            EntryRow { record: graph.as_str().to_owned(), entity, kind, label, detail, year }
        });
        let quarantined = matches!(content, Content::Quarantined(_));
        Ok(Self { record: *record, graph: graph.clone(), quads: quads.len() as u64, links, entry, quarantined, faults })
    }

    /// Compares the rest with the tables.
    fn check(self, log: &Log, report: &mut VerifyReport) -> Result<(), MirrorError> {
        let graph = self.graph.as_str();
        for Fault { part, problem } in self.faults {
            report.wrong(&part, problem);
        }
        let rows = LinksIndex(log).find(&LinkFilter::Record(graph.to_owned()))?;
        let mut held: Vec<[String; 6]> =
            rows.into_iter().map(|row| [row.entity, row.path, row.property, row.authority, row.id, row.iri]).collect();
        held.sort();
        if self.links != held {
            let (held, due) = (held.len(), self.links.len());
            report.wrong("links", format!("<{graph}> has {held} links, and its record gives {due} or others"));
        }
        if SearchIndex(log).entry(graph)? != self.entry {
            report.wrong("search", format!("<{graph}> has another entry than its record gives"));
        }
        if quarantine::holds(log, self.record)? != self.quarantined {
            let problem =
                if self.quarantined { "gives no triples and is not in quarantine" } else { "is in quarantine and parses" };
            report.wrong("quarantine", format!("<{graph}> {problem}"));
        }
        report.records += u64::from(self.entry.is_some());
        report.quads += self.quads;
        report.links += self.links.len() as u64;
        report.quarantined += u64::from(self.quarantined);
        Ok(())
    }
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

/// Rows of the tables that no record gives.
fn check_tables(log: &Log, report: &mut VerifyReport) -> Result<(), MirrorError> {
    let search = SearchIndex(log);
    for (part, table, held, due) in [
        ("links", "link", LinksIndex(log).count()?, report.links),
        ("search", "entry", search.count()?, report.records),
        ("quarantine", "quarantine", quarantine::total(log)?, report.quarantined),
    ] {
        if held != due {
            report.wrong(part, format!("the table holds {held} rows, and the records give {due}"));
            for identifier in log.strays(table, TOLD)? {
                report.wrong(part, format!("<{identifier}> is in the table, and no version of it counts"));
            }
        }
    }
    if let Some(problem) = search.integrity()? {
        report.wrong("search", problem);
    }
    Ok(())
}

/// Graphs and triples that no record gives.
fn check_extras(
    log: &Log,
    readers: &Readers,
    name: &str,
    store: &Store,
    due: u64,
    report: &mut VerifyReport,
) -> Result<(), MirrorError> {
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
