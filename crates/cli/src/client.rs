//! Talks to the API: over the network, or to the same router inside this process. There is one code
//! path for both; the command line uses nothing but what every client can use.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, header};
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::sse::{Parser, ServerEvent};

/// How long the server may take for an answer that is not a stream: `Prefer: wait` asks for it.
const ANSWER_WAIT_S: u32 = 600;
/// How often a cut stream is taken up again before giving up, a second apart.
const RECONNECTS_MAX: u32 = 10;
/// A stream sends something every 2 seconds; one that is silent this long is dead.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// A connection to the API.
#[derive(Clone)]
pub(crate) struct Client {
    transport: Transport,
    key: String,
    /// Sent with the next request that starts work.
    idempotency_key: Option<String>,
}

#[derive(Clone)]
enum Transport {
    Remote { base: String, http: reqwest::Client },
    Embedded(axum::Router),
}

/// An answer before its body is read.
struct Answer {
    status: u16,
    body: BoxStream<'static, Result<Vec<u8>, String>>,
}

impl Client {
    /// A client of a server elsewhere.
    pub(crate) fn remote(base: &str, key: String) -> Result<Self, CliError> {
        let valid = base.starts_with("http://") || base.starts_with("https://");
        if !valid {
            return Err(CliError::new(ExitCode::Usage, format!("`{base}` is not the URL of a server"))
                .hint("Write it like http://localhost:8001."));
        }
        // Fails only when there is a provider already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .build()
            .map_err(|error| CliError::new(ExitCode::Internal, error.to_string()))?;
        Ok(Self {
            transport: Transport::Remote { base: base.trim_end_matches('/').to_owned(), http },
            key,
            idempotency_key: None,
        })
    }

    /// A client of the router in this process.
    pub(crate) fn embedded(router: axum::Router, key: String) -> Self {
        Self { transport: Transport::Embedded(router), key, idempotency_key: None }
    }

    /// The same connection, whose POST requests carry an idempotency key.
    pub(crate) fn with_idempotency_key(&self, idempotency_key: Option<String>) -> Self {
        Self { idempotency_key, ..self.clone() }
    }

    /// Whether the other side is this very process.
    pub(crate) fn is_embedded(&self) -> bool {
        matches!(self.transport, Transport::Embedded(_))
    }

    /// Sends a request and reads a JSON answer.
    pub(crate) async fn json(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, CliError> {
        let answer = self.send(method, path, body, "application/json").await?;
        let status = answer.status;
        let bytes = read_all(answer).await?;
        if bytes.iter().all(u8::is_ascii_whitespace) && (200..300).contains(&status) {
            return Ok(Value::Null);
        }
        let value: Value = serde_json::from_slice(&bytes).map_err(|_| {
            let text: String = String::from_utf8_lossy(&bytes).chars().take(200).collect();
            CliError::new(ExitCode::Connection, format!("the answer ({status}) is not JSON: {text}"))
                .hint("Is this the URL of a Partita server?")
        })?;
        // An answer that took long has its true status in the body.
        let late_problem = value["status"].as_u64().is_some_and(|status| status >= 400) && value["code"].is_string();
        if status >= 400 || late_problem { Err(CliError::from_problem(value)) } else { Ok(value) }
    }

    /// Sends a GET request and reads a JSON answer.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, CliError> {
        self.json(Method::GET, path, None).await
    }

    /// Sends a POST request with a JSON body and reads a JSON answer.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        self.json(Method::POST, path, Some(body)).await
    }

    /// Sends a request whose answer is a stream of a run's events. A cut stream is taken up again
    /// where it was cut, so each event comes once.
    pub(crate) async fn events(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<BoxStream<'static, Result<ServerEvent, CliError>>, CliError> {
        let first = self.open_stream(method, path, body).await?;
        let state =
            Following { client: self.clone(), stream: first, run_id: None, seq: 0, reconnects: 0, ended: false };
        Ok(futures::stream::unfold(state, |mut state| async move {
            let event = state.next().await?;
            Some((event, state))
        })
        .boxed())
    }

    async fn open_stream(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<BoxStream<'static, Result<ServerEvent, String>>, CliError> {
        let answer = self.send(method, path, body, "text/event-stream").await?;
        if answer.status == 204 {
            return Ok(futures::stream::empty().boxed());
        }
        if answer.status >= 400 {
            let bytes = read_all(answer).await?;
            let problem = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
            return Err(CliError::from_problem(problem));
        }
        let parsed = answer.body.scan(Parser::default(), |parser, bytes| {
            let events: Vec<Result<ServerEvent, String>> = match bytes {
                Ok(bytes) => parser.push(&bytes).into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            };
            futures::future::ready(Some(futures::stream::iter(events)))
        });
        Ok(parsed.flatten().boxed())
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>, accept: &str) -> Result<Answer, CliError> {
        let body = body.map(Value::to_string);
        let idempotency_key = self.idempotency_key.as_ref().filter(|_| method == Method::POST);
        match &self.transport {
            Transport::Remote { base, http } => {
                let mut request = http.request(method, format!("{base}{path}")).header(header::ACCEPT, accept);
                request = request.bearer_auth(&self.key).header("prefer", format!("wait={ANSWER_WAIT_S}"));
                if let Some(key) = idempotency_key {
                    request = request.header("idempotency-key", key);
                }
                if let Some(body) = body {
                    request = request.header(header::CONTENT_TYPE, "application/json").body(body);
                }
                let answer = request.send().await.map_err(|error| unreachable_server(base, &error))?;
                let status = answer.status().as_u16();
                let body = answer.bytes_stream().map_ok(|bytes| bytes.to_vec()).map_err(|error| error.to_string());
                Ok(Answer { status, body: body.boxed() })
            }
            Transport::Embedded(router) => {
                let mut request = Request::builder().method(method).uri(path).header(header::ACCEPT, accept);
                request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.key));
                request = request.header("prefer", format!("wait={ANSWER_WAIT_S}"));
                if let Some(key) = idempotency_key {
                    request = request.header("idempotency-key", key);
                }
                let body = match body {
                    Some(body) => {
                        request = request.header(header::CONTENT_TYPE, "application/json");
                        Body::from(body)
                    }
                    None => Body::empty(),
                };
                let request =
                    request.body(body).map_err(|error| CliError::new(ExitCode::Usage, format!("`{path}`: {error}")))?;
                let Ok(answer) = router.clone().oneshot(request).await;
                let status = answer.status().as_u16();
                let body = answer.into_body().into_data_stream();
                let body = body.map_ok(|bytes| bytes.to_vec()).map_err(|error| error.to_string());
                Ok(Answer { status, body: body.boxed() })
            }
        }
    }
}

/// A run's stream that goes on over cuts.
struct Following {
    client: Client,
    stream: BoxStream<'static, Result<ServerEvent, String>>,
    run_id: Option<String>,
    seq: u64,
    reconnects: u32,
    ended: bool,
}

impl Following {
    async fn next(&mut self) -> Option<Result<ServerEvent, CliError>> {
        loop {
            if self.ended {
                return None;
            }
            let cut = match tokio::time::timeout(SILENCE_MAX, self.stream.next()).await {
                Ok(Some(Ok(event))) => return self.take(event),
                Ok(Some(Err(error))) => error,
                Ok(None) => "the stream ended before the run did".to_owned(),
                Err(_) => "the server is silent".to_owned(),
            };
            if let Err(error) = self.reconnect(cut).await {
                self.ended = true;
                return Some(Err(error));
            }
        }
    }

    fn take(&mut self, event: ServerEvent) -> Option<Result<ServerEvent, CliError>> {
        self.reconnects = 0;
        if let Some(seq) = event.seq {
            if seq <= self.seq {
                return Some(Err(CliError::new(ExitCode::Internal, format!("event {seq} came twice"))));
            }
            self.seq = seq;
        }
        if let Some(run_id) = event.data["run_id"].as_str() {
            self.run_id = Some(run_id.to_owned());
        }
        self.ended = event.name == "execution_complete" || (event.name == "error" && event.seq.is_none());
        Some(Ok(event))
    }

    /// Takes the stream up again where it was cut.
    async fn reconnect(&mut self, mut cut: String) -> Result<(), CliError> {
        let Some(run_id) = self.run_id.clone() else {
            return Err(CliError::new(
                ExitCode::Connection,
                format!("the connection was lost before the run began: {cut}"),
            ));
        };
        let path = format!("/executions/{run_id}/events?starting_after={}", self.seq);
        while self.reconnects < RECONNECTS_MAX {
            if self.reconnects > 0 {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            self.reconnects += 1;
            match self.client.open_stream(Method::GET, &path, None).await {
                Ok(stream) => {
                    self.stream = stream;
                    return Ok(());
                }
                Err(error) if error.problem.is_some() => return Err(error),
                Err(error) => cut = error.message,
            }
        }
        Err(CliError::new(ExitCode::Connection, format!("the stream of {run_id} was cut: {cut}"))
            .hint(format!("The run goes on without us: partita runs events {run_id} --after {}", self.seq)))
    }
}

async fn read_all(answer: Answer) -> Result<Vec<u8>, CliError> {
    let parts: Vec<Vec<u8>> = answer
        .body
        .try_collect()
        .await
        .map_err(|error| CliError::new(ExitCode::Connection, format!("the answer was cut: {error}")))?;
    Ok(parts.concat())
}

fn unreachable_server(base: &str, error: &reqwest::Error) -> CliError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    CliError::new(ExitCode::Connection, format!("can't reach the server at {base}: {cause}"))
        .hint("Is it running? Start one with: partita serve")
}
