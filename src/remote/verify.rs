//! Comparing a remote store with the log, graph by graph: in bounded memory, several requests at once.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use oxigraph::model::{GraphName, NamedNode, NamedOrBlankNode, Quad, Term};

use super::client::Client;
use super::compare::{Difference, compare};
use super::error::RemoteError;
use super::mark::GRAPH;
use super::results::{FEW, number, rows};
use super::sync::{Turn, follow_log};
use super::union::Union;
use super::writing::line;
use crate::config::{Config, Remote};
use crate::data_dir::DataDir;
use crate::log::{ChangeId, Log};
use crate::pipeline::in_order;
use crate::stop::Stop;
use crate::views::{Content, Fault, Faults, Piece, Readers};

/// What was compared, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct RemoteVerifyReport {
    /// Its name.
    pub remote: String,
    /// The change of the log at which it was compared.
    pub change: i64,
    /// Records that were compared, those without a graph included.
    pub records: u64,
    /// Triples that their graphs must have.
    pub triples: u64,
    /// Literals that the store keeps in another form of the same value.
    pub other_forms: u64,
    /// Graphs that the store has beside those of all records: of others who write there, or its own. None for a sample.
    pub other_graphs: Option<u64>,
    /// How many faults there are.
    pub fault_count: u64,
    /// The first faults, described.
    pub faults: Vec<Fault>,
}

/// A record's graph as the log gives it.
struct DueGraph {
    name: NamedNode,
    /// Without its name, as stores send them.
    quads: Vec<Quad>,
}

/// About how many triples are asked for at once: many servers cut their answers off at 10 000.
const TRIPLES_AT_ONCE: usize = 4000;

/// How many bytes the answer to one of these questions has at most.
const ANSWER: u64 = 128 << 20;

/// How many graphs are asked for at once: some servers bound the length of a query.
const GRAPHS_AT_ONCE: usize = 50;

/// Brings a store up to date, and compares it with the log: `sample` records of it, or all. `progress` is called with the number of
/// records compared so far.
pub fn verify(
    remote: &Remote,
    directory: &DataDir,
    config: &Config,
    sample: Option<u64>,
    stop: &Stop,
    mut progress: impl FnMut(u64),
) -> Result<RemoteVerifyReport, RemoteError> {
    // Nobody else writes there meanwhile.
    let _turn = Turn::take(directory.path(), &remote.name)?;
    let (mut log, change) = synced(remote, directory, config, stop)?;
    let client = Client::new(remote, stop.clone())?;
    let readers = Readers::new(&log, config.harvest.depth)?;
    let total: u64 = log.sources()?.iter().map(|source| source.live + source.deleted + source.withdrawn).sum();
    let chosen = Chosen::of(sample, total);
    let mut report = RemoteVerifyReport { remote: remote.name.clone(), change, ..RemoteVerifyReport::default() };
    let (mut faults, mut graphs) = (Faults::default(), 0_u64);
    let (held, of_pieces) = (&mut log, &readers);
    in_order(
        remote.parallel.get(),
        move |feed| {
            Piece::of_all(held, |_, piece| {
                let mut batch: Vec<DueGraph> = Vec::new();
                let mut triples = 0;
                for (version, record) in &piece.records {
                    if !chosen.has(&version.identifier) {
                        continue;
                    }
                    let content = record.as_deref().map_or(Content::Deleted, |record| of_pieces.parse(version, record));
                    let triple = |quad: &Quad| Quad { graph_name: GraphName::DefaultGraph, ..quad.clone() };
                    let quads = content.quads().iter().map(triple).collect();
                    let graph = DueGraph { name: crate::rdf::graph_name(&version.identifier), quads };
                    let full = batch.len() >= GRAPHS_AT_ONCE || triples + graph.quads.len() > TRIPLES_AT_ONCE;
                    if full && !batch.is_empty() {
                        triples = 0;
                        if !feed(std::mem::take(&mut batch)) {
                            return Ok(false);
                        }
                    }
                    triples += graph.quads.len();
                    batch.push(graph);
                }
                Ok(!stop.is_stopped() && (batch.is_empty() || feed(batch)))
            })
            .map_err(RemoteError::from)
        },
        |batch| if client.named_graphs { compare_batch(&client, batch) } else { compare_union(&client, &batch) },
        |compared| {
            let compared = compared?;
            report.records += compared.records;
            report.triples += compared.triples;
            report.other_forms += compared.other_forms;
            graphs += compared.graphs;
            for (graph, problem) in compared.faults {
                faults.add(&remote.name, format!("<{graph}> {problem}"));
            }
            progress(report.records);
            Ok(ControlFlow::Continue(()))
        },
    )?;
    if stop.is_stopped() {
        return Err(RemoteError::Stopped);
    }
    if sample.is_none() && !client.named_graphs {
        let mut union = Union::new(directory, config);
        union.reaches(ChangeId(change), &log_of(directory)?, remote)?;
        let due = union.total()?;
        let marks = number(&client, &format!("SELECT (COUNT(*) AS ?n) WHERE {{ <{GRAPH}> ?p ?o }}"))?;
        let held = number(&client, "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }")?.saturating_sub(marks);
        // Fewer, where none is missing, are literals that have one form there.
        if held > due {
            faults
                .add(&remote.name, format!("has {held} triples, and all records together say {due}: somebody else wrote there"));
        }
    } else if sample.is_none() {
        // That of the marks is not one of a record.
        report.other_graphs = Some(
            number(&client, "SELECT (COUNT(DISTINCT ?g) AS ?n) WHERE { GRAPH ?g { ?s ?p ?o } }")?.saturating_sub(graphs + 1),
        );
    }
    (report.fault_count, report.faults) = (faults.count, faults.told);
    Ok(report)
}

/// How often a store is brought up to date that the log runs away from.
const TRIES: usize = 5;

/// A log that is held in one state, and the change at which the store is the same.
fn synced(remote: &Remote, directory: &DataDir, config: &Config, stop: &Stop) -> Result<(Log, i64), RemoteError> {
    let mut reached = 0;
    for _ in 0..TRIES {
        reached = follow_log(remote, directory, config, stop, |_| {})?.change;
        let log = Log::open_read_only(&directory.log())?;
        log.freeze()?;
        if log.content_change_after(ChangeId(reached))?.is_none() {
            return Ok((log, reached));
        }
    }
    let reason = format!("the log grows faster than it follows: it is at change {reached}");
    Err(RemoteError::Unavailable { name: remote.name.clone(), url: remote.update.to_string(), reason })
}

/// Which records are compared.
struct Chosen {
    /// The part of all hashes that is chosen.
    below: u64,
    /// Another sample each time.
    seed: [u8; 32],
}

impl Chosen {
    fn of(sample: Option<u64>, total: u64) -> Self {
        let below = match sample {
            Some(sample) if sample < total => u64::MAX / total * sample,
            _ => u64::MAX,
        };
        let now = chrono::Utc::now().timestamp_nanos_opt().unwrap_or_default();
        Self { below, seed: *blake3::hash(&now.to_le_bytes()).as_bytes() }
    }

    fn has(&self, identifier: &str) -> bool {
        let hash = blake3::keyed_hash(&self.seed, identifier.as_bytes());
        let first = hash.as_bytes().first_chunk().copied().unwrap_or_default();
        u64::from_le_bytes(first) <= self.below
    }
}

/// What the comparison of some graphs gave.
#[derive(Default)]
struct Compared {
    records: u64,
    graphs: u64,
    triples: u64,
    other_forms: u64,
    faults: Vec<(String, String)>,
}

/// A log beside the one that is held.
fn log_of(directory: &DataDir) -> Result<Log, RemoteError> {
    Ok(Log::open_read_only(&directory.log())?)
}

/// How many triples are asked for at once in a store of triples only: each is in the text of the query.
const SAID_AT_ONCE: usize = 500;

/// Asks a store of triples only whether it has what records say.
fn compare_union(client: &Client, due: &[DueGraph]) -> Result<Compared, RemoteError> {
    let mut compared = Compared { records: due.len() as u64, ..Compared::default() };
    let lines: Vec<(usize, String)> =
        due.iter().enumerate().flat_map(|(place, graph)| graph.quads.iter().map(move |quad| (place, line(quad)))).collect();
    compared.triples = lines.len() as u64;
    let mut missing: BTreeMap<usize, (u64, &str)> = BTreeMap::new();
    for some in lines.chunks(SAID_AT_ONCE) {
        let value = |(at, (_, line)): (usize, &(usize, String))| format!("({at} {line})");
        let values = some.iter().enumerate().map(value).collect::<Vec<_>>().join("\n");
        let text = format!("SELECT DISTINCT ?at WHERE {{ VALUES (?at ?s ?p ?o) {{ {values} }} ?s ?p ?o }}");
        let mut said = vec![false; some.len()];
        for row in rows(client, &text, FEW)? {
            if let Some(Some(Term::Literal(at))) = row.first()
                && let Some(said) = at.value().parse::<usize>().ok().and_then(|at| said.get_mut(at))
            {
                *said = true;
            }
        }
        for ((place, line), _) in some.iter().zip(said).filter(|(_, said)| !said) {
            missing.entry(*place).or_insert((0, line)).0 += 1;
        }
    }
    for (place, (count, first)) in missing {
        let name = due.get(place).map(|graph| graph.name.as_str().to_owned()).unwrap_or_default();
        compared.faults.push((name, format!("says {count} triples that are not there, such as {first}")));
    }
    Ok(compared)
}

fn compare_batch(client: &Client, due: Vec<DueGraph>) -> Result<Compared, RemoteError> {
    // Each graph by its name: Virtuoso reads everything for the graphs of a VALUES.
    let one = |graph: &DueGraph| format!("{{ GRAPH {0} {{ ?s ?p ?o }} BIND({0} AS ?g) }}", graph.name);
    let all = due.iter().map(one).collect::<Vec<_>>().join(" UNION ");
    let mut held: HashMap<String, Vec<Quad>> = HashMap::new();
    for row in rows(client, &format!("SELECT ?g ?s ?p ?o WHERE {{ {all} }}"), ANSWER)? {
        let Ok([Some(Term::NamedNode(graph)), Some(subject), Some(Term::NamedNode(predicate)), Some(object)]) =
            <[Option<Term>; 4]>::try_from(row)
        else {
            return Err(client.unreadable(&"a row that is no triple of a graph"));
        };
        let subject = NamedOrBlankNode::try_from(subject).map_err(|error| client.unreadable(&error))?;
        held.entry(graph.into_string()).or_default().push(Quad::new(subject, predicate, object, GraphName::DefaultGraph));
    }
    let mut compared = Compared::default();
    for DueGraph { name, quads } in due {
        compared.records += 1;
        compared.graphs += u64::from(!quads.is_empty());
        compared.triples += quads.len() as u64;
        let held = held.remove(name.as_str()).unwrap_or_default();
        let sent = held.len() as u64;
        match compare(&quads, &held) {
            Difference::None => {}
            Difference::Forms(forms) => compared.other_forms += forms,
            Difference::Content(problem) => {
                let count = format!("SELECT (COUNT(*) AS ?n) WHERE {{ GRAPH {name} {{ ?s ?p ?o }} }}");
                let held = number(client, &count)?;
                let problem = if held == sent {
                    problem
                } else {
                    format!("has {held} triples by the server's count, and the server sent {sent}: it cuts its answers off")
                };
                compared.faults.push((name.into_string(), problem));
            }
        }
    }
    Ok(compared)
}
