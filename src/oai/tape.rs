//! A reader that keeps what it read: the parser gets repaired text, the log gets the bytes as they came.
//!
//! Servers send bytes that are not UTF-8 and control characters that XML forbids. Both are replaced for the
//! parser, one byte by one byte, so that every position in the repaired text is the same position in the raw
//! bytes. Memory is bounded: the bytes since the last [`Tape::release`] may not exceed the limit.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

/// What stands in place of a byte that cannot be parsed.
const REPLACEMENT: u8 = b'?';

/// Replaces bytes that are not UTF-8 and control characters that XML 1.0 forbids, each by one `?`.
///
/// The result has the same length, so positions in it are positions in the input.
#[must_use]
pub fn repair(bytes: &[u8]) -> Cow<'_, [u8]> {
    if fit(bytes).is_some() {
        return Cow::Borrowed(bytes);
    }
    let mut repaired = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        repaired.extend(chunk.valid().bytes().map(|byte| if forbidden(byte) { REPLACEMENT } else { byte }));
        repaired.extend(std::iter::repeat_n(REPLACEMENT, chunk.invalid().len()));
    }
    Cow::Owned(repaired)
}

/// Bytes as text: invalid UTF-8 and the control characters that XML 1.0 forbids become U+FFFD. Borrowed if nothing had to be
/// replaced.
#[must_use]
pub fn readable(bytes: &[u8]) -> Cow<'_, str> {
    fit(bytes).map_or_else(
        || Cow::Owned(String::from_utf8_lossy(bytes).replace(|c| u8::try_from(c).is_ok_and(forbidden), "\u{fffd}")),
        Cow::Borrowed,
    )
}

/// Control characters that XML 1.0 forbids.
fn forbidden(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')
}

/// Bytes as text, if they are valid. Checks every byte without a branch for each.
fn fit(bytes: &[u8]) -> Option<&str> {
    let found = bytes.iter().fold(false, |found, &byte| found | forbidden(byte));
    if found { None } else { std::str::from_utf8(bytes).ok() }
}

/// How many bytes at the end of `bytes` could be the beginning of a longer UTF-8 character.
fn incomplete_tail(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => bytes.len() - error.valid_up_to(),
        Err(_) => bytes
            .utf8_chunks()
            .last()
            .filter(|last| std::str::from_utf8(last.invalid()).is_err_and(|error| error.error_len().is_none()))
            .map_or(0, |last| last.invalid().len()),
        Ok(_) => 0,
    }
}

pub(super) struct Tape<R> {
    inner: Option<R>,
    /// Raw bytes from `base` on, the unconsumed ones included.
    raw: Vec<u8>,
    /// The position of `raw[0]` in the stream.
    base: u64,
    /// The last position that was released.
    kept_from: u64,
    /// Repaired bytes that are being handed out, and how far.
    clean: Vec<u8>,
    handed: usize,
    /// Raw bytes at the end of `raw` that are not in `clean` yet: the beginning of a character.
    held: usize,
    started: bool,
    limit: usize,
}

/// Marks the error of a tape that grew over its limit.
#[derive(Debug, thiserror::Error)]
#[error("more than {0} bytes in one element")]
pub(super) struct OverLimit(pub usize);

/// Where an end tag was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// The position after it.
    pub(super) end: u64,
    /// Whether all bytes before it are kept.
    pub(super) whole: bool,
}

/// An end tag with white space in it is no longer than this.
const LONGEST_TAG: usize = 256;

/// Where `</name>` begins, white space allowed before `>`, and its length.
fn end_tag(bytes: &[u8], name: &[u8]) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(at) = bytes[from..].windows(2).position(|window| window == b"</").map(|at| at + from) {
        if let Some(rest) = bytes[at + 2..].strip_prefix(name) {
            let space = rest
                .iter()
                .take(LONGEST_TAG - 3 - name.len().min(LONGEST_TAG - 3))
                .take_while(|byte| byte.is_ascii_whitespace())
                .count();
            if rest.get(space) == Some(&b'>') {
                return Some((at, 2 + name.len() + space + 1));
            }
        }
        from = at + 2;
    }
    None
}

impl<R: BufRead> Tape<R> {
    pub(super) fn new(inner: R, limit: usize) -> Self {
        Self {
            inner: Some(inner),
            raw: Vec::new(),
            base: 0,
            kept_from: 0,
            clean: Vec::new(),
            handed: 0,
            held: 0,
            started: false,
            limit,
        }
    }

    /// Moves this tape out, for another parser; leaves an empty one.
    pub(super) fn take(&mut self) -> Self {
        let Self { inner, raw, base, kept_from, clean, handed, held, started, limit } = self;
        Self {
            inner: inner.take(),
            raw: std::mem::take(raw),
            base: *base,
            kept_from: *kept_from,
            clean: std::mem::take(clean),
            handed: *handed,
            held: *held,
            started: *started,
            limit: *limit,
        }
    }

    /// What was read and not handed out yet.
    pub(super) fn at_hand(&self) -> &[u8] {
        &self.clean[self.handed..]
    }

    /// Releases the raw bytes before `position`. They are dropped once they outnumber the rest, so that moving the rest costs no
    /// more than reading it did.
    pub(super) fn release(&mut self, position: u64) {
        let count = self.index(position);
        if count > self.raw.len() / 2 {
            self.raw.drain(..count);
            self.base += count as u64;
        }
        self.kept_from = position;
    }

    /// The raw bytes between two positions, neither of which was released.
    pub(super) fn raw(&self, from: u64, to: u64) -> &[u8] {
        &self.raw[self.index(from)..self.index(to)]
    }

    /// Where a position is in `raw`.
    fn index(&self, position: u64) -> usize {
        usize::try_from(position.saturating_sub(self.base)).unwrap_or(usize::MAX).min(self.raw.len())
    }

    /// Moves to the end of the next end tag of `name`, from a position that was not released. Bytes beyond the limit are skipped,
    /// not kept. Nothing if the stream ends first.
    pub(super) fn seek_end_tag(&mut self, from: u64, name: &str) -> io::Result<Option<Found>> {
        let mut start = self.index(from);
        let mut searched = start;
        let mut kept = true;
        loop {
            let area = &self.raw[searched..];
            if let Some((at, length)) = end_tag(area, name.as_bytes()) {
                let end = searched + at + length;
                let whole = kept && end - start <= self.limit;
                self.held = incomplete_tail(&self.raw[end..]);
                self.clean = repair(&self.raw[end..self.raw.len() - self.held]).into_owned();
                self.handed = 0;
                return Ok(Some(Found { end: self.base + end as u64, whole }));
            }
            // A tag may be cut by the end of the chunk.
            searched = searched.max(self.raw.len().saturating_sub(LONGEST_TAG));
            if self.raw.len() - start > self.limit {
                kept = false;
                self.raw.drain(..searched);
                self.base += searched as u64;
                self.kept_from = self.base;
                (start, searched) = (0, 0);
            }
            if self.read_chunk()? == 0 {
                return Ok(None);
            }
        }
    }

    fn read_chunk(&mut self) -> io::Result<usize> {
        let Some(inner) = &mut self.inner else { return Ok(0) };
        let chunk = inner.fill_buf()?;
        let read = chunk.len();
        self.raw.extend_from_slice(chunk);
        inner.consume(read);
        if !self.started && self.raw.len() >= 3 {
            self.started = true;
            if self.raw.starts_with(b"\xEF\xBB\xBF") {
                self.raw.drain(..3);
            }
        }
        Ok(read)
    }

    fn refill(&mut self) -> io::Result<()> {
        self.clean.clear();
        self.handed = 0;
        while self.clean.is_empty() {
            let read = self.read_chunk()?;
            let fresh = &self.raw[self.raw.len().saturating_sub(self.held + read)..];
            let tail = if read == 0 { 0 } else { incomplete_tail(fresh) };
            self.clean.extend_from_slice(&repair(&fresh[..fresh.len() - tail]));
            self.held = tail;
            if read == 0 {
                break;
            }
            if self.raw.len() - self.index(self.kept_from) > self.limit.saturating_add(1 << 20) {
                return Err(io::Error::other(OverLimit(self.limit)));
            }
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Tape<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Tape<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.handed == self.clean.len() {
            self.refill()?;
        }
        Ok(&self.clean[self.handed..])
    }

    fn consume(&mut self, count: usize) {
        self.handed += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::BufReader;

    #[test]
    fn repairs_keep_every_position() {
        assert_eq!(repair("r\u{e4}v".as_bytes()), Cow::Borrowed("r\u{e4}v".as_bytes()));
        assert_eq!(&*repair(b"r\xe4v\x0b\tx"), b"r?v?\tx");
        assert_eq!(&*repair(b"\xf0\x9f\x98"), b"???");
        assert_eq!(readable("r\u{e4}v".as_bytes()), Cow::Borrowed("r\u{e4}v"));
        assert_eq!(readable(b"r\xe4v\x0b\tx"), "r\u{fffd}v\u{fffd}\tx");
    }

    proptest! {
        #[test]
        fn a_tape_hands_out_the_repaired_stream_however_it_is_chunked(
            bytes in proptest::collection::vec(prop_oneof![Just(0xc3u8), Just(0xa4), Just(0xe2), Just(0x82), Just(0xac), any::<u8>()], 0..200),
            chunk in 1usize..9,
        ) {
            prop_assume!(!bytes.starts_with(b"\xEF"));
            let mut tape = Tape::new(BufReader::with_capacity(chunk, &bytes[..]), 1000);
            let mut out = Vec::new();
            tape.read_to_end(&mut out).expect("in memory");
            prop_assert_eq!(&out[..], &*repair(&bytes));
            prop_assert_eq!(tape.raw(0, bytes.len() as u64), &bytes[..]);
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_document() {
        let mut tape = Tape::new(BufReader::with_capacity(2, &b"\xEF\xBB\xBF<a/>"[..]), 1000);
        let mut out = String::new();
        tape.read_to_string(&mut out).expect("text");
        assert_eq!(out, "<a/>");
    }

    #[test]
    fn an_end_tag_is_found_across_chunks_and_beyond_the_limit() {
        let text = format!("<r>{}</rx></r \n>rest", "x".repeat(3000));
        for (limit, whole) in [(10_000, true), (100, false)] {
            let mut tape = Tape::new(BufReader::with_capacity(7, text.as_bytes()), limit);
            let found = tape.seek_end_tag(0, "r").expect("in memory");
            assert_eq!(found, Some(Found { end: text.len() as u64 - 4, whole }));
            let mut rest = String::new();
            tape.read_to_string(&mut rest).expect("text");
            assert_eq!(rest, "rest");
        }
        assert_eq!(Tape::new(&b"<r></s>"[..], 100).seek_end_tag(0, "r").expect("in memory"), None);
    }

    #[test]
    fn the_limit_bounds_what_is_kept() {
        let endless = io::repeat(b'x');
        let mut tape = Tape::new(BufReader::new(endless), 1000);
        let error = io::copy(&mut tape, &mut io::sink()).expect_err("over the limit");
        assert!(error.to_string().contains("more than 1000 bytes"), "{error}");
    }
}
