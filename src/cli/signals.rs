//! Ctrl-C and SIGTERM.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

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

/// Stops a server at the first Ctrl-C or SIGTERM, however long that takes it; at the second one at once.
pub(super) fn stop_gently() -> anyhow::Result<Stop> {
    let stop = Stop::default();
    let told = stop.clone();
    let (runtime, mut interrupt, mut terminate) = listen()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            for again in [false, true] {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if again {
                    exit::at_once(Exit::Interrupted);
                }
                told.stop();
            }
        });
    });
    Ok(stop)
}

fn listen() -> anyhow::Result<(Runtime, Signal, Signal)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (interrupt, terminate) = runtime
        .block_on(async { Ok::<_, std::io::Error>((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)) })?;
    Ok((runtime, interrupt, terminate))
}

/// Stops a run at the first Ctrl-C or SIGTERM; one that does not stop soon is ended, with `so_far` printed.
pub(super) fn stop_on_signals(so_far: SoFar) -> anyhow::Result<Stop> {
    let stop = Stop::default();
    let told = stop.clone();
    let (runtime, mut interrupt, mut terminate) = listen()?;
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
