//! Ctrl-C and SIGTERM.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::exit::{self, Exit};
use super::output;
use crate::harvest::Stop;

/// How long a run may take to stop by itself; then the program ends in the middle of a view's page. That loses
/// nothing: what was received is in the log, and the next run brings the views up from there.
const GRACE: Duration = Duration::from_millis(400);

/// What a stopped run says.
pub(super) const INTERRUPTED: &str = "interrupted; everything received is kept, run the same command again to go on from there";

/// What would be printed if the run ended now, for `--json`.
#[derive(Debug, Clone, Default)]
pub(super) struct SoFar(Arc<Mutex<Option<Value>>>);

impl SoFar {
    /// Sets it.
    pub(super) fn set(&self, value: Value) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }

    /// Takes it away: it was printed, or nothing is to be.
    pub(super) fn take(&self) -> Option<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Stops a run at the first Ctrl-C or SIGTERM; one that does not stop soon is ended, with `so_far` printed.
pub(super) fn stop_on_signals(so_far: SoFar) -> anyhow::Result<Stop> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = Stop::default();
    let told = stop.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = runtime
        .block_on(async { Ok::<_, std::io::Error>((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)) })?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            told.stop();
            tokio::time::sleep(GRACE).await;
        });
        output::message(INTERRUPTED);
        if let Some(value) = so_far.take() {
            // Nothing is left to tell if stdout is gone.
            let _ = output::json(&value);
        }
        exit::at_once(Exit::Interrupted);
    });
    Ok(stop)
}
