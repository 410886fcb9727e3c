//! How a step ends: the record that says so.

use serde_json::{Map, Value};

use super::outcome;
use super::record::{Record, StopReason};
use super::repeat::{self, Round};
use super::state::{Active, Answer, Lane, LaneState, Run};
use super::status::StepStatus;
use crate::plan::{PlannedAction, PlannedStep};
use crate::task::{OutcomeResult, parse_output};
use crate::time::Millis;

/// Longest output that readers are shown with the end of a step, in bytes; all of it is in the log.
const SHOWN_BYTES_MAX: usize = 32 * 1024;

/// What a step ends with.
struct End {
    status: StepStatus,
    exit_code: Option<i32>,
    output: Option<String>,
    outputs: Map<String, Value>,
    error: Option<String>,
    excused: bool,
}

impl End {
    fn of(status: StepStatus, error: Option<String>) -> Self {
        Self { status, exit_code: None, output: None, outputs: Map::new(), error, excused: false }
    }

    /// The record, for a step that has begun.
    fn record(self, run: &Run, step: u32, now: Millis) -> Record {
        let started_at = run.steps.get(step as usize).and_then(|step| step.started_at);
        Record::StepFinished {
            step,
            name: run.plan.steps[step as usize].name.clone(),
            status: self.status,
            duration_ms: started_at.map_or(0, |started_at| now.saturating_sub(started_at)),
            exit_code: self.exit_code,
            output: self.output.map(shown),
            outputs: self.outputs,
            error: self.error,
            excused: self.excused,
        }
    }

    /// Lets `continue_on` have its say about a failure.
    fn excuse(mut self, planned: &PlannedStep, lane: Option<&Lane>) -> Self {
        let failed = matches!(self.status, StepStatus::Failed | StepStatus::TimedOut);
        let own = lane.and_then(|lane| lane.outcome.as_ref());
        let excused = own.map_or(planned.continue_on.failure, |own| outcome::is_excused(&planned.continue_on, own));
        if failed && excused {
            self.excused = true;
            if planned.continue_on.mark_success {
                self.status = StepStatus::Success;
            }
        }
        self
    }
}

/// Cuts what readers are shown.
fn shown(mut output: String) -> String {
    if output.len() > SHOWN_BYTES_MAX {
        let bytes = output.len();
        let mut end = SHOWN_BYTES_MAX;
        while !output.is_char_boundary(end) {
            end -= 1;
        }
        output.truncate(end);
        output.push_str(&format!("\n[cut: {bytes} bytes in all]"));
    }
    output
}

/// A step that ends without having begun.
pub(super) fn unbegun(step: u32, name: String, status: StepStatus, error: Option<String>) -> Record {
    Record::StepFinished {
        step,
        name,
        status,
        duration_ms: 0,
        exit_code: None,
        output: None,
        outputs: Map::new(),
        error,
        excused: false,
    }
}

/// A step whose `if` is false: what comes after it goes on.
pub(super) fn passed_over(step: u32, name: String, condition: &str) -> Record {
    Record::StepFinished {
        step,
        name,
        status: StepStatus::Skipped,
        duration_ms: 0,
        exit_code: None,
        output: None,
        outputs: Map::new(),
        error: Some(format!("its `if` does not hold: {condition}")),
        excused: true,
    }
}

/// A step that can't do its work: preconditions, items, a question that can't be asked.
pub(super) fn refused(run: &Run, step: u32, status: StepStatus, reason: String, now: Millis) -> Record {
    End::of(status, Some(reason)).excuse(&run.plan.steps[step as usize], None).record(run, step, now)
}

/// A question that nobody answered in time.
pub(super) fn unanswered(run: &Run, step: u32, now: Millis) -> Record {
    let limit_ms = match &run.plan.steps[step as usize].action {
        PlannedAction::Approval { timeout_ms, .. } => *timeout_ms,
        _ => None,
    };
    let error = format!("nobody answered within {}", outcome::limit_text(limit_ms));
    refused(run, step, StepStatus::TimedOut, error, now)
}

/// A question that was answered.
pub(super) fn answered(run: &Run, step: u32, answer: &Answer, now: Millis) -> Record {
    let Answer { approved, comment, by } = answer;
    if *approved {
        let end = End { output: comment.clone(), ..End::of(StepStatus::Success, None) };
        return end.record(run, step, now);
    }
    let error = match comment {
        Some(comment) => format!("rejected by {by}: {comment}"),
        None => format!("rejected by {by}"),
    };
    refused(run, step, StepStatus::Failed, error, now)
}

/// A step whose attempts are all over.
pub(super) fn ended(run: &Run, step: u32, now: Millis) -> Record {
    let planned = &run.plan.steps[step as usize];
    let Some(active) = run.steps.get(step as usize).and_then(|step| step.active.as_deref()) else {
        return refused(run, step, StepStatus::Failed, "it is not active".to_owned(), now);
    };
    let all_done =
        active.lanes_done as usize == active.lanes.len() && (planned.foreach.is_none() || active.items.is_some());
    let end = if let Some(item) = active.failed_lane {
        failed(run, planned, active, item)
    } else if all_done {
        succeeded(run, planned, active)
    } else {
        interrupted(run, active)
    };
    end.record(run, step, now)
}

fn failed(run: &Run, planned: &PlannedStep, active: &Active, item: u32) -> End {
    let Some(lane) = active.lanes.get(item as usize) else { return End::of(StepStatus::Failed, None) };
    let Some(own) = &lane.outcome else { return End::of(StepStatus::Failed, None) };
    let mut error = match lane.stopped {
        Some(StopReason::StepTimeout) => format!("took longer than {}", outcome::limit_text(planned.timeout_ms)),
        Some(StopReason::RunTimeout | StopReason::Cancel | StopReason::Failure) => run.stop_text(),
        None => outcome::describe(own, None),
    };
    if let (Some(repeat), false) = (&planned.repeat, own.is_success())
        && lane.iteration > 0
    {
        error = format!("round {} of at most {}: {error}", lane.iteration + 1, repeat.limit);
    }
    if lane.number > 1 && !matches!(own.result, OutcomeResult::Lost { .. }) {
        error = format!("{error} (attempt {} of {})", lane.number, planned.retry.max_attempts.max(lane.number));
    }
    if let Some(items) = &active.items {
        let value = items.get(item as usize).map(ToString::to_string).unwrap_or_default();
        error =
            format!("item {} of {} ({}): {error}", item + 1, items.len(), value.chars().take(80).collect::<String>());
    }
    let end = End {
        exit_code: own.exit_code,
        output: output(active),
        ..End::of(outcome::status(own, lane.stopped), Some(error))
    };
    end.excuse(planned, Some(lane))
}

fn succeeded(run: &Run, planned: &PlannedStep, active: &Active) -> End {
    let mut end = End { output: output(active), ..End::of(StepStatus::Success, None) };
    let own = active.lanes.last();
    end.exit_code = own.and_then(|lane| lane.outcome.as_ref()).and_then(|outcome| outcome.exit_code);
    if let Some(repeat) = &planned.repeat {
        let failure = active.lanes.iter().find_map(|lane| match repeat::round(run, planned, repeat, lane) {
            Round::Failed(error) => Some(error),
            Round::Again | Round::Over => None,
        });
        if let Some(error) = failure {
            (end.status, end.error) = (StepStatus::Failed, Some(error));
            return end.excuse(planned, own);
        }
    }
    let Some(own) = own.filter(|_| !planned.outputs.is_empty()) else { return end };
    match run.declared_outputs(planned, own) {
        Ok(outputs) => end.outputs = outputs,
        Err(error) => (end.status, end.error) = (StepStatus::Failed, Some(error)),
    }
    end.excuse(planned, Some(own))
}

fn interrupted(run: &Run, active: &Active) -> End {
    let status = match run.stop_reason() {
        StopReason::RunTimeout => StepStatus::TimedOut,
        _ => StepStatus::Cancelled,
    };
    End { output: output(active), ..End::of(status, Some(run.stop_text())) }
}

/// The output of a step: that of its only item, or a JSON list of all.
fn output(active: &Active) -> Option<String> {
    let of = |lane: &Lane| lane.outcome.as_ref().and_then(|outcome| outcome.output.clone());
    if active.items.is_none() {
        return active.lanes.first().and_then(of);
    }
    let value = |lane: &Lane| match (lane.state, of(lane)) {
        (LaneState::Idle, _) | (_, None) => Value::Null,
        (_, Some(output)) => parse_output(&output),
    };
    Some(Value::Array(active.lanes.iter().map(value).collect()).to_string())
}
