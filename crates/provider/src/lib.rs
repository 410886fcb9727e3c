//! From words to drafts. A provider's word is never trusted: [`compose()`] checks every draft with the
//! same validation that everything else goes through, and hands the findings back for another round.
//!
//! ```text
//! task -> Provider::draft -> Draft -> check (core) -> Composed
//!              ^                          |
//!              '------- findings ---------'   (at most `iterations_max` rounds)
//! ```

mod compose;
mod provider;

pub use compose::{Check, ComposeError, Composed, Metadata, compose, refine};
pub use provider::{
    Availability, Draft, DraftError, DraftRequest, Features, Provider, RefineRequest, Refinement, RequirementChange,
    UnmetRequirement,
};
