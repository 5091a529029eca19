//! `libris-mirror worker`: runs the queries of a server. Only `serve` starts it.

use std::io;

use clap::Args;

use super::exit::Exit;
use super::global::Global;
use super::settings::Settings;
use crate::query::{self, QueryError, worker};
use crate::remote::Servers;

/// Run the queries that `serve` sends over stdin.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The most memory, in MB.
    #[arg(long)]
    memory_mb: u64,
}

/// Ends the process if the engine does not notice that the time of a query is up. The server starts another process.
fn overdue(_: QueryError) {
    super::exit::at_once(Exit::Failed)
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    let (snapshots, log) = (settings.data.snapshots(), settings.data.log());
    let memory = arguments.memory_mb << 20;
    let servers = Servers::new(settings.config.remotes()?);
    query::with_stack(|| {
        worker::work(&snapshots, &log, &servers, memory, &mut io::stdin().lock(), &mut io::stdout().lock(), overdue)
    })??;
    Ok(Exit::Ok)
}
