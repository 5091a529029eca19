//! `libris-mirror quarantine`

use std::io::Write;

use clap::Args;
use serde_json::json;

use super::exit::{Exit, of_fetch};
use super::form::Form;
use super::global::Global;
use super::harvest_report::worse;
use super::output::{self, grouped};
use super::settings::Settings;
use super::signals::{SoFar, stop_on_signals};
use crate::harvest;
use crate::mirror::Mirror;
use crate::quarantine;

/// List the records that give no triples, and those that the source could not deliver, with the reason.
///
/// The log keeps a record that does not parse as it came; a later version that parses clears it. A record that was not
/// delivered is listed with the answer of the source, and the mirror keeps the version that it had; a delivery clears it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror quarantine
  libris-mirror quarantine --source nb --json
  libris-mirror quarantine --retry          parse and ask again, after an upgrade or when the source is repaired
  libris-mirror record IRI --format raw     the record as it came")]
pub(super) struct Arguments {
    /// Only the records of one source.
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Parse quarantined records again, and ask again for those that were not delivered.
    #[arg(long)]
    retry: bool,
    #[command(flatten)]
    form: Form,
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    if arguments.retry {
        settings.data.check_to_write(&Settings::who("quarantine --retry"))?;
    }
    let log = settings.read_log()?;
    settings.check_names(&log, &arguments.source)?;
    if arguments.retry {
        drop(log);
        return retry(arguments, global, &settings);
    }
    let source = arguments.source.as_deref();
    let (records, undelivered) = (quarantine::list(&log, source, u32::MAX)?, log.undelivered(source)?);
    if arguments.form.json() {
        let parsed = records.iter().map(|record| {
            json!({
                "identifier": record.identifier, "source": record.source, "kind": "unreadable", "reason": record.reason,
                "page": record.page, "position": record.position, "excerpt": record.excerpt,
            })
        });
        let missing = undelivered.iter().map(|record| {
            json!({
                "identifier": record.identifier, "source": record.source, "kind": "undelivered", "reason": record.reason,
                "datestamp": record.datestamp_text,
            })
        });
        output::json(&parsed.chain(missing).collect::<Vec<_>>())?;
        return Ok(Exit::Ok);
    }
    let mut out = output::stdout();
    if records.is_empty() && undelivered.is_empty() {
        writeln!(out, "no record is quarantined")?;
    }
    for record in &records {
        let position = record.position.map(|position| format!(" (byte {position})")).unwrap_or_default();
        writeln!(out, "{} of {}, page {}{position}: {}", record.identifier, record.source, record.page, record.reason)?;
        if let Some(excerpt) = record.excerpt.as_deref().filter(|excerpt| !excerpt.is_empty()) {
            writeln!(out, "    {excerpt}")?;
        }
    }
    for record in &undelivered {
        writeln!(out, "{} of {}, not delivered: {}", record.identifier, record.source, record.reason)?;
    }
    out.flush()?;
    Ok(Exit::Ok)
}

fn retry(arguments: &Arguments, global: &Global, settings: &Settings) -> anyhow::Result<Exit> {
    let stop = stop_on_signals(SoFar::default())?;
    let mut mirror = Mirror::open(&settings.data, &settings.config, &Settings::who("quarantine --retry"))?;
    let names: Vec<String> = arguments.source.iter().cloned().collect();
    let (mut worst, mut reports) = (Exit::Ok, Vec::new());
    for source in Settings::mirrored(&mirror.log, &names)? {
        let report = harvest::retry(&mut mirror, &source, &settings.config, &stop)?;
        let exit = match &report.unavailable {
            Some(error) => of_fetch(error),
            None if report.left > 0 => Exit::Quarantined,
            None => Exit::Ok,
        };
        if !global.quiet && !arguments.form.json() {
            output::message(&format!("{}: {} retried, {} left", report.source, grouped(report.tried), grouped(report.left)));
            if report.left_to_harvest {
                output::message(&format!("hint: `libris-mirror harvest {}` reads documents that failed again", report.source));
            }
        }
        let error = report.unavailable.as_ref().map(ToString::to_string);
        if let Some(error) = &error {
            output::error(&format!("{}: {error}", report.source));
        }
        reports.push(json!({ "source": report.source, "tried": report.tried, "left": report.left, "error": error }));
        worst = worse(worst, exit);
    }
    if arguments.form.json() {
        output::json(&reports)?;
    }
    mirror.follow_afterwards(|| !stop.is_stopped())?;
    Ok(worst)
}
