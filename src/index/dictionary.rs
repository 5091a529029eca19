//! The dictionary of a segment: the terms that were new with it, in the order in which they came, by code and by text.
//!
//! A term is found by its hash: the upper half leads to a bucket, whose entries have a byte of the lower half.

use std::path::Path;

use oxigraph::model::Term;
use serde::{Deserialize, Serialize};
use zerocopy::little_endian::{U32, U64};

use super::code::Code;
use super::error::IndexError;
use super::mapped::{Column, Mapped, Place};
use super::terms;
use super::writer::{FileWriter, Growing};

/// Terms that share one 64-bit offset.
const GROUP: usize = 1024;

/// Terms in a bucket, on average.
const IN_BUCKET: usize = 8;

/// Entries that are sorted in memory at a time.
const AT_ONCE: usize = 8_000_000;

/// A dictionary in a footer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DictionaryForm {
    first: Code,
    text: Place,
    groups: Place,
    ends: Place,
    buckets: Place,
    marks: Place,
    entries: Place,
}

/// A dictionary.
#[derive(Debug)]
pub(super) struct Dictionary {
    /// The first code.
    pub(super) first: Code,
    /// How many terms there are.
    pub(super) count: u32,
    text: Column<u8>,
    groups: Column<U64>,
    /// Where a term ends, in its group.
    ends: Column<U32>,
    buckets: Column<U32>,
    marks: Column<u8>,
    entries: Column<U32>,
}

/// The bucket of a hash.
fn bucket(hash: u64, buckets: usize) -> usize {
    // The product of two numbers below 2^32.
    (((hash >> 32) * buckets as u64) >> 32) as usize
}

#[expect(clippy::cast_possible_truncation, reason = "a byte of it is wanted")]
const fn mark(hash: u64) -> u8 {
    hash as u8
}

impl Dictionary {
    pub(super) fn open(file: &Mapped, form: DictionaryForm) -> Result<Self, IndexError> {
        let DictionaryForm { first, text, groups, ends, buckets, marks, entries } = form;
        let (ends, groups): (Column<U32>, Column<U64>) = (file.column(ends)?, file.column(groups)?);
        let (buckets, marks, entries) = (file.column(buckets)?, file.column(marks)?, file.column(entries)?);
        let count = u32::try_from(ends.len()).map_err(|_| file.damaged("its dictionary is too long"))?;
        let whole = groups.len() == ends.len().div_ceil(GROUP) && marks.len() == entries.len() && entries.len() <= ends.len();
        if !whole || Column::<U32>::len(&buckets) < 2 || first.checked_add(count).is_none() {
            return Err(file.damaged("its dictionary lacks a part"));
        }
        Ok(Self { first, count, text: file.column(text)?, groups, ends, buckets, marks, entries })
    }

    /// Whether a code is one of its terms.
    #[inline]
    pub(super) fn has(&self, code: Code) -> bool {
        code.wrapping_sub(self.first) < self.count
    }

    /// The bytes of one of its terms; none if nothing has it any more.
    pub(super) fn bytes<'a>(&self, file: &'a Mapped, code: Code) -> Result<&'a [u8], IndexError> {
        let at = code.wrapping_sub(self.first) as usize;
        let group = file.get(self.groups, at / GROUP)?;
        let start = if at.is_multiple_of(GROUP) { 0 } else { file.get(self.ends, at - 1)? };
        let end = file.get(self.ends, at)?;
        let place = |offset: u32| group.checked_add(offset.into()).and_then(|at| usize::try_from(at).ok());
        let (Some(start), Some(end)) = (place(start), place(end)) else { return Err(file.damaged("a term is nowhere")) };
        let bytes = file.slice(self.text, start..end)?;
        Ok(bytes)
    }

    /// One of its terms.
    pub(super) fn term(&self, file: &Mapped, code: Code) -> Result<Term, IndexError> {
        terms::decode(self.bytes(file, code)?).ok_or_else(|| file.damaged(format!("the term {code} cannot be read")))
    }

    /// The code of a term, by its hash and bytes.
    pub(super) fn find(&self, file: &Mapped, hash: u64, bytes: &[u8]) -> Result<Option<Code>, IndexError> {
        if self.count == 0 {
            return Ok(None);
        }
        let bucket = bucket(hash, self.buckets.len() - 1);
        let bounds = file.slice(self.buckets, bucket..bucket + 2)?;
        let (start, end) = (bounds[0].get() as usize, bounds[1].get() as usize);
        let marks = file.slice(self.marks, start..end)?;
        for place in memchr::memchr_iter(mark(hash), marks) {
            let entry = file.get(self.entries, start + place)?;
            let code = self.first.checked_add(entry).filter(|code| self.has(*code));
            let code = code.ok_or_else(|| file.damaged("its dictionary leads nowhere"))?;
            if self.bytes(file, code)? == bytes {
                return Ok(Some(code));
            }
        }
        Ok(None)
    }
}

/// A dictionary that is written.
pub(super) struct DictionaryWriter {
    first: Code,
    text: Growing,
    groups: Growing,
    ends: Growing,
    group: usize,
}

impl DictionaryWriter {
    pub(super) fn new(first: Code, directory: &Path) -> Self {
        let new = || Growing::new(directory);
        Self { first, text: new(), groups: new(), ends: new(), group: 0 }
    }

    /// Adds the next term. Without bytes, its code is used up, and means nothing.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<(), IndexError> {
        if self.ends.len().is_multiple_of(GROUP) {
            self.group = self.text.len();
            self.groups.u64(self.group as u64)?;
        }
        self.text.bytes(bytes)?;
        let end = u32::try_from(self.text.len() - self.group);
        self.ends.u32(end.map_err(|_| IndexError::Full { what: "bytes in neighbouring terms", most: u32::MAX })?)?;
        Ok(())
    }

    /// Puts it into a file. `hashes` calls what it gets with the hash of each term, in their order, each time it is called;
    /// with `None` for one without bytes.
    pub(super) fn finish(
        self,
        directory: &Path,
        file: &mut FileWriter,
        mut hashes: impl FnMut(&mut dyn FnMut(Option<u64>)) -> Result<(), IndexError>,
    ) -> Result<DictionaryForm, IndexError> {
        let count = self.ends.len();
        let number = count.div_ceil(IN_BUCKET).max(1);
        let (mut buckets, mut marks, mut entries) = (Growing::new(directory), Growing::new(directory), Growing::new(directory));
        let passes = count.div_ceil(AT_ONCE).max(1);
        let (mut total, mut here) = (0_u32, Vec::new());
        for pass in 0..passes {
            let (from, to) = (number * pass / passes, number * (pass + 1) / passes);
            let mut entry = 0_u32;
            hashes(&mut |hash| {
                if let Some(hash) = hash {
                    let bucket = bucket(hash, number);
                    if (from..to).contains(&bucket) {
                        here.push((bucket, entry, mark(hash)));
                    }
                }
                entry = entry.wrapping_add(1);
            })?;
            here.sort_unstable();
            let mut found = here.drain(..).peekable();
            for bucket in from..to {
                buckets.u32(total)?;
                while let Some((_, entry, mark)) = found.next_if(|(its, ..)| *its == bucket) {
                    entries.u32(entry)?;
                    marks.bytes(&[mark])?;
                    total += 1;
                }
            }
        }
        buckets.u32(total)?;
        let Self { first, text, groups, ends, .. } = self;
        Ok(DictionaryForm {
            first,
            text: file.add(text)?,
            groups: file.add(groups)?,
            ends: file.add(ends)?,
            buckets: file.add(buckets)?,
            marks: file.add(marks)?,
            entries: file.add(entries)?,
        })
    }
}
