//! The server: SPARQL, records, dumps and pages over HTTP, from the published snapshot and the log.
//!
//! It writes nothing and never waits for a writer: queries run on the current snapshot in processes of their own
//! ([`workers`]), everything else reads the log next to its writer ([`reading`]). It moves to the next snapshot by itself.
//! Files depend on each other in one direction: routes, handlers, pages, [`app`], and what `app` is made of.

pub mod app;
mod arrival;
pub mod bookshare;
pub mod cache;
pub mod conditions;
pub mod dump;
pub mod emm;
pub mod engines;
pub mod find;
pub mod harvester;
pub mod health;
mod lengths;
pub mod negotiate;
pub mod oai;
pub mod overview;
pub mod pages;
pub mod problem;
pub mod ranges;
pub mod rdf;
pub mod reading;
pub mod record;
mod resource_dump;
mod resource_lists;
pub mod resource_sync;
pub mod routes;
pub mod server;
pub mod sitemap;
pub mod sparql;
pub mod telemetry;
pub mod throttle;
mod transfer;
pub mod void;
pub mod workers;
mod xml_text;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::config::{Config, ConfigError, Source};
use crate::data_dir::DataDir;
use crate::remote::Background;
use crate::stop::Stop;
use app::App;

/// The options of a server.
pub struct ServeOptions {
    /// The mirror.
    pub data: DataDir,
    /// The settings.
    pub config: Config,
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The program that runs queries, with its arguments.
    pub worker: (PathBuf, Vec<String>),
    /// The sources to harvest inside the server, and the period.
    pub harvest: Option<(Vec<Source>, Duration)>,
    /// The description of this process for others that want the lock.
    pub who: String,
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is not available.
    #[error("cannot listen on {address}: {source}\nhint: name another address with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
    /// The runtime cannot start.
    #[error("the server cannot start: {0}")]
    Runtime(std::io::Error),
    /// The settings of a remote store are not valid.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Serves until `stop`; calls `listening` with the address once it is open.
pub fn serve(options: ServeOptions, stop: &Stop, listening: impl FnOnce(SocketAddr)) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(ServeError::Runtime)?;
    let ServeOptions { data, config, listen, worker, harvest, who } = options;
    runtime.block_on(async {
        let failed = |source| ServeError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let app = App::new(data, config, worker)?;
        let router = routes::router(&app);
        let harvests = harvest
            .map(|(sources, every)| tokio::spawn(harvester::harvest_every(Arc::clone(&app), sources, every, who, stop.clone())));
        // They follow until the server ends.
        let _remotes = Background::begin(&app.data, &app.config)?;
        let watching = tokio::spawn(let_go_of_old_snapshots(Arc::clone(&app)));
        let asking = tokio::spawn(engines::keep_asking(Arc::clone(&app.engines), app.data.clone()));
        listening(address);
        server::serve(&app, listener, router, stop.stopped()).await;
        watching.abort();
        asking.abort();
        if let Some(harvests) = harvests {
            let _ = tokio::time::timeout(Duration::from_secs(app.config.serve.stop_s), harvests).await;
        }
        Ok::<_, ServeError>(())
    })?;
    runtime.shutdown_background();
    Ok(())
}

/// How long idle workers may hold a snapshot that is no longer current.
const RELEASE_PERIOD: Duration = Duration::from_secs(5);

/// Releases old snapshots that idle workers hold, so that their disk is freed.
async fn let_go_of_old_snapshots(app: Arc<App>) {
    loop {
        tokio::time::sleep(RELEASE_PERIOD).await;
        if let Some(snapshot) = app.snapshot() {
            app.workers.let_go_of_others(snapshot.number);
        }
    }
}
