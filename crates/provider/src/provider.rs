//! The port: what every provider does, and what it is given.

use std::time::Duration;

use async_trait::async_trait;
use partita_core::Diagnostic;
use partita_core::workflow::Workflow;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::call::Call;
use crate::usage::Exhausted;

/// Turns words into drafts of workflows.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The name that requests use (`adk`).
    fn name(&self) -> &str;

    /// The name that people are shown (`ADKProvider`).
    fn title(&self) -> &str;

    /// What it can do.
    fn features(&self) -> Features;

    /// Whether it can be used now.
    fn availability(&self) -> Availability;

    /// The models it can use, the default first.
    fn models(&self) -> Vec<String>;

    /// Makes one draft. Dropping the future stops it and closes its connections; nothing is kept.
    async fn draft(&self, request: &DraftRequest, call: &Call) -> Result<Draft, DraftError>;

    /// Changes a workflow so that it meets requirements and avoids earlier errors. Stopping is as with
    /// [`Provider::draft`].
    async fn refine(&self, request: &RefineRequest, call: &Call) -> Result<Refinement, DraftError>;
}

/// What a provider can do, as `GET /providers` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Features {
    pub generation: bool,
    pub execution: bool,
    pub refinement: bool,
    pub streaming: bool,
    pub compose: bool,
}

/// Whether a provider can be used now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    Available,
    Unavailable { reason: String },
}

/// What a draft is wanted for.
#[derive(Clone, Debug, Default)]
pub struct DraftRequest {
    /// What should happen, in plain words.
    pub task: String,
    /// Facts that the caller adds: `{"namespace": "shop"}`.
    pub context: Map<String, Value>,
    /// Values that the caller has for parameters already.
    pub parameters: Map<String, Value>,
    /// The model that the caller asks for; the provider's default when absent.
    pub model: Option<String>,
    /// What was wrong with the draft before; empty in the first round.
    pub findings: Vec<Diagnostic>,
    /// The draft before, as its author wrote it; absent in the first round.
    pub previous: Option<String>,
    /// Whether the draft before was no other than the one before it: showing it once more is no use.
    pub is_stuck: bool,
}

/// What an author wrote.
#[derive(Clone, Debug)]
pub enum Content {
    /// Made by rules: a workflow already.
    Workflow(Box<Workflow>),
    /// Written by a model: text that is believed to hold a document. The compose loop reads it.
    Text(String),
    /// The same, but the model was cut off at its limit of tokens.
    CutText(String),
}

/// What a provider came up with.
#[derive(Clone, Debug)]
pub struct Draft {
    pub content: Content,
    /// Who made it: `builtin/planner` or a model's name.
    pub model: String,
    /// What the author of the task should know: what was assumed, what could not be placed.
    pub suggestions: Vec<String>,
    /// How it came about, for people: the intents that were read, the templates that were used.
    pub notes: Vec<String>,
}

/// What a workflow should be changed for.
#[derive(Clone, Debug, Default)]
pub struct RefineRequest {
    pub workflow: Workflow,
    pub requirements: Vec<String>,
    pub previous_errors: Vec<String>,
    pub context: Map<String, Value>,
    pub model: Option<String>,
    /// What was wrong with the draft before; empty in the first round.
    pub findings: Vec<Diagnostic>,
    /// The draft before as a document, changes made; as its author wrote it when it could not be read; absent in the first
    /// round.
    pub previous: Option<String>,
    /// Whether the draft before was no other than the one before it: showing it once more is no use.
    pub is_stuck: bool,
}

impl RefineRequest {
    /// The draft before, when it could be read and is not to be left behind: what changes are changes to.
    pub(crate) fn draft(&self) -> Option<Value> {
        let previous = self.previous.as_deref().filter(|_| !self.is_stuck)?;
        serde_json::from_str(previous).ok().filter(|draft: &Value| draft["steps"].is_array())
    }
}

/// A changed workflow. The compose loop sees to it that every requirement and every previous error is
/// in `changes` or in `unmet`.
#[derive(Clone, Debug)]
pub struct Refinement {
    /// A text may hold the whole workflow or only the changes to it, and what was done for each requirement; see
    /// [`crate::extract`].
    pub content: Content,
    pub model: String,
    pub changes: Vec<RequirementChange>,
    pub unmet: Vec<UnmetRequirement>,
    pub suggestions: Vec<String>,
    pub notes: Vec<String>,
}

/// A requirement that was met, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequirementChange {
    /// The requirement or the previous error, in the caller's words.
    pub requirement: String,
    /// What was done, in one line.
    pub summary: String,
    /// Names of the steps that were added or changed.
    pub steps: Vec<String>,
}

/// A requirement that was not met, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmetRequirement {
    pub requirement: String,
    pub reason: String,
}

/// Why there is no draft.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// The words say nothing that the provider could make a step of.
    #[error("{message}")]
    NotUnderstood { message: String, help: String, suggestions: Vec<String> },
    /// The provider can't do this kind of thing.
    #[error("the provider {provider} has no {feature}")]
    NotSupported { provider: String, feature: &'static str },
    /// The model that was asked for does not exist here.
    #[error("there is no model {model}: {help}")]
    NoSuchModel { model: String, help: String },
    /// The provider is not there, or can't be used now.
    #[error("{message}")]
    Unavailable { message: String },
    /// A model failed, after every retry and fallback.
    #[error("the model {model} {failure}")]
    Model { model: String, failure: ModelFailure },
    /// Something that may be spent is spent.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
}

/// How a model failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelFailure {
    /// The vendor refused the key (401, 403).
    #[error("refused our key: look after the key in the configuration")]
    Unauthorized,
    #[error("takes no more requests for now")]
    RateLimited { retry_after: Option<Duration> },
    /// The request is larger than what the model can take in.
    #[error("can't take in so much text: {message}")]
    ContextOverflow { message: String },
    /// It answered with a status that no retry mended.
    #[error("answered with status {status}: {message}")]
    Status { status: u16, message: String },
    #[error("did not answer in {after_ms} ms")]
    TimedOut { after_ms: u64 },
    #[error("could not be reached: {message}")]
    Unreachable { message: String },
    /// The connection ended in the middle of an answer.
    #[error("broke off in the middle of its answer")]
    BrokenOff,
    /// It answered, and would not do it.
    #[error("declined: {message}")]
    Declined { message: String },
    /// It answered with something that is no answer of its protocol, or with more than we read.
    #[error("answered with nothing usable: {message}")]
    Unusable { message: String },
}
