//! `libris-mirror compact`

use clap::Args;

use super::output::{self, bytes, grouped};
use super::{Exit, Form, Global, Settings};
use crate::mirror::Mirror;

/// Give disk back: what the store, the search and the log's file hold and need no more.
///
/// The store is put in order and published, the index of the search merged, the log's file written anew without its
/// holes, and snapshots that nobody reads are removed. No version of any record goes. For its while it takes as much
/// disk again as the store, and as the log's file.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror compact
  libris-mirror compact --json | jq .freed")]
pub(super) struct Arguments {
    #[command(flatten)]
    form: Form,
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    settings.data.check()?;
    let before = settings.data.bytes();
    let mut mirror = Mirror::open(&settings.data, &settings.config, &Settings::who("compact"))?;
    let snapshot = mirror.compact()?;
    drop(mirror);
    let after = settings.data.bytes();
    let freed = before.saturating_sub(after);
    if arguments.form.json() {
        output::json(&serde_json::json!({"snapshot": snapshot, "before": before, "after": after, "freed": freed}))?;
    } else if !global.quiet {
        let snapshot = grouped(snapshot);
        output::message(&format!("{} given back, {} left; snapshot {snapshot} published", bytes(freed), bytes(after)));
    }
    Ok(Exit::Ok)
}
