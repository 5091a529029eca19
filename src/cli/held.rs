//! A buffer before stdout that holds back the beginning and the end of results. A query that fails early prints nothing;
//! one that fails later leaves a document that no parser accepts as complete.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::query::QueryError;

/// Bytes held back before anything is printed.
const HELD_AT_START: usize = 64 << 10;

/// Bytes held back after that, at least.
const HELD_AT_END: usize = 8;

/// Bytes that end a row. Before the results are complete, what is printed never ends with one of them.
const ROW_ENDS: &[u8] = b" .\r\n";

/// A writer that holds results back.
pub(super) struct Held<W: Write> {
    out: W,
    waiting: Vec<u8>,
    begun: Arc<AtomicBool>,
}

impl<W: Write> Held<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, waiting: Vec::new(), begun: Arc::default() }
    }

    /// Returns whether anything was printed.
    pub(super) fn begun(&self) -> Arc<AtomicBool> {
        self.begun.clone()
    }

    /// Prints what is held back, because the results are complete.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.out.write_all(&self.waiting)?;
        self.out.flush()
    }
}

impl<W: Write> Write for Held<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() > HELD_AT_START {
            let before = &self.waiting[..self.waiting.len() - HELD_AT_END];
            let end = before.iter().rposition(|byte| !ROW_ENDS.contains(byte)).map_or(0, |last| last + 1);
            let (printed, kept) = self.waiting.split_at(end);
            self.begun.store(true, Ordering::Relaxed);
            self.out.write_all(printed)?;
            // The program may end at once, and stdout would lose what waits for the end of a line.
            self.out.flush()?;
            self.waiting = kept.to_vec();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A query failed after part of its results was printed.
#[derive(Debug, thiserror::Error)]
#[error("{}", incomplete(.0))]
pub(super) struct Incomplete(pub(super) QueryError);

fn incomplete(error: &QueryError) -> String {
    let text = error.to_string();
    let (sentence, hint) = text.split_once('\n').map_or((&*text, ""), |(sentence, hint)| (sentence, hint));
    let gap = if hint.is_empty() { "" } else { "\n" };
    format!("{sentence}; the results that were printed are incomplete{gap}{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_and_the_end_are_held_back() {
        let mut printed = Vec::new();
        let mut held = Held::new(&mut printed);
        held.write_all(b"a row\n").expect("memory");
        assert!(!held.begun().load(Ordering::Relaxed));
        for _ in 0..20_000 {
            held.write_all(b"a row\n").expect("memory");
        }
        assert!(held.begun().load(Ordering::Relaxed));
        drop(held);
        let last = *printed.last().expect("more than the beginning");
        assert!(printed.len() + 16 > HELD_AT_START && !ROW_ENDS.contains(&last), "{}", printed.len());

        let mut printed = Vec::new();
        let mut held = Held::new(&mut printed);
        for _ in 0..20_000 {
            held.write_all(b"a row\n").expect("memory");
        }
        held.finish().expect("memory");
        assert_eq!(printed, b"a row\n".repeat(20_000));
    }
}
