//! `libris-mirror backup` and `libris-mirror restore`

use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::form::Form;
use super::global::Global;
use super::output::{self, bytes};
use super::settings::Settings;
use crate::backup;
use crate::mirror::Mirror;

/// Copy the mirror to a new directory, also while a harvest runs.
///
/// The copy holds the log at one moment, and the published store. On the same file system the tables of the store are
/// shared as hard links: copy the directory elsewhere to be safe from a failing disk.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror backup /backup/libris-$(date +%F)
  libris-mirror restore /backup/libris-2026-11-01 --data /srv/libris")]
pub(super) struct Arguments {
    /// The directory to create.
    #[arg(value_name = "DIR")]
    to: PathBuf,
    #[command(flatten)]
    form: Form,
}

/// Put a backup back, after checking it, and publish it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror restore /backup/libris-2026-11-01            into an empty data directory
  libris-mirror restore /backup/libris-2026-11-01 --force    moves the mirror that is there aside")]
pub(super) struct RestoreArguments {
    /// The backup.
    #[arg(value_name = "DIR")]
    from: PathBuf,
    /// Move a mirror that is there aside, into `replaced-…` of the data directory.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    form: Form,
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    let report = backup::backup(&settings.data, &arguments.to)?;
    if arguments.form.json() {
        output::json(&report)?;
    } else if !global.quiet {
        output::message(&format!(
            "{}: the log up to page {} ({}), the index ({}){}",
            arguments.to.display(),
            report.page,
            bytes(report.log_bytes),
            bytes(report.index_bytes),
            if report.store_bytes > 0 { format!(", the store ({})", bytes(report.store_bytes)) } else { String::new() }
        ));
    }
    Ok(Exit::Ok)
}

pub(super) fn restore(arguments: &RestoreArguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    let who = Settings::who("restore");
    let aside = backup::restore(&settings.data, &arguments.from, arguments.force, &who)?;
    let mut mirror = Mirror::open(&settings.data, &settings.config, &who)?;
    let done = mirror.catch_up(|_| true)?;
    mirror.publish()?;
    mirror.follow_afterwards(|| true)?;
    let page = mirror.log.last_page()?.0;
    if arguments.form.json() {
        output::json(&serde_json::json!({"page": page, "applied": done.records, "aside": aside}))?;
    } else if !global.quiet {
        if let Some(aside) = aside {
            output::message(&format!("what was there is in {}: remove it when you no longer need it", aside.display()));
        }
        output::message(&format!(
            "{} holds the log up to page {}; {} records were applied to bring the views up to it",
            settings.data.path().display(),
            page,
            output::grouped(done.records)
        ));
    }
    Ok(Exit::Ok)
}
