//! A model that follows a script and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use futures::stream::{self, BoxStream, StreamExt as _};
use partita_core::tool::Catalogue;
use partita_core::workflow::{PlanRequest, Planned, Purpose, Workflow, plan};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::adk::llm::locked;
use crate::adk::{AdkConfig, AdkProvider, Models};
use crate::call::{Call, Progress, ProgressEvent};
use crate::model::{ChatAnswer, ChatEvent, ChatRequest, Finish, Message, Model, ToolCall};
use crate::provider::DraftError;
use crate::usage::Usage;

type Script = Vec<Result<ChatEvent, DraftError>>;

#[derive(Default)]
pub(super) struct Scripted {
    answers: Mutex<VecDeque<Script>>,
    pub(super) seen: Mutex<Vec<ChatRequest>>,
    /// Whether an answer was dropped before its end.
    pub(super) was_dropped: Arc<AtomicBool>,
}

impl Scripted {
    pub(super) fn new(answers: Vec<Script>) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers.into()), ..Self::default() })
    }

    /// Everything that it was sent, as one text.
    pub(super) fn everything(&self) -> String {
        format!("{:?}", locked(&self.seen))
    }

    pub(super) fn request(&self, index: usize) -> ChatRequest {
        locked(&self.seen)[index].clone()
    }
}

/// Sets a flag when an answer that never ends is dropped.
struct Flag(Arc<AtomicBool>);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Model for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn chat(&self, request: ChatRequest, call: &Call) -> BoxStream<'static, Result<ChatEvent, DraftError>> {
        locked(&self.seen).push(request);
        call.meter.charge(Usage { calls: 1, input_tokens: 10, output_tokens: 5, cost_usd: 0.0 });
        match locked(&self.answers).pop_front() {
            Some(script) => stream::iter(script).boxed(),
            None => {
                let flag = Flag(Arc::clone(&self.was_dropped));
                stream::once(async move {
                    let _flag = flag;
                    futures::future::pending::<Result<ChatEvent, DraftError>>().await
                })
                .boxed()
            }
        }
    }
}

pub(super) struct Only(pub(super) Arc<Scripted>);

impl Models for Only {
    fn model(&self, name: &str) -> Option<Arc<dyn Model>> {
        (name == "scripted").then(|| Arc::clone(&self.0) as Arc<dyn Model>)
    }

    fn names(&self) -> Vec<String> {
        vec!["scripted".to_owned()]
    }
}

pub(super) fn provider(model: &Arc<Scripted>) -> AdkProvider {
    AdkProvider::new(AdkConfig::default(), Arc::new(Only(Arc::clone(model)))).unwrap()
}

fn answer(text: &str, calls: Vec<ToolCall>, finish: Finish) -> ChatAnswer {
    let usage = Usage::default();
    ChatAnswer { text: text.to_owned(), calls, finish, usage, usage_estimated: false, model: "scripted".to_owned() }
}

/// An answer that comes in pieces.
pub(super) fn says(text: &str) -> Script {
    ends(text, Finish::Stop)
}

pub(super) fn ends(text: &str, finish: Finish) -> Script {
    let letters: Vec<char> = text.chars().collect();
    let pieces = letters.chunks(7).map(|piece| Ok(ChatEvent::Text(piece.iter().collect())));
    pieces.chain([Ok(ChatEvent::End(answer(text, Vec::new(), finish)))]).collect()
}

pub(super) fn calls(calls: &[(&str, Value)]) -> Script {
    let calls = calls.iter().map(|(name, arguments)| ToolCall {
        id: String::new(),
        name: (*name).to_owned(),
        arguments: arguments.clone(),
        signature: Some("sealed".to_owned()),
    });
    vec![Ok(ChatEvent::End(answer("Let me look.", calls.collect(), Finish::ToolCalls)))]
}

/// A call whose progress is kept.
pub(super) fn listened() -> (Call, mpsc::Receiver<ProgressEvent>) {
    let (tx, rx) = mpsc::channel(10_000);
    (Call { progress: Progress::to(tx), ..Call::default() }, rx)
}

pub(super) fn told(rx: &mut mpsc::Receiver<ProgressEvent>) -> Vec<ProgressEvent> {
    std::iter::from_fn(|| rx.try_recv().ok()).collect()
}

pub(super) fn check(workflow: &Workflow) -> Planned {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::builtin);
    plan(workflow, &PlanRequest::lenient(&CATALOGUE, Purpose::Validate))
}

pub(super) fn text_of(message: &Message) -> &str {
    match message {
        Message::System(text) | Message::User(text) | Message::Assistant { text, .. } => text,
        Message::ToolResult { content, .. } => content,
    }
}

pub(super) fn good() -> String {
    json!({"name": "disk", "steps": [{"name": "look", "tool": "df", "parameters": {"path": "/"}}]}).to_string()
}
