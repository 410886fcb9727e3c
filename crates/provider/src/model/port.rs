//! The port: one chat with one model.

use futures::stream::BoxStream;
use serde_json::Value;

use crate::call::Call;
use crate::provider::DraftError;
use crate::usage::Usage;

/// A model that can be talked to.
pub trait Model: Send + Sync {
    /// The name that requests use (`meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo`).
    fn name(&self) -> &str;

    /// Sends a chat and gives what comes back as it comes, the last item being [`ChatEvent::End`] or an
    /// error. Retries, fallbacks, time limits and budgets are seen to. Nothing is sent before the stream
    /// is polled; dropping it closes the connection.
    fn chat(&self, request: ChatRequest, call: &Call) -> BoxStream<'static, Result<ChatEvent, DraftError>>;
}

/// What is sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest {
    /// The instructions first, as [`Message::System`].
    pub messages: Vec<Message>,
    /// What the model may call.
    pub tools: Vec<ToolSpec>,
    /// What the answer has to look like; vendors that can't be held to it get it in the prompt.
    pub schema: Option<AnswerSchema>,
    pub temperature: Option<f64>,
    /// Asks for another answer than the likeliest one, where a temperature is set at all.
    pub vary: bool,
    pub tokens_max: Option<u32>,
}

/// One message of a chat.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    System(String),
    User(String),
    Assistant { text: String, calls: Vec<ToolCall> },
    ToolResult { call_id: String, name: String, content: String },
}

/// A tool that a model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    pub name: String,
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: Value,
}

/// A call that a model makes.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// An object; or the text as it came, where that was no JSON (cut off, or just wrong).
    pub arguments: Value,
    /// What the vendor wants to see again with this call, without a meaning for us (Gemini's thought
    /// signatures).
    pub signature: Option<String>,
}

/// What an answer has to look like.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerSchema {
    pub name: String,
    /// JSON Schema.
    pub schema: Value,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq)]
pub enum ChatEvent {
    /// A piece of the answer's text.
    Text(String),
    /// A piece of what the model thinks.
    Thought(String),
    /// The whole answer; the last event.
    End(ChatAnswer),
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatAnswer {
    pub text: String,
    pub calls: Vec<ToolCall>,
    pub finish: Finish,
    /// What this answer cost, repeated tries and other models that failed included. Was charged already.
    pub usage: Usage,
    /// Some of the tokens were not counted by the vendor but estimated from the length of the text.
    pub usage_estimated: bool,
    /// Who answered: the model that was asked, or a fallback.
    pub model: String,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    Stop,
    ToolCalls,
    /// Cut at the limit of tokens.
    Length,
    /// The vendor's filter, or the model, declined. The text is what it said, or the vendor's reason.
    Declined,
}
