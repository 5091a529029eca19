//! Sending graphs to a remote store: in requests of a bounded size, several at once, and in smaller ones where it refuses them.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::client::Client;
use super::error::RemoteError;
use super::writing::{Due, nquads, requests, update};
use crate::config::Remote;
use crate::pipeline::in_order;

/// Sends to one store.
pub(super) struct Sender {
    pub(super) client: Client,
    pub(super) remote: Remote,
    /// How many quads go into one request: fewer than was configured, once the store refused more.
    quads: AtomicUsize,
}

impl Sender {
    pub(super) fn new(client: Client, remote: Remote) -> Self {
        let quads = AtomicUsize::new(remote.batch_quads.get());
        Self { client, remote, quads }
    }

    /// Sends graphs in requests, several at once.
    pub(super) fn send(&self, due: &[Due<'_>]) -> Result<(), RemoteError> {
        let (replaced, new): (Vec<Due<'_>>, Vec<Due<'_>>) = due.iter().partition(|due| due.replaces);
        let quads = self.quads.load(Ordering::Relaxed);
        let of_new = if self.client.loads() { self.remote.load_quads.get() } else { quads };
        let requests: Vec<&[Due<'_>]> = requests(&replaced, quads).chain(requests(&new, of_new)).collect();
        in_order(
            self.remote.parallel.min(NonZeroUsize::new(requests.len()).unwrap_or(NonZeroUsize::MIN)).get(),
            |feed| {
                let _ = requests.into_iter().all(feed);
                Ok::<_, RemoteError>(())
            },
            |request| self.send_one(request),
            |sent| sent.map(|()| ControlFlow::Continue(())),
        )
    }

    /// Sends one request. If it is not known what came of it, whatever came of it is replaced.
    fn send_one(&self, request: &[Due<'_>]) -> Result<(), RemoteError> {
        let is_new = request.iter().all(|due| !due.replaces);
        let sent = match is_new {
            true if self.client.loads() => self.client.load_once(nquads(request)),
            true => self.client.update_once(update(request)),
            false => self.client.update(update(request)),
        };
        match sent {
            Err(error @ RemoteError::Unavailable { .. }) if is_new => {
                tracing::warn!("{error}; what it has of that is replaced");
                self.send_one(&replacing(request))
            }
            Err(refused @ RemoteError::Refused { .. }) => self.send_less(request, refused),
            other => other,
        }
    }

    /// Sends what a store refused as a whole: in halves, since many stores bound the length of an update, and do not say how; a
    /// single graph as N-Quads, after it was dropped.
    fn send_less(&self, request: &[Due<'_>], refused: RemoteError) -> Result<(), RemoteError> {
        let request = replacing(request);
        if let [one] = request.as_slice() {
            if self.client.loads() && one.graph.count > 0 {
                let drop = update(&[Due { graph: &one.graph.without_triples(), replaces: true }]);
                return self.client.update(drop).and_then(|()| self.client.load_once(nquads(&request)));
            }
            tracing::error!("the remote store {} refuses the graph {}", self.remote.name, one.graph.name);
            return Err(refused);
        }
        let (first, second) = request.split_at(request.len() / 2);
        let fewer = request.iter().map(|due| due.graph.count + 1).sum::<usize>() / 2;
        self.send_one(first)?;
        // What it takes is known now.
        if self.quads.fetch_min(fewer.max(1), Ordering::Relaxed) > fewer {
            tracing::warn!("the remote store {} takes no more than about {fewer} quads at once: {refused}", self.remote.name);
        }
        self.send_one(second)
    }
}

/// The same graphs, of which anything may be there.
fn replacing<'a>(request: &[Due<'a>]) -> Vec<Due<'a>> {
    request.iter().map(|due| Due { replaces: true, ..*due }).collect()
}
