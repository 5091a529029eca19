//! `q`: words joined by operators, as Libris documents them. Pure.
//!
//! `+` or a space joins by *and*, `|` by *or*, `-` before a word is *not*, `*` at its end means all words that begin so, quotes make a
//! phrase, and parentheses group. What is not closed is closed at the end, and operators without words mean nothing: people type them.

use std::iter::Peekable;
use std::str::Chars;

use crate::search::{Condition, Part};

/// The deepest nesting of parentheses, and the most words and phrases that count.
const DEEPEST: usize = 32;
const MOST: usize = 32;

/// The condition of a text; none, if it has nothing to look for.
pub(super) fn condition(text: &str) -> Option<Condition> {
    Reader { rest: text.chars().peekable(), left: MOST }.either(0)
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    left: usize,
}

impl Reader<'_> {
    /// Alternatives, to the end or to the parenthesis that closes them.
    fn either(&mut self, depth: usize) -> Option<Condition> {
        let mut alternatives = Vec::new();
        loop {
            alternatives.extend(self.together(depth));
            if self.rest.next_if_eq(&'|').is_none() {
                break;
            }
        }
        if alternatives.len() > 1 { Some(Condition::Or(alternatives)) } else { alternatives.pop() }
    }

    /// What must all hold.
    fn together(&mut self, depth: usize) -> Option<Condition> {
        let mut all = Vec::new();
        loop {
            while self.rest.next_if(|c| c.is_whitespace() || *c == '+').is_some() {}
            match self.rest.peek() {
                None | Some('|') => break,
                Some(')') if depth > 0 => break,
                Some(')') => {
                    // It closes nothing.
                    self.rest.next();
                }
                Some(_) => all.extend(self.one(depth)),
            }
        }
        Condition::all(all)
    }

    fn one(&mut self, depth: usize) -> Option<Condition> {
        let mut not = false;
        while self.rest.next_if_eq(&'-').is_some() {
            not = !not;
        }
        let found = match self.rest.peek()? {
            '(' => {
                self.rest.next();
                if depth >= DEEPEST {
                    // What is nested too deeply counts for nothing.
                    self.skip_group();
                    return None;
                }
                let inside = self.either(depth + 1);
                self.rest.next_if_eq(&')');
                inside
            }
            '"' => {
                self.rest.next();
                let phrase: String = self.take_while(|c| c != '"');
                self.rest.next_if_eq(&'"');
                self.counted(|| Condition::phrase(Part::Any, &phrase))
            }
            _ => {
                let word = self.take_while(|c| !c.is_whitespace() && !matches!(c, '|' | '+' | '(' | ')' | '"'));
                match word.strip_suffix('*') {
                    Some("") => Some(Condition::All),
                    Some(beginning) => self.counted(|| Condition::beginning(Part::Any, beginning)),
                    None => self.counted(|| Condition::words(Part::Any, &word)),
                }
            }
        }?;
        Some(if not { Condition::Not(Box::new(found)) } else { found })
    }

    /// Reads to the parenthesis that closes the one that was read.
    fn skip_group(&mut self) {
        let mut open = 1_usize;
        while open > 0
            && let Some(c) = self.rest.next()
        {
            match c {
                '(' => open += 1,
                ')' => open -= 1,
                _ => {}
            }
        }
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.rest.next_if(|c| wanted(*c)) {
            taken.push(c);
        }
        taken
    }

    fn counted(&mut self, condition: impl Fn() -> Option<Condition>) -> Option<Condition> {
        self.left = self.left.checked_sub(1)?;
        condition()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Clause;
    use proptest::prelude::*;

    fn word(word: &str) -> Condition {
        Condition::Words(Part::Any, Clause::Word(word.into()))
    }

    #[test]
    fn operators_are_those_of_libris() {
        let not = |condition| Condition::Not(Box::new(condition));
        for (text, due) in [
            ("tove jansson", Some(Condition::And(vec![word("tove"), word("jansson")]))),
            ("tove + jansson", Some(Condition::And(vec![word("tove"), word("jansson")]))),
            ("tove | selma", Some(Condition::Or(vec![word("tove"), word("selma")]))),
            ("tove -mumin", Some(Condition::And(vec![word("tove"), not(word("mumin"))]))),
            ("mumin*", Some(Condition::Words(Part::Any, Clause::Beginning("mumin".into())))),
            ("\"tove jansson\"", Some(Condition::Words(Part::Any, Clause::Phrase(vec!["tove".into(), "jansson".into()])))),
            ("a (b | -c)", Some(Condition::And(vec![word("a"), Condition::Or(vec![word("b"), not(word("c"))])]))),
            ("a b | c", Some(Condition::Or(vec![Condition::And(vec![word("a"), word("b")]), word("c")]))),
            ("*", Some(Condition::All)),
            ("nord-syd", Some(Condition::And(vec![word("nord"), word("syd")]))),
            ("(a", Some(word("a"))),
            ("a) b", Some(Condition::And(vec![word("a"), word("b")]))),
            ("\"a", Some(word("a"))),
            ("", None),
            ("+ - | ()", None),
        ] {
            assert_eq!(condition(text), due, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_read_to_its_end(text in "[-+|*()\" a-cåÅ]{0,200}") {
            let _ = condition(&text);
        }
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let deep = format!("{}a{} b", "(".repeat(40_000), ")".repeat(40_000));
        assert_eq!(condition(&deep), Some(word("b")));
        assert!(condition(&"a ".repeat(100_000)).is_some_and(|all| matches!(all, Condition::And(parts) if parts.len() == MOST)));
    }
}
