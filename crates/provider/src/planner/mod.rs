//! The built-in planner: drafts without a model. Deterministic, offline, done in
//! milliseconds.
//!
//! ```text
//! task -> plain words (wording) -> clauses (sentence) -> intents, each with its facts -> parts -> workflow -> modifiers -> draft
//! ```
//!
//! It reads words, it does not understand language: what it can't place it says, and it never makes up a
//! value. Values that are said become defaults of parameters, so that no text of a task ever becomes
//! part of a command.

mod chores;
mod containers;
mod databases;
mod delivery;
mod draft;
mod facts;
mod files;
mod host;
mod improve;
mod intents;
mod limits;
mod messages;
mod modifiers;
mod network;
mod order;
mod part;
mod phrases;
mod pieces;
mod platform;
mod projects;
mod refine;
mod sentence;
mod spoken;
mod wording;

use partita_core::workflow::Workflow;

use crate::provider::{
    Content, Draft, DraftError, DraftRequest, RefineRequest, Refinement, RequirementChange, UnmetRequirement,
};

/// How the planner calls itself.
pub const MODEL: &str = "builtin/planner";

/// Sentences that between them need every pattern there is.
const PREPARING: [&str; 2] = [
    "Every day at 3am, first back up /srv/app to /backups and keep 5 copies, then deploy registry.example.com/web:v2 to namespace \
     shop with 3 replicas; if it fails, tell Slack, but don't email anybody",
    "Check https://example.com/health, warn if the disk is more than 80% full, retry 3 times with a timeout of 5 minutes",
];

/// Makes workflows of sentences by rules.
#[derive(Clone, Copy, Debug, Default)]
pub struct Planner;

/// What the planner made of a task.
#[derive(Clone, Debug)]
pub struct Drafted {
    pub workflow: Workflow,
    /// What the author of the task should know.
    pub suggestions: Vec<String>,
    /// The intents that were read, the templates that were used.
    pub notes: Vec<String>,
}

/// What the planner made of a workflow and its requirements, each of which is in `changes` or `unmet`.
#[derive(Clone, Debug)]
pub struct Refined {
    pub workflow: Workflow,
    pub changes: Vec<RequirementChange>,
    pub unmet: Vec<UnmetRequirement>,
    pub suggestions: Vec<String>,
}

impl Planner {
    /// A planner.
    #[must_use]
    pub fn new() -> Self {
        Self
    }

    /// Compiles the patterns that reading needs, so that the first request does not wait for them.
    pub fn prepare(&self) {
        for task in PREPARING {
            // Only the patterns are wanted; what becomes of the words does not matter.
            let _ = self.draft(&DraftRequest { task: task.to_owned(), ..DraftRequest::default() });
        }
    }

    /// Makes a workflow of a task.
    ///
    /// # Errors
    ///
    /// When nothing in the task could be placed.
    pub fn draft(&self, request: &DraftRequest) -> Result<Drafted, DraftError> {
        draft::draft(request)
    }

    /// Changes a workflow so that it meets requirements.
    ///
    /// # Errors
    ///
    /// None for now; what can't be met is listed in `unmet`.
    pub fn refine(&self, request: &RefineRequest) -> Result<Refined, DraftError> {
        refine::refine(request)
    }
}

impl From<Drafted> for Draft {
    fn from(drafted: Drafted) -> Self {
        let Drafted { workflow, suggestions, notes } = drafted;
        Self { content: Content::Workflow(Box::new(workflow)), model: MODEL.to_owned(), suggestions, notes }
    }
}

impl From<Refined> for Refinement {
    fn from(refined: Refined) -> Self {
        let Refined { workflow, changes, unmet, suggestions } = refined;
        let content = Content::Workflow(Box::new(workflow));
        Self { content, model: MODEL.to_owned(), changes, unmet, suggestions, notes: Vec::new() }
    }
}
