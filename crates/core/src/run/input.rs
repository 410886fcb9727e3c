//! What the outside world tells a run.

use serde::{Deserialize, Serialize};

use super::record::AttemptId;
use crate::id::ApprovalId;
use crate::task::Outcome;

/// One thing that happened outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Time went by.
    Tick,
    /// An attempt that was wanted (or is being stopped) has ended. A stale id is ignored.
    Finished(AttemptId, Outcome),
    /// Nobody carries this attempt any more, and nobody knows how far it came.
    Lost(AttemptId),
    /// End the run. With `rollback`, take back what succeeded.
    Cancel {
        rollback: bool,
        reason: Option<String>,
        by: String,
    },
    /// Start nothing new; what runs may end.
    Pause {
        by: String,
    },
    Resume {
        by: String,
    },
    /// A person's answer to an approval.
    Decide {
        approval: ApprovalId,
        decision: Decision,
        comment: Option<String>,
        by: String,
    },
}

/// A person's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Approve,
    Reject,
}
