//! `manifest.json`: what a dataset consists of. It is written last.

use std::path::PathBuf;

use serde::Serialize;

/// The name of the manifest.
pub(super) const NAME: &str = "manifest.json";

/// A file of the dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DataFile {
    /// Its table.
    pub table: &'static str,
    /// The source of its records.
    pub source: String,
    /// Its path below the dataset.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// Its checksum, in hexadecimal digits.
    pub sha256: String,
}

/// What a dataset is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// Who wrote it.
    pub generator: String,
    /// The last change of the log that is in it.
    pub change: i64,
    /// The link of the log's chain that seals the page of this change, in hexadecimal digits: it tells one log from another.
    pub link: String,
    /// The change after which records are in it; none if all are.
    pub since: Option<i64>,
    /// Its records, deleted and quarantined ones included.
    pub records: u64,
    /// Its triples.
    pub triples: u64,
    /// Its links.
    pub links: u64,
    /// Its files, by path.
    pub files: Vec<DataFile>,
}
