//! `libris-mirror serve`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::exit::{Exit, at_once};
use super::global::Global;
use super::output;
use super::settings::Settings;
use super::signals::stop_gently;
use super::values;
use crate::log::LogError;
use crate::serve::{ServeOptions, serve};

/// Serve the mirror over HTTP: a SPARQL endpoint, records in every format, dumps, and pages to look at.
///
/// Reads what harvests publish, and moves to the next snapshot by itself. It can run next to harvests from cron, or harvest
/// by itself with --harvest-every.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror serve                                  pages at http://127.0.0.1:7878/
  libris-mirror serve --listen 0.0.0.0:80 --harvest-every 6h
  libris-mirror serve --base-path /libris              behind a reverse proxy
  curl -H 'Accept: text/csv' --data-urlencode 'query=SELECT * { ?s a kbv:Person } LIMIT 5' http://127.0.0.1:7878/sparql")]
pub(super) struct Arguments {
    /// The address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7878", value_parser = values::listen_address)]
    listen: SocketAddr,
    /// The path under which a reverse proxy shows this server.
    #[arg(long, value_name = "PATH")]
    base_path: Option<String>,
    /// Harvest all enabled sources now, and again after each such period, such as 6h; at least 1m.
    #[arg(long, value_name = "TIME", value_parser = values::period)]
    harvest_every: Option<Duration>,
}

/// Returns the path of this program, which stays valid after an upgrade replaced its file.
fn own_program() -> anyhow::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    Ok(if running.exists() { running } else { std::env::current_exe()? })
}

/// Returns the arguments that start a worker for the same mirror.
fn worker(global: &Global, settings: &Settings) -> Vec<String> {
    let mut words = vec!["worker".into(), "--memory-mb".into(), settings.config.serve.memory_mb.to_string()];
    words.extend(["--data".into(), settings.data.path().display().to_string()]);
    words.extend(global.config.iter().flat_map(|path| ["--config".into(), path.display().to_string()]));
    words
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let mut settings = Settings::read(global)?;
    if let Some(path) = &arguments.base_path {
        settings.config.serve.base_path.clone_from(path);
        settings.config.check()?;
    }
    if arguments.harvest_every.is_none() {
        settings.data.check()?;
    }
    // A mirror that an older program wrote must be migrated first: its pages would all fail.
    if let Err(error @ LogError::TooOld(_)) = settings.data.read_log() {
        return Err(error.into());
    }
    let sources = settings.config.sources(&[])?;
    let options = ServeOptions {
        worker: (own_program()?, worker(global, &settings)),
        listen: arguments.listen,
        harvest: arguments.harvest_every.map(|every| (sources, every)),
        who: Settings::who("serve --harvest-every"),
        data: settings.data,
        config: settings.config,
    };
    let base = options.config.serve.base_path.trim_matches('/').to_owned();
    let stop = stop_gently()?;
    serve(options, &stop, |address| {
        if !global.quiet {
            output::message(&format!("listening on http://{address}/{base}"));
        }
    })?;
    // Other open resources of this process, such as the store of a harvest, survive a crash, so they survive this.
    at_once(Exit::Ok)
}
