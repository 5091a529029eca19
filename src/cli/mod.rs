//! The command line: a file for each command, with its arguments, its calls, and what it prints. Data goes to stdout,
//! messages to stderr. Only this room prints, reads the environment, or decides the exit code.

mod audit;
mod backup;
mod changes;
mod compact;
mod demo;
mod exit;
mod export;
mod form;
mod generate;
mod global;
mod guide;
mod harvest;
mod harvest_report;
mod held;
mod import;
mod links;
mod output;
mod parquet;
mod publish;
mod publish_to;
mod quarantine;
mod query;
mod rebuild;
mod record;
mod remote;
mod search;
mod serve;
mod settings;
mod signals;
mod status;
#[cfg(feature = "rocksdb")]
mod store;
mod values;
mod verify;
mod whole_file;
mod worker;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use exit::Exit;
use global::Global;

/// Harvests Libris over OAI-PMH into a mirror of your own: SPARQL, N-Triples, and links to the outside.
#[derive(Debug, Parser)]
#[command(name = "libris-mirror", version, max_term_width = 100, after_help = exit::HELP, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Harvest(harvest::Arguments),
    Import(import::Arguments),
    Status(status::Arguments),
    Query(query::Arguments),
    Export(export::Arguments),
    Links(links::Arguments),
    Record(record::Arguments),
    Search(search::Arguments),
    Changes(changes::Arguments),
    Quarantine(quarantine::Arguments),
    Audit(audit::Arguments),
    Verify(verify::Arguments),
    Publish(publish::Arguments),
    Remote(remote::Arguments),
    Compact(compact::Arguments),
    Rebuild(rebuild::Arguments),
    Serve(serve::Arguments),
    #[command(hide = true)]
    Worker(worker::Arguments),
    Backup(backup::Arguments),
    Restore(backup::RestoreArguments),
    Generate(generate::Arguments),
    Guide(guide::Arguments),
    Demo(demo::Arguments),
}

impl Cli {
    fn read() -> Result<Self, clap::Error> {
        let words: Vec<_> = std::env::args_os().collect();
        let cli = Self::try_parse_from(&words)?;
        Ok(Self { global: cli.global.with_those_before(&mut Self::command(), &words)?, verb: cli.verb })
    }
}

/// Runs the program and returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(error) => {
            // If the message cannot be printed, there is nobody to tell.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Ok }.into();
        }
    };
    let global = cli.global;
    output::start_log(global.verbose, global.quiet);
    let result = match cli.verb {
        Verb::Harvest(arguments) => harvest::run(&arguments, &global),
        Verb::Import(arguments) => import::run(&arguments, &global),
        Verb::Status(arguments) => status::run(&arguments, &global),
        Verb::Query(arguments) => query::run(&arguments, &global),
        Verb::Export(arguments) => export::run(&arguments, &global),
        Verb::Links(arguments) => links::run(&arguments, &global),
        Verb::Record(arguments) => record::run(&arguments, &global),
        Verb::Search(arguments) => search::run(&arguments, &global),
        Verb::Changes(arguments) => changes::run(&arguments, &global),
        Verb::Quarantine(arguments) => quarantine::run(&arguments, &global),
        Verb::Audit(arguments) => audit::run(&arguments, &global),
        Verb::Verify(arguments) => verify::run(&arguments, &global),
        Verb::Publish(arguments) => publish::run(&arguments, &global),
        Verb::Remote(arguments) => remote::run(&arguments, &global),
        Verb::Compact(arguments) => compact::run(&arguments, &global),
        Verb::Rebuild(arguments) => rebuild::run(&arguments, &global),
        Verb::Serve(arguments) => serve::run(&arguments, &global),
        Verb::Worker(arguments) => worker::run(&arguments, &global),
        Verb::Backup(arguments) => backup::run(&arguments, &global),
        Verb::Restore(arguments) => backup::restore(&arguments, &global),
        Verb::Generate(arguments) => generate::run(&arguments, Cli::command()),
        Verb::Guide(arguments) => guide::run(&arguments),
        Verb::Demo(arguments) => demo::run(&arguments, &global),
    };
    result.unwrap_or_else(|error| exit::of_error(&error)).into()
}
