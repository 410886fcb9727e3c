use std::collections::BTreeSet;
use std::sync::Arc;

use super::input::Input;
use super::record::{AttemptId, Origin, Record};
use super::status::{RunStatus, Verdict};
use super::view::{ApprovalView, RunView};
use crate::id::RunId;
use crate::plan::{Plan, PlannedStep};
use crate::task::Task;
use crate::time::{Millis, Moment};
use crate::workflow::binding::BindError;

/// One execution of a plan: a pure function of its records.
#[derive(Clone, Debug)]
pub struct Run {
    run_id: RunId,
    plan: Arc<Plan>,
    created_at: Millis,
    wanted: BTreeSet<AttemptId>,
    workflow_step: PlannedStep,
}

/// A record that does not fit the state it meets: the journal is damaged, or out of order.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("record {record_no} ({kind}) does not fit the run: {reason}")]
pub struct IllegalRecord {
    /// The number of the record in the journal, from 1.
    pub record_no: u64,
    /// The record's type.
    pub kind: &'static str,
    /// What contradicts it.
    pub reason: String,
}

impl Run {
    /// Makes a run and its first record, already applied. Commit the record before anything else.
    #[must_use]
    pub fn create(run_id: RunId, plan: Arc<Plan>, origin: Option<Origin>, now: Millis) -> (Self, Record) {
        let record = Record::Created { run_id: run_id.clone(), plan: Arc::clone(&plan), origin };
        let run =
            Self { run_id, plan, created_at: now, wanted: BTreeSet::new(), workflow_step: PlannedStep::default() };
        (run, record)
    }

    /// The run that a journal tells of. Each record comes with the time it was committed with.
    ///
    /// # Errors
    ///
    /// When the journal is empty, damaged or out of order.
    pub fn replay(records: impl IntoIterator<Item = (Millis, Record)>) -> Result<Self, IllegalRecord> {
        let _ = records;
        Err(IllegalRecord { record_no: 0, kind: "none", reason: "not written yet".to_owned() })
    }

    /// Takes one input and returns the records it led to, already applied. The caller commits them,
    /// with `moment.now` as their time, **before** it acts on [`Run::wanted`]; if it can't, it drops
    /// the run and replays the journal.
    ///
    /// Total: an input that comes too late or makes no sense gives no records.
    pub fn advance(&mut self, input: Input, moment: Moment) -> Vec<Record> {
        let _ = (input, moment);
        Vec::new()
    }

    /// Attempts that should be running now. The driver starts those it does not run yet, each id at
    /// most once, and stops those that are no longer here.
    #[must_use]
    pub fn wanted(&self) -> &BTreeSet<AttemptId> {
        &self.wanted
    }

    /// The wanted attempts and those that are asked to end: each will be the subject of exactly one
    /// `Finished` or `Lost` input.
    #[must_use]
    pub fn in_flight(&self) -> &BTreeSet<AttemptId> {
        &self.wanted
    }

    /// What an attempt does, with values bound.
    ///
    /// # Errors
    ///
    /// When a value can't be bound: the driver then feeds `Finished` with `NotStarted`.
    pub fn task(&self, id: AttemptId) -> Result<Task, BindError> {
        Err(BindError { message: format!("{id:?}: not written yet") })
    }

    /// The planned step or handler that an attempt belongs to; for a check of the workflow's own
    /// preconditions, a step that carries the workflow's name and runner.
    #[must_use]
    pub fn step_of(&self, id: AttemptId) -> &PlannedStep {
        self.plan.steps.get(id.step as usize).unwrap_or(&self.workflow_step)
    }

    /// The earliest time at which [`Input::Tick`] would do something; ticks before that are harmless.
    #[must_use]
    pub fn wake_at(&self) -> Option<Millis> {
        None
    }

    /// The status that readers are shown.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        RunStatus::Pending
    }

    /// How the run ended, when it has.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        None
    }

    /// How many records the run consists of: the number of the latest one.
    #[must_use]
    pub fn records_applied(&self) -> u64 {
        1
    }

    /// Questions that wait for a person, in the order in which they were asked.
    #[must_use]
    pub fn open_approvals(&self) -> Vec<ApprovalView> {
        Vec::new()
    }

    /// The run's id.
    #[must_use]
    pub fn id(&self) -> &RunId {
        &self.run_id
    }

    /// The plan that the run carries out.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The run as readers see it.
    #[must_use]
    pub fn view(&self) -> RunView {
        RunView {
            run_id: self.run_id.clone(),
            workflow: self.plan.name.clone(),
            status: self.status(),
            created_at: self.created_at,
            started_at: None,
            completed_at: None,
            duration_ms: None,
            parameters: self.plan.parameters.clone(),
            outputs: serde_json::Map::new(),
            error: None,
            origin: None,
            steps: Vec::new(),
            approvals: self.open_approvals(),
        }
    }
}
