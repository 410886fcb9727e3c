//! The provider itself: finds who does the work, and hands it over.

use std::sync::Arc;

use async_trait::async_trait;

use super::agent::{self, Agent};
use super::choose::{self, Author, Models, NoModels, Role};
use super::config::{AdkConfig, UnknownModel};
use crate::call::Call;
use crate::model::Model;
use crate::planner::{self, Planner};
use crate::provider::{Availability, Draft, DraftError, DraftRequest, Features, Provider, RefineRequest, Refinement};

/// Turns words into drafts, with agents over models or with the planner.
#[derive(Clone)]
pub struct AdkProvider {
    config: AdkConfig,
    models: Arc<dyn Models>,
    planner: Planner,
}

impl Default for AdkProvider {
    /// The provider `adk` without any model.
    fn default() -> Self {
        Self { config: AdkConfig::default(), models: Arc::new(NoModels), planner: Planner::new() }
    }
}

impl AdkProvider {
    /// An instance that finds its models in `models`.
    ///
    /// # Errors
    ///
    /// When the configuration names a model that does not exist.
    pub fn new(config: AdkConfig, models: Arc<dyn Models>) -> Result<Self, UnknownModel> {
        let config = config.checked(models.as_ref())?;
        Ok(Self { config, models, planner: Planner::new() })
    }

    fn agent(&self, model: Arc<dyn Model>) -> Agent<'_> {
        Agent { model, config: &self.config }
    }
}

#[async_trait]
impl Provider for AdkProvider {
    fn name(&self) -> &str {
        &self.config.name
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
        let mut names = self.models.names();
        names.push(planner::MODEL.to_owned());
        if let Some(default) = &self.config.model
            && let Some(at) = names.iter().position(|name| name == default)
        {
            names[..=at].rotate_right(1);
        }
        names
    }

    async fn draft(&self, request: &DraftRequest, call: &Call) -> Result<Draft, DraftError> {
        let role = if request.previous.is_none() { Role::Generator } else { Role::Refiner };
        match choose::author(request.model.as_deref(), role, &self.config, self.models.as_ref())? {
            Author::Planner => self.planner.draft(request).map(Draft::from),
            Author::Model(model) => agent::draft(request, role, &self.agent(model), call).await,
        }
    }

    async fn refine(&self, request: &RefineRequest, call: &Call) -> Result<Refinement, DraftError> {
        match choose::author(request.model.as_deref(), Role::Refiner, &self.config, self.models.as_ref())? {
            Author::Planner => self.planner.refine(request).map(Refinement::from),
            Author::Model(model) => agent::refine(request, &self.agent(model), call).await,
        }
    }
}
