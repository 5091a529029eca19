//! Harvests inside the server (`--harvest-every`): the same runs under the same lock as `harvest`.

use std::sync::Arc;
use std::time::Duration;

use super::app::App;
use crate::config::Source;
use crate::data_dir::DataDirError;
use crate::harvest::{HarvestError, Outcome, RunOptions, run};
use crate::mirror::{Mirror, MirrorError};
use crate::stop::Stop;

/// Harvests the sources now, and again each time that a period has passed since the last harvest began.
pub(super) async fn harvest_every(app: Arc<App>, sources: Vec<Source>, every: Duration, who: String, stop: Stop) {
    loop {
        let next = tokio::time::Instant::now() + every;
        let (app, sources, who, told) = (app.clone(), sources.clone(), who.clone(), stop.clone());
        let harvest = tokio::task::spawn_blocking(move || harvest_all(&app, &sources, &who, &told));
        if let Err(error) = harvest.await {
            tracing::error!("a harvest broke off: {error}");
        }
        tokio::select! {
            () = stop.stopped() => return,
            () = tokio::time::sleep_until(next) => {}
        }
        if stop.is_stopped() {
            return;
        }
    }
}

fn harvest_all(app: &App, sources: &[Source], who: &str, stop: &Stop) {
    let mut mirror = match Mirror::open(&app.data, &app.config, who) {
        Ok(mirror) => mirror,
        Err(error @ MirrorError::DataDir(DataDirError::Locked { .. })) => {
            tracing::warn!("no harvest this time: {error}");
            return;
        }
        Err(error) => {
            tracing::error!("no harvest this time: {error}");
            return;
        }
    };
    for source in sources {
        if stop.is_stopped() {
            return;
        }
        match run(&mut mirror, source, &app.config, &RunOptions::default(), stop, &mut |_| {}) {
            Ok(report) => {
                if let Outcome::Unavailable(error) = &report.outcome {
                    tracing::warn!(source = source.name, "the source became unavailable, the next harvest continues: {error}");
                }
                tracing::info!(
                    source = source.name,
                    received = report.counters.received,
                    snapshot = report.snapshot,
                    "harvested"
                );
            }
            Err(HarvestError::Unavailable(error)) => tracing::warn!(source = source.name, "the source is unavailable: {error}"),
            Err(error) => tracing::error!(source = source.name, "the harvest failed: {error}"),
        }
    }
}
