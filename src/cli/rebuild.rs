//! `libris-mirror rebuild`

use clap::{Args, ValueEnum};

use super::output::{self, grouped};
use super::{Exit, Form, Global, Settings};
use crate::mirror::Mirror;

/// Make a view anew from the log, without the network.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror rebuild store     the triple store
  libris-mirror rebuild links     the links, and the quarantine
  libris-mirror rebuild search    titles, names and identifiers")]
pub(super) struct Arguments {
    /// Which view.
    #[arg(value_enum)]
    view: View,
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum View {
    Store,
    Links,
    Search,
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    settings.data.check_to_write(&Settings::who("rebuild"))?;
    let who = Settings::who("rebuild");
    if arguments.view == View::Store {
        // Also where the old one cannot be opened any more. Readers keep the published snapshot meanwhile.
        let _lock = settings.data.lock(&who)?;
        if settings.data.store().exists() {
            fs_err::remove_dir_all(settings.data.store())?;
        }
    }
    let mut mirror = Mirror::open(&settings.data, &settings.config, &who)?;
    match arguments.view {
        View::Store => {}
        View::Links => mirror.reset_links()?,
        View::Search => mirror.reset_search()?,
    }
    let done = mirror.catch_up(|_| true)?;
    if arguments.view == View::Store {
        mirror.publish_in_order(done.records)?;
    }
    if arguments.form.json() {
        let (records, pages, quarantined) = (done.records, done.pages, done.quarantined);
        output::json(&serde_json::json!({"records": records, "pages": pages, "quarantined": quarantined}))?;
    } else if !global.quiet {
        output::message(&format!(
            "{} records of {} pages applied, {} in quarantine",
            grouped(done.records),
            grouped(done.pages),
            grouped(done.quarantined)
        ));
    }
    Ok(Exit::Ok)
}
