//! A user's file of settings, and the lines of its mistakes.

use std::path::Path;

use super::error::ConfigError;

/// A user's file of settings.
#[derive(Debug, Clone, Copy)]
pub struct UserFile<'a> {
    /// Where it is, for messages.
    pub path: &'a Path,
    /// Its text, in TOML.
    pub text: &'a str,
}

impl UserFile<'_> {
    /// Returns the error for a setting of this file.
    pub(super) fn wrong_setting(self, name: &str, error: ConfigError) -> ConfigError {
        ConfigError::File { file: self.path.to_owned(), line: self.line_of(name), error: Box::new(error) }
    }

    /// Returns the error for a text that does not parse. The parser's message begins with the position, shows the line, and
    /// ends with the problem.
    pub(super) fn not_toml(self, error: &config::ConfigError) -> ConfigError {
        let text = error.to_string();
        let number =
            text.split_once("at line ").map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
        let problem = text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned();
        let line = number.and_then(|number| number.parse().ok());
        ConfigError::File { file: self.path.to_owned(), line, error: Box::new(ConfigError::Syntax(problem)) }
    }

    /// Returns the line of a setting (`harvest.pause_ms`), unless it is written in an unusual way.
    fn line_of(self, name: &str) -> Option<usize> {
        let mut section = String::new();
        for (number, line) in self.text.lines().enumerate() {
            let line = line.trim();
            if let Some(header) = line.strip_prefix('[') {
                section = header.trim_start_matches('[').split(']').next().unwrap_or_default().trim().to_owned();
            }
            let key = line.split('=').next().unwrap_or_default().trim();
            if (section.is_empty() && key == name) || format!("{section}.{key}") == name || section == name {
                return Some(number + 1);
            }
        }
        None
    }
}
