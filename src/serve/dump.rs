//! `/dump.nt.gz` and its like: everything at once, straight from the log as it goes out.

use std::io::{self, Write};

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::app::App;
use super::problem::Problem;
use crate::export::{self, DumpFormat, ExportError, Packing};
use crate::log::Log;

/// A dump that can be fetched.
#[derive(Debug, Clone, Copy)]
pub struct Dump {
    /// Its name below the base path.
    pub name: &'static str,
    format: DumpFormat,
    packing: Packing,
    media_type: &'static str,
}

const fn named(name: &'static str, format: DumpFormat, packing: Packing, media_type: &'static str) -> Dump {
    Dump { name, format, packing, media_type }
}

/// The dumps that there are.
pub const DUMPS: [Dump; 6] = [
    named("dump.nt", DumpFormat::NTriples, Packing::Plain, "application/n-triples"),
    named("dump.nt.gz", DumpFormat::NTriples, Packing::Gzip, "application/gzip"),
    named("dump.nt.zst", DumpFormat::NTriples, Packing::Zstd, "application/zstd"),
    named("dump.nq", DumpFormat::NQuads, Packing::Plain, "application/n-quads"),
    named("dump.nq.gz", DumpFormat::NQuads, Packing::Gzip, "application/gzip"),
    named("dump.nq.zst", DumpFormat::NQuads, Packing::Zstd, "application/zstd"),
];

/// Parts of a dump that wait for the client.
const WAITING: usize = 8;

/// How much is gathered before it is sent.
const TOGETHER: usize = 64 << 10;

/// `/dump.FORMAT`
pub fn dumped(app: &App, known: Dump) -> Result<Response, Problem> {
    let permit = app
        .dumps
        .clone()
        .try_acquire_owned()
        .map_err(|_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "others are fetching dumps already: try again later"))?;
    let (parts, receiver) = mpsc::channel(WAITING);
    let depth = app.config.harvest.depth;
    // The log is opened here, so that a mirror that is not there yet is no broken download.
    let log = app.data.read_log().map_err(|_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "there is no mirror here yet"))?;
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        if let Err(error) = written(log, depth, known, &parts) {
            // The client sees a transfer that broke off, and takes it for nothing else.
            let _ = parts.blocking_send(Err(io::Error::other(error)));
        }
    });
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async {
        let part: io::Result<Bytes> = receiver.recv().await?;
        Some((part, receiver))
    });
    let mut response = Response::new(Body::from_stream(stream.fuse()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(known.media_type));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"libris-{}\"", known.name)) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

fn written(log: Log, depth: usize, known: Dump, parts: &mpsc::Sender<io::Result<Bytes>>) -> Result<(), ExportError> {
    let mut sent = io::BufWriter::with_capacity(TOGETHER, Sent(parts));
    let what = export::Dump { source: None, format: known.format, packing: known.packing, depth };
    export::dump(log, what, &mut sent)?;
    Ok(sent.flush()?)
}

/// Sends what is written to the client.
struct Sent<'a>(&'a mpsc::Sender<io::Result<Bytes>>);

impl Write for Sent<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.blocking_send(Ok(Bytes::copy_from_slice(buffer))).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
