//! What the run machine offers: create, replay, advance, and what it wants done.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::dice::Dice;
use super::input::{Decision, Input};
use super::outcome::{self, Try};
use super::record::{AttemptId, AttemptKind, Origin, Record};
use super::state::{Run, WORKFLOW};
use super::status::{RunStatus, Verdict};
use crate::id::{ApprovalId, RunId};
use crate::limits;
use crate::plan::{Plan, PlannedStep};
use crate::task::{Outcome, OutcomeResult};
use crate::time::{Millis, Moment};

/// A record that does not fit the state it meets: the journal is damaged, or out of order.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("record {record_no} does not fit the run: {reason}")]
pub struct IllegalRecord {
    /// The number of the record in the journal, from 1.
    pub record_no: u64,
    /// What contradicts it.
    pub reason: &'static str,
}

impl Run {
    /// Makes a run and its first record, already applied. Commit the record before anything else.
    #[must_use]
    pub fn create(run_id: RunId, plan: Arc<Plan>, origin: Option<Origin>, now: Millis) -> (Self, Record) {
        let record = Record::Created { run_id: run_id.clone(), plan: Arc::clone(&plan), origin: origin.clone() };
        (Self::blank(run_id, plan, origin, now), record)
    }

    /// The run that a journal tells of. Each record comes with the time it was committed with.
    ///
    /// # Errors
    ///
    /// When the journal is empty, damaged or out of order.
    pub fn replay(records: impl IntoIterator<Item = (Millis, Record)>) -> Result<Self, IllegalRecord> {
        let mut records = records.into_iter();
        let Some((at, Record::Created { run_id, plan, origin })) = records.next() else {
            return Err(IllegalRecord { record_no: 1, reason: "a journal begins with the creation of its run" });
        };
        let mut run = Self::blank(run_id, plan, origin, at);
        for (at, record) in records {
            let record_no = run.records + 1;
            run.apply(&record, at).map_err(|reason| IllegalRecord { record_no, reason })?;
        }
        Ok(run)
    }

    /// Takes one input and returns the records it led to, already applied. The caller commits them,
    /// with `moment.now` as their time, **before** it acts on [`Run::wanted`]; if it can't, it drops
    /// the run and replays the journal.
    ///
    /// Total: an input that comes too late or makes no sense gives no records of its own.
    pub fn advance(&mut self, input: Input, moment: Moment) -> Vec<Record> {
        let mut records = Vec::new();
        if self.ended.is_some() {
            return records;
        }
        let mut dice = Dice::new(moment.entropy);
        if self.started_at.is_none() {
            let steps = u32::try_from(self.plan.steps.len()).unwrap_or(u32::MAX);
            self.take(Record::Started { workflow: self.plan.name.clone(), steps }, moment.now, &mut records);
        }
        for record in self.on_input(input, moment.now, &mut dice) {
            self.take(record, moment.now, &mut records);
        }
        loop {
            let next = self.next(moment, &mut dice);
            if next.is_empty() {
                return records;
            }
            for record in next {
                if !self.take(record, moment.now, &mut records) {
                    return records;
                }
            }
        }
    }

    /// Applies a record and keeps it. A record that does not fit would be a defect of this machine; it is
    /// left out rather than written.
    fn take(&mut self, record: Record, now: Millis, records: &mut Vec<Record>) -> bool {
        let applied = self.apply(&record, now);
        debug_assert_eq!(applied, Ok(()), "{record:?}");
        if applied.is_ok() {
            records.push(record);
        }
        applied.is_ok()
    }

    /// The next records that follow from the state alone.
    fn next(&mut self, moment: Moment, dice: &mut Dice) -> Vec<Record> {
        if self.ended.is_some() {
            return Vec::new();
        }
        if let Some(record) = self.next_overdue(moment.now) {
            return vec![record];
        }
        if self.is_forward_over() {
            return self.next_ending(moment);
        }
        let record = self.next_forward(moment, dice);
        record.into_iter().collect()
    }

    /// The records that an input leads to by itself.
    fn on_input(&self, input: Input, now: Millis, dice: &mut Dice) -> Vec<Record> {
        match input {
            Input::Tick => Vec::new(),
            Input::Finished(id, outcome) => self.on_finished(id, outcome, now, dice),
            Input::Lost(id) => {
                let error = "the server stopped while this attempt ran, and nobody knows how far it came".to_owned();
                self.on_finished(id, Outcome::of(OutcomeResult::Lost { error }), now, dice)
            }
            Input::Cancel { .. } if self.abandoned || self.cancel.is_some() && !self.is_forward_over() => Vec::new(),
            Input::Cancel { rollback, reason, by } => vec![Record::CancelRequested { rollback, reason, by }],
            Input::Pause { .. } if self.paused || self.is_stopping() && self.rollback.is_none() => Vec::new(),
            Input::Pause { by } => vec![Record::Paused { by }],
            Input::Resume { by } if self.paused => vec![Record::Resumed { by }],
            Input::Resume { .. } => Vec::new(),
            Input::Decide { approval, decision, comment, by } => self.on_decision(&approval, decision, comment, by),
        }
    }

    fn on_decision(
        &self,
        approval: &ApprovalId,
        decision: Decision,
        comment: Option<String>,
        by: String,
    ) -> Vec<Record> {
        let open = self.open_approvals().into_iter().find(|open| open.approval == *approval);
        let resolved = |open: super::view::ApprovalView| {
            let (step, name, approval) = (open.step, open.name, open.approval);
            Record::ApprovalResolved { step, name, approval, decision, comment, by }
        };
        open.map(resolved).into_iter().collect()
    }

    fn on_finished(&self, id: AttemptId, mut outcome: Outcome, now: Millis, dice: &mut Dice) -> Vec<Record> {
        if !self.in_flight.contains(&id) {
            return Vec::new();
        }
        let retry_at = self.retry_at(id, &outcome, now, dice);
        let step = self.step_of(id);
        if retry_at.is_none() {
            outcome::lost_for_good(step, &mut outcome);
        }
        let name = step.name.clone();
        let mut warnings = Vec::new();
        if id.kind == AttemptKind::Handler && retry_at.is_none() && !outcome.is_success() {
            let error = outcome::describe(&outcome, self.stopping.get(&id).copied());
            let message = format!("the handler `{name}` failed: {error}");
            warnings.push(Record::Warning { code: "handler_failed".to_owned(), message, step: None });
        }
        if outcome.output_truncated && step.output_bytes_max > limits::OUTPUT_BYTES_UNUSED as u64 {
            let message = format!("the output of `{name}` was cut after {} bytes", step.output_bytes_max);
            warnings.push(Record::Warning { code: "output_truncated".to_owned(), message, step: Some(name.clone()) });
        }
        let mut records = vec![Record::AttemptFinished { id, name, outcome, retry_at }];
        records.append(&mut warnings);
        records
    }

    /// When an attempt that ended like this is tried again.
    fn retry_at(&self, id: AttemptId, outcome: &Outcome, now: Millis, dice: &mut Dice) -> Option<Millis> {
        let stopped = self.stopping.get(&id).copied();
        let (number, once) = (id.number, PlannedStep::default().retry);
        let step = self.step_of(id);
        // Nothing is lost by looking again, or by taking back again.
        let harmless = crate::workflow::document::Effects::Read;
        let attempt = match id.kind {
            AttemptKind::Do if self.is_stopping() => return None,
            AttemptKind::Do => Try { policy: &step.retry, effects: step.effects, number, stopped },
            AttemptKind::Check => Try { policy: &once, effects: harmless, number, stopped },
            AttemptKind::Undo if self.abandoned => return None,
            AttemptKind::Undo => {
                let policy = step.rollback.as_ref().map_or(&once, |rollback| &rollback.retry);
                Try { policy, effects: harmless, number, stopped }
            }
            AttemptKind::Handler if self.abandoned => return None,
            AttemptKind::Handler => Try { policy: &step.retry, effects: step.effects, number, stopped },
        };
        outcome::retry_at(&attempt, outcome, now, dice)
    }

    /// Attempts that should be running now. The driver starts those it does not run yet, each id at
    /// most once, and stops those that are no longer here.
    #[must_use]
    pub fn wanted(&self) -> &BTreeSet<AttemptId> {
        &self.wanted
    }

    /// The wanted attempts and those that are asked to end: each will be the subject of exactly one
    /// `Finished` or `Lost` input. One that was asked to end before the driver began it is `Finished` as
    /// `Stopped`.
    #[must_use]
    pub fn in_flight(&self) -> &BTreeSet<AttemptId> {
        &self.in_flight
    }

    /// The planned step or handler that an attempt belongs to; for a check of the workflow's own
    /// preconditions, a step that carries the workflow's name and runner.
    #[must_use]
    pub fn step_of(&self, id: AttemptId) -> &PlannedStep {
        let step = match id.kind {
            AttemptKind::Handler => self.handler(id.step),
            AttemptKind::Check if id.step == WORKFLOW => None,
            AttemptKind::Do | AttemptKind::Undo | AttemptKind::Check => self.plan.steps.get(id.step as usize),
        };
        step.unwrap_or(&self.workflow_step)
    }

    /// The earliest time at which [`Input::Tick`] would do something; ticks before that are harmless.
    #[must_use]
    pub fn wake_at(&self) -> Option<Millis> {
        let deadline = self.deadlines.first().map(|(at, _)| *at);
        let blocked = self.paused || self.is_stopping() && !self.is_forward_over();
        let delay = self.delays.first().map(|(at, _)| *at).filter(|_| !blocked);
        deadline.into_iter().chain(delay).min()
    }

    /// The status that readers are shown.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        if let Some(ended) = &self.ended {
            return ended.verdict.into();
        }
        if self.started_at.is_none() {
            return RunStatus::Pending;
        }
        if self.paused {
            return RunStatus::Paused;
        }
        if self.rollback.as_ref().is_some_and(|rollback| rollback.verdict.is_none()) {
            return RunStatus::RollingBack;
        }
        if self.cancel.is_some() {
            return RunStatus::Cancelling;
        }
        if self.in_flight.is_empty() && !self.active.is_empty() { RunStatus::Waiting } else { RunStatus::Running }
    }

    /// How the run ended, when it has.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        self.ended.as_ref().map(|ended| ended.verdict)
    }

    /// How many records the run consists of: the number of the latest one.
    #[must_use]
    pub fn records_applied(&self) -> u64 {
        self.records
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
}
