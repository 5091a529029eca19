//! Remote stores that answer the queries of others: sending a query, and asking whether a store is fit to be asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use url::form_urlencoded;

use super::client::Client;
use super::error::RemoteError;
use super::state;
use crate::config::Remote;
use crate::data_dir::DataDir;
use crate::log::{Log, Mark};
use crate::query::{Elsewhere, Received, Refusal, RefusalKind, Sent};
use crate::stop::Stop;

/// The remote stores of a configuration, with a connection to each that was asked.
pub struct Servers {
    remotes: Vec<Remote>,
    clients: Mutex<HashMap<String, Arc<Client>>>,
}

/// The header in which Virtuoso says how many results it sends at most.
const MOST: &str = "x-sparql-maxrows";

/// The header in which Virtuoso says that it sends a part of the results, with status 200, and the state that says that time was up.
const STATE: (&str, &str) = ("x-sql-state", "S1TAT");

impl Servers {
    /// Returns them; none is asked yet.
    #[must_use]
    pub fn new(remotes: Vec<Remote>) -> Self {
        Self { remotes, clients: Mutex::default() }
    }

    fn client(&self, name: &str) -> Result<Arc<Client>, RemoteError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(name) {
            return Ok(Arc::clone(client));
        }
        let remote = self.remotes.iter().find(|remote| remote.name == name).ok_or_else(|| RemoteError::Setup {
            name: name.to_owned(),
            reason: "the configuration has no such remote store".to_owned(),
        })?;
        let client = Arc::new(Client::new(remote, Stop::default())?);
        clients.insert(name.to_owned(), Arc::clone(&client));
        Ok(client)
    }
}

impl Elsewhere for Servers {
    fn ask(&self, engine: &str, sent: &Sent<'_>) -> Result<Received, Refusal> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("query", &sent.text);
        for (name, graphs) in [("default-graph-uri", sent.default_graphs), ("named-graph-uri", sent.named_graphs)] {
            form.extend_pairs(graphs.iter().map(|graph| (name, graph)));
        }
        let asked = self.client(engine).and_then(|client| client.ask(form.finish(), sent.time));
        let response = asked.map_err(|error| refusal(&error))?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        if header(STATE.0).is_some_and(|state| state.trim() == STATE.1) {
            return Err(Refusal { kind: RefusalKind::Timeout, message: String::new() });
        }
        let most = header(MOST).and_then(|most| most.trim().parse().ok());
        Ok(Received { body: Box::new(response), most })
    }
}

/// What a client of this server is told: not where the store is.
fn refusal(error: &RemoteError) -> Refusal {
    let (kind, message) = match error {
        RemoteError::Late { .. } => (RefusalKind::Timeout, String::new()),
        RemoteError::Refused { status: 400, reason, .. } => {
            (RefusalKind::Service, format!("the store that answers queries here refused this one: {reason}"))
        }
        RemoteError::Refused { status: status @ (413 | 414 | 500..), .. } => {
            tracing::warn!("{error}");
            (RefusalKind::Service, format!("the store that answers queries here failed at this one (HTTP {status})"))
        }
        _ => (RefusalKind::Away, error.to_string()),
    };
    Refusal { kind, message }
}

/// Where a store is that could be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The last mark of the log that it has reached.
    pub mark: Mark,
    /// Whether nothing beyond that is being written.
    pub settled: bool,
}

/// Asks a store where it is, for `time` at most. One that has not followed this log to any place, or another, is an error.
pub fn standing(remote: &Remote, directory: &DataDir, time: Duration) -> Result<Standing, RemoteError> {
    let hasty = Remote { retry: Duration::ZERO, timeout: time.min(remote.timeout), ..remote.clone() };
    let client = Client::new(&hasty, Stop::default())?;
    let said = state::read(&client)?;
    let log = Log::open_read_only(&directory.log())?;
    let place = state::place(&said, remote, &log)?;
    let mark = place.map(|place| place.reached).unwrap_or_default();
    if mark == Mark::default() {
        return Err(RemoteError::Empty(remote.name.clone()));
    }
    Ok(Standing { mark, settled: state::is_settled(&said, mark) })
}
