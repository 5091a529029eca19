//! Remote stores that follow on their own while a program runs: `auto = true`.
//!
//! Each has a thread. Nobody waits for it longer than the configuration says, not even the end of the program: what was being sent
//! is sent again, as after a crash.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use super::error::RemoteError;
use super::sync::sync;
use crate::config::{Config, ConfigError, Remote};
use crate::data_dir::DataDir;
use crate::log::{ChangeId, Log};
use crate::stop::Stop;

/// The remote stores that follow.
pub struct Background {
    each: Vec<Following>,
    stop: Stop,
    /// Whether they end where the log ends.
    ends: Arc<AtomicBool>,
}

/// One of them.
struct Following {
    remote: Remote,
    /// Closed when its thread has ended.
    ended: Receiver<()>,
}

/// How often it is looked whether the log has grown.
const LOOK: Duration = Duration::from_secs(2);

/// The shortest and the longest time after which a store is asked again that failed.
const AGAIN: (Duration, Duration) = (Duration::from_secs(10), Duration::from_mins(10));

impl Background {
    /// Lets the stores of the configuration follow that do so by themselves.
    pub fn begin(directory: &DataDir, config: &Config) -> Result<Self, ConfigError> {
        let (stop, ends) = (Stop::default(), Arc::new(AtomicBool::new(false)));
        let each = config.remotes()?.into_iter().filter(|remote| remote.auto).map(|remote| {
            let (alive, ended) = sync_channel::<()>(0);
            let (of_thread, directory, config) = (remote.clone(), directory.clone(), config.clone());
            let (stop, ends) = (stop.clone(), Arc::clone(&ends));
            std::thread::spawn(move || {
                let _alive = alive;
                keep_following(&of_thread, &directory, &config, &stop, &ends);
            });
            Following { remote, ended }
        });
        Ok(Self { each: each.collect(), stop, ends })
    }

    /// Waits until the stores have reached the end of the log, each as long as its settings say, or until `stopped` says so.
    pub fn finish(self, stopped: impl Fn() -> bool) {
        self.ends.store(true, Ordering::Relaxed);
        let begun = Instant::now();
        for Following { remote, ended } in &self.each {
            while begun.elapsed() < remote.wait && !stopped() {
                match ended.recv_timeout(LOOK / 20) {
                    Err(RecvTimeoutError::Timeout) => {}
                    _ => break,
                }
            }
            if matches!(ended.try_recv(), Err(std::sync::mpsc::TryRecvError::Empty)) {
                let hint = "hint: the next run goes on, or `libris-mirror remote sync`";
                tracing::warn!("the remote store {} is still behind\n{hint}", remote.name);
            }
        }
        self.stop.stop();
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

fn keep_following(remote: &Remote, directory: &DataDir, config: &Config, stop: &Stop, ends: &AtomicBool) {
    let (mut reached, mut pause) = (None, AGAIN.0);
    while !stop.is_stopped() {
        let ending = ends.load(Ordering::Relaxed);
        let end = last_change(directory);
        if end.is_some() && end != reached {
            match sync(remote, directory, config, stop, |_| {}) {
                Ok(report) => {
                    (reached, pause) = (Some(ChangeId(report.change).max(end.unwrap_or_default())), AGAIN.0);
                    continue;
                }
                Err(RemoteError::Stopped) => return,
                Err(error) => {
                    tracing::warn!("the remote store {} is behind: {error}", remote.name);
                    if ending {
                        return;
                    }
                    stop.sleep(pause);
                    pause = (pause * 2).min(AGAIN.1);
                    continue;
                }
            }
        }
        if ending {
            return;
        }
        stop.sleep(LOOK);
    }
}

/// The end of the log, if there is one.
fn last_change(directory: &DataDir) -> Option<ChangeId> {
    Log::open_read_only(&directory.log()).and_then(|log| log.last_change()).ok()
}
