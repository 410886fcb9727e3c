//! What a run remembers: the sum of its records, arranged so that every decision is a look at the
//! front of a set.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::record::{AttemptId, AttemptKind, Origin, StopReason};
use super::status::{StepStatus, Verdict};
use crate::id::{ApprovalId, RunId};
use crate::plan::{Plan, PlannedStep};
use crate::task::Outcome;
use crate::time::Millis;

/// The step number that checks of the workflow's own preconditions carry.
pub(super) const WORKFLOW: u32 = u32::MAX;

/// One execution of a plan: a pure function of its records.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub(super) run_id: RunId,
    pub(super) plan: Arc<Plan>,
    pub(super) origin: Option<Origin>,
    pub(super) records: u64,
    pub(super) created_at: Millis,
    pub(super) started_at: Option<Millis>,
    /// The time of the latest record.
    pub(super) latest_at: Millis,

    /// For each step, the steps that need it.
    pub(super) dependants: Arc<Vec<Vec<u32>>>,
    pub(super) steps: Vec<StepState>,
    /// Steps that have not begun.
    pub(super) pending: BTreeSet<u32>,
    /// Those of them whose needs have all ended.
    pub(super) ready: BTreeSet<u32>,
    /// Steps that have begun and not ended.
    pub(super) active: BTreeSet<u32>,
    /// How many of the active ones count against `max_active_steps`: all but those that ask a person.
    pub(super) slots_used: u32,
    /// Steps that something happened to since they were last looked at. A hint, not a fact: after a
    /// replay it names more steps than a run that went through it all, until the next decision.
    pub(super) unsettled: BTreeSet<u32>,
    /// In the order in which they ended.
    pub(super) completed: Vec<u32>,

    pub(super) wanted: BTreeSet<AttemptId>,
    pub(super) in_flight: BTreeSet<AttemptId>,
    pub(super) stopping: BTreeMap<AttemptId, StopReason>,
    pub(super) deadlines: BTreeSet<(Millis, Deadline)>,
    pub(super) attempt_deadlines: BTreeMap<AttemptId, Millis>,
    /// Attempts that may start from a time on.
    pub(super) delays: BTreeSet<(Millis, AttemptId)>,

    pub(super) paused: bool,
    pub(super) cancel: Option<Cancel>,
    /// Somebody asked for the end when only a rollback or handlers were left: they end, too.
    pub(super) abandoned: bool,
    pub(super) timed_out: bool,
    /// The first step that failed and was not excused.
    pub(super) failure: Option<u32>,
    pub(super) workflow_checks: Checks,
    pub(super) rollback: Option<Rollback>,
    pub(super) handlers: [Lane; 4],
    pub(super) ended: Option<Ended>,
    /// Stands in for the workflow where a step is asked for.
    pub(super) workflow_step: Arc<PlannedStep>,
}

/// What must happen in time, or else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deadline {
    Run,
    Attempt(AttemptId),
    Approval(u32),
}

/// Somebody asked for the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cancel {
    pub(super) rollback: bool,
    pub(super) reason: Option<String>,
    pub(super) by: String,
}

/// How the run ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ended {
    pub(super) verdict: Verdict,
    pub(super) at: Millis,
    pub(super) duration_ms: Millis,
    pub(super) outputs: Map<String, Value>,
    pub(super) error: Option<String>,
}

/// How far preconditions were looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Checks {
    /// The index of the next one to look at.
    pub(super) next: u32,
    /// A shell precondition did not hold: its index.
    pub(super) unmet: Option<u32>,
    /// A check attempt runs.
    pub(super) running: bool,
    /// The try that runs or ran last.
    pub(super) number: u32,
}

/// A step of the run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct StepState {
    /// Needs that have not ended.
    pub(super) needs_left: u32,
    /// Attempts started to carry it out.
    pub(super) attempts: u32,
    pub(super) started_at: Option<Millis>,
    /// Present from its beginning to its end.
    pub(super) active: Option<Box<Active>>,
    pub(super) result: Option<Box<StepEnd>>,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StepEnd {
    pub(super) status: StepStatus,
    pub(super) at: Millis,
    pub(super) duration_ms: Millis,
    pub(super) exit_code: Option<i32>,
    pub(super) output: Option<String>,
    pub(super) outputs: Map<String, Value>,
    pub(super) error: Option<String>,
    pub(super) excused: bool,
    pub(super) items: Option<Vec<Value>>,
    /// Items (0 for a step without `foreach`) whose work was done, and those that were begun.
    pub(super) items_done: Vec<u32>,
    pub(super) items_begun: Vec<u32>,
}

/// A step between its beginning and its end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Active {
    pub(super) checks: Checks,
    /// The items of a `foreach`, once they are known.
    pub(super) items: Option<Vec<Value>>,
    /// One for each item; exactly one without `foreach`.
    pub(super) lanes: Vec<Lane>,
    /// The first lane that was never started.
    pub(super) next_lane: u32,
    /// Lanes that run or wait for their next attempt.
    pub(super) lanes_busy: u32,
    pub(super) lanes_done: u32,
    /// A lane that failed for good.
    pub(super) failed_lane: Option<u32>,
    /// Lanes whose last round ended and that may have to repeat.
    pub(super) lanes_unsettled: BTreeSet<u32>,
    pub(super) approval: Option<Approval>,
}

/// A question to a person.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Approval {
    pub(super) id: ApprovalId,
    pub(super) message: String,
    pub(super) requested_at: Millis,
    pub(super) expires_at: Option<Millis>,
    pub(super) answer: Option<Answer>,
}

/// What the person said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) approved: bool,
    pub(super) comment: Option<String>,
    pub(super) by: String,
}

/// The tries and rounds of one item, of one undo, or of one handler.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Lane {
    pub(super) state: LaneState,
    pub(super) iteration: u32,
    /// Of the attempt that runs or ran last; 0 before the first.
    pub(super) number: u32,
    /// Of the attempt that ran last.
    pub(super) outcome: Option<Outcome>,
    /// Why the attempt that ran last was asked to end.
    pub(super) stopped: Option<StopReason>,
}

/// What a lane does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LaneState {
    #[default]
    Idle,
    Running,
    /// A person is asked.
    Asking,
    /// The next attempt waits for its time.
    Delayed(Millis),
    /// The last attempt ended and no other is planned.
    Ended,
}

/// How far a rollback has come.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rollback {
    /// Steps to take back, in order.
    pub(super) order: Vec<u32>,
    /// How many of them are through.
    pub(super) position: usize,
    pub(super) current: Option<Undo>,
    /// Steps that must stay as they are, because what builds on them could not be taken back.
    pub(super) blocked: BTreeSet<u32>,
    pub(super) failed: bool,
    pub(super) verdict: Option<Verdict>,
    /// By step: how it went.
    pub(super) results: BTreeMap<u32, (StepStatus, Option<String>)>,
}

/// The undoing of one step.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Undo {
    pub(super) started_at: Millis,
    /// The item that is taken back now, and how it goes.
    pub(super) item: u32,
    pub(super) lane: Lane,
    /// Items that are through.
    pub(super) items_through: u32,
    pub(super) error: Option<String>,
}

impl Run {
    /// The state before the first record was applied.
    pub(super) fn blank(run_id: RunId, plan: Arc<Plan>, origin: Option<Origin>, at: Millis) -> Self {
        let mut dependants = vec![Vec::new(); plan.steps.len()];
        let mut steps = Vec::with_capacity(plan.steps.len());
        let (mut pending, mut ready) = (BTreeSet::new(), BTreeSet::new());
        for (index, step) in (0u32..).zip(&plan.steps) {
            let needs: BTreeSet<u32> = step.needs.iter().copied().filter(|need| *need != index).collect();
            for need in &needs {
                if let Some(list) = dependants.get_mut(*need as usize) {
                    list.push(index);
                }
            }
            pending.insert(index);
            if needs.is_empty() {
                ready.insert(index);
            }
            steps
                .push(StepState { needs_left: u32::try_from(needs.len()).unwrap_or(u32::MAX), ..StepState::default() });
        }
        let workflow_step =
            Arc::new(PlannedStep { name: plan.name.clone(), runner: plan.runner.clone(), ..PlannedStep::default() });
        Self {
            run_id,
            plan,
            origin,
            records: 1,
            created_at: at,
            started_at: None,
            latest_at: at,
            dependants: Arc::new(dependants),
            steps,
            pending,
            ready,
            active: BTreeSet::new(),
            slots_used: 0,
            unsettled: BTreeSet::new(),
            completed: Vec::new(),
            wanted: BTreeSet::new(),
            in_flight: BTreeSet::new(),
            stopping: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            attempt_deadlines: BTreeMap::new(),
            delays: BTreeSet::new(),
            paused: false,
            cancel: None,
            abandoned: false,
            timed_out: false,
            failure: None,
            workflow_checks: Checks::default(),
            rollback: None,
            handlers: std::array::from_fn(|_| Lane::default()),
            ended: None,
            workflow_step,
        }
    }

    /// The handler with a number, as attempts name it.
    pub(super) fn handler(&self, number: u32) -> Option<&PlannedStep> {
        let handlers = &self.plan.handlers;
        match number {
            0 => handlers.success.as_ref(),
            1 => handlers.failure.as_ref(),
            2 => handlers.cancel.as_ref(),
            _ => handlers.exit.as_ref(),
        }
    }

    /// The lane that an attempt belongs to; `None` for checks, and for lanes that are not there.
    pub(super) fn lane_mut(&mut self, id: AttemptId) -> Option<&mut Lane> {
        match id.kind {
            AttemptKind::Do => self.steps.get_mut(id.step as usize)?.active.as_mut()?.lanes.get_mut(id.item as usize),
            AttemptKind::Undo => {
                let rollback = self.rollback.as_mut()?;
                let is_current = rollback.order.get(rollback.position) == Some(&id.step);
                let undo = rollback.current.as_mut()?;
                (is_current && undo.item == id.item).then_some(&mut undo.lane)
            }
            AttemptKind::Handler => self.handlers.get_mut(id.step as usize),
            AttemptKind::Check => None,
        }
    }

    /// The checks that a step's (or the workflow's) shell preconditions belong to.
    pub(super) fn checks_mut(&mut self, step: u32) -> Option<&mut Checks> {
        if step == WORKFLOW {
            return Some(&mut self.workflow_checks);
        }
        Some(&mut self.steps.get_mut(step as usize)?.active.as_mut()?.checks)
    }

    /// Whether steps that have not begun will not begin any more, and those that run are to end.
    pub(super) fn is_stopping(&self) -> bool {
        self.cancel.is_some() || self.timed_out || self.stops_for_failure()
    }

    /// Whether a failure ends the way forward.
    pub(super) fn stops_for_failure(&self) -> bool {
        self.failure.is_some() && self.plan.on_failure != crate::workflow::document::OnFailure::Continue
    }

    /// Whether the way forward is over: nothing is to begin and nothing goes on.
    pub(super) fn is_forward_over(&self) -> bool {
        self.pending.is_empty() && self.active.is_empty() && !self.workflow_checks.running
    }
}

impl Active {
    /// A step that just began; its lanes are known unless it has a `foreach`.
    pub(super) fn new(has_items: bool) -> Self {
        Self {
            checks: Checks::default(),
            items: None,
            lanes: if has_items { Vec::new() } else { vec![Lane::default()] },
            next_lane: 0,
            lanes_busy: 0,
            lanes_done: 0,
            failed_lane: None,
            lanes_unsettled: BTreeSet::new(),
            approval: None,
        }
    }
}

impl StepState {
    /// The status that readers are shown.
    pub(super) fn status(&self) -> StepStatus {
        if let Some(result) = &self.result {
            return result.status;
        }
        let Some(active) = &self.active else { return StepStatus::Pending };
        if self.attempts == 0 {
            return StepStatus::Pending;
        }
        let mut delayed = false;
        for lane in &active.lanes {
            match lane.state {
                LaneState::Running | LaneState::Idle => return StepStatus::Running,
                LaneState::Asking => return StepStatus::Waiting,
                LaneState::Delayed(_) if lane.number > 0 => delayed = true,
                LaneState::Delayed(_) => return StepStatus::Waiting,
                LaneState::Ended => {}
            }
        }
        if delayed { StepStatus::Retrying } else { StepStatus::Running }
    }
}
