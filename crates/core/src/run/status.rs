//! Statuses of runs and steps, as the API spells them.

use serde::{Deserialize, Serialize};

/// The status of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    Pending,
    Running,
    Paused,
    /// Nothing runs; a timer or a person has to come first.
    Waiting,
    Cancelling,
    RollingBack,
    Success,
    Failed,
    Cancelled,
    TimedOut,
    RolledBack,
    RollbackFailed,
}

impl RunStatus {
    /// Whether a run with this status never changes again.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Success | Self::Failed | Self::Cancelled | Self::TimedOut | Self::RolledBack | Self::RollbackFailed
        )
    }
}

/// How a run ended: the terminal statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Success,
    Failed,
    Cancelled,
    TimedOut,
    RolledBack,
    RollbackFailed,
}

impl From<Verdict> for RunStatus {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Success => Self::Success,
            Verdict::Failed => Self::Failed,
            Verdict::Cancelled => Self::Cancelled,
            Verdict::TimedOut => Self::TimedOut,
            Verdict::RolledBack => Self::RolledBack,
            Verdict::RollbackFailed => Self::RollbackFailed,
        }
    }
}

/// The status of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    Pending,
    Running,
    Retrying,
    Waiting,
    Success,
    Failed,
    Skipped,
    Cancelled,
    TimedOut,
    RolledBack,
    RollbackFailed,
}

/// The text of a status, as JSON and the command line show it.
macro_rules! display_as_serialized {
    ($($name:ident),*) => {$(
        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.serialize(formatter)
            }
        }
    )*};
}

display_as_serialized!(RunStatus, Verdict, StepStatus);
