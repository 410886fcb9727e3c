//! What the server says about itself: no key is needed for any of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse as _, Response};
use partita_core::time::rfc3339;
use serde_json::json;

use crate::App;
use crate::app::{self, AppError};
use crate::openapi;

pub(super) async fn health(State(app): State<Arc<App>>) -> Response {
    let health = app::health(&app);
    let seconds = health.uptime_ms / 1_000;
    let uptime = format!("{}h{}m{}s", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let version = &app.parts.options.version;
    Json(json!({"status": "healthy", "timestamp": rfc3339(health.at), "uptime": uptime, "version": version}))
        .into_response()
}

pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Response, AppError> {
    app::ready(&app).await?;
    Ok(Json(json!({"status": "ready"})).into_response())
}

pub(super) async fn discover(State(app): State<Arc<App>>) -> Response {
    let options = &app.parts.options;
    let providers: Vec<&str> = app.parts.providers.iter().map(|provider| provider.name()).collect();
    let endpoints: serde_json::Map<String, serde_json::Value> = openapi::ENDPOINTS
        .iter()
        .map(|endpoint| (format!("{} {}", endpoint.method.to_uppercase(), endpoint.path), json!(endpoint.summary)))
        .collect();
    Json(json!({
        "name": options.server_name, "version": options.version, "status": "healthy",
        "description": "Words become workflows; workflows run durably and can be taken back",
        "providers": providers, "default_provider": providers.first(),
        "features": {"streaming": true, "resume": true, "rollback": true, "approvals": true, "idempotency": true},
        "stream_formats": ["sse"], "authentication": ["Bearer", "UserKey"],
        "endpoints": endpoints, "openapi": "/openapi.json", "docs": "/docs",
    }))
    .into_response()
}

pub(super) async fn openapi() -> Response {
    ([(header::CACHE_CONTROL, "no-cache")], Json(openapi::document())).into_response()
}

/// A page that shows the API without asking anybody else for anything.
pub(super) async fn docs() -> Html<String> {
    Html(openapi::page())
}
