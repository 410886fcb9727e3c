//! JSON answers that may take long: clients exist that give up after 5 silent seconds, so blanks keep
//! them patient. JSON allows them before a value.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use futures::{StreamExt as _, stream};
use serde_json::Value;
use tokio_util::task::AbortOnDropHandle;

use super::problem;
use crate::app::AppError;

/// When to begin with blanks, and how often to send one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) after: Duration,
    pub(crate) every: Duration,
    /// What the caller asked for with `Prefer: wait=N`, when that is in force.
    pub(crate) wait_s: Option<u64>,
}

/// What a padded answer comes from.
pub(crate) type Work = BoxFuture<'static, Result<Value, AppError>>;

/// Answers when the work is done; when that takes long, sends the head and blanks until then. A failure
/// after that travels as the problem document in the body.
pub(crate) async fn respond(work: Work, patience: Patience, request_id: Arc<str>) -> Response {
    // A task of its own, so that a panic in it is an answer too; it ends when nobody waits any more.
    let mut work = AbortOnDropHandle::new(tokio::spawn(work));
    let mut response = tokio::select! {
        biased;
        outcome = &mut work => match settled(outcome) {
            Ok(value) => json(value.to_string().into()),
            Err(error) => error.into_response(),
        },
        () = tokio::time::sleep(patience.after) => json(Body::from_stream(padded(work, patience, request_id))),
    };
    if let Some(seconds) = patience.wait_s
        && let Ok(value) = HeaderValue::from_str(&format!("wait={seconds}"))
    {
        response.headers_mut().insert("preference-applied", value);
    }
    response
}

fn json(body: Body) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body)
        .into_response()
}

fn settled(outcome: Result<Result<Value, AppError>, tokio::task::JoinError>) -> Result<Value, AppError> {
    outcome.unwrap_or_else(|error| Err(AppError::Internal(error.to_string())))
}

fn padded(
    work: AbortOnDropHandle<Result<Value, AppError>>,
    patience: Patience,
    request_id: Arc<str>,
) -> impl futures::Stream<Item = Result<Bytes, std::convert::Infallible>> {
    let blank = stream::once(async { Bytes::from_static(b" ") });
    let rest = stream::unfold(Some((work, request_id)), move |state| async move {
        let (mut work, request_id) = state?;
        tokio::select! {
            biased;
            outcome = &mut work => {
                let text = match settled(outcome) {
                    Ok(value) => value.to_string(),
                    Err(error) => Value::Object(problem::document(&error, &request_id)).to_string(),
                };
                Some((Bytes::from(text), None))
            }
            () = tokio::time::sleep(patience.every) => Some((Bytes::from_static(b" "), Some((work, request_id)))),
        }
    });
    blank.chain(rest).map(Ok)
}
