//! One request to one model, and its answer.

use std::time::Duration;

use reqwest::{Client, Response};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::clock::Clock;
use super::failure::{Failed, Refusal};
use super::gateway::Target;
use super::gathering::{Gathering, Piece};
use super::limits;
use super::port::{ChatEvent, Finish};
use super::spending::Charge;
use super::sse::{EventReader, ServerEvent};
use super::wire::Prepared;
use crate::provider::{DraftError, ModelFailure};

/// How long more is waited for once a model has said that its answer is at an end: the count of tokens
/// may still come.
const AFTER_FINISH: Duration = Duration::from_secs(2);

/// What is handed to whoever reads a chat.
pub(super) type Item = Result<ChatEvent, DraftError>;

/// One request to one model.
pub(super) struct Exchange<'a> {
    pub(super) http: &'a Client,
    pub(super) clock: &'a Clock,
    pub(super) target: &'a Target,
    pub(super) prepared: &'a Prepared,
    pub(super) out: &'a mpsc::Sender<Item>,
}

impl Exchange<'_> {
    /// Sends the request and passes on what comes back. What was gathered is in `charge` afterwards;
    /// `seen` tells whether anything was passed on. Dropping the future closes the connection.
    pub(super) async fn run(&self, charge: &mut Charge, seen: &mut bool) -> Result<(), Failed> {
        let first_byte = Duration::from_millis(self.target.first_byte_ms);
        let began = tokio::time::Instant::now();
        let request = self
            .http
            .post(self.prepared.url.clone())
            .headers(self.prepared.headers.clone())
            .body(self.prepared.body.clone());
        let response = match timeout(first_byte, request.send()).await {
            Err(_) => return Err(Failed::silent(self.target.first_byte_ms)),
            Ok(Err(error)) => {
                charge.is_free = error.is_connect() || error.is_builder();
                return Err(Failed::unreachable(&error));
            }
            Ok(Ok(response)) => response,
        };
        if !response.status().is_success() {
            charge.is_free = true;
            return Err(self.refused(response).await);
        }
        let left = first_byte.saturating_sub(began.elapsed());
        match kind_of(&response) {
            Kind::Html => Err(Failed::unusable("an HTML page in the place of an answer")),
            Kind::Json => self.read_whole(response, charge, seen).await,
            Kind::Events => self.read_events(response, left, charge, seen).await,
        }?;
        judge(&mut charge.gathering)
    }

    async fn refused(&self, response: Response) -> Failed {
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        let mut response = response;
        let idle = Duration::from_millis(self.target.idle_ms);
        // An error whose body does not come is an error all the same.
        while body.len() < limits::ERROR_BYTES_MAX
            && let Ok(Ok(Some(bytes))) = timeout(idle, response.chunk()).await
        {
            let room = limits::ERROR_BYTES_MAX - body.len();
            body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        let now = (self.clock.now)();
        Refusal { status, headers: &headers, body: &body, key: self.target.key.as_ref(), now }.read()
    }

    /// The answer of a server that does not stream, or reports an error in an answer that says OK.
    async fn read_whole(&self, mut response: Response, charge: &mut Charge, seen: &mut bool) -> Result<(), Failed> {
        let mut body = Vec::new();
        loop {
            match self.next(&mut response, Duration::from_millis(self.target.idle_ms)).await? {
                None => break,
                Some(bytes) if body.len() + bytes.len() > limits::ANSWER_BYTES_MAX => return Err(too_long()),
                Some(bytes) => body.extend_from_slice(&bytes),
            }
        }
        let data = String::from_utf8(body).map_err(|_| Failed::unusable(super::sse::NotText.to_string()))?;
        self.take(&ServerEvent { name: String::new(), data }, charge, seen).await
    }

    async fn read_events(
        &self,
        mut response: Response,
        first_byte: Duration,
        charge: &mut Charge,
        seen: &mut bool,
    ) -> Result<(), Failed> {
        let mut reader = EventReader::default();
        let mut total = 0;
        let mut patience = first_byte;
        loop {
            let next = self.next(&mut response, patience).await;
            let finished = charge.gathering.finish.is_some();
            let bytes = match next {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break,
                // The answer was whole; only its formal end is missing.
                Err(_) if finished => return Ok(()),
                Err(failed) => return Err(failed),
            };
            total += bytes.len();
            if total > limits::ANSWER_BYTES_MAX {
                return Err(too_long());
            }
            let events = reader.push(&bytes).map_err(|error| Failed::unusable(error.to_string()))?;
            for event in events {
                self.take(&event, charge, seen).await?;
                if charge.gathering.done {
                    return Ok(());
                }
            }
            if charge.gathering.finish.is_none() && charge.gathering.goes_in_circles() {
                // Leaving closes the connection, and with it the model's work. What the vendor counted until then, if
                // anything, is not all of it.
                charge.gathering.finish = Some(Finish::Length);
                charge.gathering.output_tokens = None;
                return Ok(());
            }
            let idle = Duration::from_millis(self.target.idle_ms);
            patience = if charge.gathering.finish.is_some() { idle.min(AFTER_FINISH) } else { idle };
        }
        match reader.end().map_err(|error| Failed::unusable(error.to_string()))? {
            // An event that was cut in two is no fault of its author.
            Some(event) if serde_json::from_str::<serde::de::IgnoredAny>(&event.data).is_ok() => {
                self.take(&event, charge, seen).await
            }
            _ => Ok(()),
        }
    }

    /// The next bytes, after so much silence at most.
    async fn next(&self, response: &mut Response, patience: Duration) -> Result<Option<Vec<u8>>, Failed> {
        match timeout(patience, response.chunk()).await {
            Err(_) => Err(Failed::silent(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX))),
            Ok(Err(_)) => Err(Failed::for_now(ModelFailure::BrokenOff)),
            Ok(Ok(bytes)) => Ok(bytes.map(Vec::from)),
        }
    }

    /// Reads an event and passes on what can be shown.
    async fn take(&self, event: &ServerEvent, charge: &mut Charge, seen: &mut bool) -> Result<(), Failed> {
        let pieces = self.target.wire.read(event, &mut charge.gathering, self.target.key.as_ref())?;
        for piece in pieces {
            *seen = true;
            let event = match piece {
                Piece::Text(text) => ChatEvent::Text(text),
                Piece::Thought(text) => ChatEvent::Thought(text),
            };
            // Nobody reads any more: then this future is dropped before it goes on.
            let _ = self.out.send(Ok(event)).await;
        }
        Ok(())
    }
}

enum Kind {
    Events,
    Json,
    Html,
}

/// Servers that send events under another name than `text/event-stream` are read like the others.
fn kind_of(response: &Response) -> Kind {
    let declared = response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if declared.contains("html") {
        Kind::Html
    } else if declared.contains("application/json") {
        Kind::Json
    } else {
        Kind::Events
    }
}

fn too_long() -> Failed {
    Failed::unusable(format!("an answer of more than {} MiB", limits::ANSWER_BYTES_MAX / (1024 * 1024)))
}

/// Whether what was gathered is an answer.
fn judge(gathering: &mut Gathering) -> Result<(), Failed> {
    if !gathering.begun {
        return Err(Failed::unusable("something else than an answer of its protocol"));
    }
    if !gathering.refusal.is_empty() {
        gathering.finish = Some(Finish::Declined);
    }
    let says_nothing = gathering.text.is_empty() && !gathering.has_calls();
    match gathering.finish {
        None if gathering.done && !says_nothing => gathering.finish = Some(Finish::Stop),
        None if gathering.done => {}
        None => return Err(Failed::for_now(ModelFailure::BrokenOff)),
        Some(_) => {}
    }
    if gathering.has_calls() && gathering.finish == Some(Finish::Stop) {
        gathering.finish = Some(Finish::ToolCalls);
    }
    if says_nothing && matches!(gathering.finish, None | Some(Finish::Stop | Finish::ToolCalls)) {
        return Err(Failed::for_now(ModelFailure::Unusable { message: "an empty answer".to_owned() }));
    }
    Ok(())
}
