//! One chat.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::Client;

use super::clock::Clock;
use super::gateway::Target;
use super::port::{ChatEvent, ChatRequest};
use crate::call::Call;
use crate::provider::DraftError;

/// One chat with one model and those it falls back to.
pub(super) struct Conversation {
    pub(super) candidates: Vec<Arc<Target>>,
    pub(super) request: ChatRequest,
    pub(super) call: Call,
    pub(super) http: Client,
    pub(super) clock: Clock,
}

/// The events of a chat, which goes on while they are asked for.
pub(super) fn driven(conversation: Conversation) -> BoxStream<'static, Result<ChatEvent, DraftError>> {
    let message = format!("{} models can't be asked yet", conversation.candidates.len());
    futures::stream::iter([Err(DraftError::Unavailable { message })]).boxed()
}
