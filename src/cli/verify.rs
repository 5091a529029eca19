//! `libris-mirror verify`

use clap::Args;

use super::exit::Exit;
use super::form::Form;
use super::global::Global;
use super::output::{self, counted, grouped};
use super::settings::Settings;
use super::signals::{SoFar, stop_on_signals};
use crate::config::Config;
use crate::mirror::{Mirror, VIEWS};
use crate::verify::{self, VerifyReport};
use crate::views::Registered;

/// Check the log and every view of it, without the network.
///
/// Reads everything: the seal of every page; for every live record its graph in the index, in the store and in what is published of them
/// (exactly the triples of its payload), its links, its names and its entry in the search; the quarantine; and the
/// structure of the log's file. Exit code 1 if anything is wrong.
///
/// It takes the lock of the data directory: exit code 75 if a harvest is running. Views that are missing or behind the log are brought
/// to its end first, which takes time and disk.
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
        output::faults(&report.faults, report.fault_count);
    }
    if report.fault_count > 0 {
        for hint in hints(&report, &settings.config) {
            output::message(&hint);
        }
        return Ok(Exit::Failed);
    }
    if !global.quiet && !arguments.form.json() {
        output::message(&format!(
            "no faults: {}, {} with {} triples in {}, {} links, {} in quarantine",
            counted(report.pages + report.unsealed_pages, "page"),
            counted(report.records, "record"),
            grouped(report.quads),
            report.stores.join(" and "),
            grouped(report.links),
            grouped(report.quarantined)
        ));
    }
    Ok(Exit::Ok)
}

/// Returns what to do about the faults. Views of a damaged log need no advice: they are of no use.
fn hints(report: &VerifyReport, config: &Config) -> Vec<String> {
    let wrong = |part: &str| report.faults.iter().any(|fault| fault.part == part);
    if wrong("log") {
        return vec!["hint: the log is damaged: restore a backup (`libris-mirror restore DIR --force`)".to_owned()];
    }
    let foreign = wrong("snapshot").then(|| "hint: `libris-mirror publish` publishes what the log has".to_owned());
    let damaged = VIEWS.iter().filter(|view| wrong(view.name) || wrong(&format!("published {}", view.name)));
    let name = |view: &Registered| view.name;
    let published = |view: &Registered| if (view.published)(config) { ", and publishes it" } else { "" };
    let rebuilt =
        damaged.map(|view| format!("hint: `libris-mirror rebuild {}` rebuilds it from the log{}", name(view), published(view)));
    foreign.into_iter().chain(rebuilt).collect()
}
