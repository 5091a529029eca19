//! The command line: a file for each command, with its arguments, its calls, and what it prints. Data goes to stdout,
//! messages to stderr. Only this room prints, reads the environment, or decides the exit code.

mod audit;
mod backup;
mod compact;
mod demo;
mod exit;
mod export;
mod generate;
mod guide;
mod harvest;
mod harvest_report;
mod held;
mod links;
mod output;
mod publish;
mod quarantine;
mod query;
mod rebuild;
mod record;
mod search;
mod serve;
mod settings;
mod signals;
mod status;
mod verify;
mod whole_file;
mod worker;

use std::process::ExitCode;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

pub use exit::Exit;
pub use settings::Settings;

/// Harvests Libris over OAI-PMH into a mirror of your own: SPARQL, N-Triples, and links to the outside.
#[derive(Debug, Parser)]
#[command(name = "libris-mirror", version, max_term_width = 100, after_help = exit::HELP, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

/// The heading of the options that every command takes.
const GLOBAL: &str = "Options of every command";

/// The options that every command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The data directory [default: ~/.local/share/libris-mirror].
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "DIR", env = "LIBRIS_MIRROR_DATA")]
    data: Option<std::path::PathBuf>,
    /// A configuration file [default: ~/.config/libris-mirror/config.toml, if it exists].
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE", env = "LIBRIS_MIRROR_CONFIG")]
    config: Option<std::path::PathBuf>,
    /// Set one setting, such as `harvest.pause_ms=500`; may be repeated.
    #[arg(long = "set-config", global = true, help_heading = GLOBAL, value_name = "KEY=VALUE", value_parser = settings::key_value)]
    overrides: Vec<(String, String)>,
    /// Print more: a line for each page; twice, a line for each request.
    #[arg(short, long, global = true, help_heading = GLOBAL, action = ArgAction::Count)]
    verbose: u8,
    /// Print only errors.
    #[arg(short, long, global = true, help_heading = GLOBAL, conflicts_with = "verbose")]
    quiet: bool,
}

/// The options for the form of the output.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Form {
    /// Print JSON, as --format json does.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// How to print it.
    #[arg(long, value_enum, default_value = "text", hide_default_value = true)]
    format: TextOrJson,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TextOrJson {
    Text,
    Json,
}

impl Form {
    /// Returns whether the form is JSON.
    fn json(self) -> bool {
        self.json || self.format == TextOrJson::Json
    }
}

#[derive(Debug, Subcommand)]
enum Verb {
    Harvest(harvest::Arguments),
    Status(status::Arguments),
    Query(query::Arguments),
    Export(export::Arguments),
    Links(links::Arguments),
    Record(record::Arguments),
    Search(search::Arguments),
    Quarantine(quarantine::Arguments),
    Audit(audit::Arguments),
    Verify(verify::Arguments),
    Publish(publish::Arguments),
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

/// Runs the program and returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
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
        Verb::Status(arguments) => status::run(&arguments, &global),
        Verb::Query(arguments) => query::run(&arguments, &global),
        Verb::Export(arguments) => export::run(&arguments, &global),
        Verb::Links(arguments) => links::run(&arguments, &global),
        Verb::Record(arguments) => record::run(&arguments, &global),
        Verb::Search(arguments) => search::run(&arguments, &global),
        Verb::Quarantine(arguments) => quarantine::run(&arguments, &global),
        Verb::Audit(arguments) => audit::run(&arguments, &global),
        Verb::Verify(arguments) => verify::run(&arguments, &global),
        Verb::Publish(arguments) => publish::run(&arguments, &global),
        Verb::Compact(arguments) => compact::run(&arguments, &global),
        Verb::Rebuild(arguments) => rebuild::run(&arguments, &global),
        Verb::Serve(arguments) => serve::run(&arguments, &global),
        Verb::Worker(arguments) => worker::run(&arguments, &global),
        Verb::Backup(arguments) => backup::run(&arguments, &global),
        Verb::Restore(arguments) => backup::restore(&arguments, &global),
        Verb::Generate(arguments) => generate::run(&arguments),
        Verb::Guide(arguments) => guide::run(&arguments),
        Verb::Demo(arguments) => demo::run(&arguments, &global),
    };
    result.unwrap_or_else(|error| exit::of_error(&error)).into()
}
