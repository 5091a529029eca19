//! Settings: the compiled-in defaults of `config/libris.toml` and `config/describe.toml`, a user's file, the environment, and flags, in
//! that order, become one validated [`Config`]. Reading files and the environment is left to the caller.

mod defaults;
mod engine;
mod error;
mod file;
mod names;
mod nearest;
mod remote;
mod source;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use crate::oai::Limits;
use crate::rdf::shapes::{Describe, Shapes, ShapesError};

pub use defaults::{DEFAULTS, ENVIRONMENT_PREFIX};
pub use engine::Engine;
pub use error::ConfigError;
pub use file::UserFile;
pub use nearest::nearest;
pub use remote::{Login, Remote, RemoteSettings};
pub use source::{DocumentsSource, EmmSource, OaiSource, STDIN, Source, SourceKind, SourceOrigin, SourceSettings, Split};

/// All settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `[harvest]`
    pub harvest: Harvest,
    /// `[store]`
    pub store: Store,
    /// `[index]`
    pub index: Index,
    /// `[query]`
    pub query: Query,
    /// `[serve]`
    pub serve: Serve,
    /// `[describe]`: what a record says. The user's lists come before those of the defaults.
    pub describe: Describe,
    /// The same, read and checked.
    #[serde(skip)]
    pub shapes: Arc<Shapes>,
    /// `[sources.NAME]`
    pub sources: BTreeMap<String, SourceSettings>,
    /// `[remote.NAME]`
    #[serde(default)]
    pub remote: BTreeMap<String, RemoteSettings>,
}

/// `[harvest]`: politeness, patience and limits. Units are in the names.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/libris.toml says what each is, and why")]
pub struct Harvest {
    pub contact: String,
    pub pause_ms: u64,
    pub connect_timeout_s: u64,
    pub idle_timeout_s: u64,
    pub idle_bytes: usize,
    pub total_timeout_s: u64,
    pub tries: usize,
    pub retry_min_ms: u64,
    pub retry_max_ms: u64,
    pub retry_after_max_s: u64,
    pub retry_total_s: u64,
    pub overlap_s: u32,
    pub page_records: usize,
    pub page_bytes: usize,
    pub record_bytes: usize,
    pub depth: usize,
    pub document_bytes: usize,
    pub file_bytes: u64,
    pub blank_nodes: usize,
    pub sort_memory_mb: usize,
    pub gzip_ratio: u64,
    pub isolate_records: usize,
    pub withdraw_max_percent: f64,
    pub feed_pages: usize,
}

/// `[store]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/libris.toml says what each is, and why")]
pub struct Store {
    pub enabled: bool,
    pub publish: bool,
    pub bulk_memory_mb: usize,
    pub open_tables: u32,
    pub publish_s: u64,
    pub keep_snapshots: usize,
}

/// `[index]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/libris.toml says what each is, and why")]
pub struct Index {
    pub memory_mb: usize,
    pub merge_s: u64,
}

/// `[query]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/libris.toml says what each is, and why")]
pub struct Query {
    pub timeout_s: u64,
    pub query_bytes: usize,
    pub fuse: bool,
    pub service_hosts: Vec<String>,
}

/// `[serve]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/libris.toml says what each is, and why")]
pub struct Serve {
    pub base_path: String,
    pub public_url: String,
    pub forwarded: bool,
    pub record_base: String,
    pub api_keys: Vec<String>,
    pub api_per_s: u32,
    pub sparql: String,
    pub timeout_s: u64,
    pub rows: u64,
    pub result_bytes: u64,
    pub concurrent: usize,
    pub queue: usize,
    pub queue_s: u64,
    pub memory_mb: u64,
    pub cache_mb: u64,
    pub connections: usize,
    pub header_timeout_s: u64,
    pub body_timeout_s: u64,
    pub stall_s: u64,
    pub dump_s: u64,
    pub stop_s: u64,
}

/// The minimum of `serve.memory_mb`.
const LEAST_MEMORY_MB: u64 = 512;

impl Config {
    /// Merges the layers: a user's file, the environment, and `key=value` overrides.
    pub fn new(
        file: Option<UserFile<'_>>,
        environment: HashMap<String, String>,
        overrides: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        names::check(file, &environment, overrides)?;
        let defaults = config::File::from_str(DEFAULTS, config::FileFormat::Toml);
        let shipped: Describe = config::Config::builder().add_source(defaults.clone()).build()?.get("describe")?;
        let mut builder = config::Config::builder().add_source(defaults);
        if let Some(file) = file {
            builder = builder.add_source(config::File::from_str(file.text, config::FileFormat::Toml));
        }
        // Only variables with a section: others, such as LIBRIS_MIRROR_DATA, are flags.
        let sectioned: HashMap<_, _> =
            environment.into_iter().filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX) && name.contains("__")).collect();
        let mut variables = config::Environment::with_prefix(ENVIRONMENT_PREFIX)
            .prefix_separator("_")
            .separator("__")
            .list_separator(",")
            // With none named, everything would be a list.
            .with_list_parse_key("query.service_hosts")
            .try_parsing(true);
        let lists = names::Lists::new()?;
        for name in sectioned.keys().map(|variable| names::setting_of(variable)).filter(|name| lists.has(name)) {
            variables = variables.with_list_parse_key(&name);
        }
        builder = builder.add_source(variables.source(Some(sectioned)));
        for (key, value) in overrides {
            builder = if lists.has(key) {
                builder.set_override(key, list(value))?
            } else {
                builder.set_override(key, value.as_str())?
            };
        }
        let mut config: Self = builder.build()?.try_deserialize()?;
        for host in &mut config.query.service_hosts {
            *host = host.trim().to_owned();
        }
        config.describe = config.describe.over(&shipped);
        let wrong = |ShapesError { key, value, problem }| {
            let error = ConfigError::Value { key: key.clone(), value, problem };
            match file {
                Some(file) => file.wrong_setting(&key, error),
                None => error,
            }
        };
        config.shapes = Arc::new(Shapes::new(&config.describe).map_err(wrong)?);
        config.check()?;
        Ok(config)
    }

    /// What answers the queries of a server, the best first: the list of `serve.sparql`, checked.
    pub fn engines(&self) -> Result<Vec<Engine>, ConfigError> {
        engine::engines(&self.serve.sparql, &self.remote)
    }

    /// The remote stores, checked.
    pub fn remotes(&self) -> Result<Vec<Remote>, ConfigError> {
        self.remote.iter().map(|(name, settings)| settings.check(name)).collect()
    }

    /// Checks the values. A caller that changes one afterwards must check again.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.serve.check()?;
        let Harvest { tries, page_records, page_bytes, record_bytes, depth, feed_pages, .. } = &self.harvest;
        for (key, value) in [
            ("harvest.tries", *tries),
            ("harvest.page_records", *page_records),
            ("harvest.page_bytes", *page_bytes),
            ("harvest.record_bytes", *record_bytes),
            ("harvest.depth", *depth),
            ("harvest.feed_pages", *feed_pages),
            ("store.bulk_memory_mb", self.store.bulk_memory_mb),
            ("index.memory_mb", self.index.memory_mb),
            ("query.timeout_s", usize::try_from(self.query.timeout_s).unwrap_or(usize::MAX)),
            ("store.open_tables", self.store.open_tables as usize),
            ("store.keep_snapshots", self.store.keep_snapshots),
            ("serve.connections", self.serve.connections),
            ("serve.dump_s", usize::try_from(self.serve.dump_s).unwrap_or(usize::MAX)),
        ] {
            if value == 0 {
                return Err(ConfigError::Value { key: key.into(), value: "0".into(), problem: "it must be at least 1".into() });
            }
        }
        self.remotes()?;
        self.engines()?;
        let percent = self.harvest.withdraw_max_percent;
        if !(0.0..=100.0).contains(&percent) {
            let (key, value) = ("harvest.withdraw_max_percent".into(), percent.to_string());
            return Err(ConfigError::Value { key, value, problem: "it must be from 0 to 100, such as 5".into() });
        }
        Ok(())
    }

    /// Returns the named sources, or all that are enabled.
    pub fn sources(&self, names: &[String]) -> Result<Vec<Source>, ConfigError> {
        if names.is_empty() {
            return self
                .sources
                .iter()
                .filter(|(_, settings)| settings.enabled)
                .map(|(name, settings)| settings.check(name))
                .collect();
        }
        let known = || self.sources.keys().cloned().collect::<Vec<_>>().join(", ");
        names
            .iter()
            .map(|name| {
                let settings =
                    self.sources.get(name).ok_or_else(|| ConfigError::UnknownSource { name: name.clone(), known: known() })?;
                settings.check(name)
            })
            .collect()
    }
}

/// Splits a list from the command line at its commas.
fn list(text: &str) -> Vec<String> {
    text.split(',').filter(|member| !member.trim().is_empty()).map(str::to_owned).collect()
}

impl Serve {
    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, value: &str, problem: &str| {
            Err(ConfigError::Value { key: key.into(), value: value.into(), problem: problem.into() })
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | '~');
        let path = &self.base_path;
        if !path.chars().all(plain) || path.contains("//") || path.split('/').any(|part| matches!(part, "." | "..")) {
            return wrong(
                "serve.base_path",
                path,
                "it must be a path such as /libris, of letters, digits, '-', '_', '.' and '~'",
            );
        }
        if self.api_per_s == 0 {
            return wrong("serve.api_per_s", "0", "it must be at least 1");
        }
        if self.api_keys.iter().any(|key| key.trim().is_empty()) {
            return wrong("serve.api_keys", "…", "a key must not be empty");
        }
        if self.memory_mb < LEAST_MEMORY_MB {
            let problem = format!("it must be at least {LEAST_MEMORY_MB}: a query needs some 300 MB of address space to begin");
            return wrong("serve.memory_mb", &self.memory_mb.to_string(), &problem);
        }
        let url = url::Url::parse(&self.public_url);
        let web =
            url.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none());
        if !self.public_url.is_empty() && !web {
            return wrong("serve.public_url", &self.public_url, "it must be an address such as https://example.org/libris");
        }
        Ok(())
    }
}

impl Harvest {
    /// Returns the limits of the parser.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits { record_bytes: self.record_bytes, depth: self.depth }
    }

    /// Returns the least time between two requests.
    #[must_use]
    pub fn pause(&self) -> Duration {
        Duration::from_millis(self.pause_ms)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn with(file: &str, environment: &[(&str, &str)], overrides: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let file = UserFile { path: Path::new("/etc/mirror.toml"), text: file };
        Config::new(Some(file), environment.iter().map(owned).collect(), &overrides.iter().map(owned).collect::<Vec<_>>())
    }

    #[test]
    fn each_layer_overrides_the_one_below() {
        let defaults = Config::new(None, HashMap::new(), &[]).expect("the defaults are valid");
        assert_eq!(defaults.harvest.pause_ms, 1000);
        assert!(defaults.harvest.idle_timeout_s >= 120, "some servers think for more than a minute");
        assert_eq!(defaults.sources.keys().collect::<Vec<_>>(), ["auth", "definitions", "nb"]);
        let file = "[harvest]\npause_ms = 2\ntries = 3\noverlap_s = 4";
        let config = with(
            file,
            &[("LIBRIS_MIRROR_HARVEST__TRIES", "7"), ("LIBRIS_MIRROR_HARVEST__OVERLAP_S", "8"), ("LIBRIS_MIRROR_DATA", "x")],
            &[("harvest.overlap_s", "9")],
        )
        .expect("valid");
        assert_eq!((config.harvest.pause_ms, config.harvest.tries, config.harvest.overlap_s), (2, 7, 9));
    }

    #[test]
    fn mistakes_are_named() {
        let error = with("[harvest]\npawse_ms = 2", &[], &[]).expect_err("unknown");
        assert!(error.to_string().starts_with("/etc/mirror.toml, line 2: \"harvest.pawse_ms\""), "{error}");
        let error = with("[harvest]\ncontact = \"a\"\n[harvest]\n", &[], &[]).expect_err("a section that comes twice");
        assert!(error.to_string().starts_with("/etc/mirror.toml, line 3: it is not valid TOML: duplicate key"), "{error}");
        for percent in ["-1", "100.5", "nan"] {
            let error = with("", &[], &[("harvest.withdraw_max_percent", percent)]).expect_err("no percentage");
            assert!(error.to_string().contains("it must be from 0 to 100"), "{error}");
        }
        let error = with("[harvest]\ntries = 0", &[], &[]).expect_err("zero");
        assert_eq!(error.to_string(), "harvest.tries = \"0\" is not valid: it must be at least 1");
        let config = with("[sources.x]\nurl = \"ftp://example.org/\"", &[], &[]).expect("checked when used");
        let error = config.sources(&["x".into()]).expect_err("ftp");
        assert!(error.to_string().contains("sources.x.url = \"ftp://example.org/\""), "{error}");
        let error = config.sources(&["y".into()]).expect_err("unknown");
        assert!(error.to_string().contains("the configuration has auth, definitions, nb, x"), "{error}");
    }
}
