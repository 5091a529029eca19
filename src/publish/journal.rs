//! What is known of an upload that is not complete: a file in the data directory, written after each part.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::manifest::PublishedFile;

/// What arrived of a generation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    /// The program that made it: another may write other bytes.
    pub(super) generator: String,
    /// The generation.
    pub(super) generation: String,
    /// Its live records and their triples, once a dump counted them.
    pub(super) counts: Option<(u64, u64)>,
    /// The files that arrived.
    pub(super) files: Vec<PublishedFile>,
    /// The file that is being sent.
    pub(super) open: Option<Open>,
}

/// A file of which parts arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Open {
    /// Its path below the prefix.
    pub(super) path: String,
    /// What the store calls the upload.
    pub(super) upload: String,
    /// The parts that arrived, by number.
    pub(super) parts: BTreeMap<usize, PartThere>,
}

/// A part that arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartThere {
    /// What the store calls it.
    pub(super) id: String,
    /// The hash of its bytes.
    pub(super) hash: String,
}

/// Where the journal for a place is.
pub(super) fn path(directory: &Path, address: &str) -> PathBuf {
    directory.join(format!("publish-{}.json", &blake3::hash(address.as_bytes()).to_hex()[..12]))
}

impl Journal {
    /// Reads it; an empty one if there is none that can be read.
    pub(super) fn read(path: &Path) -> Self {
        fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Writes it. The file appears whole.
    pub(super) fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }
}
