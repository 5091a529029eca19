//! The output file that a user names. A regular file appears complete or not at all, and is on the disk when it appears;
//! a device or a pipe is written to directly.

use std::fs::{File, Metadata, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use anyhow::{Context, bail};
use fs_err as fs;
use tempfile::NamedTempFile;

/// Bytes that are buffered before they are written.
const BUFFER_BYTES: usize = 1 << 20;

/// Bytes that are written between two syncs.
const SYNC_BYTES: usize = 16 << 20;

/// The mode of a new file; the umask applies to it.
const MODE: u32 = 0o666;

/// The most symbolic links that are followed to a file that does not exist yet, as in Linux.
const MAX_SYMLINKS: usize = 40;

/// An output file. A regular file has a temporary name until it is finished, and is removed if it is dropped before that.
/// Devices and pipes are written to directly.
pub(super) struct WholeFile {
    out: BufWriter<Target>,
    path: PathBuf,
}

enum Target {
    /// A temporary file that will be renamed to this path.
    Replacement(Synced),
    /// A device, a pipe, or a file that another program holds open.
    Through(fs::File),
}

impl WholeFile {
    /// Begins the output to `path`. An existing regular file is replaced when this is finished, and its owner and mode are
    /// kept; a symbolic link is followed.
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let known = match fs::metadata(path) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(_) if path.metadata().is_err_and(|error| error.raw_os_error() == Some(ELOOP)) => return Err(circle(path)),
            Err(error) => return Err(error.into()),
        };
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            bail!("{} is a directory\nhint: name a file in it", path.display());
        }
        // Names below these stand for open files of a process, which would not see a new file of that name.
        let is_open = ["/dev/fd", "/dev/stdout", "/dev/stderr", "/proc"].iter().any(|place| path.starts_with(place));
        let (target, path) = match known {
            Some(metadata) if metadata.is_dir() => bail!("{} is a directory\nhint: name a file in it", path.display()),
            Some(metadata) if is_open || !metadata.is_file() => {
                (Target::Through(fs::OpenOptions::new().append(true).open(path)?), path.to_owned())
            }
            Some(metadata) => {
                let path = fs::canonicalize(path)?;
                let file = temporary_next_to(&path)?;
                keep_owner_and_mode(&file, &metadata, &path)?;
                (Target::Replacement(Synced::new(file)?), path)
            }
            None if is_open => bail!("{} is not open\nhint: name a file, or - for stdout", path.display()),
            None => {
                let path = end_of_links(path)?;
                (Target::Replacement(Synced::new(temporary_next_to(&path)?)?), path)
            }
        };
        Ok(Self { out: BufWriter::with_capacity(BUFFER_BYTES, target), path })
    }

    /// Renames the file to its final name, after a sync.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        let Self { out, path } = self;
        let failed = || format!("{} cannot be written", path.display());
        let Synced { file, syncer, .. } = match out.into_inner().map_err(io::IntoInnerError::into_error).with_context(failed)? {
            Target::Replacement(synced) => synced,
            Target::Through(mut file) => return Ok(file.flush()?),
        };
        syncer.finish().with_context(failed)?;
        file.as_file().sync_all().with_context(failed)?;
        file.persist(&path).with_context(failed)?;
        // The rename is durable only after a sync of the folder.
        Ok(fs::File::open(folder(&path))?.sync_all()?)
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

impl Write for Target {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Replacement(file) => file.write(buffer),
            Self::Through(file) => file.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Replacement(file) => file.flush(),
            Self::Through(file) => file.flush(),
        }
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Creates a temporary file in the folder of `path`. It is removed if it is dropped.
fn temporary_next_to(path: &Path) -> anyhow::Result<NamedTempFile> {
    let folder = folder(path);
    if !folder.exists() {
        bail!("the folder {} does not exist\nhint: create it first, or name another one", folder.display());
    }
    tempfile::Builder::new()
        .permissions(Permissions::from_mode(MODE))
        .tempfile_in(folder)
        .with_context(|| format!("{} cannot be written to", folder.display()))
}

/// Returns where to create a file: the end of the symbolic links of `path`.
fn end_of_links(path: &Path) -> anyhow::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_SYMLINKS {
        match fs::read_link(&path) {
            Ok(target) => path = folder(&path).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(circle(&path))
}

/// The error for a circle of symbolic links (`ELOOP`).
const ELOOP: i32 = 40;

fn circle(path: &Path) -> anyhow::Error {
    anyhow::anyhow!("{} is a circle of symbolic links\nhint: name another file", path.display())
}

fn keep_owner_and_mode(file: &NamedTempFile, known: &Metadata, path: &Path) -> anyhow::Result<()> {
    let new = file.as_file().metadata()?;
    if (new.uid(), new.gid()) != (known.uid(), known.gid()) {
        fchown(file.as_file(), Some(known.uid()), Some(known.gid())).with_context(|| {
            format!(
                "{} belongs to user {} and group {}, which a new file cannot be given\nhint: remove it, or name another file",
                path.display(),
                known.uid(),
                known.gid()
            )
        })?;
    }
    Ok(file.as_file().set_permissions(Permissions::from_mode(known.mode() & 0o7777))?)
}

/// A file that is synced while it is written, so that the last sync is short.
struct Synced {
    file: NamedTempFile,
    syncer: Syncer,
    unsynced: usize,
}

impl Synced {
    fn new(file: NamedTempFile) -> io::Result<Self> {
        let syncer = Syncer::start(file.as_file().try_clone()?)?;
        Ok(Self { file, syncer, unsynced: 0 })
    }
}

impl Write for Synced {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buffer)?;
        self.unsynced += written;
        if self.unsynced >= SYNC_BYTES {
            self.unsynced = 0;
            self.syncer.wake();
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A thread that syncs a file each time it is woken.
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

    /// Requests a sync. A request that waits already covers this one; errors are returned at the end.
    fn wake(&self) {
        let _ = self.wake.try_send(());
    }

    /// Waits for the last sync. The system reports an error of the disk only once, so the caller must not continue after one:
    /// a later sync may succeed without the lost bytes.
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
        // A pipe cannot be synced.
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
        let parts = [vec![b'a'; SYNC_BYTES], vec![b'b'; SYNC_BYTES + 1], vec![b'c'; 7]];
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
