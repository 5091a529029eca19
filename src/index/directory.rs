//! Directories: which rows of a table a node has.
//!
//! A directory numbers the nodes that have rows, its keys, in the order of their codes, and says for each where its rows begin.
//! Terms and blank nodes are two ranges of codes, each kept in the form that fits it: all codes of a range, where nearly all
//! are keys; a bit for each code with counts in between, where many are; else the sorted codes.

use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use zerocopy::little_endian::{U32, U64};

use super::code::{BLANK, Code};
use super::error::IndexError;
use super::filter::{Filter, LazyFilter};
use super::mapped::{Column, Mapped, Place};
use super::writer::{FileWriter, Growing};

/// The keys among a range of codes.
#[derive(Debug, Clone, Copy)]
enum Keys {
    /// All of a range: the first, and how many.
    All(Code, u32),
    /// From a code on, a bit for each, and how many keys stand before each 64 codes.
    Bits(Code, Column<U64>, Column<U32>),
    /// Sorted codes.
    Sorted(Column<U32>),
}

/// How keys are kept, for the footer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Form {
    All { first: Code, count: u32 },
    Bits { first: Code, words: Place, ranks: Place, count: u32 },
    Sorted { codes: Place },
}

impl Keys {
    fn open(file: &Mapped, form: Form) -> Result<(Self, u32), IndexError> {
        Ok(match form {
            Form::All { first, count } => (Self::All(first, count), count),
            Form::Bits { first, words, ranks, count } => {
                let (words, ranks) = (file.column::<U64>(words)?, file.column::<U32>(ranks)?);
                if words.len() != ranks.len() {
                    return Err(file.damaged("a directory lacks counts"));
                }
                (Self::Bits(first, words, ranks), count)
            }
            Form::Sorted { codes } => {
                let codes = file.column::<U32>(codes)?;
                (Self::Sorted(codes), u32::try_from(codes.len()).map_err(|_| file.damaged("a directory is too long"))?)
            }
        })
    }

    /// The number of a key.
    #[inline]
    fn rank(self, file: &Mapped, code: Code) -> Result<Option<u32>, IndexError> {
        match self {
            Self::All(first, count) => Ok(code.checked_sub(first).filter(|rank| *rank < count)),
            Self::Bits(first, words, ranks) => {
                let Some(offset) = code.checked_sub(first) else { return Ok(None) };
                let (word, bit) = (offset as usize / 64, offset % 64);
                if word >= words.len() {
                    return Ok(None);
                }
                let bits = file.get(words, word)?;
                if bits >> bit & 1 == 0 {
                    return Ok(None);
                }
                let below = (bits & ((1 << bit) - 1)).count_ones();
                Ok(file.get(ranks, word)?.checked_add(below))
            }
            Self::Sorted(codes) => {
                let (mut low, mut high) = (0, codes.len());
                while low < high {
                    let middle = usize::midpoint(low, high);
                    match file.get(codes, middle)?.cmp(&code) {
                        std::cmp::Ordering::Less => low = middle + 1,
                        std::cmp::Ordering::Greater => high = middle,
                        std::cmp::Ordering::Equal => return Ok(u32::try_from(middle).ok()),
                    }
                }
                Ok(None)
            }
        }
    }

    /// The last of `count` keys that is not after a code: its number.
    fn rank_up_to(self, file: &Mapped, code: Code, count: u32) -> Result<Option<u32>, IndexError> {
        let Self::Bits(first, words, ranks) = self else { return Ok(None) };
        let Some(offset) = code.checked_sub(first) else { return Ok(None) };
        let (word, bit) = (offset as usize / 64, offset % 64);
        if word >= words.len() {
            return Ok(count.checked_sub(1));
        }
        let up_to = (file.get(words, word)? & (u64::MAX >> (63 - bit))).count_ones();
        Ok(file.get(ranks, word)?.checked_add(up_to).and_then(|count| count.checked_sub(1)))
    }

    fn walk(self, count: u32) -> Walk {
        Walk { keys: self, rank: 0, count, word: 0, left: 0 }
    }
}

/// A walk through keys.
#[derive(Debug, Clone, Copy)]
struct Walk {
    keys: Keys,
    rank: u32,
    count: u32,
    word: usize,
    left: u64,
}

impl Walk {
    /// The next code.
    #[inline]
    fn next(&mut self, file: &Mapped) -> Result<Option<Code>, IndexError> {
        if self.rank >= self.count {
            return Ok(None);
        }
        let code = match self.keys {
            Keys::All(first, _) => first.checked_add(self.rank),
            Keys::Sorted(codes) => Some(file.get(codes, self.rank as usize)?),
            Keys::Bits(first, words, _) => {
                while self.left == 0 {
                    if self.word >= words.len() {
                        return Err(file.damaged("a directory has fewer keys than it says"));
                    }
                    self.left = file.get(words, self.word)?;
                    self.word += 1;
                }
                let bit = self.left.trailing_zeros();
                self.left &= self.left - 1;
                u32::try_from((self.word - 1) * 64).ok().and_then(|codes| first.checked_add(codes)?.checked_add(bit))
            }
        };
        self.rank += 1;
        code.map(Some).ok_or_else(|| file.damaged("a directory has an impossible key"))
    }
}

/// Which nodes are keys, in the order of their codes.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeySet {
    terms: Keys,
    blanks: Keys,
    /// How many of the keys are terms.
    split: u32,
    count: u32,
}

impl KeySet {
    pub(super) fn open(file: &Mapped, forms: [Form; 2]) -> Result<Self, IndexError> {
        let ((terms, split), (blanks, others)) = (Keys::open(file, forms[0])?, Keys::open(file, forms[1])?);
        let count = split.checked_add(others).ok_or_else(|| file.damaged("a directory is too long"))?;
        Ok(Self { terms, blanks, split, count })
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    #[inline]
    pub(super) fn rank(&self, file: &Mapped, code: Code) -> Result<Option<u32>, IndexError> {
        if code < BLANK {
            self.terms.rank(file, code)
        } else {
            Ok(self.blanks.rank(file, code)?.and_then(|rank| rank.checked_add(self.split)))
        }
    }

    /// Of keys that are kept as bits, the number of the last blank node up to a code.
    #[inline]
    pub(super) fn rank_up_to(&self, file: &Mapped, code: Code) -> Result<Option<u32>, IndexError> {
        Ok(self.blanks.rank_up_to(file, code, self.count - self.split)?.and_then(|rank| rank.checked_add(self.split)))
    }

    pub(super) fn walk(&self) -> KeyWalk {
        KeyWalk { terms: self.terms.walk(self.split), blanks: self.blanks.walk(self.count - self.split) }
    }
}

/// A walk through the keys, in the order of their codes.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyWalk {
    terms: Walk,
    blanks: Walk,
}

impl KeyWalk {
    #[inline]
    pub(super) fn next(&mut self, file: &Mapped) -> Result<Option<Code>, IndexError> {
        match self.terms.next(file)? {
            None => self.blanks.next(file),
            code => Ok(code),
        }
    }
}

/// A directory of the rows of a table.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) keys: KeySet,
    starts: Column<U32>,
    /// What tells most terms apart that are no keys, where these are sorted codes: small segments have few of all terms.
    filter: LazyFilter,
}

/// The most sorted codes for which there is a filter.
const MOST_FILTERED: usize = 1 << 20;

/// A directory in a footer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DirectoryForm {
    keys: [Form; 2],
    starts: Place,
}

impl Directory {
    pub(super) fn open(file: &Mapped, form: DirectoryForm) -> Result<Self, IndexError> {
        let (keys, starts) = (KeySet::open(file, form.keys)?, file.column::<U32>(form.starts)?);
        if starts.len() != keys.count() as usize + 1 {
            return Err(file.damaged("a directory does not fit its keys"));
        }
        Ok(Self { keys, starts, filter: LazyFilter::default() })
    }

    /// The rows of the key with a number.
    #[inline]
    pub(super) fn rows_of(&self, file: &Mapped, rank: u32) -> Result<Range<u32>, IndexError> {
        let bounds = file.slice(self.starts, rank as usize..rank as usize + 2)?;
        Ok(bounds[0].get()..bounds[1].get())
    }

    /// The rows of a node.
    #[inline]
    pub(super) fn rows(&self, file: &Mapped, code: Code) -> Result<Range<u32>, IndexError> {
        if let Keys::Sorted(codes) = self.keys.terms
            && code < BLANK
            && let Some(filter) = self.filter.get(|| filter(file, codes))?
            && !filter.may_have(code)
        {
            return Ok(0..0);
        }
        match self.keys.rank(file, code)? {
            Some(rank) => self.rows_of(file, rank),
            None => Ok(0..0),
        }
    }
}

/// A filter of sorted codes, unless they are many.
fn filter(file: &Mapped, codes: Column<U32>) -> Result<Option<Filter>, IndexError> {
    if codes.len() > MOST_FILTERED {
        return Ok(None);
    }
    let mut filter = Filter::sized(codes.len());
    for code in file.slice(codes, 0..codes.len())? {
        filter.add(code.get());
    }
    Ok(Some(filter))
}

/// Keys that are written, in their order.
pub(super) struct KeyWriter {
    parts: [Growing; 2],
    bounds: [Option<(Code, Code)>; 2],
}

impl KeyWriter {
    pub(super) fn new(directory: &Path) -> Self {
        Self { parts: [Growing::new(directory), Growing::new(directory)], bounds: [None; 2] }
    }

    pub(super) fn add(&mut self, code: Code) -> Result<(), IndexError> {
        let part = usize::from(code >= BLANK);
        let first = self.bounds[part].map_or(code, |(first, _)| first);
        self.bounds[part] = Some((first, code));
        Ok(self.parts[part].u32(code)?)
    }

    /// Puts them into a file. `as_bits`: in that form whatever they are.
    pub(super) fn finish(self, directory: &Path, file: &mut FileWriter, as_bits: bool) -> Result<[Form; 2], IndexError> {
        let mut forms = [Form::All { first: 0, count: 0 }; 2];
        for ((form, keys), bounds) in forms.iter_mut().zip(self.parts).zip(self.bounds) {
            let Some((first, last)) = bounds else { continue };
            let (count, codes) = (keys.len(), (last - first) as usize + 1);
            *form = if count == codes && !as_bits {
                Form::All { first, count: last - first + 1 }
            } else if codes <= count * 64 || as_bits {
                let (words, ranks) = bits(keys, first, directory)?;
                let words = file.add(words)?;
                Form::Bits { first, words, ranks: file.add(ranks)?, count: number(count) }
            } else {
                Form::Sorted { codes: file.add(keys)? }
            };
        }
        Ok(forms)
    }
}

/// A bit for each code, and how many there are before each 64.
fn bits(keys: Growing, first: Code, directory: &Path) -> Result<(Growing, Growing), IndexError> {
    let (mut words, mut ranks) = (Growing::new(directory), Growing::new(directory));
    let (mut word, mut place, mut before, mut here) = (0_u64, 0, 0_u32, 0_u32);
    let mut codes = super::writer::u32s(keys)?;
    while let Some(code) = codes.next()? {
        let (at, bit) = ((code - first) / 64, (code - first) % 64);
        while place < at {
            words.u64(word)?;
            ranks.u32(before)?;
            before += here;
            (word, here, place) = (0, 0, place + 1);
        }
        word |= 1 << bit;
        here += 1;
    }
    words.u64(word)?;
    ranks.u32(before)?;
    Ok((words, ranks))
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A directory that is written with the rows of its table, in the order of the codes.
pub(super) struct DirectoryWriter {
    keys: KeyWriter,
    starts: Growing,
    last: Option<Code>,
}

impl DirectoryWriter {
    pub(super) fn new(directory: &Path) -> Self {
        Self { keys: KeyWriter::new(directory), starts: Growing::new(directory), last: None }
    }

    /// Notes that a node has the row with a number. Answers whether it is its first.
    pub(super) fn row(&mut self, code: Code, row: u32) -> Result<bool, IndexError> {
        if self.last == Some(code) {
            return Ok(false);
        }
        self.last = Some(code);
        self.keys.add(code)?;
        self.starts.u32(row)?;
        Ok(true)
    }

    pub(super) fn finish(mut self, rows: u32, directory: &Path, file: &mut FileWriter) -> Result<DirectoryForm, IndexError> {
        self.starts.u32(rows)?;
        let keys = self.keys.finish(directory, file, false)?;
        Ok(DirectoryForm { keys, starts: file.add(self.starts)? })
    }
}
