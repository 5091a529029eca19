//! Reads the settings and the data directory from flags, the environment and files.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::Context;
use fs_err as fs;

use super::exit::Misuse;
use super::global::Global;
use crate::config::{Config, Source, UserFile, nearest};
use crate::data_dir::{DataDir, DataDirError};
use crate::log::{Log, LogError, PageId};

/// The settings of a run.
#[derive(Debug)]
pub(super) struct Settings {
    /// All layers merged.
    pub(super) config: Config,
    /// The data directory.
    pub(super) data: DataDir,
}

fn home(variable: &str, below: &str) -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set(variable).or_else(|| set("HOME").map(|home| home.join(below)))
}

impl Settings {
    /// Reads the layers.
    pub(super) fn read(global: &Global) -> anyhow::Result<Self> {
        let file = if let Some(path) = &global.config {
            let text = fs::read_to_string(path).map_err(|error| {
                Misuse(format!("{error}\nhint: name an existing configuration file, which may be empty, or omit --config"))
            })?;
            Some((path.clone(), text))
        } else {
            let path = home("XDG_CONFIG_HOME", ".config").map(|base| base.join("libris-mirror/config.toml"));
            let path = path.filter(|path| path.exists());
            path.map(|path| fs::read_to_string(&path).map(|text| (path, text))).transpose()?
        };
        let environment: HashMap<String, String> =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect();
        let file = file.as_ref().map(|(path, text)| UserFile { path, text });
        let config = Config::new(file, environment, &global.overrides)?;
        let path = match &global.data {
            Some(path) => path.clone(),
            None => home("XDG_DATA_HOME", ".local/share")
                .map(|base| base.join("libris-mirror"))
                .context("there is no home directory: name a data directory with --data")?,
        };
        Ok(Self { config, data: DataDir::new(path) })
    }

    /// Opens the log of a mirror that is not empty.
    pub(super) fn read_log(&self) -> anyhow::Result<Log> {
        self.data.check()?;
        let log = self.data.read_log()?;
        if log.last_page()? == PageId(0) {
            return Err(DataDirError::Empty(self.data.path().to_owned()).into());
        }
        Ok(log)
    }

    /// Checks that a mirror has sources of these names.
    pub(super) fn check_names<'a>(&self, log: &Log, names: impl IntoIterator<Item = &'a String>) -> anyhow::Result<()> {
        let rows = log.sources()?;
        let Some(name) = names.into_iter().find(|name| !rows.iter().any(|row| row.name == **name)) else { return Ok(()) };
        if self.config.sources.contains_key(name) {
            return Err(LogError::NotHarvested(name.clone()).into());
        }
        let known: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        let nearest = nearest(known.iter().copied(), name).map(|nearest| format!("\nhint: did you mean `{nearest}`?"));
        let (known, nearest) = (known.join(", "), nearest.unwrap_or_default());
        Err(Misuse(format!("no source is called {name:?}; the mirror has {known}{nearest}")).into())
    }

    /// Returns the named sources of a mirror, or all of them, with the settings that they were harvested with.
    pub(super) fn mirrored(log: &Log, names: &[String]) -> anyhow::Result<Vec<Source>> {
        let rows = log.sources()?;
        let wanted = rows.iter().filter(|row| names.is_empty() || names.contains(&row.name));
        wanted.map(|row| Ok(row.source()?)).collect()
    }

    /// Returns a description of this process for others that want the lock.
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
