//! The built-in planner: the provider `adk` without a model. Deterministic, offline, done in
//! milliseconds.
//!
//! ```text
//! task -> clauses (sentence) -> intents, each with its facts -> parts -> workflow -> modifiers -> draft
//! ```
//!
//! It reads words, it does not understand language: what it can't place it says, and it never makes up a
//! value. Values that are said become defaults of parameters, so that no text of a task ever becomes
//! part of a command.

mod chores;
mod delivery;
mod draft;
mod facts;
mod host;
mod improve;
mod intents;
mod modifiers;
mod part;
mod phrases;
mod refine;
mod sentence;

use async_trait::async_trait;

use crate::provider::{Availability, Draft, DraftError, DraftRequest, Features, Provider, RefineRequest, Refinement};

/// How the planner calls itself.
pub const MODEL: &str = "builtin/planner";

/// The provider `adk` as long as no model is configured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Planner;

impl Planner {
    /// A planner.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

#[async_trait]
impl Provider for Planner {
    #[expect(clippy::unnecessary_literal_bound, reason = "the signature of the port")]
    fn name(&self) -> &str {
        "adk"
    }

    #[expect(clippy::unnecessary_literal_bound, reason = "the signature of the port")]
    fn title(&self) -> &str {
        "ADKProvider"
    }

    fn features(&self) -> Features {
        Features { generation: true, execution: true, refinement: true, streaming: true, compose: true }
    }

    fn availability(&self) -> Availability {
        Availability::Available
    }

    fn models(&self) -> Vec<String> {
        vec![MODEL.to_owned()]
    }

    async fn draft(&self, request: &DraftRequest) -> Result<Draft, DraftError> {
        draft::draft(request)
    }

    async fn refine(&self, request: &RefineRequest) -> Result<Refinement, DraftError> {
        refine::refine(request)
    }
}
