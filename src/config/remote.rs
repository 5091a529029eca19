//! The settings of a remote SPARQL store, and their check.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::error::ConfigError;

/// `[remote.NAME]`: a SPARQL 1.1 server that follows the mirror, as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/libris.toml says what each is, and why")]
pub struct RemoteSettings {
    pub query: Option<String>,
    pub update: Option<String>,
    pub graph_store: Option<String>,
    pub user: Option<String>,
    pub password_file: Option<PathBuf>,
    pub batch_quads: Option<usize>,
    pub load_quads: Option<usize>,
    pub parallel: Option<usize>,
    pub named_graphs: Option<bool>,
    pub auto: Option<bool>,
    pub timeout_s: Option<u64>,
    pub retry_s: Option<u64>,
    pub wait_s: Option<u64>,
}

/// A remote store whose settings were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Its name in this mirror.
    pub name: String,
    /// Where it takes queries.
    pub query: Url,
    /// Where it takes updates.
    pub update: Url,
    /// Where it takes N-Quads by POST, if it does.
    pub graph_store: Option<Url>,
    /// Who writes there, and the file with the password.
    pub login: Option<Login>,
    /// About how many quads go into one update.
    pub batch_quads: NonZeroUsize,
    /// About how many go into one request of N-Quads.
    pub load_quads: NonZeroUsize,
    /// How many requests are made at once.
    pub parallel: NonZeroUsize,
    /// Whether it has named graphs; otherwise it gets the union of all records.
    pub named_graphs: bool,
    /// Whether `harvest` and `serve` bring it up to date by themselves.
    pub auto: bool,
    /// The longest time for one request.
    pub timeout: Duration,
    /// How long a request is tried again.
    pub retry: Duration,
    /// How long a run waits for it in the end.
    pub wait: Duration,
}

/// Who asks a remote store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The file whose first line is the password.
    pub password_file: PathBuf,
}

/// The most requests at once.
const MOST_PARALLEL: usize = 64;

/// What holds where nothing is set; `config/libris.toml` says it too.
mod default {
    pub(super) const BATCH_QUADS: usize = 1000;
    pub(super) const LOAD_QUADS: usize = 20_000;
    pub(super) const PARALLEL: usize = 2;
    pub(super) const TIMEOUT_S: u64 = 300;
    pub(super) const RETRY_S: u64 = 120;
    pub(super) const WAIT_S: u64 = 60;
}

impl RemoteSettings {
    /// Checks the settings of one remote store.
    pub fn check(&self, name: &str) -> Result<Remote, ConfigError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || !name.chars().all(plain) {
            let problem = "use letters, digits, '-' and '_' for the name of a remote store".into();
            return Err(ConfigError::Value { key: "remote".into(), value: name.into(), problem });
        }
        let wrong = |key: &str, value: &str, problem: &str| ConfigError::Value {
            key: format!("remote.{name}.{key}"),
            value: value.to_owned(),
            problem: problem.to_owned(),
        };
        // Before an @ may be a password.
        let shown = |text: &'_ str| -> String { if text.contains('@') { "…".to_owned() } else { text.to_owned() } };
        let web = |key: &str, text: &Option<String>| {
            let Some(text) = text.as_deref() else { return Ok(None) };
            match Url::parse(text) {
                Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                    Err(wrong(key, "…", "put the login into user and password_file: addresses are shown in messages"))
                }
                Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(Some(url)),
                Ok(_) => Err(wrong(key, &shown(text), "it must begin with http:// or https://")),
                Err(error) => Err(wrong(key, &shown(text), &error.to_string())),
            }
        };
        let needed = |key: &str, url: Option<Url>, what: &str| url.ok_or_else(|| wrong(key, "", what));
        let count = |key: &str, given: Option<usize>, default: usize| {
            NonZeroUsize::new(given.unwrap_or(default)).ok_or_else(|| wrong(key, "0", "it must be at least 1"))
        };
        let parallel = count("parallel", self.parallel, default::PARALLEL)?;
        if parallel.get() > MOST_PARALLEL {
            return Err(wrong("parallel", &parallel.to_string(), "it must be at most 64"));
        }
        let login = match (&self.user, &self.password_file) {
            (Some(user), Some(file)) => Some(Login { user: user.clone(), password_file: file.clone() }),
            (None, None) => None,
            (Some(user), None) => return Err(wrong("user", user, "name the password_file as well")),
            (None, Some(file)) => return Err(wrong("password_file", &file.display().to_string(), "name the user as well")),
        };
        let seconds = |given: Option<u64>, default: u64| Duration::from_secs(given.unwrap_or(default));
        let timeout = seconds(self.timeout_s, default::TIMEOUT_S);
        if timeout.is_zero() {
            return Err(wrong("timeout_s", "0", "it must be at least 1"));
        }
        Ok(Remote {
            name: name.to_owned(),
            query: needed("query", web("query", &self.query)?, "it must be the address that takes SPARQL queries")?,
            update: needed("update", web("update", &self.update)?, "it must be the address that takes SPARQL updates")?,
            graph_store: web("graph_store", &self.graph_store)?,
            login,
            batch_quads: count("batch_quads", self.batch_quads, default::BATCH_QUADS)?,
            load_quads: count("load_quads", self.load_quads, default::LOAD_QUADS)?,
            parallel,
            named_graphs: self.named_graphs.unwrap_or(true),
            auto: self.auto.unwrap_or(false),
            timeout,
            retry: seconds(self.retry_s, default::RETRY_S),
            wait: seconds(self.wait_s, default::WAIT_S),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> RemoteSettings {
        let web = |path: &str| Some(format!("http://127.0.0.1:8890/{path}"));
        RemoteSettings { query: web("sparql"), update: web("sparql-auth"), ..RemoteSettings::default() }
    }

    #[test]
    fn what_is_not_set_has_a_default() {
        let remote = settings().check("virtuoso").expect("valid");
        assert_eq!((remote.batch_quads.get(), remote.load_quads.get(), remote.parallel.get()), (1000, 20_000, 2));
        assert!(!remote.auto);
        assert_eq!((remote.timeout.as_secs(), remote.retry.as_secs(), remote.wait.as_secs()), (300, 120, 60));
    }

    #[test]
    fn mistakes_name_the_setting() {
        let file = Some(PathBuf::from("/run/secret"));
        for (settings, due) in [
            (RemoteSettings { query: None, ..settings() }, "remote.a.query = \"\" is not valid"),
            (RemoteSettings { update: Some("ftp://x/".into()), ..settings() }, "remote.a.update = \"ftp://x/\""),
            (RemoteSettings { batch_quads: Some(0), ..settings() }, "remote.a.batch_quads = \"0\""),
            (RemoteSettings { user: Some("dba".into()), ..settings() }, "name the password_file as well"),
            (RemoteSettings { password_file: file, ..settings() }, "name the user as well"),
        ] {
            let error = settings.check("a").expect_err("a mistake").to_string();
            assert!(error.contains(due), "{error}");
        }
        assert!(settings().check("a b").is_err());
        for secret in ["http://me:hunter2@x/sparql", "me:hunter2@x:8890/sparql", "http://me:hunter2@x:99999/sparql"] {
            let settings = RemoteSettings { query: Some(secret.into()), ..settings() };
            let error = settings.check("a").expect_err("a secret").to_string();
            assert!(error.contains("remote.a.query") && !error.contains("hunter2"), "{error}");
        }
    }
}
