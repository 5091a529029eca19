//! Writing a file of the index: its columns grow side by side, and are put behind one another at the end.

use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::SpooledTempFile;

use super::error::IndexError;
use super::mapped::{ALIGNED, BLOCK, HEAD, Place, TAIL};

/// Bytes of a column that wait in memory before they go to a file.
const IN_MEMORY: usize = 4 << 20;

/// Bytes that are copied at a time.
const AT_ONCE: usize = 256 * 1024;

/// A column that grows.
pub(super) struct Growing {
    bytes: BufWriter<SpooledTempFile>,
    /// How many values it has.
    len: usize,
}

impl Growing {
    pub(super) fn new(directory: &Path) -> Self {
        let file = SpooledTempFile::new_in(IN_MEMORY, directory);
        Self { bytes: BufWriter::with_capacity(16 * 1024, file), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn u16(&mut self, value: u16) -> std::io::Result<()> {
        self.len += 1;
        self.bytes.write_all(&value.to_le_bytes())
    }

    #[inline]
    pub(super) fn u32(&mut self, value: u32) -> std::io::Result<()> {
        self.len += 1;
        self.bytes.write_all(&value.to_le_bytes())
    }

    #[inline]
    pub(super) fn u64(&mut self, value: u64) -> std::io::Result<()> {
        self.len += 1;
        self.bytes.write_all(&value.to_le_bytes())
    }

    #[inline]
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.len += bytes.len();
        self.bytes.write_all(bytes)
    }

    /// All of it, to read again.
    pub(super) fn read(self) -> std::io::Result<SpooledTempFile> {
        let mut file = self.bytes.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }
}

/// The numbers of a column that was written, in their order.
pub(super) fn u32s(column: Growing) -> std::io::Result<Numbers> {
    Ok(Numbers { left: column.len(), file: BufReader::with_capacity(AT_ONCE, column.read()?) })
}

/// See [`u32s`].
pub(super) struct Numbers {
    file: BufReader<SpooledTempFile>,
    left: usize,
}

impl Numbers {
    pub(super) fn next(&mut self) -> std::io::Result<Option<u32>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let mut bytes = [0; 4];
        self.file.read_exact(&mut bytes)?;
        Ok(Some(u32::from_le_bytes(bytes)))
    }
}

/// A file whose columns are known. It is there once [`FileWriter::finish`] says so.
pub(super) struct FileWriter {
    path: PathBuf,
    file: fs_err::File,
    at: usize,
    block: crc32fast::Hasher,
    sums: Vec<u8>,
    finished: bool,
}

impl Drop for FileWriter {
    /// What is not whole only takes disk.
    fn drop(&mut self) {
        if !self.finished {
            // It is a leftover otherwise, which the next writer removes.
            let _ = fs_err::remove_file(&self.path);
        }
    }
}

impl FileWriter {
    pub(super) fn create(path: &Path) -> Result<Self, IndexError> {
        let file = fs_err::File::create(path)?;
        let mut new =
            Self { path: path.to_owned(), file, at: 0, block: crc32fast::Hasher::new(), sums: Vec::new(), finished: false };
        new.write(HEAD)?;
        Ok(new)
    }

    fn write(&mut self, mut bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all(bytes)?;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - self.at % BLOCK));
            self.block.update(now);
            self.at += now.len();
            if self.at.is_multiple_of(BLOCK) {
                self.end_block();
            }
            bytes = later;
        }
        Ok(())
    }

    fn end_block(&mut self) {
        let sum = std::mem::take(&mut self.block).finalize();
        self.sums.extend_from_slice(&sum.to_le_bytes());
    }

    /// Puts a column at the end. Answers where it is.
    pub(super) fn add(&mut self, column: Growing) -> Result<Place, IndexError> {
        let mut file = column.read()?;
        self.write(&[0; ALIGNED][..self.at.next_multiple_of(ALIGNED) - self.at])?;
        let (start, mut buffer) = (self.at, vec![0; AT_ONCE]);
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                read => self.write(&buffer[..read])?,
            }
        }
        Ok((start, self.at - start))
    }

    /// Ends the file, and brings it to the disk.
    pub(super) fn finish(mut self, footer: &impl Serialize) -> Result<(), IndexError> {
        if !self.at.is_multiple_of(BLOCK) {
            self.end_block();
        }
        let footer = serde_json::to_vec(footer).map_err(std::io::Error::from)?;
        let length = u32::try_from(footer.len()).map_err(|_| IndexError::damaged(&self.path, "its footer is too long"))?;
        let mut end = std::mem::take(&mut self.sums);
        end.extend_from_slice(&footer);
        end.extend_from_slice(&crc32fast::hash(&footer).to_le_bytes());
        end.extend_from_slice(&length.to_le_bytes());
        end.extend_from_slice(TAIL);
        self.file.write_all(&end)?;
        self.file.sync_all()?;
        self.finished = true;
        Ok(())
    }
}
