//! Replaces the mirror in a data directory atomically, even if the program is killed at any moment.
//!
//! The new parts are written to the folder `incoming/`. Until it is marked as ready, nothing has changed, and the next attempt
//! begins again. From then on the exchange only goes forward: the next writer completes it before anything else, so that no
//! harvest can begin an empty mirror between the old one and the new one.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::layout::{DataDir, LOG, LOG_COMPANIONS};
use crate::index::FOLDER as INDEX;
use crate::search::FOLDER as SEARCH;
use crate::snapshots::{FOLDER as SNAPSHOTS, sync};
use crate::store::FOLDER as STORE;

/// The folder of the new parts.
const INCOMING: &str = "incoming";
/// The mark that all parts are complete and on the disk; its content describes the exchange.
const READY: &str = "ready.json";
/// The name under which `incoming/` is removed at the end, so that a half-removed folder is never taken for one that is
/// ready.
const DONE: &str = "incoming.done";
/// The mark that the old parts were moved.
const CLEARED: &str = "cleared";
/// The old parts. The log is moved first, so that no reader opens it without its other files.
const OLD: [&str; 7] = [LOG, LOG_COMPANIONS[0], LOG_COMPANIONS[1], INDEX, STORE, SEARCH, SNAPSHOTS];
/// The new parts. The log is moved last, because a log makes a mirror.
const NEW: [&str; 4] = [INDEX, STORE, SEARCH, LOG];

/// An exchange of mirrors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Where the new mirror comes from.
    pub from: PathBuf,
    /// The folder in the data directory to which the old mirror goes, if there is one.
    pub aside: String,
}

/// A folder for the parts of a new mirror, with the layout of a data directory.
pub struct Incoming(DataDir);

impl Incoming {
    /// Creates an empty folder. Needs the lock of the data directory.
    pub fn new(data: &DataDir) -> io::Result<Self> {
        let folder = data.path().join(INCOMING);
        put_away(data.path())?;
        fs::create_dir(&folder)?;
        Ok(Self(DataDir::new(folder)))
    }

    /// Returns where to write the parts: the log, and the store if there is one.
    #[must_use]
    pub fn parts(&self) -> &DataDir {
        &self.0
    }

    /// Marks all parts as complete and on the disk. From here on the exchange only goes forward.
    pub fn ready(&self, exchange: &Exchange) -> io::Result<()> {
        let folder = self.0.path();
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, exchange)?;
        file.flush()?;
        file.as_file().sync_all()?;
        file.persist(folder.join(READY))?;
        sync(folder)
    }
}

/// Returns whether an exchange is ready but not completed.
pub(super) fn is_pending(data: &DataDir) -> bool {
    data.path().join(INCOMING).join(READY).exists()
}

/// Completes an exchange that is ready, and returns it. Can be repeated after a crash at any step. Needs the lock.
pub(super) fn complete(data: &DataDir) -> io::Result<Option<Exchange>> {
    let incoming = data.path().join(INCOMING);
    let ready = match fs::read_to_string(incoming.join(READY)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let exchange: Exchange = serde_json::from_str(&ready)?;
    if !incoming.join(CLEARED).exists() {
        clear(data.path(), &data.path().join(&exchange.aside))?;
        fs::File::create(incoming.join(CLEARED))?.sync_all()?;
        sync(&incoming)?;
    }
    for part in NEW {
        if incoming.join(part).exists() {
            fs::rename(incoming.join(part), data.path().join(part))?;
        }
    }
    sync(data.path())?;
    put_away(data.path())?;
    Ok(Some(exchange))
}

/// Removes the folder of the new parts, if there is one, after renaming it.
fn put_away(data: &Path) -> io::Result<()> {
    if data.join(DONE).exists() {
        fs::remove_dir_all(data.join(DONE))?;
    }
    if data.join(INCOMING).exists() {
        fs::rename(data.join(INCOMING), data.join(DONE))?;
        sync(data)?;
        fs::remove_dir_all(data.join(DONE))?;
    }
    Ok(())
}

fn clear(data: &Path, aside: &Path) -> io::Result<()> {
    for part in OLD {
        // A part that exists there is the old one, so the one here is new.
        if data.join(part).exists() && !aside.join(part).exists() {
            fs::create_dir_all(aside)?;
            fs::rename(data.join(part), aside.join(part))?;
        }
    }
    if aside.exists() {
        sync(aside)?;
    }
    sync(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with an old mirror, and a new one that waits.
    fn exchange(with_store: bool) -> (tempfile::TempDir, DataDir, Exchange) {
        let directory = tempfile::tempdir().expect("a directory");
        let data = DataDir::new(directory.path().to_owned());
        for part in [STORE, SEARCH, SNAPSHOTS] {
            fs::create_dir(data.path().join(part)).expect("made");
            fs::write(data.path().join(part).join("x"), "old").expect("written");
        }
        for part in [LOG, "mirror.db-wal"] {
            fs::write(data.path().join(part), "old").expect("written");
        }
        let incoming = Incoming::new(&data).expect("made");
        fs::write(incoming.parts().log(), "new").expect("written");
        if with_store {
            fs::create_dir(incoming.parts().store()).expect("made");
            fs::write(incoming.parts().store().join("x"), "new").expect("written");
        }
        let exchange = Exchange { from: "/backup".into(), aside: "replaced".into() };
        incoming.ready(&exchange).expect("written");
        (directory, data, exchange)
    }

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap_or_else(|_| "none".into())
    }

    #[test]
    fn an_exchange_goes_on_from_wherever_it_was_killed() {
        for with_store in [true, false] {
            // The steps that were done before: old parts that moved, whether that is noted, and new parts that moved.
            for moved in 0..=OLD.len() {
                for (noted, came) in [(false, 0), (true, 0), (true, 1), (true, 2), (true, 3)] {
                    if noted && moved < OLD.len() {
                        continue;
                    }
                    let (_directory, data, due) = exchange(with_store);
                    let (root, incoming) = (data.path(), data.path().join(INCOMING));
                    fs::create_dir(root.join("replaced")).expect("made");
                    for part in OLD.iter().take(moved).filter(|part| root.join(part).exists()) {
                        fs::rename(root.join(part), root.join("replaced").join(part)).expect("moved");
                    }
                    if noted {
                        fs::write(incoming.join(CLEARED), "").expect("written");
                    }
                    for part in NEW.iter().take(came).filter(|part| incoming.join(part).exists()) {
                        fs::rename(incoming.join(part), root.join(part)).expect("moved");
                    }
                    let case = format!("store {with_store}, {moved} moved, noted {noted}, {came} came");
                    assert!(is_pending(&data), "{case}");
                    assert_eq!(complete(&data).expect("completed"), Some(due), "{case}");
                    let store = if with_store { "new" } else { "none" };
                    assert_eq!((read(&data.log()).as_str(), read(&data.store().join("x")).as_str()), ("new", store), "{case}");
                    for (part, was) in
                        [(LOG, "old"), ("mirror.db-wal", "old"), ("store/x", "old"), ("search/x", "old"), ("snapshots/x", "old")]
                    {
                        assert_eq!(read(&root.join("replaced").join(part)), was, "{case}: {part}");
                    }
                    assert!(
                        !incoming.exists() && !root.join("mirror.db-wal").exists() && !root.join(SNAPSHOTS).exists(),
                        "{case}"
                    );
                    assert_eq!(complete(&data).expect("nothing to do"), None);
                }
            }
        }
    }

    #[test]
    fn a_folder_that_is_half_removed_is_no_exchange() {
        // In the order in which a file system may remove them.
        for gone in [&[CLEARED][..], &[READY], &[CLEARED, READY], &[]] {
            let (_directory, data, _) = exchange(true);
            complete(&data).expect("completed");
            let done = data.path().join(DONE);
            fs::create_dir(&done).expect("made");
            for name in [CLEARED, READY].iter().filter(|name| !gone.contains(name)) {
                fs::write(done.join(name), "").expect("written");
            }
            assert!(!is_pending(&data));
            assert_eq!(complete(&data).expect("nothing to do"), None);
            assert_eq!((read(&data.log()).as_str(), read(&data.path().join("replaced/mirror.db")).as_str()), ("new", "old"));
            Incoming::new(&data).expect("made");
            assert!(!done.exists());
        }
    }

    #[test]
    fn what_is_not_ready_changes_nothing_and_is_begun_again() {
        let (_directory, data, due) = exchange(true);
        fs::remove_file(data.path().join(INCOMING).join(READY)).expect("removed");
        assert_eq!(complete(&data).expect("nothing to do"), None);
        assert_eq!(read(&data.log()), "old");
        let again = Incoming::new(&data).expect("made");
        assert_eq!(fs::read_dir(again.parts().path()).expect("a folder").count(), 0);
        fs::write(again.parts().log(), "newer").expect("written");
        again.ready(&due).expect("written");
        complete(&data).expect("completed");
        assert_eq!((read(&data.log()).as_str(), data.store().exists()), ("newer", false));
    }
}
