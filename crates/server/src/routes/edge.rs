//! What surrounds every request: its id, the problem document of a refusal, the `RateLimit` fields, and
//! what becomes of a panic.

use std::sync::{Arc, OnceLock};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::App;
use crate::app::AppError;
use crate::limit::Allowance;
use crate::wire::problem;

const REQUEST_ID: &str = "x-request-id";
const REQUEST_ID_CHARS_MAX: usize = 128;

/// What is known of a request besides its content; in the request's extensions.
#[derive(Clone)]
pub(crate) struct Exchange {
    pub(crate) request_id: Arc<str>,
    /// W3C trace context, when the caller sent a valid one.
    pub(crate) traceparent: Option<String>,
    /// Set when the request was counted.
    pub(crate) allowance: Arc<OnceLock<Allowance>>,
}

/// Runs a request.
pub(crate) async fn edge(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let exchange = Exchange {
        request_id: request_id(request.headers(), &app),
        traceparent: traceparent(request.headers()),
        allowance: Arc::default(),
    };
    request.extensions_mut().insert(exchange.clone());
    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<Arc<AppError>>() {
        let allow = response.headers_mut().remove(header::ALLOW);
        response = problem::response(&error, &exchange.request_id);
        response.headers_mut().extend(allow.map(|allow| (header::ALLOW, allow)));
    }
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(REQUEST_ID, &exchange.request_id);
    set("x-content-type-options", "nosniff");
    if let Some(Allowance { quota, remaining, reset_s }) = exchange.allowance.get() {
        set("ratelimit-policy", &format!("\"default\";q={quota};w=60"));
        set("ratelimit", &format!("\"default\";r={remaining};t={reset_s}"));
    }
    response
}

/// The caller's own id of the request when it is harmless, else a new one.
fn request_id(headers: &HeaderMap, app: &App) -> Arc<str> {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    match given {
        Some(id) if !id.is_empty() && id.len() <= REQUEST_ID_CHARS_MAX && id.bytes().all(harmless) => id.into(),
        _ => app.new_id("req_").into(),
    }
}

/// `00-<32 hex>-<16 hex>-<2 hex>`, neither id all zeros.
fn traceparent(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("traceparent")?.to_str().ok()?;
    let parts: Vec<&str> = value.split('-').collect();
    let [version, trace, parent, flags] = parts.get(..4)? else { return None };
    let hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let whole = hex(version, 2) && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    let zeros = |text: &str| text.bytes().all(|byte| byte == b'0');
    // A later version may have more parts; the first four mean the same.
    let known = *version != "ff" && (*version != "00" || parts.len() == 4);
    (whole && known && !zeros(trace) && !zeros(parent)).then(|| format!("00-{trace}-{parent}-{flags}"))
}

/// What a client is told when a handler panics: nothing but that it happened.
pub(crate) fn panicked(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "a panic without a text".to_owned());
    AppError::Internal(text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_contexts_are_kept_when_they_are_valid() {
        let check = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", HeaderValue::from_str(value).expect("a header"));
            traceparent(&headers)
        };
        let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let valid = format!("00-{trace}-{parent}-01");
        assert_eq!(check(&valid), Some(valid.clone()));
        assert_eq!(check(&format!("cc-{trace}-{parent}-01-more")), Some(valid.clone()));
        for wrong in [
            "",
            "00",
            "00-x-y-z",
            &format!("ff-{trace}-{parent}-01"),
            &format!("00-{}-{parent}-01", "0".repeat(32)),
            &format!("{valid}-x"),
            &valid.to_uppercase(),
        ] {
            assert_eq!(check(wrong), None, "{wrong}");
        }
    }
}
