//! The lock that allows one writer, and the checks before a directory is used.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};

use fs_err as fs;

use super::error::DataDirError;
use super::incoming::{self, Exchange};
use super::layout::{DataDir, VERSION};

/// The write lock, held until it is dropped or the process ends.
#[derive(Debug)]
pub struct WriteLock {
    _file: File,
}

impl DataDir {
    /// Creates the directory if needed and takes the write lock; others that want it are shown `who`. Completes a restore that
    /// was interrupted.
    pub fn lock(&self, who: &str) -> Result<WriteLock, DataDirError> {
        self.lock_and_complete(who).map(|(lock, _)| lock)
    }

    /// Takes the write lock. Returns the restore that it completed, if one was interrupted.
    pub fn lock_and_complete(&self, who: &str) -> Result<(WriteLock, Option<Exchange>), DataDirError> {
        fs::create_dir_all(&self.0)?;
        self.check_version()?;
        let path = self.0.join("lock");
        let mut file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        match file.file().try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder)?;
                return Err(DataDirError::Locked { path: self.0.clone(), holder: holder.trim().to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{who}")?;
        if !self.has_version() {
            self.write_version()?;
        }
        let completed = incoming::complete(self)?;
        if let Some(Exchange { from, .. }) = &completed {
            tracing::warn!("the interrupted restore from {} is now complete", from.display());
        }
        Ok((WriteLock { _file: file.into_parts().0 }, completed))
    }

    /// Checks that the directory has a mirror, in a layout that this program knows.
    pub fn check(&self) -> Result<(), DataDirError> {
        if incoming::is_pending(self) {
            return Err(DataDirError::Interrupted(self.0.clone()));
        }
        if !self.log().exists() {
            return Err(DataDirError::Missing(self.0.clone()));
        }
        self.check_version()
    }

    /// Checks the same for a writer: first completes a restore that was interrupted.
    pub fn check_to_write(&self, who: &str) -> Result<(), DataDirError> {
        if incoming::is_pending(self) {
            drop(self.lock(who)?);
        }
        self.check()
    }

    /// Replaces the mirror by the one that is ready in `incoming/`. Needs the lock.
    pub fn exchange(&self) -> Result<(), DataDirError> {
        incoming::complete(self)?;
        Ok(())
    }

    fn check_version(&self) -> Result<(), DataDirError> {
        let found = self.version().unwrap_or(VERSION);
        if found > VERSION { Err(DataDirError::TooNew { path: self.0.clone(), found }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_is_told_who_the_first_is() {
        let directory = tempfile::tempdir().expect("a directory");
        let data = DataDir::new(directory.path().join("mirror"));
        let held = data.lock("process 1 on host a since noon").expect("free");
        let error = data.lock("process 2").expect_err("held");
        assert!(error.to_string().contains("process 1 on host a since noon"), "{error}");
        drop(held);
        data.lock("process 3").expect("free again");
    }

    #[test]
    fn a_newer_layout_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("version"), "99\n").expect("written");
        let error = DataDir::new(directory.path().to_owned()).lock("x").expect_err("newer");
        assert!(error.to_string().contains("layout version 99"), "{error}");
    }
}
