//! Requests over HTTP, made by the server itself: to the host that was asked for and to no other,
//! never to addresses that hand out credentials.

mod address;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use partita_core::run::record::OutputStream;
use partita_core::task::{HttpTask, Outcome, OutcomeResult};
use reqwest::header::{AUTHORIZATION, COOKIE, LOCATION};
use reqwest::{Client, Method, Response, StatusCode, Url};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::output::{Limits, Sink};
use crate::runner::{Attempt, OutputPiece};
use crate::secrets::{NoSuchSecret, Revealer};
use address::{Guard, SafeResolver};

/// How long a request may take when its step says nothing. Long enough for slow services, short enough
/// that nothing hangs for ever.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Redirects that are followed at most.
const REDIRECTS_MAX: usize = 5;

/// Makes requests.
pub(crate) struct HttpClient {
    guard: Guard,
    /// Made with the first request: reading the system's certificates takes a while.
    client: OnceLock<Result<Client, String>>,
}

/// Why a request did not lead to an answer.
#[derive(Debug, thiserror::Error)]
enum RequestError {
    #[error(transparent)]
    NoSuchSecret(#[from] NoSuchSecret),
    #[error("`{url}` is no address of a web service: {problem}")]
    Url { url: String, problem: String },
    #[error("`{method}` is no method of HTTP")]
    Method { method: String },
    #[error("the header `{name}` is malformed")]
    Header { name: String },
    #[error("{0}")]
    Blocked(String),
    #[error("the answer leads on to another host, `{host}`: add it to `redirect_hosts` if that is meant")]
    OtherHost { host: String },
    #[error("more than {REDIRECTS_MAX} redirects")]
    TooManyRedirects,
    #[error("no answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    #[error("{0}")]
    Failed(String),
}

/// A request with its secrets in place.
struct Request {
    method: Method,
    url: Url,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl HttpClient {
    /// A client that has not made a request yet.
    pub(crate) fn new(block_private: bool) -> Self {
        Self { guard: Guard { block_private }, client: OnceLock::new() }
    }

    /// Carries out the request of an attempt.
    pub(crate) async fn carry_out(
        &self,
        attempt: &Attempt,
        task: &HttpTask,
        mut revealer: Revealer<'_>,
        (output, stop): (mpsc::Sender<OutputPiece>, CancellationToken),
    ) -> Outcome {
        let request = prepare(task, &mut revealer);
        let patterns = revealer.patterns();
        let not_started =
            |error: RequestError| Outcome::of(OutcomeResult::NotStarted { error: patterns.mask(&error.to_string()) });
        let request = match request {
            Ok(request) => request,
            Err(error) => return not_started(error),
        };
        let limits =
            Limits { output_bytes_max: attempt.task.output_bytes_max, log_bytes_max: attempt.task.log_bytes_max };
        let mut sink = Sink::new(output, limits, patterns.clone());
        let timeout = task.timeout_ms.map_or(TIMEOUT_DEFAULT, Duration::from_millis);
        let exchange = async {
            let response = self.send(request, &task.redirect_hosts).await?;
            let status = response.status();
            read(response, &mut sink).await?;
            Ok(status)
        };
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            ended = tokio::time::timeout(timeout, exchange) => Some(ended.unwrap_or(Err(RequestError::TimedOut(timeout)))),
        };
        sink.finish();
        sink.send_all().await;
        let (output, output_truncated) = sink.take_output();
        let (result, exit_code) = match ended {
            None => (OutcomeResult::Stopped, None),
            Some(Ok(status)) => (judge(status, &task.expect_status), Some(i32::from(status.as_u16()))),
            Some(Err(RequestError::TimedOut(limit))) => {
                (OutcomeResult::TimedOut { error: RequestError::TimedOut(limit).to_string() }, None)
            }
            Some(Err(error)) => (OutcomeResult::Failed { error: patterns.mask(&error.to_string()) }, None),
        };
        Outcome { result, exit_code, output, output_truncated }
    }

    fn client(&self) -> Result<&Client, RequestError> {
        let made = self.client.get_or_init(|| {
            // A second installation is refused, and the first one stays.
            let _ = rustls::crypto::ring::default_provider().install_default();
            Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(CONNECT_TIMEOUT)
                .dns_resolver(Arc::new(SafeResolver { guard: self.guard }))
                .no_proxy()
                .user_agent(concat!("partita/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|error| format!("the client for HTTP can't be made: {error}"))
        });
        made.as_ref().map_err(|error| RequestError::Failed(error.clone()))
    }

    /// Sends a request and follows redirects that stay with the host, or lead to one that is allowed.
    async fn send(&self, mut request: Request, redirect_hosts: &[String]) -> Result<Response, RequestError> {
        let asked = request.url.host_str().unwrap_or_default().to_owned();
        for _ in 0..=REDIRECTS_MAX {
            self.guard.check_url(&request.url).map_err(RequestError::Blocked)?;
            let mut builder = self.client()?.request(request.method.clone(), request.url.clone());
            for (name, value) in &request.headers {
                builder = builder.header(name, value);
            }
            if let Some(body) = &request.body {
                builder = builder.body(body.clone());
            }
            let response = builder.send().await.map_err(|error| RequestError::Failed(explain(&error)))?;
            let Some(next) = redirect_of(&response, &request.url) else { return Ok(response) };
            let host = next.host_str().unwrap_or_default().to_owned();
            if host != asked {
                if !redirect_hosts.contains(&host) {
                    return Err(RequestError::OtherHost { host });
                }
                let secret =
                    |name: &str| [AUTHORIZATION.as_str(), COOKIE.as_str()].contains(&name.to_lowercase().as_str());
                request.headers.retain(|(name, _)| !secret(name));
            }
            let keeps = matches!(response.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
            if !keeps && request.method != Method::HEAD {
                (request.method, request.body) = (Method::GET, None);
            }
            request.url = next;
        }
        Err(RequestError::TooManyRedirects)
    }
}

fn prepare(task: &HttpTask, revealer: &mut Revealer<'_>) -> Result<Request, RequestError> {
    let text = revealer.text(&task.url)?;
    let problem = |problem: &str| RequestError::Url { url: text.clone(), problem: problem.to_owned() };
    let url = Url::parse(&text).map_err(|error| problem(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(problem("it must begin with http:// or https://"));
    }
    let method = Method::from_bytes(task.method.to_uppercase().as_bytes())
        .map_err(|_| RequestError::Method { method: task.method.clone() })?;
    let mut headers = Vec::new();
    for (name, value) in &task.headers {
        let value = revealer.text(value)?;
        let well_formed = reqwest::header::HeaderName::from_bytes(name.as_bytes()).is_ok()
            && reqwest::header::HeaderValue::from_str(&value).is_ok();
        if !well_formed {
            return Err(RequestError::Header { name: name.clone() });
        }
        headers.push((name.clone(), value));
    }
    let body = revealer.optional(task.body.as_ref())?;
    Ok(Request { method, url, headers, body })
}

/// Where an answer leads on to.
fn redirect_of(response: &Response, from: &Url) -> Option<Url> {
    let redirects = [301, 302, 303, 307, 308].contains(&response.status().as_u16());
    let location = response.headers().get(LOCATION).filter(|_| redirects)?.to_str().ok()?;
    from.join(location).ok()
}

/// Reads an answer piece by piece: what is beyond the limits is read and dropped.
async fn read(mut response: Response, sink: &mut Sink) -> Result<(), RequestError> {
    let failed = |error: reqwest::Error| RequestError::Failed(explain(&error));
    while let Some(bytes) = response.chunk().await.map_err(failed)? {
        sink.push(OutputStream::Stdout, &bytes);
        sink.send_ready().await;
    }
    Ok(())
}

/// Whether the status is what was expected.
fn judge(status: StatusCode, expected: &[u16]) -> OutcomeResult {
    let fine = if expected.is_empty() { status.is_success() } else { expected.contains(&status.as_u16()) };
    if fine {
        return OutcomeResult::Success;
    }
    let wanted = if expected.is_empty() {
        "any 2xx".to_owned()
    } else {
        expected.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    OutcomeResult::Failed { error: format!("the answer is {status}, expected {wanted}") }
}

/// The innermost cause says most.
fn explain(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let host = error.url().and_then(Url::host_str).unwrap_or_default();
    let what = if error.is_connect() { "can't be reached" } else { "does not answer as it should" };
    format!("{host} {what}: {innermost}")
}
