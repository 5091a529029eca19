//! What a librarian calls a thing, decided by signs: its classes, those of its work, and its categories.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;

use super::super::prefixes::expand;
use super::path::{TermId, Terms};

/// A line of the table of kinds, as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindSettings {
    /// The kind: a stable name in lower case.
    pub code: String,
    /// Its name in English; the first line of a kind that has one counts.
    #[serde(default)]
    pub en: String,
    /// Its name in Swedish.
    #[serde(default)]
    pub sv: String,
    /// All of these must hold.
    #[serde(default)]
    pub all: Vec<String>,
    /// One of these must hold.
    #[serde(default)]
    pub any: Vec<String>,
    /// None of these may hold.
    #[serde(default)]
    pub not: Vec<String>,
}

/// A kind with its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// The stable name, such as `book`.
    pub code: String,
    /// For people, in English.
    pub en: String,
    /// For people, in Swedish.
    pub sv: String,
}

/// The number of a sign.
type Sign = u16;

#[derive(Debug)]
struct Rule {
    code: String,
    all: Vec<Sign>,
    any: Vec<Sign>,
    not: Vec<Sign>,
}

/// The table.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    rules: Vec<Rule>,
    named: Vec<Kind>,
    /// The signs that a term gives.
    signs_of: FxHashMap<TermId, Vec<Sign>>,
    instance: Option<Sign>,
}

/// The sign that everything has that has a work.
const INSTANCE: &str = "instance";

/// Where the table is wrong: the key below `describe`, the value, and the problem.
pub(super) type Wrong = (String, String, String);

impl Kinds {
    pub(super) fn new(kinds: &[KindSettings], signs: &BTreeMap<String, Vec<String>>, terms: &mut Terms) -> Result<Self, Wrong> {
        let mut table = Self::default();
        let mut names: BTreeMap<String, Sign> = BTreeMap::new();
        for (name, members) in signs {
            let sign = next(&names).map_err(|problem| (format!("signs.{name}"), name.clone(), problem))?;
            names.insert(name.clone(), sign);
            for member in members {
                let wrong = |problem| (format!("signs.{name}"), member.clone(), problem);
                let term = expand(member).and_then(|iri| terms.add(&iri)).map_err(wrong)?;
                table.signs_of.entry(term).or_default().push(sign);
            }
        }
        table.instance = names.get(INSTANCE).copied();
        for settings in kinds {
            table.add(settings, &mut names, terms)?;
        }
        Ok(table)
    }

    fn add(&mut self, settings: &KindSettings, names: &mut BTreeMap<String, Sign>, terms: &mut Terms) -> Result<(), Wrong> {
        let KindSettings { code, en, sv, all, any, not } = settings;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let wrong = |value: &str, problem: &str| ("kinds".to_owned(), value.to_owned(), problem.to_owned());
        if code.is_empty() || !code.chars().all(plain) {
            return Err(wrong(code, "a code is of lower-case letters, digits and '-', such as \"book\""));
        }
        if all.is_empty() && any.is_empty() {
            return Err(wrong(code, "it needs `any` or `all`, with signs, classes or categories that say so"));
        }
        match self.named.iter_mut().find(|kind| kind.code == *code) {
            Some(known) => {
                for (name, other) in [(&mut known.en, en), (&mut known.sv, sv)] {
                    if name.is_empty() {
                        name.clone_from(other);
                    }
                }
            }
            None => self.named.push(Kind { code: code.clone(), en: en.clone(), sv: sv.clone() }),
        }
        let mut read = |list: &[String]| {
            let each = list.iter().map(|name| self.sign(name, names, terms));
            each.collect::<Result<Vec<_>, _>>()
        };
        let (all, any, not) = (read(all)?, read(any)?, read(not)?);
        self.rules.push(Rule { code: code.clone(), all, any, not });
        Ok(())
    }

    /// The sign of a name: one of the table, or a class or category that is a sign of its own.
    fn sign(&mut self, name: &str, names: &mut BTreeMap<String, Sign>, terms: &mut Terms) -> Result<Sign, Wrong> {
        if let Some(known) = names.get(name) {
            return Ok(*known);
        }
        let wrong = |problem: String| ("kinds".to_owned(), name.to_owned(), problem);
        if !name.contains(':') {
            let known: Vec<&str> = names.keys().map(String::as_str).filter(|name| !name.contains(':')).collect();
            return Err(wrong(format!("it is no sign: write a class such as schema:Book, or one of {}", known.join(", "))));
        }
        let term = expand(name).and_then(|iri| terms.add(&iri)).map_err(wrong)?;
        let sign = next(names).map_err(wrong)?;
        names.insert(name.to_owned(), sign);
        self.signs_of.entry(term).or_default().push(sign);
        Ok(sign)
    }

    /// The kind of a thing with these classes and categories; `has_work` if it is the instance of something.
    pub(super) fn of(&self, terms: impl Iterator<Item = TermId>, has_work: bool) -> Option<&str> {
        let mut signs: FxHashSet<Sign> = terms.filter_map(|term| self.signs_of.get(&term)).flatten().copied().collect();
        signs.extend(self.instance.filter(|_| has_work));
        let holds = |sign: &Sign| signs.contains(sign);
        let rule = self.rules.iter().find(|Rule { all, any, not, .. }| {
            all.iter().all(holds) && (any.is_empty() || any.iter().any(holds)) && !not.iter().any(holds)
        });
        rule.map(|rule| rule.code.as_str())
    }

    /// All kinds, in their order.
    pub(super) fn all(&self) -> &[Kind] {
        &self.named
    }
}

fn next(names: &BTreeMap<String, Sign>) -> Result<Sign, String> {
    Sign::try_from(names.len()).map_err(|_| "the table has more than 65 536 signs".to_owned())
}
