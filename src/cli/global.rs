//! The options that every command takes.

use std::path::PathBuf;

use clap::{ArgAction, Args};

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

/// Splits `KEY=VALUE`.
fn key_value(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.trim().to_owned(), value.to_owned()))
        .ok_or_else(|| format!("{text:?} is not KEY=VALUE"))
}
