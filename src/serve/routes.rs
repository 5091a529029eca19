//! Which address leads where, and what every answer has.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, Method, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use tower_http::cors::{Any, CorsLayer};

use super::app::App;
use super::pages::{self, Language};
use super::problem::Problem;
use super::{dump, health, record, sparql, void};

/// No code, style, image or frame but our own.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// All routes.
pub fn router(app: &Arc<App>) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::OPTIONS])
        .allow_headers(Any)
        .expose_headers(sparql::EXPOSED);
    let compressed = CompressionLayer::new().gzip(true).br(true).quality(tower_http::CompressionLevel::Fastest).compress_when(
        DefaultPredicate::new().and(NotForContentType::new("application/gzip")).and(NotForContentType::new("application/zstd")),
    );
    let router = Router::new()
        .route("/", get(pages::front))
        .route("/search", get(pages::search))
        .route("/sparql", any(sparql::sparql))
        .route("/harvest", get(pages::harvest))
        .route("/health", get(health::health))
        .route("/metrics", get(health::metrics))
        .route("/.well-known/void", get(void::void))
        .route("/assets/{name}", get(pages::assets::asset))
        .route("/record/{*iri}", get(record::by_iri))
        .route("/resource/{kind}/{number}", get(record::old_resource))
        .route("/{id}", get(by_name))
        .route("/{first}/{second}", get(record::below_id))
        .fallback(nowhere)
        .method_not_allowed_fallback(not_so)
        .with_state(app.clone())
        .layer(middleware::from_fn_with_state(app.clone(), dressed))
        .layer(compressed)
        .layer(cors)
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            Problem::internal(&"a panic while a request was answered").into_response()
        }));
    rebased(app.base.clone(), router)
}

/// `/<id>` is a record, but for the dumps.
async fn by_name(state: State<Arc<App>>, path: axum::extract::Path<String>, request: Request) -> Response {
    let answer = match dump::DUMPS.into_iter().find(|dump| dump.name == path.0) {
        Some(known) => dump::dumped(&state, known),
        None => record::by_id(state, path, request.headers().clone()).await,
    };
    answer.into_response()
}

/// Everything is below the base path; a proxy may have taken that away already.
fn rebased(base: String, router: Router) -> Router {
    if base.is_empty() {
        return router;
    }
    let service = tower::ServiceBuilder::new()
        .map_request(move |mut request: Request| {
            if let Some(uri) = without(&base, request.uri()) {
                *request.uri_mut() = uri;
            }
            request
        })
        .service(router);
    Router::new().fallback_service(service)
}

fn without(base: &str, uri: &Uri) -> Option<Uri> {
    let rest = uri.path().strip_prefix(base)?;
    let path = match rest {
        "" => "/",
        rest if rest.starts_with('/') => rest,
        _ => return None,
    };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{path}{query}").parse().ok()
}

async fn nowhere(State(app): State<Arc<App>>, request: Request) -> Response {
    if sparql::wants_page(request.headers()) {
        return pages::missing(&app, request.headers());
    }
    Problem::not_found("this mirror has no such record or page").into_response()
}

async fn not_so() -> Problem {
    Problem::new(axum::http::StatusCode::METHOD_NOT_ALLOWED, "this address is read with GET")
}

/// What a visitor chose by `?lang=` is remembered; every answer says what browsers may do with it; all are counted.
async fn dressed(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let chosen = request
        .uri()
        .query()
        .and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("lang=")).and_then(Language::named));
    if let Some(value) = chosen.and_then(|language| HeaderValue::from_str(&format!("lang={}", language.code())).ok()) {
        request.headers_mut().insert(COOKIE, value);
    }
    let mut response = next.run(request).await;
    app.telemetry.request(response.status());
    let headers = response.headers_mut();
    let html = headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    if let Some(language) = chosen.filter(|_| html) {
        let cookie = format!("lang={}; Path={}/; Max-Age=31536000; SameSite=Lax; HttpOnly", language.code(), app.base);
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            headers.insert(SET_COOKIE, value);
        }
    }
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
