//! The provider `mcp`: workflows of the tools that MCP servers have. With a model it hands over to an agent
//! that sees those tools only; without one it reads the task by rules, clause by clause, and leaves to the
//! built-in planner what no tool fits.

mod arguments;
mod assemble;
mod clauses;
mod matching;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use partita_core::tool::{Catalogue, Runs, Tool};
use partita_mcp::BUILTIN_SERVER;

use crate::call::{Call, Surroundings};
use crate::planner::{self, Planner};
use crate::provider::{Availability, Draft, DraftError, DraftRequest, Features, Provider, RefineRequest, Refinement};

/// Makes workflows of the tools of MCP servers.
#[derive(Clone)]
pub struct McpProvider {
    name: String,
    /// Only the tools of these servers; all, when absent.
    servers: Option<BTreeSet<String>>,
    /// An agent over a model; it is handed the narrowed catalogue.
    agent: Option<Arc<dyn Provider>>,
    planner: Planner,
}

impl Default for McpProvider {
    fn default() -> Self {
        Self::new("mcp")
    }
}

impl McpProvider {
    /// An instance over the tools of all servers, without a model.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), servers: None, agent: None, planner: Planner::new() }
    }

    /// Only the tools of these servers.
    #[must_use]
    pub fn limited_to(mut self, servers: impl IntoIterator<Item = String>) -> Self {
        self.servers = Some(servers.into_iter().collect());
        self
    }

    /// Drafts with this provider, which should be an agent over a model.
    #[must_use]
    pub fn with_agent(mut self, agent: Arc<dyn Provider>) -> Self {
        self.agent = Some(agent);
        self
    }

    fn is_ours(&self, tool: &Tool) -> bool {
        let Runs::Mcp(form) = &tool.runs else { return false };
        form.server != BUILTIN_SERVER && self.servers.as_ref().is_none_or(|servers| servers.contains(&form.server))
    }

    /// What surrounds a call of the agent: our tools and no others.
    fn narrowed(&self, call: &Call) -> Call {
        let mut catalogue = Catalogue::clone(&call.surroundings.catalogue);
        catalogue.retain(|tool| self.is_ours(tool));
        let surroundings = Surroundings { catalogue: Arc::new(catalogue), ..Surroundings::clone(&call.surroundings) };
        Call { surroundings: Arc::new(surroundings), ..call.clone() }
    }
}

#[async_trait]
impl Provider for McpProvider {
    fn name(&self) -> &str {
        &self.name
    }

    #[expect(clippy::unnecessary_literal_bound, reason = "the signature of the port")]
    fn title(&self) -> &str {
        "MCPProvider"
    }

    fn features(&self) -> Features {
        Features { generation: true, execution: false, refinement: false, streaming: true, compose: true }
    }

    fn availability(&self) -> Availability {
        self.agent.as_ref().map_or(Availability::Available, |agent| agent.availability())
    }

    fn models(&self) -> Vec<String> {
        self.agent.as_ref().map_or_else(|| vec![planner::MODEL.to_owned()], |agent| agent.models())
    }

    async fn draft(&self, request: &DraftRequest, call: &Call) -> Result<Draft, DraftError> {
        if let Some(agent) = &self.agent {
            return agent.draft(request, &self.narrowed(call)).await;
        }
        let tools: Vec<&Tool> = call.surroundings.catalogue.iter().filter(|tool| self.is_ours(tool)).collect();
        assemble::draft(&self.planner, request, &tools).map(Draft::from)
    }

    async fn refine(&self, _request: &RefineRequest, _call: &Call) -> Result<Refinement, DraftError> {
        Err(DraftError::NotSupported { provider: self.name.clone(), feature: "refinement" })
    }
}

#[cfg(test)]
mod tests;
