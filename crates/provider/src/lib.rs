//! From words to drafts. A provider's word is never trusted: [`compose()`] checks every draft with the
//! same validation that everything else goes through, and hands the findings back for another round.
//!
//! ```text
//! task -> Provider::draft -> Draft -> check (core) -> Composed
//!              ^                          |
//!              '------- findings ---------'   (at most `iterations_max` rounds)
//! ```

mod compose;
mod mcp;
mod planner;
mod provider;
mod templates;

pub use compose::{Check, ComposeError, Composed, Metadata, compose, refine};
pub use mcp::McpProvider;
pub use planner::{MODEL, Planner};
pub use provider::{
    Availability, Draft, DraftError, DraftRequest, Features, Provider, RefineRequest, Refinement, RequirementChange,
    UnmetRequirement,
};
pub use templates::{Template, Templates};
