//! The only place that changes a run: applying a record. Live and on replay alike, and without
//! evaluating anything, so that a journal means the same to every later program.

use std::collections::BTreeSet;

use super::record::{AttemptId, AttemptKind, Record, StopReason};
use super::state::{
    Active, Answer, Approval, Cancel, Deadline, Ended, LaneState, Rollback, Run, StepEnd, Undo, WORKFLOW,
};
use super::status::{StepStatus, Verdict};
use crate::task::Outcome;
use crate::time::Millis;

/// Why a record does not fit.
type Misfit = &'static str;

impl Run {
    /// Applies one record that was written at `at`.
    pub(super) fn apply(&mut self, record: &Record, at: Millis) -> Result<(), Misfit> {
        if self.ended.is_some() {
            return Err("the run has ended");
        }
        match record {
            Record::Created { .. } => return Err("a run is created once"),
            Record::Started { .. } => self.apply_started(at)?,
            Record::ItemsResolved { step, items } => self.apply_items(*step, items)?,
            Record::AttemptStarted { id, .. } => self.apply_attempt_started(*id, at)?,
            Record::AttemptStopping { id, reason } => self.apply_stopping(*id, *reason)?,
            Record::AttemptFinished { id, outcome, retry_at, .. } => {
                self.apply_attempt_finished(*id, outcome, *retry_at)?;
            }
            Record::StepWaiting { step, item, until, .. } => self.apply_waiting(*step, *item, *until)?,
            Record::StepFinished { step, .. } => self.apply_step_finished(*step, record, at)?,
            Record::ApprovalRequested { .. } => self.apply_approval_requested(record, at)?,
            Record::ApprovalResolved { .. } => self.apply_approval_resolved(record)?,
            Record::Paused { .. } => self.paused = true,
            Record::Resumed { .. } => self.apply_resumed(),
            Record::CancelRequested { rollback, reason, by } => {
                if self.is_forward_over() {
                    self.abandoned = true;
                } else {
                    self.cancel = Some(Cancel { rollback: *rollback, reason: reason.clone(), by: by.clone() });
                    self.look_at_everything();
                }
            }
            Record::RunTimedOut { .. } => {
                self.timed_out = true;
                self.deadlines.retain(|(_, deadline)| *deadline != Deadline::Run);
                self.look_at_everything();
            }
            Record::RollbackStarted { steps, .. } => self.apply_rollback_started(steps)?,
            Record::UndoFinished { step, status, error, .. } => {
                self.apply_undo_finished(*step, *status, error.as_ref())?
            }
            Record::RollbackFinished { status } => {
                let rollback = self.rollback.as_mut().ok_or("no rollback has begun")?;
                rollback.verdict = Some(*status);
            }
            Record::Warning { .. } => {}
            Record::Finished { verdict, duration_ms, outputs, error } => {
                if !self.in_flight.is_empty() {
                    return Err("attempts are still in flight");
                }
                self.deadlines.clear();
                self.delays.clear();
                self.unsettled.clear();
                let (outputs, error) = (outputs.clone(), error.clone());
                self.ended = Some(Ended { verdict: *verdict, at, duration_ms: *duration_ms, outputs, error });
            }
        }
        self.records += 1;
        self.latest_at = at;
        Ok(())
    }

    fn apply_started(&mut self, at: Millis) -> Result<(), Misfit> {
        if self.started_at.is_some() {
            return Err("the run has started already");
        }
        self.started_at = Some(at);
        if let Some(timeout_ms) = self.plan.timeout_ms {
            self.deadlines.insert((at.saturating_add(timeout_ms), Deadline::Run));
        }
        Ok(())
    }

    fn apply_resumed(&mut self) {
        self.paused = false;
        self.look_at_everything();
    }

    /// Something happened that may concern every step that has begun.
    fn look_at_everything(&mut self) {
        self.unsettled.extend(self.active.iter().copied());
    }

    /// Moves a step from pending to active, unless it is there.
    fn begin_step(&mut self, step: u32) -> Result<&mut Active, Misfit> {
        if !self.active.contains(&step) {
            if !self.ready.remove(&step) {
                return Err("the step is not ready");
            }
            self.pending.remove(&step);
            self.active.insert(step);
            self.slots_used += u32::from(self.counts_as_active(step));
            let has_items = self.plan.steps.get(step as usize).is_some_and(|step| step.foreach.is_some());
            if let Some(state) = self.steps.get_mut(step as usize) {
                state.active = Some(Box::new(Active::new(has_items)));
            }
        }
        self.unsettled.insert(step);
        let state = self.steps.get_mut(step as usize).ok_or("there is no such step")?;
        state.active.as_deref_mut().ok_or("the step is not active")
    }

    /// Whether a step counts against the limit of active steps: a question to a person does not.
    pub(super) fn counts_as_active(&self, step: u32) -> bool {
        let action = self.plan.steps.get(step as usize).map(|step| &step.action);
        !matches!(action, Some(crate::plan::PlannedAction::Approval { .. }))
    }

    fn apply_items(&mut self, step: u32, items: &[serde_json::Value]) -> Result<(), Misfit> {
        let active = self.begin_step(step)?;
        if active.items.is_some() {
            return Err("the items are known already");
        }
        active.items = Some(items.to_vec());
        active.lanes = vec![super::state::Lane::default(); items.len()];
        Ok(())
    }

    fn apply_attempt_started(&mut self, id: AttemptId, at: Millis) -> Result<(), Misfit> {
        match id.kind {
            AttemptKind::Do => self.start_do(id, at)?,
            AttemptKind::Check => self.start_check(id)?,
            AttemptKind::Undo => self.start_undo(id, at)?,
            AttemptKind::Handler => {}
        }
        if id.kind != AttemptKind::Check {
            let asks = id.kind == AttemptKind::Do && !self.counts_as_active(id.step);
            let lane = self.lane_mut(id).ok_or("there is no such lane")?;
            let next_round = id.iteration == lane.iteration + 1 && id.number == 1 && lane.state == LaneState::Ended;
            let next_try = id.iteration == lane.iteration && id.number == lane.number + 1;
            let free = matches!(lane.state, LaneState::Idle | LaneState::Delayed(_));
            if !(next_round || next_try && free) {
                return Err("the attempt is not the next one");
            }
            let delayed = if let LaneState::Delayed(until) = lane.state { Some(until) } else { None };
            lane.state = if asks { LaneState::Asking } else { LaneState::Running };
            (lane.iteration, lane.number) = (id.iteration, id.number);
            (lane.outcome, lane.stopped) = (None, None);
            if let Some(until) = delayed {
                self.delays.remove(&(until, id));
            }
            if asks {
                return Ok(());
            }
        }
        if let Some(timeout_ms) = self.attempt_timeout(id) {
            let deadline = at.saturating_add(timeout_ms);
            self.deadlines.insert((deadline, Deadline::Attempt(id)));
            self.attempt_deadlines.insert(id, deadline);
        }
        self.wanted.insert(id);
        self.in_flight.insert(id);
        Ok(())
    }

    /// How long an attempt may take.
    fn attempt_timeout(&self, id: AttemptId) -> Option<Millis> {
        match id.kind {
            AttemptKind::Undo => self.plan.steps.get(id.step as usize)?.rollback.as_ref()?.timeout_ms,
            AttemptKind::Handler => self.handler(id.step)?.timeout_ms,
            AttemptKind::Do | AttemptKind::Check => self.plan.steps.get(id.step as usize)?.timeout_ms,
        }
    }

    fn start_do(&mut self, id: AttemptId, at: Millis) -> Result<(), Misfit> {
        let active = self.begin_step(id.step)?;
        let lane = active.lanes.get(id.item as usize).ok_or("there is no such item")?;
        match lane.state {
            LaneState::Idle => {
                if id.item != active.next_lane {
                    return Err("items begin in their order");
                }
                active.next_lane += 1;
                active.lanes_busy += 1;
            }
            LaneState::Ended if active.lanes_unsettled.remove(&id.item) => {}
            LaneState::Delayed(_) => {}
            _ => return Err("the item has an attempt already"),
        }
        if let Some(state) = self.steps.get_mut(id.step as usize) {
            state.attempts += 1;
            state.started_at.get_or_insert(at);
        }
        Ok(())
    }

    fn start_check(&mut self, id: AttemptId) -> Result<(), Misfit> {
        if id.step != WORKFLOW {
            self.begin_step(id.step)?;
        }
        let checks = self.checks_mut(id.step).ok_or("the step is not active")?;
        if checks.running || id.item < checks.next {
            return Err("the precondition was looked at already");
        }
        checks.number = if id.item == checks.next { checks.number + 1 } else { 1 };
        if id.number != checks.number {
            return Err("the attempt is not the next one");
        }
        (checks.next, checks.running) = (id.item, true);
        Ok(())
    }

    fn start_undo(&mut self, id: AttemptId, at: Millis) -> Result<(), Misfit> {
        let rollback = self.rollback.as_mut().ok_or("no rollback has begun")?;
        if rollback.order.get(rollback.position) != Some(&id.step) {
            return Err("another step is to be taken back first");
        }
        match &mut rollback.current {
            None => {
                let lane = super::state::Lane::default();
                rollback.current = Some(Undo { started_at: at, item: id.item, lane, items_through: 0, error: None });
            }
            Some(undo) if undo.lane.state == LaneState::Ended && undo.item != id.item => {
                undo.item = id.item;
                undo.lane = super::state::Lane::default();
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn apply_stopping(&mut self, id: AttemptId, reason: StopReason) -> Result<(), Misfit> {
        if !self.wanted.remove(&id) {
            return Err("the attempt does not run");
        }
        self.stopping.insert(id, reason);
        self.drop_deadline(id);
        Ok(())
    }

    fn drop_deadline(&mut self, id: AttemptId) {
        if let Some(deadline) = self.attempt_deadlines.remove(&id) {
            self.deadlines.remove(&(deadline, Deadline::Attempt(id)));
        }
    }

    fn apply_attempt_finished(
        &mut self,
        id: AttemptId,
        outcome: &Outcome,
        retry_at: Option<Millis>,
    ) -> Result<(), Misfit> {
        if !self.in_flight.remove(&id) {
            return Err("the attempt is not in flight");
        }
        self.wanted.remove(&id);
        self.drop_deadline(id);
        let stopped = self.stopping.remove(&id);
        if id.kind == AttemptKind::Check {
            return self.finish_check(id, outcome, retry_at);
        }
        let lane = self.lane_mut(id).ok_or("there is no such lane")?;
        (lane.outcome, lane.stopped) = (Some(outcome.clone()), stopped);
        lane.state = retry_at.map_or(LaneState::Ended, LaneState::Delayed);
        if let Some(retry_at) = retry_at {
            self.delays.insert((retry_at, AttemptId { number: id.number + 1, ..id }));
        }
        match id.kind {
            AttemptKind::Do => {
                self.unsettled.insert(id.step);
                if retry_at.is_none() {
                    self.finish_do(id);
                }
            }
            AttemptKind::Undo if retry_at.is_none() => {
                if let Some(undo) = self.rollback.as_mut().and_then(|rollback| rollback.current.as_mut()) {
                    undo.items_through += 1;
                    if !outcome.is_success() && undo.error.is_none() {
                        undo.error = Some(super::outcome::describe(outcome, stopped));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The last try of a round ended.
    fn finish_do(&mut self, id: AttemptId) {
        let repeats = self.plan.steps.get(id.step as usize).is_some_and(|step| step.repeat.is_some());
        let Some(active) = self.steps.get_mut(id.step as usize).and_then(|state| state.active.as_deref_mut()) else {
            return;
        };
        if repeats {
            active.lanes_unsettled.insert(id.item);
        } else {
            active.finish_lane(id.item);
        }
    }

    fn finish_check(&mut self, id: AttemptId, outcome: &Outcome, retry_at: Option<Millis>) -> Result<(), Misfit> {
        if id.step != WORKFLOW {
            self.unsettled.insert(id.step);
        }
        let checks = self.checks_mut(id.step).ok_or("the step is not active")?;
        checks.running = false;
        if retry_at.is_some() {
            return Ok(());
        }
        if outcome.is_success() {
            (checks.next, checks.number) = (checks.next + 1, 0);
        } else {
            checks.unmet = Some(id.item);
        }
        Ok(())
    }

    fn apply_waiting(&mut self, step: u32, item: u32, until: Millis) -> Result<(), Misfit> {
        let id = AttemptId { step, kind: AttemptKind::Do, item, iteration: 0, number: 1 };
        let state = self.steps.get_mut(step as usize).and_then(|state| state.active.as_deref_mut());
        let active = state.ok_or("the step is not active")?;
        if !active.lanes_unsettled.remove(&item) {
            return Err("the item has not ended a round");
        }
        let lane = active.lanes.get_mut(item as usize).ok_or("there is no such item")?;
        lane.state = LaneState::Delayed(until);
        (lane.iteration, lane.number) = (lane.iteration + 1, 0);
        let next = AttemptId { iteration: lane.iteration, ..id };
        self.delays.insert((until, next));
        Ok(())
    }

    fn apply_step_finished(&mut self, step: u32, record: &Record, at: Millis) -> Result<(), Misfit> {
        let Record::StepFinished { status, duration_ms, exit_code, output, outputs, error, excused, .. } = record
        else {
            return Err("not the end of a step");
        };
        let was_active = self.active.remove(&step);
        if !was_active && !self.pending.remove(&step) {
            return Err("the step has ended already");
        }
        self.ready.remove(&step);
        self.unsettled.remove(&step);
        if was_active {
            self.slots_used -= u32::from(self.counts_as_active(step));
        }
        let whole_output = self.whole_output(step);
        let state = self.steps.get_mut(step as usize).ok_or("there is no such step")?;
        let active = state.active.take();
        let (mut items_done, mut items_begun, mut items) = (Vec::new(), Vec::new(), None);
        if let Some(mut active) = active {
            for (item, lane) in (0u32..).zip(&active.lanes) {
                if let LaneState::Delayed(until) = lane.state {
                    let next = AttemptId {
                        step,
                        kind: AttemptKind::Do,
                        item,
                        iteration: lane.iteration,
                        number: lane.number + 1,
                    };
                    self.delays.remove(&(until, next));
                }
                if lane.number > 0 || lane.iteration > 0 {
                    items_begun.push(item);
                }
                if lane.outcome.as_ref().is_some_and(Outcome::is_success) {
                    items_done.push(item);
                }
            }
            items = active.items.take();
            if let Some(expires_at) = active.approval.and_then(|approval| approval.expires_at) {
                self.deadlines.remove(&(expires_at, Deadline::Approval(step)));
            }
        }
        state.result = Some(Box::new(StepEnd {
            status: *status,
            at,
            duration_ms: *duration_ms,
            exit_code: *exit_code,
            output: whole_output.or_else(|| output.clone()),
            outputs: outputs.clone(),
            error: error.clone(),
            excused: *excused,
            items,
            items_done,
            items_begun,
        }));
        if matches!(status, StepStatus::Failed | StepStatus::TimedOut) && !excused {
            let first = self.failure.is_none();
            self.failure.get_or_insert(step);
            if first && self.stops_for_failure() {
                self.look_at_everything();
            }
        }
        self.completed.push(step);
        self.release_dependants(step);
        Ok(())
    }

    /// The output that later steps see: all of it, where the record holds only what readers are shown.
    fn whole_output(&self, step: u32) -> Option<String> {
        let active = self.steps.get(step as usize)?.active.as_deref()?;
        if active.items.is_some() {
            return None;
        }
        active.lanes.first()?.outcome.as_ref()?.output.clone()
    }

    fn release_dependants(&mut self, step: u32) {
        let dependants = std::sync::Arc::clone(&self.dependants);
        for dependant in dependants.get(step as usize).into_iter().flatten() {
            let Some(state) = self.steps.get_mut(*dependant as usize) else { continue };
            state.needs_left = state.needs_left.saturating_sub(1);
            if state.needs_left == 0 && self.pending.contains(dependant) {
                self.ready.insert(*dependant);
            }
        }
    }

    fn apply_approval_requested(&mut self, record: &Record, at: Millis) -> Result<(), Misfit> {
        let Record::ApprovalRequested { step, approval, message, expires_at, .. } = record else {
            return Err("not a request for approval");
        };
        let state = self.steps.get_mut(*step as usize).and_then(|state| state.active.as_deref_mut());
        let active = state.ok_or("the step is not active")?;
        if active.approval.is_some() {
            return Err("the question was asked already");
        }
        let (id, message, expires_at) = (approval.clone(), message.clone(), *expires_at);
        active.approval = Some(Approval { id, message, requested_at: at, expires_at, answer: None });
        if let Some(expires_at) = expires_at {
            self.deadlines.insert((expires_at, Deadline::Approval(*step)));
        }
        self.unsettled.insert(*step);
        Ok(())
    }

    fn apply_approval_resolved(&mut self, record: &Record) -> Result<(), Misfit> {
        let Record::ApprovalResolved { step, approval, decision, comment, by, .. } = record else {
            return Err("not an answer");
        };
        let state = self.steps.get_mut(*step as usize).and_then(|state| state.active.as_deref_mut());
        let open = state.and_then(|active| active.approval.as_mut()).ok_or("no question is open")?;
        if open.id != *approval || open.answer.is_some() {
            return Err("the question is not open");
        }
        let approved = *decision == super::input::Decision::Approve;
        open.answer = Some(Answer { approved, comment: comment.clone(), by: by.clone() });
        if let Some(expires_at) = open.expires_at {
            self.deadlines.remove(&(expires_at, Deadline::Approval(*step)));
        }
        self.unsettled.insert(*step);
        Ok(())
    }

    fn apply_rollback_started(&mut self, names: &[String]) -> Result<(), Misfit> {
        if self.rollback.is_some() || !self.is_forward_over() {
            return Err("a rollback begins once, when nothing else runs");
        }
        let order = self.rollback_order();
        let same = order.len() == names.len()
            && order.iter().zip(names).all(|(step, name)| self.plan.steps[*step as usize].name == *name);
        if !same {
            return Err("these are not the steps that can be taken back");
        }
        self.rollback = Some(Rollback {
            order,
            position: 0,
            current: None,
            blocked: BTreeSet::new(),
            failed: false,
            verdict: None,
            results: std::collections::BTreeMap::new(),
        });
        Ok(())
    }

    fn apply_undo_finished(&mut self, step: u32, status: StepStatus, error: Option<&String>) -> Result<(), Misfit> {
        let rollback = self.rollback.as_mut().ok_or("no rollback has begun")?;
        if rollback.order.get(rollback.position) != Some(&step) {
            return Err("another step is to be taken back first");
        }
        rollback.position += 1;
        if let Some(undo) = rollback.current.take()
            && let LaneState::Delayed(until) = undo.lane.state
        {
            let (kind, item) = (AttemptKind::Undo, undo.item);
            self.delays.remove(&(until, AttemptId { step, kind, item, iteration: 0, number: undo.lane.number + 1 }));
        }
        rollback.results.insert(step, (status, error.cloned()));
        if status != StepStatus::RolledBack {
            rollback.failed = true;
            self.block_needs_of(step);
        }
        Ok(())
    }

    /// What a step that stays as it is was built on must stay, too.
    fn block_needs_of(&mut self, step: u32) {
        let Some(rollback) = self.rollback.as_mut() else { return };
        let mut open = vec![step];
        while let Some(step) = open.pop() {
            for need in self.plan.steps.get(step as usize).into_iter().flat_map(|step| &step.needs) {
                if rollback.blocked.insert(*need) {
                    open.push(*need);
                }
            }
        }
    }

    /// The steps that a rollback takes back: the last that ended is the first. That never takes a step
    /// back before one that depends on it, since a step ends after everything it needs.
    pub(super) fn rollback_order(&self) -> Vec<u32> {
        self.completed.iter().rev().copied().filter(|step| !self.items_to_undo(*step).is_empty()).collect()
    }

    /// The verdict of a rollback in which every step is through.
    pub(super) fn rollback_verdict(rollback: &Rollback) -> Verdict {
        if rollback.failed { Verdict::RollbackFailed } else { Verdict::RolledBack }
    }
}

impl Active {
    /// Takes a lane out of those that are busy.
    pub(super) fn finish_lane(&mut self, item: u32) {
        self.lanes_unsettled.remove(&item);
        self.lanes_busy -= 1;
        let lane = self.lanes.get(item as usize);
        if lane.is_some_and(|lane| lane.outcome.as_ref().is_some_and(Outcome::is_success)) {
            self.lanes_done += 1;
        } else {
            self.failed_lane = Some(self.failed_lane.map_or(item, |earlier| earlier.min(item)));
        }
    }
}
