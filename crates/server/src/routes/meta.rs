//! What the server says about itself: no key is needed for any of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse as _, Response};
use partita_core::Millis;
use partita_core::time::rfc3339;
use partita_mcp::ServerStatus;
use serde_json::{Map, Value, json};

use crate::App;
use crate::app::{self, AppError};
use crate::openapi;

pub(super) async fn health(State(app): State<Arc<App>>) -> Response {
    let health = app::health(&app);
    let uptime = uptime(health.uptime_ms);
    let version = &app.parts.options.version;
    Json(json!({"status": "healthy", "timestamp": rfc3339(health.at), "uptime": uptime, "version": version}))
        .into_response()
}

pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Response, AppError> {
    app::ready(&app).await?;
    Ok(Json(json!({"status": "ready"})).into_response())
}

/// What the server is and can do, for clients that find their way by it. Nothing in it is a secret.
pub(super) async fn discover(State(app): State<Arc<App>>) -> Response {
    let (options, load, health) = (&app.parts.options, app.parts.engine.load(), app::health(&app));
    let default = app.parts.providers.first().map(|provider| provider.name());
    let models: Vec<Value> = app
        .parts
        .providers
        .iter()
        .flat_map(|provider| {
            let of = |model: String| {
                json!({"id": model, "name": model, "provider": provider.title(), "providerId": provider.name()})
            };
            provider.models().into_iter().map(of).collect::<Vec<_>>()
        })
        .collect();
    let servers = app.parts.tools.pool().map(|pool| pool.servers()).unwrap_or_default();
    let count = |of: fn(&ServerStatus) -> usize| servers.iter().map(of).sum::<usize>();
    Json(json!({
        "discovery_version": "1.0",
        "server": {
            "id": options.server_name, "name": options.server_name, "version": options.version, "provider": default,
            "endpoints": endpoints(),
            "capabilities": {
                "streaming": true, "modes": ["plan", "act"], "formats": ["sse", "ndjson"],
                "authentication": ["bearer", "userkey"], "orchestration": true, "generation": true,
                "execution": true, "refinement": true, "mcp_support": true,
            },
            "limits": {
                "maxConcurrentExecutions": load.runs_max, "requestsPerMinute": options.requests_per_minute,
                "bodyBytes": options.body_bytes_max, "keepAliveInterval": options.heartbeat_every.as_millis(),
            },
            "features": {
                "resume": true, "rollback": true, "approvals": true, "idempotency": true, "sessions": true,
                "templates": true, "dry_run": true,
            },
        },
        "models": models,
        "health": {
            "status": "healthy", "timestamp": rfc3339(health.at), "uptime": uptime(health.uptime_ms),
            "active_executions": load.runs, "max_executions": load.runs_max,
        },
        "mcp_capabilities": {
            "available": !servers.is_empty(), "servers": servers.len(), "tools": count(|server| server.tools.len()),
            "prompts": count(|server| server.prompts.len()), "resources": count(|server| server.resources.len()),
        },
        "supported_protocols": ["http", "sse", "ndjson"],
        "openapi": "/openapi.json", "docs": "/docs",
    }))
    .into_response()
}

/// The endpoints by what they do.
fn endpoints() -> Map<String, Value> {
    let of = |endpoint: &openapi::Endpoint| {
        (format!("{} {}", endpoint.method.to_uppercase(), endpoint.path), json!(endpoint.summary))
    };
    openapi::ENDPOINTS.iter().map(of).collect()
}

fn uptime(span_ms: Millis) -> String {
    let seconds = span_ms / 1_000;
    format!("{}h{}m{}s", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

pub(super) async fn openapi() -> Response {
    ([(header::CACHE_CONTROL, "no-cache")], Json(openapi::document())).into_response()
}

/// A page that shows the API without asking anybody else for anything.
pub(super) async fn docs() -> Html<String> {
    Html(openapi::page())
}
