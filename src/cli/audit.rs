//! `libris-mirror audit`

use std::io::Write;

use clap::Args;
use serde_json::json;

use super::exit::{Exit, of_error, of_fetch};
use super::form::Form;
use super::global::Global;
use super::harvest_report::worse;
use super::output::{self, grouped};
use super::settings::Settings;
use super::signals::{INTERRUPTED, SoFar, stop_on_signals};
use crate::harvest::{AuditOptions, AuditReport, FetchError, Hear, audit};
use crate::log::{Difference, DifferenceKind, Differences, Log};
use crate::mirror::Mirror;

/// Compare the mirror with what the source lists now: identifiers, deletions and datestamps of the whole set.
///
/// It asks only for identifiers, and continues where an interrupted audit stopped. `missing` records are listed by the
/// source and not in the mirror. `gone` records are in the mirror and no longer listed: OAI-PMH does not announce that a
/// record leaves a set. `stale` records differ in datestamp or deletion. `pending` records are newer than the last harvest,
/// and the next one brings them. Exit code 1 if anything is missing, gone or stale.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror audit                    every source of the mirror
  libris-mirror audit nb --list          print a line for each record that differs
  libris-mirror audit nb --repair        fetch what is missing or stale, withdraw what is gone
  libris-mirror audit nb --reinstate     put withdrawn records back, without the network
  libris-mirror audit nb --repair --set-config harvest.withdraw_max_percent=100     however many are gone")]
pub(super) struct Arguments {
    /// Sources of the mirror [default: all].
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// Fetch missing and stale records, and withdraw gone ones: they leave the views, and stay in the log.
    #[arg(long)]
    repair: bool,
    /// Put every withdrawn record back into the views. Nothing is compared.
    #[arg(long, conflicts_with_all = ["repair", "list"])]
    reinstate: bool,
    /// Print every record that differs: kind, identifier, datestamp there, datestamp here, separated by tabs.
    #[arg(long, conflicts_with_all = ["json", "format"])]
    list: bool,
    #[command(flatten)]
    form: Form,
}

/// How many records are read at a time for --list.
const RECORDS_PER_READ: usize = 1000;

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    settings.data.check_to_write(&Settings::who("audit"))?;
    settings.check_names(&settings.read_log()?, &arguments.sources)?;
    let stop = stop_on_signals(SoFar::default())?;
    let mut mirror = Mirror::open(&settings.data, &settings.config, &Settings::who("audit"))?;
    let sources = Settings::mirrored(&mirror.log, &arguments.sources)?;
    let (mut worst, mut reports) = (Exit::Ok, Vec::new());
    for source in &sources {
        if arguments.reinstate {
            let row = mirror.log.known_source(source)?;
            let count = mirror.log.reinstate(row.id, chrono::Utc::now().timestamp_millis())?;
            mirror.catch_up(|_| true)?;
            mirror.publish()?;
            reports.push(json!({ "source": source.name, "reinstated": count }));
            if !global.quiet {
                output::message(&format!("{}: {} withdrawn records reinstated", source.name, grouped(count)));
            }
            continue;
        }
        let bar = output::bar(global, "{spinner} {prefix}: {human_pos} identifiers [{elapsed}]");
        bar.set_prefix(source.name.clone());
        let options = AuditOptions { repair: arguments.repair };
        let mut listing = Ok(());
        let mut found = |log: &Log, report: &AuditReport| {
            bar.finish_and_clear();
            if arguments.list {
                listing = print_list(log, source, report);
            }
        };
        let hear = Hear { progress: &mut |listed| bar.set_position(listed), found: &mut found };
        let result = audit(&mut mirror, source, &settings.config, options, &stop, hear);
        bar.finish_and_clear();
        listing?;
        let report = match result {
            Ok(report) => report,
            // An unavailable source does not stop the audit of the others.
            Err(error) if sources.len() > 1 => {
                reports.push(json!({ "source": source.name, "error": error.to_string() }));
                let error = anyhow::Error::from(error).context(format!("source {}", source.name));
                worst = worse(worst, of_error(&error));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let exit = exit_of(&report);
        if !global.quiet || matches!(exit, Exit::Failed | Exit::Unavailable) {
            output::message(&summary(&report));
        }
        reports.push(as_json(&report));
        worst = worse(worst, exit);
        if stop.is_stopped() {
            break;
        }
    }
    if arguments.form.json() {
        output::json(&reports)?;
    }
    mirror.follow_afterwards(|| !stop.is_stopped())?;
    Ok(worst)
}

fn exit_of(report: &AuditReport) -> Exit {
    match (&report.unavailable, report.left.or(report.found)) {
        (Some(error), _) => of_fetch(error),
        (None, Some(Differences { missing: 0, gone: 0, stale: 0, .. })) if !report.doubtful => Exit::Ok,
        _ => Exit::Failed,
    }
}

fn print_list(log: &Log, source: &crate::config::Source, report: &AuditReport) -> anyhow::Result<()> {
    let row = log.known_source(source)?;
    let mut out = output::stdout();
    let mut line = |difference: &Difference| -> anyhow::Result<()> {
        let kind = match difference.kind {
            DifferenceKind::Missing => "missing",
            DifferenceKind::Gone => "gone",
            DifferenceKind::Stale => "stale",
            DifferenceKind::Pending => "pending",
        };
        let text = |stamp: &Option<String>| stamp.clone().unwrap_or_else(|| "-".into());
        Ok(writeln!(out, "{kind}\t{}\t{}\t{}", difference.identifier, text(&difference.there), text(&difference.here))?)
    };
    for gone in [false, true] {
        let mut after = String::new();
        loop {
            let part = if gone {
                log.gone(row.id, &after, RECORDS_PER_READ)?
            } else {
                log.differing(row.id, report.harvested, &after, RECORDS_PER_READ)?
            };
            part.iter().try_for_each(&mut line)?;
            let Some(last) = part.last() else { break };
            after.clone_from(&last.identifier);
        }
    }
    Ok(out.flush()?)
}

fn counts(found: &Differences) -> String {
    format!(
        "{} listed, {} equal, {} missing, {} gone, {} stale, {} pending",
        grouped(found.listed),
        grouped(found.equal),
        grouped(found.missing),
        grouped(found.gone),
        grouped(found.stale),
        grouped(found.pending)
    )
}

fn summary(report: &AuditReport) -> String {
    let mut text = format!("{}: ", report.source);
    match &report.found {
        Some(found) => text.push_str(&counts(found)),
        None => text.push_str("the list of identifiers is incomplete"),
    }
    if let Some(left) = &report.left {
        text.push_str(&format!(
            "\nrepaired: {} fetched, {} withdrawn; now {}",
            grouped(report.counters.received),
            grouped(report.withdrawn),
            counts(left)
        ));
    }
    if let Some(begun) = begun(report).filter(|_| report.found.is_some()) {
        text.push_str(&format!(
            "\nthe list was begun at {begun} by an interrupted audit: the next audit shows what changed since then without a new datestamp"
        ));
    }
    if let Some(percent) = report.brake {
        text.push_str(&format!(
            "\nnothing was withdrawn: {percent:.1} % of the live records are gone, which looks like a fault of the source\nhint: `libris-mirror audit {} --list` shows them; to withdraw them, raise harvest.withdraw_max_percent",
            report.source
        ));
    }
    if report.doubtful {
        text.push_str(
            "\nno answer said that the list was complete: records that it lacks may still exist, so nothing is withdrawn",
        );
    }
    if let Some(FetchError::Stopped) = &report.unavailable {
        text.push_str(&format!("\n{INTERRUPTED}"));
    } else if let Some(error) = &report.unavailable {
        text.push_str(&format!("\nthe source failed: {error}\nrun the same command again to continue"));
    }
    text
}

/// Returns when an earlier audit began the list, if one did.
fn begun(report: &AuditReport) -> Option<String> {
    output::time(report.resumed?)
}

fn as_json(report: &AuditReport) -> serde_json::Value {
    json!({
        "source": report.source, "resumed": report.resumed.is_some(), "begun": begun(report), "found": report.found, "left": report.left,
        "fetched": report.counters.received, "undelivered": report.counters.undelivered, "withdrawn": report.withdrawn,
        "brake_percent": report.brake, "doubtful": report.doubtful, "error": report.unavailable.as_ref().map(ToString::to_string),
        "requests": report.traffic.requests, "retries": report.traffic.retries, "transferred_bytes": report.traffic.bytes,
        "snapshot": report.snapshot,
    })
}
