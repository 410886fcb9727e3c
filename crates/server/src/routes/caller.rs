//! Who sends a request: an extractor, so that a handler that takes a [`Caller`] can't forget to ask.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::edge::Exchange;
use crate::App;
use crate::app::{AppError, Principal};
use crate::auth;
use crate::wire::padding::Patience;

/// A caller whose key was good and whose request was counted.
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    pub(crate) request_id: Arc<str>,
    pub(crate) traceparent: Option<String>,
    /// How long a JSON answer may take before it is padded.
    pub(crate) patience: Patience,
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, AppError> {
        let exchange = parts.extensions.get::<Exchange>().cloned();
        let exchange = exchange.ok_or_else(|| AppError::Internal("the request did not pass the edge".to_owned()))?;
        let principal = auth::authenticate(app, &parts.headers, address(parts)).await?;
        match app.request_limit.count(&principal.id) {
            Ok(allowance) => {
                let _ = exchange.allowance.set(allowance);
            }
            Err((allowance, error)) => {
                let _ = exchange.allowance.set(allowance);
                return Err(error);
            }
        }
        let patience = patience(app, &parts.headers);
        Ok(Self { principal, request_id: exchange.request_id, traceparent: exchange.traceparent, patience })
    }
}

/// Where the request comes from; `None` inside the process.
fn address(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip().to_canonical())
}

/// `Prefer: wait=N` asks for a true status, for N seconds.
fn patience(app: &App, headers: &HeaderMap) -> Patience {
    let options = &app.parts.options;
    let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let wait = preferences
        .flat_map(|value| value.split([',', ';']))
        .filter_map(|preference| preference.trim().split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))
        .and_then(|(_, seconds)| seconds.trim().trim_matches('"').parse::<u64>().ok())
        .map(|seconds| seconds.min(options.wait_max.as_secs()));
    Patience {
        after: wait.map_or(options.padding_after, Duration::from_secs),
        every: options.padding_every,
        wait_s: wait,
    }
}
