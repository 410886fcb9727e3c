//! The run state machine: pure, total, replayable.
//!
//! ```text
//! Input -> advance -> Record, Record, …          live: decide, then apply
//!                     Record, Record, … -> Run   replay: apply only
//! ```
//!
//! [`Run::advance`] asks for the next record (`forward`, `backward`, `ending`) and applies it
//! (`apply`), until nothing follows from the state alone. Records hold the results of decisions, so
//! that a replay evaluates nothing. What should be running is a function of the state:
//! [`Run::wanted`].

mod apply;
mod backward;
mod bind;
mod conclude;
mod dice;
mod ending;
mod forward;
mod machine;
mod outcome;
mod repeat;
mod state;

pub mod input;
pub mod record;
pub mod status;
pub mod view;

pub use input::{Decision, Input};
pub use machine::IllegalRecord;
pub use record::{AttemptId, AttemptKind, Record};
pub use state::Run;
pub use status::{RunStatus, StepStatus, Verdict};
pub use view::{ApprovalView, RunView, StepView};
