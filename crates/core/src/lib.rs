//! The workflow language and the run state machine of Partita.
//!
//! Everything here is a pure function of its arguments: no IO, no async, no clock, no random
//! numbers, no environment. Time and randomness come in as [`Moment`]; a caller that wants to act
//! asks the [`run::Run`] what it wants and does that.
//!
//! ```text
//! text -> workflow::parse -> Workflow -> workflow::plan -> Plan -> run::Run -> Record -> event::Event
//! ```
//!
//! # Glossary
//!
//! workflow (a document), step, tool, provider, model, draft (a provider's text), plan (a validated
//! workflow; cannot be wrong), run (one execution), attempt (one try of one step), record (what the
//! journal keeps), event (what readers of a run see), runner (where a step runs), engine (what drives
//! runs), rollback (compensation, in reverse), approval, policy, session, template, principal.
//! Rejected words: job, task list, DAG run, abort, undo log, pipeline.

pub mod diagnostic;
pub mod event;
pub mod id;
pub mod limits;
pub mod plan;
pub mod run;
pub mod task;
pub mod time;
pub mod tool;
pub mod workflow;

pub use diagnostic::{Diagnostic, Severity};
pub use id::{ApprovalId, PrincipalId, RunId, TenantId};
pub use time::{Millis, Moment};
