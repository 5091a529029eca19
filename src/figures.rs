//! The figures of a mirror for Prometheus: harvests, views and snapshots, read from the log.
//!
//! `/metrics` shows them, and `harvest --metrics` writes them to a file for `node_exporter`'s textfile collector.

use std::sync::atomic::AtomicU64;
use std::time::SystemTime;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::log::{HarvestKind, HarvestState};
use crate::mirror::VIEWS;
use crate::quarantine;
use crate::remote;
use crate::snapshots::SnapshotInfo;
use crate::views::{Home, ViewError};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Source {
    source: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Records {
    source: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Remote {
    remote: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct View {
    view: &'static str,
}

#[expect(clippy::cast_precision_loss, reason = "figures for charts")]
fn float(number: i64) -> f64 {
    number as f64
}

#[expect(clippy::cast_possible_wrap, reason = "figures for charts")]
fn signed(number: u64) -> i64 {
    number as i64
}

/// Returns the figures in the text format of `OpenMetrics`, with the final `# EOF`.
pub fn text(home: &Home<'_>, snapshot: Option<&SnapshotInfo>, now: SystemTime) -> Result<String, ViewError> {
    let log = home.log;
    let mut registry = Registry::with_prefix("libris_mirror");
    let records: Family<Records, Gauge> = Family::default();
    let undelivered: Family<Source, Gauge> = Family::default();
    let finished: Family<Source, Gauge<f64, AtomicU64>> = Family::default();
    let open: Family<Source, Gauge> = Family::default();
    let last: Family<Records, Gauge> = Family::default();
    for source in log.sources()? {
        let name = source.name.clone();
        let quarantined = quarantine::count(log, &name)?;
        for (state, count) in
            [("live", source.live), ("deleted", source.deleted), ("withdrawn", source.withdrawn), ("quarantined", quarantined)]
        {
            records.get_or_create(&Records { source: name.clone(), state }).set(signed(count));
        }
        let label = Source { source: name.clone() };
        undelivered.get_or_create(&label).set(signed(log.undelivered(Some(&name))?.len() as u64));
        if let Some(harvest) = log.last_complete(source.id)? {
            finished.get_or_create(&label).set(float(harvest.finished_at.unwrap_or_default()) / 1000.0);
        }
        let newest = log.harvests(source.id, HarvestKind::Regular, 1)?;
        open.get_or_create(&label).set(i64::from(newest.first().is_some_and(|harvest| harvest.state == HarvestState::Open)));
        if let Some(harvest) = newest.first() {
            let counters = &harvest.counters;
            for (state, count) in [
                ("received", counters.received),
                ("created", counters.created),
                ("changed", counters.changed),
                ("unchanged", counters.unchanged),
                ("deleted", counters.deleted),
            ] {
                last.get_or_create(&Records { source: name.clone(), state }).set(signed(count));
            }
        }
    }
    registry.register("records", "Records of the log by state", records);
    registry.register("undelivered_records", "Records that the source lists and did not deliver", undelivered);
    registry.register_with_unit("harvest_finished_time", "When the last complete harvest ended", Unit::Seconds, finished);
    registry.register("harvest_open", "Whether an interrupted harvest waits to be resumed", open);
    registry.register("harvest_records", "Records of the newest harvest by result", last);
    let views: Family<View, Gauge> = Family::default();
    let end = log.last_page()?.0;
    views.get_or_create(&View { view: "log" }).set(end);
    for view in VIEWS.iter().filter(|view| (view.enabled)(home.config)) {
        views.get_or_create(&View { view: view.name }).set(log.page_reached((view.reached)(home)?)?.0);
    }
    registry.register("page", "The watermark of a view: the last page that it has applied", views);
    add_remotes(&mut registry, home)?;
    if let Some(snapshot) = snapshot {
        let (number, page, age) = (Gauge::<i64>::default(), Gauge::<i64>::default(), Gauge::<f64, AtomicU64>::default());
        number.set(signed(snapshot.number));
        page.set(snapshot.page().0);
        age.set(now.duration_since(snapshot.published).unwrap_or_default().as_secs_f64());
        registry.register("snapshot", "The number of the current snapshot", number);
        registry.register("snapshot_page", "The last page that the current snapshot has", page);
        registry.register_with_unit("snapshot_age", "The age of the current snapshot", Unit::Seconds, age);
    }
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = encode(&mut text, &registry);
    Ok(text)
}

/// Adds what is known of remote stores.
fn add_remotes(registry: &mut Registry, home: &Home<'_>) -> Result<(), ViewError> {
    let known = remote::known(home.directory, home.config, home.log)?;
    if known.is_empty() {
        return Ok(());
    }
    let (behind, failing): (Family<Remote, Gauge>, Family<Remote, Gauge>) = Default::default();
    let asked: Family<Remote, Gauge<f64, AtomicU64>> = Family::default();
    for known in known {
        let (Some(note), label) = (known.note, Remote { remote: known.remote }) else { continue };
        behind.get_or_create(&label).set(signed(known.behind.unwrap_or_default()));
        failing.get_or_create(&label).set(i64::from(note.failed.is_some()));
        asked.get_or_create(&label).set(float(note.at) / 1000.0);
    }
    registry.register("remote_behind", "Changes of the log that a remote store does not have", behind);
    registry.register("remote_failing", "Whether the last attempt to bring a remote store further failed", failing);
    registry.register_with_unit("remote_asked_time", "When a remote store last was where it is said to be", Unit::Seconds, asked);
    Ok(())
}
