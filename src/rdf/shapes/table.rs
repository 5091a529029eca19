//! The table of shapes: the settings of `[describe]`, read and checked.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::super::prefixes::expand;
use super::aspect::Aspect;
use super::kinds::{Kind, KindSettings, Kinds};
use super::path::{Path, TermId, Terms};

/// `[describe]`, as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Describe {
    /// The languages of names, the preferred first.
    #[serde(default)]
    pub prefer: Vec<String>,
    /// The classes of a contribution that is the main one.
    #[serde(default)]
    pub primary: Vec<String>,
    /// The table of kinds.
    #[serde(default)]
    pub kinds: Vec<KindSettings>,
    /// Classes and categories that say the same.
    #[serde(default)]
    pub signs: BTreeMap<String, Vec<String>>,
    /// The paths of each [`Aspect`].
    #[serde(flatten)]
    pub paths: BTreeMap<String, Vec<String>>,
}

/// A mistake in the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} = {value:?} is not valid: {problem}")]
pub struct ShapesError {
    /// The setting.
    pub key: String,
    /// Its value.
    pub value: String,
    /// What is wrong, and what is valid.
    pub problem: String,
}

/// The table, ready to read records with. An empty one finds nothing.
#[derive(Debug, Default)]
pub struct Shapes {
    pub(super) terms: Terms,
    /// By aspect, in the order of [`Aspect::ALL`].
    paths: Vec<Vec<Path>>,
    /// The aspects of which a property is the last on a path.
    ends: FxHashMap<TermId, Ends>,
    pub(super) primary: Vec<u16>,
    pub(super) kinds: Kinds,
    prefer: Vec<String>,
    fingerprint: String,
}

/// The aspects of which a property is the last on a path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ends(u128);

impl Ends {
    /// Whether this is one of them.
    #[must_use]
    pub fn is(self, aspect: Aspect) -> bool {
        self.0 & bit(aspect) != 0
    }

    /// Whether any of these is.
    #[must_use]
    pub fn any(self, aspects: &[Aspect]) -> bool {
        aspects.iter().any(|aspect| self.is(*aspect))
    }
}

fn bit(aspect: Aspect) -> u128 {
    1 << (aspect as u32)
}

/// The rules by which this program reads the table. Grows when they change, so that views are rebuilt.
const RULES: u32 = 1;

impl Describe {
    /// Adds the lists of other settings after the own ones, without what is there.
    #[must_use]
    pub fn over(mut self, defaults: &Self) -> Self {
        add(&mut self.prefer, &defaults.prefer);
        add(&mut self.primary, &defaults.primary);
        for (own, others) in [(&mut self.paths, &defaults.paths), (&mut self.signs, &defaults.signs)] {
            for (name, list) in others {
                add(own.entry(name.clone()).or_default(), list);
            }
        }
        let new: Vec<KindSettings> = defaults.kinds.iter().filter(|kind| !self.kinds.contains(kind)).cloned().collect();
        self.kinds.extend(new);
        self
    }

    /// The text of everything that a record is read by: the names of kinds for people are not.
    fn text(&self) -> String {
        let kinds: Vec<_> = self.kinds.iter().map(|kind| (&kind.code, &kind.all, &kind.any, &kind.not)).collect();
        format!("{RULES} {:?} {:?} {kinds:?} {:?} {:?}", self.prefer, self.primary, self.signs, self.paths)
    }
}

fn add(own: &mut Vec<String>, others: &[String]) {
    let new: Vec<String> = others.iter().filter(|other| !own.contains(other)).cloned().collect();
    own.extend(new);
}

impl Shapes {
    /// Reads and checks the settings.
    pub fn new(describe: &Describe) -> Result<Self, ShapesError> {
        let mut terms = Terms::default();
        let wrong = |key: &str, value: &str, problem: String| ShapesError {
            key: format!("describe.{key}"),
            value: value.to_owned(),
            problem,
        };
        let mut paths: Vec<Vec<Path>> = Vec::new();
        for aspect in Aspect::ALL {
            let list = describe.paths.get(aspect.name()).map(Vec::as_slice).unwrap_or_default();
            let read =
                list.iter().map(|text| Path::parse(text, &mut terms).map_err(|problem| wrong(aspect.name(), text, problem)));
            paths.push(read.collect::<Result<_, _>>()?);
        }
        let mut ends: FxHashMap<TermId, Ends> = FxHashMap::default();
        for (aspect, paths) in Aspect::ALL.iter().zip(&paths) {
            for last in paths.iter().filter_map(|path| path.0.last()) {
                ends.entry(last.property).or_default().0 |= bit(*aspect);
            }
        }
        let primary = describe
            .primary
            .iter()
            .map(|class| expand(class).and_then(|iri| terms.add(&iri)).map_err(|problem| wrong("primary", class, problem)));
        let primary = primary.collect::<Result<_, _>>()?;
        let kinds = Kinds::new(&describe.kinds, &describe.signs, &mut terms)
            .map_err(|(key, value, problem)| wrong(&key, &value, problem))?;
        let fingerprint = blake3::hash(describe.text().as_bytes()).to_hex()[..16].to_owned();
        Ok(Self { terms, paths, ends, primary, kinds, prefer: describe.prefer.clone(), fingerprint })
    }

    /// The table that the program ships with, for tests below the configuration.
    #[cfg(test)]
    pub(crate) fn standard() -> std::sync::Arc<Self> {
        let table = config::File::from_str(include_str!("../../../config/describe.toml"), config::FileFormat::Toml);
        let read = config::Config::builder().add_source(table).build().and_then(|table| table.get("describe"));
        std::sync::Arc::new(Self::new(&read.expect("TOML")).expect("valid"))
    }

    /// The paths of an aspect, in order of preference.
    pub(super) fn paths(&self, aspect: Aspect) -> &[Path] {
        self.paths.get(aspect as usize).map(Vec::as_slice).unwrap_or_default()
    }

    /// What the values of a property may be, wherever it stands in a record.
    #[must_use]
    pub fn ends(&self, property: &str) -> Ends {
        self.terms.get(property).and_then(|term| self.ends.get(&term)).copied().unwrap_or_default()
    }

    /// Tells this table from others: what a view has read with one is stale under another.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The languages of names, the preferred first.
    #[must_use]
    pub fn languages(&self) -> &[String] {
        &self.prefer
    }

    /// All kinds with their names, in the order in which they are decided.
    #[must_use]
    pub fn kinds(&self) -> &[Kind] {
        self.kinds.all()
    }

    /// The kind of a code.
    #[must_use]
    pub fn kind(&self, code: &str) -> Option<&Kind> {
        self.kinds.all().iter().find(|kind| kind.code == code)
    }
}
