//! The run state machine: pure, total, replayable.

pub mod input;
pub mod record;
pub mod status;

pub use input::{Decision, Input};
pub use record::{AttemptId, AttemptKind, Record};
pub use status::{RunStatus, StepStatus, Verdict};
