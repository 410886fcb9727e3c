//! The way back: which record comes next while what was done is taken back, one step at a time.
//!
//! Steps are taken back in the reverse of the order in which they ended, so that nothing is taken
//! back before what was built on it. When one can't be taken back, what it was built on stays as it
//! is, and independent steps are taken back all the same.

use super::record::{AttemptId, AttemptKind, Record, StopReason};
use super::state::{LaneState, Rollback, Run, Undo};
use super::status::StepStatus;
use crate::plan::PlannedStep;
use crate::time::{Millis, Moment};
use crate::workflow::document::{Effects, OnFailure, RollbackWhen};

impl Run {
    /// Whether what was done is to be taken back.
    pub(super) fn wants_rollback(&self) -> bool {
        let after_failure = self.plan.on_failure == OnFailure::Rollback && (self.failure.is_some() || self.timed_out);
        after_failure || self.cancel.as_ref().is_some_and(|cancel| cancel.rollback)
    }

    /// The items of a step that a rollback takes back, in order; none when the step stays as it is.
    pub(super) fn items_to_undo(&self, step: u32) -> Vec<u32> {
        let planned = self.plan.steps.get(step as usize).and_then(|planned| planned.rollback.as_ref());
        let end = self.steps.get(step as usize).and_then(|state| state.result.as_deref());
        let (Some(rollback), Some(end)) = (planned, end) else { return Vec::new() };
        let whole =
            end.status == StepStatus::Success || !end.items_begun.is_empty() && end.items_done == end.items_begun;
        let items = match rollback.when {
            RollbackWhen::Started => &end.items_begun,
            RollbackWhen::Succeeded if whole => &end.items_done,
            RollbackWhen::Succeeded => return Vec::new(),
        };
        items.iter().rev().copied().collect()
    }

    /// The record that begins a rollback, after a warning about what it can't take back.
    pub(super) fn begin_rollback(&self) -> Vec<Record> {
        let order = self.rollback_order();
        let name = |step: &u32| self.plan.steps[*step as usize].name.clone();
        let mut records = Vec::new();
        let kept: Vec<String> = self.completed.iter().filter(|step| self.stays_changed(**step)).map(name).collect();
        if !kept.is_empty() {
            let message = format!("these steps changed something and have no rollback: {}", kept.join(", "));
            records.push(Record::Warning { code: "not_taken_back".to_owned(), message, step: None });
        }
        let reason = self.run_error().unwrap_or_else(|| "asked for".to_owned());
        records.push(Record::RollbackStarted { steps: order.iter().map(name).collect(), reason });
        records
    }

    /// Whether a step did something that nothing takes back.
    fn stays_changed(&self, step: u32) -> bool {
        let planned = &self.plan.steps[step as usize];
        let done = self.steps[step as usize].result.as_deref().is_some_and(|end| !end.items_done.is_empty());
        let changes = matches!(planned.effects, Effects::Write | Effects::Destructive);
        done && changes && planned.rollback.is_none()
    }

    /// The next record of a rollback that has begun, or `None` when something outside has to happen.
    pub(super) fn next_backward(&self, rollback: &Rollback, moment: Moment) -> Option<Record> {
        let Some(step) = rollback.order.get(rollback.position).copied() else {
            return Some(Record::RollbackFinished { status: Self::rollback_verdict(rollback) });
        };
        let planned = &self.plan.steps[step as usize];
        if self.abandoned {
            if let Some(id) = self.wanted.first() {
                return Some(Record::AttemptStopping { id: *id, reason: StopReason::Cancel });
            }
            if self.in_flight.is_empty() {
                let error = Some("the rollback was cancelled".to_owned());
                return Some(undo_finished(step, planned, StepStatus::RollbackFailed, error, 0));
            }
            return None;
        }
        if self.paused && self.in_flight.is_empty() {
            return None;
        }
        match &rollback.current {
            None if rollback.blocked.contains(&step) => {
                let error = Some("left as it is, because what was built on it could not be taken back".to_owned());
                Some(undo_finished(step, planned, StepStatus::RollbackFailed, error, 0))
            }
            None => {
                let item = self.items_to_undo(step).first().copied()?;
                Some(self.start(AttemptId { step, kind: AttemptKind::Undo, item, iteration: 0, number: 1 }))
            }
            Some(undo) => self.go_on_undoing(step, undo, moment.now),
        }
    }

    fn go_on_undoing(&self, step: u32, undo: &Undo, now: Millis) -> Option<Record> {
        let id = AttemptId { step, kind: AttemptKind::Undo, item: undo.item, iteration: 0, number: 1 };
        match undo.lane.state {
            LaneState::Running | LaneState::Asking => None,
            LaneState::Delayed(until) if until > now => None,
            LaneState::Delayed(_) | LaneState::Idle => {
                Some(self.start(AttemptId { number: undo.lane.number + 1, ..id }))
            }
            LaneState::Ended => {
                let items = self.items_to_undo(step);
                if let Some(item) = items.get(undo.items_through as usize) {
                    return Some(self.start(AttemptId { item: *item, ..id }));
                }
                let status = if undo.error.is_none() { StepStatus::RolledBack } else { StepStatus::RollbackFailed };
                let duration_ms = now.saturating_sub(undo.started_at);
                Some(undo_finished(step, &self.plan.steps[step as usize], status, undo.error.clone(), duration_ms))
            }
        }
    }
}

fn undo_finished(
    step: u32,
    planned: &PlannedStep,
    status: StepStatus,
    error: Option<String>,
    duration_ms: Millis,
) -> Record {
    Record::UndoFinished { step, name: planned.name.clone(), status, duration_ms, error }
}
