//! `libris-mirror verify`

use clap::Args;

use super::output::{self, grouped};
use super::signals::{SoFar, stop_on_signals};
use super::{Exit, Form, Global, Settings};
use crate::mirror::{Mirror, VIEWS};
use crate::verify::{self, VerifyReport};
use crate::views::Registered;

/// Check without the network that the log is what was written, and that every view is what the log says.
///
/// Reads everything: the checksum of every page, the graph of every live record in the store and in the published
/// snapshot (the same triples as its payload parses to, and no others), its links, the quarantine, and the structures of
/// the log's file. Exit code 1 if anything is wrong.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror verify
  libris-mirror verify --json | jq .fault_count")]
pub(super) struct Arguments {
    #[command(flatten)]
    form: Form,
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    settings.data.check_to_write(&Settings::who("verify"))?;
    let stop = stop_on_signals(SoFar::default())?;
    let mut mirror = Mirror::open(&settings.data, &settings.config, &Settings::who("verify"))?;
    let report = verify::verify(&mut mirror, |_| !stop.is_stopped())?;
    if stop.is_stopped() {
        return Ok(Exit::Interrupted);
    }
    if arguments.form.json() {
        output::json(&report)?;
    } else {
        for fault in &report.faults {
            output::message(&format!("{}: {}", fault.part, fault.problem));
        }
        let more = report.fault_count - report.faults.len() as u64;
        if more > 0 {
            output::message(&format!("and {} more", grouped(more)));
        }
    }
    if report.fault_count > 0 {
        for hint in hints(&report) {
            output::message(&hint);
        }
        return Ok(Exit::Failed);
    }
    if !global.quiet && !arguments.form.json() {
        output::message(&format!(
            "all is as it should be: {} pages, {} records with {} triples in {}, {} links, {} in quarantine",
            grouped(report.pages + report.unsealed_pages),
            grouped(report.records),
            grouped(report.quads),
            report.stores.join(" and "),
            grouped(report.links),
            grouped(report.quarantined)
        ));
    }
    Ok(Exit::Ok)
}

/// What to do about what is wrong. A damaged log comes first: views of it are of no use.
fn hints(report: &VerifyReport) -> Vec<String> {
    let wrong = |part: &str| report.faults.iter().any(|fault| fault.part == part);
    if wrong("log") {
        return vec!["hint: the log is damaged: restore a backup (`libris-mirror restore DIR --force`)".to_owned()];
    }
    let damaged = VIEWS.iter().filter(|view| wrong(view.name) || (view.published && wrong("snapshot")));
    let name = |view: &Registered| view.name;
    let published = |view: &Registered| if view.published { ", and publishes it" } else { "" };
    damaged
        .map(|view| format!("hint: `libris-mirror rebuild {}` rebuilds it from the log{}", name(view), published(view)))
        .collect()
}
