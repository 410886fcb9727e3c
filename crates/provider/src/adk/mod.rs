//! The provider `adk`: agents over models, and the built-in planner where no model is configured.

use async_trait::async_trait;

use crate::call::Call;
use crate::planner::{self, Planner};
use crate::provider::{Availability, Draft, DraftError, DraftRequest, Features, Provider, RefineRequest, Refinement};

/// Turns words into drafts, with the planner.
#[derive(Clone, Debug)]
pub struct AdkProvider {
    name: String,
    planner: Planner,
}

impl Default for AdkProvider {
    fn default() -> Self {
        Self { name: "adk".to_owned(), planner: Planner::new() }
    }
}

#[async_trait]
impl Provider for AdkProvider {
    fn name(&self) -> &str {
        &self.name
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
        vec![planner::MODEL.to_owned()]
    }

    async fn draft(&self, request: &DraftRequest, _call: &Call) -> Result<Draft, DraftError> {
        self.planner.draft(request).map(Draft::from)
    }

    async fn refine(&self, request: &RefineRequest, _call: &Call) -> Result<Refinement, DraftError> {
        self.planner.refine(request).map(Refinement::from)
    }
}
