//! `libris-mirror worker`: runs the queries of a server, and is started by it alone.

use std::io;

use clap::Args;

use super::{Exit, Global, Settings};
use crate::query::{self, QueryError, worker};

/// Run the queries of `serve`, which come over stdin.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The most memory, in MB.
    #[arg(long)]
    memory_mb: u64,
}

/// Ends the process where the engine does not notice that a query's time is up: the server starts another.
fn overdue(_: QueryError) {
    super::exit::at_once(Exit::Failed)
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    let snapshots = settings.data.snapshots();
    let memory = arguments.memory_mb << 20;
    query::with_stack(|| worker::work(&snapshots, memory, &mut io::stdin().lock(), &mut io::stdout().lock(), overdue))??;
    Ok(Exit::Ok)
}
