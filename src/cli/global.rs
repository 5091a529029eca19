//! The options that every command takes.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{Error, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, Command, FromArgMatches};

/// Their heading in the help.
const HEADING: &str = "Options of every command";

/// The options that every command takes.
#[derive(Debug, Clone, Args)]
pub(super) struct Global {
    /// The data directory [default: ~/.local/share/libris-mirror].
    #[arg(long, global = true, help_heading = HEADING, value_name = "DIR", env = "LIBRIS_MIRROR_DATA")]
    pub(super) data: Option<PathBuf>,
    /// A configuration file [default: ~/.config/libris-mirror/config.toml, if it exists].
    #[arg(long, global = true, help_heading = HEADING, value_name = "FILE", env = "LIBRIS_MIRROR_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// Set one setting, such as `harvest.pause_ms=500`; may be repeated.
    #[arg(long = "set-config", global = true, help_heading = HEADING, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(super) overrides: Vec<(String, String)>,
    /// Print more: a line for each page; twice, a line for each request.
    #[arg(short, long, global = true, help_heading = HEADING, action = ArgAction::Count)]
    pub(super) verbose: u8,
    /// Print only errors.
    #[arg(short, long, global = true, help_heading = HEADING, conflicts_with = "verbose")]
    pub(super) quiet: bool,
}

impl Global {
    /// Adds the options before the name of the command: where an option is on both sides, clap keeps the one behind it alone.
    pub(super) fn with_those_before(self, command: &mut Command, words: &[OsString]) -> Result<Self, Error> {
        let Some((before, words)) = split(words) else { return Ok(self) };
        let behind = command.try_get_matches_from_mut(words)?;
        let twice = |id: &&str| [&before, &behind].iter().all(|side| side.value_source(id) == Some(ValueSource::CommandLine));
        if let Some(id) = ["data", "config"].iter().find(|id| twice(id)) {
            let shown = command.get_arguments().find(|argument| argument.get_id() == *id).map(ToString::to_string);
            let message = format!("the argument '{}' cannot be used multiple times", shown.unwrap_or_default());
            return Err(command.error(ErrorKind::ArgumentConflict, message));
        }
        let (before, behind) = (Self::from_arg_matches(&before)?, Self::from_arg_matches(&behind)?);
        let verbose = before.verbose.saturating_add(behind.verbose);
        let quiet = before.quiet || behind.quiet;
        if quiet && verbose > 0 {
            let message = "the argument '--quiet' cannot be used with '--verbose...'";
            return Err(command.error(ErrorKind::ArgumentConflict, message));
        }
        // Of two values of a setting the later one counts.
        let overrides = before.overrides.into_iter().chain(behind.overrides).collect();
        Ok(Self { overrides, verbose, quiet, ..self })
    }
}

/// The options before the name of the command, and the other words.
fn split(words: &[OsString]) -> Option<(ArgMatches, Vec<OsString>)> {
    let command = Global::augment_args(Command::new("libris-mirror")).allow_external_subcommands(true);
    let before = command.try_get_matches_from(words).ok()?;
    let (name, rest) = before.subcommand()?;
    let rest = rest.get_many::<OsString>("").into_iter().flatten().cloned();
    let words = words.first().cloned().into_iter().chain([OsString::from(name)]).chain(rest).collect();
    Some((before, words))
}

/// Splits `KEY=VALUE`.
fn key_value(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.trim().to_owned(), value.to_owned()))
        .ok_or_else(|| format!("{text:?} is not KEY=VALUE"))
}
