//! A file of the index, mapped into memory: its columns, and the checksums of its blocks.
//!
//! A file is, from its beginning: [`HEAD`]; columns of little-endian numbers or bytes, each aligned to 8 bytes; a CRC-32 for each
//! block of [`BLOCK`] bytes of all that; the footer in JSON, which names the columns; the CRC-32 of the footer, its length, both in 4
//! bytes; [`TAIL`]. What a reader touches of a column is checked once, block by block.

use std::fs::File;
use std::marker::PhantomData;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::Mmap;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::error::IndexError;

/// How every file begins: its kind and the version of its format.
pub(super) const HEAD: &[u8; 8] = b"lmindex2";
/// How every file ends.
pub(super) const TAIL: &[u8; 8] = b"2xednIml";
/// Bytes that have one checksum.
pub(super) const BLOCK: usize = 16 * 1024;
/// Columns begin at multiples of this.
pub(super) const ALIGNED: usize = 8;
/// The longest footer that is read.
const LONGEST_FOOTER: usize = 16 << 20;

/// Where a column is: its first byte, and how many it has.
pub(super) type Place = (usize, usize);

/// A column of a file: `T` is a number or a byte.
#[derive(Debug)]
pub(super) struct Column<T> {
    start: usize,
    len: usize,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Column<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Column<T> {}

impl<T> Column<T> {
    /// How many values it has.
    pub(super) fn len(&self) -> usize {
        self.len
    }
}

/// A value as it lies in a file.
pub(super) trait Value: FromBytes + Immutable + KnownLayout + Unaligned + Copy {
    /// The value.
    type Native;
    fn native(self) -> Self::Native;
}

macro_rules! values {
    ($($kind:ty => $native:ty),*) => {
        $(impl Value for $kind {
            type Native = $native;
            #[inline]
            fn native(self) -> $native {
                self.into()
            }
        })*
    };
}

values!(U16 => u16, U32 => u32, U64 => u64, u8 => u8);

/// A mapped file.
#[derive(Debug)]
pub(super) struct Mapped {
    path: PathBuf,
    map: Mmap,
    /// Where the checksums begin, and the columns end.
    columns_end: usize,
    /// A bit for each block that was checked.
    checked: Box<[AtomicU64]>,
    footer: Range<usize>,
}

/// Maps a file.
///
/// Files of the index are written once, under a name that no reader knows until the manifest names it, and synced; after that they are unlinked at
/// most, which leaves a mapping as it is. Who else writes into the data directory while it is open can end the program, and
/// can change what it reads between two reads, but all that is read of a mapping is numbers and bytes, whose every pattern is valid.
#[expect(unsafe_code, reason = "mapping a file has no safe form: whoever can write it could change it meanwhile")]
fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: see above: the files are immutable, and nothing that is read of them is trusted.
    unsafe { Mmap::map(file) }
}

impl Mapped {
    /// Maps a file and checks its frame.
    pub(super) fn open(path: &Path) -> Result<Self, IndexError> {
        let file = fs_err::File::open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => IndexError::damaged(path, "it is missing"),
            _ => error.into(),
        })?;
        let map = map(file.file())?;
        let damaged = |reason: &str| IndexError::damaged(path, reason);
        let frame = HEAD.len() + 8 + TAIL.len();
        if map.len() < frame || !map.starts_with(HEAD) {
            return Err(damaged("it is no file of the index, or of another version"));
        }
        if !map.ends_with(TAIL) {
            return Err(damaged("its end is missing"));
        }
        let numbers = map.len() - TAIL.len() - 8;
        let number =
            |at: usize| map.get(at..at + 4).map_or(0, |bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
        let (sum, length) = (number(numbers), number(numbers + 4) as usize);
        let footer = numbers.checked_sub(length).filter(|start| *start >= HEAD.len() && length <= LONGEST_FOOTER);
        let footer = footer.ok_or_else(|| damaged("its footer has an impossible length"))?..numbers;
        if crc32fast::hash(&map[footer.clone()]) != sum {
            return Err(damaged("the checksum of its footer is wrong"));
        }
        // The checksums fill what is between the columns and the footer.
        let (all, sized) = (footer.start, |blocks: usize| blocks * 4);
        let mut blocks = all / (BLOCK + 4);
        while blocks * BLOCK + sized(blocks) < all {
            blocks += 1;
        }
        let columns_end = all.checked_sub(sized(blocks)).ok_or_else(|| damaged("its checksums are missing"))?;
        if columns_end.div_ceil(BLOCK) != blocks {
            return Err(damaged("its checksums are missing"));
        }
        let checked = (0..blocks.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        Ok(Self { path: path.to_owned(), map, columns_end, checked, footer })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How long the file is.
    pub(super) fn bytes(&self) -> u64 {
        self.map.len() as u64
    }

    /// What the footer says.
    pub(super) fn footer<T: serde::de::DeserializeOwned>(&self) -> Result<T, IndexError> {
        serde_json::from_slice(&self.map[self.footer.clone()])
            .map_err(|error| self.damaged(format!("its footer cannot be read: {error}")))
    }

    pub(super) fn damaged(&self, reason: impl Into<String>) -> IndexError {
        IndexError::damaged(&self.path, reason)
    }

    /// The column at a place.
    pub(super) fn column<T: Value>(&self, (start, bytes): Place) -> Result<Column<T>, IndexError> {
        let fits = start >= HEAD.len() && start.checked_add(bytes).is_some_and(|end| end <= self.columns_end);
        if !fits || bytes % size_of::<T>() != 0 {
            return Err(self.damaged("a column is outside of it"));
        }
        Ok(Column { start, len: bytes / size_of::<T>(), kind: PhantomData })
    }

    /// One value.
    #[inline]
    pub(super) fn get<T: Value>(&self, column: Column<T>, at: usize) -> Result<T::Native, IndexError> {
        Ok(self.slice(column, at..at + 1)?[0].native())
    }

    /// Values that follow one another.
    #[inline]
    pub(super) fn slice<T: Value>(&self, column: Column<T>, range: Range<usize>) -> Result<&[T], IndexError> {
        if range.end > column.len || range.start > range.end {
            return Err(self.damaged("it refers to a place that it does not have"));
        }
        if range.is_empty() {
            return Ok(&[]);
        }
        let (start, end) = (column.start + range.start * size_of::<T>(), column.start + range.end * size_of::<T>());
        self.check(start, end)?;
        <[T]>::ref_from_bytes(&self.map[start..end]).map_err(|_| self.damaged("a column is cut off"))
    }

    /// Checks the blocks that have the bytes from `start` to before `end`.
    #[inline]
    fn check(&self, start: usize, end: usize) -> Result<(), IndexError> {
        let (first, last) = (start / BLOCK, (end - 1) / BLOCK);
        if first == last && self.checked[first / 64].load(Ordering::Relaxed) >> (first % 64) & 1 == 1 {
            return Ok(());
        }
        (first..=last).try_for_each(|block| self.check_block(block))
    }

    #[cold]
    fn check_block(&self, block: usize) -> Result<(), IndexError> {
        let (word, bit) = (&self.checked[block / 64], 1 << (block % 64));
        if word.load(Ordering::Relaxed) & bit != 0 {
            return Ok(());
        }
        let bytes = &self.map[block * BLOCK..((block + 1) * BLOCK).min(self.columns_end)];
        let at = self.columns_end + block * 4;
        let due = self.map.get(at..at + 4).unwrap_or_default();
        if due != crc32fast::hash(bytes).to_le_bytes() {
            return Err(self.damaged(format!("the checksum of the {BLOCK} bytes from {} on is wrong", block * BLOCK)));
        }
        word.fetch_or(bit, Ordering::Relaxed);
        Ok(())
    }

    /// Checks all blocks.
    pub(super) fn check_all(&self) -> Result<(), IndexError> {
        (0..self.columns_end.div_ceil(BLOCK)).try_for_each(|block| self.check_block(block))
    }
}
