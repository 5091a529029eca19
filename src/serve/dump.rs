//! `/dump.nt.gz` and its like: everything at once, straight from the log as it goes out.

use std::io::{self, Write};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::app::App;
use super::problem::Problem;
use crate::export::{DumpFormat, dump};
use crate::log::Log;

/// The dumps that there are.
pub const DUMPS: [&str; 6] = ["dump.nt", "dump.nt.gz", "dump.nt.zst", "dump.nq", "dump.nq.gz", "dump.nq.zst"];

/// Parts of a dump that wait for the client.
const WAITING: usize = 8;

/// How much is gathered before it is sent.
const TOGETHER: usize = 64 << 10;

/// `/dump.FORMAT`
pub async fn dumped(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Response, Problem> {
    let name = DUMPS.into_iter().find(|known| *known == name).ok_or_else(|| Problem::not_found("there is no such dump"))?;
    let permit = app
        .dumps
        .clone()
        .try_acquire_owned()
        .map_err(|_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "others are fetching dumps already: try again later"))?;
    let (parts, receiver) = mpsc::channel(WAITING);
    let (path, depth) = (app.data.log(), app.config.harvest.depth);
    // The log is opened here, so that a mirror that is not there yet is no broken download.
    let log =
        Log::open_read_only(&path).map_err(|_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "there is no mirror here yet"))?;
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        if let Err(error) = written(&log, depth, name, &parts) {
            // The client sees a transfer that broke off, and takes it for nothing else.
            let _ = parts.blocking_send(Err(io::Error::other(error)));
        }
    });
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async {
        let part: io::Result<Bytes> = receiver.recv().await?;
        Some((part, receiver))
    });
    let mut response = Response::new(Body::from_stream(stream.fuse()));
    let media_type = match name {
        _ if name.ends_with(".gz") => "application/gzip",
        _ if name.ends_with(".zst") => "application/zstd",
        "dump.nq" => "application/n-quads",
        _ => "application/n-triples",
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"libris-{name}\"")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

fn written(log: &Log, depth: usize, name: &str, parts: &mpsc::Sender<io::Result<Bytes>>) -> Result<(), String> {
    let format = if name.contains(".nq") { DumpFormat::NQuads } else { DumpFormat::NTriples };
    let sent = io::BufWriter::with_capacity(TOGETHER, Sent(parts));
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    let mut sent = if name.ends_with(".gz") {
        let mut out = flate2::write::GzEncoder::new(sent, flate2::Compression::default());
        dump(log, depth, None, format, &mut out).map_err(|error| failed(&error))?;
        out.finish().map_err(|error| failed(&error))?
    } else if name.ends_with(".zst") {
        let mut out = zstd::Encoder::new(sent, 0).map_err(|error| failed(&error))?;
        dump(log, depth, None, format, &mut out).map_err(|error| failed(&error))?;
        out.finish().map_err(|error| failed(&error))?
    } else {
        let mut out = sent;
        dump(log, depth, None, format, &mut out).map_err(|error| failed(&error))?;
        out
    };
    sent.flush().map_err(|error| failed(&error))
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
