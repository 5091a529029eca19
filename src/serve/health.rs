//! `/health` and `/metrics`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use super::app::App;
use super::engines::Fitness;
use super::problem::Problem;
use crate::figures;
use crate::views::Home;

/// `/health`: live because it answers; ready once there is a snapshot. 200 with the age of the snapshot, or 503.
pub async fn health(State(app): State<Arc<App>>) -> Response {
    let now = Utc::now();
    let snapshot = app.snapshot().map(|info| {
        let published = DateTime::<Utc>::from(info.published);
        json!({
            "number": info.number, "page": info.page().0, "published": published.to_rfc3339_opts(SecondsFormat::Secs, true),
            "age_s": (now - published).num_seconds().max(0),
        })
    });
    let engines = app.engines.known();
    let is_fit = |fitness: &Fitness| matches!(fitness, Fitness::Fit(_));
    // Pages and records need a snapshot; queries something that answers them.
    let answered = !app.engines.is_elsewhere() || engines.values().any(is_fit) || app.engines.has_index();
    let ready = snapshot.is_some() && answered;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut body = json!({"live": true, "ready": ready, "snapshot": snapshot, "version": env!("CARGO_PKG_VERSION")});
    if !engines.is_empty() {
        let engines = engines.iter().map(|(name, fitness)| {
            let change = if let Fitness::Fit(standing) = fitness { Some(standing.mark.change.0) } else { None };
            json!({"remote": name, "answers": is_fit(fitness), "change": change})
        });
        body["sparql"] = engines.collect();
    }
    (status, Json(body)).into_response()
}

/// `/metrics`, in the text format of Prometheus and `OpenMetrics`.
pub async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let snapshot = app.snapshot();
    let own = app.telemetry.text(&app.workers, &app.engines);
    let served = Arc::clone(&app);
    let figures = app.log.read(move |reading| {
        let home = Home { directory: served.data.path(), log: &reading.log, config: &served.config };
        figures::text(&home, snapshot.as_ref(), Utc::now().into())
    });
    // A server may start before the first harvest created the log.
    let figures = figures.await.unwrap_or_else(|_| "# EOF\n".into());
    Ok(([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], own + &figures).into_response())
}
