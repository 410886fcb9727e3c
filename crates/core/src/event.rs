//! Events: what readers of a run see. Each is a projection of one log entry; an entry gives at most
//! one event. The names are listed here and nowhere else.

use serde_json::{Map, Value, json};

use crate::limits;
use crate::run::record::{AttemptId, AttemptKind, Chunk, Entry, EntryBody, OutputStream, Record};
use crate::run::{Decision, StepStatus};
use crate::task::OutcomeResult;
use crate::time::{Millis, rfc3339};

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
    pub at: Millis,
    pub name: &'static str,
    /// The fields of the event, without `event`, `type`, `run_id`, `seq` and `timestamp`.
    pub data: Map<String, Value>,
}

/// What readers see of an entry; `None` for entries that only the run itself needs.
#[must_use]
pub fn project(entry: &Entry) -> Option<Event> {
    let (name, data) = match &entry.body {
        EntryBody::Chunk(chunk) => (name::STEP_OUTPUT, output(chunk)),
        EntryBody::Record(record) => of_record(record)?,
    };
    let Value::Object(mut data) = data else { return None };
    data.retain(|_, value| !value.is_null());
    cut_to_size(&mut data);
    Some(Event { seq: entry.seq, at: entry.at, name, data })
}

fn output(chunk: &Chunk) -> Value {
    let stream = match chunk.stream {
        OutputStream::Stdout => "stdout",
        OutputStream::Stderr => "stderr",
    };
    let AttemptId { step, kind, item, number, .. } = chunk.id;
    let (index, phase) = match kind {
        AttemptKind::Do => (Some(step), None),
        AttemptKind::Undo => (Some(step), Some("rollback")),
        AttemptKind::Check => (Some(step).filter(|step| *step != u32::MAX), Some("precondition")),
        AttemptKind::Handler => (None, Some("handler")),
    };
    let item = Some(item).filter(|item| *item > 0);
    let attempt = Some(number).filter(|number| *number > 1);
    json!({
        "step": chunk.name, "index": index, "output": chunk.text, "stream": stream, "phase": phase, "item": item,
        "attempt": attempt,
    })
}

fn of_record(record: &Record) -> Option<(&'static str, Value)> {
    let (name, data) = match record {
        Record::Created { .. } | Record::ItemsResolved { .. } | Record::AttemptStopping { .. } => return None,
        Record::Started { workflow, steps } => {
            (name::EXECUTION_START, json!({"workflow": workflow, "steps": steps, "status": "running"}))
        }
        Record::AttemptStarted { id, name, first } => return attempt_started(*id, name, *first),
        Record::AttemptFinished { .. } => return attempt_finished(record),
        Record::StepWaiting { step, name, until, reason, .. } => {
            (name::STEP_WAITING, json!({"step": name, "index": step, "until": rfc3339(*until), "reason": reason}))
        }
        Record::StepFinished { .. } => step_finished(record)?,
        Record::ApprovalRequested { step, name, approval, message, expires_at } => (
            name::APPROVAL_REQUESTED,
            json!({
                "step": name, "index": step, "approval_id": approval, "message": message,
                "expires_at": expires_at.map(rfc3339),
            }),
        ),
        Record::ApprovalResolved { step, name, approval, decision, comment, by } => {
            let decision = if *decision == Decision::Approve { "approved" } else { "rejected" };
            (
                name::APPROVAL_RESOLVED,
                json!({
                    "step": name, "index": step, "approval_id": approval, "decision": decision, "comment": comment,
                    "by": by,
                }),
            )
        }
        Record::Paused { by } => (name::EXECUTION_PAUSED, json!({"by": by})),
        Record::Resumed { by } => (name::EXECUTION_RESUMED, json!({"by": by})),
        Record::CancelRequested { rollback, reason, by } => {
            (name::EXECUTION_CANCELLING, json!({"rollback": rollback, "reason": reason, "by": by}))
        }
        Record::RunTimedOut { limit_ms } => {
            let message = format!("the run took longer than {}", crate::time::format_duration(*limit_ms));
            (name::WARNING, json!({"code": "run_timeout", "message": message}))
        }
        Record::RollbackStarted { steps, reason } => (name::ROLLBACK_START, json!({"steps": steps, "reason": reason})),
        Record::UndoFinished { step, name, status, duration_ms, error } => (
            name::ROLLBACK_STEP_COMPLETE,
            json!({"step": name, "index": step, "status": status, "duration": seconds(*duration_ms), "error": error}),
        ),
        Record::RollbackFinished { status } => (name::ROLLBACK_COMPLETE, json!({"status": status})),
        Record::Warning { code, message, step } => {
            (name::WARNING, json!({"code": code, "message": message, "step": step}))
        }
        Record::Finished { verdict, duration_ms, outputs, error } => (
            name::EXECUTION_COMPLETE,
            json!({"status": verdict, "duration": seconds(*duration_ms), "outputs": outputs, "error": error}),
        ),
    };
    Some((name, data))
}

fn attempt_started(id: AttemptId, name: &str, first: bool) -> Option<(&'static str, Value)> {
    let data = || json!({"step": name, "index": id.step});
    match id.kind {
        AttemptKind::Do if first => Some((name::STEP_START, data())),
        AttemptKind::Undo if first => Some((name::ROLLBACK_STEP_START, data())),
        _ => None,
    }
}

fn attempt_finished(record: &Record) -> Option<(&'static str, Value)> {
    let Record::AttemptFinished { id, name, outcome, retry_at: Some(retry_at) } = record else { return None };
    let error = match &outcome.result {
        OutcomeResult::Success => "success",
        OutcomeResult::Stopped => "it took longer than its time limit",
        OutcomeResult::Failed { error }
        | OutcomeResult::Signalled { error, .. }
        | OutcomeResult::NotStarted { error }
        | OutcomeResult::TimedOut { error }
        | OutcomeResult::Lost { error } => error,
    };
    let index = (id.kind != AttemptKind::Handler).then_some(id.step);
    let data = json!({
        "step": name, "index": index, "attempt": id.number, "error": error, "exit_code": outcome.exit_code,
        "retry_at": rfc3339(*retry_at),
    });
    Some((name::STEP_RETRY, data))
}

fn step_finished(record: &Record) -> Option<(&'static str, Value)> {
    let Record::StepFinished { step, name, status, duration_ms, exit_code, output, outputs, error, excused } = record
    else {
        return None;
    };
    let outputs = (!outputs.is_empty()).then_some(outputs);
    let excused = (*excused && *status != StepStatus::Skipped).then_some(true);
    let data = json!({
        "step": name, "index": step, "status": status, "duration": seconds(*duration_ms), "exit_code": exit_code,
        "output": output.as_deref().filter(|output| !output.is_empty()), "outputs": outputs,
        "error": error, "excused": excused,
    });
    Some((name::STEP_COMPLETE, data))
}

/// A span as readers see it: seconds, with three digits behind the point.
#[must_use]
pub fn seconds(span_ms: Millis) -> f64 {
    span_ms as f64 / 1_000.0
}

/// Cuts what makes an event too large for a line that every client can read.
fn cut_to_size(data: &mut Map<String, Value>) {
    let size = |value: &Value| value.to_string().len();
    let mut total: usize = data.values().map(size).sum();
    while total > limits::EVENT_BYTES_MAX {
        let largest = data.iter_mut().max_by_key(|(_, value)| size(value));
        let Some((_, value)) = largest else { return };
        let before = size(value);
        let text = match &*value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let keep = (text.len() / 2).min(limits::EVENT_BYTES_MAX / 3);
        if keep < 64 {
            return;
        }
        let mut end = keep;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        *value = Value::String(format!("{}\n[cut: {} bytes in all]", &text[..end], text.len()));
        total = total - before + size(value);
    }
}
