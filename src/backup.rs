//! Backups: a copy of the log and of the published store beside it, while everything goes on; and the way back.
//!
//! The log is copied by `SQLite`'s backup interface, which sees one state of it whatever a harvest writes meanwhile.
//! The store comes along so that it need not be rebuilt: it may be older than the log, and catches up.

use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::data_dir::{DataDir, DataDirError};
use crate::log::LogError;
use crate::store::{StoreError, sync_tree};

/// Why there is no backup, or no way back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Of the file system.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something is there already.
    #[error("{0} is there already\nhint: name a directory that does not exist yet, one for each backup")]
    Exists(PathBuf),
    /// There is a mirror where one is to be put back.
    #[error("{0} holds a mirror\nhint: --force moves it aside and puts the backup in its place")]
    Occupied(PathBuf),
    /// The backup itself is damaged.
    #[error("the backup {path} is damaged and was not put back: {problem}\nhint: take an older one")]
    Damaged {
        /// Where it is.
        path: PathBuf,
        /// The first fault.
        problem: String,
    },
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct BackupReport {
    /// The last page of the log.
    pub page: i64,
    /// Its size in bytes.
    pub log_bytes: u64,
    /// The size of the store in bytes, shared with the mirror's where the file system allows.
    pub store_bytes: u64,
}

/// Copies the mirror to `to`, which must not exist; it appears whole or not at all.
pub fn backup(data: &DataDir, to: &Path) -> Result<BackupReport, BackupError> {
    data.check()?;
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    let making = tempfile::Builder::new().prefix(".backup-").tempdir_in(parent)?;
    let copy = DataDir::new(making.path().to_owned());
    // The store first: what it has, the log has.
    match data.snapshots().open_current() {
        Ok(snapshot) => copy_store(&data.snapshots().store(snapshot.number), &copy.store())?,
        Err(StoreError::Nothing(_)) => {}
        Err(error) => return Err(error.into()),
    }
    data.read_log()?.copy_to(&copy.log())?;
    copy.write_version()?;
    let report = BackupReport {
        page: copy.read_log()?.last_page()?.0,
        log_bytes: DataDir::size(&copy.log()),
        store_bytes: DataDir::size(&copy.store()),
    };
    // What a reader of the copy left behind.
    for name in ["mirror.db-wal", "mirror.db-shm"] {
        if making.path().join(name).exists() {
            fs::remove_file(making.path().join(name))?;
        }
    }
    sync_tree(making.path())?;
    fs::rename(making.keep(), to)?;
    std::fs::File::open(parent)?.sync_all()?;
    Ok(report)
}

/// Puts a backup into a data directory that holds no mirror, or with `force` in the place of the one there, which is
/// moved aside. Answers where to.
pub fn restore(data: &DataDir, from: &Path, force: bool, who: &str) -> Result<Option<PathBuf>, BackupError> {
    let copy = DataDir::new(from.to_owned());
    copy.check()?;
    let log = copy.read_log()?;
    let problem = log.integrity()?.into_iter().next();
    let problem = match problem {
        None => log.prove(|_| {})?.faults.into_iter().next(),
        problem => problem,
    };
    if let Some(problem) = problem {
        return Err(BackupError::Damaged { path: from.to_owned(), problem });
    }
    let _lock = data.lock(who)?;
    let mut aside = None;
    if data.log().exists() {
        if !force {
            return Err(BackupError::Occupied(data.path().to_owned()));
        }
        aside = Some(move_aside(data)?);
    }
    let incoming = data.path().join("mirror.db.new");
    log.copy_to(&incoming)?;
    if copy.store().exists() {
        copy_store(&copy.store(), &data.store())?;
        sync_tree(&data.store())?;
    }
    std::fs::File::open(&incoming)?.sync_all()?;
    // Last: only now is there a mirror.
    fs::rename(&incoming, data.log())?;
    std::fs::File::open(data.path())?.sync_all()?;
    Ok(aside)
}

fn move_aside(data: &DataDir) -> Result<PathBuf, BackupError> {
    let stamp = chrono::Utc::now().format("%Y%m%dT%H%M%S%.3fZ");
    let aside = data.path().join(format!("replaced-{stamp}"));
    fs::create_dir(&aside)?;
    for name in ["mirror.db", "mirror.db-wal", "mirror.db-shm", "store", "snapshots"] {
        let part = data.path().join(name);
        if part.exists() {
            fs::rename(&part, aside.join(name))?;
        }
    }
    Ok(aside)
}

/// Copies a store that nobody writes. Its tables never change, so they may be shared as hard links; the rest is copied.
fn copy_store(from: &Path, to: &Path) -> Result<(), BackupError> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let table = entry.path().extension().is_some_and(|ending| ending == "sst");
        if entry.file_type()?.is_file() && !(table && fs::hard_link(entry.path(), &target).is_ok()) {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
