//! Checks the variables of a `SELECT` by the rules that the grammar cannot express.

use std::collections::HashSet;

use super::excerpt::brief;
use super::reader::{Read, Reader, Scope, Stop};
use super::tokens::Token;

/// An item of a `SELECT`: a variable, or an expression with a name.
#[derive(Debug)]
pub(super) struct Item<'a> {
    pub(super) name: &'a str,
    pub(super) token: Token,
    /// The variables of its expression outside of aggregates.
    pub(super) free: Option<Vec<Token>>,
}

/// The limit on the variables that a hint names.
const MAX_NAMED: usize = 6;

impl<'a> Reader<'a> {
    /// Checks the items of a `SELECT` against the variables of its pattern and its groups.
    pub(super) fn check_scope(
        &self,
        scope: &Scope<'a>,
        star: Option<Token>,
        items: &[Item<'a>],
        visible: &HashSet<&'a str>,
    ) -> Read {
        let grouping = scope.grouped.is_some() || !scope.aggregates.is_empty();
        if let Some(star) = star.filter(|_| grouping) {
            let sentence = "`SELECT *` cannot stand with GROUP BY or an aggregate such as COUNT";
            return Err(self.stop(star, sentence, "name what is wanted: `SELECT ?class (COUNT(*) AS ?n) { … } GROUP BY ?class`"));
        }
        let mut given = HashSet::new();
        for item in items {
            let name = brief(item.name);
            if item.free.is_some() && visible.contains(item.name) {
                let sentence = format!("`?{name}` already has a value in the pattern, so AS cannot give it another one");
                return Err(self.stop(item.token, sentence, format!("take another name, such as `?{name}2`")));
            }
            let used = item.free.iter().flatten().copied().chain(item.free.is_none().then_some(item.token));
            for token in used.filter(|_| grouping) {
                let variable = token.of(self.text).get(1..).unwrap_or_default();
                if !visible.contains(variable) {
                    return Err(self.ungrouped(scope, token, items, visible));
                }
            }
            if !given.insert(item.name) {
                let sentence = format!("`?{name}` is named twice in SELECT");
                return Err(self.stop(item.token, sentence, "remove it here, or give it another name"));
            }
        }
        Ok(())
    }

    fn ungrouped(&self, scope: &Scope<'a>, token: Token, items: &[Item<'a>], visible: &HashSet<&'a str>) -> Stop {
        let variable = token.of(self.text).get(1..).unwrap_or_default();
        let shown = brief(variable);
        let made = items.iter().any(|item| item.free.is_some() && item.name == variable);
        if made {
            let sentence = format!("`?{shown}` is made by AS in this SELECT, and cannot be used again in it");
            return self.stop(token, sentence, format!("write its expression again in place of `?{shown}`"));
        }
        let made: HashSet<&str> = items.iter().filter(|item| item.free.is_some()).map(|item| item.name).collect();
        let mut missing: Vec<&str> = Vec::new();
        for item in items {
            for used in item.free.iter().flatten().chain(item.free.is_none().then_some(&item.token)) {
                let name = used.of(self.text).get(1..).unwrap_or_default();
                let wanted = missing.len() < MAX_NAMED && !missing.contains(&name);
                if wanted && !visible.contains(name) && !made.contains(name) {
                    missing.push(name);
                }
            }
        }
        let list: String = missing.iter().map(|name| format!(" ?{}", brief(name))).collect();
        let hint = match &scope.grouped {
            Some(_) => format!("add{list} to GROUP BY, or aggregate it: (SAMPLE(?{shown}) AS ?some)"),
            None => format!("add GROUP BY{list} at the end, or aggregate it: (SAMPLE(?{shown}) AS ?some)"),
        };
        let sentence = match (&scope.grouped, scope.aggregates.first()) {
            (None, Some(aggregate)) => {
                let name = brief(aggregate.of(self.text)).to_uppercase();
                format!("`?{shown}` is neither grouped nor aggregated, which it must be next to {name}")
            }
            _ => format!("`?{shown}` is neither grouped nor aggregated"),
        };
        self.stop(token, sentence, hint)
    }
}
