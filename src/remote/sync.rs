//! Bringing a remote store to the end of the log, asking it where it is, and letting it forget that.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::client::Client;
use super::error::RemoteError;
use super::mark::Sent;
use super::note::Note;
use super::state;
use super::union::Union;
use super::view::RemoteView;
use crate::config::{Config, Remote};
use crate::data_dir::DataDir;
use crate::log::{Log, Mark};
use crate::stop::Stop;
use crate::views::{CaughtUp, Follower as _, Until, ViewError, follow};

/// What bringing a store up to date did.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct SyncReport {
    /// Its name.
    pub remote: String,
    /// Records that were applied.
    pub records: u64,
    /// The last change that it had before.
    pub from: i64,
    /// The last change that it has.
    pub change: i64,
    /// The last change of the log.
    pub log_change: i64,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// The right to write to a store, which one process has at a time.
pub(super) struct Turn(#[expect(dead_code, reason = "the lock ends with it")] File);

impl Turn {
    pub(super) fn take(directory: &Path, name: &str) -> Result<Self, RemoteError> {
        let path: PathBuf = directory.join(format!("remote-{name}.lock"));
        let file = File::create(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(std::fs::TryLockError::WouldBlock) => Err(RemoteError::Busy(name.to_owned())),
            Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

/// Brings a store to the end of the log. `progress` is called after each page.
pub fn sync(
    remote: &Remote,
    directory: &DataDir,
    config: &Config,
    stop: &Stop,
    progress: impl FnMut(&CaughtUp),
) -> Result<SyncReport, RemoteError> {
    let _turn = Turn::take(directory.path(), &remote.name)?;
    let result = follow_log(remote, directory, config, stop, progress);
    // What fails since it was stopped did not fail.
    let result = if stop.is_stopped() { Err(RemoteError::Stopped) } else { result };
    if let Err(error) = &result
        && !matches!(error, RemoteError::Stopped)
    {
        Note::read(directory.path(), &remote.name).unwrap_or_default().failed(error).write(directory.path(), &remote.name)?;
    }
    result
}

/// The same, for who has the turn.
pub(super) fn follow_log(
    remote: &Remote,
    directory: &DataDir,
    config: &Config,
    stop: &Stop,
    mut progress: impl FnMut(&CaughtUp),
) -> Result<SyncReport, RemoteError> {
    let begun = Instant::now();
    let (path, name) = (directory.path().to_owned(), remote.name.clone());
    // A file that cannot be written does not stop what goes over the network.
    let unwritten = Arc::new(Mutex::new(None));
    let told = Arc::clone(&unwritten);
    let note = move |mark: Mark| {
        let written = Note::reached(mark).write(&path, &name);
        *told.lock().unwrap_or_else(PoisonError::into_inner) = written.err();
    };
    let mut log = Log::open_read_only(&directory.log())?;
    let client = Client::new(remote, stop.clone())?;
    let union = (!remote.named_graphs).then(|| Union::new(directory, config));
    let view = RemoteView::open(client, remote.clone(), Log::open_read_only(&directory.log())?, union, Box::new(note))?;
    let from = view.watermark();
    Note::reached(log.mark_at(from)?).write(directory.path(), &remote.name)?;
    let mut views = [Box::new(view)];
    let done = follow(&mut views, &mut log, config, Until { grown: || false, time: None }, |done| {
        progress(done);
        !stop.is_stopped()
    });
    let done = done.map_err(own)?;
    if stop.is_stopped() {
        return Err(RemoteError::Stopped);
    }
    if let Some(error) = unwritten.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(error);
    }
    let [view] = views;
    view.check()?;
    Ok(SyncReport {
        remote: remote.name.clone(),
        records: done.records,
        from: from.0,
        change: view.watermark().0,
        log_change: log.last_change()?.0,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

/// The error of a remote store, out of that of a view.
fn own(error: ViewError) -> RemoteError {
    match error {
        ViewError::Own(error) => match error.downcast::<RemoteError>() {
            Ok(error) => *error,
            Err(error) => ViewError::Own(error).into(),
        },
        other => other.into(),
    }
}

/// Asks a store how far it is. It has followed this log to there.
pub fn whereabouts(remote: &Remote, directory: &DataDir, stop: &Stop) -> Result<Mark, RemoteError> {
    let log = Log::open_read_only(&directory.log())?;
    // Who asks where it is wants to know it now.
    let client = Client::new(&Remote { retry: Duration::ZERO, ..remote.clone() }, stop.clone())?;
    let said = state::read(&client)?;
    let mark = state::place(&said, remote, &log)?.map_or_else(Mark::default, |place| place.reached);
    Note::reached(mark).write(directory.path(), &remote.name)?;
    Ok(mark)
}

/// Lets a store forget how far it is, so that the next sync goes over all records and replaces what is there. With `clear`, what the
/// store holds is removed before.
pub fn reset(remote: &Remote, directory: &DataDir, clear: bool, stop: &Stop) -> Result<(), RemoteError> {
    let _turn = Turn::take(directory.path(), &remote.name)?;
    let client = Client::new(remote, stop.clone())?;
    // First: what is removed in part must not be said to be there.
    state::forget(&client, Sent::Any)?;
    if clear {
        let sent = state::clear(&client, &Log::open_read_only(&directory.log())?)?;
        state::forget(&client, sent)?;
    }
    Note::default().write(directory.path(), &remote.name)
}
