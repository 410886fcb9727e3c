//! The routes: thin functions that parse, call one use case, and convert the answer.

mod authoring;
mod body;
mod caller;
mod catalogue;
mod edge;
mod execution;
mod meta;
mod sessions;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::App;
use crate::app::AppError;

/// Makes the router of the whole API: at the root, and the same under `/api/v1`.
pub fn router(app: Arc<App>) -> Router {
    let api = api();
    api.clone()
        .nest("/api/v1", api)
        .fallback(no_such_endpoint)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(edge::panicked))
        .layer(cors(&app.parts.options.cors_origins))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), edge::edge))
        .with_state(app)
}

fn api() -> Router<Arc<App>> {
    Router::new()
        .route("/health", get(meta::health))
        .route("/ready", get(meta::ready))
        .route("/discover", get(meta::discover))
        .route("/openapi.json", get(meta::openapi))
        .route("/docs", get(meta::docs))
        .route("/providers", get(catalogue::providers))
        .route("/providers/switch", post(catalogue::switch_provider))
        .route("/generate", post(authoring::generate))
        .route("/refine", post(authoring::refine))
        .route("/compose", post(authoring::compose))
        .route("/orchestrate", post(authoring::orchestrate))
        .route("/sessions", get(sessions::list).post(sessions::create))
        .route("/sessions/{id}", get(sessions::get).delete(sessions::delete))
        .route("/sessions/{id}/continue", post(sessions::carry_on))
        .route("/execute", post(execution::execute))
        .route("/validate", post(execution::validate))
        .route("/templates", get(catalogue::templates).post(catalogue::save_template))
        .route("/templates/{id}", get(catalogue::template))
        .route("/templates/{id}/instantiate", post(catalogue::instantiate))
        .route("/tools", get(catalogue::tools))
        .route("/executions", get(execution::list))
        .route("/executions/{id}", get(execution::get))
        .route("/executions/{id}/events", get(execution::events))
        .route("/executions/{id}/steps/{step}/logs", get(execution::log))
        .route("/executions/{id}/cancel", post(execution::cancel))
        .route("/executions/{id}/pause", post(execution::pause))
        .route("/executions/{id}/resume", post(execution::resume))
        .route("/executions/{id}/approvals/{approval}", post(execution::decide))
        .route("/keys", get(catalogue::keys).post(catalogue::create_key))
        .route("/keys/{id}", delete(catalogue::revoke_key))
}

async fn no_such_endpoint(request: Request) -> Response {
    let path: String = request.uri().path().chars().take(200).collect();
    AppError::NoSuchEndpoint(path).into_response()
}

async fn method_not_allowed(request: Request) -> Response {
    let path: String = request.uri().path().chars().take(200).collect();
    AppError::MethodNotAllowed { method: request.method().to_string(), path }.into_response()
}

/// Which pages of a browser may call.
fn cors(origins: &[String]) -> CorsLayer {
    let exposed = ["x-request-id", "retry-after", "ratelimit", "ratelimit-policy", "preference-applied"];
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::ACCEPT,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("prefer"),
            HeaderName::from_static("userkey"),
            HeaderName::from_static("x-request-id"),
            HeaderName::from_static("traceparent"),
        ])
        .expose_headers(exposed.map(HeaderName::from_static))
        .max_age(std::time::Duration::from_secs(600));
    if origins.iter().any(|origin| origin == "*") {
        return layer.allow_origin(AllowOrigin::any());
    }
    let allowed: Vec<HeaderValue> = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    layer.allow_origin(AllowOrigin::list(allowed))
}
