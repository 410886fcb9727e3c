//! The way forward: which record comes next while steps begin, go on and end.

use serde_json::{Map, Value};

use super::conclude;
use super::dice::Dice;
use super::outcome;
use super::record::{AttemptId, AttemptKind, Record, StopReason};
use super::repeat::{self, Round};
use super::state::{Active, Deadline, Lane, LaneState, Run, WORKFLOW};
use super::status::StepStatus;
use crate::id::ApprovalId;
use crate::plan::{PlannedAction, PlannedPrecondition, PlannedRepeat, PlannedStep};
use crate::time::{Millis, Moment};
use crate::workflow::{binding, expression};

/// What preconditions say.
enum Standing {
    Met,
    Unmet(String),
    /// Something in them can't be evaluated.
    Broken(String),
    /// A shell command has to say.
    Try(AttemptId),
    /// A shell command is saying.
    Trying,
}

impl Run {
    /// The next record of the way forward, or `None` when something outside has to happen first.
    pub(super) fn next_forward(&mut self, moment: Moment, dice: &mut Dice) -> Option<Record> {
        if self.is_stopping()
            && let Some(record) = self.next_stop()
        {
            return Some(record);
        }
        if let Some(record) = self.next_settled(moment, dice) {
            return Some(record);
        }
        if self.is_stopping() || self.paused {
            return None;
        }
        if let Some(record) = self.check_workflow() {
            return Some(record);
        }
        if let Some((_, id)) = self.delays.first().copied().filter(|(until, _)| *until <= moment.now) {
            return Some(self.start(id));
        }
        if self.workflow_checks.running {
            return None;
        }
        self.next_begin(moment)
    }

    /// A limit in time that is over.
    pub(super) fn next_overdue(&mut self, now: Millis) -> Option<Record> {
        let (_, deadline) = self.deadlines.first().copied().filter(|(at, _)| *at <= now)?;
        match deadline {
            Deadline::Run => Some(Record::RunTimedOut { limit_ms: self.plan.timeout_ms.unwrap_or_default() }),
            Deadline::Attempt(id) => Some(Record::AttemptStopping { id, reason: StopReason::StepTimeout }),
            Deadline::Approval(step) => Some(conclude::unanswered(self, step, now)),
        }
    }

    /// Ends what runs and skips what has not begun.
    fn next_stop(&mut self) -> Option<Record> {
        let reason = self.stop_reason();
        let forward = |id: &&AttemptId| matches!(id.kind, AttemptKind::Do | AttemptKind::Check);
        if let Some(id) = self.wanted.iter().find(forward) {
            return Some(Record::AttemptStopping { id: *id, reason });
        }
        let step = *self.pending.first()?;
        let status = match reason {
            StopReason::Cancel => StepStatus::Cancelled,
            _ => StepStatus::Skipped,
        };
        let name = self.plan.steps[step as usize].name.clone();
        Some(conclude::unbegun(step, name, status, Some(self.stop_text())))
    }

    /// Why attempts are asked to end.
    pub(super) fn stop_reason(&self) -> StopReason {
        if self.cancel.is_some() {
            StopReason::Cancel
        } else if self.timed_out {
            StopReason::RunTimeout
        } else {
            StopReason::Failure
        }
    }

    /// Why steps don't begin, for people.
    pub(super) fn stop_text(&self) -> String {
        if let Some(cancel) = &self.cancel {
            let by = &cancel.by;
            return match &cancel.reason {
                Some(reason) => format!("cancelled by {by}: {reason}"),
                None => format!("cancelled by {by}"),
            };
        }
        if self.timed_out {
            return format!("the run took longer than {}", outcome::limit_text(self.plan.timeout_ms));
        }
        match self.failure {
            Some(step) => format!("step `{}` failed", self.plan.steps[step as usize].name),
            None => "a precondition of the workflow does not hold".to_owned(),
        }
    }

    /// Looks at the steps that something happened to.
    fn next_settled(&mut self, moment: Moment, dice: &mut Dice) -> Option<Record> {
        while let Some(step) = self.unsettled.first().copied() {
            if let Some(record) = self.settle(step, moment, dice) {
                return Some(record);
            }
            self.unsettled.remove(&step);
        }
        None
    }

    /// The next record of a step that has begun.
    fn settle(&mut self, step: u32, moment: Moment, dice: &mut Dice) -> Option<Record> {
        if let Some(record) = self.settle_rounds(step, moment) {
            return Some(record);
        }
        let stopping = self.is_stopping();
        let planned = &self.plan.steps[step as usize];
        let active = self.steps[step as usize].active.as_deref()?;
        if active.checks.running {
            return None;
        }
        if let Some(answer) = active.approval.as_ref().and_then(|approval| approval.answer.as_ref()) {
            return Some(conclude::answered(self, step, answer, moment.now));
        }
        let lanes = u32::try_from(active.lanes.len()).unwrap_or(u32::MAX);
        let known = planned.foreach.is_none() || active.items.is_some();
        let runs = || active.lanes.iter().any(|lane| lane.state == LaneState::Running);
        let idle = active.lanes_busy == 0;
        if known && idle && (active.lanes_done == lanes || active.failed_lane.is_some()) || stopping && !runs() {
            return Some(conclude::ended(self, step, moment.now));
        }
        if stopping || self.paused {
            return None;
        }
        if let LaneState::Asking = active.lanes.first().map_or(LaneState::Idle, |lane| lane.state)
            && active.approval.is_none()
        {
            return Some(self.ask(step, moment, dice));
        }
        if let Some(record) = self.pass_preconditions(step, moment.now) {
            return Some(record);
        }
        let active = self.steps[step as usize].active.as_deref()?;
        if active.checks.running {
            return None;
        }
        self.next_lane(step, active, moment.now)
    }

    /// Starts the next item of a step, if it may.
    fn next_lane(&self, step: u32, active: &Active, now: Millis) -> Option<Record> {
        let planned = &self.plan.steps[step as usize];
        let busy_max = match &planned.foreach {
            Some(_) if active.items.is_none() => return Some(self.resolve_items(step, now)),
            Some(foreach) => foreach.max_active.max(1),
            None => 1,
        };
        let more = (active.next_lane as usize) < active.lanes.len();
        (more && active.lanes_busy < busy_max && active.failed_lane.is_none()).then(|| {
            self.start(AttemptId { step, kind: AttemptKind::Do, item: active.next_lane, iteration: 0, number: 1 })
        })
    }

    /// The record that begins an attempt.
    pub(super) fn start(&self, id: AttemptId) -> Record {
        let name = self.step_of(id).name.clone();
        let first = match id.kind {
            AttemptKind::Do => self.steps.get(id.step as usize).is_some_and(|step| step.attempts == 0),
            AttemptKind::Undo => self.rollback.as_ref().is_some_and(|rollback| rollback.current.is_none()),
            AttemptKind::Check | AttemptKind::Handler => false,
        };
        Record::AttemptStarted { id, name, first }
    }

    /// Begins the first step that may begin.
    fn next_begin(&mut self, moment: Moment) -> Option<Record> {
        let limit = self.plan.max_active_steps.max(1);
        let step = if self.slots_used < limit {
            self.ready.first().copied()
        } else {
            // Questions to people don't count, and are rare: only when all slots are taken.
            self.ready.iter().copied().find(|step| !self.counts_as_active(*step))
        }?;
        let planned = &self.plan.steps[step as usize];
        let name = planned.name.clone();
        if let Some(reason) = self.held_back(planned) {
            return Some(conclude::unbegun(step, name, StepStatus::Skipped, Some(reason)));
        }
        if let Some(condition) = &planned.condition {
            match expression::holds(condition, &self.scope(Some(planned), None, None)) {
                Ok(true) => {}
                Ok(false) => return Some(conclude::passed_over(step, name, condition)),
                Err(error) => {
                    let error = format!("its `if` can't be evaluated: {error}");
                    return Some(conclude::unbegun(step, name, StepStatus::Failed, Some(error)));
                }
            }
        }
        if let Some(record) = self.pass_preconditions(step, moment.now) {
            return Some(record);
        }
        if planned.foreach.is_some() {
            return Some(self.resolve_items(step, moment.now));
        }
        Some(self.start(AttemptId { step, kind: AttemptKind::Do, item: 0, iteration: 0, number: 1 }))
    }

    /// Why a step can't begin although what it needs has ended.
    fn held_back(&self, planned: &PlannedStep) -> Option<String> {
        planned.needs.iter().find_map(|need| {
            let end = self.steps.get(*need as usize)?.result.as_deref()?;
            if end.excused || end.status == StepStatus::Success {
                return None;
            }
            let needed = &self.plan.steps[*need as usize];
            if end.status == StepStatus::Skipped && needed.continue_on.skipped {
                return None;
            }
            let what = match end.status {
                StepStatus::Skipped => "was skipped",
                StepStatus::TimedOut => "took too long",
                StepStatus::Cancelled => "was cancelled",
                _ => "failed",
            };
            Some(format!("it needs `{}`, which {what}", needed.name))
        })
    }

    /// The record that a step's preconditions lead to; `None` when they hold.
    fn pass_preconditions(&self, step: u32, now: Millis) -> Option<Record> {
        let planned = &self.plan.steps[step as usize];
        let name = planned.name.clone();
        match self.standing(step, &planned.preconditions) {
            Standing::Met | Standing::Trying => None,
            Standing::Unmet(reason) => Some(conclude::refused(self, step, StepStatus::Skipped, reason, now)),
            Standing::Broken(reason) => Some(conclude::refused(self, step, StepStatus::Failed, reason, now)),
            Standing::Try(id) => Some(Record::AttemptStarted { id, name, first: false }),
        }
    }

    /// Looks at preconditions from the first that was not looked at.
    fn standing(&self, step: u32, preconditions: &[PlannedPrecondition]) -> Standing {
        let (planned, checks) = if step == WORKFLOW {
            (None, Some(&self.workflow_checks))
        } else {
            let active = self.steps[step as usize].active.as_deref();
            (Some(&self.plan.steps[step as usize]), active.map(|active| &active.checks))
        };
        let (mut next, mut tries) = (0, 0);
        if let Some(checks) = checks {
            if checks.running {
                return Standing::Trying;
            }
            if let Some(unmet) = checks.unmet {
                return Standing::Unmet(format!("precondition {} does not hold: its command failed", unmet + 1));
            }
            (next, tries) = (checks.next, checks.number);
        }
        for (index, precondition) in (0u32..).zip(preconditions).skip(next as usize) {
            match precondition {
                PlannedPrecondition::Command { .. } => {
                    let number = if index == next { tries + 1 } else { 1 };
                    let id = AttemptId { step, kind: AttemptKind::Check, item: index, iteration: 0, number };
                    return Standing::Try(id);
                }
                PlannedPrecondition::Match { value, expected } => {
                    let text = match binding::text(value, &self.scope(planned, None, None)) {
                        Ok(text) => text.as_plain().unwrap_or_default(),
                        Err(error) => return Standing::Broken(format!("precondition {}: {error}", index + 1)),
                    };
                    if !outcome::meets(text.trim(), expected) {
                        return Standing::Unmet(format!(
                            "precondition {} does not hold: it is not `{expected}`",
                            index + 1
                        ));
                    }
                }
            }
        }
        Standing::Met
    }

    /// The record that the workflow's own preconditions lead to.
    fn check_workflow(&mut self) -> Option<Record> {
        if self.plan.preconditions.is_empty() || self.workflow_checks.next as usize >= self.plan.preconditions.len() {
            return None;
        }
        if !self.active.is_empty() || !self.completed.is_empty() {
            return None;
        }
        match self.standing(WORKFLOW, &self.plan.preconditions) {
            Standing::Try(id) => Some(Record::AttemptStarted { id, name: self.plan.name.clone(), first: false }),
            Standing::Met | Standing::Trying => None,
            Standing::Unmet(reason) | Standing::Broken(reason) => Some(Record::CancelRequested {
                rollback: false,
                reason: Some(reason),
                by: "the workflow's preconditions".to_owned(),
            }),
        }
    }

    /// The items of a `foreach`, or the step's end when there are none to be had.
    fn resolve_items(&self, step: u32, now: Millis) -> Record {
        let planned = &self.plan.steps[step as usize];
        let Some(foreach) = &planned.foreach else {
            return conclude::refused(self, step, StepStatus::Failed, "it has no items".to_owned(), now);
        };
        match binding::items(&foreach.items, &self.scope(Some(planned), None, None)) {
            Ok(items) => Record::ItemsResolved { step, items },
            Err(error) => {
                conclude::refused(self, step, StepStatus::Failed, format!("its `foreach` has no items: {error}"), now)
            }
        }
    }

    /// The question that an approval step asks.
    fn ask(&self, step: u32, moment: Moment, dice: &mut Dice) -> Record {
        let planned = &self.plan.steps[step as usize];
        let PlannedAction::Approval { message, timeout_ms } = &planned.action else {
            return conclude::refused(self, step, StepStatus::Failed, "it asks nothing".to_owned(), moment.now);
        };
        match binding::text(message, &self.scope(Some(planned), None, None)) {
            Ok(message) => Record::ApprovalRequested {
                step,
                name: planned.name.clone(),
                approval: ApprovalId::from_parts(moment.now, dice.id_bits()),
                message: message.as_plain().unwrap_or_else(|| "the question holds a secret".to_owned()),
                expires_at: timeout_ms.or(planned.timeout_ms).map(|timeout_ms| moment.now.saturating_add(timeout_ms)),
            },
            Err(error) => conclude::refused(self, step, StepStatus::Failed, error.to_string(), moment.now),
        }
    }

    /// Rounds of a `repeat` that ended: another one, or the end of the lane.
    fn settle_rounds(&mut self, step: u32, moment: Moment) -> Option<Record> {
        let plan = std::sync::Arc::clone(&self.plan);
        let planned = &plan.steps[step as usize];
        let repeat = planned.repeat.as_ref()?;
        loop {
            let active = self.steps[step as usize].active.as_deref()?;
            let item = *active.lanes_unsettled.first()?;
            let lane = active.lanes.get(item as usize)?;
            if !self.is_stopping() && self.goes_on(planned, repeat, lane) {
                if self.paused {
                    return None;
                }
                let iteration = lane.iteration + 1;
                let id = AttemptId { step, kind: AttemptKind::Do, item, iteration, number: 1 };
                if repeat.delay_ms == 0 {
                    return Some(self.start(id));
                }
                let until = moment.now.saturating_add(repeat.delay_ms);
                let reason = format!("round {} of at most {}", iteration + 1, repeat.limit);
                return Some(Record::StepWaiting { step, item, name: planned.name.clone(), until, reason });
            }
            self.steps[step as usize].active.as_deref_mut()?.finish_lane(item);
        }
    }

    /// Whether a lane has another round.
    fn goes_on(&self, planned: &PlannedStep, repeat: &PlannedRepeat, lane: &Lane) -> bool {
        repeat::round(self, planned, repeat, lane) == Round::Again
    }

    /// The value of an item, with its index.
    pub(super) fn item_of(&self, step: u32, item: u32) -> Option<(&Value, u32)> {
        let state = self.steps.get(step as usize)?;
        let items = match (&state.active, &state.result) {
            (Some(active), _) => active.items.as_ref()?,
            (None, Some(result)) => result.items.as_ref()?,
            (None, None) => return None,
        };
        Some((items.get(item as usize)?, item))
    }

    /// Names and values of a step's declared outputs.
    pub(super) fn declared_outputs(&self, planned: &PlannedStep, lane: &Lane) -> Result<Map<String, Value>, String> {
        let scope = self.scope(Some(planned), None, lane.outcome.as_ref());
        let evaluate = |(name, source): (&String, &String)| {
            let value =
                expression::evaluate(source, &scope).map_err(|error| format!("its output `{name}`: {error}"))?;
            Ok((name.clone(), value))
        };
        planned.outputs.iter().map(evaluate).collect()
    }
}
