//! Reads the forms of a query, and what precedes and follows their patterns.

use std::borrow::Cow;
use std::collections::HashSet;

use super::near;
use super::reader::{Read, Reader, Scope};
use super::scope::Item;
use super::tokens::Kind;
use super::wanted::Wanted;

/// The variables of `GROUP BY`, if there is one, and those that have values after all modifiers.
type Modified<'a> = (Option<Vec<&'a str>>, HashSet<&'a str>);

impl<'a> Reader<'a> {
    /// Reads a whole query.
    pub(super) fn query(&mut self) -> Read {
        self.prologue()?;
        if self.is_word("SELECT") {
            self.select(true)?;
        } else if self.is_word("CONSTRUCT") {
            self.construct()?;
        } else if self.is_word("DESCRIBE") {
            self.describe()?;
        } else if self.take_word("ASK") {
            self.datasets()?;
            self.pattern(Wanted::Pattern)?;
            self.ending()?;
        } else {
            return Err(Wanted::Form.into());
        }
        if self.here.kind == Kind::End { Ok(()) } else { Err(Wanted::Modifier.into()) }
    }

    fn prologue(&mut self) -> Read {
        loop {
            if self.take_word("BASE") {
                self.iri(Wanted::Namespace)?;
                self.base = true;
            } else if self.take_word("PREFIX") {
                let prefix = match self.written().strip_suffix(':') {
                    Some(prefix) if self.here.kind == Kind::Name && !prefix.contains(':') => prefix,
                    _ => return Err(Wanted::Prefix.into()),
                };
                self.advance();
                let namespace = self.written().trim_start_matches('<').trim_end_matches('>');
                if self.here.kind != Kind::Iri {
                    return Err(Wanted::Namespace.into());
                }
                self.check_iri()?;
                // The real base is not known here, and any base will do to check the names.
                let whole = oxiri::Iri::parse(namespace).is_ok();
                let namespace = if whole { Cow::Borrowed(namespace) } else { Cow::Owned("http://localhost/".to_owned()) };
                self.prefixes.insert(prefix, namespace);
                self.advance();
            } else {
                return Ok(());
            }
        }
    }

    /// Reads `SELECT` with its clauses; its variables are then in scope.
    pub(super) fn select(&mut self, whole: bool) -> Read {
        self.advance();
        self.scopes.push(Scope::default());
        if !self.take_word("DISTINCT") {
            self.take_word("REDUCED");
        }
        let star = Some(self.here).filter(|_| self.is_sign("*"));
        let mut items = Vec::new();
        if star.is_some() {
            self.advance();
        } else {
            while let Some(item) = self.item(&items)? {
                items.push(item);
            }
        }
        if whole {
            self.datasets()?;
        }
        let visible = self.pattern(Wanted::Pattern)?;
        let (grouped, found) = self.modifiers(visible)?;
        let scope = Scope { grouped, ..self.scopes.pop().unwrap_or_default() };
        self.check_scope(&scope, star, &items, &found)?;
        if let Some(group) = self.groups.last_mut() {
            match star {
                Some(_) => group.extend(found),
                None => group.extend(items.iter().map(|item| item.name)),
            }
        }
        Ok(())
    }

    /// Reads a variable of a `SELECT`, or an expression with the variable that it is bound to.
    fn item(&mut self, before: &[Item<'a>]) -> Read<Option<Item<'a>>> {
        if self.here.kind == Kind::Variable {
            let item = Item { name: self.written().get(1..).unwrap_or_default(), token: self.here, free: None };
            self.advance();
            return Ok(Some(item));
        }
        if self.is_sign("(") {
            self.opening("(", Wanted::Selection)?;
            self.free.clear();
            self.expression()?;
            let free = std::mem::take(&mut self.free);
            let (name, token) = self.alias()?;
            self.closing(")", Wanted::Close)?;
            return Ok(Some(Item { name, token, free: Some(free) }));
        }
        let ends = self.is_sign("{") || self.is_word("WHERE") || self.is_word("FROM");
        if ends && !before.is_empty() { Ok(None) } else { Err(Wanted::Selection.into()) }
    }

    fn datasets(&mut self) -> Read {
        while self.take_word("FROM") {
            self.take_word("NAMED");
            self.iri(Wanted::Dataset)?;
        }
        Ok(())
    }

    /// Reads `WHERE` and its group, and returns the variables of the group.
    fn pattern(&mut self, wanted: Wanted) -> Read<HashSet<&'a str>> {
        self.take_word("WHERE");
        if self.is_sign("{") { self.group() } else { Err(wanted.into()) }
    }

    fn construct(&mut self) -> Read {
        self.advance();
        if self.is_sign("{") {
            self.template()?;
            self.forget_labels();
            self.datasets()?;
            self.pattern(Wanted::Pattern)?;
        } else {
            self.datasets()?;
            if !self.take_word("WHERE") {
                return Err(Wanted::Template.into());
            }
            self.template()?;
        }
        self.ending()
    }

    fn template(&mut self) -> Read {
        self.opening("{", Wanted::Template)?;
        while self.begins_triples() {
            self.triples(false)?;
            if !self.take_sign(".") {
                break;
            }
        }
        self.closing("}", Wanted::Element)
    }

    fn describe(&mut self) -> Read {
        let form = self.here;
        self.advance();
        let mut items = Vec::new();
        let star = Some(form).filter(|_| self.take_sign("*"));
        if star.is_none() {
            while self.is_iri() || self.here.kind == Kind::Variable {
                if self.here.kind == Kind::Variable {
                    let name = self.written().get(1..).unwrap_or_default();
                    items.push(Item { name, token: self.here, free: None });
                    self.advance();
                } else {
                    self.iri(Wanted::Described)?;
                }
            }
            if self.last == form {
                return Err(Wanted::Described.into());
            }
        }
        self.datasets()?;
        let visible = if self.is_word("WHERE") || self.is_sign("{") { self.pattern(Wanted::Pattern)? } else { HashSet::new() };
        if star.is_some() {
            return self.ending();
        }
        let (grouped, found) = self.modifiers(visible)?;
        self.check_scope(&Scope { grouped, ..Scope::default() }, None, &items, &found)
    }

    /// Reads what follows the pattern of a form without solutions.
    fn ending(&mut self) -> Read {
        if self.is_word("GROUP") {
            let hint = "put a SELECT with GROUP BY into the group: { SELECT … { … } GROUP BY … }";
            return Err(self.stop(self.here, "only SELECT can have GROUP BY", hint));
        }
        self.modifiers(HashSet::new()).map(|_| ())
    }

    /// Reads what follows a pattern, and returns the variables that it groups by, and all variables.
    fn modifiers(&mut self, visible: HashSet<&'a str>) -> Read<Modified<'a>> {
        let mut by = None;
        self.groups.push(visible);
        if self.take_modifier("GROUP") {
            if !self.take_word("BY") {
                return Err(Wanted::By("GROUP").into());
            }
            let mut grouped = Vec::new();
            while self.begins_condition() || grouped.is_empty() {
                grouped.push(self.condition()?);
            }
            by = Some(grouped.into_iter().flatten().collect::<Vec<_>>());
        }
        if self.take_modifier("HAVING") {
            self.constraint("HAVING")?;
            while self.begins_condition() {
                self.constraint("HAVING")?;
            }
        }
        if self.take_modifier("ORDER") {
            if !self.take_word("BY") {
                return Err(Wanted::By("ORDER").into());
            }
            self.order()?;
            while self.begins_condition() || ((self.is_word("ASC") || self.is_word("DESC")) && self.after_is("(")) {
                self.order()?;
            }
        }
        if self.count("LIMIT")? {
            self.count("OFFSET")?;
        } else if self.count("OFFSET")? {
            self.count("LIMIT")?;
        }
        let mut visible = self.groups.pop().unwrap_or_default();
        if let Some(by) = &by {
            visible = by.iter().copied().collect();
        } else if self.scopes.last().is_some_and(|scope| !scope.aggregates.is_empty()) {
            visible.clear();
        }
        self.groups.push(visible);
        if self.take_word("VALUES") {
            self.values()?;
        }
        Ok((by, self.groups.pop().unwrap_or_default()))
    }

    /// Reads a modifier with a number, if there is one.
    fn count(&mut self, word: &'static str) -> Read<bool> {
        if !self.take_modifier(word) {
            return Ok(false);
        }
        if self.here.kind != Kind::Number || self.written().parse::<usize>().is_err() {
            return Err(Wanted::Count(word).into());
        }
        self.advance();
        Ok(true)
    }

    fn take_modifier(&mut self, word: &'static str) -> bool {
        let is = self.take_word(word);
        if is {
            self.modifier = word;
        }
        is
    }

    fn after_is(&self, sign: &str) -> bool {
        self.after().of(self.text) == sign
    }

    fn begins_condition(&self) -> bool {
        let calls = || self.here.kind == Kind::Word && !near::MODIFIERS.iter().any(|word| self.is_word(word));
        self.here.kind == Kind::Variable
            || self.is_sign("(")
            || self.is_iri()
            || (calls() && self.after_is("(") && !self.is_one_of(&["ASC", "DESC"]))
    }

    /// Reads a condition of `GROUP BY`, and returns the variable that it groups by.
    fn condition(&mut self) -> Read<Option<&'a str>> {
        let name = |reader: &Self| reader.written().get(1..).unwrap_or_default();
        if self.here.kind == Kind::Variable {
            let name = name(self);
            self.advance();
            return Ok(Some(name));
        }
        if !self.begins_condition() {
            return Err(Wanted::Condition("GROUP BY").into());
        }
        if !self.is_sign("(") {
            self.call(Wanted::Condition("GROUP BY"))?;
            return Ok(None);
        }
        self.opening("(", Wanted::Expression)?;
        let alone = Some(name(self)).filter(|_| self.here.kind == Kind::Variable && self.after_is(")"));
        self.expression()?;
        let grouped = if self.is_word("AS") { Some(self.alias()?.0) } else { alone };
        self.closing(")", Wanted::Close)?;
        Ok(grouped)
    }

    fn order(&mut self) -> Read {
        if self.is_word("ASC") || self.is_word("DESC") {
            self.advance();
            self.opening("(", Wanted::Bracket)?;
            self.expression()?;
            return self.closing(")", Wanted::Close);
        }
        if self.here.kind == Kind::Variable {
            self.advance();
            return Ok(());
        }
        if self.begins_condition() { self.constraint("ORDER BY") } else { Err(Wanted::Condition("ORDER BY").into()) }
    }
}
