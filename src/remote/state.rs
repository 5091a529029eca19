//! What a remote store says of itself, and saying it: see [`super::mark`].

use oxigraph::model::Term;

use super::client::Client;
use super::error::RemoteError;
use super::mark::{Foreign, GRAPH, Place, Sent, Statement};
use super::results::{FEW, number, rows};
use crate::config::Remote;
use crate::log::{ChangeId, Log, LogError, Mark};

/// Wraps triples with the graph of the marks, where there are graphs.
fn within(client: &Client, triples: &str) -> String {
    if client.named_graphs { format!("GRAPH <{GRAPH}> {{ {triples} }}") } else { triples.to_owned() }
}

/// What a store says of itself.
pub(super) fn read(client: &Client) -> Result<Vec<Statement>, RemoteError> {
    let pattern = within(client, &format!("<{GRAPH}> ?property ?value"));
    let mut said = Vec::new();
    for row in rows(client, &format!("SELECT ?property ?value WHERE {{ {pattern} }} LIMIT 1000"), FEW)? {
        if let [Some(Term::NamedNode(property)), Some(Term::Literal(value))] = row.as_slice() {
            said.extend(Statement::parse(property.as_str(), value.value()));
        }
    }
    Ok(said)
}

/// Lets a store say something of itself. What it has reached puts all out of date that it said before; what it has begun, all that
/// it had begun.
pub(super) fn say(client: &Client, said: &mut Vec<Statement>, now: Statement) -> Result<(), RemoteError> {
    if said.contains(&now) {
        return Ok(());
    }
    let is_reached = |statement: &Statement| matches!(statement, Statement::Reached(..));
    let (kept, old): (Vec<Statement>, Vec<Statement>) =
        said.iter().partition(|statement| is_reached(statement) && !is_reached(&now));
    let mut update = format!("INSERT DATA {{ {} }}", within(client, &now.triple()));
    if !old.is_empty() {
        let old = old.iter().map(Statement::triple).collect::<Vec<_>>().join(" . ");
        update.push_str(&format!(";\nDELETE DATA {{ {} }}", within(client, &old)));
    }
    client.update(update)?;
    *said = kept;
    said.push(now);
    Ok(())
}

/// Checks that a store says what it was let to say: that updates arrive where queries are answered.
pub(super) fn check(client: &Client, said: &[Statement]) -> Result<(), RemoteError> {
    let says = read(client)?;
    if said.iter().all(|statement| says.contains(statement)) {
        return Ok(());
    }
    Err(client
        .unreadable(&"updates are answered with success, and queries do not see them: are `query` and `update` of one store?"))
}

/// Where a store is in this log.
pub(super) fn place(said: &[Statement], remote: &Remote, log: &Log) -> Result<Option<Place>, RemoteError> {
    let mut ours = Vec::new();
    for statement in said {
        if let Statement::Reached(mark, _) = statement
            && is_of(log, *mark)?
        {
            ours.push(*mark);
        }
    }
    Place::of(said, |mark| ours.contains(&mark)).map_err(|Foreign(mark)| RemoteError::Foreign {
        name: remote.name.clone(),
        change: mark.change.0,
        page: mark.page.0,
    })
}

/// Whether a store that has reached a mark has nothing beyond it: no statement says that more was begun.
pub(super) fn is_settled(said: &[Statement], reached: Mark) -> bool {
    said.iter().all(|statement| match statement {
        Statement::Reached(mark, _) => mark.change <= reached.change,
        Statement::Begun(change, _) => *change <= reached.change,
    })
}

/// Whether a mark is one of a log: the page is the same, and so are all before it.
fn is_of(log: &Log, mark: Mark) -> Result<bool, LogError> {
    Ok(log.mark_at(mark.change)? == mark)
}

/// How many records are asked for of a store that says nothing of itself.
const ASKED: usize = 100;

/// Whether a store that says nothing of itself has graphs of this log nevertheless, by records from all over the log: what it holds
/// is stated before it is written, so that a store without a statement has none, or lost its statement alone.
pub(super) fn has_graphs_of(client: &Client, log: &Log) -> Result<bool, RemoteError> {
    let names = log.some_identifiers(ASKED)?;
    let one = |identifier: &String| match (client.named_graphs, crate::rdf::graph_name(identifier)) {
        (true, name) => format!("{{ GRAPH {name} {{ ?s ?p ?o }} }}"),
        (false, name) => format!("{{ {name} ?p ?s }}"),
    };
    let all = names.iter().map(one).collect::<Vec<_>>().join(" UNION ");
    if all.is_empty() {
        return Ok(false);
    }
    Ok(!rows(client, &format!("SELECT ?s WHERE {{ {all} }} LIMIT 1"), FEW)?.is_empty())
}

/// How many graphs are dropped by one update.
const DROPPED: usize = 200;

/// Empties a store. Where it clears nothing and says that it did, as Virtuoso does, the graphs of all records of the log are dropped.
/// Answers what it may have then.
pub(super) fn clear(client: &Client, log: &Log) -> Result<Sent, RemoteError> {
    client.update("CLEAR ALL".to_owned())?;
    if !client.named_graphs {
        let left = number(client, "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }")?;
        let full = || client.unreadable(&format!("it was cleared with success, and has {left} triples"));
        return if left == 0 { Ok(Sent::Until(0)) } else { Err(full()) };
    }
    if number(client, "SELECT (COUNT(DISTINCT ?g) AS ?n) WHERE { GRAPH ?g { ?s ?p ?o } }")? == 0 {
        return Ok(Sent::Until(0));
    }
    let mut after = None;
    loop {
        let identifiers = log.identifiers(after.as_deref(), DROPPED)?;
        let drop = |identifier: &String| format!("DROP SILENT GRAPH {};\n", crate::rdf::graph_name(identifier));
        let Some(last) = identifiers.last() else { return Ok(Sent::Any) };
        client.update(identifiers.iter().map(drop).collect())?;
        after = Some(last.clone());
    }
}

/// Lets a store forget all that it said of itself, but for what may be there.
pub(super) fn forget(client: &Client, sent: Sent) -> Result<(), RemoteError> {
    let begun = Statement::Begun(ChangeId(0), sent);
    let (all, begun) = (within(client, &format!("<{GRAPH}> ?property ?value")), within(client, &begun.triple()));
    client.update(format!("DELETE WHERE {{ {all} }};\nINSERT DATA {{ {begun} }}"))
}
