//! `serve.sparql`: what answers queries.

use std::collections::BTreeMap;

use super::error::ConfigError;
use super::nearest::nearest;
use super::remote::{Remote, RemoteSettings};

/// What answers queries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// The published index.
    Index,
    /// A remote store.
    Remote(Box<Remote>),
}

/// The word for the index.
const INDEX: &str = "index";

/// Reads a list of engines, as it is written in the configuration.
pub(super) fn engines(list: &str, remotes: &BTreeMap<String, RemoteSettings>) -> Result<Vec<Engine>, ConfigError> {
    let wrong = |problem: String| ConfigError::Value { key: "serve.sparql".into(), value: list.to_owned(), problem };
    let mut engines = Vec::new();
    for word in list.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let engine = match word.strip_prefix("remote.") {
            None if word == INDEX => Engine::Index,
            None => {
                let meant = if remotes.contains_key(word) { format!("; did you mean remote.{word}?") } else { String::new() };
                return Err(wrong(format!("{word:?} is neither \"index\" nor \"remote.NAME\"{meant}")));
            }
            Some(name) => {
                let settings = remotes.get(name).ok_or_else(|| {
                    let nearest = nearest(remotes.keys().map(String::as_str), name);
                    let meant = nearest.map(|nearest| format!("; did you mean remote.{nearest}?")).unwrap_or_default();
                    wrong(format!("there is no section [remote.{name}]{meant}"))
                })?;
                Engine::Remote(Box::new(settings.check(name)?))
            }
        };
        if engines.contains(&engine) {
            return Err(wrong(format!("{word:?} is there twice")));
        }
        if engines.last() == Some(&Engine::Index) {
            return Err(wrong(format!("\"index\" answers where no remote store does: name it after {word:?}")));
        }
        engines.push(engine);
    }
    if engines.is_empty() {
        return Err(wrong("name what answers queries, such as \"index\"".into()));
    }
    Ok(engines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(list: &str) -> Result<String, String> {
        let web = |path: &str| Some(format!("http://127.0.0.1/{path}"));
        let settings = || RemoteSettings { query: web("q"), update: web("u"), ..RemoteSettings::default() };
        let remotes = ["a", "b"].map(|name| (name.to_owned(), settings())).into();
        let name = |engine: &Engine| match engine {
            Engine::Index => "index".to_owned(),
            Engine::Remote(remote) => remote.name.clone(),
        };
        let engines = engines(list, &remotes).map_err(|error| error.to_string())?;
        Ok(engines.iter().map(name).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn remote_stores_go_first_and_must_exist() {
        assert_eq!(named("index").as_deref(), Ok("index"));
        assert_eq!(named("remote.b, remote.a,index").as_deref(), Ok("b a index"));
        for (list, due) in [
            ("", "name what answers"),
            ("store", "neither \"index\" nor"),
            ("a", "did you mean remote.a?"),
            ("remote.c", "no section [remote.c]"),
            ("remote.a,remote.a", "twice"),
            ("index,remote.a", "name it after"),
        ] {
            let error = named(list).expect_err(list);
            assert!(error.contains(due) && error.contains("serve.sparql"), "{error}");
        }
    }
}
