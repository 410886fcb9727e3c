//! Talking to a scripted server through the gateway, and what comes of it on one line.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use partita_provider::model::{
    ApiKey, ChatAnswer, ChatEvent, ChatRequest, Clock, Gateway, GatewayConfig, Message, Model, ModelConfig, Vendor,
};
use partita_provider::{Call, DraftError, Progress, ProgressEvent};
use tokio::sync::mpsc;

use crate::server::Server;

pub(crate) const KEY: &str = "sk-very-secret";

/// A clock that stands still, rolls no dice, and notes how long it should have waited.
pub(crate) fn clock() -> (Clock, Arc<Mutex<Vec<Duration>>>) {
    let waits = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&waits);
    let mut clock = Clock::new(Arc::new(|| 784_111_777_000), Arc::new(|| u64::MAX));
    clock.sleep = Arc::new(move |wait| {
        noted.lock().unwrap().push(wait);
        async {}.boxed()
    });
    (clock, waits)
}

/// A model at a server.
pub(crate) fn model(name: &str, vendor: Vendor, server: &Server) -> ModelConfig {
    ModelConfig {
        url: Some(format!("{}/v1", server.url)),
        api_key: Some(ApiKey::new(KEY)),
        ..ModelConfig::new(name, vendor)
    }
}

/// What one chat brought.
pub(crate) struct Talk {
    pub(crate) pieces: Vec<String>,
    pub(crate) ended: Result<ChatAnswer, DraftError>,
    pub(crate) waits: Vec<Duration>,
    /// Codes and texts.
    pub(crate) warnings: Vec<(String, String)>,
}

pub(crate) fn gateway(models: Vec<ModelConfig>) -> (Gateway, Arc<Mutex<Vec<Duration>>>) {
    let (clock, waits) = clock();
    let gateway = Gateway::new(&GatewayConfig { models }, &|_| None, &clock).unwrap();
    (gateway, waits)
}

/// Asks the first model and waits for the end.
pub(crate) async fn talk(models: Vec<ModelConfig>, request: ChatRequest, call: Call) -> Talk {
    let (gateway, waits) = gateway(models);
    let model = gateway.model(&gateway.names()[0]).unwrap();
    talk_to(&*model, &waits, request, call).await
}

/// Asks a model of a gateway whose waits are noted, and waits for the end.
pub(crate) async fn talk_to(
    model: &dyn Model,
    waits: &Mutex<Vec<Duration>>,
    request: ChatRequest,
    mut call: Call,
) -> Talk {
    let (tx, mut progress) = mpsc::channel(64);
    call.progress = Progress::to(tx);
    let (pieces, ended) = hear(model, request, &call).await;
    drop(call);
    let mut warnings = Vec::new();
    while let Some(event) = progress.recv().await {
        if let ProgressEvent::Warning { code, message } = event {
            warnings.push((code.to_owned(), message));
        }
    }
    let waits = std::mem::take(&mut *waits.lock().unwrap());
    Talk { pieces, ended, waits, warnings }
}

/// Everything that a chat says.
pub(crate) async fn hear(
    model: &dyn Model,
    request: ChatRequest,
    call: &Call,
) -> (Vec<String>, Result<ChatAnswer, DraftError>) {
    let mut pieces = Vec::new();
    let mut stream = model.chat(request, call);
    let mut ended = None;
    while let Some(event) = stream.next().await {
        assert!(ended.is_none(), "nothing comes after the end");
        match event {
            Ok(ChatEvent::Text(text)) => pieces.push(text),
            Ok(ChatEvent::Thought(text)) => pieces.push(format!("({text})")),
            Ok(ChatEvent::End(answer)) => ended = Some(Ok(answer)),
            Err(error) => ended = Some(Err(error)),
        }
    }
    (pieces, ended.unwrap())
}

/// A question.
pub(crate) fn question() -> ChatRequest {
    let messages = vec![Message::System("Be brief.".into()), Message::User("Say hello.".into())];
    ChatRequest { messages, ..ChatRequest::default() }
}

impl Talk {
    /// All of it, on a line or two.
    pub(crate) fn summary(&self) -> String {
        let mut text = match &self.ended {
            Ok(answer) => {
                let calls: Vec<String> =
                    answer.calls.iter().map(|call| format!(" {}#{}{}", call.name, call.id, call.arguments)).collect();
                let shown = if answer.text.len() > 60 {
                    format!("{} bytes", answer.text.len())
                } else {
                    format!("{:?}", answer.text)
                };
                let estimated = if answer.usage_estimated { " estimated" } else { "" };
                let (input, output) = (answer.usage.input_tokens, answer.usage.output_tokens);
                format!("{shown}{} {:?} {input}+{output} tokens{estimated}", calls.concat(), answer.finish)
            }
            Err(error) => format!("error: {:.160}", error.to_string()),
        };
        if self.ended.is_err() && !self.pieces.is_empty() {
            text += &format!("; after {:?}", self.pieces.concat().chars().take(20).collect::<String>());
        }
        if !self.waits.is_empty() {
            text += &format!("; waited {:?}", self.waits);
        }
        text
    }
}
