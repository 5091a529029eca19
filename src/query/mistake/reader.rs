//! Reads a query token by token, up to the first token that does not fit. The grammar of SPARQL 1.1 needs one token of
//! look-ahead, so the mistake is there, or right before. The rules of the grammar are in [`terms`](super::terms),
//! [`expressions`](super::expressions), [`patterns`](super::patterns) and [`grammar`](super::grammar).
//!
//! It only reads queries that the engine's parser refused, and knows the few places where that parser is stricter than the
//! grammar.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::near;
use super::tokens::{Kind, Token, Tokens};
use super::wanted::Wanted;
use crate::query::PREFIXES;

/// A mistake: the byte, the sentence and the hint.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) sentence: String,
    pub(super) hint: Option<String>,
}

/// Why reading stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// The mistake is known.
    Fault(Fault),
    /// The next token is not what the grammar expects here, which is to be explained.
    Unexpected(Wanted),
}

impl From<Wanted> for Stop {
    fn from(wanted: Wanted) -> Self {
        Self::Unexpected(wanted)
    }
}

/// The result of reading a part of the query.
pub(super) type Read<T = ()> = Result<T, Stop>;

/// The rules of the grammar that stand within parts of themselves: a group has expressions, and an expression may have a group
/// (`EXISTS`).
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    /// Reads a group, and returns the variables that it binds.
    pub(super) group: fn(&mut Reader<'a>) -> Read<HashSet<&'a str>>,
    /// Reads a `SELECT`: that of the query (true), or one within a group.
    pub(super) select: fn(&mut Reader<'a>, bool) -> Read,
}

/// A `SELECT` that is being read.
#[derive(Debug, Default)]
pub(super) struct Scope<'a> {
    /// The variables that it groups by.
    pub(super) grouped: Option<Vec<&'a str>>,
    /// Its aggregates.
    pub(super) aggregates: Vec<Token>,
}

/// The limit on nested groups, expressions and paths.
const MAX_DEPTH: usize = 1000;

/// A reader: its place in a query, and what it has read.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    tokens: Tokens<'a>,
    pub(super) rules: Rules<'a>,
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
    pub(super) labels: [HashSet<&'a str>; 2],
    depth: usize,
    /// The last keyword after a pattern.
    pub(super) modifier: &'static str,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, base: bool, rules: Rules<'a>) -> Self {
        let mut tokens = Tokens::from(text, 0);
        let here = tokens.next(false);
        Self {
            text,
            tokens,
            rules,
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
            return Err(wanted.into());
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.stop(self.here, "the query is nested too deeply here", "split it into several queries"));
        }
        self.open.push(self.here);
        self.advance();
        Ok(())
    }

    /// Reads the bracket that closes the last one that was opened.
    pub(super) fn closing(&mut self, sign: &str, wanted: Wanted) -> Read {
        if !self.is_sign(sign) {
            return Err(wanted.into());
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

    /// Returns the end of reading, with a mistake at a token.
    pub(super) fn stop(&self, token: Token, sentence: impl Into<String>, hint: impl Into<String>) -> Stop {
        Stop::Fault(self.fault(token, sentence, hint))
    }

    /// Reads a variable, which is in scope from here on.
    pub(super) fn variable(&mut self) {
        let name = self.written().get(1..).unwrap_or_default();
        if let Some(group) = self.groups.last_mut() {
            group.insert(name);
        }
        self.advance();
    }
}
