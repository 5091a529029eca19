//! The pool of processes that run queries: a few at a time, started on demand, reused while they work well.
//!
//! A query that takes too long, or whose client went away, ends with its process, so that it cannot block other queries.
//! Further queries wait in a short queue, and are refused when it is full.

use std::collections::VecDeque;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, timeout, timeout_at};

use crate::query::{Ended, Frame, HEAD, Head, On, Refusal, RefusalKind, Task, read_head};

/// The settings of the pool.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// The program, with the arguments that make it a worker.
    pub command: (PathBuf, Vec<String>),
    /// The number of queries that run at once.
    pub concurrent: usize,
    /// The number of queries that wait.
    pub queue: usize,
    /// The longest time that a query waits.
    pub wait: Duration,
    /// The longest time that a client may read none of its results.
    pub stall: Duration,
}

/// The events of a running query.
#[derive(Debug)]
pub enum Event {
    /// The head of the answer.
    Head(Head),
    /// A part of the answer.
    Data(Bytes),
    /// The end of the answer.
    Ended(Ended),
    /// Why there is no answer, or no more of it.
    Refused(Refusal),
}

/// Why a query did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// The queue is full.
    #[error("too many queries are running and waiting")]
    Full,
    /// It waited too long.
    #[error("too many queries are running")]
    Waited,
}

/// The pool.
pub struct Workers {
    settings: WorkerSettings,
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    idle: Mutex<VecDeque<Worker>>,
    started: AtomicUsize,
}

struct Worker {
    // Killed when dropped.
    child: Child,
    /// The snapshot that it holds.
    snapshot: u64,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

/// The grace period after which a query is killed. The engine checks its time limit between quads, but not between the rows
/// of a join in memory.
const GRACE: Duration = Duration::from_secs(2);

/// Parts that wait for the client.
const QUEUED_PARTS: usize = 4;

impl Workers {
    /// Returns a pool without workers.
    #[must_use]
    pub fn new(settings: WorkerSettings) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(settings.concurrent.max(1)));
        let (waiting, started) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { settings, permits, waiting, idle: Mutex::default(), started })
    }

    /// Returns how many queries run, how many wait, and how many workers were started so far.
    #[must_use]
    pub fn figures(&self) -> (usize, usize, usize) {
        let running = self.settings.concurrent.max(1) - self.permits.available_permits();
        (running, self.waiting.load(Ordering::Relaxed), self.started.load(Ordering::Relaxed))
    }

    /// Starts a query as soon as a worker is free. Dropping the receiver ends the query.
    pub async fn run(self: &Arc<Self>, task: Task) -> Result<mpsc::Receiver<Event>, Busy> {
        let permit = self.permit().await?;
        let (events, receiver) = mpsc::channel(QUEUED_PARTS);
        let pool = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                // The client went away: dropping the worker kills it.
                () = events.closed() => {}
                result = pool.drive(&task, &events) => {
                    if let Err(error) = result {
                        tracing::warn!("a query could not be run: {error}");
                        let message = "the query could not be run".to_owned();
                        let _ = events.send(Event::Refused(Refusal { kind: RefusalKind::Evaluation, message })).await;
                    }
                }
            }
            drop(permit);
        });
        Ok(receiver)
    }

    /// Ends idle workers that hold another snapshot than this, so that it can be removed.
    pub fn let_go_of_others(&self, snapshot: u64) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).retain(|worker| worker.snapshot == snapshot);
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, Busy> {
        if let Ok(permit) = self.permits.clone().try_acquire_owned() {
            return Ok(permit);
        }
        let _waits = Waits::new(&self.waiting, self.settings.queue)?;
        match timeout(self.settings.wait, self.permits.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Busy::Waited),
        }
    }

    async fn drive(&self, task: &Task, events: &mpsc::Sender<Event>) -> io::Result<()> {
        let mut worker = match self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop_back() {
            Some(worker) => worker,
            None => self.start()?,
        };
        let time_up = Instant::now() + Duration::from_secs(task.limits.timeout_s);
        let deadline = time_up + GRACE;
        let mut line = serde_json::to_vec(task)?;
        line.push(b'\n');
        if worker.stdin.write_all(&line).await.is_err() {
            // It died while it was idle.
            worker = self.start()?;
            worker.stdin.write_all(&line).await?;
        }
        loop {
            let event = match timeout_at(deadline, worker.frame()).await {
                Ok(Ok(Frame::Head(head))) => Event::Head(head),
                Ok(Ok(Frame::Data(bytes))) => Event::Data(bytes.into()),
                Ok(Ok(Frame::Ended(ended))) => Event::Ended(ended),
                Ok(Ok(Frame::Refused(refusal))) => Event::Refused(refusal),
                Ok(Err(error)) => {
                    // A worker whose engine does not check its time limit ends itself.
                    let refusal = if Instant::now() >= time_up { time_is_up() } else { worker.end(&error).await };
                    let _ = timeout(self.settings.stall, events.send(Event::Refused(refusal))).await;
                    return Ok(());
                }
                Err(_) => Event::Refused(time_is_up()),
            };
            let ended = matches!(event, Event::Ended(_));
            let refused = match &event {
                Event::Refused(refusal) => Some(refusal.kind),
                _ => None,
            };
            if timeout(self.settings.stall, events.send(event)).await.is_err() {
                tracing::info!("a client read none of its results for {} s", self.settings.stall.as_secs());
                return Ok(());
            }
            let unharmed =
                [RefusalKind::Syntax, RefusalKind::Forbidden, RefusalKind::Format, RefusalKind::Snapshot, RefusalKind::Away];
            if ended || refused.is_some_and(|kind| unharmed.contains(&kind)) {
                if let On::Snapshot(number) = task.on {
                    worker.snapshot = number;
                }
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).push_back(worker);
                return Ok(());
            }
            if refused.is_some() {
                return Ok(());
            }
        }
    }

    fn start(&self) -> io::Result<Worker> {
        self.started.fetch_add(1, Ordering::Relaxed);
        let (program, words) = &self.settings.command;
        let mut child = Command::new(program)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            // Ctrl-C in the terminal must reach only the server, which lets running queries finish.
            .process_group(0)
            .spawn()?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("a worker without pipes"));
        };
        Ok(Worker { child, snapshot: 0, stdin, stdout: BufReader::new(stdout) })
    }
}

impl Worker {
    async fn frame(&mut self) -> io::Result<Frame> {
        let mut head = [0; HEAD];
        self.stdout.read_exact(&mut head).await?;
        let (letter, length) = read_head(head)?;
        let mut bytes = vec![0; length];
        self.stdout.read_exact(&mut bytes).await?;
        Frame::new(letter, bytes)
    }

    /// Returns why the process ended in the middle of a query, from its exit status.
    async fn end(&mut self, error: &io::Error) -> Refusal {
        let status = timeout(GRACE, self.child.wait()).await;
        let status = status.ok().and_then(Result::ok);
        tracing::warn!(
            "a query ended its process ({}): {error}",
            status.map_or_else(|| "alive".to_owned(), |status| status.to_string())
        );
        let signal = status.and_then(|status| status.signal());
        let (kind, message) = match signal {
            // The allocator aborts when it gets no memory.
            Some(SIGABRT) => (
                RefusalKind::Evaluation,
                "the query needs more memory than one query may have here (`serve.memory_mb`): make it narrower",
            ),
            Some(SIGSEGV) => (RefusalKind::Syntax, "the query is nested too deeply: split it into several queries"),
            // What is mapped is not there: the file was cut, or the disk failed.
            Some(SIGBUS) => {
                (RefusalKind::Damaged, "a file of the index ends early, or its disk failed: `libris-mirror verify` says which")
            }
            Some(_) => (RefusalKind::Killed, "the process that ran the query was killed from outside: try again"),
            None => (RefusalKind::Evaluation, "the process that ran the query failed; the log of this server says why"),
        };
        Refusal { kind, message: message.to_owned() }
    }
}

// By their numbers on Linux, macOS and the BSDs; `SIGBUS` has two.
const SIGABRT: i32 = 6;
const SIGSEGV: i32 = 11;
const SIGBUS: i32 = if cfg!(target_os = "linux") { 7 } else { 10 };

fn time_is_up() -> Refusal {
    Refusal { kind: RefusalKind::Timeout, message: String::new() }
}

/// A permit of the queue.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn new(waiting: &'a AtomicUsize, most: usize) -> Result<Self, Busy> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let place = Self(waiting);
        if before < most { Ok(place) } else { Err(Busy::Full) }
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
