//! The provider `mcp`: not there yet, and it says so.

use async_trait::async_trait;

use crate::call::Call;
use crate::provider::{Availability, Draft, DraftError, DraftRequest, Features, Provider, RefineRequest, Refinement};

/// Stands for the provider that works from the tools and prompts of MCP servers. This version has no
/// connection to any, so it is never available.
#[derive(Clone, Copy, Debug, Default)]
pub struct McpProvider;

const REASON: &str = "this version does not connect to MCP servers yet";

#[async_trait]
impl Provider for McpProvider {
    #[expect(clippy::unnecessary_literal_bound, reason = "the signature of the port")]
    fn name(&self) -> &str {
        "mcp"
    }

    #[expect(clippy::unnecessary_literal_bound, reason = "the signature of the port")]
    fn title(&self) -> &str {
        "MCPProvider"
    }

    fn features(&self) -> Features {
        Features { generation: true, execution: false, refinement: false, streaming: true, compose: true }
    }

    fn availability(&self) -> Availability {
        Availability::Unavailable { reason: REASON.to_owned() }
    }

    fn models(&self) -> Vec<String> {
        Vec::new()
    }

    async fn draft(&self, _request: &DraftRequest, _call: &Call) -> Result<Draft, DraftError> {
        Err(DraftError::Unavailable { message: REASON.to_owned() })
    }

    async fn refine(&self, _request: &RefineRequest, _call: &Call) -> Result<Refinement, DraftError> {
        Err(DraftError::NotSupported { provider: "mcp".to_owned(), feature: "refinement" })
    }
}
