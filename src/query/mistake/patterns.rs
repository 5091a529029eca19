//! Reads groups and their elements: triples, paths, filters, data.

use std::collections::HashSet;

use super::excerpt::brief;
use super::reader::{Read, Reader};
use super::tokens::Kind;
use super::wanted::Wanted;

impl<'a> Reader<'a> {
    /// Reads a group, and returns the variables that it binds.
    pub(super) fn group(&mut self) -> Read<HashSet<&'a str>> {
        self.opening("{", Wanted::Pattern)?;
        self.seal_labels();
        self.groups.push(HashSet::new());
        if self.is_word("SELECT") {
            (self.rules.select)(self, false)?;
            self.seal_labels();
            self.closing("}", Wanted::Modifier)?;
        } else {
            self.elements()?;
            self.seal_labels();
            self.closing("}", Wanted::Element)?;
        }
        Ok(self.groups.pop().unwrap_or_default())
    }

    /// Reads a group whose variables are also bound around it.
    fn joined(&mut self) -> Read {
        let inner = self.group()?;
        if let Some(outer) = self.groups.last_mut() {
            // The smaller set is merged into the larger, so that deep nesting takes linear time.
            let (mut large, small) =
                if outer.len() < inner.len() { (inner, std::mem::take(outer)) } else { (std::mem::take(outer), inner) };
            large.extend(small);
            *outer = large;
        }
        Ok(())
    }

    fn elements(&mut self) -> Read {
        self.triples_block()?;
        while !self.is_sign("}") {
            self.element()?;
            self.take_sign(".");
            self.triples_block()?;
        }
        Ok(())
    }

    fn triples_block(&mut self) -> Read {
        while self.begins_triples() {
            self.triples(true)?;
            if !self.take_sign(".") {
                return if self.begins_triples() { Err(Wanted::AfterTriple.into()) } else { Ok(()) };
            }
        }
        Ok(())
    }

    fn element(&mut self) -> Read {
        if self.is_sign("{") {
            self.joined()?;
            while self.take_word("UNION") {
                self.nested("UNION")?;
            }
            return Ok(());
        }
        if self.take_word("OPTIONAL") {
            self.nested("OPTIONAL")
        } else if self.take_word("LATERAL") {
            self.nested("LATERAL")
        } else if self.take_word("MINUS") {
            if self.is_sign("{") { self.group().map(|_| ()) } else { Err(Wanted::Group("MINUS").into()) }
        } else if self.take_word("GRAPH") {
            self.named("GRAPH")
        } else if self.take_word("SERVICE") {
            self.take_word("SILENT");
            self.named("SERVICE")
        } else if self.take_word("FILTER") {
            self.constraint("FILTER")
        } else if self.take_word("VALUES") {
            self.values()
        } else if self.take_word("BIND") {
            self.opening("(", Wanted::Bracket)?;
            self.expression()?;
            let (name, token) = self.alias()?;
            if self.groups.last().is_some_and(|group| group.contains(name)) {
                let name = brief(name);
                let sentence = format!("`?{name}` already has a value here, so BIND cannot give it another one");
                return Err(self.stop(
                    token,
                    sentence,
                    format!("take another name, such as `?{name}2`, or compare: FILTER(?{name} = …)"),
                ));
            }
            if let Some(group) = self.groups.last_mut() {
                group.insert(token.of(self.text).get(1..).unwrap_or_default());
            }
            self.closing(")", Wanted::Close)
        } else {
            Err(Wanted::Element.into())
        }
    }

    fn nested(&mut self, keyword: &'static str) -> Read {
        if self.is_sign("{") { self.joined() } else { Err(Wanted::Group(keyword).into()) }
    }

    fn named(&mut self, keyword: &'static str) -> Read {
        if self.here.kind == Kind::Variable {
            if keyword == "GRAPH" { self.variable() } else { self.advance() }
        } else {
            self.iri(Wanted::Name(keyword))?;
        }
        self.nested(keyword)
    }

    /// Reads the variables of `VALUES` and their values.
    pub(super) fn values(&mut self) -> Read {
        if self.here.kind == Kind::Variable {
            self.variable();
            self.opening("{", Wanted::Data)?;
            while !self.is_sign("}") {
                self.value()?;
            }
            return self.closing("}", Wanted::Value);
        }
        self.opening("(", Wanted::DataVariables)?;
        let (mut columns, mut names) = (0, HashSet::new());
        while self.here.kind == Kind::Variable {
            if !names.insert(self.written().get(1..)) {
                let sentence = format!("`{}` is named twice in VALUES", brief(self.written()));
                return Err(self.stop(self.here, sentence, "give each column a variable of its own"));
            }
            self.variable();
            columns += 1;
        }
        self.closing(")", Wanted::DataVariables)?;
        self.opening("{", Wanted::Data)?;
        while self.is_sign("(") {
            let row = self.here;
            self.opening("(", Wanted::Row)?;
            let mut values = 0;
            while !self.is_sign(")") {
                self.value()?;
                values += 1;
            }
            self.closing(")", Wanted::Value)?;
            if values != columns {
                let sentence = format!("the number of values in this row is {values}, and that of variables is {columns}");
                return Err(self.stop(row, sentence, "give each variable a value, or UNDEF"));
            }
        }
        self.closing("}", Wanted::Row)
    }

    fn value(&mut self) -> Read {
        if self.is_one_of(&["UNDEF"]) {
            self.advance();
            return Ok(());
        }
        match self.here.kind {
            Kind::Variable | Kind::Blank => Err(Wanted::Value.into()),
            _ if self.begins_term() => self.term(),
            _ => Err(Wanted::Value.into()),
        }
    }

    fn begins_term(&self) -> bool {
        match self.here.kind {
            Kind::Variable | Kind::Iri | Kind::Name | Kind::Blank | Kind::Number | Kind::Text => true,
            Kind::Word => matches!(self.written(), "true" | "false"),
            Kind::Sign => matches!(self.written(), "+" | "-") && self.after().kind == Kind::Number,
            _ => false,
        }
    }

    /// Returns whether triples follow.
    pub(super) fn begins_triples(&self) -> bool {
        self.begins_term() || self.is_sign("(") || self.is_sign("[")
    }

    fn term(&mut self) -> Read {
        match self.here.kind {
            Kind::Variable => self.variable(),
            Kind::Iri | Kind::Name => self.iri(Wanted::Object)?,
            Kind::Blank => self.label()?,
            Kind::Text => self.literal()?,
            Kind::Sign => {
                self.advance();
                self.advance();
            }
            _ => self.advance(),
        }
        Ok(())
    }

    /// Reads triples of one subject; those of a template have no paths.
    pub(super) fn triples(&mut self, paths: bool) -> Read {
        let nested =
            (self.is_sign("[") && self.after().of(self.text) != "]") || (self.is_sign("(") && self.after().of(self.text) != ")");
        self.node(paths)?;
        if nested && !self.begins_verb(paths) {
            return Ok(());
        }
        self.properties(paths)
    }

    fn node(&mut self, paths: bool) -> Read {
        if self.is_sign("[") {
            self.opening("[", Wanted::Object)?;
            if !self.is_sign("]") {
                self.properties(paths)?;
            }
            return self.closing("]", Wanted::AfterTriple);
        }
        if self.is_sign("(") {
            self.opening("(", Wanted::Object)?;
            while !self.is_sign(")") {
                self.node(paths)?;
            }
            return self.closing(")", Wanted::Close);
        }
        if self.begins_term() { self.term() } else { Err(Wanted::Object.into()) }
    }

    fn begins_verb(&self, paths: bool) -> bool {
        match self.here.kind {
            Kind::Variable | Kind::Iri | Kind::Name => true,
            Kind::Word => self.written() == "a",
            Kind::Sign => paths && matches!(self.written(), "^" | "!" | "("),
            _ => false,
        }
    }

    fn properties(&mut self, paths: bool) -> Read {
        self.property(paths)?;
        while self.take_sign(";") {
            if self.begins_verb(paths) {
                self.property(paths)?;
            }
        }
        Ok(())
    }

    fn property(&mut self, paths: bool) -> Read {
        if !self.begins_verb(paths) {
            return Err(Wanted::Verb.into());
        }
        if self.here.kind == Kind::Variable {
            self.variable();
        } else if paths {
            self.path()?;
        } else if !self.take_word("a") {
            self.iri(Wanted::Verb)?;
        }
        self.node(paths)?;
        while self.take_sign(",") {
            self.node(paths)?;
        }
        Ok(())
    }

    fn path(&mut self) -> Read {
        loop {
            self.take_sign("^");
            if self.take_sign("!") {
                self.negated()?;
            } else if self.is_sign("(") {
                self.opening("(", Wanted::Path)?;
                self.path()?;
                self.closing(")", Wanted::Close)?;
            } else if self.here.kind != Kind::Word || self.written() != "a" {
                self.iri(Wanted::Path)?;
            } else {
                self.advance();
            }
            for sign in ["*", "+", "?"] {
                if self.take_sign(sign) {
                    break;
                }
            }
            if !self.take_sign("/") && !self.take_sign("|") {
                return Ok(());
            }
        }
    }

    fn negated(&mut self) -> Read {
        let one = |reader: &mut Self| {
            reader.take_sign("^");
            if reader.here.kind == Kind::Word && reader.written() == "a" {
                reader.advance();
                return Ok(());
            }
            reader.iri(Wanted::Path)
        };
        if !self.is_sign("(") {
            return one(self);
        }
        self.opening("(", Wanted::Path)?;
        one(self)?;
        while self.take_sign("|") {
            one(self)?;
        }
        self.closing(")", Wanted::Close)
    }
}
