//! Connections: up to a limit, each with time limits, closed gently at the end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

use super::app::App;
use super::throttle::Peer;

/// The limit on the head of a request, in bytes; a query in an address must fit.
const HEAD_BYTES: usize = 64 << 10;

/// File descriptors that are reserved for other uses than connections.
const SPARE_DESCRIPTORS: u64 = 512;

/// Serves connections until `stopped`, then waits for running answers, up to `serve.stop_s` seconds.
pub(super) async fn serve(app: &Arc<App>, listener: TcpListener, router: Router, stopped: impl Future<Output = ()>) {
    let settings = &app.config.serve;
    let descriptors = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
    let most = (settings.connections as u64).min(descriptors.saturating_sub(SPARE_DESCRIPTORS).max(64));
    let room = Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS).min(Semaphore::MAX_PERMITS)));
    let graceful = GracefulShutdown::new();
    let mut stopped = std::pin::pin!(stopped);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            () = &mut stopped => break,
        };
        let (stream, peer, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // No file descriptors left, or the client went away: the next one may succeed.
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(Duration::from_secs(settings.stall_s)));
        let service = TowerToHyperService::new(router.clone().map_request(
            move |request: hyper::Request<hyper::body::Incoming>| -> Request {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(peer);
                request
            },
        ));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(settings.header_timeout_s))
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(Box::pin(stream)), service);
        let connection = graceful.watch(connection);
        let app = app.clone();
        app.telemetry.connections.inc();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("a connection ended: {error}");
            }
            app.telemetry.connections.dec();
            drop(permit);
        });
    }
    drop(listener);
    if timeout(Duration::from_secs(settings.stop_s), graceful.shutdown()).await.is_err() {
        tracing::warn!("some answers did not finish within {} s", settings.stop_s);
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, Peer, tokio::sync::OwnedSemaphorePermit)> {
    let permit = room.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, Peer(peer.ip()), permit))
}
