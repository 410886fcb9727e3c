//! The journal's vocabulary. What is written here must be readable for years: a field is never
//! renamed or given another meaning; new fields have defaults; a change that can't be made that way
//! gets a new [`VERSION`] and a conversion from the old. Samples of every version are committed under
//! `testdata/journal/` and replayed by a test.
//!
//! A stored record is one JSON object: `{"v":1,"type":"attempt_started",…}`. When it happened and its
//! number stand beside it in the store.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::input::Decision;
use super::status::{StepStatus, Verdict};
use crate::Millis;
use crate::id::{ApprovalId, RunId};
use crate::plan::Plan;
use crate::task::Outcome;

/// The version this program writes.
pub const VERSION: u32 = 1;

/// Names one attempt, and fences it: the word of an attempt that is not the current one is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId {
    /// Index into the plan's steps; for a handler 0 success, 1 failure, 2 cancel, 3 exit.
    pub step: u32,
    pub kind: AttemptKind,
    /// Index of the item of a `foreach`; of the precondition for a check.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub item: u32,
    /// 0-based round of a `repeat`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub iteration: u32,
    /// 1-based try.
    pub number: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What an attempt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptKind {
    /// Carries out the step.
    Do,
    /// Takes it back.
    Undo,
    /// Tries a shell precondition. `u32::MAX` as step: of the workflow itself.
    Check,
    /// Runs a handler.
    Handler,
}

/// Why an attempt is asked to end before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The step's time limit.
    StepTimeout,
    /// The run's time limit.
    RunTimeout,
    Cancel,
    /// Another step failed and the run does not go on.
    Failure,
}

/// One journalled fact. Replaying a journal is applying its records in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Record {
    /// Always the first record; the run exists from here on.
    Created {
        run_id: RunId,
        plan: Arc<Plan>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<Origin>,
    },
    /// Event `execution_start`.
    Started { workflow: String, steps: u32 },
    /// The items of a `foreach`, known now.
    ItemsResolved { step: u32, items: Vec<Value> },
    /// Intent: written before the attempt may begin. The first `Do` of a step is the event `step_start`,
    /// the first `Undo` of a step `rollback_step_start`; others are no event. A step that asks a person
    /// has an attempt too, which no runner carries out.
    AttemptStarted {
        id: AttemptId,
        name: String,
        /// Whether the step, or its rollback, begins with it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        first: bool,
    },
    /// The attempt is to end. It counts as running until it is `AttemptFinished`.
    AttemptStopping { id: AttemptId, reason: StopReason },
    /// With `retry_at`, event `step_retry`.
    AttemptFinished {
        id: AttemptId,
        name: String,
        outcome: Outcome,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<Millis>,
    },
    /// A `repeat` waits for its next round. Event `step_waiting`.
    StepWaiting {
        step: u32,
        #[serde(default, skip_serializing_if = "is_zero")]
        item: u32,
        name: String,
        until: Millis,
        reason: String,
    },
    /// Event `step_complete`.
    StepFinished {
        step: u32,
        name: String,
        status: StepStatus,
        duration_ms: Millis,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit_code: Option<i32>,
        /// Only what readers are shown: the whole output is in the attempt's outcome. For a `foreach`,
        /// a JSON list of the items' outputs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<String>,
        /// Declared outputs, evaluated.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        outputs: Map<String, Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// Whether a failure was excused by `continue_on`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        excused: bool,
    },
    /// Event `approval_requested`.
    ApprovalRequested {
        step: u32,
        name: String,
        approval: ApprovalId,
        message: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Millis>,
    },
    /// Event `approval_resolved`.
    ApprovalResolved {
        step: u32,
        name: String,
        approval: ApprovalId,
        decision: Decision,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
        by: String,
    },
    /// Event `execution_paused`.
    Paused { by: String },
    /// Event `execution_resumed`.
    Resumed { by: String },
    /// Event `execution_cancelling`.
    CancelRequested {
        rollback: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        by: String,
    },
    /// The run's time limit is over. Event `warning`.
    RunTimedOut { limit_ms: Millis },
    /// Event `rollback_start`. `steps`: names in the order in which they may be taken back.
    RollbackStarted { steps: Vec<String>, reason: String },
    /// Event `rollback_step_complete`.
    UndoFinished {
        step: u32,
        name: String,
        status: StepStatus,
        duration_ms: Millis,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// Event `rollback_complete`.
    RollbackFinished { status: Verdict },
    /// Event `warning`.
    Warning {
        code: String,
        message: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<String>,
    },
    /// Always the last record. Event `execution_complete`.
    Finished {
        verdict: Verdict,
        duration_ms: Millis,
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        outputs: Map<String, Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
}

/// The run that this one retries or takes back, and how to take over what it had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    pub run_id: RunId,
    /// `retry` or `rollback`.
    pub reason: String,
}

/// A piece of a step's output, in the order it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    pub id: AttemptId,
    pub name: String,
    pub stream: OutputStream,
    pub text: String,
}

/// Which stream of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputStream {
    Stdout,
    Stderr,
}

/// One entry of a run's log, in the order in which everything happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Dense per run, from 1; the `id` of the event, when there is one.
    pub seq: u64,
    pub at: Millis,
    pub body: EntryBody,
}

/// A record or a piece of output.
#[derive(Clone, Debug, PartialEq)]
pub enum EntryBody {
    Record(Record),
    Chunk(Chunk),
}

/// A stored record can't be read.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableRecord {
    /// A later program wrote it.
    #[error(
        "the record has version {found}, this program reads versions up to {VERSION}: use the newer partita for this data directory"
    )]
    Newer { found: u32 },
    #[error("the record is not readable: {0}")]
    Malformed(#[from] serde_json::Error),
}

#[derive(Serialize)]
struct VersionedOut<'a> {
    v: u32,
    #[serde(flatten)]
    record: &'a Record,
}

#[derive(Deserialize)]
struct VersionOnly {
    v: u32,
}

impl Record {
    /// The stored form.
    ///
    /// # Errors
    ///
    /// When the record holds a value that JSON has no form for, which no record does.
    pub fn encode(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&VersionedOut { v: VERSION, record: self })
    }

    /// Reads a stored form.
    ///
    /// # Errors
    ///
    /// When it is not JSON of a known shape, or a newer program wrote it.
    pub fn decode(text: &str) -> Result<Self, UnreadableRecord> {
        let VersionOnly { v } = serde_json::from_str(text)?;
        if v > VERSION {
            return Err(UnreadableRecord::Newer { found: v });
        }
        Ok(serde_json::from_str(text)?)
    }
}
