//! Just enough of a client: requests with the key, and event streams read line by line.

use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use crate::BenchError;
use crate::server::KEY;

/// Talks to one server.
#[derive(Clone, Debug)]
pub struct Client {
    base: String,
    http: reqwest::Client,
}

/// One event of a stream.
#[derive(Clone, Debug)]
pub struct Event {
    pub seq: Option<u64>,
    pub data: Value,
}

impl Event {
    /// The event's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.data["event"].as_str().unwrap_or_default()
    }
}

impl Client {
    /// A client of the server on a port of this machine.
    ///
    /// # Errors
    ///
    /// When the HTTP client can't be made.
    pub fn new(port: u16) -> Result<Self, BenchError> {
        // Fails only when a provider is set already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().connect_timeout(Duration::from_secs(5)).build()?;
        Ok(Self { base: format!("http://127.0.0.1:{port}"), http })
    }

    /// Whether the server says that it is ready.
    pub async fn is_ready(&self) -> bool {
        let answer = self.http.get(format!("{}/ready", self.base)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Posts JSON and reads a JSON answer, whatever its status.
    ///
    /// # Errors
    ///
    /// When there is no answer, or it is not JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Result<(u16, Value), BenchError> {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(KEY).header("prefer", "wait=600");
        let answer = request.header("content-type", "application/json").body(body.to_string()).send().await?;
        let status = answer.status().as_u16();
        Ok((status, serde_json::from_slice(&answer.bytes().await?)?))
    }

    /// Gets a JSON answer, whatever its status.
    ///
    /// # Errors
    ///
    /// When there is no answer, or it is not JSON.
    pub async fn get(&self, path: &str) -> Result<(u16, Value), BenchError> {
        let answer = self.http.get(format!("{}{path}", self.base)).bearer_auth(KEY).send().await?;
        let status = answer.status().as_u16();
        Ok((status, serde_json::from_slice(&answer.bytes().await?)?))
    }

    /// Runs a workflow to its end and gives the answer.
    ///
    /// # Errors
    ///
    /// When the server does not take it.
    pub async fn execute(&self, workflow: &Value) -> Result<Value, BenchError> {
        let (status, answer) =
            self.post("/execute", &json!({"workflow": workflow, "options": {"stream": false}})).await?;
        if status == 200 {
            Ok(answer)
        } else {
            Err(BenchError::broken(format!("/execute answered {status}: {answer}")))
        }
    }

    /// Begins a run and gives its stream.
    ///
    /// # Errors
    ///
    /// When the server can't be reached or refuses.
    pub async fn execute_stream(&self, request: &Value) -> Result<EventStream, BenchError> {
        self.open("/execute", request).await
    }

    /// Posts JSON and gives the stream that it is answered with.
    ///
    /// # Errors
    ///
    /// When the server can't be reached or refuses.
    pub async fn open(&self, path: &str, request: &Value) -> Result<EventStream, BenchError> {
        let mut request = request.clone();
        request["options"]["stream"] = Value::Bool(true);
        let sent =
            self.http.post(format!("{}{path}", self.base)).bearer_auth(KEY).header("content-type", "application/json");
        let answer = sent.body(request.to_string()).send().await?;
        match answer.status().as_u16() {
            200 => Ok(EventStream::new(answer)),
            status => Err(BenchError::broken(format!("{path} answered {status}: {}", answer.text().await?))),
        }
    }

    /// Opens the stream of a run after an event. `None` when there is nothing more.
    ///
    /// # Errors
    ///
    /// When the server can't be reached or refuses.
    pub async fn follow(&self, run_id: &str, after: u64) -> Result<Option<EventStream>, BenchError> {
        let request = self.http.get(format!("{}/executions/{run_id}/events", self.base)).bearer_auth(KEY);
        let answer = request.header("last-event-id", after.to_string()).send().await?;
        match answer.status().as_u16() {
            200 => Ok(Some(EventStream::new(answer))),
            204 => Ok(None),
            status => {
                Err(BenchError::broken(format!("the events of {run_id} answered {status}: {}", answer.text().await?)))
            }
        }
    }
}

/// A stream of events.
pub struct EventStream {
    answer: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    buffer: Vec<u8>,
    seq: Option<u64>,
}

impl EventStream {
    fn new(answer: reqwest::Response) -> Self {
        Self { answer: answer.bytes_stream().map_ok(|part| part.to_vec()).boxed(), buffer: Vec::new(), seq: None }
    }

    /// The next event; `None` when the stream ended or was cut.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line);
                if let Some(seq) = line.strip_prefix("id: ") {
                    self.seq = seq.trim().parse().ok();
                } else if let Some(data) = line.strip_prefix("data: ") {
                    let data = serde_json::from_str(data).unwrap_or(Value::Null);
                    return Some(Event { seq: self.seq.take(), data });
                }
            }
            let part = self.answer.next().await?.ok()?;
            self.buffer.extend_from_slice(&part);
        }
    }
}
