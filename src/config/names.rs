//! The names of all settings, and the check of a user's settings against them.

use std::collections::{BTreeMap, HashMap};

use config::{File, FileFormat, Value, ValueKind};

use super::defaults::{DEFAULTS, ENVIRONMENT_PREFIX};
use super::error::ConfigError;
use super::file::UserFile;
use super::nearest::nearest;

/// The settings of a source with their types.
const OF_SOURCES: [(&str, Kind); 15] = [
    ("kind", Kind::Text),
    ("url", Kind::Text),
    ("set", Kind::Text),
    ("prefix", Kind::Text),
    ("format", Kind::Text),
    ("context", Kind::Text),
    ("selections", Kind::List),
    ("download", Kind::Switch),
    ("entities", Kind::Text),
    ("urls", Kind::List),
    ("files", Kind::List),
    ("accept", Kind::Text),
    ("split", Kind::Text),
    ("every", Kind::Text),
    ("enabled", Kind::Switch),
];

/// The settings of a remote store with their types.
const OF_REMOTES: [(&str, Kind); 13] = [
    ("query", Kind::Text),
    ("update", Kind::Text),
    ("graph_store", Kind::Text),
    ("user", Kind::Text),
    ("password_file", Kind::Text),
    ("batch_quads", Kind::Whole),
    ("load_quads", Kind::Whole),
    ("parallel", Kind::Whole),
    ("named_graphs", Kind::Switch),
    ("auto", Kind::Switch),
    ("timeout_s", Kind::Whole),
    ("retry_s", Kind::Whole),
    ("wait_s", Kind::Whole),
];

/// The sections whose names users choose.
const NAMED: [(&str, &[(&str, Kind)]); 2] = [("sources", &OF_SOURCES), ("remote", &OF_REMOTES)];

/// Environment variables that are flags of the command line, not settings.
const FLAGS: [&str; 2] = ["LIBRIS_MIRROR_DATA", "LIBRIS_MIRROR_CONFIG"];

/// Stands for the name of any source, or of any remote store.
const ANY: &str = "NAME";

/// The type of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Whole,
    Decimal,
    Switch,
    List,
    /// Tables in a list: a file alone can hold it.
    Rows,
    Other,
}

impl Kind {
    fn of(value: &Value) -> Self {
        match value.kind {
            ValueKind::String(_) => Self::Text,
            ValueKind::I64(0..) | ValueKind::U64(_) => Self::Whole,
            ValueKind::Float(_) => Self::Decimal,
            ValueKind::Boolean(_) => Self::Switch,
            ValueKind::Array(ref members) if members.iter().any(|member| matches!(member.kind, ValueKind::Table(_))) => {
                Self::Rows
            }
            ValueKind::Array(_) => Self::List,
            // No setting is negative or that large.
            ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U128(_) | ValueKind::Nil | ValueKind::Table(_) => Self::Other,
        }
    }

    /// Returns whether a value of a file has this type.
    fn takes(self, value: &Value) -> bool {
        let given = Self::of(value);
        given == self || (self, given) == (Self::Decimal, Self::Whole)
    }

    /// Returns whether a text, from the environment or a flag, can be read as this type.
    fn takes_text(self, text: &str) -> bool {
        match self {
            Self::Whole => text.trim().parse::<i64>().is_ok_and(|number| number >= 0),
            Self::Decimal => text.trim().parse::<f64>().is_ok(),
            Self::Switch => matches!(text.trim(), "true" | "false"),
            Self::Rows => false,
            // The brackets and quotation marks of a file would become part of the members.
            Self::List => !(text.trim_start().starts_with('[') && text.contains(['"', '\''])),
            Self::Text | Self::Other => true,
        }
    }

    /// Returns the name of the type, with an example for the environment or a flag.
    fn words_in_text(self) -> &'static str {
        match self {
            Self::List => "a list, which is written here without brackets and quotation marks: a,b",
            other => other.words(),
        }
    }

    /// Returns the name of the type, with an example for a file.
    fn words(self) -> &'static str {
        match self {
            Self::Whole => "a whole number that is not negative, such as 500",
            Self::Decimal => "a number, such as 2.5",
            Self::Switch => "true or false",
            Self::Text => "a text, in quotation marks in a file",
            Self::List => "a list of texts, such as [\"a\", \"b\"]",
            Self::Rows => "a list of tables, and is set in a file alone",
            Self::Other => "something else",
        }
    }
}

/// Returns all settings with their types: `harvest.pause_ms`, `sources.NAME.url`.
fn known() -> Result<BTreeMap<String, Kind>, config::ConfigError> {
    let of_section = |(section, settings): (&'static str, &'static [(&'static str, Kind)])| {
        settings.iter().map(move |(name, kind)| (format!("{section}.{ANY}.{name}"), *kind))
    };
    let mut known: BTreeMap<String, Kind> = NAMED.into_iter().flat_map(of_section).collect();
    let defaults = of_file(DEFAULTS)?.into_iter().filter(|(name, _)| !name.starts_with("sources."));
    known.extend(defaults.map(|(name, value)| (name, Kind::of(&value))));
    Ok(known)
}

/// The settings that are lists of texts.
pub(super) struct Lists(BTreeMap<String, Kind>);

impl Lists {
    pub(super) fn new() -> Result<Self, config::ConfigError> {
        known().map(Self)
    }

    /// Returns whether a setting is one of them.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.get(&general(name).0) == Some(&Kind::List)
    }
}

/// Returns the name of a setting with that of any source or remote store, and its name: users choose these.
fn general(name: &str) -> (String, Option<&str>) {
    match name.split('.').collect::<Vec<_>>().as_slice() {
        [section, name, key] if NAMED.iter().any(|(named, _)| named == section) => {
            (format!("{section}.{ANY}.{key}"), Some(*name))
        }
        _ => (name.to_owned(), None),
    }
}

/// Returns the settings in a text of TOML, with their values.
fn of_file(text: &str) -> Result<Vec<(String, Value)>, config::ConfigError> {
    let layer = config::Config::builder().add_source(File::from_str(text, FileFormat::Toml)).build()?;
    let mut names = Vec::new();
    let mut open: Vec<(String, Value)> = layer.cache.into_table()?.into_iter().collect();
    while let Some((name, value)) = open.pop() {
        match value.kind {
            ValueKind::Table(table) if name.split('.').count() < 3 => {
                open.extend(table.into_iter().map(|(key, value)| (format!("{name}.{key}"), value)));
            }
            _ => names.push((name, value)),
        }
    }
    names.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(names)
}

/// Checks that the settings in a user's file, the environment and the flags exist and have the right types.
pub(super) fn check(
    file: Option<UserFile<'_>>,
    environment: &HashMap<String, String>,
    overrides: &[(String, String)],
) -> Result<(), ConfigError> {
    let known = known()?;
    let is = |words: &str, fits: bool, name: &str, value: String| {
        let problem = format!("it must be {words}");
        if fits { Ok(()) } else { Err(ConfigError::Value { key: name.to_owned(), value, problem }) }
    };
    if let Some(file) = file {
        for (name, value) in of_file(file.text).map_err(|error| file.not_toml(&error))? {
            look_up(&known, &name, "the configuration file", &name, |nearest| nearest)
                .and_then(|kind| is(kind.words(), kind.takes(&value), &name, value.to_string()))
                .map_err(|error| file.wrong_setting(&name, error))?;
        }
    }
    let mut variables: Vec<(&String, &String)> =
        environment.iter().filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX) && !FLAGS.contains(&name.as_str())).collect();
    variables.sort();
    for (variable, value) in variables {
        let name = setting_of(variable);
        let kind = look_up(&known, &name, "the environment", variable, |nearest| {
            format!("{ENVIRONMENT_PREFIX}_{}", nearest.replace('.', "__").to_uppercase())
        })?;
        is(kind.words_in_text(), kind.takes_text(value), variable, value.clone())?;
    }
    overrides.iter().try_for_each(|(name, value)| {
        let kind = look_up(&known, name, "--set-config", name, |nearest| nearest)?;
        is(kind.words_in_text(), kind.takes_text(value), name, value.clone())
    })
}

/// `LIBRIS_MIRROR_HARVEST__PAUSE_MS` is `harvest.pause_ms`.
pub(super) fn setting_of(variable: &str) -> String {
    variable.trim_start_matches(ENVIRONMENT_PREFIX).trim_start_matches('_').to_lowercase().replace("__", ".")
}

fn look_up(
    known: &BTreeMap<String, Kind>,
    name: &str,
    place: &'static str,
    written: &str,
    spell: impl Fn(String) -> String,
) -> Result<Kind, ConfigError> {
    let (general, chosen) = general(name);
    if let Some(kind) = known.get(&general) {
        return Ok(*kind);
    }
    let inside = format!("{general}.");
    if known.keys().any(|known| known.starts_with(&inside)) {
        let problem = format!("it is a section: write [{general}], and its settings below it");
        return Err(ConfigError::Value { key: written.to_owned(), value: "…".to_owned(), problem });
    }
    let nearest = nearest(known.keys().map(String::as_str), &general);
    let nearest = nearest.map(|nearest| spell(nearest.replace(ANY, chosen.unwrap_or(ANY))));
    Err(ConfigError::Unknown { name: written.to_owned(), place, nearest })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn check(file: &str, environment: &HashMap<String, String>, overrides: &[(String, String)]) -> Result<(), ConfigError> {
        super::check(Some(UserFile { path: Path::new("my.toml"), text: file }), environment, overrides)
    }

    fn mistake(file: &str, variable: Option<&str>, key: Option<&str>) -> String {
        let environment = variable.map(|name| (name.to_owned(), "1".to_owned())).into_iter().collect();
        let overrides: Vec<_> = key.map(|key| (key.to_owned(), "1".to_owned())).into_iter().collect();
        check(file, &environment, &overrides).expect_err("a mistake").to_string()
    }

    #[test]
    fn every_setting_of_the_defaults_is_known_under_every_form() {
        check(DEFAULTS, &HashMap::new(), &[]).expect("known");
        let variables = ["LIBRIS_MIRROR_HARVEST__PAUSE_MS", "LIBRIS_MIRROR_SOURCES__DNB__URL", "LIBRIS_MIRROR_DATA", "HOME"];
        let environment = variables.map(|name| (name.to_owned(), "1".to_owned())).into();
        check("[sources.my-own]\nurl = \"x\"\nformat = \"ttl\"", &environment, &[("serve.rows".into(), "1".into())])
            .expect("known");
    }

    #[test]
    fn a_value_is_of_the_kind_that_the_setting_is() {
        let wrong = |file: &str, key: &str, value: &str| {
            let overrides: Vec<_> = [(key, value)]
                .iter()
                .filter(|(key, _)| !key.is_empty())
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect();
            check(file, &HashMap::new(), &overrides).err().map(|error| error.to_string()).unwrap_or_default()
        };
        for (file, key, value) in [
            ("[harvest]\npause_ms = true", "", ""),
            ("[harvest]\npause_ms = 1.5", "", ""),
            ("[harvest]\npause_ms = -1", "", ""),
            ("", "harvest.pause_ms", "-1"),
            ("[harvest]\npause_ms = \"5\"", "", ""),
            ("", "harvest.pause_ms", "1.9"),
            ("", "serve.forwarded", "yes"),
            ("[sources.x]\nenabled = 1", "", ""),
            ("[query]\nservice_hosts = \"a\"", "", ""),
        ] {
            assert!(wrong(file, key, value).contains("is not valid: it must be "), "{file}{key}: {:?}", wrong(file, key, value));
        }
        assert_eq!(wrong("[harvest]\nwithdraw_max_percent = 5", "harvest.pause_ms", " 7 "), "");
        assert!(wrong("harvest = 3", "", "").contains("it is a section: write [harvest]"));
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
            (mistake("[sources.nb]\nulr = \"x\"", None, None), "did you mean `sources.nb.url`?"),
            (mistake("", Some("LIBRIS_MIRROR_HARVEST_PAUSE_MS"), None), "did you mean `LIBRIS_MIRROR_HARVEST__PAUSE_MS`?"),
        ] {
            assert!(said.contains(due) && said.contains("generate config"), "{said}");
        }
        let said = mistake("[harvest]\nzzz = 2", None, None);
        assert!(
            said.starts_with("my.toml, line 2: \"harvest.zzz\" in the configuration file is no setting")
                && !said.contains("did you"),
            "{said}"
        );
    }
}
