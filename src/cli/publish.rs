//! `libris-mirror publish`

use clap::Args;

use super::exit::Exit;
use super::form::Form;
use super::global::Global;
use super::output::{self, grouped};
use super::settings::Settings;
use crate::mirror::Mirror;

/// Publish everything that was harvested so far as a new snapshot.
///
/// A harvest publishes by itself at its end, and a long one every `store.publish_s` seconds. Use this after an
/// interrupted harvest.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror publish
  libris-mirror publish --json | jq .snapshot")]
pub(super) struct Arguments {
    #[command(flatten)]
    form: Form,
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    settings.data.check_to_write(&Settings::who("publish"))?;
    let mut mirror = Mirror::open(&settings.data, &settings.config, &Settings::who("publish"))?;
    let caught_up = mirror.catch_up(|_| true)?;
    let shown = mirror.snapshots().current();
    let (snapshot, fresh) = match shown {
        Some(number) if caught_up.records == 0 && mirror.is_current()? => (number, false),
        _ => (mirror.publish()?, true),
    };
    mirror.follow_afterwards(|| true)?;
    if arguments.form.json() {
        output::json(
            &serde_json::json!({"snapshot": snapshot, "published": fresh, "page": mirror.log.page_reached(mirror.mark()?.change)?.0}),
        )?;
    } else if !global.quiet {
        let page = mirror.log.page_reached(mirror.mark()?.change)?;
        let page = grouped(u64::try_from(page.0).unwrap_or_default());
        output::message(&if fresh {
            format!("snapshot {snapshot} published, up to page {page}")
        } else {
            format!("snapshot {snapshot} already has everything, up to page {page}")
        });
    }
    Ok(Exit::Ok)
}
