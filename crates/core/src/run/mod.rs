//! The run state machine: pure, total, replayable.

mod machine;

pub mod input;
pub mod record;
pub mod status;
pub mod view;

pub use input::{Decision, Input};
pub use machine::{IllegalRecord, Run};
pub use record::{AttemptId, AttemptKind, Record};
pub use status::{RunStatus, StepStatus, Verdict};
pub use view::{ApprovalView, RunView, StepView};
