//! The names of all settings, and the one that a mistake is nearest to.

use std::collections::{BTreeSet, HashMap};

use config::{File, FileFormat, Value, ValueKind};

use super::{ConfigError, DEFAULTS, ENVIRONMENT_PREFIX};

/// What a source may set beside what the sources of the defaults do.
const OF_SOURCES: [&str; 6] = ["url", "set", "prefix", "format", "context", "enabled"];

/// Environment variables that are flags of the command line, and no settings.
const FLAGS: [&str; 2] = ["LIBRIS_MIRROR_DATA", "LIBRIS_MIRROR_CONFIG"];

/// Stands for the name of any source.
const ANY: &str = "NAME";

/// All settings, with dots: `harvest.pause_ms`, `sources.NAME.url`.
fn known() -> Result<BTreeSet<String>, config::ConfigError> {
    let mut known: BTreeSet<String> = OF_SOURCES.iter().map(|name| format!("sources.{ANY}.{name}")).collect();
    known.extend(of_file(DEFAULTS)?.into_iter().filter(|name| !name.starts_with("sources.")));
    Ok(known)
}

/// The settings that a text of TOML names.
fn of_file(text: &str) -> Result<Vec<String>, config::ConfigError> {
    let layer = config::Config::builder().add_source(File::from_str(text, FileFormat::Toml)).build()?;
    let mut names = Vec::new();
    let mut open: Vec<(String, Value)> = layer.cache.into_table()?.into_iter().collect();
    while let Some((name, value)) = open.pop() {
        match value.kind {
            ValueKind::Table(table) if name.split('.').count() < 3 => {
                open.extend(table.into_iter().map(|(key, value)| (format!("{name}.{key}"), value)));
            }
            _ => names.push(name),
        }
    }
    names.sort();
    Ok(names)
}

/// Checks that a user's file, the environment and the flags name settings that there are.
pub(super) fn check(
    file: Option<&str>,
    environment: &HashMap<String, String>,
    overrides: &[(String, String)],
) -> Result<(), ConfigError> {
    let known = known()?;
    for name in file.map(of_file).transpose()?.unwrap_or_default() {
        look_up(&known, &name, "the configuration file", &name, |nearest| nearest)?;
    }
    let mut variables: Vec<&String> =
        environment.keys().filter(|name| name.starts_with(ENVIRONMENT_PREFIX) && !FLAGS.contains(&name.as_str())).collect();
    variables.sort();
    for variable in variables {
        let name = setting_of(variable);
        look_up(&known, &name, "the environment", variable, |nearest| {
            format!("{ENVIRONMENT_PREFIX}_{}", nearest.replace('.', "__").to_uppercase())
        })?;
    }
    overrides.iter().try_for_each(|(name, _)| look_up(&known, name, "--set-config", name, |nearest| nearest))
}

/// `LIBRIS_MIRROR_HARVEST__PAUSE_MS` is `harvest.pause_ms`.
fn setting_of(variable: &str) -> String {
    variable.trim_start_matches(ENVIRONMENT_PREFIX).trim_start_matches('_').to_lowercase().replace("__", ".")
}

fn look_up(
    known: &BTreeSet<String>,
    name: &str,
    place: &'static str,
    written: &str,
    spell: impl Fn(String) -> String,
) -> Result<(), ConfigError> {
    // The name of a source is the user's own.
    let (general, source) = match name.split('.').collect::<Vec<_>>().as_slice() {
        ["sources", source, key] => (format!("sources.{ANY}.{key}"), Some(*source)),
        _ => (name.to_owned(), None),
    };
    if known.contains(&general) {
        return Ok(());
    }
    let nearest = nearest(known.iter().map(String::as_str), &general);
    let nearest = nearest.map(|nearest| spell(nearest.replace(ANY, source.unwrap_or(ANY))));
    Err(ConfigError::Unknown { name: written.to_owned(), place, nearest })
}

/// The name that a mistake is nearest to, unless none is near.
#[must_use]
pub fn nearest<'a>(known: impl Iterator<Item = &'a str>, mistake: &str) -> Option<&'a str> {
    fn last(name: &str) -> &str {
        name.rsplit('.').next().unwrap_or_default()
    }
    // The section may be forgotten, or another one: it only decides between names that are as near.
    let likeness = |name: &str| (strsim::jaro_winkler(last(name), last(mistake)), strsim::jaro_winkler(name, mistake));
    let near = known.map(|name| (likeness(name), name)).filter(|((own, _), _)| *own > 0.8);
    near.max_by(|((own, whole), _), ((other_own, other_whole), _)| own.total_cmp(other_own).then(whole.total_cmp(other_whole)))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(file: &str, variable: Option<&str>, key: Option<&str>) -> String {
        let environment = variable.map(|name| (name.to_owned(), "1".to_owned())).into_iter().collect();
        let overrides: Vec<_> = key.map(|key| (key.to_owned(), "1".to_owned())).into_iter().collect();
        check(Some(file), &environment, &overrides).expect_err("a mistake").to_string()
    }

    #[test]
    fn every_setting_of_the_defaults_is_known_under_every_form() {
        check(Some(DEFAULTS), &HashMap::new(), &[]).expect("known");
        let variables = ["LIBRIS_MIRROR_HARVEST__PAUSE_MS", "LIBRIS_MIRROR_SOURCES__DNB__URL", "LIBRIS_MIRROR_DATA", "HOME"];
        let environment = variables.map(|name| (name.to_owned(), String::new())).into();
        check(Some("[sources.my-own]\nurl = \"x\"\nformat = \"ttl\""), &environment, &[("serve.rows".into(), "1".into())])
            .expect("known");
    }

    #[test]
    fn a_mistake_is_told_with_the_nearest_name() {
        for (said, due) in [
            (mistake("[harvest]\npawse_ms = 2", None, None), "did you mean `harvest.pause_ms`?"),
            (mistake("pause_ms = 2", None, None), "did you mean `harvest.pause_ms`?"),
            (mistake("[harvest]\nrows = 2", None, None), "did you mean `serve.rows`?"),
            (mistake("[sources.dnb]\nprefx = \"x\"", None, None), "did you mean `sources.dnb.prefix`?"),
            (mistake("", Some("LIBRIS_MIRROR_PAUSE_MS"), None), "did you mean `LIBRIS_MIRROR_HARVEST__PAUSE_MS`?"),
            (mistake("", Some("LIBRIS_MIRROR_HARVEST__PAUSE"), None), "did you mean `LIBRIS_MIRROR_HARVEST__PAUSE_MS`?"),
            (mistake("", None, Some("serve.timeout")), "did you mean `serve.timeout_s`?"),
        ] {
            assert!(said.contains(due) && said.contains("generate config"), "{said}");
        }
        let said = mistake("[harvest]\nzzz = 2", None, None);
        assert!(
            said.starts_with("\"harvest.zzz\" in the configuration file is no setting") && !said.contains("did you"),
            "{said}"
        );
    }
}
