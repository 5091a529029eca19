//! Why settings are not valid.

use std::path::PathBuf;

use super::nearest::nearest;

/// Settings that are not valid.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The user's file is not valid.
    #[error("{}{}: {error}", file.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
    File {
        /// The file.
        file: PathBuf,
        /// The line of the mistake, if it is known; the first is 1.
        line: Option<usize>,
        /// What is wrong there.
        error: Box<ConfigError>,
    },
    /// A layer does not parse, or names something unknown.
    #[error(
        "the configuration is not valid: {0}\nhint: `libris-mirror generate config` prints every setting with its default and the reason"
    )]
    Layers(#[from] config::ConfigError),
    /// A file does not parse.
    #[error("it is not valid TOML: {0}\nhint: `libris-mirror generate config` prints a file with every setting")]
    Syntax(String),
    /// A setting does not exist.
    #[error(
        "{name:?} in {place} is no setting\nhint: {}`libris-mirror generate config` prints every setting with its default and the reason",
        nearest.as_ref().map(|nearest| format!("did you mean `{nearest}`? ")).unwrap_or_default()
    )]
    Unknown {
        /// The name, as it is written there.
        name: String,
        /// Where it is written.
        place: &'static str,
        /// The setting that is probably meant.
        nearest: Option<String>,
    },
    /// A value is not valid.
    #[error("{key} = {value:?} is not valid: {problem}")]
    Value {
        /// The setting.
        key: String,
        /// Its value.
        value: String,
        /// What is wrong, and what is valid.
        problem: String,
    },
    /// No such source.
    #[error(
        "no source is called {name:?}; the configuration has {known}\nhint: {}add [sources.{name}] to it, or harvest with --url and --name",
        nearest(known.split(", "), name).map(|nearest| format!("did you mean `{nearest}`? Otherwise ")).unwrap_or_default()
    )]
    UnknownSource {
        /// What was asked for.
        name: String,
        /// The sources of the configuration.
        known: String,
    },
}
