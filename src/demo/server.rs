//! The fake Libris over HTTP, on 127.0.0.1 only.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use axum::Router;
use axum::extract::{RawForm, State};
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::Utc;

use super::answers::{self, Library};
use super::emm;
use super::state::{ServerState, arguments};
use super::terms::CONTEXT;

/// A running server. It stops when this is dropped.
pub struct FakeLibris {
    /// Its state, for changing the rows.
    pub state: Arc<ServerState>,
    address: SocketAddr,
    runtime: Option<tokio::runtime::Runtime>,
}

impl FakeLibris {
    /// Starts a server on a free port of 127.0.0.1, or on the given one.
    ///
    /// # Errors
    /// When the port is taken or the runtime cannot start.
    pub fn start(state: Arc<ServerState>, port: u16, wrap: impl FnOnce(Router) -> Router) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind(("127.0.0.1", port)))?;
        let address = listener.local_addr()?;
        let app = wrap(router(Arc::clone(&state)));
        runtime.spawn(async move { axum::serve(listener, app).await });
        Ok(Self { state, address, runtime: Some(runtime) })
    }

    /// The base URL for harvesting.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/api/oaipmh/", self.address)
    }

    /// The base URL of its dumps and changes.
    #[must_use]
    pub fn emm_url(&self) -> String {
        format!("http://{}/api/emm/", self.address)
    }

    /// The URL of its JSON-LD context.
    #[must_use]
    pub fn context_url(&self) -> String {
        format!("http://{}/context.jsonld", self.address)
    }
}

impl Drop for FakeLibris {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The routes: the OAI-PMH server, the context, records as linked data, and a way to change and count the rows by hand.
pub fn router(state: Arc<ServerState>) -> Router {
    Router::new()
        .route("/api/oaipmh/", get(oai).post(oai))
        .route("/context.jsonld", get(|| async { ([(CONTENT_TYPE, "application/ld+json")], CONTEXT) }))
        .merge(emm::routes())
        .route("/demo/counts", get(counts))
        .route("/demo/change", get(change).post(change))
        .with_state(state)
}

async fn counts(State(state): State<Arc<ServerState>>, RawForm(form): RawForm) -> Response {
    let set = arguments(&form).into_iter().find(|(name, _)| name == "set").map(|(_, set)| set);
    axum::Json(state.with_catalogue(|catalogue| catalogue.counts(set.as_deref()))).into_response()
}

/// Changes rows: `update`, `delete`, `add`, `leave` the national bibliography, `backdate`, `normalize` to the new shape. With
/// `every=K`, updates and deletions take each K-th row, so that they are spread over the catalogue.
async fn change(State(state): State<Arc<ServerState>>, RawForm(form): RawForm) -> Response {
    let number = |wanted: &str| {
        arguments(&form).iter().find(|(name, _)| name == wanted).and_then(|(_, value)| value.parse::<usize>().ok()).unwrap_or(0)
    };
    let (update, delete, add) = (number("update"), number("delete"), number("add"));
    let (leave, backdate, every) = (number("leave"), number("backdate"), number("every").max(1));
    let normalize = number("normalize");
    state.with_catalogue(|catalogue| {
        let mut live = catalogue.live((update + delete).saturating_mul(every)).into_iter().step_by(every);
        catalogue.update(&live.by_ref().take(update).collect::<Vec<_>>(), Utc::now());
        catalogue.delete(&live.collect::<Vec<_>>(), Utc::now());
        // Harvests of the national bibliography do not see these two.
        let mut national = catalogue.national(leave + backdate).into_iter();
        catalogue.leave(&national.by_ref().take(leave).collect::<Vec<_>>());
        catalogue.backdate(&national.collect::<Vec<_>>());
        let old = catalogue.old_shaped(normalize);
        catalogue.normalize(&old, Utc::now());
        catalogue.add(add as u64, Utc::now());
    });
    format!("updated {update}, deleted {delete}, added {add}, left {leave}, backdated {backdate}, normalized {normalize}\n")
        .into_response()
}

async fn oai(State(state): State<Arc<ServerState>>, headers: HeaderMap, RawForm(form): RawForm) -> Response {
    state.requests.fetch_add(1, Ordering::Relaxed);
    let body = tokio::task::block_in_place(|| {
        let catalogue = state.catalogue.read().unwrap_or_else(PoisonError::into_inner);
        let unconverted = state.unconverted.read().unwrap_or_else(PoisonError::into_inner);
        let page_rows = state.page_rows.load(Ordering::Relaxed);
        answers::answer(&Library { catalogue: &catalogue, unconverted: &unconverted, page_rows }, &arguments(&form))
    });
    state.bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
    let asked = headers.get("accept-encoding").and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("gzip"));
    if state.gzip && asked {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        if io::Write::write_all(&mut encoder, body.as_bytes()).is_ok()
            && let Ok(body) = encoder.finish()
        {
            return ([("content-type", "text/xml;charset=utf-8"), ("content-encoding", "gzip")], body).into_response();
        }
    }
    ([(CONTENT_TYPE, "text/xml;charset=utf-8")], body).into_response()
}
