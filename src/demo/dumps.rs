//! What the fake's service of dumps and changes is to do, the dumps that it made, and what it serves as a record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::catalogue::Entry;
use super::definitions::Definition;
use super::render::json_graph;

/// The state of the service.
pub struct EmmService {
    /// Activities and records of a page.
    pub page_items: AtomicUsize,
    /// How many answers of a new dump say that it is being made.
    pub generating: AtomicU64,
    /// How many of the next answers of dumps are errors.
    pub failing: AtomicU64,
    /// How many of the next downloads end half-way, as if they were whole.
    pub silent_cuts: AtomicU64,
    /// Records that keep the pages that hold them from coming.
    pub poisoned: Mutex<BTreeSet<String>>,
    pub(super) dumps: Mutex<BTreeMap<String, Dump>>,
    definitions: Mutex<BTreeMap<String, Redefined>>,
    pub(super) requests: AtomicU64,
}

impl Default for EmmService {
    fn default() -> Self {
        Self {
            page_items: AtomicUsize::new(100),
            generating: AtomicU64::new(1),
            failing: AtomicU64::new(0),
            silent_cuts: AtomicU64::new(0),
            poisoned: Mutex::default(),
            dumps: Mutex::default(),
            definitions: Mutex::default(),
            requests: AtomicU64::new(0),
        }
    }
}

pub(super) struct Dump {
    pub(super) made: DateTime<Utc>,
    pub(super) identifiers: Vec<String>,
    /// How many answers still say that it is being made.
    pub(super) generating: u64,
}

/// A change of a definition.
#[derive(Clone, Copy)]
struct Redefined {
    at: DateTime<Utc>,
    deleted: bool,
}

/// A record, whatever it is of.
pub(super) struct Served {
    pub(super) identifier: String,
    pub(super) entity: String,
    pub(super) class: String,
    pub(super) modified: i64,
    pub(super) deleted: bool,
    pub(super) created: bool,
    pub(super) graph: Value,
}

impl EmmService {
    /// Requests so far, those for entities included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Forgets the dumps, as the server does after days: the next page is of another one.
    pub fn remake(&self) {
        self.dumps.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Changes definitions, by the IRIs of what they define, or deletes them.
    pub fn redefine(&self, iris: &[&str], deleted: bool) {
        let mut changed = self.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        changed.extend(iris.iter().map(|iri| ((*iri).to_owned(), Redefined { at: Utc::now(), deleted })));
    }

    pub(super) fn is_poisoned(&self, identifiers: &[String]) -> bool {
        let poisoned = self.poisoned.lock().unwrap_or_else(PoisonError::into_inner);
        identifiers.iter().any(|identifier| poisoned.contains(identifier))
    }

    pub(super) fn served(&self, definition: Definition) -> Served {
        let changed = self.definitions.lock().unwrap_or_else(PoisonError::into_inner).get(&definition.iri).copied();
        let mut graph = json_graph(&definition.nodes);
        let mut modified = DateTime::parse_from_rfc3339(&definition.modified).map_or(0, |time| time.timestamp_millis());
        if let Some(Redefined { at, .. }) = changed {
            modified = at.timestamp_millis();
            graph[0]["modified"] = at.to_rfc3339_opts(SecondsFormat::Millis, true).into();
            graph[1]["definition"] = format!("Ändrad {modified}").into();
        }
        Served {
            identifier: definition.identifier,
            entity: definition.iri,
            class: definition.class.to_owned(),
            modified,
            deleted: changed.is_some_and(|changed| changed.deleted),
            created: changed.is_none(),
            graph,
        }
    }
}

pub(super) fn of_row(entry: &Entry) -> Served {
    let nodes = entry.nodes();
    Served {
        identifier: entry.identifier(),
        entity: nodes.get(1).and_then(|node| node.id.clone()).unwrap_or_default(),
        class: nodes.get(1).map(|node| node.class.clone()).unwrap_or_default(),
        modified: entry.modified,
        deleted: entry.deleted,
        created: entry.version == 0 && !entry.deleted,
        graph: json_graph(&nodes),
    }
}
