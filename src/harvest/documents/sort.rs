//! Sorts what documents say by record, on disk where it does not fit into memory. The files have no names, so that nothing is
//! left of them after a crash.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Entries in any order: a record, a line, and the number of the document that says it.
pub(super) struct Sorter {
    directory: PathBuf,
    limit: usize,
    bytes: Vec<u8>,
    entries: Vec<(usize, usize)>,
    runs: Vec<File>,
}

/// So many files are merged into one: each is open.
const MOST_RUNS: usize = 48;

impl Sorter {
    /// A sorter that keeps so many bytes in memory.
    pub(super) fn new(directory: &Path, limit: usize) -> Self {
        Self { directory: directory.to_owned(), limit, bytes: Vec::new(), entries: Vec::new(), runs: Vec::new() }
    }

    /// How many bytes are in memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Adds an entry. Neither the record nor the line has a zero byte.
    pub(super) fn push(&mut self, record: &str, line: &str, document: u32) -> io::Result<()> {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(record.as_bytes());
        self.bytes.push(0);
        self.bytes.extend_from_slice(line.as_bytes());
        self.bytes.push(0);
        self.bytes.extend_from_slice(&document.to_be_bytes());
        self.entries.push((begin, self.bytes.len()));
        if self.bytes.len() + self.entries.len() * size_of::<(usize, usize)>() >= self.limit {
            self.spill()?;
        }
        Ok(())
    }

    fn sort(&mut self) {
        let bytes = &self.bytes;
        self.entries.sort_unstable_by(|one, other| bytes[one.0..one.1].cmp(&bytes[other.0..other.1]));
    }

    fn spill(&mut self) -> io::Result<()> {
        self.sort();
        let mut file = tempfile::tempfile_in(&self.directory)?;
        let mut out = BufWriter::with_capacity(1 << 18, &mut file);
        for (begin, end) in &self.entries {
            write_entry(&mut out, &self.bytes[*begin..*end])?;
        }
        out.flush()?;
        drop(out);
        self.runs.push(file);
        self.bytes.clear();
        self.entries.clear();
        if self.runs.len() >= MOST_RUNS {
            let mut file = tempfile::tempfile_in(&self.directory)?;
            let mut out = BufWriter::with_capacity(1 << 18, &mut file);
            let mut merged = self.sorted()?;
            while let Some(entry) = merged.next()? {
                write_entry(&mut out, &entry)?;
            }
            out.flush()?;
            drop((merged, out));
            self.runs = vec![file];
        }
        Ok(())
    }

    /// All entries so far in order. More may be added afterwards.
    pub(super) fn sorted(&mut self) -> io::Result<Sorted<'_>> {
        self.sort();
        let mut runs = Vec::new();
        for file in &self.runs {
            let mut file = file.try_clone()?;
            file.seek(SeekFrom::Start(0))?;
            runs.push(BufReader::with_capacity(1 << 17, file));
        }
        let mut sorted = Sorted { bytes: &self.bytes, entries: self.entries.iter(), runs, heap: BinaryHeap::new() };
        for run in 0..=sorted.runs.len() {
            sorted.refill(run)?;
        }
        Ok(sorted)
    }
}

fn write_entry(out: &mut impl Write, entry: &[u8]) -> io::Result<()> {
    let length = u32::try_from(entry.len()).map_err(io::Error::other)?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(entry)
}

/// Entries in order.
pub(super) struct Sorted<'a> {
    bytes: &'a [u8],
    entries: std::slice::Iter<'a, (usize, usize)>,
    runs: Vec<BufReader<File>>,
    /// The next entry of each run, and of memory, which is the last.
    heap: BinaryHeap<Reverse<(Vec<u8>, usize)>>,
}

impl Sorted<'_> {
    fn refill(&mut self, run: usize) -> io::Result<()> {
        let entry = match self.runs.get_mut(run) {
            None => self.entries.next().map(|(begin, end)| self.bytes[*begin..*end].to_vec()),
            Some(file) => {
                let mut length = [0; 4];
                match file.read_exact(&mut length) {
                    Ok(()) => {
                        let mut entry = vec![0; u32::from_le_bytes(length) as usize];
                        file.read_exact(&mut entry)?;
                        Some(entry)
                    }
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
                    Err(error) => return Err(error),
                }
            }
        };
        self.heap.extend(entry.map(|entry| Reverse((entry, run))));
        Ok(())
    }

    /// The next entry.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(Reverse((entry, run))) = self.heap.pop() else { return Ok(None) };
        self.refill(run)?;
        Ok(Some(entry))
    }
}

/// The record, the line and the document of an entry.
pub(super) fn parts(entry: &[u8]) -> Option<(&str, &str, u32)> {
    let (text, document) = entry.split_last_chunk::<4>()?;
    let zero = text.iter().position(|byte| *byte == 0)?;
    let line = text.get(zero + 1..text.len().checked_sub(1)?)?;
    Some((str::from_utf8(&text[..zero]).ok()?, str::from_utf8(line).ok()?, u32::from_be_bytes(*document)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_in_order_from_memory_and_from_files() {
        let directory = tempfile::tempdir().expect("a directory");
        for limit in [1, 300, 1 << 20] {
            let mut sorter = Sorter::new(directory.path(), limit);
            for number in 0..500_u32 {
                let mixed = number * 7919 % 500;
                sorter.push(&format!("r{:03}", mixed / 5), &format!("l{mixed:03}"), number % 3).expect("written");
            }
            for _ in 0..2 {
                let mut sorted = sorter.sorted().expect("readable");
                for number in 0..500 {
                    let entry = sorted.next().expect("readable").expect("one more");
                    let (record, line, _) = parts(&entry).expect("whole");
                    assert_eq!((record, line), (&*format!("r{:03}", number / 5), &*format!("l{number:03}")), "{limit}");
                }
                assert!(sorted.next().expect("readable").is_none());
            }
        }
        assert_eq!(fs_err::read_dir(directory.path()).expect("readable").count(), 0);
    }
}
