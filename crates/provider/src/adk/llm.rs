//! Between the kit and our models. The kit never sees a model's connection, and a model never sees what
//! the kit makes of a chat: instructions in the role of the user, an answer in pieces that are put
//! together with line breaks, tools in another order every time, calls read out of plain text.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adk_core::{AdkError, Content, FinishReason, Llm, LlmRequest, LlmResponse, LlmResponseStream, Part};
use async_trait::async_trait;
use futures::StreamExt as _;
use serde_json::Value;

use super::ask::Asked;
use super::schema::Holding;
use crate::call::{Call, ProgressEvent};
use crate::model::{ChatAnswer, ChatEvent, ChatRequest, Finish, Message, Model, ToolCall, ToolSpec};
use crate::prompt::Fence;
use crate::provider::{DraftError, ModelFailure};

/// Calls of one answer that are carried out; the rest is dropped.
const CALLS_MAX: usize = 8;
/// Most of a look-up's result that a model is shown.
pub(super) const RESULT_BYTES_MAX: usize = 6 * 1024;

/// One chat of an agent with a model.
pub(super) struct Chat {
    pub model: Arc<dyn Model>,
    pub call: Call,
    pub system: String,
    pub fence: Fence,
    /// What the answer is held to, once nothing is looked up any more.
    pub holding: Holding,
    /// Requests that may still lead to look-ups.
    pub lookups_max: u32,
    /// Whether the answer must not be the one that is likeliest.
    pub vary: bool,
    pub asked: Arc<Asked>,
}

#[async_trait]
impl Llm for Chat {
    fn name(&self) -> &str {
        self.model.name()
    }

    async fn generate_content(&self, request: LlmRequest, _is_streaming: bool) -> adk_core::Result<LlmResponseStream> {
        let round = self.asked.next_round();
        let looks_up = round <= self.lookups_max && !request.tools.is_empty();
        let chat = self.chat(request, looks_up);
        let mut events = self.model.chat(chat, &self.call);
        let (call, asked) = (self.call.clone(), Arc::clone(&self.asked));
        let name = self.model.name().to_owned();
        let answer = async move {
            while let Some(event) = events.next().await {
                match event {
                    Ok(ChatEvent::Text(content)) => call.progress.tell(ProgressEvent::Text { content }).await,
                    Ok(ChatEvent::Thought(content)) => call.progress.tell(ProgressEvent::Thought { content }).await,
                    Ok(ChatEvent::End(answer)) => return Ok(asked.answered(answer, looks_up)),
                    Err(error) => return Err(asked.failed(error)),
                }
            }
            Err(asked.failed(DraftError::Model { model: name, failure: ModelFailure::BrokenOff }))
        };
        Ok(Box::pin(futures::stream::once(answer)))
    }
}

impl Chat {
    /// What goes to the model. A request carries either look-ups or a schema: several servers refuse both
    /// at once, and one that is held to a schema could not call anything.
    fn chat(&self, request: LlmRequest, looks_up: bool) -> ChatRequest {
        let mut messages: Vec<Message> = request.contents.iter().flat_map(|content| self.message(content)).collect();
        let tools = if looks_up { tools(request.tools) } else { Vec::new() };
        if !looks_up {
            messages = without_calls(messages);
        }
        let schema = (!looks_up).then(|| self.holding.schema());
        ChatRequest { messages, tools, schema, temperature: None, vary: self.vary, tokens_max: None }
    }

    fn message(&self, content: &Content) -> Vec<Message> {
        let mut text = String::new();
        let (mut calls, mut results) = (Vec::new(), Vec::new());
        for part in &content.parts {
            match part {
                Part::Text { text: more } => text.push_str(more),
                Part::FunctionCall { name, args, id, thought_signature } => calls.push(ToolCall {
                    id: id.clone().unwrap_or_default(),
                    name: name.clone(),
                    arguments: args.clone(),
                    signature: thought_signature.clone(),
                }),
                Part::FunctionResponse { function_response, id, .. } => {
                    let shown = shown(&function_response.response);
                    results.push(Message::ToolResult {
                        call_id: id.clone().unwrap_or_default(),
                        name: function_response.name.clone(),
                        content: self.fence.wrap("result", &shown, RESULT_BYTES_MAX),
                    });
                }
                _ => {}
            }
        }
        if !results.is_empty() {
            return results;
        }
        vec![match content.role.as_str() {
            "model" => Message::Assistant { text, calls },
            // The kit has no other way to say what an agent is.
            _ if text == self.system => Message::System(text),
            _ => Message::User(text),
        }]
    }
}

fn shown(result: &Value) -> String {
    match result.get("text") {
        Some(Value::String(text)) => text.clone(),
        _ => result.to_string(),
    }
}

/// The tools in an order that is the same every time, so that vendors can keep what they read before.
fn tools(declared: std::collections::HashMap<String, Value>) -> Vec<ToolSpec> {
    let mut tools: Vec<ToolSpec> = declared
        .into_iter()
        .map(|(name, declaration)| ToolSpec {
            name,
            description: declaration["description"].as_str().unwrap_or_default().to_owned(),
            parameters: declaration["parameters"].clone(),
        })
        .collect();
    tools.sort_by(|one, other| one.name.cmp(&other.name));
    tools
}

/// A chat in which look-ups are told instead of made: who offers no tools may not show calls of them.
fn without_calls(messages: Vec<Message>) -> Vec<Message> {
    let mut plain: Vec<Message> = Vec::new();
    for message in messages {
        match message {
            Message::ToolResult { name, content, .. } => match plain.last_mut() {
                Some(Message::User(text)) => {
                    text.push_str(&format!("\n\nWhat {name} found:\n{content}"));
                }
                _ => plain.push(Message::User(format!("What {name} found:\n{content}"))),
            },
            Message::Assistant { .. } => {}
            other => plain.push(other),
        }
    }
    plain
}

impl Asked {
    /// Keeps an answer, and shows the kit what it may do with it.
    fn answered(&self, mut answer: ChatAnswer, looks_up: bool) -> LlmResponse {
        if looks_up && answer.calls.is_empty() {
            answer.calls = calls_in(&answer.text);
        }
        if !looks_up || answer.finish == Finish::Length {
            answer.calls.clear();
        }
        answer.calls.truncate(CALLS_MAX);
        let mut content = Content::new("model");
        // The kit would look for calls in the text; an answer is taken from where it is kept.
        if answer.calls.is_empty() {
            content.parts.push(Part::Text { text: "done".to_owned() });
        } else if !answer.text.is_empty() && !answer.text.contains("<tool_call>") {
            content.parts.push(Part::Text { text: answer.text.clone() });
        }
        for (number, call) in answer.calls.iter_mut().enumerate() {
            if call.id.is_empty() {
                call.id = format!("call_{number}");
            }
            let arguments =
                if call.arguments.is_object() { call.arguments.clone() } else { Value::Object(serde_json::Map::new()) };
            content.parts.push(Part::FunctionCall {
                name: call.name.clone(),
                args: arguments,
                id: Some(call.id.clone()),
                thought_signature: call.signature.clone(),
            });
        }
        *self.answer() = Some(answer);
        LlmResponse {
            finish_reason: Some(FinishReason::Stop),
            turn_complete: true,
            partial: false,
            ..LlmResponse::new(content)
        }
    }

    /// Keeps why there is no answer; the kit is told only that.
    fn failed(&self, error: DraftError) -> AdkError {
        *self.error() = Some(error);
        AdkError::model("the model failed")
    }
}

/// Calls that a model wrote into its text, since its server does not know how it makes them.
fn calls_in(text: &str) -> Vec<ToolCall> {
    let blocks = text.split("<tool_call>").skip(1).filter_map(|rest| rest.split("</tool_call>").next());
    let call = |block: &str| {
        let value: Value = serde_json::from_str(block.trim()).ok()?;
        let name = value["name"].as_str()?.to_owned();
        Some(ToolCall { id: String::new(), name, arguments: value["arguments"].clone(), signature: None })
    };
    blocks.filter_map(call).collect()
}

/// A lock that survives a panic of someone else.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
