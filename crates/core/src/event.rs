//! Events: what readers of a run see. Each is a projection of one log entry; an entry gives at most
//! one event. The names are listed here and nowhere else.

use serde_json::{Map, Value};

/// Every event name of a run.
pub mod name {
    pub const EXECUTION_START: &str = "execution_start";
    pub const STEP_START: &str = "step_start";
    pub const STEP_OUTPUT: &str = "step_output";
    pub const STEP_RETRY: &str = "step_retry";
    pub const STEP_WAITING: &str = "step_waiting";
    pub const STEP_COMPLETE: &str = "step_complete";
    pub const APPROVAL_REQUESTED: &str = "approval_requested";
    pub const APPROVAL_RESOLVED: &str = "approval_resolved";
    pub const EXECUTION_PAUSED: &str = "execution_paused";
    pub const EXECUTION_RESUMED: &str = "execution_resumed";
    pub const EXECUTION_CANCELLING: &str = "execution_cancelling";
    pub const ROLLBACK_START: &str = "rollback_start";
    pub const ROLLBACK_STEP_START: &str = "rollback_step_start";
    pub const ROLLBACK_STEP_COMPLETE: &str = "rollback_step_complete";
    pub const ROLLBACK_COMPLETE: &str = "rollback_complete";
    pub const EXECUTION_COMPLETE: &str = "execution_complete";
    pub const WARNING: &str = "warning";
    pub const ERROR: &str = "error";
}

/// One event, before it gets the shape of a wire format.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub seq: u64,
    pub at: crate::Millis,
    pub name: &'static str,
    /// The fields of the event, without `event`, `type`, `run_id`, `seq` and `timestamp`.
    pub data: Map<String, Value>,
}

/// The event that an entry is shown as, if it is shown at all.
#[must_use]
pub fn project(entry: &crate::run::record::Entry) -> Option<Event> {
    let _ = entry;
    None
}
