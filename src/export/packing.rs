//! Packed dumps: members that are made by themselves and stand one after the other, which every reader of gzip (RFC
//! 1952, section 2.2) and Zstandard (RFC 8878, section 3) takes for one.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

/// How a dump is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

/// Statements repeat themselves so much that a higher level gains little and costs much.
const GZIP_LEVEL: u32 = 1;
const ZSTD_LEVEL: i32 = 1;

impl Packing {
    /// A member of its own.
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
