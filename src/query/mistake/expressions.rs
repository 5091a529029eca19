//! Reads expressions and calls of functions.

use super::near;
use super::reader::{Read, Reader};
use super::tokens::{Kind, Token};
use super::wanted::Wanted;

impl<'a> Reader<'a> {
    /// Reads an expression.
    pub(super) fn expression(&mut self) -> Read {
        let mut compared = false;
        loop {
            self.operand()?;
            self.expect_operator();
            if ["+", "-", "*", "/"].iter().any(|sign| self.take_sign(sign)) {
                continue;
            }
            while self.is_one_of(&["IN", "NOT"]) && !compared {
                if self.take_word("NOT") && !self.is_word("IN") {
                    return Err(Wanted::In.into());
                }
                self.advance();
                compared = true;
                self.opening("(", Wanted::Bracket)?;
                self.list()?;
                self.expect_operator();
            }
            if ["&&", "||"].iter().any(|sign| self.take_sign(sign)) {
                compared = false;
                continue;
            }
            let comparison = ["=", "!=", "<", ">", "<=", ">="].iter().any(|sign| self.is_sign(sign));
            if comparison && compared {
                let sentence = "two comparisons cannot follow each other";
                return Err(self.stop(self.here, sentence, "write both: `?x > 1 && ?x < 9`"));
            }
            if !comparison {
                return Ok(());
            }
            compared = true;
            self.advance();
        }
    }

    fn operand(&mut self) -> Read {
        if self.take_sign("!") {
            if self.is_sign("!") {
                return Err(self.stop(self.here, "two `!` cannot follow each other", "leave both out, or write `!(!…)`"));
            }
        } else if !self.take_sign("-") {
            self.take_sign("+");
        }
        // A number may have its own sign.
        if (self.is_sign("-") || self.is_sign("+")) && self.after().kind == Kind::Number {
            self.advance();
        }
        match self.here.kind {
            Kind::Variable => {
                if self.shields == 0 {
                    self.free.push(self.here);
                }
                self.advance();
                Ok(())
            }
            Kind::Iri | Kind::Name => {
                self.iri(Wanted::Expression)?;
                if self.is_sign("(") { self.arguments() } else { Ok(()) }
            }
            Kind::Text => self.literal(),
            Kind::Number => {
                self.advance();
                Ok(())
            }
            Kind::Word if matches!(self.written(), "true" | "false") => {
                self.advance();
                Ok(())
            }
            Kind::Word => self.call(Wanted::Expression),
            Kind::Sign if self.is_sign("(") => {
                self.opening("(", Wanted::Expression)?;
                self.expression()?;
                self.closing(")", Wanted::Close)
            }
            _ => Err(Wanted::Expression.into()),
        }
    }

    /// Reads what stands after `FILTER` and `HAVING`: an expression in parentheses, or the call of a function.
    pub(super) fn constraint(&mut self, keyword: &'static str) -> Read {
        if self.is_sign("(") {
            self.opening("(", Wanted::Constraint(keyword))?;
            self.expression()?;
            return self.closing(")", Wanted::Close);
        }
        self.call(Wanted::Constraint(keyword))
    }

    /// Reads the call of a function.
    pub(super) fn call(&mut self, wanted: Wanted) -> Read {
        if self.is_iri() {
            self.iri(Wanted::Expression)?;
            return if self.is_sign("(") { self.arguments() } else { Err(wanted.into()) };
        }
        let (name, token) = (self.written(), self.here);
        if self.here.kind != Kind::Word {
            return Err(wanted.into());
        }
        if self.is_one_of(&["EXISTS", "NOT"]) {
            if self.take_word("NOT") && !self.is_word("EXISTS") {
                return Err(Wanted::Exists.into());
            }
            self.advance();
            if !self.is_sign("{") {
                return Err(Wanted::Group("EXISTS").into());
            }
            self.shields += 1;
            (self.rules.group)(self)?;
            self.shields -= 1;
            return Ok(());
        }
        if let Some(aggregate) = near::aggregate(name) {
            return self.aggregate(aggregate, token);
        }
        let Some((function, least, most)) = near::function(name) else {
            return Err(wanted.into());
        };
        self.advance();
        if !self.is_sign("(") {
            return Err(Wanted::Bracket.into());
        }
        let glued = matches!(function, "CONCAT" | "COALESCE") || (function == "BNODE" && self.after().of(self.text) == ")");
        if glued && self.last.end != self.here.start {
            let hint = format!("write `{function}(`");
            return Err(self.stop(self.here, format!("there must be no space between {function} and its parenthesis"), hint));
        }
        let shielded = matches!(function, "BOUND" | "COALESCE");
        self.shields += usize::from(shielded);
        self.opening("(", Wanted::Bracket)?;
        if function == "BOUND" && self.here.kind != Kind::Variable {
            return Err(self.stop(self.here, "BOUND takes only a variable", "write `BOUND(?x)`"));
        }
        let count = self.list()?;
        self.shields -= usize::from(shielded);
        if count < least || count > most {
            let takes = match (least, most) {
                (0, 0) => "no argument".to_owned(),
                (1, 1) => "one argument".to_owned(),
                (least, most) if least == most => format!("{least} arguments"),
                (least, most) => format!("{least} to {most} arguments"),
            };
            let sentence = format!("{function} takes {takes}, and has {count} here");
            let hint = "check its commas and parentheses: each argument is separated from the next by a comma";
            return Err(self.stop(token, sentence, hint));
        }
        Ok(())
    }

    fn arguments(&mut self) -> Read {
        self.opening("(", Wanted::Bracket)?;
        self.list().map(|_| ())
    }

    /// Reads expressions up to the parenthesis that closes their list, and returns their number.
    fn list(&mut self) -> Read<usize> {
        let mut count = 0;
        if !self.is_sign(")") {
            self.expression()?;
            count += 1;
            while self.take_sign(",") {
                self.expression()?;
                count += 1;
            }
        }
        self.closing(")", Wanted::ListEnd)?;
        Ok(count)
    }

    fn aggregate(&mut self, name: &'static str, token: Token) -> Read {
        self.advance();
        if !self.is_sign("(") {
            return Err(Wanted::Bracket.into());
        }
        let Some(scope) = self.scopes.last_mut() else {
            let sentence = format!("{name} counts or joins solutions, which only SELECT can do");
            return Err(self.stop(token, sentence, "put a SELECT into the group: { SELECT … { … } }"));
        };
        scope.aggregates.push(token);
        self.shields += 1;
        self.opening("(", Wanted::Bracket)?;
        self.take_word("DISTINCT");
        if self.is_sign("*") {
            if name != "COUNT" {
                return Err(self.stop(
                    self.here,
                    format!("only COUNT takes `*`, and {name} takes a variable"),
                    format!("write `{name}(?x)`"),
                ));
            }
            self.advance();
        } else {
            if self.is_sign(")") {
                let hint =
                    if name == "COUNT" { "write `COUNT(*)` or `COUNT(?x)`".to_owned() } else { format!("write `{name}(?x)`") };
                return Err(self.stop(self.here, format!("{name} says what of here"), hint));
            }
            self.expression()?;
        }
        if name == "GROUP_CONCAT" && self.take_sign(";") {
            if !self.take_word("SEPARATOR") || !self.take_sign("=") || self.here.kind != Kind::Text {
                return Err(Wanted::Separator.into());
            }
            self.string()?;
        }
        self.shields -= 1;
        self.closing(")", Wanted::AggregateEnd)
    }

    /// Reads `AS` and the variable after it.
    pub(super) fn alias(&mut self) -> Read<(&'a str, Token)> {
        if !self.take_word("AS") {
            return Err(Wanted::As.into());
        }
        let token = self.here;
        if token.kind != Kind::Variable {
            return Err(Wanted::Alias.into());
        }
        let name = self.written().get(1..).unwrap_or_default();
        self.advance();
        Ok((name, token))
    }
}
