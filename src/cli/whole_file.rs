//! A file that appears whole or not at all, and is on the disk when it does.

use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use anyhow::Context;
use tempfile::NamedTempFile;

/// So many bytes are gathered before they are written.
const GATHERED: usize = 1 << 20;

/// After so many bytes the disk is asked to keep what it has.
const STRETCH: usize = 16 << 20;

/// A file without its name yet, in the folder of `path`; the umask applies to `mode`. Dropped, it is gone.
pub(super) fn beside(path: &Path, mode: u32) -> anyhow::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tempfile::Builder::new()
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)
        .with_context(|| format!("{} cannot be written to", folder.display()))
}

/// A file under a name of its own until it is finished; dropped before that, it is gone.
pub(super) struct WholeFile {
    out: BufWriter<Synced>,
    path: PathBuf,
}

impl WholeFile {
    /// Begins a file in the folder of `path`, which stays as it is until the file is finished.
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        // The mode that any new file gets.
        let file = beside(path, 0o666)?;
        let syncer = Syncer::start(file.as_file().try_clone()?)?;
        Ok(Self { out: BufWriter::with_capacity(GATHERED, Synced { file, syncer, unsynced: 0 }), path: path.to_owned() })
    }

    /// Gives the file its name, once all of it is on the disk.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        let Synced { file, syncer, .. } = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        syncer.finish()?;
        file.as_file().sync_all()?;
        file.persist(&self.path).with_context(|| format!("{} cannot be written", self.path.display()))?;
        Ok(())
    }
}

impl Write for WholeFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.out.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A file that goes to the disk while it is written, so that little is left to wait for at its end.
struct Synced {
    file: NamedTempFile,
    syncer: Syncer,
    unsynced: usize,
}

impl Write for Synced {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buffer)?;
        self.unsynced += written;
        if self.unsynced >= STRETCH {
            self.unsynced = 0;
            self.syncer.wake();
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Syncs a file whenever it is woken, on a thread of its own.
struct Syncer {
    wake: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl Syncer {
    fn start(file: File) -> io::Result<Self> {
        let (wake, woken) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("sync".into())
            .spawn(move || woken.into_iter().try_for_each(|()| file.sync_data()))?;
        Ok(Self { wake, thread })
    }

    /// Asks for a sync. One that waits already will do, and what went wrong is told at the end.
    fn wake(&self) {
        let _ = self.wake.try_send(());
    }

    /// Waits for the last sync. The system tells an error of the disk once: who hears of it here must not go on, since a
    /// later sync may succeed without the lost bytes.
    fn finish(self) -> io::Result<()> {
        drop(self.wake);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that syncs the file ended too early")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::OwnedFd;

    #[test]
    fn a_sync_that_failed_is_told_at_the_end() {
        // A pipe is on no disk.
        let (reader, _writer) = io::pipe().expect("a pipe");
        let syncer = Syncer::start(File::from(OwnedFd::from(reader))).expect("a thread");
        syncer.wake();
        assert!(syncer.finish().is_err());
    }

    #[test]
    fn a_file_that_is_synced_on_its_way_is_the_whole_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("dump.nt");
        let mut file = WholeFile::create(&path).expect("a file");
        let parts = [vec![b'a'; STRETCH], vec![b'b'; STRETCH + 1], vec![b'c'; 7]];
        for part in &parts {
            file.write_all(part).expect("room on the disk");
        }
        assert!(!path.exists());
        file.finish().expect("room on the disk");
        assert!(fs_err::read(&path).expect("the file") == parts.concat());
    }

    #[test]
    fn a_file_that_is_not_finished_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = WholeFile::create(&folder.path().join("dump.nt")).expect("a file");
        file.write_all(b"half").expect("room on the disk");
        drop(file);
        assert_eq!(fs_err::read_dir(folder.path()).expect("the folder").count(), 0);
    }
}
