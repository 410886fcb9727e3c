//! The routes: thin functions that parse, call one use case, and convert the answer.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use serde_json::{Value, json};

use crate::App;
use crate::app;

/// Makes the router of the whole API: at the root, and the same under `/api/v1`.
pub fn router(app: Arc<App>) -> Router {
    let api = Router::new().route("/health", get(health));
    api.clone().nest("/api/v1", api).with_state(app)
}

async fn health(State(app): State<Arc<App>>) -> Json<Value> {
    let health = app::health(&app);
    let seconds = health.uptime_ms / 1_000;
    let uptime = format!("{}h{}m{}s", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    Json(json!({"status": "healthy", "timestamp": health.at, "uptime": uptime, "version": app.parts.options.version}))
}
