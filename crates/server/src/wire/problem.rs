//! Errors on the wire: `application/problem+json` (RFC 9457), and the one table from an error to its
//! status and code.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use partita_provider::ModelFailure;
use serde_json::{Map, Value, json};

use crate::app::AppError;

/// The content type of a problem.
pub(crate) const CONTENT_TYPE: &str = "application/problem+json";

/// The status, the stable code and the title of an error. Nothing else decides a status.
fn kind(error: &AppError) -> (StatusCode, &'static str, &'static str) {
    use StatusCode as S;
    match error {
        AppError::Unparsable { .. } => (S::BAD_REQUEST, "unparsable_body", "The body can't be read"),
        AppError::InvalidRequest(_) => (S::BAD_REQUEST, "invalid_request", "The request is wrong"),
        AppError::InvalidWorkflow { .. } => (S::BAD_REQUEST, "invalid_workflow", "The workflow is not valid"),
        AppError::FeatureNotSupported { .. } => (S::BAD_REQUEST, "feature_not_supported", "The provider can't do this"),
        AppError::ProviderUnavailable { .. } => {
            (S::BAD_REQUEST, "provider_unavailable", "The provider is not available")
        }
        AppError::Unauthenticated(_) => (S::UNAUTHORIZED, "unauthenticated", "A valid API key is needed"),
        AppError::ScopeMissing(_) | AppError::ScopeNotOwned(_) => {
            (S::FORBIDDEN, "insufficient_scope", "The key does not permit this")
        }
        AppError::NotFound { .. } => (S::NOT_FOUND, "not_found", "There is no such thing"),
        AppError::NoSuchEndpoint(_) => (S::NOT_FOUND, "no_such_endpoint", "There is no such endpoint"),
        AppError::MethodNotAllowed { .. } => {
            (S::METHOD_NOT_ALLOWED, "method_not_allowed", "The endpoint does not take this method")
        }
        AppError::Refused(_) => (S::CONFLICT, "conflict", "It makes no sense in the present state"),
        AppError::NeedsApproval { .. } => (S::CONFLICT, "needs_approval", "A person has to look at the plan first"),
        AppError::IdempotencyMismatch => {
            (S::UNPROCESSABLE_ENTITY, "idempotency_mismatch", "The idempotency key belongs to another request")
        }
        AppError::NotComposed { .. } => {
            (S::UNPROCESSABLE_ENTITY, "not_composed", "The words did not become a workflow")
        }
        AppError::TooLarge { .. } => (S::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large"),
        AppError::BodyTimeout => (S::REQUEST_TIMEOUT, "body_timeout", "The body did not arrive in time"),
        AppError::UnsupportedMediaType(_) => {
            (S::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "The content type is not understood")
        }
        AppError::RateLimited { .. } => (S::TOO_MANY_REQUESTS, "rate_limited", "Too many requests"),
        AppError::TooManyFailedLogins { .. } => (S::TOO_MANY_REQUESTS, "failed_logins", "Too many wrong keys"),
        AppError::ModelFailed { failure, .. } => model_failure(failure),
        AppError::BudgetSpent(_) => (S::TOO_MANY_REQUESTS, "budget_spent", "What may be spent on models is spent"),
        AppError::ProviderTimedOut { .. } => {
            (S::GATEWAY_TIMEOUT, "provider_timed_out", "The provider took longer than it may")
        }
        AppError::ValidatorFailed { .. } => (S::BAD_GATEWAY, "validator_failed", "A validator gave no answer"),
        AppError::FoundWrong { .. } => (S::UNPROCESSABLE_ENTITY, "found_wrong", "A validator finds the workflow wrong"),
        AppError::Busy(_) => (S::SERVICE_UNAVAILABLE, "busy", "The server is busy"),
        AppError::ShuttingDown => (S::SERVICE_UNAVAILABLE, "shutting_down", "The server is shutting down"),
        AppError::StorageFull => (S::INSUFFICIENT_STORAGE, "storage_full", "The server's disk is full"),
        AppError::Internal(_) => (S::INTERNAL_SERVER_ERROR, "internal", "Something went wrong inside the server"),
    }
}

/// What a model's failure is to our caller: ours (502, 504), or one that other words would mend (422).
fn model_failure(failure: &ModelFailure) -> (StatusCode, &'static str, &'static str) {
    use StatusCode as S;
    match failure {
        ModelFailure::Unauthorized => (S::BAD_GATEWAY, "model_unauthorized", "The model refused the server's key"),
        ModelFailure::RateLimited { .. } => (S::BAD_GATEWAY, "model_rate_limited", "The model takes no more requests"),
        ModelFailure::ContextOverflow { .. } => {
            (S::UNPROCESSABLE_ENTITY, "model_context_overflow", "The request is too large for the model")
        }
        ModelFailure::Declined { .. } => (S::UNPROCESSABLE_ENTITY, "model_declined", "The model declined"),
        ModelFailure::TimedOut { .. } => (S::GATEWAY_TIMEOUT, "model_timed_out", "The model did not answer in time"),
        ModelFailure::Unreachable { .. } => (S::BAD_GATEWAY, "model_unreachable", "The model can't be reached"),
        ModelFailure::Status { .. } | ModelFailure::BrokenOff | ModelFailure::Unusable { .. } => {
            (S::BAD_GATEWAY, "model_failed", "The model failed")
        }
    }
}

/// The problem document of an error.
pub(crate) fn document(error: &AppError, request_id: &str) -> Map<String, Value> {
    let (status, code, title) = kind(error);
    let detail = match error {
        AppError::Internal(_) => format!("the server's log has the details under request {request_id}"),
        other => other.to_string(),
    };
    let errors = errors(error);
    let mut problem = Map::from_iter(
        [
            ("type", json!(problem_type(error))),
            ("title", json!(title)),
            ("status", json!(status.as_u16())),
            ("detail", json!(detail)),
            ("code", json!(code)),
            ("request_id", json!(request_id)),
            ("errors", errors.clone()),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    problem.extend(members(error));
    // For readers of the older shape.
    problem.insert("error".to_owned(), json!({"code": code, "message": detail, "details": {"errors": errors}}));
    problem
}

fn problem_type(error: &AppError) -> String {
    match error {
        AppError::RateLimited { .. } => "https://iana.org/assignments/http-problem-types#quota-exceeded".to_owned(),
        other => format!("urn:partita:problem:{}", kind(other).1),
    }
}

/// The places in the body that are wrong.
fn errors(error: &AppError) -> Value {
    match error {
        AppError::InvalidRequest(fields) => fields
            .iter()
            .map(|field| json!({"pointer": format!("#{}", field.pointer), "detail": field.detail}))
            .collect(),
        AppError::InvalidWorkflow { issues, .. } => issues
            .iter()
            .filter(|issue| issue.is_error())
            .map(|issue| {
                let help = issue.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
                let detail = format!("{}{help}", issue.message);
                json!({"pointer": format!("#/workflow{}", issue.path), "detail": detail, "code": issue.code})
            })
            .collect(),
        AppError::Unparsable { message, place, .. } => {
            let mut item = json!({"pointer": "#", "detail": message});
            if let Some((line, column)) = place {
                (item["line"], item["column"]) = (json!(line), json!(column));
            }
            json!([item])
        }
        _ => json!([]),
    }
}

/// What readers of this kind of problem need besides.
fn members(error: &AppError) -> Map<String, Value> {
    let members = match error {
        AppError::Unparsable { place: Some((line, column)), .. } => {
            vec![("line", json!(line)), ("column", json!(column))]
        }
        AppError::InvalidWorkflow { issues, suggestions } => {
            vec![("issues", json!(issues)), ("suggestions", json!(suggestions))]
        }
        AppError::NotComposed { issues, suggestions, draft, .. } => {
            vec![("issues", json!(issues)), ("suggestions", json!(suggestions)), ("draft", json!(draft))]
        }
        AppError::ScopeMissing(scope) | AppError::ScopeNotOwned(scope) => vec![("scope", json!(scope.as_str()))],
        AppError::NeedsApproval { unseen } => {
            let member = |name: &'static str| (name, unseen[name].clone());
            vec![member("workflow"), ("plan", unseen["workflow"].clone()), member("risk"), member("validation")]
        }
        AppError::FoundWrong { unsound } => {
            let member = |name: &'static str| (name, unsound[name].clone());
            vec![member("workflow"), member("validation"), member("unmet_requirements")]
        }
        AppError::ValidatorFailed { tool, .. } => vec![("tool", json!(tool))],
        AppError::FeatureNotSupported { provider, feature, .. } => {
            vec![("provider", json!(provider)), ("feature", json!(feature))]
        }
        AppError::ProviderUnavailable { provider, .. } | AppError::ProviderTimedOut { provider, .. } => {
            vec![("provider", json!(provider))]
        }
        AppError::ModelFailed { model, .. } => vec![("model", json!(model))],
        AppError::RateLimited { .. } => vec![("violated-policies", json!(["default"]))],
        _ => Vec::new(),
    };
    members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// What belongs into the head of the answer besides the status.
fn headers(error: &AppError) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name: header::HeaderName, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    match error {
        AppError::Unauthenticated(why) => {
            let error = if why.contains("no API key") { "" } else { ", error=\"invalid_token\"" };
            set(header::WWW_AUTHENTICATE, format!("Bearer realm=\"partita\"{error}"));
        }
        AppError::ScopeMissing(scope) => set(
            header::WWW_AUTHENTICATE,
            format!("Bearer realm=\"partita\", error=\"insufficient_scope\", scope=\"{scope}\""),
        ),
        AppError::RateLimited { retry_after } | AppError::TooManyFailedLogins { retry_after } => {
            set(header::RETRY_AFTER, (retry_after.as_secs_f64().ceil().max(1.0)).to_string());
        }
        AppError::ModelFailed { failure: ModelFailure::RateLimited { retry_after: Some(after) }, .. } => {
            set(header::RETRY_AFTER, after.as_secs_f64().ceil().max(1.0).to_string());
        }
        AppError::Busy(_) | AppError::ShuttingDown | AppError::StorageFull => set(header::RETRY_AFTER, "5".to_owned()),
        _ => {}
    }
    headers
}

/// An error on its way out. It carries the error itself: the edge knows the request's id and writes the
/// document.
impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let mut response = kind(&self).0.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// The answer that tells an error.
pub(crate) fn response(error: &AppError, request_id: &str) -> Response {
    let (status, code, _) = kind(error);
    match error {
        AppError::Internal(cause) => tracing::error!(request_id, cause, "a request failed"),
        _ => tracing::debug!(request_id, code, "a request was refused: {error}"),
    }
    let body = Value::Object(document(error, request_id)).to_string();
    let mut response = (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response();
    response.headers_mut().extend(headers(error));
    response
}
