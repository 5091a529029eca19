//! `libris-mirror status`

use std::io::Write;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use serde::Serialize;

use super::exit::Exit;
use super::form::Form;
use super::global::Global;
use super::output::{self, bytes, grouped};
use super::settings::Settings;
use crate::config::SourceKind;
use crate::data_dir::{DataDir, Sizes};
use crate::harvest::{Bounds, Facts, Options, Step, plan};
use crate::log::{HarvestKind, HarvestState, Log, SourceRow};
use crate::mirror::VIEWS;
use crate::oai::Datestamp;
use crate::quarantine;
use crate::remote::{self, Known};
use crate::snapshots::link_text;
use crate::views::Home;

/// Show what the mirror holds, how fresh it is, and what the next harvest will ask for.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror status
  libris-mirror status --json | jq '.sources[] | {name, live, last_harvest}'")]
pub(super) struct Arguments {
    #[command(flatten)]
    form: Form,
}

#[derive(Serialize)]
struct Status {
    data: String,
    sources: Vec<SourceStatus>,
    log_page: i64,
    log_change: i64,
    watermarks: Vec<Watermark>,
    snapshot: Option<u64>,
    snapshots: Vec<Snapshot>,
    bytes: Sizes,
    /// What is known of the remote stores; they are not asked.
    remotes: Vec<Known>,
}

#[derive(Serialize)]
struct SourceStatus {
    name: String,
    kind: &'static str,
    url: String,
    set: Option<String>,
    prefix: String,
    records: u64,
    live: u64,
    deleted: u64,
    withdrawn: u64,
    quarantined: u64,
    undelivered: usize,
    last_harvest: Option<String>,
    next_from: Option<String>,
    pending: Option<String>,
}

impl SourceStatus {
    /// Where a harvest begins that no datestamp bounds.
    fn beginning(&self) -> &'static str {
        if self.kind == SourceKind::Documents.name() { "what changed" } else { "the beginning" }
    }
}

#[derive(Serialize)]
struct Watermark {
    view: &'static str,
    /// The last change of the log that readers of the view see.
    change: i64,
    /// The page of this change.
    page: i64,
}

#[derive(Serialize)]
struct Snapshot {
    number: u64,
    page: i64,
    /// The link of the log's chain that seals the page, in hexadecimal digits.
    link: String,
    published: String,
    age_s: u64,
    /// The disk that its removal would free.
    alone_bytes: u64,
}

fn snapshots(data: &DataDir) -> Vec<Snapshot> {
    let snapshots = data.snapshots();
    let now = Utc::now();
    let each = snapshots.all().into_iter().filter_map(|number| snapshots.info(number)).map(|info| {
        let published = DateTime::<Utc>::from(info.published);
        Snapshot {
            number: info.number,
            page: info.page().0,
            link: link_text(info.link()),
            published: published.to_rfc3339_opts(SecondsFormat::Secs, true),
            age_s: u64::try_from((now - published).num_seconds()).unwrap_or(0),
            alone_bytes: snapshots.alone(info.number, &[data.index(), data.store()]),
        }
    });
    each.collect()
}

fn source_status(log: &Log, source: SourceRow, overlap_s: u32) -> anyhow::Result<SourceStatus> {
    let newest = log.harvests(source.id, HarvestKind::Regular, 1)?;
    let newest = newest.first();
    let complete = log.last_complete(source.id)?;
    let undoubted = log.last_undoubted(source.id)?;
    let bounds = Bounds { granularity: source.granularity, overlap_s };
    let facts = Facts { newest, complete: complete.as_ref(), undoubted: undoubted.as_ref(), bounds };
    let open = newest.filter(|harvest| harvest.state == HarvestState::Open);
    let (next_from, pending) = match plan(&facts, &Options::default()) {
        Step::Resume { token, .. } => (None, Some(format!("token {token}"))),
        Step::Reopen { from, .. } => (from, Some("the list is re-opened".to_owned())),
        Step::Begin { from, .. } => (from, None),
    };
    let next_from = match source.kind {
        SourceKind::Emm => {
            let known = log.feed_known(source.id)?.and_then(Datestamp::from_millis);
            known.map(|known| known.earlier_by(overlap_s).to_string())
        }
        SourceKind::OaiPmh | SourceKind::Documents => next_from,
    };
    Ok(SourceStatus {
        records: source.live + source.deleted + source.withdrawn,
        withdrawn: source.withdrawn,
        undelivered: log.undelivered(Some(&source.name))?.len(),
        live: source.live,
        deleted: source.deleted,
        quarantined: quarantine::count(log, &source.name)?,
        last_harvest: complete.as_ref().and_then(|harvest| output::time(harvest.finished_at?)),
        next_from,
        pending: pending.filter(|_| open.is_some()),
        name: source.name,
        kind: source.kind.name(),
        url: source.base_url,
        set: source.set,
        prefix: source.prefix,
    })
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    settings.data.check()?;
    let log = settings.data.read_log()?;
    let overlap_s = settings.config.harvest.overlap_s;
    let sources =
        log.sources()?.into_iter().map(|source| source_status(&log, source, overlap_s)).collect::<anyhow::Result<Vec<_>>>()?;
    let data = settings.data.path();
    let home = Home { directory: data, log: &log, config: &settings.config };
    let watermarks = VIEWS.iter().filter(|view| (view.enabled)(&settings.config)).map(|view| {
        let change = (view.reached)(&home)?;
        Ok(Watermark { view: view.name, change: change.0, page: log.page_reached(change)?.0 })
    });
    let watermarks = watermarks.collect::<anyhow::Result<_>>()?;
    let status = Status {
        data: data.display().to_string(),
        sources,
        log_page: log.last_page()?.0,
        log_change: log.last_change()?.0,
        watermarks,
        snapshot: settings.data.snapshots().current(),
        snapshots: snapshots(&settings.data),
        bytes: settings.data.sizes(),
        remotes: remote::known(data, &settings.config, &log)?,
    };
    if arguments.form.json() {
        output::json(&status)?;
    } else {
        print(&status)?;
    }
    Ok(Exit::Ok)
}

fn print(status: &Status) -> anyhow::Result<()> {
    let mut table = output::table(&["source", "records", "live", "deleted", "quarantined", "last harvest", "next from"]);
    for source in &status.sources {
        table.add_row([
            source.name.clone(),
            grouped(source.records),
            grouped(source.live),
            grouped(source.deleted),
            grouped(source.quarantined),
            source.last_harvest.clone().unwrap_or_else(|| "never finished".into()),
            source.pending.as_ref().map_or_else(
                || source.next_from.clone().unwrap_or_else(|| source.beginning().into()),
                |_| "the open list".into(),
            ),
        ]);
    }
    let mut out = output::stdout();
    writeln!(out, "{table}")?;
    if status.log_page == 0 {
        writeln!(out, "nothing was harvested yet: run `libris-mirror harvest`")?;
    }
    for source in &status.sources {
        if source.withdrawn > 0 {
            writeln!(out, "{}: {} withdrawn: they left the set (see `audit --help`)", source.name, grouped(source.withdrawn))?;
        }
        if source.undelivered > 0 {
            writeln!(out, "{}: {} not delivered by the source (see `quarantine`)", source.name, source.undelivered)?;
        }
        if let Some(pending) = &source.pending {
            writeln!(
                out,
                "{}: the list is open, and the next harvest resumes it ({})",
                source.name,
                pending.chars().take(60).collect::<String>()
            )?;
        }
    }
    let views: Vec<String> = status.watermarks.iter().map(|watermark| format!("{} {}", watermark.view, watermark.page)).collect();
    writeln!(
        out,
        "log: page {} (change {}); views at page: {}; current snapshot: {}",
        status.log_page,
        status.log_change,
        views.join(", "),
        status.snapshot.map_or_else(|| "none yet".into(), |number| format!("number {number}"))
    )?;
    for snapshot in &status.snapshots {
        writeln!(
            out,
            "snapshot {}{}: page {}, published {} ({} ago), {} of its own",
            snapshot.number,
            if status.snapshot == Some(snapshot.number) { " (current)" } else { "" },
            snapshot.page,
            snapshot.published,
            humantime::format_duration(Duration::from_secs(snapshot.age_s)),
            bytes(snapshot.alone_bytes)
        )?;
    }
    for Known { remote, note, behind } in &status.remotes {
        let Some(note) = note else {
            writeln!(out, "remote store {remote}: never asked (see `libris-mirror remote sync`)")?;
            continue;
        };
        let (behind, at) = (grouped(behind.unwrap_or_default()), output::time(note.at).unwrap_or_default());
        let failed =
            note.failed.as_ref().map(|failed| format!("; it failed: {}", failed.message.lines().next().unwrap_or_default()));
        writeln!(out, "remote store {remote}: behind by {behind} changes, at {at}{}", failed.unwrap_or_default())?;
    }
    let sizes = &status.bytes;
    writeln!(
        out,
        "disk: {} in total: log {}, index {}, store {}, snapshots {} (without files of these), in {}",
        bytes(sizes.total),
        bytes(sizes.log),
        bytes(sizes.index),
        bytes(sizes.store),
        bytes(sizes.snapshots),
        status.data
    )?;
    Ok(out.flush()?)
}
