//! Reads a query token by token, by the grammar of SPARQL 1.1, up to the first token that does not fit. The grammar needs one
//! token of look-ahead, so the mistake is there, or right before.
//!
//! It only reads queries that the engine's parser refused, and knows the few places where that parser is stricter than the
//! grammar.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use oxigraph::model::Literal;

use super::explain::Wanted;
use super::scope::Scope;
use super::tokens::{Kind, Token, Tokens};
use super::{near, prefix};
use crate::query::PREFIXES;

/// A mistake: the byte, the sentence and the hint.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) sentence: String,
    pub(super) hint: Option<String>,
}

/// The result of reading a part of the query.
pub(super) type Read<T = ()> = Result<T, Fault>;

/// The limit on nested groups, expressions and paths.
const MAX_DEPTH: usize = 1000;

/// A reader: its place in a query, and what it has read.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    tokens: Tokens<'a>,
    /// The next token.
    pub(super) here: Token,
    /// The token before it.
    pub(super) last: Token,
    /// The open brackets.
    pub(super) open: Vec<Token>,
    /// The prefixes with their namespaces.
    pub(super) prefixes: HashMap<&'a str, Cow<'a, str>>,
    /// Whether relative IRIs can be resolved.
    pub(super) base: bool,
    /// The `SELECT`s around this place.
    pub(super) scopes: Vec<Scope<'a>>,
    /// The variables of the groups around this place.
    pub(super) groups: Vec<HashSet<&'a str>>,
    /// The variables of an expression outside of aggregates, and the number of aggregates around this place.
    pub(super) free: Vec<Token>,
    pub(super) shields: usize,
    /// The labels of blank nodes: in this basic graph pattern, and in others.
    labels: [HashSet<&'a str>; 2],
    depth: usize,
    /// The last keyword after a pattern.
    pub(super) modifier: &'static str,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, base: bool) -> Self {
        let mut tokens = Tokens::from(text, 0);
        let here = tokens.next(false);
        Self {
            text,
            tokens,
            here,
            last: Token { kind: Kind::End, start: 0, end: 0 },
            open: Vec::new(),
            prefixes: PREFIXES.iter().map(|(prefix, namespace)| (*prefix, Cow::Borrowed(*namespace))).collect(),
            base,
            scopes: Vec::new(),
            groups: Vec::new(),
            free: Vec::new(),
            shields: 0,
            labels: Default::default(),
            depth: 0,
            modifier: "",
        }
    }

    pub(super) fn advance(&mut self) {
        self.last = self.here;
        self.here = self.tokens.next(false);
    }

    /// Reads the next token as an operator if it can be one: `?a<?b` contains no IRI.
    pub(super) fn expect_operator(&mut self) {
        if self.here.kind == Kind::Iri && self.written() != "<>" {
            self.tokens = Tokens::from(self.text, self.here.start);
            self.here = self.tokens.next(true);
        }
    }

    /// Returns the token after the next one.
    pub(super) fn after(&self) -> Token {
        self.tokens.clone().next(false)
    }

    /// Returns the text of the next token.
    pub(super) fn written(&self) -> &'a str {
        self.here.of(self.text)
    }

    /// Returns whether the next token is this word, ignoring case.
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.here.kind == Kind::Word && near::same(self.written(), word)
    }

    /// Returns whether the next token is one of these words.
    pub(super) fn is_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_word(word))
    }

    pub(super) fn is_sign(&self, sign: &str) -> bool {
        self.here.kind == Kind::Sign && self.written() == sign
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let is = self.is_word(word);
        if is {
            self.advance();
        }
        is
    }

    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let is = self.is_sign(sign);
        if is {
            self.advance();
        }
        is
    }

    /// Reads an opening bracket.
    pub(super) fn opening(&mut self, sign: &str, wanted: Wanted) -> Read {
        if !self.is_sign(sign) {
            return Err(self.wanted(wanted));
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fault(self.here, "the query is nested too deeply here", "split it into several queries"));
        }
        self.open.push(self.here);
        self.advance();
        Ok(())
    }

    /// Reads the bracket that closes the last one that was opened.
    pub(super) fn closing(&mut self, sign: &str, wanted: Wanted) -> Read {
        if !self.is_sign(sign) {
            return Err(self.wanted(wanted));
        }
        self.depth = self.depth.saturating_sub(1);
        self.open.pop();
        self.advance();
        Ok(())
    }

    /// Returns a mistake at a token.
    pub(super) fn fault(&self, token: Token, sentence: impl Into<String>, hint: impl Into<String>) -> Fault {
        // The end is right after the last token, not below it.
        let at = if token.kind == Kind::End { self.last.end } else { token.start };
        Fault { at, sentence: sentence.into(), hint: Some(hint.into()) }
    }

    /// Reads a variable, which is in scope from here on.
    pub(super) fn variable(&mut self) {
        let name = self.written().get(1..).unwrap_or_default();
        if let Some(group) = self.groups.last_mut() {
            group.insert(name);
        }
        self.advance();
    }

    /// Returns whether an IRI follows, in full or by a prefix.
    pub(super) fn is_iri(&self) -> bool {
        matches!(self.here.kind, Kind::Iri | Kind::Name)
    }

    /// Reads an IRI.
    pub(super) fn iri(&mut self, wanted: Wanted) -> Read {
        match self.here.kind {
            Kind::Iri => self.check_iri()?,
            Kind::Name => prefix::check(self)?,
            _ => return Err(self.wanted(wanted)),
        }
        self.advance();
        Ok(())
    }

    /// Reads the label of a blank node. A label may be used in only one basic graph pattern.
    pub(super) fn label(&mut self) -> Read {
        let label = self.written();
        if self.labels[1].contains(label) {
            let sentence = format!("the blank node `{}` was already used in another group", super::brief(label));
            return Err(self.fault(self.here, sentence, "use a variable: it may stand in several groups"));
        }
        self.labels[0].insert(label);
        self.advance();
        Ok(())
    }

    /// Begins another basic graph pattern for labels of blank nodes.
    pub(super) fn seal_labels(&mut self) {
        let sealed = std::mem::take(&mut self.labels[0]);
        self.labels[1].extend(sealed);
    }

    /// Begins the template of `CONSTRUCT`, which has its own blank nodes.
    pub(super) fn forget_labels(&mut self) {
        self.labels[0].clear();
    }

    /// Reads a string, its language tag or its datatype.
    pub(super) fn literal(&mut self) -> Read {
        self.string()?;
        if self.here.kind == Kind::Language {
            let tag = self.written().get(1..).unwrap_or_default();
            if Literal::new_language_tagged_literal("", tag).is_err() {
                let sentence = format!("`@{}` is not a language tag", super::brief(tag));
                return Err(self.fault(self.here, sentence, "a language tag is like @sv, @en or @sr-Latn"));
            }
            self.advance();
        } else if self.take_sign("^^") {
            self.iri(Wanted::Datatype)?;
        }
        Ok(())
    }

    /// Reads a string.
    pub(super) fn string(&mut self) -> Read {
        let text = self.written();
        let mut escapes = text.char_indices();
        while let Some((at, c)) = escapes.next() {
            if c != '\\' {
                continue;
            }
            let digits = match escapes.next().map(|(_, c)| c) {
                Some('t' | 'b' | 'n' | 'r' | 'f' | '"' | '\'' | '\\') => continue,
                Some('u') => 4,
                Some('U') => 8,
                _ => 0,
            };
            let code = text.get(at + 2..at + 2 + digits).and_then(|hex| u32::from_str_radix(hex, 16).ok());
            if digits == 0 || code.and_then(char::from_u32).is_none() {
                let start = self.here.start + at;
                let sentence = "a backslash in a string must be followed by one of t b n r f \" ' \\ or by u and four digits";
                return Err(self.fault(Token { start, ..self.here }, sentence, "write `\\\\` for the backslash itself"));
            }
        }
        self.advance();
        Ok(())
    }
}
