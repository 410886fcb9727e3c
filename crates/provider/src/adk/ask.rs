//! One question to one agent: the kit's agent, runner and session around a chat, for as long as it takes
//! to get one answer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use adk_agent::LlmAgentBuilder;
use adk_core::{AdkError, Content, RunConfig, SessionId, StreamingMode, Tool, UserId};
use adk_runner::Runner;
use adk_session::{CreateRequest, InMemorySessionService, SessionService};
use futures::StreamExt as _;

use super::llm::{Chat, locked};
use crate::model::ChatAnswer;
use crate::provider::{DraftError, ModelFailure};

/// What the kit calls us; nothing outside of one question ever sees it.
const APP: &str = "partita";
const SESSION: &str = "draft";

/// What comes of a question. The kit's own errors carry none of it.
#[derive(Default)]
pub(super) struct Asked {
    rounds: AtomicU32,
    answer: Mutex<Option<ChatAnswer>>,
    error: Mutex<Option<DraftError>>,
}

impl Asked {
    /// The number of the request that is about to be made, from 1.
    pub(super) fn next_round(&self) -> u32 {
        self.rounds.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn answer(&self) -> MutexGuard<'_, Option<ChatAnswer>> {
        locked(&self.answer)
    }

    pub(super) fn error(&self) -> MutexGuard<'_, Option<DraftError>> {
        locked(&self.error)
    }
}

/// Asks, carries out the look-ups that the agent makes, and gives its last answer. Dropping the future
/// ends all of it.
pub(super) async fn ask(chat: Chat, message: String, tools: Vec<Arc<dyn Tool>>) -> Result<ChatAnswer, DraftError> {
    let (asked, model) = (Arc::clone(&chat.asked), chat.model.name().to_owned());
    let run = run(chat, message, tools).await;
    if let Some(error) = asked.error().take() {
        return Err(error);
    }
    let unusable = |message: String| DraftError::Model { model, failure: ModelFailure::Unusable { message } };
    if let Err(error) = run {
        return Err(unusable(format!("the agent failed: {error}")));
    }
    let answer = asked.answer().take();
    answer.ok_or_else(|| unusable("the agent ended without an answer".to_owned()))
}

async fn run(chat: Chat, message: String, tools: Vec<Arc<dyn Tool>>) -> Result<(), AdkError> {
    let system = chat.system.clone();
    let rounds_max = chat.lookups_max + 2;
    // As a text it would be a template to the kit, which braces of ours are not.
    let instruction = Box::new(move |_| {
        let system = system.clone();
        Box::pin(async move { Ok(system) }) as std::pin::Pin<Box<dyn Future<Output = adk_core::Result<String>> + Send>>
    });
    let mut agent = LlmAgentBuilder::new("author")
        .model(Arc::new(chat))
        .instruction_provider(instruction)
        .max_iterations(rounds_max);
    for tool in tools {
        agent = agent.tool(tool);
    }
    let sessions = Arc::new(InMemorySessionService::new());
    let session = CreateRequest {
        app_name: APP.to_owned(),
        user_id: APP.to_owned(),
        session_id: Some(SESSION.to_owned()),
        state: HashMap::new(),
    };
    sessions.create(session).await?;
    // Nothing of a prompt belongs in traces, which this would put there.
    let config = RunConfig {
        streaming_mode: StreamingMode::None,
        auto_cache: false,
        trace_payload_max_bytes: 0,
        ..RunConfig::default()
    };
    let runner = Runner::builder()
        .app_name(APP)
        .agent(Arc::new(agent.build()?))
        .session_service(sessions)
        .run_config(config)
        .build()?;
    let content = Content::new("user").with_text(message);
    let mut events = runner.run(UserId::new(APP)?, SessionId::new(SESSION)?, content).await?;
    while let Some(event) = events.next().await {
        event?;
    }
    Ok(())
}
