//! Exit codes, in one place.

use std::process::ExitCode;

use super::output;
use crate::backup::BackupError;
use crate::config::ConfigError;
use crate::data_dir::DataDirError;
use crate::harvest::{FetchError, HarvestError};
use crate::mirror::MirrorError;
use crate::publish::PublishError;
use crate::remote::RemoteError;

/// The last part of `--help`.
pub(super) const HELP: &str = "\
Exit codes:
  0    done
  1    failed; the message says what and what to do
  2    wrong usage or configuration
  65   done, with records in quarantine (see `libris-mirror quarantine`)
  69   the source, a remote store or an object store is unavailable; run the same command again to continue
  75   another run holds the data directory
  130  stopped by Ctrl-C or SIGTERM; run the same command again to continue

Start here:
  libris-mirror demo                            a tour, without a network
  libris-mirror guide                           the guide, page by page
  libris-mirror harvest nb --max-records 5000   the first records of the national bibliography
  libris-mirror query 'SELECT (COUNT(*) AS ?n) { ?s a kbv:Person }'";

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done.
    Ok,
    /// Failed.
    Failed,
    /// Wrong usage or configuration.
    Usage,
    /// Done, with records in quarantine (`EX_DATAERR`).
    Quarantined,
    /// The source is unavailable (`EX_UNAVAILABLE`); the next run continues.
    Unavailable,
    /// Another run holds the data directory (`EX_TEMPFAIL`).
    Locked,
    /// Stopped by the user; the next run continues.
    Interrupted,
}

impl Exit {
    /// The number.
    fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Quarantined => 65,
            Self::Unavailable => 69,
            Self::Locked => 75,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Arguments that contradict each other, or that name something that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Misuse(pub(super) String);

/// Ends the program now, whatever its other threads do.
///
/// An ordinary exit runs the destructors of `RocksDB`, which wait for a compaction that may take seconds. Replacing
/// the process image skips them, as a crash does, and the log and its views survive a crash.
#[expect(clippy::exit, reason = "where there is no shell")]
pub(super) fn at_once(exit: Exit) -> ! {
    use std::os::unix::process::CommandExt;
    let code = exit.code();
    let error = std::process::Command::new("/bin/sh").args(["-c", &format!("exit {code}")]).exec();
    tracing::debug!("{error}");
    std::process::exit(code.into())
}

/// Prints an error with its causes and returns its exit code. A reader that went away (broken pipe) is not an error.
pub(super) fn of_error(error: &anyhow::Error) -> Exit {
    let broken_pipe = error
        .chain()
        .any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe));
    if broken_pipe {
        return Exit::Ok;
    }
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    output::error(&text);
    if error.chain().any(|cause| cause.downcast_ref::<ConfigError>().is_some() || cause.downcast_ref::<Misuse>().is_some()) {
        return Exit::Usage;
    }
    if let Some(HarvestError::Unavailable(_)) = error.downcast_ref() {
        return Exit::Unavailable;
    }
    match error.downcast_ref() {
        Some(RemoteError::Unavailable { .. }) => return Exit::Unavailable,
        Some(RemoteError::Busy(_)) => return Exit::Locked,
        Some(RemoteError::Stopped) => return Exit::Interrupted,
        _ => {}
    }
    match error.downcast_ref() {
        Some(PublishError::Unavailable { .. } | PublishError::Meanwhile { .. }) => return Exit::Unavailable,
        Some(PublishError::Busy) => return Exit::Locked,
        Some(PublishError::Address { .. } | PublishError::Variable { .. } | PublishError::NoKeys { .. }) => return Exit::Usage,
        _ => {}
    }
    if error.chain().any(is_locked) { Exit::Locked } else { Exit::Failed }
}

/// Returns whether an error means that another run holds the data directory.
fn is_locked(cause: &(dyn std::error::Error + 'static)) -> bool {
    let directory = match (cause.downcast_ref(), cause.downcast_ref(), cause.downcast_ref()) {
        (Some(HarvestError::Mirror(MirrorError::DataDir(error))), ..)
        | (_, Some(MirrorError::DataDir(error)), _)
        | (.., Some(BackupError::DataDir(error))) => Some(error),
        _ => cause.downcast_ref(),
    };
    matches!(directory, Some(DataDirError::Locked { .. }))
}

/// Returns the exit code for a failed request to a source.
pub(super) fn of_fetch(error: &FetchError) -> Exit {
    match error {
        FetchError::Stopped => Exit::Interrupted,
        error if error.is_permanent() => Exit::Failed,
        _ => Exit::Unavailable,
    }
}
