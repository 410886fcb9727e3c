//! Exit codes, all of them. `docs/cli.md` shows this table.

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ExitCode {
    /// It did what was asked; a run ended with success.
    Success = 0,
    /// A run failed, or timed out; a score is below `--at-least`; a requirement was not met.
    RunFailed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A document is invalid, or a sentence was not understood.
    Invalid = 3,
    /// A plan could hurt and nobody said yes.
    NeedsApproval = 4,
    /// The server can't be reached, or it refuses the key.
    Connection = 5,
    /// What was asked for is not there, or not possible now.
    Refused = 6,
    /// A run failed and was taken back.
    RolledBack = 7,
    /// A run failed and could not be taken back whole: a person has to look.
    RollbackFailed = 8,
    /// A fault of Partita, its disk or its data directory.
    Internal = 70,
    /// A run was cancelled, also by Ctrl-C.
    Cancelled = 130,
}

impl ExitCode {
    /// The code for a run's final status.
    pub(crate) fn of_run(status: &str) -> Self {
        match status {
            "success" => Self::Success,
            "cancelled" => Self::Cancelled,
            "rolled_back" => Self::RolledBack,
            "rollback_failed" => Self::RollbackFailed,
            _ => Self::RunFailed,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
