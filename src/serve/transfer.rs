//! The transfer of a dump to a client: written on a thread that may block, in one state of the log, with a deadline.
//!
//! A transfer holds a state of the log, and the disk of the write-ahead log cannot be reused until it ends. So a transfer
//! that takes too long is broken off, even if only the client is slow.

use std::io::{self, Write};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, timeout_at};

use super::lengths::Lengths;
use super::problem::Problem;
use crate::export::{self, Dump, ExportError};
use crate::log::Log;

/// Parts of a dump that wait for its client.
const QUEUED_PARTS: usize = 8;

/// The limit on a part, in bytes.
const PART_BYTES: usize = 64 << 10;

/// The part of a dump that is sent.
pub(super) enum Part {
    /// All of it, and its length if that is known.
    Whole(Option<u64>),
    /// These bytes.
    Bytes(std::ops::Range<u64>),
}

/// A dump that will be written.
pub(super) struct Transfer {
    log: Log,
    what: Dump<'static>,
    until: Instant,
    /// `None` marks the end of a complete dump; a channel that closes without it was broken off.
    parts: mpsc::Sender<Option<Bytes>>,
    _permit: OwnedSemaphorePermit,
}

impl Transfer {
    /// Returns a transfer of a log that is held, and the body that it fills. `until` is its deadline.
    pub(super) fn new(log: Log, what: Dump<'static>, until: Instant, permit: OwnedSemaphorePermit) -> (Self, Body) {
        let (parts, body) = passage(until);
        (Self { log, what, until, parts, _permit: permit }, body)
    }

    /// Measures the length of the dump. One of several requests writes the dump to count, and continues even if its client (such
    /// as an impatient proxy) goes away, so that the next request finds the length.
    pub(super) async fn measured(self, lengths: Arc<Lengths>, dump: [u8; 32]) -> Result<(Self, u64), Problem> {
        let measuring = tokio::spawn(async move {
            let found = tokio::select! {
                found = lengths.known_or_due(&dump) => found,
                () = self.parts.closed() => return Err(Problem::internal(&"a client did not wait for its dump")),
            };
            match found {
                Ok(length) => Ok((self, length)),
                Err(tell) => {
                    let (transfer, length) = self.counted().await?;
                    tell(length);
                    Ok((transfer, length))
                }
            }
        });
        measuring.await.map_err(|error| Problem::internal(&error))?
    }

    async fn counted(mut self) -> Result<(Self, u64), Problem> {
        let counting = tokio::task::spawn_blocking(move || {
            let length = self.make(u64::MAX..u64::MAX)?;
            Ok((self, length))
        });
        let counted: Result<_, ExportError> = counting.await.map_err(|error| Problem::internal(&error))?;
        counted.map_err(|error| match error {
            ExportError::Output(error) if error.kind() == io::ErrorKind::TimedOut => Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "to find the range takes longer than the limit on a dump: fetch the whole dump",
            ),
            error => Problem::internal(&error),
        })
    }

    /// Fills the body, and keeps the length if the dump was written to the end.
    pub(super) fn send(mut self, part: Part, lengths: Arc<Lengths>, dump: [u8; 32]) {
        tokio::task::spawn_blocking(move || {
            let (wanted, whole) = match part {
                Part::Whole(length) => (0..u64::MAX, Some(length)),
                Part::Bytes(bytes) => (bytes, None),
            };
            let end = wanted.end;
            let complete = match (self.make(wanted), whole) {
                (Ok(made), Some(None)) => {
                    lengths.keep(dump, made);
                    true
                }
                (Ok(made), Some(Some(length))) => made == length,
                (Ok(made), None) => made >= end,
                (Err(ExportError::Output(error)), _) if error.kind() == io::ErrorKind::BrokenPipe => return,
                (Err(error), _) => {
                    tracing::warn!("a dump was broken off: {error}{}", cause(&error));
                    return;
                }
            };
            if complete {
                // The log is released before a slow client reads the last parts.
                let Self { log, parts, .. } = self;
                drop(log);
                let _ = parts.blocking_send(None);
            } else {
                tracing::error!("a dump was not the same bytes as before");
            }
        });
    }

    /// Writes the dump up to the end of the requested part, and sends that part. Returns the number of bytes written.
    fn make(&mut self, wanted: std::ops::Range<u64>) -> Result<u64, ExportError> {
        let end = wanted.end;
        let sent = Sent { parts: &self.parts, until: self.until, wanted, made: 0 };
        let mut sent = io::BufWriter::with_capacity(PART_BYTES, sent);
        let result = export::dump(&mut self.log, self.what, &mut sent).map(|_| ());
        let result = result.and_then(|()| Ok(sent.flush()?));
        let (sent, _) = sent.into_parts();
        if sent.made < end {
            result?;
        }
        Ok(sent.made)
    }
}

fn cause(error: &dyn std::error::Error) -> String {
    error.source().map(|cause| format!(": {cause}")).unwrap_or_default()
}

/// Returns a channel from the thread that writes parts to the body of the answer. It closes at the deadline, or when the
/// client goes away.
fn passage(until: Instant) -> (mpsc::Sender<Option<Bytes>>, Body) {
    let (parts, mut made) = mpsc::channel(1);
    let (passed, receiver) = mpsc::channel::<Option<Bytes>>(QUEUED_PARTS);
    tokio::spawn(async move {
        loop {
            let part = tokio::select! {
                part = made.recv() => part,
                () = passed.closed() => return,
            };
            let Some(part) = part else { return };
            if !matches!(timeout_at(until, passed.send(part)).await, Ok(Ok(()))) {
                return;
            }
        }
    });
    let stream = futures_util::stream::unfold(Some(receiver), |receiver| async {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Some(part)) => Some((Ok(part), Some(receiver))),
            Some(None) => None,
            // The error makes the server close the connection without the final chunk, so the client sees a broken transfer.
            None => Some((Err(io::Error::other("the dump broke off")), None)),
        }
    });
    (parts, Body::from_stream(stream))
}

/// A writer that sends the requested part of what is written to it.
struct Sent<'a> {
    parts: &'a mpsc::Sender<Option<Bytes>>,
    until: Instant,
    wanted: std::ops::Range<u64>,
    made: u64,
}

impl Write for Sent<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.made >= self.wanted.end {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let counts = self.wanted.start == u64::MAX;
        if self.parts.is_closed() && !counts {
            return Err(self.closed());
        }
        if Instant::now() >= self.until {
            return Err(late());
        }
        let buffer = buffer.get(..PART_BYTES).unwrap_or(buffer);
        let within =
            |place: u64| usize::try_from(place.saturating_sub(self.made)).map_or(buffer.len(), |at| at.min(buffer.len()));
        let (from, to) = (within(self.wanted.start), within(self.wanted.end));
        if from < to {
            self.parts.blocking_send(Some(Bytes::copy_from_slice(&buffer[from..to]))).map_err(|_| self.closed())?;
        }
        self.made += buffer.len() as u64;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sent<'_> {
    /// Returns why the channel is closed.
    fn closed(&self) -> io::Error {
        if Instant::now() >= self.until { late() } else { io::ErrorKind::BrokenPipe.into() }
    }
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "it took longer than serve.dump_s")
}
