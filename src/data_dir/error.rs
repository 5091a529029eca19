//! Why a data directory cannot be used.

use std::path::PathBuf;

use super::layout::VERSION;

/// Why the directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// The file system failed.
    #[error("{0}\nhint: name a directory that you may write to with --data")]
    Io(#[from] std::io::Error),
    /// Another run holds the lock.
    #[error("{path} is in use by another run: {holder}\nhint: wait for it, or look for that process")]
    Locked {
        /// The directory.
        path: PathBuf,
        /// Its process id, host and start.
        holder: String,
    },
    /// A newer program wrote it.
    #[error(
        "{path} has layout version {found}, this program knows up to {VERSION}\nhint: upgrade libris-mirror; nothing was changed"
    )]
    TooNew {
        /// The directory.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// The mirror is empty.
    #[error(
        "the mirror in {0} is empty: nothing was harvested yet\nhint: run `libris-mirror harvest` first, or name the right directory with --data"
    )]
    Empty(PathBuf),
    /// A restore was killed.
    #[error(
        "a restore into {0} was interrupted\nhint: run it again; a harvest, or any other command that writes, completes it as well"
    )]
    Interrupted(PathBuf),
    /// There is no mirror.
    #[error("there is no mirror in {0}\nhint: run `libris-mirror harvest` first, or name the right directory with --data")]
    Missing(PathBuf),
}
