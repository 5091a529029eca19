//! Backup and restore. A backup copies the log, what is published, and the index of the search while a harvest may run.
//!
//! The log is copied by `SQLite`'s backup interface, which sees one state of it whatever a harvest writes meanwhile.
//! What is published of the index and the store, and the search, are included so that a restore need not rebuild them: they may be older
//! than the log, and catch up.

use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::data_dir::{DataDir, DataDirError, Exchange, Incoming};
use crate::index::{self, IndexError};
use crate::log::{Log, LogError};
use crate::search::{self, SearchError};
use crate::snapshots::{SnapshotError, sync, sync_tree};
use crate::store::{StoreError, published_path};

/// Why a backup or a restore failed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file system failed.
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
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The index of the search.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The snapshot.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The directory exists.
    #[error("{0} already exists\nhint: name a directory that does not exist yet, one for each backup")]
    Exists(PathBuf),
    /// The data directory already holds a mirror.
    #[error("{0} holds a mirror\nhint: --force moves it aside and puts the backup in its place")]
    Occupied(PathBuf),
    /// The backup would be inside the data directory.
    #[error("{0} is inside the data directory of the mirror\nhint: name a directory elsewhere, preferably on another disk")]
    Within(PathBuf),
    /// The directory has no backup.
    #[error("there is no backup in {0}\nhint: name the directory that `libris-mirror backup DIR` created")]
    NoBackup(PathBuf),
    /// The backup is damaged.
    #[error("the backup {path} is damaged and was not restored: {problem}\nhint: restore an older one")]
    Damaged {
        /// Where it is.
        path: PathBuf,
        /// The first fault.
        problem: String,
    },
}

/// The size of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct BackupReport {
    /// The last page of the log.
    pub page: i64,
    /// The size of the log in bytes.
    pub log_bytes: u64,
    /// The size of the store in bytes, which is shared with the mirror's store if the file system allows.
    pub store_bytes: u64,
    /// The size of the index in bytes, which is shared in the same way.
    pub index_bytes: u64,
}

/// Copies the mirror to `to`, which must not exist; it appears complete or not at all.
pub fn backup(data: &DataDir, to: &Path) -> Result<BackupReport, BackupError> {
    data.check()?;
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    if fs::canonicalize(parent)?.starts_with(fs::canonicalize(data.path())?) {
        return Err(BackupError::Within(to.to_owned()));
    }
    let making = tempfile::Builder::new().prefix(".backup-").tempdir_in(parent)?;
    let copy = DataDir::new(making.path().to_owned());
    // The store and the index first, so that the log is never behind them.
    match data.snapshots().open_current() {
        Ok(snapshot) => {
            // One that has no store is of a mirror without it.
            if let Ok(store) = published_path(&snapshot) {
                copy_store(&store, &copy.store())?;
            }
            // A snapshot of an older program has none.
            index::copy_published(&snapshot, copy.path())?;
        }
        Err(SnapshotError::Nothing(_)) => {}
        Err(error) => return Err(error.into()),
    }
    search::copy(data.path(), copy.path())?;
    Log::open_to_copy(&data.log())?.copy_to(&copy.log())?;
    copy.write_version()?;
    let report = BackupReport {
        page: Log::open_to_copy(&copy.log())?.last_page()?.0,
        log_bytes: DataDir::size(&copy.log()),
        store_bytes: DataDir::size(&copy.store()),
        index_bytes: DataDir::size(&copy.path().join(index::FOLDER)),
    };
    // Files that the connection above left.
    for name in ["mirror.db-wal", "mirror.db-shm"] {
        if making.path().join(name).exists() {
            fs::remove_file(making.path().join(name))?;
        }
    }
    sync_tree(making.path())?;
    fs::rename(making.keep(), to)?;
    sync(parent)?;
    Ok(report)
}

/// Restores a backup into a data directory that holds no mirror, or with `force` replaces the mirror there, which is moved
/// aside. Returns where to. A restore that is killed has changed nothing, or the next writer completes it.
pub fn restore(data: &DataDir, from: &Path, force: bool, who: &str) -> Result<Option<PathBuf>, BackupError> {
    let copy = DataDir::new(from.to_owned());
    let checked = copy.check();
    if matches!(checked, Err(DataDirError::Missing(_))) {
        return Err(BackupError::NoBackup(from.to_owned()));
    }
    checked?;
    let from = fs::canonicalize(from)?;
    let there = |aside: &str| Some(data.path().join(aside)).filter(|aside| aside.exists());
    let log = Log::open_to_copy(&copy.log())?;
    let problem = log.integrity()?.into_iter().next();
    let problem = match problem {
        None => log.prove(|_| {})?.faults.into_iter().next(),
        problem => problem,
    };
    if let Some(problem) = problem {
        // SQLite reports many faults; the first line is enough.
        let problem = problem.lines().next().unwrap_or_default().chars().take(200).collect();
        return Err(BackupError::Damaged { path: from, problem });
    }
    let (_lock, completed) = data.lock_and_complete(who)?;
    // The same restore, which was killed.
    if let Some(completed) = completed.filter(|completed| completed.from == from) {
        return Ok(there(&completed.aside));
    }
    if data.log().exists() && !force {
        // It was killed after the exchange and before the publication.
        let same = || -> Result<bool, LogError> {
            let (here, page) = (Log::open_to_copy(&data.log())?, log.last_page()?);
            Ok(here.last_page()? == page && here.link(page)? == log.link(page)?)
        };
        let done = data.snapshots().current().is_none() && same()?;
        return if done { Ok(None) } else { Err(BackupError::Occupied(data.path().to_owned())) };
    }
    let incoming = Incoming::new(data)?;
    log.copy_to(&incoming.parts().log())?;
    if copy.store().exists() {
        copy_store(&copy.store(), &incoming.parts().store())?;
    }
    // A backup by an older program has neither: the first writer makes them.
    index::copy(copy.path(), incoming.parts().path())?;
    search::copy(copy.path(), incoming.parts().path())?;
    sync_tree(incoming.parts().path())?;
    let aside = format!("replaced-{}", chrono::Utc::now().format("%Y%m%dT%H%M%S%.3fZ"));
    incoming.ready(&Exchange { from, aside: aside.clone() })?;
    data.exchange()?;
    Ok(there(&aside))
}

/// Copies a store that has no writer. Its tables never change, so they are shared as hard links; other files are copied.
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
