//! The port: what every provider does, and what it is given.

use async_trait::async_trait;
use partita_core::Diagnostic;
use partita_core::workflow::Workflow;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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

    /// Makes a draft. Dropping the future stops it; nothing is kept.
    async fn draft(&self, request: &DraftRequest) -> Result<Draft, DraftError>;

    /// Changes a workflow so that it meets requirements and avoids earlier errors.
    async fn refine(&self, request: &RefineRequest) -> Result<Refinement, DraftError>;
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
    pub model: Option<String>,
    /// What was wrong with the drafts before, the latest last; empty in the first round.
    pub findings: Vec<Diagnostic>,
}

/// What a provider came up with.
#[derive(Clone, Debug)]
pub struct Draft {
    pub workflow: Workflow,
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
    pub findings: Vec<Diagnostic>,
}

/// A changed workflow. Every requirement and every previous error is in `changes` or in `unmet`.
#[derive(Clone, Debug)]
pub struct Refinement {
    pub workflow: Workflow,
    pub model: String,
    pub changes: Vec<RequirementChange>,
    pub unmet: Vec<UnmetRequirement>,
    pub suggestions: Vec<String>,
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
    /// The model could not be reached, or answered with nothing usable.
    #[error("{message}")]
    Unavailable { message: String },
}
