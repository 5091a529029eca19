//! The tokens of a query: names, variables, literals and signs, by the SPARQL 1.1 grammar (19.8). Any text has tokens: a
//! character that begins none of those is a token of its own kind.

/// The kinds of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::query) enum Kind {
    /// `?name` or `$name`
    Variable,
    /// `<…>` without characters that are not allowed in an IRI
    Iri,
    /// `prefix:local`
    Name,
    /// `_:label`
    Blank,
    /// A keyword, the name of a function, or any other bare word.
    Word,
    /// Digits, with a point or an exponent; its sign is a token of its own.
    Number,
    /// A string in its quotation marks.
    Text,
    /// A string whose end is missing.
    OpenText,
    /// `@sv`
    Language,
    /// `{`, `&&` and other signs
    Sign,
    /// A character that begins no token.
    Stray,
    /// The end of the query.
    End,
}

/// A token and its place, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::query) struct Token {
    pub(in crate::query) kind: Kind,
    pub(in crate::query) start: usize,
    pub(in crate::query) end: usize,
}

impl Token {
    /// Returns its text.
    pub(in crate::query) fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// Signs of more than one character, longer ones first.
const LONG_SIGNS: [&str; 9] = ["^^", "&&", "||", "!=", "==", "<=", ">=", "=>", ">>"];
const SIGNS: &str = "{}()[],;.=<>!+-*/|^?&~:";

/// A reader of tokens.
#[derive(Debug, Clone)]
pub(in crate::query) struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    /// Returns a reader of a text from a byte on.
    pub(in crate::query) fn from(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    /// Returns the next token. Where an operator may stand, `<` does not begin an IRI.
    pub(in crate::query) fn next(&mut self, operator: bool) -> Token {
        self.at += self.rest().len() - without_space(self.rest()).len();
        let start = self.at;
        let (kind, length) = token(self.rest(), operator);
        self.at += length;
        Token { kind, start, end: self.at }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }
}

/// Skips white space and comments.
fn without_space(text: &str) -> &str {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        match rest.strip_prefix('#') {
            Some(comment) => rest = comment.find(['\r', '\n']).and_then(|end| comment.get(end..)).unwrap_or_default(),
            None => return rest,
        }
    }
}

/// Returns the kind and the length of the first token.
fn token(text: &str, operator: bool) -> (Kind, usize) {
    let Some(first) = text.chars().next() else { return (Kind::End, 0) };
    let second = text.chars().nth(1).unwrap_or(' ');
    match first {
        '?' | '$' if is_name_character(second) && second != '-' => (Kind::Variable, 1 + variable(&text[1..])),
        '<' if !operator => iri(text).map_or_else(|| sign(text), |length| (Kind::Iri, length)),
        '"' | '\'' => string(text, first),
        '@' => language(text).map_or((Kind::Stray, 1), |length| (Kind::Language, length)),
        '_' if second == ':' => blank(text),
        ':' => (Kind::Name, 1 + local(&text[1..])),
        '0'..='9' => (Kind::Number, number(text)),
        '.' if second.is_ascii_digit() => (Kind::Number, number(text)),
        _ if is_letter(first) => word(text),
        _ => sign(text),
    }
}

fn sign(text: &str) -> (Kind, usize) {
    if let Some(sign) = LONG_SIGNS.iter().find(|sign| text.starts_with(**sign)) {
        return (Kind::Sign, sign.len());
    }
    let first = text.chars().next().unwrap_or(' ');
    (if SIGNS.contains(first) { Kind::Sign } else { Kind::Stray }, first.len_utf8())
}

/// `PN_CHARS_BASE` and `_`, as the engine accepts them: without characters above U+FFFF.
pub(super) fn is_letter(c: char) -> bool {
    matches!(c, 'A'..='Z' | 'a'..='z' | '_' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
        | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}')
}

/// `PN_CHARS`.
fn is_name_character(c: char) -> bool {
    is_letter(c) || matches!(c, '-' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

/// Returns the length of the longest beginning whose characters are accepted.
fn run(text: &str, wanted: impl Fn(char) -> bool) -> usize {
    text.find(|c| !wanted(c)).unwrap_or(text.len())
}

fn variable(text: &str) -> usize {
    run(text, |c| is_name_character(c) && c != '-')
}

/// `IRIREF`: any other `<` is an operator, or a mistake.
fn iri(text: &str) -> Option<usize> {
    let bad = |c: char| c <= ' ' || matches!(c, '<' | '>' | '"' | '{' | '}' | '|' | '^' | '`');
    let end = 1 + text.get(1..)?.find(bad)?;
    text.get(end..)?.starts_with('>').then_some(end + 1)
}

/// A string with its quotation marks; one that is not closed extends to the end of its line, or of the query.
fn string(text: &str, mark: char) -> (Kind, usize) {
    let long: String = [mark; 3].iter().collect();
    let (begin, end) = if text.starts_with(&long) { (3, long.as_str()) } else { (1, &long[..1]) };
    let mut at = begin;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(end) {
            return (Kind::Text, at + end.len());
        }
        if begin == 1 && rest.starts_with(['\n', '\r']) {
            break;
        }
        let escaped = rest.starts_with('\\') && !rest[1..].starts_with(['\n', '\r']);
        at += rest.chars().take(if escaped { 2 } else { 1 }).map(char::len_utf8).sum::<usize>();
    }
    (Kind::OpenText, at)
}

fn language(text: &str) -> Option<usize> {
    let first = run(&text[1..], |c| c.is_ascii_alphabetic());
    (first > 0).then(|| 1 + first + run(&text[1 + first..], |c| c.is_ascii_alphanumeric() || c == '-'))
}

fn blank(text: &str) -> (Kind, usize) {
    match dotted(&text[2..], |rest| rest.chars().next().filter(|c| is_name_character(*c)).map_or(0, char::len_utf8)) {
        0 => (Kind::Stray, 2),
        length => (Kind::Blank, 2 + length),
    }
}

/// The parts of a name, with points between them but not at the end.
fn dotted(text: &str, part: impl Fn(&str) -> usize) -> usize {
    let (mut at, mut end) = (0, 0);
    while let Some(rest) = text.get(at..) {
        let length = part(rest);
        if length > 0 {
            at += length;
            end = at;
        } else if end > 0 && rest.starts_with('.') {
            at += 1;
        } else {
            break;
        }
    }
    end
}

/// `PN_LOCAL`: escapes by a percent sign or a backslash are parts of it.
fn local(text: &str) -> usize {
    if text.starts_with(|c| is_name_character(c) && !is_letter(c) && !c.is_ascii_digit()) {
        return 0;
    }
    dotted(text, |rest| {
        let mut characters = rest.chars();
        match characters.next() {
            Some('%') => {
                let hex = rest.len() >= 3 && rest.bytes().skip(1).take(2).all(|byte| byte.is_ascii_hexdigit());
                if hex { 3 } else { 0 }
            }
            Some('\\') if characters.next().is_some_and(|c| "_~.-!$&'()*+,;=/?#@%".contains(c)) => 2,
            Some(c) if is_name_character(c) || c == ':' => c.len_utf8(),
            _ => 0,
        }
    })
}

fn number(text: &str) -> usize {
    let digits = |at: usize| run(text.get(at..).unwrap_or_default(), |c| c.is_ascii_digit());
    let exponent = |at: usize| {
        let rest = text.get(at..).unwrap_or_default();
        let sign = 1 + usize::from(rest.get(1..).is_some_and(|rest| rest.starts_with(['+', '-'])));
        if rest.starts_with(['e', 'E']) && digits(at + sign) > 0 { sign + digits(at + sign) } else { 0 }
    };
    let mut at = digits(0);
    if text.get(at..).is_some_and(|rest| rest.starts_with('.')) && (digits(at + 1) > 0 || exponent(at + 1) > 0) {
        at += 1 + digits(at + 1);
    }
    at + exponent(at)
}

/// The limit on a prefix, so that a long word is read once, and not again from each of its parts.
const MAX_PREFIX: usize = 200;

/// A word, or a name if a colon follows its prefix.
fn word(text: &str) -> (Kind, usize) {
    let near = text.get(..text.floor_char_boundary(MAX_PREFIX)).unwrap_or_default();
    let prefix = dotted(near, |rest| rest.chars().next().filter(|c| is_name_character(*c)).map_or(0, char::len_utf8));
    if text.get(prefix..).is_some_and(|rest| rest.starts_with(':')) && !text.starts_with('_') {
        return (Kind::Name, prefix + 1 + local(&text[prefix + 1..]));
    }
    (Kind::Word, variable(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<(Kind, &str)> {
        let mut tokens = Tokens::from(text, 0);
        std::iter::from_fn(|| Some(tokens.next(false)).filter(|token| token.kind != Kind::End))
            .map(|token| (token.kind, token.of(text)))
            .collect()
    }

    #[test]
    fn every_kind_of_token_is_told_from_the_others() {
        use Kind::{Blank, Iri, Language, Name, Number, OpenText, Sign, Stray, Text, Variable, Word};
        for (text, due) in [
            ("?s a kbv:Person.", &[(Variable, "?s"), (Word, "a"), (Name, "kbv:Person"), (Sign, ".")][..]),
            ("<http://x/> :y _:z # <c>\n", &[(Iri, "<http://x/>"), (Name, ":y"), (Blank, "_:z")]),
            ("'a\\'b'@sv \"\"\"c\"\nd\"\"\"", &[(Text, "'a\\'b'"), (Language, "@sv"), (Text, "\"\"\"c\"\nd\"\"\"")]),
            ("1.5e-3 .5 1. ", &[(Number, "1.5e-3"), (Number, ".5"), (Number, "1"), (Sign, ".")]),
            ("?a<?b&&?c", &[(Variable, "?a"), (Sign, "<"), (Variable, "?b"), (Sign, "&&"), (Variable, "?c")]),
            ("x:a%41\\-b.c. x:a%4", &[(Name, "x:a%41\\-b.c"), (Sign, "."), (Name, "x:a"), (Stray, "%"), (Number, "4")]),
            ("'open\n\"\"\"also", &[(OpenText, "'open"), (OpenText, "\"\"\"also")]),
            ("?x? ?-y", &[(Variable, "?x"), (Sign, "?"), (Sign, "?"), (Sign, "-"), (Word, "y")]),
            ("?födelseår\u{a0}“", &[(Variable, "?födelseår"), (Stray, "\u{a0}"), (Stray, "“")]),
        ] {
            assert_eq!(tokens(text), due, "{text}");
        }
    }
}
