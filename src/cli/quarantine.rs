//! `libris-mirror quarantine`

use std::io::Write;

use clap::Args;

use super::output;
use super::{Exit, Global, Settings};
use crate::quarantine;

/// List the records whose newest version gives no triples, and why. They are kept in the log as they came.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror quarantine
  libris-mirror quarantine --source nb --json
  libris-mirror record IRI --format raw     what came in place of a record")]
pub(super) struct Arguments {
    /// Only those of one source.
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    settings.data.check()?;
    let log = settings.data.read_log()?;
    let records = quarantine::list(&log, arguments.source.as_deref())?;
    if arguments.json {
        output::json(&records)?;
        return Ok(Exit::Ok);
    }
    let mut out = output::stdout();
    if records.is_empty() {
        writeln!(out, "no record is quarantined")?;
    }
    for record in &records {
        let position = record.position.map(|position| format!(" (byte {position})")).unwrap_or_default();
        writeln!(out, "{} of {}, page {}{position}: {}", record.identifier, record.source, record.page, record.reason)?;
    }
    out.flush()?;
    Ok(Exit::Ok)
}
