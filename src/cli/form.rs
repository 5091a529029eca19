//! The options for the form of the output: text for people, or JSON.

use clap::{Args, ValueEnum};

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
    pub(super) fn json(self) -> bool {
        self.json || self.format == TextOrJson::Json
    }
}
