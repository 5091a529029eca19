//! Ctrl-C and SIGTERM.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::{self, Exit};
use super::output;
use crate::stop::Stop;

/// The time that a run has to stop by itself. Then the program ends in the middle of a page, which loses nothing: what was
/// received is in the log, and the next run brings the views up to date.
const GRACE: Duration = Duration::from_millis(400);

/// The message of a stopped run.
pub(super) const INTERRUPTED: &str = "interrupted; everything received is kept, run the same command again to continue";

/// What `--json` prints if the run ends now.
#[derive(Debug, Clone, Default)]
pub(super) struct SoFar(Arc<Mutex<Option<Value>>>);

impl SoFar {
    /// Sets it.
    pub(super) fn set(&self, value: Value) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }

    /// Clears it: it was printed, or nothing is to be printed.
    pub(super) fn take(&self) -> Option<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Stops a server gently at the first Ctrl-C or SIGTERM, and at once at the second.
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

/// Stops a run at the first Ctrl-C or SIGTERM. If it does not stop soon, prints `so_far` and ends the program.
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
            // If stdout is closed, there is nobody to tell.
            let _ = output::json(&value);
        }
        exit::at_once(Exit::Interrupted);
    });
    Ok(stop)
}
