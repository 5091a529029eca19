//! How deep a document is nested: parsers keep a stack of what is open, however deep it is.

/// What opens and closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    /// Elements.
    Xml,
    /// Brackets.
    Turtle,
    /// Nothing: N-Triples and N-Quads.
    Lines,
}

/// Where a reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between tokens, or between tags.
    Outside,
    /// After a byte that may begin something: the quotes so far of a string, or `<`.
    Begun(u8, u8),
    /// In a string of one or three quotes, with the number of quotes that end it and those seen; after a backslash.
    Text { quote: u8, ending: u8, seen: u8, escaped: bool },
    /// In an IRI, a comment, or markup that ends with this byte after these.
    Until(&'static [u8], usize),
    /// In a tag: an end tag, and the last byte.
    Tag { end: bool, last: u8 },
    /// In a value of an attribute of such a tag.
    Value { quote: u8 },
}

/// Counts what is open, byte by byte.
#[derive(Debug)]
pub(super) struct Nesting {
    syntax: Syntax,
    state: State,
    depth: usize,
    /// The first bytes of markup, which tell its kind.
    head: Vec<u8>,
}

impl Nesting {
    pub(super) fn new(syntax: Syntax) -> Self {
        Self { syntax, state: State::Outside, depth: 0, head: Vec::new() }
    }

    /// Reads on, and answers the deepest nesting in these bytes.
    pub(super) fn read(&mut self, bytes: &[u8]) -> usize {
        let mut deepest = self.depth;
        if self.syntax == Syntax::Lines {
            return deepest;
        }
        for byte in bytes {
            match self.syntax {
                Syntax::Xml => self.xml(*byte),
                _ => self.turtle(*byte),
            }
            deepest = deepest.max(self.depth);
        }
        deepest
    }

    fn turtle(&mut self, byte: u8) {
        self.state = match self.state {
            State::Begun(quote, 1) if byte == quote => State::Begun(quote, 2),
            State::Begun(quote, 2) if byte == quote => State::Text { quote, ending: 3, seen: 0, escaped: false },
            // Two quotes were an empty string.
            State::Begun(_, 2) => return self.turtle_outside(byte),
            State::Begun(quote, _) => State::Text { quote, ending: 1, seen: 0, escaped: byte == b'\\' },
            State::Text { quote, ending, escaped: true, .. } => State::Text { quote, ending, seen: 0, escaped: false },
            State::Text { quote, ending, seen, .. } if byte == quote => {
                if seen + 1 == ending {
                    State::Outside
                } else {
                    State::Text { quote, ending, seen: seen + 1, escaped: false }
                }
            }
            State::Text { quote, ending, .. } => State::Text { quote, ending, seen: 0, escaped: byte == b'\\' },
            State::Until(end, _) if byte == end[0] => State::Outside,
            State::Until(..) => self.state,
            _ => return self.turtle_outside(byte),
        };
    }

    fn turtle_outside(&mut self, byte: u8) {
        self.state = match byte {
            b'"' | b'\'' => State::Begun(byte, 1),
            b'<' => State::Until(b">", 0),
            b'#' => State::Until(b"\n", 0),
            _ => State::Outside,
        };
        match byte {
            b'[' | b'(' => self.depth += 1,
            b']' | b')' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    fn xml(&mut self, byte: u8) {
        self.state = match self.state {
            State::Begun(..) => {
                self.head.push(byte);
                self.markup(byte)
            }
            State::Until(end, matched) => {
                // After `--` or `]]`, more of the same still ends with `>`.
                let next = match byte {
                    byte if byte == end[matched] => matched + 1,
                    byte if matched > 0 && byte == end[matched - 1] => matched,
                    byte => usize::from(byte == end[0]),
                };
                if next == end.len() { State::Outside } else { State::Until(end, next) }
            }
            State::Tag { end: false, .. } if matches!(byte, b'"' | b'\'') => State::Value { quote: byte },
            State::Value { quote } if byte == quote => State::Tag { end: false, last: byte },
            State::Value { .. } => self.state,
            State::Tag { end, last } if byte == b'>' => {
                if !end && last == b'/' || end {
                    self.depth = self.depth.saturating_sub(1);
                }
                State::Outside
            }
            State::Tag { end, .. } => State::Tag { end, last: byte },
            _ if byte == b'<' => {
                self.head.clear();
                State::Begun(byte, 1)
            }
            _ => State::Outside,
        };
    }

    /// The state after the first bytes of markup.
    fn markup(&mut self, byte: u8) -> State {
        match self.head.as_slice() {
            b"/" => State::Tag { end: true, last: byte },
            b"?" => State::Until(b"?>", 0),
            b"!--" => State::Until(b"-->", 0),
            b"![CDATA[" => State::Until(b"]]>", 0),
            head if b"!--".starts_with(head) || b"![CDATA[".starts_with(head) => State::Begun(b'<', 1),
            [b'!', ..] => State::Until(b">", 0),
            _ => {
                self.depth += 1;
                State::Tag { end: false, last: byte }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(syntax: Syntax, text: &str) -> (usize, usize) {
        let mut nesting = Nesting::new(syntax);
        let deepest = text.as_bytes().chunks(1).map(|byte| nesting.read(byte)).max().unwrap_or_default();
        (deepest, nesting.depth)
    }

    #[test]
    fn brackets_count_where_they_are_brackets() {
        assert_eq!(depth(Syntax::Turtle, "<a(> <b> [ <c> ( 1 2 ) ] . # [[[\n"), (2, 0));
        assert_eq!(depth(Syntax::Turtle, r#"<a> <b> "[[", "", '[' , """[ "" [\""" [""" , [] ."#), (1, 0));
        assert_eq!(depth(Syntax::Turtle, "[[["), (3, 3));
        assert_eq!(depth(Syntax::Lines, "[[["), (0, 0));
    }

    #[test]
    fn elements_count_where_they_are_elements() {
        let text = "<?xml v='>'?><!DOCTYPE x><a b='/>' c=\"<>\"><!-- <x><y> --- --><b/><c><![CDATA[<d>]]]></c></a>";
        assert_eq!(depth(Syntax::Xml, text), (2, 0));
        assert_eq!(depth(Syntax::Xml, "<a><b><c>"), (3, 3));
    }
}
