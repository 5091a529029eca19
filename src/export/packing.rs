//! Compressed dumps: a sequence of members that are compressed independently, which readers of gzip (RFC 1952, section 2.2)
//! and Zstandard (RFC 8878, section 3) read as one file.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

/// The compression of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// None.
    Plain,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

/// The level for Zstandard. Statements are so repetitive that a higher level gains little and takes much longer.
const GZIP_LEVEL: u32 = 1;
const ZSTD_LEVEL: i32 = 1;

impl Packing {
    /// Compresses a member.
    pub fn pack(self, text: Vec<u8>) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(text),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 8), Compression::new(GZIP_LEVEL));
                encoder.write_all(&text)?;
                encoder.finish()
            }
            Self::Zstd => zstd::bulk::compress(&text, ZSTD_LEVEL),
        }
    }
}
