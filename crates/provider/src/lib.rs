//! From words to drafts. A provider's word is never trusted: [`compose()`] checks every draft with the
//! same validation that everything else goes through, and hands the findings back for another round.
//!
//! ```text
//! task -> Provider::draft -> Draft -> extract -> check (core) -> Composed
//!              ^                                     |
//!              '------------- findings --------------'   (at most `iterations_max` rounds)
//! ```

mod adk;
mod call;
mod changes;
mod claims;
mod compose;
pub mod extract;
mod mcp;
pub mod model;
mod planner;
mod prompt;
mod provider;
mod templates;
mod usage;

pub use adk::{AdkConfig, AdkProvider, Models, NoModels, UnknownModel};
pub use call::{Call, NoPastRuns, PastRuns, Progress, ProgressEvent, RETRIES_DEFAULT, Surroundings};
pub use compose::{Check, ComposeError, Composed, Metadata, compose, refine};
pub use mcp::McpProvider;
pub use planner::{Drafted, MODEL, Planner, Refined};
pub use provider::{
    Availability, Content, Draft, DraftError, DraftRequest, Features, ModelFailure, Provider, RefineRequest,
    Refinement, RequirementChange, UnmetRequirement,
};
pub use templates::{Template, Templates};
pub use usage::{Account, Exhausted, Meter, SpendingLimit, Usage};
