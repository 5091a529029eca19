//! Where the index lies, and how far it has followed which log.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tantivy::{Index, ReloadPolicy, TantivyError};

use super::error::SearchError;
use super::fields::{Fields, prepare};
use super::table::VERSION;
use crate::log::{ChangeId, Log, LogError, Mark};

/// The folder of the index in the data directory.
pub const FOLDER: &str = "search";

/// The file that a commit replaces.
const COMMITTED: &str = "meta.json";

/// The list of files that the index may remove once it needs them no longer.
const MANAGED: &str = ".managed.json";

/// How far a commit has followed the log: kept with the commit, so that neither is ever without the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reached {
    version: u32,
    change: i64,
    page: i64,
    /// The seal of the page, so that an index which followed another log is noticed.
    link: String,
}

impl Reached {
    pub(super) fn of(mark: Mark) -> Self {
        let link = mark.link.iter().flatten().map(|byte| format!("{byte:02x}")).collect();
        Self { version: VERSION, change: mark.change.0, page: mark.page.0, link }
    }

    pub(super) fn change(&self) -> ChangeId {
        ChangeId(self.change)
    }

    /// Whether this is a state of today's format that was made of this log.
    pub(super) fn follows(&self, log: &Log) -> Result<bool, LogError> {
        let mark = log.mark_at(self.change())?;
        Ok(self.version == VERSION && (self.change == 0 || *self == Self::of(mark)))
    }

    pub(super) fn text(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// What the last commit of an index says; none if it never followed a log.
    pub(super) fn read(index: &Index) -> tantivy::Result<Option<Self>> {
        let payload = index.load_metas()?.payload;
        Ok(payload.and_then(|text| serde_json::from_str(&text).ok()))
    }
}

pub(super) fn folder(data: &Path) -> PathBuf {
    data.join(FOLDER)
}

/// The file that changes with each commit.
pub(super) fn committed(data: &Path) -> PathBuf {
    folder(data).join(COMMITTED)
}

/// How often a copy begins again, if a commit comes in between.
const TRIES: usize = 20;

/// Copies the last commit of an index, while another process may write: its files never change, so they are shared as hard links
/// where the file system allows. Answers whether there was one.
pub fn copy(data: &Path, to: &Path) -> Result<bool, SearchError> {
    let (from, to) = (folder(data), folder(to));
    let mut tries = 0;
    loop {
        match copy_commit(&from, &to) {
            Ok(copied) => return Ok(copied),
            // A commit removed what it no longer needs.
            Err(TantivyError::IoError(_) | TantivyError::OpenReadError(_)) if tries < TRIES => tries += 1,
            Err(source) => return Err(SearchError::Index { path: from, cause: source }),
        }
    }
}

fn copy_commit(from: &Path, to: &Path) -> tantivy::Result<bool> {
    if !from.join(COMMITTED).exists() {
        return Ok(false);
    }
    if to.exists() {
        fs_err::remove_dir_all(to)?;
    }
    fs_err::create_dir_all(to)?;
    let committed = fs_err::read(from.join(COMMITTED))?;
    let index = Index::open_in_dir(from)?;
    let metas = index.load_metas()?;
    let mut known = vec![PathBuf::from(COMMITTED)];
    for file in metas.list_segment_files().into_iter().filter(|file| from.join(file).exists()) {
        if fs_err::hard_link(from.join(&file), to.join(&file)).is_err() {
            fs_err::copy(from.join(&file), to.join(&file))?;
        }
        known.push(file);
    }
    fs_err::write(to.join(COMMITTED), &committed)?;
    fs_err::write(to.join(MANAGED), serde_json::json!(known).to_string())?;
    // What was copied is one commit, and all of it.
    if fs_err::read(from.join(COMMITTED))? != committed {
        return Err(std::io::Error::other("a commit came in between").into());
    }
    Index::open_in_dir(to)?.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    Ok(true)
}

/// Opens the index that is there.
pub(super) fn open(data: &Path) -> Result<(Index, Fields), SearchError> {
    let path = folder(data);
    if !path.join(COMMITTED).exists() {
        return Err(SearchError::Missing(path));
    }
    let index = Index::open_in_dir(&path).map_err(|source| SearchError::Index { path: path.clone(), cause: source })?;
    let (schema, fields) = Fields::schema();
    if index.schema() != schema {
        return Err(SearchError::Other(path));
    }
    prepare(&index);
    Ok((index, fields))
}

/// Creates an empty index.
pub(super) fn create(data: &Path) -> Result<(Index, Fields), SearchError> {
    let path = folder(data);
    remove(data)?;
    let (schema, fields) = Fields::schema();
    let create = || {
        fs_err::create_dir_all(&path)?;
        let index = Index::create_in_dir(&path, schema)?;
        prepare(&index);
        Ok(index)
    };
    Ok((create().map_err(|source: tantivy::TantivyError| SearchError::Index { path: path.clone(), cause: source })?, fields))
}

/// Removes the index, whatever state it is in.
pub(super) fn remove(data: &Path) -> Result<(), SearchError> {
    let path = folder(data);
    match fs_err::remove_dir_all(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(SearchError::Index { path, cause: error.into() }),
        _ => Ok(()),
    }
}

/// The files of the index whose checksums are wrong.
pub(super) fn damaged(data: &Path) -> Result<Vec<String>, SearchError> {
    let path = folder(data);
    let (index, _) = open(data)?;
    let damaged = index.validate_checksum().map_err(|cause| SearchError::Index { path, cause })?;
    let mut names: Vec<String> = damaged.into_iter().map(|file| file.display().to_string()).collect();
    names.sort();
    Ok(names)
}
