//! Where the settings and the data directory come from: flags, the environment, files.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::Context;
use fs_err as fs;

use super::Global;
use crate::config::{Config, Source};
use crate::data_dir::DataDir;
use crate::log::{Log, LogError};

/// The settings of a run.
#[derive(Debug)]
pub struct Settings {
    /// All layers merged.
    pub config: Config,
    /// Where the mirror is.
    pub data: DataDir,
}

fn home(variable: &str, below: &str) -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set(variable).or_else(|| set("HOME").map(|home| home.join(below)))
}

/// Splits `KEY=VALUE`.
pub(super) fn key_value(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.trim().to_owned(), value.to_owned()))
        .ok_or_else(|| format!("{text:?} is not KEY=VALUE"))
}

impl Settings {
    /// Reads the layers.
    pub(super) fn read(global: &Global) -> anyhow::Result<Self> {
        let file = if let Some(path) = &global.config {
            Some(fs::read_to_string(path)?)
        } else {
            let path = home("XDG_CONFIG_HOME", ".config").map(|base| base.join("libris-mirror/config.toml"));
            path.filter(|path| path.exists()).map(fs::read_to_string).transpose()?
        };
        let environment: HashMap<String, String> =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect();
        let config = Config::new(file.as_deref(), environment, &global.overrides)?;
        let path = match &global.data {
            Some(path) => path.clone(),
            None => home("XDG_DATA_HOME", ".local/share")
                .map(|base| base.join("libris-mirror"))
                .context("there is no home directory: name a data directory with --data")?,
        };
        Ok(Self { config, data: DataDir::new(path) })
    }

    /// The named sources of a mirror, or all that it has, with the settings that they were harvested with.
    pub(super) fn mirrored(log: &Log, names: &[String]) -> anyhow::Result<Vec<Source>> {
        let rows = log.sources()?;
        if let Some(name) = names.iter().find(|name| !rows.iter().any(|row| row.name == **name)) {
            return Err(LogError::NotHarvested(name.clone()).into());
        }
        let wanted = rows.iter().filter(|row| names.is_empty() || names.contains(&row.name));
        wanted.map(|row| Ok(row.source()?)).collect()
    }

    /// Who asks for the lock, for others to read.
    pub(super) fn who(verb: &str) -> String {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_else(|_| "this host".into());
        format!(
            "process {} on {} runs `{verb}` since {}",
            std::process::id(),
            host.trim(),
            chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ")
        )
    }
}
