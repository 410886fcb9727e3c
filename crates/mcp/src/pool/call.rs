//! One call: watched, bounded, stoppable.

use std::time::Duration;

use rmcp::RoleClient;
use rmcp::model::{CallToolRequest, CallToolRequestParams, ClientRequest, ServerResult};
use rmcp::service::{PeerRequestOptions, RequestHandle, ServiceError};
use serde_json::{Map, Value};
use tokio::sync::{broadcast, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::connection::{Line, Told, chain};
use crate::clean;
use crate::error::CallError;
use crate::limits::LINE_CHARS_MAX;
use crate::result::ToolResult;

/// What a call is told to do.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    pub server: String,
    pub tool: String,
    pub arguments: Map<String, Value>,
}

/// How a call goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct CallProgress {
    pub progress: f64,
    pub total: Option<f64>,
    pub message: Option<String>,
}

/// Who follows a call.
#[derive(Clone, Debug, Default)]
pub struct CallFollow {
    /// Gets progress; what comes while it is full is dropped.
    pub progress: Option<mpsc::Sender<CallProgress>>,
    /// Stops the call: the server is told, and no result is waited for.
    pub stop: CancellationToken,
}

/// How long a call may take.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) silent: Duration,
    pub(super) total: Duration,
}

/// A request that is taken back when its caller goes away.
struct Pending(Option<RequestHandle<RoleClient>>);

impl Pending {
    async fn cancel(&mut self, reason: &str) {
        if let Some(handle) = self.0.take() {
            // The server may be the very reason for giving up: telling it is bounded.
            let _ = tokio::time::timeout(Duration::from_secs(1), handle.cancel(Some(reason.to_owned()))).await;
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let (Some(handle), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(handle.cancel(Some("the caller went away".to_owned())));
        }
    }
}

/// Carries out a call over a connection.
pub(super) async fn carry_out(
    line: &Line,
    call: ToolCall,
    bounds: Bounds,
    follow: &CallFollow,
) -> Result<ToolResult, CallError> {
    let name = format!("{}/{}", call.server, call.tool);
    let params = CallToolRequestParams::new(call.tool.clone()).with_arguments(call.arguments);
    let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
    // Before the request goes out, or the first progress could be missed.
    let mut told = line.progress.subscribe();
    let sent = line.peer.send_cancellable_request(request, PeerRequestOptions::no_options()).await;
    let handle = sent.map_err(|error| failure(line, &call.server, &name, error))?;
    let token = handle.progress_token.clone();
    let mut pending = Pending(Some(handle));
    let end = Instant::now() + bounds.total;
    let mut silent_until = Instant::now() + bounds.silent;
    let mut last = f64::NEG_INFINITY;
    loop {
        let Some(handle) = pending.0.as_mut() else { return Err(CallError::Stopped) };
        tokio::select! {
            biased;
            answer = &mut handle.rx => {
                pending.0 = None;
                let answer = answer.unwrap_or(Err(ServiceError::TransportClosed));
                return read(answer, line, &call.server, &name);
            }
            () = follow.stop.cancelled() => {
                pending.cancel("the step was stopped").await;
                return Err(CallError::Stopped);
            }
            news = told.recv() => match news {
                Ok(news) if news.token == token && news.progress > last => {
                    last = news.progress;
                    silent_until = Instant::now() + bounds.silent;
                    pass_on(follow, news);
                }
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => {
                    return Err(failure(line, &call.server, &name, ServiceError::TransportClosed));
                }
            },
            () = tokio::time::sleep_until(silent_until.min(end)) => {
                pending.cancel("the call took too long").await;
                line.suspect.notify_one();
                return Err(if end <= silent_until {
                    CallError::TooLong { tool: name, limit: bounds.total }
                } else {
                    CallError::Silent { tool: name, limit: bounds.silent }
                });
            }
        }
    }
}

fn pass_on(follow: &CallFollow, news: Told) {
    if let Some(tx) = &follow.progress {
        let progress = CallProgress { progress: news.progress, total: news.total, message: news.message };
        let _ = tx.try_send(progress);
    }
}

fn read(
    answer: Result<ServerResult, ServiceError>,
    line: &Line,
    server: &str,
    name: &str,
) -> Result<ToolResult, CallError> {
    let not_supported = |wish| Err(CallError::NotSupported { tool: name.to_owned(), wish });
    match answer {
        Ok(ServerResult::CallToolResult(result)) => Ok(ToolResult::read(result)),
        Ok(ServerResult::InputRequiredResult(_)) => not_supported("asks a person for more"),
        Ok(ServerResult::CreateTaskResult(_)) => not_supported("wants to go on as a task of its server"),
        Ok(_) => Err(CallError::Refused {
            tool: name.to_owned(),
            message: "its server answered with something that is no result of a tool".to_owned(),
        }),
        Err(error) => Err(failure(line, server, name, error)),
    }
}

/// Tells a refusal from a server that is gone; in the second case the server's keeper looks after it.
fn failure(line: &Line, server: &str, name: &str, error: ServiceError) -> CallError {
    if let ServiceError::McpError(refusal) = error {
        return CallError::Refused { tool: name.to_owned(), message: clean::line(&refusal.message, LINE_CHARS_MAX) };
    }
    line.suspect.notify_one();
    let said = clean::line(&chain(&error), LINE_CHARS_MAX);
    let reason = match line.words.get() {
        Some(words) => format!("{said}; {words}"),
        None => said,
    };
    CallError::Gone { server: server.to_owned(), reason }
}
