//! Splits an answer into its items and the rest, in bounded memory: a page may hold more than a program can.

use std::io::BufRead;

use super::error::{EmmError, beginning};

/// Bounds on the parts of an answer.
#[derive(Debug, Clone, Copy)]
pub struct SplitLimits {
    /// The longest item, in bytes.
    pub item_bytes: usize,
    /// The longest rest of the answer, in bytes.
    pub head_bytes: usize,
}

/// An item of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Its JSON.
    Whole(Vec<u8>),
    /// One over the limit: its first bytes.
    TooLong(Vec<u8>),
}

/// How much of an item that is too long is kept, to name it.
const KEPT: usize = 4096;

/// The members whose values are lists of items.
const LISTS: [&[u8]; 2] = [b"items", b"orderedItems"];

/// Where the scanner is.
enum Place {
    /// In what surrounds the items.
    Around,
    /// In the list, between two items.
    Between,
    /// In an item.
    Inside,
}

#[expect(clippy::struct_excessive_bools, reason = "what a scanner has seen")]
struct Scanner {
    limits: SplitLimits,
    place: Place,
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// What surrounds the items.
    around: Vec<u8>,
    /// The string that was read last outside of items, and whether a colon followed it.
    key: Vec<u8>,
    after_key: bool,
    item: Vec<u8>,
    too_long: bool,
}

/// Reads an answer to the end of its object. Each item of `items` or `orderedItems` is handed over; the object without them
/// is the answer.
pub fn split<E: From<EmmError>>(
    input: &mut dyn BufRead,
    limits: SplitLimits,
    mut each: impl FnMut(Piece) -> Result<(), E>,
) -> Result<Vec<u8>, E> {
    let mut scanner = Scanner {
        limits,
        place: Place::Around,
        depth: 0,
        in_string: false,
        escaped: false,
        around: Vec::new(),
        key: Vec::new(),
        after_key: false,
        item: Vec::new(),
        too_long: false,
    };
    let mut position = 0;
    loop {
        let chunk = input.fill_buf().map_err(|source| EmmError::Read { position, source })?;
        if chunk.is_empty() {
            if scanner.around.is_empty() {
                return Err(EmmError::NotJson { reason: "it is empty".into(), begins: String::new() }.into());
            }
            return Err(EmmError::Cut { position }.into());
        }
        let length = chunk.len();
        for (place, byte) in chunk.iter().enumerate() {
            if scanner.depth == 0 {
                if byte.is_ascii_whitespace() {
                    continue;
                }
                if *byte != b'{' {
                    let begins = beginning(&chunk[place..]);
                    return Err(EmmError::NotJson { reason: "it is no object".into(), begins }.into());
                }
            }
            if let Some(piece) = scanner.take(*byte)? {
                each(piece)?;
            }
            if scanner.depth == 0 {
                return Ok(scanner.around);
            }
        }
        input.consume(length);
        position += length as u64;
    }
}

impl Scanner {
    fn take(&mut self, byte: u8) -> Result<Option<Piece>, EmmError> {
        match self.place {
            Place::Around => self.around(byte).map(|()| None),
            Place::Between => {
                match byte {
                    b',' => {}
                    b']' => self.leave_list()?,
                    byte if byte.is_ascii_whitespace() => {}
                    byte => {
                        self.place = Place::Inside;
                        self.inside(byte);
                    }
                }
                Ok(None)
            }
            // A number or a word ends where the next item begins.
            Place::Inside if self.depth == 2 && !self.in_string && matches!(byte, b',' | b']') => {
                let piece = self.finish();
                if byte == b']' {
                    self.leave_list()?;
                }
                Ok(Some(piece))
            }
            Place::Inside => {
                self.inside(byte);
                Ok((self.depth == 2 && !self.in_string && matches!(byte, b'}' | b']')).then(|| self.finish()))
            }
        }
    }

    fn around(&mut self, byte: u8) -> Result<(), EmmError> {
        if self.around.len() >= self.limits.head_bytes {
            return Err(EmmError::TooLarge { what: "what surrounds the items", limit: self.limits.head_bytes });
        }
        self.around.push(byte);
        let was_string = self.in_string;
        self.track(byte);
        match (was_string, byte) {
            (false, b'"') => {
                self.key.clear();
                self.after_key = false;
            }
            (true, b'"') if !self.in_string => {}
            (true, byte) => self.key.push(byte),
            (false, b':') => self.after_key = true,
            (false, b'[') if self.depth == 2 && self.after_key && LISTS.contains(&self.key.as_slice()) => {
                self.place = Place::Between;
            }
            (false, byte) if byte.is_ascii_whitespace() => {}
            (false, _) => self.after_key = false,
        }
        Ok(())
    }

    fn leave_list(&mut self) -> Result<(), EmmError> {
        self.place = Place::Around;
        self.after_key = false;
        self.around(b']')
    }

    fn inside(&mut self, byte: u8) {
        if self.item.len() < self.limits.item_bytes && !self.too_long {
            self.item.push(byte);
        } else if !self.too_long {
            self.too_long = true;
            self.item.truncate(KEPT);
            self.item.shrink_to_fit();
        }
        self.track(byte);
    }

    fn finish(&mut self) -> Piece {
        self.place = Place::Between;
        let item = std::mem::take(&mut self.item);
        if std::mem::take(&mut self.too_long) { Piece::TooLong(item) } else { Piece::Whole(item) }
    }

    /// Follows strings and nesting.
    fn track(&mut self, byte: u8) {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

/// Reads lines to the end of the input; each that is not empty is handed over.
pub fn lines<E: From<EmmError>>(
    input: &mut dyn BufRead,
    limits: SplitLimits,
    mut each: impl FnMut(Piece) -> Result<(), E>,
) -> Result<(), E> {
    let (mut line, mut too_long, mut position) = (Vec::new(), false, 0);
    loop {
        let chunk = input.fill_buf().map_err(|source| EmmError::Read { position, source })?;
        if chunk.is_empty() {
            // What a line break does not end may be cut.
            return if line.is_empty() { Ok(()) } else { Err(EmmError::Cut { position }.into()) };
        }
        let (length, ends) = match memchr::memchr(b'\n', chunk) {
            Some(end) => (end + 1, true),
            None => (chunk.len(), false),
        };
        let text = &chunk[..length - usize::from(ends)];
        if line.len() + text.len() > limits.item_bytes && !too_long {
            too_long = true;
            line.extend_from_slice(&text[..text.len().min(KEPT)]);
            line.truncate(KEPT);
        } else if !too_long {
            line.extend_from_slice(text);
        }
        input.consume(length);
        position += length as u64;
        if ends {
            let item = std::mem::take(&mut line);
            if std::mem::take(&mut too_long) {
                each(Piece::TooLong(item))?;
            } else if !item.iter().all(u8::is_ascii_whitespace) {
                each(Piece::Whole(item))?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: SplitLimits = SplitLimits { item_bytes: 60, head_bytes: 200 };

    fn parts(text: &str, chunk: usize) -> Result<(String, Vec<String>), EmmError> {
        let mut items = Vec::new();
        let mut input = std::io::BufReader::with_capacity(chunk, text.as_bytes());
        let around = split(&mut input, LIMITS, |piece| {
            items.push(match piece {
                Piece::Whole(item) => String::from_utf8(item).expect("text"),
                Piece::TooLong(_) => "too long".to_owned(),
            });
            Ok::<_, EmmError>(())
        })?;
        Ok((String::from_utf8(around).expect("text"), items))
    }

    #[test]
    fn items_are_split_off_however_they_are_written_and_chunked() {
        let long = "x".repeat(70);
        let text = format!(
            r#" {{"a": "items", "b": ["items", [1]], "items" : [ {{"x": "]}}\"["}}, [1, [2]] ,3,"s,\\", null, {{"y": "{long}"}}, {{}} ], "next": {{"items": [1]}}}} rest"#
        );
        for chunk in [1, 2, 7, 1000] {
            let (around, items) = parts(&text, chunk).expect("valid");
            assert_eq!(items, [r#"{"x": "]}\"["}"#, "[1, [2]]", "3", r#""s,\\""#, "null", "too long", "{}"], "{chunk}");
            let around: serde_json::Value = serde_json::from_str(&around).expect("JSON");
            assert_eq!(around["items"], serde_json::json!([]));
            assert_eq!((&around["a"], &around["next"]["items"][0]), (&"items".into(), &1.into()));
        }
    }

    #[test]
    fn an_answer_ends_only_where_its_object_is_closed() {
        let whole = r#"{"items": [{"a": 1}, {"b": "}"}], "next": "x"}"#;
        for cut in 0..whole.len() {
            assert!(parts(&whole[..cut], 1000).is_err(), "cut at byte {cut}");
        }
        assert!(matches!(parts("<html>", 1000), Err(EmmError::NotJson { .. })));
        assert!(matches!(parts("[1]", 1000), Err(EmmError::NotJson { .. })));
        assert!(matches!(parts(&format!("{{\"a\": \"{}\"}}", "x".repeat(300)), 9), Err(EmmError::TooLarge { .. })));
    }

    #[test]
    fn lines_are_whole_or_cut() {
        let read = |text: &str| {
            let mut found = Vec::new();
            let mut input = std::io::BufReader::with_capacity(5, text.as_bytes());
            lines(&mut input, LIMITS, |piece| {
                found.push(piece);
                Ok::<_, EmmError>(())
            })
            .map(|()| found)
        };
        let long = "y".repeat(80);
        let found = read(&format!("{{\"a\": 1}}\n\n{long}\n{{}}\n")).expect("valid");
        let [Piece::Whole(first), Piece::TooLong(_), Piece::Whole(last)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((first.as_slice(), last.as_slice()), (&b"{\"a\": 1}"[..], &b"{}"[..]));
        assert!(matches!(read("{}\n{\"a\""), Err(EmmError::Cut { position: 7 })));
    }
}
