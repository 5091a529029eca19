//! Explains characters that are not tokens or are other tokens than was meant, and unbalanced brackets.

use super::excerpt::{brief, place, shown};
use super::near::{self, ELEMENTS};
use super::reader::{Fault, Reader};
use super::tokens::{Kind, Token, Tokens};
use super::wanted::Wanted;

/// Returns the bracket that closes another one.
fn counterpart(bracket: &str) -> &'static str {
    match bracket {
        "{" => "}",
        "(" => ")",
        "[" => "]",
        "}" => "{",
        ")" => "(",
        _ => "[",
    }
}

/// The places where only an operator or the end of an expression fits, so that `<` does not begin an IRI.
fn is_behind_operand(wanted: Wanted) -> bool {
    matches!(wanted, Wanted::Close | Wanted::ListEnd | Wanted::AggregateEnd | Wanted::As)
}

impl Reader<'_> {
    /// Explains the characters at this place.
    pub(super) fn lexical(&self, wanted: Wanted) -> Option<Fault> {
        let glued = self.last.end == self.here.start && self.last.kind != Kind::End;
        let behind = |kind: Kind| glued && self.last.kind == kind;
        if self.last.kind == Kind::Name && self.text.get(self.last.end..).is_some_and(|rest| rest.starts_with('#')) {
            let sign = Token { start: self.last.end, ..self.here };
            let sentence = format!("`#` begins a comment here, so the name ends as `{}`", self.before());
            let hint = "write the IRI in full, such as <https://libris.kb.se/khw03jc347kgv4w#it>, or `\\#`";
            return Some(Fault { at: sign.start, sentence, hint: Some(hint.to_owned()) });
        }
        match self.here.kind {
            Kind::OpenText => {
                let text = self.written();
                let mark = if text.starts_with("\"\"\"") || text.starts_with("'''") { &text[..3] } else { &text[..1] };
                let hint = format!("add {mark} where it ends; a string of several lines stands between \"\"\" and \"\"\"");
                self.at_here(format!("this string is not closed: its second {mark} is missing"), hint)
            }
            Kind::Stray => self.stray(behind(Kind::Name)),
            Kind::Sign if self.is_sign("<") && !is_behind_operand(wanted) => self.no_iri(),
            Kind::Sign if behind(Kind::Name) && !matches!(wanted, Wanted::Selection | Wanted::Object) && self.sign_in_name() => {
                let name = self.name();
                let sentence = format!("`{name}` cannot stand in a name such as `{}`", self.before());
                self.at_here(sentence, format!("write `\\{name}`, or the IRI in full between `<` and `>`"))
            }
            Kind::Sign if self.is_sign("-") && behind(Kind::Variable) && self.after().start == self.here.end => {
                let after = brief(self.after().of(self.text));
                let hint = format!("write `{}_{after}`", self.before());
                self.at_here("the name of a variable cannot have a hyphen", hint)
            }
            Kind::Sign | Kind::Word if behind(Kind::Number) && (self.is_sign("-") || self.here.kind == Kind::Word) => {
                let sentence = format!("the number {} ends before `{}`", self.before(), self.name());
                self.at_here(sentence, "write a value that is not a number, such as an ISBN, as a string: \"978-91-0-012345-6\"")
            }
            Kind::Word if self.last.kind == Kind::Name && !glued && self.last.of(self.text).ends_with(':') => {
                let (prefix, name) = (self.before(), self.name());
                self.at_here(format!("there is a space between `{prefix}` and `{name}`"), format!("write `{prefix}{name}`"))
            }
            Kind::Word if self.after().kind == Kind::Name && self.after().of(self.text).starts_with(':') => {
                let name = self.name();
                self.at_here(format!("there is a space between the prefix `{name}` and its colon"), format!("write `{name}:…`"))
            }
            Kind::Word if behind(Kind::Text) => {
                let name = self.name();
                let mark = &self.last.of(self.text)[..1];
                if matches!(name.len(), 2 | 3) {
                    return self.at_here(
                        format!("`@` is missing before the language tag `{name}`"),
                        format!("write {mark}…{mark}@{name}"),
                    );
                }
                self.at_here(format!("the string ends before `{name}`"), format!("write `\\{mark}` for a {mark} within a string"))
            }
            Kind::Sign if self.is_sign("?") || self.is_sign("$") => self.at_here(
                format!("the name of a variable must follow `{}` at once", self.name()),
                "write `?name`, without a space",
            ),
            _ => None,
        }
    }

    fn sign_in_name(&self) -> bool {
        matches!(self.written(), "/" | "(" | "&" | "+" | "*" | "~" | "!" | "=" | "?" | "|" | "-")
    }

    fn stray(&self, in_name: bool) -> Option<Fault> {
        let c = self.written().chars().next()?;
        let name = self.name();
        match c {
            '%' if in_name => {
                let sentence = "a `%` in a name must be followed by two hexadecimal digits";
                self.at_here(sentence, "write `\\%` for the percent sign itself, or the IRI in full between `<` and `>`")
            }
            '\\' if in_name => {
                let sentence = "a backslash in a name may stand only before one of _ ~ . - ! $ & ' ( ) * + , ; = / ? # @ %";
                self.at_here(sentence, "write the IRI in full between `<` and `>`")
            }
            '$' | '@' => {
                let what = if c == '@' { "a language tag" } else { "the name of a variable" };
                self.at_here(
                    format!("{what} must follow `{c}` at once"),
                    if c == '@' { "write \"…\"@sv" } else { "write `?name`" },
                )
            }
            '%' => self.at_here("SPARQL has no operator `%`", "in an IRI it must be followed by two hexadecimal digits"),
            '\u{2018}'..='\u{201f}' | '«' | '»' | '‹' | '›' | '´' | '`' => {
                let sentence = format!("`{name}` is not a quotation mark of SPARQL");
                self.at_here(sentence, "write \"…\" or '…' with straight quotation marks")
            }
            '\u{2010}'..='\u{2015}' | '\u{2212}' => self.at_here(format!("`{name}` is a dash, not a minus sign"), "write `-`"),
            c if c.is_whitespace() || shown(c) != c => {
                let sentence = format!("there is an invisible character (U+{:04X}) here", u32::from(c));
                self.at_here(sentence, "delete it, and type a space")
            }
            _ if in_name => {
                let sentence = format!("`{name}` cannot stand in a name such as `{}`", self.before());
                self.at_here(sentence, "write the IRI in full between `<` and `>`")
            }
            _ => self.at_here(format!("the character `{name}` does not fit here"), "remove it, or put it into a string: \"…\""),
        }
    }

    /// Explains a `<` that does not begin an IRI, where an IRI is expected.
    fn no_iri(&self) -> Option<Fault> {
        let rest = self.text.get(self.here.end..)?;
        if rest.starts_with('<') || rest.starts_with('(') {
            return self.at_here(
                "triples within triples are SPARQL 1.2, which this engine does not support",
                "write each triple on its own",
            );
        }
        let line = rest.split(['\n', '\r']).next().unwrap_or_default();
        let end = line.find(['<', '>']).unwrap_or(line.len());
        let inner = line.get(..end)?;
        let bad = inner.find(|c: char| c <= ' ' || "\"{}|^`".contains(c));
        // Where variables or names follow a space, the IRI was meant to end before it.
        let goes_on = inner.split_whitespace().skip(1).any(|word| word.starts_with(['?', '$', '"', '\'', '{', '.', ';']));
        match bad {
            Some(at) if line.get(end..).is_some_and(|rest| rest.starts_with('>')) && !goes_on => {
                let c = inner.get(at..)?.chars().next()?;
                let token = Token { start: self.here.end + at, ..self.here };
                let what = if c == ' ' { "a space".to_owned() } else { format!("`{}`", shown(c)) };
                let hint = format!("write `%{:02X}` for it, or end the IRI before it with `>`", u32::from(c));
                Some(self.fault(token, format!("an IRI cannot contain {what}"), hint))
            }
            _ => self.at_here("this IRI is not closed: its `>` is missing", "add `>` where it ends"),
        }
    }

    /// Explains brackets that are not closed, or were not opened.
    pub(super) fn brackets(&self) -> Option<Fault> {
        let sign = self.written();
        if self.here.kind == Kind::End {
            let open = *self.open.last()?;
            let sign = open.of(self.text);
            let sentence = format!("this `{sign}` is not closed: its `{}` is missing", counterpart(sign));
            let missing: Vec<&str> = self.open.iter().rev().map(|open| counterpart(open.of(self.text))).collect();
            let hint = match missing.len() {
                1..=8 => format!("add `{}` at the end, or where it belongs", missing.join(" ")),
                many => format!("{many} brackets are open at the end of the query"),
            };
            return Some(self.fault(open, sentence, hint));
        }
        if self.here.kind != Kind::Sign || !matches!(sign, "}" | ")" | "]") {
            return None;
        }
        let opener = counterpart(sign);
        match self.open.last().map(|open| (*open, open.of(self.text))) {
            Some((_, innermost)) if innermost == opener => None,
            Some((open, innermost)) if self.open.iter().any(|open| open.of(self.text) == opener) => {
                let missing = counterpart(innermost);
                self.at_here(format!("a `{missing}` is missing before `{sign}`"), self.still_open(open))
            }
            _ => self.at_here(
                format!("there is a `{sign}` too many: no `{opener}` is open here"),
                format!("remove it, or add its `{opener}`"),
            ),
        }
    }

    /// Returns a hint with the place of a bracket that is not closed.
    pub(super) fn still_open(&self, open: Token) -> String {
        let place = place(self.text, open.start);
        format!("the `{}` in line {}, column {}, is still open", open.of(self.text), place.line, place.column)
    }

    /// Explains calls of functions that do not exist, or in wrong places.
    pub(super) fn function(&self, wanted: Wanted) -> Option<Fault> {
        let fits = matches!(
            wanted,
            Wanted::Selection
                | Wanted::Expression
                | Wanted::Constraint(_)
                | Wanted::Condition(_)
                | Wanted::Element
                | Wanted::Modifier
        );
        if !fits || self.here.kind != Kind::Word || self.after().of(self.text) != "(" || near::is_keyword(self.written()) {
            return None;
        }
        let name = self.name();
        if near::function(self.written()).is_some() || near::aggregate(self.written()).is_some() {
            let upper = name.to_uppercase();
            return match wanted {
                Wanted::Selection => {
                    let hint = format!("write `({})`", self.called(&upper));
                    self.at_here(format!("{upper} needs parentheses around it, and a name by AS"), hint)
                }
                Wanted::Element => {
                    self.at_here(format!("{upper} stands here without FILTER or BIND"), format!("write `FILTER({upper}(…))`"))
                }
                _ => None,
            };
        }
        if wanted == Wanted::Element && near::nearest(self.written(), &ELEMENTS).is_some() || wanted == Wanted::Modifier {
            return None;
        }
        let hint = match near::near_function(self.written()) {
            Some(near) => format!("did you mean {near}?"),
            None => "functions are those of SPARQL 1.1, such as STRLEN, CONTAINS, LCASE, REGEX and STRSTARTS".to_owned(),
        };
        self.at_here(format!("SPARQL has no function `{name}`"), hint)
    }

    /// Returns the next call, if it is short, with the variable after AS.
    fn called(&self, name: &str) -> String {
        let mut tokens = Tokens::from(self.text, self.here.start);
        let (mut open, mut call) = (0, None);
        for _ in 0..20 {
            let token = tokens.next(false);
            match token.of(self.text) {
                "(" => open += 1,
                ")" if open == 1 => {
                    call = self.text.get(self.here.start..token.end).filter(|call| call.len() < 40);
                    break;
                }
                ")" => open -= 1,
                _ => {}
            }
        }
        let (word, variable) = (tokens.next(false).of(self.text), tokens.next(false));
        let named = call.is_some() && near::same(word, "AS") && variable.kind == Kind::Variable;
        let alias = if named { brief(variable.of(self.text)) } else { "?name".to_owned() };
        format!("{} AS {alias}", call.map_or_else(|| format!("{name}(…)"), brief))
    }
}
