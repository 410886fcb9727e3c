//! Keeps the world equal to what runs want.
//!
//! [`Engine`] is what the server and the command line see. The embedded engine drives each run with
//! one task: input -> `advance` -> commit -> publish -> start and stop attempts.

mod bus;
mod clock;
mod embedded;
mod follow;

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use partita_core::plan::Plan;
use partita_core::run::record::{Entry, Origin};
use partita_core::run::{Decision, IllegalRecord, RunView, Verdict};
use partita_core::{ApprovalId, RunId, TenantId};
use partita_store::{Idempotency, StoreError};

pub use clock::{Clock, Entropy, Now, system_now};
pub use embedded::{EmbeddedEngine, EmbeddedOptions, EmbeddedParts};

/// Begins runs, tells them things, and shows what happens in them.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Begins a run. Durable when this returns; from here on it survives its caller.
    async fn submit(&self, submission: Submission) -> Result<Accepted, EngineError>;

    /// Tells a run something. Returns when what it led to is committed.
    async fn command(&self, tenant: &TenantId, run: &RunId, command: Command) -> Result<(), EngineError>;

    /// The run's entries after `after`: the stored ones, then live ones as they are committed, without a
    /// gap; ends after the last entry of an ended run. Holds no more than a few entries per reader.
    async fn follow(
        &self,
        tenant: &TenantId,
        run: &RunId,
        after: u64,
    ) -> Result<BoxStream<'static, Result<Arc<Entry>, StoreError>>, EngineError>;

    /// The run as it is now, from memory or from its journal.
    async fn view(&self, tenant: &TenantId, run: &RunId) -> Result<RunView, EngineError>;

    /// Waits until a run has ended.
    async fn wait(&self, tenant: &TenantId, run: &RunId) -> Result<Verdict, EngineError>;

    /// How much this process has to do.
    fn load(&self) -> Load;

    /// Takes no more submissions, stops driving runs, and returns when all is at rest. Attempts that run
    /// are ended; their runs go on when the next server starts.
    async fn shut_down(&self);
}

/// How much a process has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Runs that have not ended, those that wait for their turn included.
    pub runs: usize,
    /// How many may be active at a time.
    pub runs_max: usize,
}

/// A run to begin.
#[derive(Clone, Debug)]
pub struct Submission {
    pub tenant: TenantId,
    pub principal: String,
    pub plan: Plan,
    pub origin: Option<Origin>,
    pub idempotency: Option<Idempotency>,
    pub traceparent: Option<String>,
}

/// A run that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub run_id: RunId,
    /// Whether the same request under the same idempotency key had begun it before.
    pub existing: bool,
}

/// What one can tell a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Cancel { rollback: bool, reason: Option<String>, by: String },
    Pause { by: String },
    Resume { by: String },
    Decide { approval: ApprovalId, decision: Decision, comment: Option<String>, by: String },
}

/// Why the engine refused.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("there is no run {0}")]
    NoSuchRun(RunId),
    #[error("there is no open approval {0}")]
    NoSuchApproval(ApprovalId),
    /// It makes no sense in the run's present state; the text says which.
    #[error("{0}")]
    Refused(String),
    #[error("the server waits for {limit} runs already")]
    Busy { limit: usize },
    /// The journal contradicts itself; somebody has to look at it.
    #[error("the journal of run {run} is damaged: {error}")]
    Damaged { run: RunId, error: IllegalRecord },
    #[error("the server is shutting down")]
    ShuttingDown,
    #[error(transparent)]
    Store(#[from] StoreError),
}
