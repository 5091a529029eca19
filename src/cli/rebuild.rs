//! `libris-mirror rebuild`

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::exit::{Exit, Misuse};
use super::form::Form;
use super::global::Global;
use super::output::{self, counted, grouped};
use super::settings::Settings;
use super::signals::{SoFar, stop_on_signals};
use crate::mirror::{Mirror, VIEWS};
use crate::views::Registered;

/// The name that stands for all views.
const ALL: &str = "all";

/// Rebuild views from the log, without the network.
///
/// Queries keep the published snapshot until the rebuild is complete. Searches, names and links are incomplete until then.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror rebuild store           the triple store
  libris-mirror rebuild links search    the links, and titles, names and identifiers
  libris-mirror rebuild all")]
pub(super) struct Arguments {
    /// Which views.
    #[arg(value_name = "VIEW", required = true, value_parser = PossibleValuesParser::new(VIEWS.iter().map(|view| view.name).chain([ALL])))]
    views: Vec<String>,
    #[command(flatten)]
    form: Form,
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    let who = Settings::who("rebuild");
    settings.data.check_to_write(&who)?;
    let named = |view: &&Registered| arguments.views.iter().any(|name| name == view.name || name == ALL);
    let views: Vec<Registered> = VIEWS.iter().filter(named).filter(|view| (view.enabled)(&settings.config)).copied().collect();
    if views.is_empty() {
        return Err(
            Misuse(format!("{} is not enabled\nhint: `--set-config {0}.enabled=true`", arguments.views.join(", "))).into()
        );
    }
    let stop = stop_on_signals(SoFar::default())?;
    Mirror::reset(&views, &settings.data, &settings.config, &who)?;
    let mut mirror = Mirror::open(&settings.data, &settings.config, &who)?;
    let mut done = mirror.catch_up(|_| !stop.is_stopped())?;
    if stop.is_stopped() {
        return Ok(Exit::Interrupted);
    }
    if !mirror.is_current()? || views.iter().any(|view| (view.published)(&settings.config)) {
        mirror.publish_in_order(done.records)?;
    }
    done.add(&mirror.follow_afterwards(|| !stop.is_stopped())?);
    if stop.is_stopped() {
        return Ok(Exit::Interrupted);
    }
    if arguments.form.json() {
        let (records, pages, quarantined) = (done.records, done.pages, done.quarantined);
        output::json(&serde_json::json!({"records": records, "pages": pages, "quarantined": quarantined}))?;
    } else if !global.quiet {
        output::message(&format!(
            "{}: rebuilt from {} in {}, {} in quarantine",
            views.iter().map(|view| view.name).collect::<Vec<_>>().join(", "),
            counted(done.records, "record"),
            counted(done.pages, "page"),
            grouped(done.quarantined)
        ));
    }
    Ok(Exit::Ok)
}
