//! The port that keeps what happened in runs.

use async_trait::async_trait;
use partita_core::run::record::{AttemptKind, Chunk, Entry};
use partita_core::run::{Record, RunStatus};
use partita_core::{Millis, RunId, TenantId};

use crate::StoreError;

/// Keeps the journal and the output of runs. Every method is atomic: after a crash or an error either
/// all of its effect is there or none. A returned `Ok` means durable.
#[async_trait]
pub trait RunLog: Send + Sync {
    /// Begins a run: its row, its idempotency key and its first record, in one transaction.
    /// With a key that was used before, gives the earlier run and writes nothing.
    async fn submit(&self, run: NewRun) -> Result<Submitted, StoreError>;

    /// The run that was begun under an idempotency key, without beginning one.
    async fn begun_under(&self, tenant: &TenantId, idempotency: &Idempotency) -> Result<Option<RunId>, StoreError>;

    /// Appends records and output. `Conflict` when record `append.after.0 + 1` exists already: another
    /// owner wrote it. Cancelling the future does not undo an append that was queued.
    async fn append(&self, append: Append) -> Result<Appended, StoreError>;

    /// All records of a run in order, without output. Empty when there is no such run.
    async fn replay(&self, run: &RunId) -> Result<Vec<StoredRecord>, StoreError>;

    /// Entries (records and output) with `seq > query.after`, in order, at most `query.limit`.
    async fn entries(&self, query: EntryQuery) -> Result<Vec<Entry>, StoreError>;

    /// One run of a tenant; `None` for a foreign or unknown id.
    async fn get(&self, tenant: &TenantId, run: &RunId) -> Result<Option<RunSummary>, StoreError>;

    /// Runs of a tenant, newest first.
    async fn list(&self, filter: RunFilter) -> Result<Page<RunSummary>, StoreError>;

    /// Every run of every tenant that has not ended, oldest first: what a restart goes on with.
    async fn unfinished(&self) -> Result<Vec<RunSummary>, StoreError>;
}

/// A run to begin.
#[derive(Clone, Debug)]
pub struct NewRun {
    pub run_id: RunId,
    pub tenant: TenantId,
    /// Who submitted it.
    pub principal: String,
    pub workflow: String,
    pub created_at: Millis,
    pub idempotency: Option<Idempotency>,
    /// W3C trace context of the request.
    pub traceparent: Option<String>,
    /// Always a `Created` record.
    pub first: Record,
}

/// An idempotency key, scoped by its caller and the endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    pub scope: String,
    pub key: String,
    /// A digest of the request; another one under the same key is a mismatch.
    pub fingerprint: String,
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    New,
    /// The run that was begun under this idempotency key earlier.
    Existing(RunId),
}

/// The number of the last record the caller knows of; records are numbered densely from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AfterRecord(pub u64);

/// What one step forward of one run adds. The entries get `seq`s in this order: `chunks`, then
/// `records` (output that came before an attempt ended is seen before its end).
#[derive(Clone, Debug)]
pub struct Append {
    pub run_id: RunId,
    pub after: AfterRecord,
    pub at: Millis,
    pub chunks: Vec<Chunk>,
    pub records: Vec<Record>,
    /// The run's new status, when it changed; kept in the run's row with `started_at`/`completed_at`.
    pub status: Option<RunStatus>,
}

/// The `seq` of the first and the last entry of an append; equal to `last + 1, last` when it was empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub first_seq: u64,
    pub last_seq: u64,
}

/// A record with its number and time.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRecord {
    pub record_no: u64,
    pub seq: u64,
    pub at: Millis,
    pub record: Record,
}

/// Which entries of a run to read.
#[derive(Clone, Debug)]
pub struct EntryQuery {
    pub run_id: RunId,
    pub after: u64,
    pub limit: usize,
    /// Only the output of this step (by index; its rollback and its preconditions count, handlers do
    /// not), no records.
    pub output_of: Option<u32>,
}

/// A run's row.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSummary {
    pub run_id: RunId,
    pub tenant: TenantId,
    pub principal: String,
    pub workflow: String,
    pub status: RunStatus,
    pub created_at: Millis,
    pub started_at: Option<Millis>,
    pub completed_at: Option<Millis>,
    pub last_seq: u64,
    pub traceparent: Option<String>,
}

/// Which runs to list.
#[derive(Clone, Debug)]
pub struct RunFilter {
    pub tenant: TenantId,
    pub status: Option<RunStatus>,
    pub workflow: Option<String>,
    pub limit: usize,
    /// As a page before gave it.
    pub cursor: Option<String>,
}

/// A part of a list, and where the next part begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
}

/// The step whose output a chunk is: none for handlers and for the preconditions of the workflow.
pub(crate) fn step_of(chunk: &Chunk) -> Option<u32> {
    let is_step = chunk.id.kind != AttemptKind::Handler && chunk.id.step != u32::MAX;
    is_step.then_some(chunk.id.step)
}
