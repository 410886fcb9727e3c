//! The built-in planner.

use async_trait::async_trait;

use crate::provider::{Availability, Draft, DraftError, DraftRequest, Features, Provider, RefineRequest, Refinement};
use crate::templates::Templates;

/// How the planner calls itself.
pub const MODEL: &str = "builtin/planner";

/// The provider `adk` without a model: composes workflows from templates and tools.
#[derive(Clone, Debug)]
pub struct Planner {
    templates: Templates,
}

impl Planner {
    /// A planner with the templates that ship with Partita.
    #[must_use]
    pub fn new() -> Self {
        Self { templates: Templates::builtin() }
    }
}

impl Default for Planner {
    fn default() -> Self {
        Self::new()
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
        let _ = (&self.templates, request);
        Err(DraftError::NotUnderstood { message: "x".to_owned(), help: String::new(), suggestions: Vec::new() })
    }

    async fn refine(&self, request: &RefineRequest) -> Result<Refinement, DraftError> {
        let _ = request;
        Err(DraftError::NotUnderstood { message: "x".to_owned(), help: String::new(), suggestions: Vec::new() })
    }
}
