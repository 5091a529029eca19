//! A remote store as a view of the log: graphs of records are sent in requests of a bounded size, several at once.
//!
//! A record's graph is replaced as a whole: blank nodes cannot be named by who is not the store. What the store cannot have yet is only
//! added. Each batch is begun, sent, and only then reached ([`super::mark`]), so that after a crash of either side the same is sent
//! again, and replaces what came of it.

use std::collections::HashMap;

use super::client::Client;
use super::error::RemoteError;
use super::mark::{Place, Sent, Statement};
use super::sender::Sender;
use super::state;
use super::union::Union;
use super::writing::{Due, Graph};
use crate::config::Remote;
use crate::log::{ChangeId, Log, Mark};
use crate::views::{Batch, ParsedChange, View, ViewError};

/// A remote store that is open for writing.
pub(super) struct RemoteView {
    sender: Sender,
    log: Log,
    place: Place,
    /// What the store says of itself, to be replaced by the next statement.
    said: Vec<Statement>,
    /// What finds what is to be deleted, of a store of triples only.
    union: Option<Union>,
    /// Whether it was seen that updates arrive.
    checked: bool,
    /// Called after each mark.
    reached: Box<dyn FnMut(Mark) + Send>,
}

impl RemoteView {
    /// Asks a store where it is.
    pub(super) fn open(
        client: Client,
        remote: Remote,
        log: Log,
        union: Option<Union>,
        reached: Box<dyn FnMut(Mark) + Send>,
    ) -> Result<Self, RemoteError> {
        let said = state::read(&client)?;
        let place = match state::place(&said, &remote, &log)? {
            Some(place) => place,
            None if state::has_graphs_of(&client, &log)? => Place { reached: Mark::default(), sent: Sent::Any },
            None => Place { reached: Mark::default(), sent: Sent::Until(0) },
        };
        Ok(Self { sender: Sender::new(client, remote), log, place, said, union, checked: false, reached })
    }

    /// Checks that the store says what it was let to say.
    pub(super) fn check(&self) -> Result<(), RemoteError> {
        state::check(&self.sender.client, &self.said)
    }

    /// Whether a store may have a graph of this name.
    fn may_have(&self, graph: &Graph) -> Result<bool, RemoteError> {
        let Sent::Until(last) = self.place.sent else { return Ok(true) };
        // Another source may have delivered it before, as another record.
        Ok(graph.record <= last
            || self.log.first_record(&crate::rdf::record_identifier(graph.name.as_str()))?.is_some_and(|first| first <= last))
    }

    /// Names what is to be deleted in a store of triples only.
    fn name_gone(&self, union: &mut Union, graphs: &mut [Graph], mark: Option<Mark>) -> Result<(), RemoteError> {
        let end = mark.map_or_else(|| self.log.last_change(), |mark| Ok(mark.change))?;
        union.reaches(end, &self.log, &self.sender.remote)?;
        let mut changed = Vec::new();
        for graph in graphs {
            if self.may_have(graph)? {
                changed.push(graph);
            }
        }
        union.name_gone(&mut changed, &self.log)
    }

    fn apply_all(&mut self, batches: Vec<Batch<Graph>>) -> Result<(), RemoteError> {
        let mark = batches.iter().rev().find_map(|batch| batch.mark);
        // What a record is last is what is sent.
        let mut last: HashMap<String, Graph> = HashMap::new();
        for graph in batches.into_iter().flat_map(|batch| batch.parts) {
            last.insert(graph.name.as_str().to_owned(), graph);
        }
        let mut graphs: Vec<Graph> = last.into_values().collect();
        graphs.sort_unstable_by_key(|graph| graph.record);
        if let Some(mut union) = self.union.take() {
            graphs = graphs.into_iter().map(Graph::in_union).collect();
            let named = self.name_gone(&mut union, &mut graphs, mark);
            self.union = Some(union);
            named?;
        }
        let mut due = Vec::with_capacity(graphs.len());
        for graph in &graphs {
            let replaces = self.may_have(graph)?;
            if replaces || graph.count > 0 {
                due.push(Due { graph, replaces });
            }
        }
        let sent = self.place.sent.max(Sent::Until(graphs.last().map_or(0, |graph| graph.record)));
        if !due.is_empty() {
            let change = mark.map_or(self.place.reached.change, |mark| mark.change);
            let begun = Statement::Begun(change, sent);
            state::say(&self.sender.client, &mut self.said, begun)?;
            if !std::mem::replace(&mut self.checked, true) {
                self.check()?;
            }
            self.sender.send(&due)?;
        }
        self.place.sent = sent;
        if let Some(mark) = mark {
            state::say(&self.sender.client, &mut self.said, Statement::Reached(mark, sent))?;
            self.place.reached = mark;
            (self.reached)(mark);
        }
        Ok(())
    }
}

impl View for RemoteView {
    type Part = Graph;

    fn name(&self) -> &str {
        &self.sender.remote.name
    }

    fn part(change: &ParsedChange) -> Graph {
        Graph::of(change)
    }

    fn watermark(&self) -> ChangeId {
        self.place.reached.change
    }

    fn apply(&mut self, batches: Vec<Batch<Graph>>) -> Result<(), ViewError> {
        self.apply_all(batches).map_err(ViewError::own)
    }

    /// What was applied is safe.
    fn flush(&mut self) -> Result<(), ViewError> {
        Ok(())
    }
}
