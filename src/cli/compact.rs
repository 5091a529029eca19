//! `libris-mirror compact`

use std::cmp::Ordering;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::exit::Exit;
use super::form::Form;
use super::global::Global;
use super::output::{self, bytes, grouped};
use super::settings::Settings;
use crate::mirror::Mirror;

/// Free disk that the index, the store, the search and the file of the log no longer need.
///
/// Merges the segments of the index and publishes it, merges the tables of the store and the index of the search, rewrites
/// the file of the log without holes, and removes snapshots that nobody reads. Keeps every version of every record.
/// Meanwhile it needs as much disk again as the store and the file of the log.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror compact
  libris-mirror compact --json | jq .freed")]
pub(super) struct Arguments {
    #[command(flatten)]
    form: Form,
}

/// A snapshot that could not be removed.
#[derive(Serialize)]
struct Held {
    snapshot: u64,
    /// The bytes that its removal would free.
    bytes: u64,
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    settings.data.check_to_write(&Settings::who("compact"))?;
    let before = settings.data.sizes().total;
    let mut mirror = Mirror::open(&settings.data, &settings.config, &Settings::who("compact"))?;
    let snapshot = mirror.compact()?;
    let snapshots = mirror.snapshots();
    let held: Vec<Held> = snapshots
        .all()
        .into_iter()
        .filter(|number| *number != snapshot)
        .map(|number| Held { snapshot: number, bytes: snapshots.alone(number, &[settings.data.index(), settings.data.store()]) })
        .collect();
    drop(mirror);
    let after = settings.data.sizes().total;
    if arguments.form.json() {
        let freed = i128::from(before) - i128::from(after);
        output::json(&json!({"snapshot": snapshot, "before": before, "after": after, "freed": freed, "held": held}))?;
    } else if !global.quiet {
        let done = match before.cmp(&after) {
            Ordering::Equal => "nothing freed".to_owned(),
            Ordering::Greater => format!("{} freed", bytes(before - after)),
            Ordering::Less => {
                format!("{} more than before (tables of the store can grow when they are merged)", bytes(after - before))
            }
        };
        output::message(&format!("{done}, {} left; snapshot {} published", bytes(after), grouped(snapshot)));
        for Held { snapshot, bytes: alone } in held {
            output::message(&format!(
                "snapshot {snapshot} stays, with {} of its own, because a reader holds it: the first harvest, publish or compact after that removes it",
                bytes(alone)
            ));
        }
    }
    Ok(Exit::Ok)
}
