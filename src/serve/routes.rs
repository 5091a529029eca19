//! The routes, and the headers of every answer.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, REFERRER_POLICY, SET_COOKIE, VARY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate};
use tower_http::cors::{Any, CorsLayer};

use super::app::App;
use super::pages::{self, Language};
use super::problem::Problem;
use super::{arrival, bookshare, dump, emm, find, health, oai, record, resource_sync, sitemap, sparql, void};

/// Only our own scripts, styles and images, and no frames.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The headers that answers of negotiated addresses depend on: pages, data, errors, and 304.
const NEGOTIATED: &str = "Accept, Accept-Encoding, Accept-Language, Cookie";

/// Returns the router.
pub fn router(app: &Arc<App>) -> Router {
    let exposed: Vec<_> = sparql::EXPOSED.into_iter().chain([ACCEPT_RANGES, CONTENT_RANGE]).collect();
    // All origins get the same answer, so nothing is added to `Vary`.
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::OPTIONS])
        .allow_headers(Any)
        .expose_headers(exposed)
        .vary([]);
    let compressed = CompressionLayer::new()
        .gzip(true)
        .br(true)
        .quality(tower_http::CompressionLevel::Fastest)
        .compress_when(DefaultPredicate::new().and(has_no_ranges));
    let router =
        negotiated().merge(fixed()).with_state(app.clone()).layer(compressed).layer(cors).layer(CatchPanicLayer::custom(
            |_: Box<dyn std::any::Any + Send>| Problem::internal(&"a panic while a request was answered").into_response(),
        ));
    rebased(app.base.clone(), router)
        .layer(middleware::from_fn_with_state(app.clone(), arrival::admitted))
        .layer(middleware::from_fn_with_state(app.clone(), dressed))
}

/// Returns the routes whose answers depend on what the client accepts.
fn negotiated() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(pages::front))
        .route("/search", get(pages::search))
        .route("/sparql", any(sparql::sparql))
        .route("/harvest", get(pages::harvest))
        .route("/guide", get(pages::guide))
        .route("/guide/", get(pages::guide))
        .route("/guide/{topic}", get(pages::guide_topic))
        .route("/.well-known/void", get(void::void))
        .route("/record/{*iri}", get(record::by_iri))
        .route("/resource/{kind}/{number}", get(record::old_resource))
        .route("/{id}", get(record::by_id))
        .route("/{first}/{second}", get(record::below_id))
        .fallback(nowhere)
        .method_not_allowed_fallback(not_so)
        .layer(middleware::map_response(|mut response: Response| async {
            response.headers_mut().insert(VARY, HeaderValue::from_static(NEGOTIATED));
            response
        }))
}

/// Returns the routes with the same answer for everybody.
fn fixed() -> Router<Arc<App>> {
    let router = Router::new()
        .route("/health", get(health::health))
        .route("/metrics", get(health::metrics))
        .route("/suggest", get(pages::suggest))
        .route("/sparql/vocabulary", get(sparql::vocabulary))
        .route("/assets/{name}", get(pages::assets::asset))
        .route("/favicon.ico", get(pages::assets::favicon))
        .route("/search.atom", get(pages::atom))
        .route("/.well-known/resourcesync", get(resource_sync::description))
        .route("/resourcesync/{name}", get(resource_sync::list))
        .route("/emm/", get(emm::changes))
        .route("/emm/full", get(emm::full))
        .route("/emm/data/{*iri}", get(emm::data))
        .route("/oai", any(oai::provider))
        .route("/api/oaipmh", any(oai::provider))
        .route("/api/oaipmh/", any(oai::provider))
        .route("/book/{*path}", any(bookshare::lists))
        .route("/periodicals/{*path}", any(bookshare::lists))
        .route("/reference/{*path}", any(bookshare::lists))
        .route("/download/{*path}", any(bookshare::download))
        .route("/find", get(find::find))
        .route("/find.jsonld", get(find::find))
        .route("/robots.txt", get(sitemap::robots))
        .route("/sitemap.xml", get(sitemap::index))
        .route("/sitemap-{part}", get(sitemap::part));
    let router = dump::DUMPS.into_iter().fold(router, |router, known| {
        let dumped = async move |State(app): State<Arc<App>>, method: Method, headers: HeaderMap| {
            dump::dumped(&app, known, &method, &headers).await
        };
        router.route(&format!("/{}", known.name), get(dumped))
    });
    router.method_not_allowed_fallback(not_so)
}

/// Answers that support ranges are not compressed on their way, because ranges of a compressed stream do not fit together.
fn has_no_ranges(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    !headers.contains_key(ACCEPT_RANGES)
}

/// Serves everything below the base path, which a proxy may already have removed.
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

/// Remembers the language of `?lang=` in a cookie, adds the security headers to every answer, and counts it.
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
