//! A directory that appears as a whole, or not at all.

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;

/// What such a directory holds: one that holds something else is not replaced.
#[derive(Debug, Clone, Copy)]
pub struct Holds {
    /// The beginnings of the names of all that is in it.
    pub names: &'static [&'static str],
    /// The file that is in each.
    pub mark: &'static str,
    /// What this file says in each.
    pub says: &'static str,
}

/// A directory that is being written beside its place.
pub struct WholeDirectory {
    partial: tempfile::TempDir,
    target: PathBuf,
    holds: Holds,
}

/// Why a directory cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WholeDirectoryError {
    /// The file system.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// There is something else.
    #[error("{} holds something that this program did not write\nhint: name a new or an empty directory", .0.display())]
    Occupied(PathBuf),
    /// A directory that has no name cannot be replaced.
    #[error("{} cannot be replaced as a whole\nhint: name a directory below it", .0.display())]
    Nameless(PathBuf),
}

/// What a directory is called while it is written.
const PREFIX: &str = ".libris-mirror-";

fn parent(target: &Path) -> &Path {
    target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Holds {
    /// Whether a directory is missing, empty, or one of these.
    fn may_replace(&self, target: &Path) -> io::Result<bool> {
        let entries = match fs::read_dir(target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            other => other?,
        };
        let (mut empty, mut known) = (true, true);
        for entry in entries {
            let name = entry?.file_name();
            empty = false;
            known &= name.to_str().is_some_and(|name| self.names.iter().any(|known| name.starts_with(known)));
        }
        let says = || fs::read_to_string(target.join(self.mark)).is_ok_and(|text| text.contains(self.says));
        Ok(empty || (known && says()))
    }
}

impl WholeDirectory {
    /// Begins a directory. One that is there is replaced if it is empty, or was written like this.
    pub fn begin(target: &Path, holds: Holds) -> Result<Self, WholeDirectoryError> {
        if target.file_name().is_none() {
            return Err(WholeDirectoryError::Nameless(target.to_owned()));
        }
        if !holds.may_replace(target)? {
            return Err(WholeDirectoryError::Occupied(target.to_owned()));
        }
        let partial = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent(target))?;
        Ok(Self { partial, target: target.to_owned(), holds })
    }

    /// Where it is written.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.partial.path()
    }

    /// Puts it in its place. What was there is removed once the new one stands.
    pub fn finish(self) -> Result<(), WholeDirectoryError> {
        // Somebody may have put something there meanwhile.
        if !self.holds.may_replace(&self.target)? {
            return Err(WholeDirectoryError::Occupied(self.target.clone()));
        }
        // It was made for this process alone.
        fs::set_permissions(self.partial.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        let old = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent(&self.target))?;
        let there = self.target.symlink_metadata().is_ok();
        if there {
            fs::rename(&self.target, old.path().join("old"))?;
        }
        if let Err(error) = fs::rename(self.partial.path(), &self.target) {
            if there {
                fs::rename(old.path().join("old"), &self.target)?;
            }
            return Err(error.into());
        }
        let _ = self.partial.keep();
        fs::File::open(parent(&self.target))?.sync_all()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLDS: Holds = Holds { names: &["quads", "manifest.json"], mark: "manifest.json", says: "\"generator\": \"ours " };

    fn written(target: &Path) -> Result<(), WholeDirectoryError> {
        let whole = WholeDirectory::begin(target, HOLDS)?;
        fs::write(whole.path().join("manifest.json"), "{\"generator\": \"ours 1\"}")?;
        whole.finish()
    }

    #[test]
    fn only_what_was_written_like_this_is_replaced() {
        let home = tempfile::tempdir().expect("a directory");
        let target = home.path().join("out");
        written(&target).expect("new");
        written(&target).expect("again");
        fs::write(target.join("thesis.txt"), "years of work").expect("written");
        assert!(matches!(written(&target), Err(WholeDirectoryError::Occupied(_))), "there is something beside it");
        let app = home.path().join("app");
        fs::create_dir(&app).expect("made");
        fs::write(app.join("manifest.json"), "{\"name\": \"a web application\"}").expect("written");
        assert!(matches!(written(&app), Err(WholeDirectoryError::Occupied(_))), "a manifest of another kind");
        let whole = WholeDirectory::begin(&home.path().join("late"), HOLDS).expect("begun");
        fs::create_dir(home.path().join("late")).expect("made");
        fs::write(home.path().join("late/thesis.txt"), "years of work").expect("written");
        assert!(matches!(whole.finish(), Err(WholeDirectoryError::Occupied(_))), "it came meanwhile");
        assert!(matches!(written(Path::new("..")), Err(WholeDirectoryError::Nameless(_))));
        let left = fs::read_dir(home.path()).expect("there").flatten();
        assert_eq!(left.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)).count(), 0);
    }
}
