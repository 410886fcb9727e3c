//! The agents: a generator for first drafts, a refiner for later ones and for changes.

use std::sync::Arc;

use super::ask::{Asked, ask};
use super::choose::Role;
use super::config::AdkConfig;
use super::context::{self, Context};
use super::llm::Chat;
use super::lookup;
use super::schema::{Holding, Shape};
use crate::call::Call;
use crate::model::{ChatAnswer, Finish, Model};
use crate::prompt;
use crate::provider::{Content, Draft, DraftError, DraftRequest, ModelFailure, RefineRequest, Refinement};

/// Most of a refusal that is passed on.
const REFUSAL_CHARS_MAX: usize = 300;

/// A model, and how it is to work.
pub(super) struct Agent<'a> {
    pub model: Arc<dyn Model>,
    pub config: &'a AdkConfig,
}

/// One draft of a workflow.
pub(super) async fn draft(
    request: &DraftRequest,
    role: Role,
    agent: &Agent<'_>,
    call: &Call,
) -> Result<Draft, DraftError> {
    let around = Arc::clone(&call.surroundings);
    let config = agent.config;
    let loaded = context::of_draft(request, &around, config.context_bytes_max, config.offer_plan);
    // Who mends a draft has the findings, which say what there is instead; looking around again is no use.
    let (task, lookups_max) = match role {
        Role::Generator => (prompt::GENERATE, config.lookups_max),
        Role::Refiner => (mend(request.is_stuck), 0),
    };
    let shape = Shape::Workflow;
    let answer = agent.ask(&loaded, Question { task, shape, lookups_max, vary: request.is_stuck }, call).await?;
    let notes = notes(&answer);
    Ok(Draft { model: answer.model.clone(), content: content(answer)?, suggestions: Vec::new(), notes })
}

/// One draft of a changed workflow.
pub(super) async fn refine(request: &RefineRequest, agent: &Agent<'_>, call: &Call) -> Result<Refinement, DraftError> {
    let around = Arc::clone(&call.surroundings);
    let loaded = context::of_refinement(request, &around, agent.config.context_bytes_max);
    let again = match (&request.previous, request.draft()) {
        (None, _) => "",
        (Some(_), Some(_)) => prompt::CHANGE_DRAFT,
        (Some(_), None) if request.is_stuck => prompt::CHANGE_ANEW,
        (Some(_), None) => prompt::CHANGE_AGAIN,
    };
    let task = format!("{}\n{again}", prompt::REFINE.trim_end());
    let lookups_max = if request.previous.is_some() { 0 } else { agent.config.lookups_max };
    let shape = Shape::Refinement(request.requirements.len() + request.previous_errors.len());
    let answer = agent.ask(&loaded, Question { task: &task, shape, lookups_max, vary: request.is_stuck }, call).await?;
    let (model, notes) = (answer.model.clone(), notes(&answer));
    let content = content(answer)?;
    Ok(Refinement { content, model, changes: Vec::new(), unmet: Vec::new(), suggestions: Vec::new(), notes })
}

/// What an agent is asked beside its context.
struct Question<'a> {
    task: &'a str,
    shape: Shape,
    lookups_max: u32,
    vary: bool,
}

/// How a model is told to mend a draft; to one that wrote the same again, the draft is not shown once more.
fn mend(is_stuck: bool) -> &'static str {
    if is_stuck { prompt::ANEW } else { prompt::MEND }
}

impl Agent<'_> {
    async fn ask(&self, loaded: &Context<'_>, question: Question<'_>, call: &Call) -> Result<ChatAnswer, DraftError> {
        let Question { task, shape, lookups_max, vary } = question;
        let tools = loaded.tools.iter().map(|tool| tool.name.clone()).collect();
        let holding = Holding { around: Arc::clone(&call.surroundings), tools, shape };
        let (fence, message) = loaded.message();
        let system = context::system(&fence, task, lookups_max > 0);
        let tools = if lookups_max > 0 { lookup::all(call) } else { Vec::new() };
        let (model, call, asked) = (Arc::clone(&self.model), call.clone(), Arc::new(Asked::default()));
        ask(Chat { model, call, system, fence, holding, lookups_max, vary, asked }, message, tools).await
    }
}

/// What an answer holds for the compose loop.
fn content(answer: ChatAnswer) -> Result<Content, DraftError> {
    match answer.finish {
        Finish::Length => Ok(Content::CutText(answer.text)),
        Finish::Declined => {
            let words: Vec<&str> = answer.text.split_whitespace().collect();
            let message = words.join(" ").chars().take(REFUSAL_CHARS_MAX).collect();
            Err(DraftError::Model { model: answer.model, failure: ModelFailure::Declined { message } })
        }
        Finish::Stop | Finish::ToolCalls => Ok(Content::Text(answer.text)),
    }
}

fn notes(answer: &ChatAnswer) -> Vec<String> {
    let mut notes = vec![format!("drafted by {}", answer.model)];
    if answer.usage_estimated {
        notes.push("the model's server does not count tokens: they were estimated".to_owned());
    }
    notes
}
