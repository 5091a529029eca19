//! A request to stop a run.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// A request to stop a run: at once between requests, and as soon as possible within one.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    requested: watch::Sender<bool>,
    /// For threads that sleep.
    asleep: Mutex<()>,
    woken: Condvar,
}

impl Default for Inner {
    fn default() -> Self {
        Self { requested: watch::Sender::new(false), asleep: Mutex::default(), woken: Condvar::default() }
    }
}

impl Stop {
    /// Requests the stop.
    pub fn stop(&self) {
        let _asleep = self.0.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.requested.send_replace(true);
        self.0.woken.notify_all();
    }

    /// Whether the stop was requested.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        *self.0.requested.borrow()
    }

    /// Waits until the stop is requested.
    pub async fn stopped(&self) {
        // The sender lives as long as self, so waiting cannot fail.
        let _ = self.0.requested.subscribe().wait_for(|stopped| *stopped).await;
    }

    /// Sleeps, until the stop is requested at the latest.
    pub fn sleep(&self, time: Duration) {
        let asleep = self.0.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.0.woken.wait_timeout_while(asleep, time, |()| !self.is_stopped()));
    }
}
